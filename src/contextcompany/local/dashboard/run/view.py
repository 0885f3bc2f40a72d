"""A run as its page shows it: the lines of its waterfall, the turns of its conversation, one span in full."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from contextcompany.local.dashboard.frame.formatting import cost_text
from contextcompany.local.dashboard.run.span_view import SpanView, span_view
from contextcompany.local.dashboard.run.transcript import Moment, Turn, known_before, moments, transcript
from contextcompany.local.dashboard.run.waterfall import Bar, Place, Waterfall, waterfall
from contextcompany.local.reading.figures import duration_text, token_text
from contextcompany.local.reading.messages import conversation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contextcompany.local.otlp.spans import SpanRecord
    from contextcompany.local.reading.conversation import Conversation
    from contextcompany.local.store.interface import RunStore
    from contextcompany.local.store.rows import RunOutline, RunRow, SpanLine

LINES: Final = 300
"""So many lines of a waterfall come at once."""

TURNS: Final = 60
"""So many points of a conversation come at once."""

_MOST_RECENT: Final = 2
_TICKS: Final = (0.0, 0.25, 0.5, 0.75, 1.0)
_KINDS: Final = {"run": "agent", "span": "span"}


@dataclass(frozen=True, slots=True)
class LineView:
    """One line of the waterfall."""

    key: str
    kind: str
    status: str
    name: str
    depth: int
    has_children: bool
    bar: Bar
    duration: str
    tokens: str
    token_count: int
    cost: str
    error: str


@dataclass(frozen=True, slots=True)
class Part:
    """A part of something long; `before` and `after` say where its neighbours begin, None where none are."""

    start: int
    end: int
    whole: int
    before: int | None
    after: int | None


@dataclass(frozen=True, slots=True)
class RunShape:
    """All of a run but the content of its spans: what many requests for its page have in common."""

    row: RunRow
    waterfall: Waterfall
    moments: tuple[Moment, ...]
    feedback: tuple[SpanLine, ...]


def run_shape(outline: RunOutline) -> RunShape:
    """Put the spans of a run in their places."""
    found = waterfall(outline)
    address = outline.row.address
    given = (line for line in outline.lines if line.kind == "feedback" and line.run == address)
    return RunShape(outline.row, found, tuple(moments(found)), tuple(given))


class Shapes:
    """The shapes of the runs that were looked at last: while a run is read, it is asked for again and again.

    Args:
        store: Where runs are kept.
    """

    def __init__(self, store: RunStore) -> None:
        self._store = store
        self._recent: dict[str, RunShape] = {}
        self._lock = threading.Lock()

    def of(self, address: str) -> RunShape | None:
        """Return the shape of a run as it is now; None if nothing of it is here."""
        row = self._store.row(address)
        if row is None:
            return None
        with self._lock:
            known = self._recent.get(row.address)
        if known is not None and known.row.change == row.change:
            return known
        outline = self._store.outline(address)
        if outline is None:
            return None
        shape = run_shape(outline)
        with self._lock:
            self._recent.pop(row.address, None)
            while len(self._recent) >= _MOST_RECENT:
                self._recent.pop(next(iter(self._recent)))
            self._recent[row.address] = shape
        return shape


class RunView:
    """One run; the content of its spans is asked for as far as it is shown.

    Args:
        store: Where the content is.
        shape: The run.
    """

    def __init__(self, store: RunStore, shape: RunShape) -> None:
        self._store = store
        self.row = shape.row
        self.waterfall = shape.waterfall
        self.feedback = shape.feedback
        self._moments = shape.moments
        self._read: dict[str, tuple[SpanRecord, Conversation]] = {}

    @property
    def ticks(self) -> tuple[str, ...]:
        """The scale of time above the bars."""
        whole = self.waterfall.end_ns - self.waterfall.start_ns
        return tuple(duration_text(int(whole * tick)) if tick else "0" for tick in _TICKS)

    def chosen(self, key: str) -> Place | None:
        """Find a span by its key; without one that which is most worth to be seen first."""
        places = self.waterfall.places
        if key:
            number = self.waterfall.number(key)
            return None if number is None else places[number]
        return self.waterfall.first_failure() or next((place for place in places if place.line), None)

    def body(self, place: Place) -> SpanRecord | None:
        """Return the span of a place; None for a run without a span of its own."""
        self._read_all([place])
        return self._read[place.key][0] if place.key in self._read else None

    def span(self, place: Place) -> SpanView | None:
        """Show a span in full; None for a run without a span of its own."""
        self._read_all([place])
        return span_view(place.key, *self._read[place.key]) if place.key in self._read else None

    def lines_part(self, start: int | None, place: Place | None) -> Part:
        """Choose which lines to show: those from `start`, else those around a place, else the first."""
        places = self.waterfall.places
        if start is None:
            start = places.index(place) // LINES * LINES if place is not None else 0
        return _part(start, LINES, len(places))

    def lines(self, part: Part) -> list[LineView]:
        """Return a part of the waterfall."""
        return [self._line(place) for place in self.waterfall.places[part.start : part.end]]

    def turns_part(self, start: int | None) -> Part:
        """Choose which turns to show: those from `start`, else the first."""
        return _part(start or 0, TURNS, len(self._moments))

    def turns(self, part: Part) -> tuple[Turn, ...]:
        """Return a part of the conversation."""
        shown = self._moments[part.start : part.end]
        before = known_before(self._moments, part.start)
        self._read_all([moment.place for moment in (*before, *shown)])
        said = {key: conversation for key, (_, conversation) in self._read.items()}
        return transcript(shown, said, before, self._moments[part.end :])

    def _read_all(self, places: Sequence[Place]) -> None:
        """Ask for the spans of places and read them, each once: one can hold megabytes."""
        wanted = {
            (place.line.trace_id, place.line.span_id): place.key
            for place in places
            if place.line is not None and place.key not in self._read
        }
        for span in self._store.bodies(list(wanted)):
            self._read[wanted[span.trace_id, span.span_id]] = (span, conversation(span))

    def _line(self, place: Place) -> LineView:
        line = place.line
        is_step_again = place.is_seen_twice and line is not None
        used: Place | SpanLine = line if is_step_again and line is not None else place
        has_figures = place.kind in {"run", "step"}
        return LineView(
            key=place.key,
            kind=_KINDS.get(place.kind, place.kind),
            status=line.status if line is not None else "open",
            name=place.name,
            depth=place.depth,
            has_children=bool(place.children),
            bar=self.waterfall.bar(place),
            duration=duration_text(place.end_ns - place.start_ns) if place.kind != "feedback" else "",
            tokens=token_text(used.input_tokens, used.cached_tokens, used.output_tokens)
            if has_figures
            else "",
            token_count=used.input_tokens + used.output_tokens if has_figures else 0,
            cost=cost_text(used.cost) if has_figures and used.cost is not None else "",
            error=(line.error or line.error_type) if line is not None else "",
        )


def _part(start: int, most: int, whole: int) -> Part:
    start = max(0, min(start, max(0, whole - 1)))
    end = min(start + most, whole)
    return Part(start, end, whole, max(0, start - most) if start else None, end if end < whole else None)
