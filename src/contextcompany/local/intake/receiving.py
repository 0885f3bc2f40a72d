"""Bodies of requests as they arrive: bounds of size, of time, and of the memory of all of them together."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from contextcompany.local.otlp.answers import JSON, PROTOBUF
from contextcompany.local.otlp.bodies import MAX_BODY_BYTES, RefusedError, known_encoding, too_large

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Collection

    from starlette.requests import Request

# Two of the largest; a sender that is told to wait sends again.
_MOST_BYTES_AT_ONCE: Final = 2 * MAX_BODY_BYTES
_PIECE_BYTES: Final = 256 * 1024
_LENGTH: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
_RETRY_SECONDS: Final = "1"


@dataclass(frozen=True, slots=True)
class Arrived:
    """A body off the wire, still in its content encoding; `content_type` is without parameters."""

    content_type: str
    encoding: str
    pieces: list[bytes]


class Receiver:
    """Take bodies off the wire, for one event loop.

    Args:
        seconds: How long a body may take to arrive.
        most_bytes: How much all bodies that are being received or read may weigh together.
    """

    def __init__(self, *, seconds: float = 30.0, most_bytes: int = _MOST_BYTES_AT_ONCE) -> None:
        self._seconds = seconds
        self._most_bytes = most_bytes
        self._bytes = 0

    @asynccontextmanager
    async def body(self, request: Request, content_types: Collection[str]) -> AsyncGenerator[Arrived]:
        """Receive the body of a request; its bytes count as in use until the block ends.

        Raises:
            RefusedError: 408 for a body that is too slow, 413 for one that is too large, 415 for a content
                type or an encoding that is not taken, 503 where too much arrives at once.
            ClientDisconnect: The sender left.
        """
        content_type = content_type_of(request)
        if content_type not in content_types:
            raise RefusedError(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                f"the content type must be {' or '.join(content_types)}, got {content_type[:100]!r}",
                (("Accept-Post", ", ".join(content_types)),),
            )
        encoding = known_encoding(request.headers.get("content-encoding"))
        length = request.headers.get("content-length", "0")
        if not _LENGTH.fullmatch(length) or int(length) > MAX_BODY_BYTES:
            raise too_large(MAX_BODY_BYTES, "before")
        size = 0
        pieces: list[bytes] = []
        try:
            async with self._deadline():
                async for piece in request.stream():
                    size += len(piece)
                    self._bytes += len(piece)
                    self._check(size)
                    # Small pieces, since a large one is copied for each megabyte that is inflated from it.
                    pieces += (piece[at : at + _PIECE_BYTES] for at in range(0, len(piece), _PIECE_BYTES))
            yield Arrived(content_type, encoding, pieces)
        finally:
            self._bytes -= size

    def _check(self, size: int) -> None:
        if size > MAX_BODY_BYTES:
            raise too_large(MAX_BODY_BYTES, "before")
        if self._bytes > self._most_bytes:
            raise RefusedError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "too much arrives at once; send it again",
                (("Retry-After", _RETRY_SECONDS),),
            )

    @asynccontextmanager
    async def _deadline(self) -> AsyncGenerator[None]:
        try:
            async with asyncio.timeout(self._seconds):
                yield
        except TimeoutError:
            raise RefusedError(
                HTTPStatus.REQUEST_TIMEOUT,
                f"the body did not arrive within {self._seconds:g} s",
                (("Connection", "close"),),
            ) from None


def content_type_of(request: Request) -> str:
    """Return the content type of a request in lower case and without parameters, `none` without one."""
    return request.headers.get("content-type", "none").partition(";")[0].strip().lower()


OTLP_TYPES: Final = (PROTOBUF, JSON)
"""The content types of OTLP/HTTP."""
