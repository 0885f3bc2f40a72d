"""OTLP protobuf to span records. Definition: opentelemetry/proto/trace/v1/trace.proto."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from contextcompany.local.otlp.spans import (
    AttributeValue,
    EventRecord,
    LinkRecord,
    MalformedBodyError,
    SpanRecord,
    kind_name,
    parent_id_text,
    span_id_text,
    status_code_name,
    trace_id_text,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

_SCALARS: Final = frozenset({"string_value", "bool_value", "int_value", "double_value", "bytes_value"})


def decode_protobuf(body: bytes) -> list[SpanRecord]:
    """Read the spans of an ExportTraceServiceRequest in protobuf.

    Raises:
        MalformedBodyError: The body cannot be parsed, or a span in it has no valid ids.
    """
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    try:
        request = ExportTraceServiceRequest.FromString(body)
    except DecodeError as error:
        raise MalformedBodyError("the body is no ExportTraceServiceRequest in protobuf") from error
    spans: list[SpanRecord] = []
    for resource_spans in request.resource_spans:
        resource = _attributes(resource_spans.resource.attributes)
        for scope_spans in resource_spans.scope_spans:
            name, version = scope_spans.scope.name, scope_spans.scope.version
            spans.extend(_span(span, resource, name, version) for span in scope_spans.spans)
    return spans


def _span(
    span: Span, resource: Mapping[str, AttributeValue], scope_name: str, scope_version: str
) -> SpanRecord:
    return SpanRecord(
        trace_id=trace_id_text(span.trace_id),
        span_id=span_id_text(span.span_id),
        parent_span_id=parent_id_text(span.parent_span_id),
        name=span.name,
        kind=kind_name(span.kind),
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        attributes=_attributes(span.attributes),
        events=tuple(
            EventRecord(event.name, event.time_unix_nano, _attributes(event.attributes))
            for event in span.events
        ),
        links=tuple(
            LinkRecord(trace_id_text(link.trace_id), span_id_text(link.span_id), _attributes(link.attributes))
            for link in span.links
        ),
        status_code=status_code_name(span.status.code),
        status_message=span.status.message,
        resource=resource,
        scope_name=scope_name,
        scope_version=scope_version,
    )


def _attributes(pairs: Iterable[KeyValue]) -> dict[str, AttributeValue]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> AttributeValue:
    # Recursion is safe here: the parser has refused messages that are nested more than 100 levels deep.
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return tuple(_value(item) for item in value.array_value.values)
    if kind == "kvlist_value":
        return _attributes(value.kvlist_value.values)
    return cast("AttributeValue", getattr(value, kind)) if kind in _SCALARS else None
