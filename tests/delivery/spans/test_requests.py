"""Requests taken apart: every span is in exactly one part, in its order, under its resource and scope."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from contextcompany.delivery.spans.requests import halves, span_ids
from tests.delivery.spans.hostile import CONTEXTS

RESOURCES = [
    Resource({"service.name": "a"}),
    Resource({"service.name": "b", "host": "é" * 30}, "https://schema/" + "é" * 20),
    Resource({}),
]
SCOPES = [
    None,
    InstrumentationScope("one", "1.2", "https://schema/" + "s" * 60, {"library": "x"}),
    InstrumentationScope("two"),
]

BODIES = st.lists(
    st.builds(
        ReadableSpan,
        st.text(st.characters(exclude_categories=["Cs"]), max_size=200),
        CONTEXTS,
        resource=st.sampled_from(RESOURCES),
        instrumentation_scope=st.sampled_from(SCOPES),
        attributes=st.dictionaries(st.sampled_from(["a", "b"]), st.sampled_from(["", "x" * 400])),
    ),
    max_size=9,
).map(lambda spans: encode_spans(spans).SerializeToString())


def flat(body: bytes) -> list[Any]:
    """Return each span of a request with all that it stands in."""
    request = ExportTraceServiceRequest.FromString(body)
    return [
        (resource.resource, resource.schema_url, scope.scope, scope.schema_url, span)
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


@given(BODIES)
def test_span_ids_are_those_of_the_request(body: bytes) -> None:
    """The ids of the spans are given as numbers, in the order of the request."""
    assert span_ids(body) == [int.from_bytes(found[-1].span_id, "big") for found in flat(body)]


@given(BODIES)
def test_halves_hold_every_span_once(body: bytes) -> None:
    """Two halves one after the other are the request: same spans, order, resources and scopes."""
    parts = halves(body)
    spans = flat(body)
    if len(spans) < 2:
        assert parts is None
        return
    assert parts is not None
    first, second = map(flat, parts)
    assert first + second == spans
    assert len(second) - len(first) in {0, 1}


@given(BODIES)
def test_halving_again_and_again_comes_to_single_spans(body: bytes) -> None:
    """Halves of halves end with one request for each span."""
    waiting, singles = [body], []
    while waiting:
        parts = halves(waiting[0])
        if parts is None:
            singles.append(waiting.pop(0))
        else:
            waiting[0:1] = parts
    assert [flat(single) for single in singles if single] == [[span] for span in flat(body)]


@pytest.mark.parametrize("take", [span_ids, halves])
def test_other_bytes_are_refused(take: Any) -> None:
    """Bytes that are no request raise: nothing is made up from them."""
    with pytest.raises(DecodeError):
        take(b"\xff no request")
