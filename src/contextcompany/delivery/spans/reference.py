"""What the encoder of the installed OpenTelemetry exporter writes, taken apart: its word is the last one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans
from opentelemetry.trace import SpanContext

from contextcompany.sdk import ReadableSpan

if TYPE_CHECKING:
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    from contextcompany.sdk import Resource

_ANY: Final = SpanContext(1, 1, is_remote=False)


class Around(NamedTuple):
    """What an encoded message holds beside the messages that are collected in it.

    Attributes:
        before: its fields that come before them.
        after: its fields that come after them.
    """

    before: bytes
    after: bytes


def encoded_span(span: ReadableSpan) -> bytes:
    """Return a span as an encoded `Span`.

    Raises:
        Exception: any class of it, if the encoder does not take the span.
    """
    message = encode_spans([span])
    return message.resource_spans[0].scope_spans[0].spans[0].SerializeToString()


def encoded_origin(resource: Resource, scope: InstrumentationScope | None) -> tuple[Around, Around]:
    """Return a `ResourceSpans` without its scopes and a `ScopeSpans` without its spans.

    Raises:
        Exception: any class of it, if the encoder does not take one of the two.
    """
    span = ReadableSpan("", _ANY, resource=resource, instrumentation_scope=scope)
    around_scopes = encode_spans([span]).resource_spans[0]
    around_spans = ScopeSpans()
    around_spans.CopyFrom(around_scopes.scope_spans[0])
    around_spans.ClearField("spans")
    around_scopes.ClearField("scope_spans")
    return _around(around_scopes), _around(around_spans)


def _around(message: ResourceSpans | ScopeSpans) -> Around:
    after = type(message)(schema_url=message.schema_url).SerializeToString()
    message.ClearField("schema_url")
    return Around(message.SerializeToString(), after)
