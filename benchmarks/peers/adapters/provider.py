"""The provider of an application that uses the OpenTelemetry SDK by hand, as the SDK's documentation says."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider


def batching(url: str) -> SpanProcessor:
    """Return the stock batch processor with the stock exporter."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    return BatchSpanProcessor(OTLPSpanExporter(f"{url}/v1/traces"))


def provider(processor: SpanProcessor) -> TracerProvider:
    """Return a provider with one processor, which is the global one from now on."""
    from opentelemetry import trace
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

    made = TracerProvider(resource=Resource.create({"service.name": "bench"}))
    made.add_span_processor(processor)
    trace.set_tracer_provider(made)
    return made
