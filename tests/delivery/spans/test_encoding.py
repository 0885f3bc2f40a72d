"""Spans to OTLP bytes: as the stock encoder does, and no span drags its neighbours down."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import Link, Status, StatusCode

import contextcompany as tcc
from contextcompany.delivery.spans.encoding import encode_within
from contextcompany.testing import capture
from tests.delivery.spans import good
from tests.delivery.spans.hostile import LONE, SPANS, TEXTS, pairs, spans_in
from tests.delivery.spans.whole import encode
from tests.handmade import ELSEWHERE, RUN, STEP, TOOL_CALL, ended_span
from tests.recording.hostile import HOSTILE, VALUES

GOOD = [
    ended_span("invoke_agent", RUN, events=[("exception", {"exception.type": "ValueError"})]),
    ended_span("chat", STEP, links=[Link(ELSEWHERE, {"why": "test"})]),
    ended_span("execute_tool search", TOOL_CALL, status=Status(StatusCode.ERROR, "refused")),
]

POISONED = {
    "name": ended_span(f"chat {LONE}", STEP),
    "event name": ended_span("chat", STEP, events=[(f"event {LONE}", {})]),
    "status": ended_span("chat", STEP, status=Status(StatusCode.ERROR, f"refused {LONE}")),
    "value": ended_span("chat", {**STEP, "text": LONE}),
    "key": ended_span("chat", {**STEP, LONE: "text"}),
    "number": ended_span("chat", {**STEP, "number": 2**64}),
    "start": ended_span("chat", STEP, start_time=-1),
}

LOST = ReadableSpan("without ids", None)


def others(spans: list[Any], place: int) -> list[Any]:
    """Return all but one."""
    return spans[:place] + spans[place + 1 :]


def span_id(span: ReadableSpan) -> bytes:
    """Return the id of a span as OTLP has it."""
    assert span.context is not None
    return int(span.context.span_id).to_bytes(8, "big")


def stock(span: ReadableSpan) -> Any:
    """Return what the stock encoder makes of a span."""
    return spans_in(encode_spans([span]).SerializeToString())[0]


def test_equals_the_stock_encoder() -> None:
    """Good spans are encoded byte for byte as the OpenTelemetry exporter encodes them."""
    assert encode(GOOD) == (encode_spans(GOOD).SerializeToString(), len(GOOD), 0)


def test_nothing_to_encode() -> None:
    """No spans make an empty request, or none."""
    assert encode([]) == (b"", 0, 0)
    assert encode_within([], 1) == ([], 0)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(good.SPANS, max_size=5))
def test_equals_the_stock_encoder_for_any_good_spans(spans: list[ReadableSpan]) -> None:
    """Whatever good spans hold and stand in, their bytes are those of the OpenTelemetry exporter."""
    assert encode(spans) == (encode_spans(spans).SerializeToString(), len(spans), 0)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.one_of(SPANS, good.SPANS, st.just(LOST)), max_size=5), st.integers(0, 2_000))
def test_requests_of_a_bounded_size_hold_the_same(spans: list[ReadableSpan], most: int) -> None:
    """Requests within a size hold the spans of the one request, in its order, and name their ids."""
    whole = encode(spans)
    requests, unencodable = encode_within(spans, most)
    found = [spans_in(request.body) for request in requests]
    assert [span.SerializeToString() for part in found for span in part] == [
        span.SerializeToString() for span in spans_in(whole.body)
    ]
    assert [request.span_ids for request in requests] == [
        [int.from_bytes(span.span_id, "big") for span in part] for part in found
    ]
    assert unencodable == whole.unencodable == spans.count(LOST)
    assert all(len(request.body) <= most or len(request.span_ids) == 1 for request in requests)


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=5),
        st.one_of(
            st.text(st.characters(exclude_categories=["Cs"])),
            st.booleans(),
            st.integers(-(2**63), 2**63 - 1),
            st.floats(),
            st.lists(st.text(st.characters(exclude_categories=["Cs"]))),
        ),
        max_size=4,
    )
)
def test_equals_the_stock_encoder_for_any_values(attributes: dict[str, str]) -> None:
    """Whatever valid values a span has, its bytes are those of the stock encoder."""
    span = ended_span("any", attributes)
    assert encode([span]).body == encode_spans([span]).SerializeToString()


@pytest.mark.parametrize("poisoned", POISONED.values(), ids=POISONED.keys())
@pytest.mark.parametrize("place", [0, 1, 3])
def test_a_poisoned_span_arrives_and_leaves_its_neighbours(poisoned: ReadableSpan, place: int) -> None:
    """A span that the stock encoder refuses arrives in its place; its neighbours are what they were."""
    encoded = encode([*GOOD[:place], poisoned, *GOOD[place:]])
    assert (encoded.spans, encoded.unencodable) == (len(GOOD) + 1, 0)
    found = spans_in(encoded.body)
    assert found[place].span_id == span_id(poisoned)
    assert pairs(found[place].attributes).items() >= STEP.items()
    assert others(found, place) == [stock(span) for span in GOOD]


@pytest.mark.parametrize("place", [0, 1, 3])
def test_a_span_beyond_repair_is_left_out_and_counted(place: int) -> None:
    """A span without ids cannot be encoded: it is counted, the others arrive in order, unchanged."""
    encoded = encode([*GOOD[:place], LOST, POISONED["name"], *GOOD[place:]])
    assert (encoded.spans, encoded.unencodable) == (len(GOOD) + 1, 1)
    assert others(spans_in(encoded.body), place) == [stock(span) for span in GOOD]


def test_nothing_but_spans_beyond_repair() -> None:
    """When no span can be encoded there is no body, and all are counted."""
    assert encode([LOST, LOST]) == (b"", 0, 2)


class Unreadable(ReadableSpan):
    """A span that raises when it is read."""

    @property
    def attributes(self) -> Any:
        """Raise."""
        raise RuntimeError("not to be read")


def test_a_span_that_raises_is_left_out_and_counted() -> None:
    """Not even a span whose own code fails takes its neighbours along."""
    encoded = encode([Unreadable("chat", ELSEWHERE), *GOOD])
    assert encoded == (encode_spans(GOOD).SerializeToString(), len(GOOD), 1)


class UnreadableResource(Resource):
    """A resource that raises when it is read."""

    @property
    def attributes(self) -> Any:
        """Raise."""
        raise RuntimeError("not to be read")


def test_a_resource_that_raises_costs_its_own_spans_only() -> None:
    """Spans of a resource that nobody can read are counted, and the others are what they were."""
    lost = ReadableSpan("chat", ELSEWHERE, resource=UnreadableResource({}))
    assert encode([lost, *GOOD, lost]) == (encode_spans(GOOD).SerializeToString(), len(GOOD), 2)


def test_nothing_of_a_bad_span_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """The stock encoder logs bad attributes with their values; here it never sees one."""
    secret = {"deep": [[f"secret {LONE}"]], "object": object(), "number": 10**30, "none": [None, LONE]}
    with caplog.at_level(logging.DEBUG):
        encode([*POISONED.values(), LOST, ReadableSpan("chat", ELSEWHERE, attributes=secret)])  # type: ignore[arg-type]  # what no type checker lets through
    assert caplog.records == []


def test_long_texts() -> None:
    """Texts of any length are encoded: good ones whole, bad ones up to the bound of a recorded value."""
    long = "é" * (5 << 20)
    good = ended_span("chat", {**STEP, "text": long})
    bad = ended_span(long + LONE, {**STEP, "text": long, "bad": long + LONE, "list": [long, LONE]})
    found = spans_in(encode([good, bad]).body)
    assert found[0] == stock(good)
    attributes = pairs(found[1].attributes)
    assert len(found[1].name.encode()) <= 1 << 20
    assert attributes["text"] == long
    assert len(attributes["bad"].encode()) <= 1 << 20
    assert attributes["tcc.truncated"] == ["bad", "list"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_value_is_kept_as_some_value(name: str) -> None:
    """Each value that recorders choke on arrives, on the span and on an event, beside good ones."""
    attributes = {"key": HOSTILE[name](), "good": "same"}
    event = Event("event", attributes, 1)
    span = ReadableSpan("chat", ELSEWHERE, attributes=attributes, events=[event])
    encoded = encode([span, *GOOD])
    assert (encoded.spans, encoded.unencodable) == (len(GOOD) + 1, 0)
    found = spans_in(encoded.body)
    assert found[1:] == [stock(good) for good in GOOD]
    for encoded_attributes in (found[0].attributes, found[0].events[0].attributes):
        arrived = pairs(encoded_attributes)
        assert arrived["key"] is not None
        assert arrived["good"] == "same"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(SPANS, min_size=1, max_size=3, unique_by=span_id), st.integers(0, 3))
def test_any_span_is_encoded_and_parses(hostile: list[ReadableSpan], place: int) -> None:
    """Whatever spans hold, the request parses, all are in it with every attribute, neighbours unchanged."""
    place = min(place, len(hostile))
    encoded = encode([*hostile[:place], GOOD[1], *hostile[place:]])
    assert (encoded.spans, encoded.unencodable) == (len(hostile) + 1, 0)
    found = {span.span_id: span for span in spans_in(encoded.body)}
    assert found[span_id(GOOD[1])] == stock(GOOD[1])
    for span in hostile:
        arrived = found[span_id(span)]
        cut = "tcc.truncated" in pairs(arrived.attributes) and "tcc.truncated" not in (span.attributes or {})
        assert len(arrived.attributes) == len(span.attributes or {}) + cut
        assert [len(event.attributes) for event in arrived.events] == [
            len(event.attributes or {}) for event in span.events
        ]
        assert [len(link.attributes) for link in arrived.links] == [
            len(link.attributes or {}) for link in span.links
        ]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(VALUES, TEXTS)
def test_anything_recorded_is_encoded_and_parses(value: Any, text: str) -> None:
    """Whatever is given to the recording API, its spans are encoded as the stock encoder would."""
    with capture() as captured:
        with tcc.run(text) as r:
            r.prompt(value).metadata({text: value}).attributes({text: value}).response(text)
            with r.step(text) as s:
                s.prompt(text).response(value).model(text, value)
                s.tool_call(text).args(value).result({text: value}).end()
            r.step().error(text)
        spans = captured.spans
    encoded = encode(spans)
    assert encoded == (encode_spans(spans).SerializeToString(), 4, 0)
    assert spans_in(encoded.body) == [stock(span) for span in spans]
