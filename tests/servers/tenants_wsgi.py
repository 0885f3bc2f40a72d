"""A Flask application that records a run per request, of whom the middleware says it is for."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import flask

import contextcompany as tcc

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from wsgiref.types import StartResponse, WSGIEnvironment

inner = flask.Flask(__name__)


@inner.get("/call/<number>")
def while_it_is_called(number: str) -> str:
    """Record in the view."""
    flask.g.user = flask.request.headers.get("X-User")
    with tcc.run(f"call/{number}") as r:
        r.prompt("p").step().prompt("q").response("a").end()
    return "done"


@inner.get("/stream/<number>")
def while_it_is_sent(number: str) -> flask.Response:
    """Record while the body is sent."""
    flask.g.user = flask.request.headers.get("X-User")

    def body() -> Iterator[bytes]:
        with tcc.run(f"stream/{number}") as r:
            r.prompt("p")
            yield b"do"
            tcc.step().prompt("q").response("a").end()
            yield b"ne"

    return flask.Response(flask.stream_with_context(body()))


_identified = tcc.WSGIMiddleware(
    inner,
    session=lambda environ: environ.get("HTTP_X_SESSION"),
    user=lambda environ: flask.g.user,  # asked inside of the view, where Flask's request is known
    org=lambda environ: environ.get("HTTP_X_ORG"),
)


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Record a run outside of the middleware, then pass the request on."""
    tcc.run(f"outside/{uuid4()}").prompt("p").end()
    return _identified(environ, start_response)
