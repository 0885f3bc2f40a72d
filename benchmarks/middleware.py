"""What the middleware costs a request, beside the same application without it.

The applications do nothing, so that the difference is all ours: with 18 headers of others, with a carrier
beside them, and for WSGI with a body that is there and one that is produced in two parts. For comparison,
what an empty run costs in the same process; the middleware records none by itself.

    python benchmarks/middleware.py [ROUNDS]
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import TYPE_CHECKING, Any

import contextcompany as tcc
from contextcompany.delivery.outbox.outbox import Outbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

REQUESTS_PER_ROUND = 2_000
HEADERS = [(f"header-{number}".encode(), b"value") for number in range(18)]
CARRIER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    """Do nothing."""
    del scope, receive, send


def list_body(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answer with a body that is there."""
    del environ, start_response
    return [b"1", b"2"]


def streamed_body(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
    """Answer with a body in two parts."""
    del environ, start_response
    yield b"1"
    yield b"2"


def asgi_request(app: Any, headers: list[tuple[bytes, bytes]]) -> Callable[[], None]:
    """Return a request to an application that never waits."""

    def request() -> None:
        call = app({"type": "http", "headers": headers}, None, None)
        try:
            call.send(None)
        except StopIteration:
            return

    return request


def wsgi_request(app: Any) -> Callable[[], None]:
    """Return a request whose body is read and closed as servers do it."""

    def request() -> None:
        body = app({"HTTP_HOST": "localhost", "PATH_INFO": "/"}, None)
        for _ in body:
            pass
        if hasattr(body, "close"):
            body.close()

    return request


def empty_run() -> None:
    """Record a run that has nothing but a prompt."""
    tcc.run().prompt("p").end()


def microseconds(request: Callable[[], None]) -> float:
    """Return the time of one request, as the mean of a round."""
    began = time.perf_counter()
    for _ in range(REQUESTS_PER_ROUND):
        request()
    return (time.perf_counter() - began) / REQUESTS_PER_ROUND * 1e6


def main(rounds: int) -> None:
    """Print the medians of what the middleware adds."""
    Outbox.submit = lambda *_: None  # type: ignore[method-assign]
    tcc.configure(tcc_url="http://127.0.0.1:9")
    wrapped = tcc.ASGIMiddleware(asgi, user=lambda _: "user-1")
    carried = [*HEADERS, (b"traceparent", CARRIER.encode())]
    pairs = {
        "ASGI": (asgi_request(asgi, HEADERS), asgi_request(wrapped, HEADERS)),
        "ASGI with a carrier": (asgi_request(asgi, carried), asgi_request(wrapped, carried)),
        "WSGI": (wsgi_request(list_body), wsgi_request(tcc.WSGIMiddleware(list_body))),
        "WSGI in two parts": (wsgi_request(streamed_body), wsgi_request(tcc.WSGIMiddleware(streamed_body))),
    }
    run = statistics.median(microseconds(empty_run) for _ in range(rounds))
    for name, (bare, ours) in pairs.items():
        added = statistics.median(microseconds(ours) - microseconds(bare) for _ in range(rounds))
        print(f"{name}: {added:.1f} µs a request, {added / run:.2f} times an empty run ({run:.0f} µs)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 9)
