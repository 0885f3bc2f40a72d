"""OTLP JSON becomes span records."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextcompany.local.otlp.json import decode_json
from contextcompany.local.otlp.spans import MalformedBodyError, SpanRecord
from tests.local.samples import JSON_BODY, RECORD, json_body


def _with_span(**fields: Any) -> bytes:
    body = json_body()
    body["resourceSpans"][0]["scopeSpans"][0]["spans"][0] |= fields
    return json.dumps(body).encode()


def _with_value(value: Any) -> bytes:
    return _with_span(attributes=[{"key": "k", "value": value}])


def test_every_kind_of_value_arrives_as_it_does_in_protobuf() -> None:
    """Ids in either case, numbers as numbers or strings and unknown fields give the same record."""
    assert decode_json(JSON_BODY) == [RECORD]


@pytest.mark.parametrize("body", [b"{}", b'{"resourceSpans": null}', b'{"resourceSpans": [{}]}'])
def test_an_empty_request_has_no_spans(body: bytes) -> None:
    """Missing lists and null are empty lists."""
    assert decode_json(body) == []


def test_absent_fields_have_the_defaults_of_protobuf() -> None:
    """A span of ids alone has empty text, zero times, no kind and no status."""
    spans = [{"traceId": RECORD.trace_id, "spanId": RECORD.span_id}]
    body = {"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}
    assert decode_json(json.dumps(body).encode()) == [
        SpanRecord(
            RECORD.trace_id,
            RECORD.span_id,
            None,
            "",
            "UNSPECIFIED",
            0,
            0,
            {},
            (),
            (),
            "UNSET",
            "",
            {},
            "",
            "",
        )
    ]


def test_half_a_surrogate_pair_becomes_the_replacement_character() -> None:
    """Text that no encoder takes is mended, so that it cannot break what shows it."""
    assert decode_json(_with_span(name="\ud83d!"))[0].name == "\ufffd!"
    assert decode_json(_with_span(name="\ud83d\ude00"))[0].name == "\U0001f600"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"intValue": "9223372036854775807"}, 2**63 - 1),
        ({"intValue": -5}, -5),
        ({"intValue": 3.0}, 3),
        ({"doubleValue": 2}, 2.0),
        ({"doubleValue": "1.5"}, 1.5),
        ({"doubleValue": "-Infinity"}, float("-inf")),
        ({"bytesValue": ""}, b""),
        ({"arrayValue": {}}, ()),
        ({"kvlistValue": {"values": []}}, {}),
        ({"stringValue": None, "boolValue": False}, False),
        ({"somethingNew": 1}, None),
        ({}, None),
    ],
)
def test_values_are_read_as_the_specification_writes_them(value: Any, expected: object) -> None:
    """Numbers may come as strings, null counts as absent, kinds of values that are new are None."""
    got = decode_json(_with_value(value))[0].attributes["k"]
    assert (type(got), got) == (type(expected), expected)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "the body is no JSON in UTF-8"),
        (b"\xff\xfe{}", "the body is no JSON in UTF-8"),
        (b"[]", "the body must be an object, got list"),
        (b'{"resourceSpans": {}}', "resourceSpans must be a list, got dict"),
        (b'{"resourceSpans": [1]}', "an item of resourceSpans must be an object, got int '1'"),
        (b'{"resourceSpans": [NaN]}', "the body is no JSON: NaN stands there without quotes"),
        (b"[" * 100_000, "the body is no JSON in UTF-8"),
        (_with_span(traceId="W47/95gDgQPSabYzgT/GDA=="), "traceId must be hexadecimal digits, got str"),
        (_with_span(traceId="ab"), "traceId must be 16 bytes, not all zero, got 'ab'"),
        (_with_span(spanId=None), "spanId must be 8 bytes, not all zero, got ''"),
        (_with_span(spanId=7), "spanId must be a string, got int '7'"),
        (_with_span(kind="SPAN_KIND_CLIENT"), "kind must be the number of the enum, got str"),
        (_with_span(kind=True), "kind must be the number of the enum, got bool 'True'"),
        (_with_span(startTimeUnixNano="-1"), "startTimeUnixNano must be an integer of 64 bits"),
        (_with_span(endTimeUnixNano="soon"), "endTimeUnixNano must be an integer of 64 bits"),
        (_with_span(status=[]), "status must be an object, got list"),
        (_with_value({"intValue": str(2**63)}), "intValue must be an integer of 64 bits"),
        (_with_value({"intValue": True}), "intValue must be an integer of 64 bits"),
        (_with_value({"intValue": 1.5}), "intValue must be an integer of 64 bits"),
        (_with_value({"boolValue": 1}), "boolValue must be true or false, got int '1'"),
        (_with_value({"doubleValue": "fast"}), "doubleValue must be a number of 64 bits"),
        (_with_value({"doubleValue": 10**400}), "doubleValue must be a number of 64 bits"),
        (_with_value({"bytesValue": "not base64"}), "bytesValue must be base64 text"),
        (_with_value("text"), "value must be an object, got str 'text'"),
    ],
)
def test_what_is_no_otlp_json_is_refused_with_the_place(body: bytes, reason: str) -> None:
    """The message names the field, what it must be and what it got."""
    with pytest.raises(MalformedBodyError) as caught:
        decode_json(body)
    assert str(caught.value).startswith(reason)


def test_deep_values_are_refused_before_they_reach_the_stack() -> None:
    """Nesting is bounded by number, not by the recursion limit of the moment."""

    def nested(levels: int) -> Any:
        value: Any = {"stringValue": "core"}
        for _ in range(levels):
            value = {"arrayValue": {"values": [value]}}
        return value

    assert decode_json(_with_value(nested(49)))[0].attributes["k"] is not None
    with pytest.raises(MalformedBodyError, match="nested more than 50 levels"):
        decode_json(_with_value(nested(50)))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_FIELDS = st.sampled_from(
    ["traceId", "spanId", "parentSpanId", "name", "kind", "attributes", "events", "links", "status"]
)


@given(
    st.dictionaries(_FIELDS, _JSON, max_size=3) | _JSON.map(lambda value: {"attributes": [{"value": value}]})
)
def test_wild_fields_are_refused_or_read_but_raise_nothing_else(fields: dict[str, Any]) -> None:
    """Whatever stands in the fields of a span, the answer is records or MalformedBodyError."""
    try:
        spans = decode_json(_with_span(**fields))
    except MalformedBodyError:
        return
    assert len(spans) == 1


@given(st.binary(max_size=200))
def test_garbage_has_no_spans(body: bytes) -> None:
    """Random bytes are refused, or at most an empty request."""
    spans: list[SpanRecord] = []
    with suppress(MalformedBodyError):
        spans = decode_json(body)
    assert spans == []
