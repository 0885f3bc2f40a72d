"""Recorded runs told anew: at another time, each span as long as such a thing takes, with ids of its own."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Final
from zlib import crc32

from contextcompany.local.reading.read import read

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

    from contextcompany.local.otlp.spans import SpanRecord

MS: Final = 1_000_000
_UNTIL_FEEDBACK: Final = 40_000 * MS


class Retelling:
    """Tell the spans of one run anew.

    Args:
        spans: The spans, as they were recorded.
        chance: Decides how long each takes and which ids it has.
        names: What texts become that are values of attributes, such as the ids of runs and sessions.
    """

    def __init__(self, spans: Sequence[SpanRecord], chance: random.Random, names: Mapping[str, str]) -> None:
        self._chance = chance
        self._names = names
        self._trace_id = f"{chance.getrandbits(128):032x}"
        self._ids = {span.span_id: f"{chance.getrandbits(64):016x}" for span in spans}
        self._inside: defaultdict[str, list[SpanRecord]] = defaultdict(list)
        self._said: defaultdict[str, list[SpanRecord]] = defaultdict(list)
        for span in sorted(spans, key=lambda one: one.start_ns):
            parent = span.parent_span_id if span.parent_span_id in self._ids else ""
            (self._said if read(span).kind == "feedback" else self._inside)[parent or ""].append(span)
        self._told: list[SpanRecord] = []

    def at(self, begun_ns: int) -> list[SpanRecord]:
        """Return the spans with the run begun at a time."""
        for root in self._inside[""]:
            end = self._tell(root, begun_ns)
            self._tell_feedback("", end)
        return self._told

    def _tell(self, span: SpanRecord, at: int) -> int:
        """Place a span and all inside it; return where it ends."""
        end = begin = at + self._ms(2, 15)
        before: SpanRecord | None = None
        for child in self._inside[span.span_id]:
            together = before is not None and child.start_ns < before.end_ns
            end, before = max(end, self._tell(child, begin if together else end)), child
        if end == begin:
            reading = read(span)
            # A tool is always about as fast as another time.
            tool = 30 + crc32(reading.name.encode()) % 700
            least = {"step": 500 + 11 * reading.usage.output_tokens, "tool": tool}.get(reading.kind, 10)
            end += self._ms(least, 2.5 * least)
        end += self._ms(1, 9)
        self._told.append(self._moved(span, begin, end))
        self._tell_feedback(span.span_id, end)
        return end

    def _tell_feedback(self, about: str, end: int) -> None:
        at = end + _UNTIL_FEEDBACK
        self._told += [self._moved(span, at, at) for span in self._said[about]]

    def _ms(self, least: float, most: float) -> int:
        return round(self._chance.uniform(least, most) * MS)

    def _moved(self, span: SpanRecord, start_ns: int, end_ns: int) -> SpanRecord:
        shift = start_ns - span.start_ns
        events = (replace(event, time_ns=min(event.time_ns + shift, end_ns)) for event in span.events)
        return replace(
            span,
            trace_id=self._trace_id,
            span_id=self._ids[span.span_id],
            parent_span_id=self._ids.get(span.parent_span_id or ""),
            start_ns=start_ns,
            end_ns=end_ns,
            attributes={
                key: self._names.get(value, value) if isinstance(value, str) else value
                for key, value in span.attributes.items()
            },
            events=tuple(events),
        )
