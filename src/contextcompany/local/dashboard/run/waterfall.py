"""The waterfall of a run: its spans in their places, one line each, on a common scale of time."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contextcompany.local.reading.reading import Kind
    from contextcompany.local.store.rows import RunOutline, SpanLine

MOST_DEPTH: Final = 20
"""Deeper lines are indented no further: no page is that wide."""

SCALE: Final = 1_000
"""Units of a bar's length from the beginning of the run to its end."""

_NAMELESS: Final = {
    "step": "no model named",
    "tool": "no tool named",
    "feedback": "feedback",
    "span": "no name",
}
_LEAST_WIDTH: Final = 10.0


@dataclass(eq=False, slots=True)
class Place:
    """One span in its place; `line` is None for a run whose own span has not arrived.

    Sums are those of the steps at and below it; `agents` counts the runs around it, `below` all that is in
    it. `is_seen_twice` says that a step is inside another: the same request as a second instrumentation saw
    it, which is in no sum.
    """

    run: str
    line: SpanLine | None
    key: str = ""
    kind: Kind = "run"
    depth: int = 0
    agents: int = 0
    below: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = None
    is_seen_twice: bool = False
    children: list[Place] = field(default_factory=list["Place"])

    @property
    def name(self) -> str:
        """What people call it, in a word or two; never empty."""
        named = self.line.name if self.line is not None else ""
        return named or (self.run if self.kind == "run" else _NAMELESS[self.kind])

    @property
    def start_ns(self) -> int:
        """When it began; without a span, when its first child did."""
        return (
            self.line.start_ns if self.line else min((child.start_ns for child in self.children), default=0)
        )

    @property
    def end_ns(self) -> int:
        """When it ended; without a span, when its last child did."""
        if self.line is not None:
            return self.line.end_ns
        return max((child.end_ns for child in self.children), default=0)


@dataclass(frozen=True, slots=True)
class Bar:
    """Where a line lies between the beginning and the end of the run, in units of `SCALE`."""

    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Waterfall:
    """All places of a run from top to bottom, and the time they lie in."""

    roots: tuple[Place, ...]
    places: tuple[Place, ...]
    start_ns: int
    end_ns: int

    def bar(self, place: Place) -> Bar:
        """Lay a place on the scale; nothing is too short to be seen."""
        whole = max(1, self.end_ns - self.start_ns)
        x = _within((place.start_ns - self.start_ns) / whole * SCALE, SCALE - _LEAST_WIDTH)
        width = (place.end_ns - place.start_ns) / whole * SCALE
        return Bar(round(x, 2), round(min(max(width, _LEAST_WIDTH), SCALE - x), 2))

    def number(self, key: str) -> int | None:
        """Find the line with a key, or None."""
        return next((number for number, place in enumerate(self.places) if place.key == key), None)

    def first_failure(self) -> Place | None:
        """Find where it went wrong first: the innermost of the failures that came earliest."""
        failed = [place for place in self.places if place.line is not None and place.line.status == "failed"]
        deepest = [place for place in failed if not any(_is_failed(child) for child in place.children)]
        return min(deepest, key=lambda place: place.end_ns, default=None)


def waterfall(outline: RunOutline) -> Waterfall:
    """Put the spans of a run below each other as they called each other, earliest first.

    A span stands below its parent where both are of one run, else below the run it names; a run stands below
    the span that started it.
    """
    roots = _Placing(outline).roots()
    places = tuple(_walk(roots))
    for place in reversed(places):
        _sum_up(place)
    # Feedback comes long after the work, and would press that into a corner.
    timed = [place for place in places if place.kind != "feedback"] or places
    return Waterfall(
        tuple(roots),
        places,
        start_ns=min((place.start_ns for place in timed), default=0),
        end_ns=max((place.end_ns for place in timed), default=0),
    )


class _Placing:
    """The places of the spans of a run, found one from the other."""

    def __init__(self, outline: RunOutline) -> None:
        self._around = outline.parents
        self._places: dict[Place, SpanLine] = {}
        self._by_id: dict[tuple[str, str], Place] = {}
        self._own: defaultdict[str, list[Place]] = defaultdict(list)
        self._missing: dict[str, Place] = {}
        self._parents: dict[Place, Place | None] = {}
        # Span ids are unique within a trace; short addresses are had where they are so in the run.
        is_unique = len({line.span_id for line in outline.lines}) == len(outline.lines)
        for line in outline.lines:
            key = line.span_id if is_unique else f"{line.trace_id}.{line.span_id}"
            place = self._by_id[line.trace_id, line.span_id] = Place(line.run, line, key, line.kind)
            self._places[place] = line
            if line.is_own:
                self._own[line.run].append(place)

    def roots(self) -> list[Place]:
        for place, line in self._places.items():
            self._parents[place] = self._parent(line)
        _cut_cycles(self._parents)
        roots: list[Place] = []
        for place, parent in self._parents.items():
            (roots if parent is None else parent.children).append(place)
        return sorted(roots, key=_start)

    def _parent(self, line: SpanLine) -> Place | None:
        caller = self._by_id.get((line.trace_id, line.parent_span_id or ""))
        if line.is_own:
            return caller or self._run_around(line.run, line)
        return caller if caller is not None and caller.run == line.run else self._run(line.run, line)

    def _run_around(self, address: str, line: SpanLine) -> Place | None:
        around = self._around.get(address, "")
        return self._run(around, line) if around in self._own else None

    def _run(self, address: str, line: SpanLine) -> Place | None:
        """Choose among the spans of a run: one of the same trace, and of those the latest that had begun."""
        found = self._own.get(address)
        if found:
            near = [place for place in found if self._places[place].trace_id == line.trace_id] or found
            begun = [place for place in near if place.start_ns <= line.start_ns]
            return max(begun, key=_start) if begun else min(near, key=_start)
        if address == line.trace_id:
            # A trace without a run: its spans stand by themselves.
            return None
        if address not in self._missing:
            self._missing[address] = place = Place(address, None)
            self._parents[place] = self._run_around(address, line)
        return self._missing[address]


def _walk(roots: list[Place]) -> Iterator[Place]:
    waiting = [(root, 0, 0, False) for root in reversed(roots)]
    while waiting:
        place, depth, agents, is_within_step = waiting.pop()
        place.depth, place.agents = min(depth, MOST_DEPTH), agents
        if len(place.children) > 1:
            place.children.sort(key=_start)
        place.is_seen_twice = is_within_step and place.kind == "step"
        is_within_step = place.kind == "step" or (is_within_step and place.kind not in {"tool", "run"})
        yield place
        agents += place.kind == "run"
        waiting.extend((child, depth + 1, agents, is_within_step) for child in reversed(place.children))


def _sum_up(place: Place) -> None:
    """Add up what is at and below a place, once that is done for its children."""
    line = place.line
    is_counted = line is not None and line.kind == "step" and not place.is_seen_twice
    if line is not None and is_counted:
        place.input_tokens, place.cached_tokens = line.input_tokens, line.cached_tokens
        place.output_tokens, place.cost = line.output_tokens, line.cost
    if not place.children:
        return
    costs = [] if place.cost is None else [place.cost]
    for child in place.children:
        place.below += child.below + 1
        place.input_tokens += child.input_tokens
        place.cached_tokens += child.cached_tokens
        place.output_tokens += child.output_tokens
        if child.cost is not None:
            costs.append(child.cost)
    place.cost = math.fsum(costs) if costs else None


def _cut_cycles(parents: dict[Place, Place | None]) -> None:
    """Make the earliest span of a cycle a root; only broken or hostile data has cycles."""
    done: set[Place] = set()
    for start in parents:
        path: dict[Place, None] = {}
        place: Place | None = start
        while place is not None and place not in done:
            if place in path:
                around = list(path)
                parents[min(around[around.index(place) :], key=_start)] = None
                break
            path[place] = None
            place = parents[place]
        done.update(path)


def _is_failed(place: Place) -> bool:
    return place.line is not None and place.line.status == "failed"


def _within(value: float, most: float) -> float:
    return min(max(0.0, value), most)


def _start(place: Place) -> int:
    return place.start_ns
