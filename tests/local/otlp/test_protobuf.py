"""OTLP protobuf becomes span records."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextcompany.local.otlp.protobuf import decode_protobuf
from contextcompany.local.otlp.spans import MalformedBodyError, SpanRecord
from tests.local.samples import PROTOBUF_BODY, RECORD, protobuf_request, span


def test_every_kind_of_value_arrives() -> None:
    """A span with every kind of value arrives whole."""
    assert decode_protobuf(PROTOBUF_BODY) == [RECORD]


def test_an_empty_request_has_no_spans() -> None:
    """No bytes are an empty request, as protobuf has it."""
    assert decode_protobuf(b"") == []


def test_spans_keep_their_order_and_their_resource() -> None:
    """Several resources in one request stay with their own spans, in order."""
    other = replace(span("other"), resource={"service.name": "warehouse"})
    assert decode_protobuf(protobuf_request(RECORD, other).SerializeToString()) == [RECORD, other]


@pytest.mark.parametrize("field", ["trace_id", "span_id"])
def test_a_span_without_ids_is_refused(field: str) -> None:
    """A span that nothing could refer to is refused, and the message names the field."""
    request = protobuf_request(RECORD)
    request.resource_spans[0].scope_spans[0].spans[0].ClearField(field)  # type: ignore[arg-type]
    with pytest.raises(MalformedBodyError, match=field.replace("_i", "I")):
        decode_protobuf(request.SerializeToString())


def test_text_that_is_no_utf8_is_refused() -> None:
    """Bytes that are no UTF-8 where text must be make no span."""
    with pytest.raises(MalformedBodyError):
        decode_protobuf(PROTOBUF_BODY.replace(b"chat gpt-5", b"chat gpt\xff5"))


def _field(number: int, payload: bytes) -> bytes:
    length, size = len(payload), bytearray()
    while length > 127:
        size.append(length & 127 | 128)
        length >>= 7
    return bytes([number << 3 | 2, *size, length]) + payload


@pytest.mark.parametrize(("levels", "is_refused"), [(40, False), (200, True)])
def test_values_nested_without_end_are_refused(levels: int, is_refused: bool) -> None:
    """Deep nesting is refused by the parser before it can reach the stack of Python."""
    value = _field(1, b"core")
    for _ in range(levels):
        value = _field(5, _field(1, value))
    body = _field(1, _field(1, _field(1, _field(1, b"k") + _field(2, value))))
    if is_refused:
        with pytest.raises(MalformedBodyError):
            decode_protobuf(body)
    else:
        assert decode_protobuf(body) == []


@given(st.integers(min_value=1, max_value=len(PROTOBUF_BODY) - 1))
def test_a_truncated_body_is_refused(length: int) -> None:
    """A body cut off anywhere inside is refused, never half a span."""
    with pytest.raises(MalformedBodyError):
        decode_protobuf(PROTOBUF_BODY[:length])


@given(st.one_of(st.binary(max_size=300), st.binary(max_size=20).map(lambda tail: PROTOBUF_BODY + tail)))
def test_garbage_is_refused_or_read_but_raises_nothing_else(body: bytes) -> None:
    """Whatever the bytes are, the answer is records or MalformedBodyError."""
    try:
        spans = decode_protobuf(body)
    except MalformedBodyError:
        return
    assert all(isinstance(span, SpanRecord) for span in spans)
