"""Protobuf is walked over field by field, or refused."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from google.protobuf.message import DecodeError
from hypothesis import example, given
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from contextcompany.local.otlp.wire import FramingError, field_of, holds_more, messages
from tests.local.samples import RECORD, protobuf_request

if TYPE_CHECKING:
    from contextcompany.local.otlp.wire import Fields


def _walk(body: bytes) -> list[tuple[int, bytes]]:
    return [(number, body[start:end]) for number, start, end in messages(body, 0, len(body))]


def test_fields_with_a_length_are_returned_and_others_passed_over() -> None:
    """Of a span with every kind of field, its texts, bytes and messages come in their order."""
    span = protobuf_request(RECORD).resource_spans[0].scope_spans[0].spans[0]
    walked = _walk(span.SerializeToString())
    assert walked[0] == (1, span.trace_id)
    assert [content for number, content in walked if number == 5] == [span.name.encode()]
    assert len([number for number, _ in walked if number == 9]) == len(span.attributes)


def test_only_the_part_between_the_bounds_is_looked_at() -> None:
    """A message inside of another ends where it ends, and its fields may not reach beyond."""
    body = b"\x0a\x02ab\x12\x01c"
    assert list(messages(body, 0, 4)) == [(1, 2, 4)]
    assert list(messages(body, 4, 7)) == [(2, 6, 7)]
    with pytest.raises(FramingError):
        list(messages(body, 0, 3))


@given(st.lists(st.binary(max_size=70_000), max_size=3))
@example([b"x" * 127])
@example([b"x" * 128])
def test_a_field_that_was_written_is_walked_over(pieces: list[bytes]) -> None:
    """A field of any length holds the pieces of its content one after another."""
    assert _walk(field_of(2, *pieces)) == [(2, b"".join(pieces))]


@pytest.mark.parametrize(
    "body",
    [
        b"\x0a",  # no length
        b"\x0a\x05ab",  # shorter than it says
        b"\x0a\xff",  # a length without an end
        b"\xff" * 11,  # a tag without an end
        b"\x08" + b"\xff" * 10 + b"\x01",  # an integer of more than 64 bits
        b"\x09\0\0\0",  # a fixed integer cut off
        b"\x0d\0\0",
        b"\x0b\x0c",  # groups, which proto3 does not have
        b"\x0e",
    ],
)
def test_what_is_no_message_is_refused(body: bytes) -> None:
    """A field that has no valid end is never guessed at."""
    with pytest.raises(FramingError):
        _walk(body)


@given(st.binary(max_size=60))
@example(b"\x0a\x80\x80\x80\x80\x10")
def test_what_the_parser_takes_is_walked_over(body: bytes) -> None:
    """Whatever bytes are a span to protobuf can be walked over, unless there are groups in it."""
    with suppress(DecodeError):
        Span.FromString(body)
        with suppress(FramingError):
            assert sum(len(content) for _, content in _walk(body)) <= len(body)


@given(st.lists(st.tuples(st.integers(1, 2**29 - 1), st.binary(max_size=300)), max_size=5))
def test_fields_of_any_number_and_size_come_back(fields: list[tuple[int, bytes]]) -> None:
    """Tags and lengths of several bytes are read as they were written."""
    body = b"".join(_varint(number << 3 | 2) + _varint(len(content)) + content for number, content in fields)
    assert _walk(body) == fields


def _varint(value: int) -> bytes:
    written = bytearray()
    while value > 127:
        written.append(value & 127 | 128)
        value >>= 7
    return bytes([*written, value])


def test_messages_are_counted_at_every_depth_before_they_are_parsed() -> None:
    """A list in a list counts with all that it holds; what is in a text does not."""
    inner: Fields = {}
    inner.update({1: inner})
    body = b"\x0a\x06\x0a\x00\x0a\x00\x0a\x00\x12\x02\x0a\x00"
    assert not holds_more(body, 0, len(body), inner, 5)
    assert holds_more(body, 0, len(body), inner, 4)
    assert not holds_more(body, 0, len(body), {}, 2)
    with pytest.raises(FramingError):
        holds_more(body[:-1], 0, len(body) - 1, inner, 9)
