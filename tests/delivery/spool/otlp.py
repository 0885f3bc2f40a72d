"""OTLP requests as a spool holds them, made and read with the official messages."""

from __future__ import annotations

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


def request(*names: str, padding: int = 0) -> bytes:
    """Return a serialized request with one span for each name; the padding makes each span larger."""
    message = ExportTraceServiceRequest()
    spans = message.resource_spans.add().scope_spans.add().spans
    for name in names:
        spans.add(name=name, trace_state="x" * padding)
    return message.SerializeToString()


def names_in(body: bytes) -> list[str]:
    """Return the names of the spans in a serialized request."""
    message = ExportTraceServiceRequest.FromString(body)
    return [
        span.name
        for resource in message.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
