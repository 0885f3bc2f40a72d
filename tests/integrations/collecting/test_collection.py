"""The handle on collecting: what it takes, when it works, and what it never does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ConcurrentMultiSpanProcessor, TracerProvider

import contextcompany as tcc
from contextcompany.testing import capture
from tests.integrations.collecting.foreign_spans import chat, tree

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from contextcompany.testing import Captured

    Installed = tuple[TracerProvider, InMemorySpanExporter]


def record(provider: TracerProvider) -> None:
    """Record a run with a request to a model in it, and a query."""
    with tcc.run().prompt("hi"), chat(provider), provider.get_tracer("db").start_as_current_span("SELECT"):
        pass


WITHOUT = ["invoke_agent"]
GENAI = ["invoke_agent", "invoke_agent > chat gpt-5"]
ALL = [*GENAI, "invoke_agent > chat gpt-5 > SELECT"]


def seen(provider: TracerProvider) -> list[str]:
    """Return the tree of one recorded run."""
    with capture() as captured:
        record(provider)
        return tree(captured.spans)


def test_until_it_is_closed(application: Installed) -> None:
    """Spans are collected from the call until `close()`, which may be called again, or the block's end."""
    provider, _ = application
    handle = tcc.collect(provider)
    assert repr(handle) == "Collection(spans='genai', open)"
    assert seen(provider) == GENAI
    handle.close()
    handle.close()
    assert repr(handle) == "Collection(spans='genai', closed)"
    assert seen(provider) == WITHOUT
    with tcc.collect(spans="all") as again:
        assert again.spans == "all"
        assert seen(provider) == ALL
    assert seen(provider) == WITHOUT


def test_twice(application: Installed, monkeypatch: pytest.MonkeyPatch) -> None:
    """One provider gets one processor, which works while any collection is open, for the widest of them."""
    provider, _ = application
    added: list[Any] = []
    original = provider.add_span_processor

    def add(processor: SpanProcessor) -> None:
        added.append(processor)
        original(processor)

    monkeypatch.setattr(provider, "add_span_processor", add)
    first, second = tcc.collect(provider), tcc.collect(provider, spans="all")
    assert len(added) == 1
    assert seen(provider) == ALL
    second.close()
    assert seen(provider) == GENAI
    first.close()
    assert seen(provider) == WITHOUT


def test_a_span_that_is_open_when_it_is_closed(application: Installed, captured: Captured) -> None:
    """What ends after `close()` is not collected any more, and its step does not wait for it."""
    provider, _ = application
    with tcc.run().prompt("hi") as r, r.step() as s:
        handle = tcc.collect()
        with chat(provider):
            handle.close()
        s.prompt("hi").response("hello")
    assert tree(captured.spans) == ["invoke_agent", "invoke_agent > chat"]


def test_inert_after_shutdown(application: Installed, captured: Captured) -> None:
    """After `shutdown()` nothing is collected, until `configure()` is called."""
    provider, _ = application
    tcc.collect()
    with tcc.run().prompt("hi"), chat(provider):
        tcc.shutdown()
    record(provider)
    assert [span.name for span in captured.spans] == ["invoke_agent"]
    tcc.configure(exporter=captured)
    record(provider)
    assert tree(captured.spans[1:]) == GENAI


def test_without_a_provider() -> None:
    """Where the application has none, it is said what to do."""
    with pytest.raises(ValueError, match=r"got none and the application has set up none; call it after"):
        tcc.collect()


def test_wrong_arguments(application: Installed) -> None:
    """A word that is none and a provider of another kind are refused."""
    words: Any = "some"
    with pytest.raises(ValueError, match='spans must be "genai" or "all": got \'some\'; pass one of them'):
        tcc.collect(spans=words)
    with pytest.raises(
        TypeError, match=r"provider must be an opentelemetry.sdk.trace.TracerProvider: got NoOp"
    ):
        tcc.collect(trace.NoOpTracerProvider())


def test_a_provider_that_calls_from_threads(caplog: pytest.LogCaptureFixture) -> None:
    """Where processors are called in threads of their own, one warning says that nothing is collected."""
    provider = TracerProvider(active_span_processor=ConcurrentMultiSpanProcessor(1), shutdown_on_exit=False)
    with tcc.collect(provider), tcc.collect(provider):
        pass
    provider.shutdown()
    assert [record.message for record in caplog.records] == [
        (
            "this tracer provider calls its span processors in threads of its own "
            "(ConcurrentMultiSpanProcessor), where the current run cannot be told: nothing is collected "
            "from it; make the provider without active_span_processor="
        )
    ]
