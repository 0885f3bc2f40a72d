"""The framing of protobuf, so that a request is taken apart span by span and never parsed as a whole.

A parser that builds all messages at once needs up to a hundred times the bytes of a hostile body, and one
broken span costs the whole request. Definition: https://protobuf.dev/programming-guides/encoding/.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeAlias

    Fields: TypeAlias = dict[int, "Fields"]

_VARINT: Final = 0
_FIXED64: Final = 1
_LENGTH: Final = 2
_FIXED32: Final = 5
_MOST_VARINT_BITS: Final = 63


class FramingError(ValueError):
    """Bytes are no message in protobuf."""


def messages(body: bytes, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Walk over the fields of a message and return those that have a length: messages, texts, bytes.

    Args:
        body: What holds the message.
        start: Where the message begins.
        end: Where it ends.

    Returns:
        For each the number of the field, and where its content begins and ends.

    Raises:
        FramingError: A field does not end where the message does, or is none.
    """
    at = start
    while at < end:
        tag = body[at]
        at += 1
        if tag > 127:  # noqa: PLR2004  (seven bits to a byte)
            tag, at = _varint(body, at - 1, end)
        kind = tag & 7
        if kind == _LENGTH:
            size, at = _varint(body, at, end)
            stop = at + size
            if stop > end:
                raise _broken()
            yield tag >> 3, at, stop
            at = stop
        elif kind == _VARINT:
            _, at = _varint(body, at, end)
        elif kind == _FIXED64:
            at += 8
        elif kind == _FIXED32:
            at += 4
        else:
            raise _broken()
    if at != end:
        raise _broken()


def holds_more(body: bytes, start: int, end: int, fields: Fields, most: int) -> bool:
    """Tell whether more than `most` messages stand in a message, those inside of them included.

    Parsed, the smallest of them weighs a hundred times its bytes, so that this is asked before.

    Args:
        body: What holds the message.
        start: Where the message begins.
        end: Where it ends.
        fields: The fields that are messages, with those that are messages in them.
        most: So many it may hold.

    Raises:
        FramingError: It is no message.
    """
    waiting = [(start, end, fields)]
    count = 0
    while waiting:
        at, stop, inside = waiting.pop()
        for number, first, last in messages(body, at, stop):
            count += 1
            if count > most:
                return True
            if first < last and number in inside:
                waiting.append((first, last, inside[number]))
    return False


def field_of(number: int, *pieces: bytes) -> bytes:
    """Write a field that has a length: the pieces of its content one after another.

    Args:
        number: The number of the field, below 16.
        pieces: Its content.
    """
    size = sum(map(len, pieces))
    head = bytearray((number << 3 | _LENGTH,))
    while size > 127:  # noqa: PLR2004  (seven bits to a byte)
        head.append(size & 127 | 128)
        size >>= 7
    head.append(size)
    return b"".join((head, *pieces))


def _varint(body: bytes, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while at < end:
        byte = body[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:  # noqa: PLR2004  (the last byte has its highest bit clear)
            return value, at
        shift += 7
        if shift > _MOST_VARINT_BITS:
            break
    raise _broken()


def _broken() -> FramingError:
    return FramingError("a field of the message has no valid tag or end")
