"""Spans made by hand on the plain SDK, and spans as plain data to compare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, TraceFlags

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opentelemetry.util.types import AttributeValue

PROMPT = '[{"role":"user","parts":[{"type":"text","content":"hi"}]}]'
ANSWER = '[{"role":"assistant","parts":[{"type":"text","content":"hello"}],"finish_reason":"stop"}]'

RUN: Mapping[str, AttributeValue] = {
    "gen_ai.operation.name": "invoke_agent",
    "tcc.runId": "run-1",
    "gen_ai.input.messages": PROMPT,
}
STEP: Mapping[str, AttributeValue] = {
    "gen_ai.operation.name": "chat",
    "tcc.runId": "run-1",
    "gen_ai.provider.name": "openai",
    "gen_ai.input.messages": PROMPT,
    "gen_ai.output.messages": ANSWER,
}
TOOL_CALL: Mapping[str, AttributeValue] = {
    "gen_ai.operation.name": "execute_tool",
    "tcc.runId": "run-1",
    "gen_ai.tool.name": "search",
    "gen_ai.tool.call.id": "call-1",
    "gen_ai.tool.type": "function",
}

ELSEWHERE = SpanContext(
    0xAB54A98CEB1F0AD2AB54A98CEB1F0AD2, 0xAB54A98CEB1F0AD2, is_remote=True, trace_flags=TraceFlags(1)
)


def without(attributes: Mapping[str, AttributeValue], *keys: str) -> dict[str, AttributeValue]:
    """Return the attributes without some of them."""
    return {key: value for key, value in attributes.items() if key not in keys}


def ended_span(
    name: str = "chat",
    attributes: Mapping[str, AttributeValue] | None = None,
    *,
    kind: SpanKind = SpanKind.CLIENT,
    status: Status | None = None,
    events: Sequence[tuple[str, Mapping[str, AttributeValue]]] = (),
    links: Sequence[Link] = (),
    limits: SpanLimits | None = None,
    start_time: int | None = None,
) -> ReadableSpan:
    """Start a span on a plain SDK provider, end it, and return it as processors get it."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False, span_limits=limits)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("by-hand", "1.2")
    span = tracer.start_span(name, kind=kind, attributes=attributes, links=links, start_time=start_time)
    for event, described in events:
        span.add_event(event, described, timestamp=1_000)
    if status is not None:
        span.set_status(status)
    span.end()
    provider.shutdown()
    return exporter.get_finished_spans()[0]


def whole(span: ReadableSpan) -> dict[str, Any]:
    """Return everything that a span holds as plain data."""
    return {
        "name": span.name,
        "context": span.context,
        "parent": span.parent,
        "kind": span.kind,
        "resource": dict(span.resource.attributes),
        "scope": span.instrumentation_scope,
        "times": (span.start_time, span.end_time),
        "status": (span.status.status_code, span.status.description),
        "attributes": dict(span.attributes or {}),
        "events": [(event.name, event.timestamp, dict(event.attributes or {})) for event in span.events],
        "links": [(link.context, dict(link.attributes or {})) for link in span.links],
        "dropped": (span.dropped_attributes, span.dropped_events, span.dropped_links),
    }
