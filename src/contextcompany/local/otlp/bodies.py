"""Request bodies off the wire: length or chunks, gzip or deflate, never more than the bounds allow."""

from __future__ import annotations

import re
import zlib
from http import HTTPStatus
from io import BytesIO
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from email.message import Message
    from io import BufferedIOBase

MAX_BODY_BYTES: Final = 64 * 1024 * 1024
"""The largest body taken off the wire, the limit of OTLP exporters."""

MAX_DECOMPRESSED_BYTES: Final = 64 * 1024 * 1024
"""The largest body after decompression: what may be sent as it is may be sent compressed."""

LARGE_BODY_BYTES: Final = 8 * 1024 * 1024
"""From here on a body is large enough that many of them at once would fill the memory."""

_READ_BYTES: Final = 256 * 1024
_INFLATE_BYTES: Final = 1024 * 1024
_LINE_BYTES: Final = 1024
_MOST_TRAILERS: Final = 100
_LENGTH: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
_CHUNK_SIZE: Final = re.compile(rb"([0-9a-fA-F]{1,15})[ \t]*(?:;.*)?\r?\n")
# What zlib calls the container: 16 added to the window size means gzip.
_WINDOW_BITS: Final = {"gzip": 31, "x-gzip": 31, "deflate": 15}


class RefusedError(Exception):
    """A request is answered with an error; carries the HTTP status and the reason for the sender."""

    def __init__(self, status: HTTPStatus, reason: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.headers = headers


def has_body(headers: Message) -> bool:
    """Tell whether a body follows the headers of a request, without a look at whether it is acceptable."""
    return "Transfer-Encoding" in headers or headers.get("Content-Length", "0").strip() != "0"


def read_body(stream: BufferedIOBase, headers: Message, when_large: Callable[[], object]) -> bytes:
    """Read the body of a request and undo its content encoding.

    Args:
        stream: Where the body follows; it is read no further than the body's end.
        headers: The headers of the request.
        when_large: Called once when the body turns out to be larger than LARGE_BODY_BYTES; may block.

    Raises:
        RefusedError: 400 for a body that is cut off or breaks its encoding, 411 without a length, 413 beyond
            a bound, 415 for an encoding that is not known.
        EOFError: The sender closed the connection before the end of the body.
    """
    encoding = known_encoding(headers.get("Content-Encoding"))
    return joined(_pieces(stream, headers), encoding, when_large)


def known_encoding(header: str | None) -> str:
    """Return the content encoding that a header names, in lower case; RefusedError if it is not known."""
    encoding = (header or "").strip().lower() or "identity"
    if encoding not in {*_WINDOW_BITS, "identity"}:
        raise RefusedError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"the content encoding {encoding[:60]!r} is not known; send gzip, deflate or none",
            (("Accept-Encoding", "gzip, deflate"),),
        )
    return encoding


def joined(pieces: Iterable[bytes], encoding: str, when_large: Callable[[], object]) -> bytes:
    """Put the pieces of a body together and undo its content encoding.

    Args:
        pieces: As they came off the wire. Small ones: what is left of a piece is copied for every megabyte
            that comes out of it.
        encoding: What `known_encoding` returned.
        when_large: Called once when the body turns out to be larger than LARGE_BODY_BYTES; may block.

    Raises:
        RefusedError: 400 for a body that breaks its encoding, 413 beyond the bound.
    """
    if encoding in _WINDOW_BITS:
        pieces = _decompressed(pieces, _WINDOW_BITS[encoding])
    # It gives its bytes away without a copy.
    body = BytesIO()
    for piece in pieces:
        if body.tell() <= LARGE_BODY_BYTES < body.tell() + len(piece):
            when_large()
        body.write(piece)
    return body.getvalue()


def _pieces(stream: BufferedIOBase, headers: Message) -> Iterator[bytes]:
    lengths = set(headers.get_all("Content-Length", ()))
    transfer = headers.get("Transfer-Encoding")
    if transfer is not None:
        if transfer.strip().lower() != "chunked" or lengths:
            raise RefusedError(
                HTTPStatus.BAD_REQUEST,
                "the transfer encoding must be 'chunked', without a Content-Length beside it",
            )
        return _chunks(stream)
    if not lengths:
        raise RefusedError(HTTPStatus.LENGTH_REQUIRED, "neither Content-Length nor chunks: send one of them")
    length = lengths.pop().strip()
    if lengths or not _LENGTH.fullmatch(length):
        raise RefusedError(HTTPStatus.BAD_REQUEST, f"Content-Length must be one number, got {length[:60]!r}")
    if int(length) > MAX_BODY_BYTES:
        raise too_large(MAX_BODY_BYTES, "before")
    return _exactly(stream, int(length))


def _exactly(stream: BufferedIOBase, length: int) -> Iterator[bytes]:
    while length:
        piece = stream.read(min(length, _READ_BYTES))
        if not piece:
            raise EOFError
        length -= len(piece)
        yield piece


def _chunks(stream: BufferedIOBase) -> Iterator[bytes]:
    total = 0
    while True:
        size = _CHUNK_SIZE.fullmatch(_line(stream))
        if size is None:
            raise RefusedError(
                HTTPStatus.BAD_REQUEST, "a chunk must begin with its size in hexadecimal digits"
            )
        length = int(size[1], 16)
        if length == 0:
            break
        total += length
        if total > MAX_BODY_BYTES:
            raise too_large(MAX_BODY_BYTES, "before")
        yield from _exactly(stream, length)
        if _line(stream).strip():
            raise RefusedError(HTTPStatus.BAD_REQUEST, "a chunk is longer than its size says")
    for _ in range(_MOST_TRAILERS):
        if not _line(stream).strip():
            return
    raise RefusedError(HTTPStatus.BAD_REQUEST, f"more than {_MOST_TRAILERS} trailers follow the last chunk")


def _line(stream: BufferedIOBase) -> bytes:
    line = stream.readline(_LINE_BYTES)
    if not line:
        raise EOFError
    return line


def _decompressed(pieces: Iterable[bytes], window_bits: int) -> Iterator[bytes]:
    inflater = zlib.decompressobj(window_bits)
    total = 0
    for piece in pieces:
        rest = piece
        while rest:
            if inflater.eof:
                # A gzip file may have several members, and zeros as padding after the last.
                rest = rest.lstrip(b"\0")
                if rest:
                    inflater = zlib.decompressobj(window_bits)
                continue
            try:
                inflated = inflater.decompress(rest, _INFLATE_BYTES)
            except zlib.error as error:
                reason = f"decompressing the body failed: {error}"
                raise RefusedError(HTTPStatus.BAD_REQUEST, reason) from error
            total += len(inflated)
            if total > MAX_DECOMPRESSED_BYTES:
                raise too_large(MAX_DECOMPRESSED_BYTES, "after")
            yield inflated
            # What still waits for room in the output comes with the next input: an end mark always follows.
            rest = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
    if not inflater.eof:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "the compressed body ends before its end mark")


def too_large(limit: int, moment: str) -> RefusedError:
    """Make the refusal of a body that passed a limit in bytes, `before` or `after` its decompression."""
    return RefusedError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"the body is larger than {limit // (1024 * 1024)} MiB {moment} decompression; send smaller batches",
    )
