"""An application with tracing of its own, the same in every run, to see what changes when we are there."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from opentelemetry import baggage, context, trace
from opentelemetry.propagate import inject
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

REQUESTS = 12
SHARE = 0.5
_SPREAD = 0x9E3779B97F4A7C15F39CC0605CEDC835


class CountingIds(IdGenerator):
    """Give the same ids in the same order, spread so that a ratio sampler takes its share."""

    def __init__(self) -> None:
        self._traces = self._spans = 0

    def generate_trace_id(self) -> int:
        """Return the next trace id."""
        self._traces += 1
        return self._traces * _SPREAD % (1 << 128)

    def generate_span_id(self) -> int:
        """Return the next span id."""
        self._spans += 1
        return self._spans


class Application:
    """A web application that samples half of its traces and calls a database and another service."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(SHARE)),
            id_generator=CountingIds(),
            resource=Resource({"service.name": "shop"}),
            shutdown_on_exit=False,
        )
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.carriers: list[dict[str, str]] = []

    def serve(self, agent: Callable[[], AbstractContextManager[object]] = nullcontext) -> None:
        """Serve some requests; the agent is a block around the inner part of each."""
        tracer = trace.get_tracer("shop")
        for number in range(REQUESTS):
            token = context.attach(baggage.set_baggage("tenant", str(number)))
            with tracer.start_as_current_span("GET /", attributes={"number": number}):
                with agent():
                    with tracer.start_as_current_span("SELECT"):
                        self._call_out()
                    self._call_out()
                self._call_out()
            with agent():
                tracer.start_span("background").end()
            self._call_out()
            context.detach(token)

    def _call_out(self) -> None:
        carrier: dict[str, str] = {}
        inject(carrier)
        self.carriers.append(carrier)

    def left_behind(self) -> dict[str, Any]:
        """Return all that others see of the application: its exported spans, and the headers it sent."""
        return {
            "spans": [
                (span.name, span.context, span.parent, dict(span.attributes or {}), span.status.status_code)
                for span in self.exporter.get_finished_spans()
            ],
            "resources": {str(dict(span.resource.attributes)) for span in self.exporter.get_finished_spans()},
            "carriers": self.carriers,
            "context": dict(context.get_current()),
        }
