"""langfuse, as its documentation for Python describes it."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from tests.conformance.adapter import Adapter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager


class Langfuse(Adapter):
    """The client that `get_client()` makes from the environment, on the provider that it finds or sets."""

    distribution = "langfuse"
    means: ClassVar[Mapping[str, str]] = {
        "setup": "`LANGFUSE_*` and `get_client()`",
        "run": '`start_as_current_observation(as_type="agent")`',
        "step": '`start_as_current_observation(as_type="generation")`',
        "decorate": "`@observe`",
        "propagate": "OpenTelemetry's `ThreadingInstrumentor`",
        "executor": "OpenTelemetry's `ThreadingInstrumentor`",
        "inject": "`get_current_trace_id()`, `get_current_observation_id()`",
        "attach": "`trace_context=` of the first observation",
    }
    remark = (
        "`Langfuse(tracer_provider=…)` puts its spans on a provider of their own; it is not the default, and "
        "its documentation warns that trees may break, so it is not used here."
    )

    def __init__(self) -> None:
        self._place: dict[str, str] | None = None

    def setup(self, url: str) -> None:
        """See `Adapter`."""
        os.environ["LANGFUSE_BASE_URL"] = url
        os.environ["LANGFUSE_PUBLIC_KEY"] = "pk-lf-conformance"
        os.environ["LANGFUSE_SECRET_KEY"] = "sk-lf-conformance"
        from langfuse import get_client
        from opentelemetry.instrumentation.threading import ThreadingInstrumentor

        get_client()
        ThreadingInstrumentor().instrument()

    def run(self, name: str) -> AbstractContextManager[object]:
        """See `Adapter`."""
        return self._observation(name, "agent")

    def step(self, name: str) -> AbstractContextManager[object]:
        """See `Adapter`."""
        return self._observation(name, "generation")

    def _observation(self, name: str, kind: str) -> AbstractContextManager[object]:
        from langfuse import get_client

        observation: AbstractContextManager[object] = get_client().start_as_current_observation(
            as_type=kind, name=name, trace_context=self._place
        )
        return observation

    def decorate(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        """See `Adapter`."""
        from langfuse import observe

        decorated: Callable[..., Any] = observe(name=name)(function)
        return decorated

    def inject(self) -> dict[str, str]:
        """See `Adapter`."""
        from langfuse import get_client

        client = get_client()
        return {
            "trace_id": client.get_current_trace_id(),
            "parent_span_id": client.get_current_observation_id(),
        }

    @contextmanager
    def attach(self, carrier: Mapping[str, str]) -> Iterator[None]:
        """See `Adapter`."""
        self._place = dict(carrier)
        try:
            yield
        finally:
            self._place = None

    def flush(self) -> None:
        """See `Adapter`."""
        from langfuse import get_client

        get_client().flush()

    def is_current_visible(self) -> bool:
        """See `Adapter`."""
        from langfuse import get_client

        return get_client().get_current_observation_id() is not None

    @staticmethod
    def label(name: str, attributes: Mapping[str, Any]) -> str | None:
        """See `Adapter`."""
        return name
