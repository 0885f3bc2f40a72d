"""traceloop-sdk (OpenLLMetry), as its documentation describes it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from tests.conformance.adapter import Adapter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager


class Traceloop(Adapter):
    """What `Traceloop.init()` sets up; reports to its makers are off, since nothing here may leave."""

    distribution = "traceloop-sdk"
    means: ClassVar[Mapping[str, str]] = {
        "setup": "`Traceloop.init(api_endpoint=…, telemetry_enabled=False)`",
        "run": "`with get_tracer()`, `start_as_current_span()`",
        "step": "`with get_tracer()`, `start_as_current_span()`",
        "decorate": "`@workflow`",
        "propagate": "`init()` patches threads",
        "executor": "`init()` patches the pools of the standard library",
    }
    remark = (
        "It imports `httpx` without declaring it as a dependency; its environment has it, or no program "
        "would start."
    )

    def setup(self, url: str) -> None:
        """See `Adapter`."""
        from traceloop.sdk import Traceloop as Package

        Package.init(app_name="conformance", api_endpoint=url, api_key="conformance", telemetry_enabled=False)

    def run(self, name: str) -> AbstractContextManager[object]:
        """See `Adapter`."""
        return self.step(name)

    @contextmanager
    def step(self, name: str) -> Iterator[object]:
        """See `Adapter`."""
        from traceloop.sdk.tracing import get_tracer

        with get_tracer() as tracer, tracer.start_as_current_span(name) as span:
            yield span

    def decorate(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        """See `Adapter`."""
        from traceloop.sdk.decorators import workflow

        decorated: Callable[..., Any] = workflow(name=name)(function)
        return decorated

    def inject(self) -> dict[str, str]:
        """Write OpenTelemetry's own headers: the package offers nothing for it."""
        from opentelemetry import propagate

        carrier: dict[str, str] = {}
        propagate.inject(carrier)
        return carrier

    @contextmanager
    def attach(self, carrier: Mapping[str, str]) -> Iterator[None]:
        """Attach what OpenTelemetry reads from the headers: the package offers nothing for it."""
        from opentelemetry import context, propagate

        token = context.attach(propagate.extract(carrier))
        try:
            yield
        finally:
            context.detach(token)

    def flush(self) -> None:
        """See `Adapter`."""
        from traceloop.sdk.tracing.tracing import TracerWrapper

        TracerWrapper().flush()

    def is_current_visible(self) -> bool:
        """See `Adapter`."""
        from opentelemetry import trace

        return trace.get_current_span().get_span_context().is_valid

    @staticmethod
    def label(name: str, attributes: Mapping[str, Any]) -> str | None:
        """See `Adapter`."""
        return name.removesuffix(".workflow")
