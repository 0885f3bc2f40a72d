"""Bodies are bounded in size and in time; what comes after a body is not."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from contextcompany.local.server.bounds import MOST_BYTES, BodyBounds

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import Message, Receive, Scope, Send


async def _length(request: Request) -> JSONResponse:
    return JSONResponse(len(await request.body()))


async def _patient(scope: Scope, receive: Receive, send: Send) -> None:
    """Take the body, then wait for the end of the connection, as a stream of events does."""
    await receive()
    while (await receive())["type"] != "http.disconnect":
        pass
    await PlainTextResponse("left")(scope, receive, send)


def _answer(path: str, pieces: list[bytes | None], *, seconds: float = 5.0) -> tuple[int, bytes]:
    """Send the pieces of a body, None for a sender that does not go on."""
    routes = [Route("/{path:path}", _length, methods=["POST"])]
    app = BodyBounds(_patient if path == "/live" else Starlette(routes=routes), seconds=seconds)
    waiting = list(pieces)
    sent: list[Message] = []

    async def receive() -> Message:
        if not waiting:
            # Later than the bound on bodies.
            await asyncio.sleep(seconds * 2)
            return {"type": "http.disconnect"}
        piece = waiting.pop(0)
        if piece is None:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": piece or b"", "more_body": bool(waiting)}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": []}
    asyncio.run(app(scope, receive, send))
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent)


def test_a_body_may_be_as_large_as_the_bound_and_no_larger() -> None:
    """However it is cut into pieces, one byte too many is refused."""
    half = b"x" * (MOST_BYTES // 2)
    assert _answer("/runs/x/feedback", [half, half]) == (200, str(MOST_BYTES).encode())
    assert _answer("/runs/x/feedback", [half, b"x", half])[0] == 413


def test_a_sender_that_stops_is_given_up() -> None:
    """A body that does not go on is answered 408 once its time is over."""
    status, body = _answer("/login", [b"x", None], seconds=0.05)
    assert status == 408
    assert b"0.05 seconds" in body


def test_spans_and_imports_have_bounds_of_their_own() -> None:
    """What takes in spans reads bodies that are larger."""
    large = b"x" * (MOST_BYTES + 1)
    for path in ("/v1/traces", "/api/import"):
        assert _answer(path, [large])[0] == 200


def test_waiting_for_the_end_of_a_connection_takes_as_long_as_it_takes() -> None:
    """A live page stays open beyond the time that a body may take."""
    assert _answer("/live", [b""], seconds=0.05) == (200, b"left")
