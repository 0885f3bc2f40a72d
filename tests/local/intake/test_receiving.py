"""Bodies are received within bounds of size, of time, and of the memory of all of them together."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from starlette.requests import ClientDisconnect, Request

from contextcompany.local.intake.receiving import OTLP_TYPES, Receiver
from contextcompany.local.otlp import bodies
from contextcompany.local.otlp.bodies import RefusedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


def _request(*pieces: bytes, ends: bool = True, **headers: str) -> Request:
    """Build a request whose body arrives in pieces, and then ends or does not go on."""
    waiting = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]

    async def receive() -> dict[str, Any]:
        if waiting:
            return waiting.pop(0)
        if not ends:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": b"", "more_body": False}

    headers = {"Content_Type": "application/json", **headers}
    raw = [(name.lower().replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "POST", "path": "/", "headers": raw}, receive)


async def _received(receiver: Receiver, request: Request) -> bytes:
    async with receiver.body(request, OTLP_TYPES) as arrived:
        assert all(len(piece) <= 256 * 1024 for piece in arrived.pieces)
        return b"".join(arrived.pieces)


async def test_a_body_arrives_whole() -> None:
    """Content type and encoding come in lower case and bare, a large piece as small ones."""
    large = bytes(range(256)) * 4_096
    request = _request(
        b"a", large, b"b", Content_Type="Application/JSON; charset=utf-8", Content_Encoding="GZIP"
    )
    async with Receiver().body(request, OTLP_TYPES) as arrived:
        assert (arrived.content_type, arrived.encoding) == ("application/json", "gzip")
    assert await _received(Receiver(), _request(b"a", large, b"b")) == b"a" + large + b"b"


async def test_a_body_that_does_not_come_to_an_end_is_given_up() -> None:
    """The time counts for the whole body, and the connection is closed."""
    with pytest.raises(RefusedError) as caught:
        await _received(Receiver(seconds=0.05), _request(b"a", ends=False))
    assert (caught.value.status, caught.value.headers) == (408, (("Connection", "close"),))


async def test_a_body_beyond_the_bound_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Announced or not, the bound is that of the wire."""
    monkeypatch.setattr("contextcompany.local.intake.receiving.MAX_BODY_BYTES", 10)
    assert await _received(Receiver(), _request(b"x" * 10)) == b"x" * 10
    for request in (_request(b"x" * 6, b"x" * 5), _request(b"", Content_Length="11")):
        with pytest.raises(RefusedError) as caught:
            await _received(Receiver(), request)
        assert caught.value.status == 413
    assert bodies.MAX_BODY_BYTES == 64 * 1024 * 1024


async def test_bodies_that_are_too_much_together_are_sent_again_later() -> None:
    """What is in use counts until it was read; then there is room again, whatever became of the others."""
    receiver = Receiver(most_bytes=10)
    async with receiver.body(_request(b"x" * 8), OTLP_TYPES):
        with pytest.raises(RefusedError) as caught:
            await _received(receiver, _request(b"x" * 3))
        assert (caught.value.status, caught.value.headers) == (503, (("Retry-After", "1"),))
        assert await _received(receiver, _request(b"x" * 2)) == b"xx"
    with pytest.raises(RefusedError):
        await _received(receiver, _request(b"x" * 11))
    assert await _received(receiver, _request(b"x" * 10)) == b"x" * 10


async def test_a_sender_that_leaves_gives_its_room_back() -> None:
    """The bytes that had come are not counted for ever."""

    async def gone(self: Request) -> AsyncIterator[bytes]:
        yield b"x" * 9
        raise ClientDisconnect

    receiver = Receiver(most_bytes=10)
    request = _request()
    request.stream = gone.__get__(request)  # type: ignore[method-assign]
    with pytest.raises(ClientDisconnect):
        await _received(receiver, request)
    assert await _received(receiver, _request(b"x" * 10)) == b"x" * 10
