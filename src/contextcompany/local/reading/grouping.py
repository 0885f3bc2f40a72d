"""Spans to runs: who belongs below whom, and what a run used in total."""

from __future__ import annotations

import math
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from contextcompany.local.reading import facts
from contextcompany.local.reading.kinds import kind_of
from contextcompany.local.reading.read import read
from contextcompany.local.reading.reading import Reading
from contextcompany.local.reading.vocabulary import vocabulary_of
from contextcompany.semconv import attributes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from contextcompany.local.otlp.spans import SpanRecord
    from contextcompany.local.reading.reading import Kind


# Deeper spans are shown on this level: no terminal is that wide, and recursion stays bounded.
_MOST_DEPTH: Final = 20
_MOST_ANCESTORS: Final = 1_000


@dataclass(eq=False, slots=True)
class Node:
    """One span in its place; `span` is None for a run whose own span has not arrived.

    `is_orphan` says that the span named a parent which is not here.
    """

    span: SpanRecord | None
    kind: Kind
    run_id: str | None
    is_orphan: bool = False
    children: list[Node] = field(default_factory=list["Node"])
    _reading: Reading | None = None

    @property
    def reading(self) -> Reading:
        """What its span says, read when it is first asked for; of a missing run only its id is known."""
        if self._reading is None:
            own = Reading("run", name=self.run_id or "", run_id=self.run_id)
            self._reading = own if self.span is None else read(self.span)
        return self._reading

    @property
    def start_ns(self) -> int:
        """When it began; for a run without a span, when its first child did."""
        if self.span is not None:
            return self.span.start_ns
        return min((child.start_ns for child in self.children), default=0)

    @property
    def end_ns(self) -> int:
        """When it ended; for a run without a span, when its last child did."""
        if self.span is not None:
            return self.span.end_ns
        return max((child.end_ns for child in self.children), default=0)


@dataclass(frozen=True, slots=True)
class Totals:
    """What the steps at and below a node used together.

    `cached_tokens` are part of `input_tokens`. `cost` is in USD, None if no step has one; `unpriced` counts
    the steps that used tokens and have none. `models` are those that answered, each once, in their order.
    """

    steps: int
    models: tuple[str, ...]
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    cost: float | None
    unpriced: int


def runs(spans: Iterable[SpanRecord]) -> list[Node]:
    """Put spans below their runs and return what stands at the top, earliest first.

    A step, tool call or feedback belongs to the run whose `tcc.runId` it carries, in whatever trace; within
    the run it stands below its parent if that is here. A run stands below the span that started it. Spans
    without a run stand below their root, so a trace that has none is a tree of its own.
    """
    return _Grouping(spans).roots()


def totals(node: Node) -> Totals:
    """Add up what the steps at and below a node used, those of nested runs included.

    A step directly below another is the same request seen by a second instrumentation, so it is left out.
    """
    models: dict[str, None] = {}
    steps = input_tokens = cached_tokens = output_tokens = unpriced = 0
    costs: list[float] = []
    waiting: list[tuple[Node, bool]] = [(node, False)]
    while waiting:
        current, is_within_step = waiting.pop()
        is_step = current.kind == "step"
        if is_step and not is_within_step and current.span is not None:
            step = usage(current.span)
            steps += 1
            models.update(dict.fromkeys(step.models))
            input_tokens += step.input_tokens
            cached_tokens += step.cached_tokens
            output_tokens += step.output_tokens
            unpriced += step.unpriced
            if step.cost is not None:
                costs.append(step.cost)
        within = is_step or (is_within_step and current.kind not in {"tool", "run"})
        waiting.extend((child, within) for child in reversed(current.children))
    cost = math.fsum(costs) if costs else None
    return Totals(steps, tuple(models), input_tokens, cached_tokens, output_tokens, cost, unpriced)


def usage(span: SpanRecord) -> Totals:
    """Read what one step used from its span; counts and costs that are no such numbers are left out."""
    names = vocabulary_of(span.attributes)
    answering, requested = facts.models(span, names)
    used = facts.usage(span, names, (answering, requested))
    # A request that failed was answered by no model.
    model = answering or ("" if facts.status(span) == "failed" else requested)
    return Totals(
        steps=1,
        models=(model,) if model else (),
        input_tokens=used.input_tokens,
        cached_tokens=used.cached_tokens,
        output_tokens=used.output_tokens,
        cost=used.cost,
        unpriced=int(used.cost is None and used.input_tokens + used.output_tokens > 0),
    )


class _Grouping:
    """The places of a set of spans, worked out step by step."""

    def __init__(self, spans: Iterable[SpanRecord]) -> None:
        by_id: dict[tuple[str, str], Node] = {}
        self._spans: dict[Node, SpanRecord] = {}
        self._runs: defaultdict[str, list[Node]] = defaultdict(list)
        for span in spans:
            node = Node(span, kind_of(span), facts.identifier(span.attributes, attributes.TCC_RUN_ID))
            if by_id.setdefault((span.trace_id, span.span_id), node) is node:
                self._spans[node] = span
                if node.kind == "run" and node.run_id is not None:
                    self._runs[node.run_id].append(node)
        # The parent by span id; who belongs to another run is moved there.
        self._callers = {
            node: by_id.get((span.trace_id, span.parent_span_id or "")) for node, span in self._spans.items()
        }
        self._missing: dict[str, Node] = {}

    def roots(self) -> list[Node]:
        parents = {node: self._parent(node, span) for node, span in self._spans.items()}
        parents |= dict.fromkeys(self._missing.values())
        _cut_cycles(parents)
        children: defaultdict[Node | None, list[Node]] = defaultdict(list)
        for node, parent in parents.items():
            children[parent].append(node)
        waiting = deque((root, 0) for root in children[None])
        while waiting:
            node, depth = waiting.popleft()
            parent, below = parents[node], children[node]
            if depth < _MOST_DEPTH or parent is None:
                node.children = below
            else:
                parent.children.extend(below)
                parents.update(dict.fromkeys(below, parent))
            waiting.extend((child, min(depth + 1, _MOST_DEPTH)) for child in below)
        for node in parents:
            node.children.sort(key=_start)
        return sorted(children[None], key=_start)

    def _parent(self, node: Node, span: SpanRecord) -> Node | None:
        caller = self._callers[node]
        node.is_orphan = caller is None and span.parent_span_id is not None
        if node.kind == "run":
            # A run that names itself is a cycle of one, which is cut like the others.
            delegating = facts.identifier(span.attributes, attributes.TCC_PARENT_RUN_ID)
            if caller is None and delegating is not None and delegating in self._runs:
                return self._run_of(delegating, span)
            return caller
        if node.run_id is None or (caller is not None and self._owner(caller) == node.run_id):
            return caller
        return self._run_of(node.run_id, span)

    def _owner(self, node: Node) -> str | None:
        """Find the run a span belongs to: the one it names, else the one its nearest ancestor does."""
        current: Node | None = node
        # Bounded, because broken data has cycles.
        for _ in range(_MOST_ANCESTORS):
            if current is None:
                break
            if current.run_id is not None or current.kind == "run":
                return current.run_id
            current = self._callers[current]
        return None

    def _run_of(self, run_id: str, span: SpanRecord) -> Node:
        """Choose among the runs of one id: that of the same trace, else the latest that had begun."""
        found = self._runs.get(run_id)
        if not found:
            return self._missing.setdefault(run_id, Node(None, "run", run_id))
        same_trace = [run for run in found if self._spans[run].trace_id == span.trace_id]
        begun = [run for run in same_trace or found if run.start_ns <= span.start_ns]
        return max(begun, key=_start) if begun else min(same_trace or found, key=_start)


def _cut_cycles(parents: dict[Node, Node | None]) -> None:
    """Make the earliest span of a cycle a root; only broken or hostile data has cycles."""
    done: set[Node] = set()
    for start in parents:
        path: dict[Node, None] = {}
        node: Node | None = start
        while node is not None and node not in done:
            if node in path:
                cycle = list(path)[list(path).index(node) :]
                parents[min(cycle, key=_start)] = None
                break
            path[node] = None
            node = parents[node]
        done.update(path)


def _start(node: Node) -> int:
    return node.start_ns
