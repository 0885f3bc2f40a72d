"""logfire, sending to a server of one's own as its documentation describes it."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, ClassVar

from tests.conformance.adapter import Adapter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager


class Logfire(Adapter):
    """The global instance of `logfire.configure()`; its console is off, since nobody reads it here."""

    distribution = "logfire"
    means: ClassVar[Mapping[str, str]] = {
        "setup": "`logfire.configure(token=…, advanced=AdvancedOptions(base_url=…), console=False)`",
        "run": "`with logfire.span()`",
        "step": "`with logfire.span()`",
        "decorate": "`@logfire.instrument`, for generators with `allow_generator=True`",
        "propagate": "`logfire.get_context()`, `logfire.attach_context()`",
        "executor": "`configure()` patches the pools of the standard library",
        "inject": "`logfire.get_context()`",
        "attach": "`logfire.attach_context()`",
    }
    remark = (
        "Its documentation advises against a span around a `yield`; the cells about generators say what "
        "happens where one is there nevertheless."
    )

    def setup(self, url: str) -> None:
        """See `Adapter`."""
        import logfire

        logfire.configure(
            token="pylf_v1_local_conformance",
            advanced=logfire.AdvancedOptions(base_url=url),
            console=False,
        )

    def run(self, name: str) -> AbstractContextManager[object]:
        """See `Adapter`."""
        return self.step(name)

    def step(self, name: str) -> AbstractContextManager[object]:
        """See `Adapter`."""
        import logfire

        span: AbstractContextManager[object] = logfire.span(name)
        return span

    def decorate(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        """See `Adapter`."""
        import logfire

        decorated: Callable[..., Any] = logfire.instrument(name, allow_generator=True)(function)
        return decorated

    def propagate(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """See `Adapter`."""
        carrier = self.inject()

        @wraps(function)
        def below(*arguments: Any) -> Any:
            with self.attach(carrier):
                return function(*arguments)

        return below

    def inject(self) -> dict[str, str]:
        """See `Adapter`."""
        import logfire

        return dict(logfire.get_context())

    def attach(self, carrier: Mapping[str, str]) -> AbstractContextManager[object]:
        """See `Adapter`."""
        import logfire

        attached: AbstractContextManager[object] = logfire.attach_context(carrier)
        return attached

    def flush(self) -> None:
        """See `Adapter`."""
        import logfire

        logfire.force_flush()

    def is_current_visible(self) -> bool:
        """See `Adapter`."""
        from opentelemetry import trace

        return trace.get_current_span().get_span_context().is_valid

    @staticmethod
    def label(name: str, attributes: Mapping[str, Any]) -> str | None:
        """See `Adapter`.

        A span that started is announced by another one, which its own backend takes for a note.
        """
        return None if attributes.get("logfire.span_type") == "pending_span" else name
