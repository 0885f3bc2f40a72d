"""The pieces of the wire format, held against protobuf's own reader."""

from __future__ import annotations

import pytest
from google.protobuf.wrappers_pb2 import BytesValue, UInt64Value
from hypothesis import given
from hypothesis import strategies as st

from contextcompany.delivery.spans.protobuf import ONE_BYTE, framed, varint

EDGES = [0, 1, 127, 128, 16_383, 16_384, 2**21 - 1, 2**21, 2**32, 2**63, 2**64 - 1]


@given(st.one_of(st.integers(0, 2**64 - 1), st.sampled_from(EDGES)))
def test_numbers_are_written_as_protobuf_does(number: int) -> None:
    """A number of any length has the bytes that protobuf gives it."""
    assert b"\x08" + varint(number) == (UInt64Value(value=number).SerializeToString() or b"\x08\x00")


def test_numbers_of_one_byte() -> None:
    """The table of short numbers says what the function says."""
    assert tuple(map(varint, range(128))) == ONE_BYTE


@pytest.mark.parametrize("size", [1, 127, 128, 16_384])
def test_content_is_framed_as_protobuf_does(size: int) -> None:
    """A field of any length has its tag, its length and its content."""
    content = b"x" * size
    assert framed(b"\x0a", content) == BytesValue(value=content).SerializeToString()
