"""The few pieces of the protobuf wire format that OTLP is made of.

Defined in https://protobuf.dev/programming-guides/encoding/.
"""

from __future__ import annotations

from typing import Final

_BITS: Final = 7  # of a number that one byte of a varint holds
_MORE: Final = 1 << _BITS
_TWO_BYTES: Final = 1 << 2 * _BITS

ONE_BYTE: Final = tuple(bytes((number,)) for number in range(_MORE))
"""The varints of one byte, by number."""


def varint(number: int) -> bytes:
    """Return a number of at least 0 as a varint."""
    if number < _MORE:
        return ONE_BYTE[number]
    if number < _TWO_BYTES:
        return (number & 0x7F | 0x80 | number >> _BITS << 8).to_bytes(2, "little")
    written = bytearray()
    while number >= _MORE:
        written.append(number & 0x7F | 0x80)
        number >>= _BITS
    written.append(number)
    return bytes(written)


def framed(tag: bytes, content: bytes) -> bytes:
    """Return a length-delimited field: its tag, the length of its content, the content."""
    return tag + varint(len(content)) + content
