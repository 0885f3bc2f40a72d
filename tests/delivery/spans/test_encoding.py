"""Spans to OTLP bytes: as the stock encoder does, and no span drags its neighbours down."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.trace import Link, Status, StatusCode

from contextcompany.delivery.spans.encoding import encode
from tests.handmade import ELSEWHERE, RUN, STEP, TOOL_CALL, ended_span

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

GOOD = [
    ended_span("invoke_agent", RUN, events=[("exception", {"exception.type": "ValueError"})]),
    ended_span("chat", STEP, links=[Link(ELSEWHERE, {"why": "test"})]),
    ended_span("execute_tool search", TOOL_CALL, status=Status(StatusCode.ERROR, "refused")),
]

LONE = "\ud800"

POISONED = {
    "name": ended_span(f"chat {LONE}", STEP),
    "event name": ended_span("chat", STEP, events=[(f"event {LONE}", {})]),
    "status": ended_span("chat", STEP, status=Status(StatusCode.ERROR, f"refused {LONE}")),
}


def names_in(body: bytes) -> list[str]:
    """Return the names of the spans in an encoded request."""
    message = ExportTraceServiceRequest.FromString(body)
    return [
        span.name
        for resource in message.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def test_equals_the_stock_encoder() -> None:
    """Good spans are encoded byte for byte as the OpenTelemetry exporter encodes them."""
    encoded = encode(GOOD)
    assert encoded.body == encode_spans(GOOD).SerializeToString()
    assert encoded.spans == tuple(GOOD)
    assert encoded.unencodable == 0


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
def test_a_poisoned_span_leaves_its_neighbours(poisoned: ReadableSpan, place: int) -> None:
    """A span that cannot be encoded is left out and counted; the others arrive in order."""
    spans = [*GOOD[:place], poisoned, *GOOD[place:]]
    encoded = encode(spans)
    assert names_in(encoded.body) == [span.name for span in GOOD]
    assert encoded.spans == tuple(GOOD)
    assert encoded.unencodable == 1


def test_nothing_but_poison() -> None:
    """When no span can be encoded there is no body, and all are counted."""
    encoded = encode(list(POISONED.values()))
    assert (encoded.body, encoded.spans, encoded.unencodable) == (b"", (), len(POISONED))


def test_a_value_that_cannot_be_encoded() -> None:
    """A bad value costs at most its span: huge integers and lone surrogates in values."""
    spans = [*GOOD, ended_span("huge", {"n": 2**70}), ended_span("lone", {"text": LONE})]
    encoded = encode(spans)
    assert names_in(encoded.body)[:3] == [span.name for span in GOOD]
    assert len(encoded.spans) + encoded.unencodable == len(spans)
