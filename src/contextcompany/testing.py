"""The test kit: record into memory and look at what was recorded."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from contextcompany.runtime.process import process
from contextcompany.sdk import ReadableSpan, SpanExporter, SpanExportResult
from contextcompany.settings.settings import load

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

_SECONDS = 10.0


class Captured(SpanExporter):
    """The spans recorded inside a `capture()` block, in the order in which they ended."""

    def __init__(self) -> None:
        self._spans: list[ReadableSpan] = []
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        """Return how many spans have arrived."""
        return f"Captured({len(self._spans)} spans)"

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        """Return every span that has ended so far, after waiting for those on their way."""
        process.flush(_SECONDS)
        with self._lock:
            return tuple(self._spans)

    def named(self, name: str) -> tuple[ReadableSpan, ...]:
        """Return the spans with this name."""
        return tuple(span for span in self.spans if span.name == name)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Keep a batch."""
        with self._lock:
            self._spans.extend(spans)
        return SpanExportResult.SUCCESS


@contextmanager
def capture(**settings: Any) -> Generator[Captured]:
    """Record into memory for the length of a block; what was configured before is in force after it.

    Args:
        **settings: the arguments of `configure`, all but `exporter`; `disabled=False` records even
            where `TCC_DISABLED` is set.
    """
    captured = Captured()
    with process.temporarily(load(exporter=captured, **settings)):
        yield captured
