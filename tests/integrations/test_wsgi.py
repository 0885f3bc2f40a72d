"""WSGI middleware: identity and carrier of a request, also while its body is produced, and nowhere else."""

from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING, Any
from wsgiref.util import FileWrapper, setup_testing_defaults
from wsgiref.validate import validator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace

import contextcompany as tcc
from contextcompany.integrations.wsgi import carrier_of
from contextcompany.testing import capture
from tests.integrations.requests import SPAN_ID, TRACE_ID, TRACEPARENT, current, places, record, runs

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from wsgiref.types import WSGIApplication

    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from contextcompany.testing import Captured


def environ_of(path: str, **headers: str) -> dict[str, Any]:
    """Return the environ of a request."""
    environ: dict[str, Any] = {"PATH_INFO": f"/{path}", **headers}
    setup_testing_defaults(environ)
    return environ


def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[..., Any]:
    """Begin a response that goes nowhere."""
    return lambda data: None


def ask(app: WSGIApplication, path: str, **headers: str) -> bytes:
    """Do what a server does with one request, and hold after each piece that nothing of it stays."""
    before = current()
    body = app(environ_of(path, **headers), start_response)
    assert current() == before
    parts: list[bytes] = []
    try:
        for part in body:
            assert current() == before
            parts.append(part)
    finally:
        if hasattr(body, "close"):
            body.close()
    assert current() == before
    return b"".join(parts)


def recording(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Record a run that the path names."""
    record(environ["PATH_INFO"][1:])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"done"]


def streaming(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
    """Record a run around a body, and one in each of its parts."""
    path = environ["PATH_INFO"][1:]
    start_response("200 OK", [("Content-Type", "text/plain")])
    with tcc.run(path).prompt("p") as r:
        for part in ("1", "2"):
            record(f"{path}-{part}")
            yield part.encode()
        r.response("12")


def test_a_request_says_who_its_runs_are_for(captured: Captured) -> None:
    """Each function finds its part in the environ; a request of whom it finds nothing has none."""
    app = tcc.WSGIMiddleware(
        recording,
        session=lambda environ: environ.get("HTTP_X_SESSION"),
        user=lambda environ: environ.get("HTTP_X_USER"),
        user_name=lambda environ: environ.get("HTTP_X_NAME"),
        org=lambda environ: environ.get("HTTP_X_ORG"),
        org_name=lambda environ: environ.get("HTTP_X_ORG_NAME"),
    )
    said = {"HTTP_X_SESSION": "s-1", "HTTP_X_USER": "u-1", "HTTP_X_NAME": "Ada", "HTTP_X_ORG": "o-1"}
    ask(app, "a", **said, HTTP_X_ORG_NAME="Engines")
    ask(app, "b")
    assert runs(captured) == {
        "a": {
            "tcc.sessionId": "s-1",
            "tcc.userId": "u-1",
            "tcc.userName": "Ada",
            "tcc.orgId": "o-1",
            "tcc.orgName": "Engines",
        },
        "b": {},
    }


def test_a_streamed_body(captured: Captured) -> None:
    """A body that is produced while it is sent has the identity and the trace, in each of its parts."""
    app = tcc.WSGIMiddleware(streaming, user=lambda environ: environ["HTTP_X_USER"])
    assert ask(app, "a", HTTP_X_USER="u-1", HTTP_TRACEPARENT=TRACEPARENT) == b"12"
    assert runs(captured) == {run_id: {"tcc.userId": "u-1"} for run_id in ("a", "a-1", "a-2")}
    found = places(captured)
    (run,) = (span for span in captured.spans if (span.attributes or {})["tcc.runId"] == "a")
    inside = (TRACE_ID, trace.format_span_id(run.context.span_id))
    assert found == {"a": (TRACE_ID, SPAN_ID), "a-1": inside, "a-2": inside}


def test_bodies_in_turns(captured: Captured) -> None:
    """One thread that produces the bodies of two tenants in turns mixes nothing."""
    app = tcc.WSGIMiddleware(streaming, org=lambda environ: environ["HTTP_X_ORG"])
    before = current()
    traced = {org: f"00-{number:032x}-{number:016x}-01" for number, org in enumerate(("o-1", "o-2"), start=1)}
    bodies = [
        app(environ_of(org, HTTP_X_ORG=org, HTTP_TRACEPARENT=traceparent), start_response)
        for org, traceparent in traced.items()
    ]
    record("between")
    for parts in zip(*bodies, strict=True):
        assert parts in ((b"1", b"1"), (b"2", b"2"))
        assert current() == before
    assert current() == before
    assert runs(captured) == {
        "between": {},
        **{f"{org}{part}": {"tcc.orgId": org} for org in traced for part in ("", "-1", "-2")},
    }
    found = places(captured)
    assert {org: found[org] for org in traced} == {
        org: (f"{number:032x}", f"{number:016x}") for number, org in enumerate(traced, start=1)
    }
    assert [found[f"{org}-2"][0] for org in traced] == [found[org][0] for org in traced]
    assert found["between"][1] is None


def test_a_body_in_another_thread(captured: Captured) -> None:
    """A server may send the body from another thread than it called the application in."""
    app = tcc.WSGIMiddleware(streaming, user=lambda _: "u-1")
    body = app(environ_of("a"), start_response)
    sent: list[bytes] = []
    sender = threading.Thread(target=lambda: sent.extend(body))
    sender.start()
    sender.join()
    assert sent == [b"1", b"2"]
    assert runs(captured) == {run_id: {"tcc.userId": "u-1"} for run_id in ("a", "a-1", "a-2")}


def test_a_body_that_is_not_sent_to_its_end(captured: Captured) -> None:
    """A body closes the application's one, inside of the request; one that nobody closes disturbs nobody."""
    app = tcc.WSGIMiddleware(streaming, user=lambda _: "u-1")
    before = current()
    body: Any = app(environ_of("closed", HTTP_TRACEPARENT=TRACEPARENT), start_response)
    next(body)
    body.close()
    dropped: Any = app(environ_of("dropped", HTTP_TRACEPARENT=TRACEPARENT), start_response)
    next(dropped)
    del dropped
    assert current() == before
    record("after")
    assert runs(captured) == {
        **{run_id: {"tcc.userId": "u-1"} for run_id in ("closed", "closed-1", "dropped", "dropped-1")},
        "after": {},
    }
    assert places(captured)["after"][1] is None


class Body:
    """A body that records when it is closed, and knows its length."""

    def __init__(self) -> None:
        self.left = [b"1"]

    def __len__(self) -> int:
        return len(self.left)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.left)

    def close(self) -> None:
        """Record a run."""
        record("closing")


def test_the_length_and_the_end_of_a_body(captured: Captured) -> None:
    """A body that knows its length still does, and is closed inside of its request."""
    app = tcc.WSGIMiddleware(lambda environ, start: Body(), user=lambda _: "u-1")
    body: Any = app(environ_of(""), start_response)
    assert len(body) == 1
    assert list(body) == [b"1"]
    body.close()
    assert runs(captured) == {"closing": {"tcc.userId": "u-1"}}


def test_a_body_without_a_length(captured: Captured) -> None:
    """A body that does not know its length does not claim one: servers ask."""
    body: Any = tcc.WSGIMiddleware(streaming)(environ_of("a"), start_response)
    assert not hasattr(body, "__len__")
    with pytest.raises(TypeError):
        len(body)


@pytest.mark.parametrize(
    "body", [[b"1"], (b"1", b"2"), FileWrapper(io.BytesIO(b"12"))], ids=["list", "tuple", "file"]
)
def test_bodies_that_are_not_wrapped(body: Iterable[bytes]) -> None:
    """What is there already, and the server's own wrapper for files, comes back as it is."""
    app = tcc.WSGIMiddleware(lambda environ, start: body)
    environ = {**environ_of(""), "wsgi.file_wrapper": FileWrapper}
    assert app(environ, start_response) is body


def test_the_rules_of_wsgi(captured: Captured) -> None:
    """The validator of the standard library has no complaint, neither inside nor outside."""
    app: Any = validator(tcc.WSGIMiddleware(validator(streaming), user=lambda _: "u-1"))
    environ = {**environ_of("a"), "QUERY_STRING": "", "SCRIPT_NAME": ""}
    body = app(environ, lambda status, headers, exc_info=None: lambda data: None)
    assert list(body) == [b"1", b"2"]
    body.close()
    assert set(runs(captured)) == {"a", "a-1", "a-2"}


def test_an_application_that_fails(captured: Captured) -> None:
    """What the application raises, at once or while its body is sent, goes on and leaves nothing behind."""

    def at_once(environ: Any, start_response: Any) -> Iterable[bytes]:
        tcc.run("left-open").__enter__()
        raise KeyError("x")

    def later(environ: Any, start_response: Any) -> Iterator[bytes]:
        yield b"1"
        tcc.run("left-open").__enter__()
        raise KeyError("x")

    for broken in (at_once, later):
        with pytest.raises(KeyError, match="x"):
            ask(tcc.WSGIMiddleware(broken, user=lambda _: "u-1"), "a", HTTP_TRACEPARENT=TRACEPARENT)
    record("after")
    assert runs(captured)["after"] == {}


def test_the_trace_of_the_caller(captured: Captured) -> None:
    """A run of a request nests under the span that its headers name, unless the carrier is not trusted."""
    ask(tcc.WSGIMiddleware(recording), "trusting", HTTP_TRACEPARENT=TRACEPARENT)
    ask(tcc.WSGIMiddleware(recording, continues="nothing"), "careful", HTTP_TRACEPARENT=TRACEPARENT)
    found = places(captured)
    assert found["trusting"] == (TRACE_ID, SPAN_ID)
    assert found["careful"][1] is None


def test_the_application_traces_by_itself(
    captured: Captured, application: tuple[TracerProvider, InMemorySpanExporter]
) -> None:
    """Where the application has spans of its own, runs nest under them and its context is untouched."""
    provider, exporter = application
    tracer = provider.get_tracer("app")

    def traced(environ: Any, start_response: Any) -> Generator[bytes]:
        with tracer.start_as_current_span("GET"):
            yield from streaming(environ, start_response)

    body = tcc.WSGIMiddleware(traced)(environ_of("a"), start_response)
    for _ in body:
        # As it is without this package: a generator's own spans are seen by whoever drives it.
        assert trace.get_current_span().get_span_context().is_valid
        assert set(current()[:-1]) == {None}
    (span,) = exporter.get_finished_spans()
    assert places(captured)["a"][1] == trace.format_span_id(span.context.span_id)


def test_middleware_inside_of_middleware(captured: Captured) -> None:
    """Two of them in one request add up."""
    inner = tcc.WSGIMiddleware(streaming, user=lambda _: "u-1")
    ask(tcc.WSGIMiddleware(inner, org=lambda _: "o-1"), "a", HTTP_TRACEPARENT=TRACEPARENT)
    assert runs(captured)["a-2"] == {"tcc.orgId": "o-1", "tcc.userId": "u-1"}
    assert places(captured)["a"] == (TRACE_ID, SPAN_ID)


def test_what_is_no_function() -> None:
    """A value in the place of a function is misuse, which says so at once."""
    text: Any = "s-1"
    with pytest.raises(TypeError, match="session must be a plain function of the request: got str"):
        tcc.WSGIMiddleware(recording, session=text)


_VALUES = st.one_of(st.text(), st.binary(), st.none(), st.integers())


@given(st.dictionaries(st.sampled_from(["HTTP_TRACEPARENT", "HTTP_TRACESTATE", "HTTP_BAGGAGE"]), _VALUES))
def test_any_headers_are_no_reason_to_fail(headers: dict[str, Any]) -> None:
    """Malformed headers of any type raise nothing, and the run of the request is recorded."""
    with capture() as captured:
        ask(tcc.WSGIMiddleware(recording), "a", **headers)
        assert runs(captured) == {"a": {}}


def test_headers_of_a_carrier() -> None:
    """The three headers are read, empty ones and others are not."""
    environ = environ_of(
        "", HTTP_TRACEPARENT="t", HTTP_BAGGAGE="a=1,b=2", HTTP_TRACESTATE="", HTTP_COOKIE="c"
    )
    assert carrier_of(environ) == {"traceparent": "t", "baggage": "a=1,b=2"}
