"""Fixtures: a clean process for every test, and every emitted span held against the registry."""

from __future__ import annotations

import logging
import os
import signal
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from opentelemetry import context, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from contextcompany.delivery.outbox.sinks import CollectorSink, ExporterSink
from contextcompany.diagnostics import guard, said
from contextcompany.runtime.process import process
from contextcompany.testing import Captured, capture
from tests.registry import check_span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace import ReadableSpan


# How long an example takes says more about what else the machine does than about the code; what hangs is
# ended by the limit of its test. A landing is decided on the same examples every time; new ones are searched
# for at the desk.
settings.register_profile("desk", deadline=None)
settings.register_profile("ci", settings.get_profile("desk"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "desk")


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, and let programs that tests start hear Ctrl-C."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # What a shell starts in the background ignores it, with all that is started from there.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.addinivalue_line(
        "markers", "allows(*keys): attribute keys outside the registry that this test sets"
    )
    config.addinivalue_line("markers", "zone(name): the time zone of this machine during a local test")
    config.addinivalue_line("markers", "unchecked: this test makes spans that break the registry on purpose")


@pytest.fixture(scope="session", autouse=True)
def _letters() -> None:
    """Look at all of Unicode before the first test: hypothesis would take it for a slow test's own time."""
    st.text().validate()


@pytest.fixture(autouse=True)
def _clean_process(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Give each test a process that nobody configured, no TCC_* or OTEL_* variable, and its own spool."""
    for name in list(os.environ):
        if name.startswith(("TCC_", "OTEL_")) or name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
            monkeypatch.delenv(name)
    state = str(tmp_path_factory.getbasetemp() / uuid4().hex)
    monkeypatch.setenv("TCC_SPOOL_DIR", state)
    monkeypatch.setenv("XDG_STATE_HOME", state)  # for programs that a test starts without the other one
    monkeypatch.setattr(guard, "strict", True)
    said.forget()
    context.attach(context.Context())
    level = logging.getLogger("contextcompany").level
    yield
    process.reset(0.0)
    logging.getLogger("contextcompany").setLevel(level)
    guard.errors = 0


@pytest.fixture(autouse=True)
def _held_against_registry(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hold every span that leaves this package during a test against the YAML in `semconv/`."""
    emitted: list[ReadableSpan] = []
    for sink in (CollectorSink, ExporterSink):
        original = sink.prepared

        def prepared(self: Any, batch: Any, _original: Any = original) -> Any:
            spans = _original(self, batch)
            emitted.extend(spans)
            return spans

        monkeypatch.setattr(sink, "prepared", prepared)
    yield
    if request.node.get_closest_marker("unchecked") is not None:
        return
    allowed = frozenset(key for marker in request.node.iter_markers("allows") for key in marker.args)
    problems = [(span.name, problem) for span in emitted for problem in check_span(span, allow=allowed)]
    assert problems == []


@pytest.fixture
def captured() -> Iterator[Captured]:
    """Record into memory: `captured.spans` are the ended spans."""
    with capture() as spans:
        yield spans


@pytest.fixture
def application() -> Iterator[tuple[TracerProvider, InMemorySpanExporter]]:
    """Give the application a global tracer provider with an in-memory exporter, for one test."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with global_provider(provider):
        yield provider, exporter
    provider.shutdown()


class global_provider:  # noqa: N801  (used as a function)
    """Put a tracer provider into the global slot for the length of a block."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider

    def __enter__(self) -> None:
        self._before = trace._TRACER_PROVIDER
        trace._TRACER_PROVIDER = self._provider

    def __exit__(self, *exc: object) -> None:
        trace._TRACER_PROVIDER = self._before


def attributes_of(span: ReadableSpan) -> dict[str, Any]:
    """Return a span's attributes as a plain dict, tuples as lists."""
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in (span.attributes or {}).items()
    }
