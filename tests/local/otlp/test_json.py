"""OTLP JSON becomes span records."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextcompany.local.otlp import fields
from contextcompany.local.otlp.json import decode_json
from contextcompany.local.otlp.spans import MalformedBodyError, Refusals, SpanRecord
from tests.local.samples import JSON_BODY, RECORD, json_body


def _with_span(**fields: Any) -> bytes:
    body = json_body()
    body["resourceSpans"][0]["scopeSpans"][0]["spans"][0] |= fields
    return json.dumps(body).encode()


def _with_value(value: Any) -> bytes:
    return _with_span(attributes=[{"key": "k", "value": value}])


def _only(body: bytes) -> SpanRecord:
    """Read a body that holds one span and nothing that is refused."""
    (span,), refusals = decode_json(body)
    assert refusals == Refusals()
    return span


def test_every_kind_of_value_arrives_as_it_does_in_protobuf() -> None:
    """Ids in either case, numbers as numbers or strings and unknown fields give the same record."""
    assert decode_json(JSON_BODY) == ([RECORD], Refusals())


@pytest.mark.parametrize("body", [b"{}", b'{"resourceSpans": null}', b'{"resourceSpans": [{}]}'])
def test_an_empty_request_has_no_spans(body: bytes) -> None:
    """Missing lists and null are empty lists."""
    assert decode_json(body) == ([], Refusals())


def test_absent_fields_have_the_defaults_of_protobuf() -> None:
    """A span of ids alone has empty text, zero times, no kind and no status."""
    spans = [{"traceId": RECORD.trace_id, "spanId": RECORD.span_id}]
    body = {"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}
    assert decode_json(json.dumps(body).encode())[0] == [
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
    assert _only(_with_span(name="\ud83d!")).name == "\ufffd!"
    assert _only(_with_span(name="\ud83d\ude00")).name == "\U0001f600"


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
    got = _only(_with_value(value)).attributes["k"]
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
    ],
)
def test_what_is_no_otlp_json_is_refused_with_the_place(body: bytes, reason: str) -> None:
    """The message names the field, what it must be and what it got."""
    with pytest.raises(MalformedBodyError) as caught:
        decode_json(body)
    assert str(caught.value).startswith(reason)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (_with_span(traceId="W47/95gDgQPSabYzgT/GDA=="), "traceId must be hexadecimal digits, got str"),
        (_with_span(traceId="ab"), "traceId must be 16 bytes, not all zero, got 'ab'"),
        (_with_span(spanId=None), "spanId must be 8 bytes, not all zero, got ''"),
        (_with_span(spanId=7), "spanId must be a string, got int '7'"),
        (_with_span(kind="SPAN_KIND_CLIENT"), "kind must be the number of the enum, got str"),
        (_with_span(kind=True), "kind must be the number of the enum, got bool 'True'"),
        (_with_span(startTimeUnixNano=2**63), "startTimeUnixNano must be nanoseconds before the year 2262"),
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
def test_a_span_that_is_none_is_refused_alone(body: bytes, reason: str) -> None:
    """The message names the field, and the other spans of the request are taken."""
    document = json.loads(body)
    document["resourceSpans"] += json_body()["resourceSpans"]
    spans, refusals = decode_json(json.dumps(document).encode())
    assert (spans, refusals.count) == ([RECORD], 1)
    assert str(refusals).startswith(reason)


def test_an_item_that_is_no_object_is_refused_alone() -> None:
    """What stands in the list of spans and is no span at all does not cost the others."""
    document = json_body()
    document["resourceSpans"][0]["scopeSpans"][0]["spans"] += [None, 7]
    spans, refusals = decode_json(json.dumps(document).encode())
    assert (spans, refusals.count) == ([RECORD], 2)
    assert str(refusals) == (
        "an item of spans must be an object, got NoneType; an item of spans must be an object, got int '7'"
    )


def test_a_document_of_too_many_values_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Values cost far more memory than their bytes, so they are counted before they are made."""
    monkeypatch.setattr(fields, "MOST_VALUES", 1_000)
    with pytest.raises(MalformedBodyError, match="more than 1,000 values"):
        decode_json(b"[" + b"{}," * 1_000)


def test_a_large_resource_is_not_kept_with_each_of_many_spans() -> None:
    """What spans share is kept with each, so it is bounded, and more so where there are many."""
    for size, count, reason in ((70_000, 1, "larger than 64 KiB"), (60_000, 5_000, "send smaller batches")):
        document = json_body()
        document["resourceSpans"][0]["resource"]["attributes"][0]["value"] = {"stringValue": "k" * size}
        document["resourceSpans"][0]["scopeSpans"][0]["spans"] = [{}] * count
        with pytest.raises(MalformedBodyError, match=reason):
            decode_json(json.dumps(document).encode())


def test_deep_values_are_refused_before_they_reach_the_stack() -> None:
    """Nesting is bounded by number, not by the recursion limit of the moment."""

    def nested(levels: int) -> Any:
        value: Any = {"stringValue": "core"}
        for _ in range(levels):
            value = {"arrayValue": {"values": [value]}}
        return value

    assert _only(_with_value(nested(49))).attributes["k"] is not None
    spans, refusals = decode_json(_with_value(nested(50)))
    assert (spans, str(refusals)) == ([], "an attribute value is nested more than 50 levels deep")


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
    """Whatever stands in the fields of a span, it is a record, or refused, or no JSON at all."""
    try:
        spans, refusals = decode_json(_with_span(**fields))
    except MalformedBodyError:
        return
    assert len(spans) + refusals.count == 1


@given(st.binary(max_size=200))
def test_garbage_has_no_spans(body: bytes) -> None:
    """Random bytes are refused, or at most an empty request."""
    spans: list[SpanRecord] = []
    with suppress(MalformedBodyError):
        spans, _ = decode_json(body)
    assert spans == []
