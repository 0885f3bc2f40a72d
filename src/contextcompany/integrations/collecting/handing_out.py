"""A tracer provider of ours for the instrumentation of others, in programs that have none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.util._decorator import (
    _agnosticcontextmanager,  # pyright: ignore[reportPrivateUsage]  (part of the signature to override)
)

from contextcompany.diagnostics import guard, warn_once
from contextcompany.integrations.collecting.own_runs import OwnRuns
from contextcompany.integrations.collecting.recognition import has_genai_keys, is_genai_scope
from contextcompany.propagation.ids import PrivateIdGenerator
from contextcompany.runtime import provider as providers
from contextcompany.runtime.process import process

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from opentelemetry.context import Context
    from opentelemetry.trace import Link, Span, Tracer, TracerProvider
    from opentelemetry.util.types import Attributes


def tracer_provider() -> TracerProvider:
    """Return a tracer provider for instrumentation, in a program that has set up none.

    What is recorded by it inside a run belongs to that run, and nests under its steps. A span of
    GenAI instrumentation that begins outside of any run gets a run around it, with the prompt, the
    response and the failure that it tells. Other spans outside of runs go nowhere.

    Where the application has an SDK provider of its own, `collect()` is meant: this one works there
    too, with one warning, but what the instrumentation makes current is then a span that the
    application's own backend never sees.
    """
    if providers.application_provider() is not None:
        warn_once(
            "tracer_provider",
            "tcc.tracer_provider() is for programs without a tracer provider, and this one has its own: "
            "give that one to the instrumentation and call tcc.collect() instead",
        )
    process.has_collected = True
    if process.handed_out is None:
        process.handed_out = HandedOutProvider()
    return process.handed_out


class HandedOutProvider(trace.TracerProvider):
    """Makes spans of others that are ours to deliver, and never becomes the application's own."""

    def __init__(self) -> None:
        self._runs = OwnRuns()
        settings = process.instance().settings
        self._made = providers.private_provider(settings, self._runs, PrivateIdGenerator())
        process.processors[self._made] = self._runs

    def __repr__(self) -> str:
        """Return the provider with how many spans of it are open."""
        return f"HandedOutProvider(open={len(self._runs.members)})"

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Attributes = None,
    ) -> Tracer:
        """Return a tracer for an instrumentation."""
        made = self._made.get_tracer(
            instrumenting_module_name, instrumenting_library_version, schema_url, attributes
        )
        return _Tracer(made, self._runs, is_genai=is_genai_scope(instrumenting_module_name))


class _Tracer(trace.Tracer):
    """Puts spans below the handle of ours that is current, and opens a run where there is none."""

    def __init__(self, made: Tracer, runs: OwnRuns, *, is_genai: bool) -> None:
        self._made = made
        self._runs = runs
        self._is_genai = is_genai

    def start_span(  # noqa: PLR0917  (the signature of its base)
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
    ) -> Span:
        """Start a span inside the current run."""
        run = None
        with guard:
            is_genai = self._is_genai or has_genai_keys(attributes or {})
            context, run = self._runs.placed(context, is_genai=is_genai, start_time=start_time)
        span = self._made.start_span(
            name, context, kind, attributes, links, start_time, record_exception, set_status_on_exception
        )
        if run is not None:
            self._runs.add(span, run)
        return span

    @_agnosticcontextmanager
    def start_as_current_span(  # noqa: PLR0917  (the signature of its base)
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
        end_on_exit: bool = True,
    ) -> Iterator[Span]:
        """Start a span, current inside the block where the application has no provider of its own."""
        span = self.start_span(
            name, context, kind, attributes, links, start_time, record_exception, set_status_on_exception
        )
        if providers.application_provider() is None:
            with trace.use_span(span, end_on_exit, record_exception, set_status_on_exception):
                yield span
            return
        try:
            yield span
        except Exception as error:
            if record_exception:
                span.record_exception(error)
            if set_status_on_exception:
                span.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {error}"))
            raise
        finally:
            if end_on_exit:
                span.end()
