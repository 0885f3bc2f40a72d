"""Spans as other libraries make them, and trees as a backend sees them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import SpanKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
    from opentelemetry.trace import Span

OPENTELEMETRY = "opentelemetry.instrumentation.openai_v2"
OPENINFERENCE = "openinference.instrumentation.openai"

TEXT = '[{"role":"user","parts":[{"type":"text","content":"hi"}]}]'
ANSWER = '[{"finish_reason":"stop","role":"assistant","parts":[{"type":"text","content":"hello"}]}]'

CHAT: dict[str, Any] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-5",
}
ANSWERED: dict[str, Any] = {
    "gen_ai.response.model": "gpt-5-2025-08-07",
    "gen_ai.response.id": "chatcmpl-1",
    "gen_ai.response.finish_reasons": ["stop"],
    "gen_ai.usage.input_tokens": 19,
    "gen_ai.usage.output_tokens": 7,
    "gen_ai.usage.cache_read.input_tokens": 4,
    "gen_ai.input.messages": TEXT,
    "gen_ai.output.messages": ANSWER,
}


def start_chat(provider: TracerProvider, **more: Any) -> Span:
    """Start a request to a model as OpenTelemetry's instrumentation does."""
    tracer = provider.get_tracer(OPENTELEMETRY)
    return tracer.start_span("chat gpt-5", kind=SpanKind.CLIENT, attributes={**CHAT, **more})


@contextmanager
def chat(provider: TracerProvider, **more: Any) -> Iterator[Span]:
    """Make a whole request to a model, current while it lasts."""
    tracer = provider.get_tracer(OPENTELEMETRY)
    with tracer.start_as_current_span(
        "chat gpt-5", kind=SpanKind.CLIENT, attributes={**CHAT, **more}
    ) as span:
        yield span
        span.set_attributes(ANSWERED)


def tree(spans: Iterable[ReadableSpan]) -> list[str]:
    """Return each span with the names of those above it, the innermost last, in order."""
    by_id = {span.context.span_id: span for span in spans if span.context}

    def path(span: ReadableSpan) -> str:
        parent = span.parent
        if parent is None:
            return span.name
        above = by_id.get(parent.span_id)
        return f"{path(above) if above is not None else '?'} > {span.name}"

    return sorted(path(span) for span in by_id.values())


def exported(spans: Iterable[ReadableSpan]) -> list[tuple[Any, ...]]:
    """Return all of spans that a backend gets to see."""
    return [
        (
            span.name,
            span.context,
            span.parent,
            dict(span.attributes or {}),
            span.status.status_code,
            span.status.description,
            [(event.name, dict(event.attributes or {})) for event in span.events],
        )
        for span in spans
    ]
