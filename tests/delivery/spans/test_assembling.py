"""Encoded spans in requests: grouped as the exporter groups them, of a bounded size, each span once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from contextcompany.delivery.spans.assembling import Assembly, Request
from contextcompany.delivery.spans.reference import encoded_span
from tests.delivery.spans import good
from tests.delivery.spans.hostile import LONE, spans_in
from tests.delivery.spans.whole import UNBOUNDED
from tests.handmade import ELSEWHERE

if TYPE_CHECKING:
    from collections.abc import Sequence

PATIENT = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))


def assembled(spans: Sequence[ReadableSpan]) -> Assembly:
    """Return the spans in an assembly."""
    assembly = Assembly()
    for span in spans:
        assert span.context is not None
        assembly.group(span).spans.append((span.context.span_id, encoded_span(span)))
    return assembly


def flat(body: bytes) -> list[Any]:
    """Return each span of a request with all that it stands in."""
    request = ExportTraceServiceRequest.FromString(body)
    return [
        (resource.resource, resource.schema_url, scope.scope, scope.schema_url, span)
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


@PATIENT
@given(st.lists(good.SPANS, min_size=1, max_size=6))
def test_equals_the_stock_encoder(spans: list[ReadableSpan]) -> None:
    """One request has the bytes that the stock encoder gives the same spans, whatever they stand in."""
    body = encode_spans(spans).SerializeToString()
    ids = [int.from_bytes(span.span_id, "big") for span in spans_in(body)]
    assert list(assembled(spans).requests(UNBOUNDED)) == [Request(body, ids)]


@PATIENT
@given(st.lists(good.SPANS, min_size=1, max_size=6), st.integers(0, 3_000))
def test_requests_keep_to_their_size(spans: list[ReadableSpan], most: int) -> None:
    """Requests hold every span once, in order; none is larger than asked for unless it is a single span."""
    requests = list(assembled(spans).requests(most))
    assert [found for part in requests for found in flat(part.body)] == flat(
        encode_spans(spans).SerializeToString()
    )
    for part in requests:
        assert part.span_ids == [int.from_bytes(span.span_id, "big") for span in spans_in(part.body)]
        assert part.span_ids
        assert len(part.body) <= most or len(part.span_ids) == 1


def test_requests_are_few() -> None:
    """Requests are filled: what is twice as large as allowed becomes three at most."""
    spans = [
        ReadableSpan(f"span {number}", ELSEWHERE, attributes={"text": "x" * 500}, resource=good.RESOURCES[0])
        for number in range(40)
    ]
    size = len(encode_spans(spans).SerializeToString())
    assert [
        len(list(assembled(spans).requests(most))) for most in (size + 300, size // 2 + 300, size // 2)
    ] == [
        1,
        2,
        3,
    ]


def test_no_spans_make_no_request() -> None:
    """There is no empty request, and no empty resource or scope of a span that got no further."""
    assembly = Assembly()
    assert list(assembly.requests(UNBOUNDED)) == []
    assembly.group(ReadableSpan("lost", None, resource=good.RESOURCES[2]))
    assert list(assembly.requests(10)) == []
    span = ReadableSpan("chat", ELSEWHERE, resource=good.RESOURCES[0])
    assembly.group(span).spans.append((ELSEWHERE.span_id, encoded_span(span)))
    body = encode_spans([span]).SerializeToString()
    assert list(assembly.requests(UNBOUNDED)) == [Request(body, [ELSEWHERE.span_id])]


def test_bad_resources_and_scopes_are_repaired() -> None:
    """What the stock encoder would fail for is repaired, and shared by the spans that share it."""
    resource = Resource({"host.name": f"h{LONE}"})
    scope = InstrumentationScope(f"by-hand {LONE}")
    span = ReadableSpan("chat", ELSEWHERE, resource=resource, instrumentation_scope=scope)
    assembly = Assembly()
    group = assembly.group(span)
    assert assembly.group(span) is group
    assert group.resource == Resource({"host.name": "h\ufffd"})
    assert group.scope == InstrumentationScope("by-hand \ufffd")
