"""The collector's memory: spans in the order they came, bounded by number and by size."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from contextcompany.local.otlp.spans import AttributeValue, SpanRecord

# What Python spends on one value or one record beyond its content; a rule of thumb, not a measurement.
_VALUE_BYTES: Final = 64
_RECORD_BYTES: Final = 512


class SpanStore:
    """Keep the newest spans, each once, for any number of threads.

    A span that comes again with the same trace id and span id is counted and left out: a sender repeats
    a batch when it did not hear the answer. Where a bound is passed, the oldest spans leave.

    Args:
        max_spans: How many spans are kept.
        max_bytes: How much their content may weigh, by estimate.
    """

    def __init__(self, *, max_spans: int = 100_000, max_bytes: int = 256 * 1024 * 1024) -> None:
        self._max_spans = max_spans
        self._max_bytes = max_bytes
        # One entry per span: the record and its estimated size. A plain dict would search through all that
        # left before each time the oldest leaves.
        self._entries: OrderedDict[tuple[str, str], tuple[SpanRecord, int]] = OrderedDict()
        self._bytes = 0
        self._duplicates = 0
        self._evicted = 0
        self._changed = threading.Condition()

    def add(self, spans: Iterable[SpanRecord]) -> int:
        """Take spans in and wake those who wait; returns how many of them were new."""
        entries = [((span.trace_id, span.span_id), (span, _size(span))) for span in spans]
        with self._changed:
            new = 0
            for key, entry in entries:
                if key in self._entries:
                    self._duplicates += 1
                    continue
                self._entries[key] = entry
                self._bytes += entry[1]
                new += 1
            while self._entries and (len(self._entries) > self._max_spans or self._bytes > self._max_bytes):
                _, (_, size) = self._entries.popitem(last=False)
                self._bytes -= size
                self._evicted += 1
            self._changed.notify_all()
        return new

    def spans(self) -> tuple[SpanRecord, ...]:
        """Return the spans that are here now, in the order they came."""
        with self._changed:
            return self._snapshot()

    def clear(self) -> None:
        """Forget all spans; the counts of duplicates and of evicted spans go on."""
        with self._changed:
            self._entries.clear()
            self._bytes = 0
            self._changed.notify_all()

    def wait_for(
        self, predicate: Callable[[tuple[SpanRecord, ...]], bool], timeout: float
    ) -> tuple[SpanRecord, ...]:
        """Wait until the predicate holds for the spans that are here, and return those spans.

        Args:
            predicate: Called with all spans, now and after every change, never by two threads at once.
            timeout: The longest wait in seconds.

        Raises:
            TimeoutError: The predicate did not hold in time; the message names the spans that were here.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: predicate(self._snapshot()), timeout):
                names = [span.name for span in self._snapshot()]
                raise TimeoutError(
                    f"what was waited for did not arrive within {timeout} s; {len(names)} spans are here, "
                    f"the newest: {names[-10:]}"
                )
            return self._snapshot()

    @property
    def duplicates(self) -> int:
        """How many spans came again and were left out."""
        with self._changed:
            return self._duplicates

    @property
    def evicted(self) -> int:
        """How many spans left because a bound was passed."""
        with self._changed:
            return self._evicted

    def __len__(self) -> int:
        with self._changed:
            return len(self._entries)

    def __repr__(self) -> str:
        with self._changed:
            return (
                f"<SpanStore spans={len(self._entries)} duplicates={self._duplicates} "
                f"evicted={self._evicted}>"
            )

    def _snapshot(self) -> tuple[SpanRecord, ...]:
        return tuple(span for span, _ in self._entries.values())


def _size(span: SpanRecord) -> int:
    """Estimate the bytes a span keeps in memory.

    The resource is shared by the spans of a request and still counted for each, which errs on the safe side.
    """
    size = _RECORD_BYTES + len(span.name) + len(span.status_message)
    size += _mapping_size(span.attributes) + _mapping_size(span.resource)
    for event in span.events:
        size += _RECORD_BYTES + len(event.name) + _mapping_size(event.attributes)
    for link in span.links:
        size += _RECORD_BYTES + _mapping_size(link.attributes)
    return size


def _mapping_size(mapping: Mapping[str, AttributeValue]) -> int:
    return sum(len(key) + _value_size(value) for key, value in mapping.items())


def _value_size(value: AttributeValue) -> int:
    match value:
        case str() | bytes():
            return _VALUE_BYTES + len(value)
        case tuple():
            return _VALUE_BYTES + sum(_value_size(item) for item in value)
        case dict():
            return _VALUE_BYTES + _mapping_size(value)
        case _:
            return _VALUE_BYTES
