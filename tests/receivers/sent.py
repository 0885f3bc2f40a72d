"""What was sent, read from the bytes that left the exporting program."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1 import trace_pb2

from tests.receivers.spans import (
    ERROR,
    NO_ROOT,
    OK,
    OTHER,
    RUN,
    STEP,
    TOOL_CALL,
    Span,
    Trace,
    content,
    messages,
    system_message,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

    from tests.receivers.relay import Exchange

KINDS = {"invoke_agent": RUN, "chat": STEP, "execute_tool": TOOL_CALL}


def sent_traces(exchanges: Iterable[Exchange]) -> dict[str, Trace]:
    """Read the traces out of the requests, by trace id; each span counts once, however often it was sent."""
    grouped: dict[str, dict[str, Span]] = defaultdict(dict)
    for exchange in exchanges:
        request = ExportTraceServiceRequest.FromString(exchange.body)
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                for span in map(_span, scope.spans):
                    grouped[span.trace_id][span.span_id] = span
    return {trace_id: _trace(trace_id, spans) for trace_id, spans in grouped.items()}


def _trace(trace_id: str, spans: Mapping[str, Span]) -> Trace:
    root = next((span for span in spans.values() if span.parent_id is None), None)
    return Trace(
        trace_id,
        root=root.span_id if root else None,
        state=root.state if root else NO_ROOT,
        session=root.session if root else None,
        tokens=(
            sum(span.tokens[0] or 0 for span in spans.values()),
            sum(span.tokens[1] or 0 for span in spans.values()),
        ),
        spans=spans,
    )


def _span(span: trace_pb2.Span) -> Span:
    attributes = {attribute.key: _value(attribute.value) for attribute in span.attributes}

    def text(key: str) -> str | None:
        value = attributes.get(key)
        return None if value is None else str(value)

    def number(key: str) -> int | None:
        value = attributes.get(key)
        return value if isinstance(value, int) else None

    return Span(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex() or None,
        name=span.name,
        kind=KINDS.get(text("gen_ai.operation.name") or "", OTHER),
        state=ERROR if span.status.code == trace_pb2.Status.STATUS_CODE_ERROR else OK,
        status_message=span.status.message,
        session=text("gen_ai.conversation.id"),
        tokens=(
            number("gen_ai.usage.input_tokens"),
            number("gen_ai.usage.output_tokens"),
            number("gen_ai.usage.cache_read.input_tokens"),
        ),
        input=system_message(text("gen_ai.system_instructions")) + messages(text("gen_ai.input.messages")),
        output=messages(text("gen_ai.output.messages")),
        arguments=content(text("gen_ai.tool.call.arguments")),
        result=content(text("gen_ai.tool.call.result")),
    )


def _value(value: AnyValue) -> object:
    which = value.WhichOneof("value")
    if which == "array_value":
        return [_value(item) for item in value.array_value.values]
    if which == "kvlist_value":
        return _mapping(value.kvlist_value.values)
    return None if which is None else getattr(value, which)


def _mapping(pairs: Iterable[KeyValue]) -> dict[str, object]:
    return {pair.key: _value(pair.value) for pair in pairs}
