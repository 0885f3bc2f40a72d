"""Fixtures for the recording room: an exporter to wait at, and a real collector."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

import contextcompany as tcc
from contextcompany.local.embedded.collector import Collector

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

SECONDS = 20.0


class Arrivals(SpanExporter):
    """Keep exported spans and let a test wait until so many have come."""

    def __init__(self) -> None:
        self._spans: list[ReadableSpan] = []
        self._changed = threading.Condition()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Keep a batch."""
        with self._changed:
            self._spans.extend(spans)
            self._changed.notify_all()
        return SpanExportResult.SUCCESS

    def wait_for(self, number: int) -> tuple[ReadableSpan, ...]:
        """Return all spans as soon as there are so many."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self._spans) >= number, SECONDS), (
                f"{number} spans were to come: got {[span.name for span in self._spans]}"
            )
            return tuple(self._spans)


@pytest.fixture
def arrivals() -> Arrivals:
    """Record into memory where spans that end in the background can be waited for."""
    exporter = Arrivals()
    tcc.configure(exporter=exporter)
    return exporter


@pytest.fixture
def collector() -> Iterator[Collector]:
    """Run a real collector and make it the destination."""
    with Collector(record_requests=True) as running:
        tcc.configure(tcc_url=running.url)
        yield running
