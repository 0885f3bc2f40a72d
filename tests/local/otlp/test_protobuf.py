"""OTLP protobuf becomes span records."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextcompany.local.otlp import protobuf
from contextcompany.local.otlp.protobuf import decode_protobuf
from contextcompany.local.otlp.spans import MalformedBodyError, Refusals, SpanRecord
from tests.local.samples import PROTOBUF_BODY, RECORD, protobuf_request, span


def _field(number: int, payload: bytes) -> bytes:
    length, size = len(payload), bytearray()
    while length > 127:
        size.append(length & 127 | 128)
        length >>= 7
    return bytes([number << 3 | 2, *size, length]) + payload


def test_every_kind_of_value_arrives() -> None:
    """A span with every kind of value arrives whole."""
    assert decode_protobuf(PROTOBUF_BODY) == ([RECORD], Refusals())


def test_an_empty_request_has_no_spans() -> None:
    """No bytes are an empty request, as protobuf has it."""
    assert decode_protobuf(b"") == ([], Refusals())


def test_spans_keep_their_order_and_their_resource() -> None:
    """Several resources in one request stay with their own spans, in order."""
    other = replace(span("other"), resource={"service.name": "warehouse"})
    assert decode_protobuf(protobuf_request(RECORD, other).SerializeToString()) == (
        [RECORD, other],
        Refusals(),
    )


def test_a_span_remembers_what_it_was_read_from() -> None:
    """Each span alone is a request of its own; one that is changed has nothing to be read from."""
    other = replace(span("other"), resource={"service.name": "warehouse"})
    spans, _ = decode_protobuf(protobuf_request(RECORD, other).SerializeToString())
    assert [decode_protobuf(each.wire)[0] for each in spans] == [[RECORD], [other]]
    assert replace(spans[0], name="changed").wire == b""


def test_a_span_that_is_none_is_refused_alone() -> None:
    """Spans without ids, with text that is no UTF-8 or from a far future leave the others as they are."""
    request = protobuf_request(*[RECORD] * 6)
    first, second, third, fourth, fifth, _ = (
        resource_spans.scope_spans[0].spans[0] for resource_spans in request.resource_spans
    )
    first.ClearField("trace_id")
    second.ClearField("span_id")
    third.span_id = b"short"
    fourth.name = "broken"
    fifth.end_time_unix_nano = 2**64 - 1
    body = request.SerializeToString().replace(b"broken", b"br\xffken")
    spans, refusals = decode_protobuf(body)
    assert (spans, refusals.count) == ([RECORD], 5)
    assert refusals.reasons == [
        "traceId must be 16 bytes, not all zero, got ''",
        "spanId must be 8 bytes, not all zero, got ''",
        "spanId must be 8 bytes, not all zero, got '73686f7274'",
    ]


def test_what_is_wrong_around_the_spans_is_refused_as_a_whole() -> None:
    """A resource that cannot be parsed may belong to any span below it, so none is taken."""
    with pytest.raises(MalformedBodyError):
        decode_protobuf(PROTOBUF_BODY.replace(b"service.name", b"service\xffname"))


def test_a_resource_in_pieces_is_whole() -> None:
    """Protobuf allows a message in pieces, before and after the spans it is about."""
    request = protobuf_request(RECORD)
    (resource_spans,) = request.resource_spans
    spans = resource_spans.SerializeToString()
    more = _field(1, _field(1, _field(1, b"host") + _field(2, _field(1, b"desk"))))
    (span,), _ = decode_protobuf(_field(1, spans + more))
    assert span == replace(RECORD, resource={"service.name": "shop", "host": "desk"})


def test_spans_beyond_the_bounds_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """One span that is too large is refused alone, too many of them as a whole."""
    monkeypatch.setattr(protobuf, "MOST_SPAN_BYTES", 2 * len(PROTOBUF_BODY))
    large = replace(RECORD, name="x" * 2 * len(PROTOBUF_BODY))
    spans, refusals = decode_protobuf(protobuf_request(large, RECORD).SerializeToString())
    assert (spans, refusals.count) == ([RECORD], 1)
    monkeypatch.setattr(protobuf, "MOST_SPANS", 1)
    with pytest.raises(MalformedBodyError, match="more than 1 spans"):
        decode_protobuf(protobuf_request(RECORD, RECORD).SerializeToString())


@pytest.mark.parametrize(
    "values",
    [
        _field(9, b"") * 50_000,  # attributes
        _field(11, b"") * 50_000,  # events
        _field(9, _field(2, _field(5, _field(1, b"") * 50_000))),  # a list in one attribute
        _field(11, _field(3, _field(2, _field(6, _field(1, b"") * 50_000)))),  # a map in one of an event
    ],
)
def test_a_span_of_very_many_values_is_refused_unparsed(
    monkeypatch: pytest.MonkeyPatch, values: bytes
) -> None:
    """Parsed, a message of two bytes weighs hundreds; one span of such costs only itself."""
    monkeypatch.setattr(protobuf, "MOST_SPAN_VALUES", 40_000)
    ids = _field(1, b"a" * 16) + _field(2, b"b" * 8)
    spans, refusals = decode_protobuf(_field(1, _field(2, _field(2, ids + values) + _field(2, ids))))
    assert (len(spans), str(refusals)) == (1, "a span holds more than 40,000 values")


def test_a_large_resource_is_not_kept_with_each_of_many_spans() -> None:
    """What spans share is kept with each, so it is bounded, and more so where there are many."""
    for size, count, times, reason in (
        (70_000, 1, 1, "larger than 64 KiB"),
        (60_000, 5_000, 1, "send smaller batches"),
        (60_000, 50, 100, "send smaller batches"),
    ):
        body = _field(1, _field(1, _field(1, _field(1, b"k" * size))) + _field(2, _field(2, b"") * count))
        with pytest.raises(MalformedBodyError, match=reason):
            decode_protobuf(body * times)
    small = _field(1, _field(1, _field(1, _field(1, b"k" * 1_000))) + _field(2, _field(2, b"") * 100))
    _, refusals = decode_protobuf(small * 1_000)
    assert refusals.count == 100_000


def test_thousands_of_refusals_are_a_number_and_one_reason() -> None:
    """What is said of refused spans does not grow with them."""
    spans, refusals = decode_protobuf(_field(1, _field(2, b"\x12\x00" * 5_000)))
    assert (spans, refusals.count) == ([], 5_000)
    assert str(refusals) == "traceId must be 16 bytes, not all zero, got ''"


@pytest.mark.parametrize(("levels", "is_refused"), [(40, False), (200, True)])
def test_values_nested_without_end_are_refused(levels: int, is_refused: bool) -> None:
    """Deep nesting is refused by the parser before it can reach the stack of Python."""
    value = _field(1, b"core")
    for _ in range(levels):
        value = _field(5, _field(1, value))
    pair = _field(1, b"k") + _field(2, value)
    span = protobuf_request(RECORD).resource_spans[0].scope_spans[0].spans[0].SerializeToString()
    inside_span = _field(1, _field(2, _field(2, span + _field(9, pair))))
    spans, refusals = decode_protobuf(inside_span)
    assert (len(spans), refusals.count) == ((0, 1) if is_refused else (1, 0))
    inside_resource = _field(1, _field(1, _field(1, pair)) + _field(2, _field(2, span)))
    if is_refused:
        with pytest.raises(MalformedBodyError):
            decode_protobuf(inside_resource)
    else:
        assert len(decode_protobuf(inside_resource)[0]) == 1


@given(st.integers(min_value=1, max_value=len(PROTOBUF_BODY) - 1))
def test_a_truncated_body_is_refused(length: int) -> None:
    """A body cut off anywhere inside is refused, never half a span."""
    with pytest.raises(MalformedBodyError):
        decode_protobuf(PROTOBUF_BODY[:length])


@given(st.one_of(st.binary(max_size=300), st.binary(max_size=20).map(lambda tail: PROTOBUF_BODY + tail)))
def test_garbage_is_refused_or_read_but_raises_nothing_else(body: bytes) -> None:
    """Whatever the bytes are, the answer is records or MalformedBodyError."""
    try:
        spans, _ = decode_protobuf(body)
    except MalformedBodyError:
        return
    assert all(isinstance(span, SpanRecord) for span in spans)
