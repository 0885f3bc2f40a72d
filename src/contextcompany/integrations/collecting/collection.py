"""Collecting other people's spans from the application's provider: the handle on it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, Literal, Self

from contextcompany.diagnostics import warn_once
from contextcompany.integrations.collecting.processor import CollectingProcessor
from contextcompany.runtime import provider as providers
from contextcompany.runtime.process import process
from contextcompany.sdk import ConcurrentMultiSpanProcessor, TracerProvider

if TYPE_CHECKING:
    from types import TracebackType

    from opentelemetry import trace

Which = Literal["genai", "all"]

_WHICH: Final[tuple[Which, ...]] = ("genai", "all")


class Collection:
    """Spans of the application's provider go into our runs until this is closed; a context manager.

    Made by `collect()`.
    """

    def __init__(self, collector: _Collector, which: Which) -> None:
        self._collector = collector
        self._which: Which = which

    def __repr__(self) -> str:
        """Return what is collected, and whether it still is."""
        state = "open" if self._collector.has(self) else "closed"
        return f"Collection(spans={self._which!r}, {state})"

    @property
    def spans(self) -> Which:
        """Return which spans are collected."""
        return self._which

    def close(self) -> None:
        """Collect no more; what was collected is delivered. May be called again."""
        self._collector.remove(self)

    def __enter__(self) -> Self:
        """Return the collection, which is at work already."""
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Collect no more."""
        self.close()


class _Collector(CollectingProcessor):
    """The processor of one provider, at work while a collection is open."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.RLock()
        self._open: list[Collection] = []

    def has(self, collection: Collection) -> bool:
        return collection in self._open

    def add(self, collection: Collection) -> None:
        with self._lock:
            self._open.append(collection)
            self._decide()

    def remove(self, collection: Collection) -> None:
        with self._lock:
            if collection in self._open:
                self._open.remove(collection)
            self._decide()

    def _decide(self) -> None:
        self.takes_all = any(collection.spans == "all" for collection in self._open)
        self.is_active = bool(self._open)
        if not self.is_active:
            self.members.clear()


def collect(provider: trace.TracerProvider | None = None, *, spans: Which = "genai") -> Collection:
    """Take what other libraries record inside our runs from the application's provider.

    Each such span is copied into the run in which it began, and goes where the run goes. The span
    itself is not touched, and the application's own exporters get what they got before. Spans that
    the application's sampler leaves unrecorded cannot be seen.

    Where a step of ours records the same request to a model, no second span leaves: the step takes
    what it lacks from it.

    Args:
        provider: the application's `opentelemetry.sdk.trace.TracerProvider`; None for the global one.
        spans: `"genai"` for instrumentation of GenAI (OpenTelemetry's, OpenInference's,
            OpenLLMetry's), `"all"` for HTTP, databases and all else too.

    Returns:
        A handle whose `close()` ends it; `shutdown()` ends it too, until `configure()` is called.

    Raises:
        TypeError: for a provider that is none of the SDK.
        ValueError: for another word, or without a provider where the application has none.
    """
    if spans not in _WHICH:
        raise ValueError(f'spans must be "genai" or "all": got {spans!r}; pass one of them')
    if provider is None:
        provider = providers.application_provider()
        if provider is None:
            raise ValueError(
                "collect() needs a tracer provider: got none and the application has set up none; "
                "call it after opentelemetry.trace.set_tracer_provider(…), pass the provider, or give "
                "tcc.tracer_provider() to the instrumentation"
            )
    if not isinstance(provider, TracerProvider):
        raise TypeError(
            "provider must be an opentelemetry.sdk.trace.TracerProvider: "
            f"got {type(provider).__name__}; pass the one that your spans are made by"
        )
    process.has_collected = True
    collector = _collector_of(provider)
    collection = Collection(collector, spans)
    collector.add(collection)
    return collection


def _collector_of(provider: TracerProvider) -> _Collector:
    """Return our processor on a provider, which is added once and for all."""
    found = process.processors.get(provider)
    if isinstance(found, _Collector):
        return found
    made = _Collector()
    # In one go: of two threads that collect at once the second one gets the processor of the first.
    first = process.processors.setdefault(provider, made)
    if isinstance(first, _Collector) and first is not made:
        return first
    provider.add_span_processor(made)
    # The SDK tells nobody which kind it has.
    if isinstance(getattr(provider, "_active_span_processor", None), ConcurrentMultiSpanProcessor):
        warn_once(
            "collect from threads",
            "this tracer provider calls its span processors in threads of its own "
            "(ConcurrentMultiSpanProcessor), where the current run cannot be told: nothing is collected from "
            "it; make the provider without active_span_processor=",
        )
    return made
