"""The stock encoder's output taken apart: nothing of it is lost in that."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span
from opentelemetry.sdk.trace import ReadableSpan

from contextcompany.delivery.spans.reference import encoded_origin, encoded_span
from tests.delivery.spans import good


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(good.SPANS)
def test_parts_make_the_whole(span: ReadableSpan) -> None:
    """A span, its scope and its resource put together again are what the stock encoder wrote."""
    scopes, spans = encoded_origin(span.resource, span.instrumentation_scope)
    message = encode_spans([span]).resource_spans[0]
    around = ResourceSpans.FromString(scopes.before + scopes.after)
    around.scope_spans.append(ScopeSpans.FromString(spans.before + spans.after))
    around.scope_spans[0].spans.append(Span.FromString(encoded_span(span)))
    assert around.SerializeToString() == message.SerializeToString()


def test_what_is_refused_raises() -> None:
    """A span that the stock encoder does not take raises, as there."""
    with pytest.raises(AttributeError):
        encoded_span(ReadableSpan("without ids", None))
