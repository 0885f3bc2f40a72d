"""Which unit each span of a batch belongs to, and which spans that were here belong elsewhere because of it.

A span that names its run belongs to that run, in whatever trace. Any other belongs to the run of its nearest
ancestor in its trace that has one, else to the unit of its trace. Both what a span takes over from its parent
(the run, and whether it is inside a step) only ever goes from nothing to something, so the outcome does not
depend on the order of arrival, every span moves at most once, and circles come to rest.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from contextcompany.local.store.sqlite.tables import packs
from contextcompany.local.store.sqlite.tables.nodes import NODE_COLUMNS, Node, could_be_trace, node_row

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from contextcompany.local.store.sqlite.tables.nodes import Arrival, Sums, Unit
    from contextcompany.local.store.sqlite.tables.numbers import Numbers
    from contextcompany.local.store.sqlite.writing.units import Units

_SELECT: Final = f"SELECT {', '.join(NODE_COLUMNS)} FROM span WHERE trace = ?"
_BY_ID: Final = f"{_SELECT} AND span_id IN (SELECT value FROM json_each(?))"
_BY_PARENT: Final = f"{_SELECT} AND parent_span_id IN (SELECT value FROM json_each(?))"
_ADD: Final = f"INSERT INTO span ({', '.join(NODE_COLUMNS)}) VALUES ({', '.join('?' * len(NODE_COLUMNS))})"


@dataclass(slots=True)
class Trace:
    """A row of `trace`; `is_new` says that nothing of it was here before this batch."""

    id: int
    trace_id: str
    unit: int
    has_runs: int
    is_new: bool = False
    is_changed: bool = False


@dataclass(slots=True)
class Before:
    """Where a span stood that has moved, and what it added there."""

    run: int
    sums: Sums


class Placing:
    """The spans of one batch and their neighbours in the tree."""

    def __init__(self, connection: sqlite3.Connection, numbers: Numbers, units: Units) -> None:
        self._connection = connection
        self._numbers = numbers
        self._units = units
        self._traces: dict[int, Trace] = {}
        self._by_text: dict[str, Trace] = {}
        self._nodes: dict[tuple[int, str], Node] = {}
        self._children: defaultdict[tuple[int, str], list[Node]] = defaultdict(list)
        self._asked: set[tuple[int, str]] = set()
        self._opened: set[tuple[int, str]] = set()
        self.new: dict[int, Arrival] = {}
        self.moved: dict[int, Before] = {}
        self.moved_nodes: dict[int, Node] = {}
        self.reparented: set[int] = set()
        self.duplicates = 0

    def place(self, arrivals: Sequence[Arrival]) -> None:
        """Find out where the spans belong, and leave out those that are here already."""
        self._load_traces({arrival.trace_id for arrival in arrivals})
        by_trace: defaultdict[int, list[Arrival]] = defaultdict(list)
        for arrival in arrivals:
            trace = self._by_text[arrival.trace_id]
            arrival.node.trace = trace.id
            by_trace[trace.id].append(arrival)
        for number, found in by_trace.items():
            if not self._traces[number].is_new:
                self._load_neighbours(number, found)
        self._units.load_addresses(
            {arrival.claim for arrival in arrivals if arrival.claim}
            | {trace.trace_id for trace in self._traces.values() if trace.is_new}
        )
        # Those of a trace one after another, since their bodies are packed together.
        for found in by_trace.values():
            for arrival in found:
                self._take_in(arrival)
        self._settle()
        for arrival in self.new.values():
            node = arrival.node
            trace = self._traces[node.trace]
            if not node.run:
                node.run = self._unit_of(trace).id
            node.own = int(node.kind == "run" and (node.claims or node.run == trace.unit))

    def trace_of(self, unit: Unit) -> Trace | None:
        """Return the trace whose id is the address of the unit."""
        if not unit.is_of_trace:
            return None
        found = self._by_text.get(unit.address)
        return found or self._load_trace("trace_id", unit.address)

    def trace(self, number: int) -> Trace | None:
        """Return a trace by its number."""
        return self._traces.get(number) or self._load_trace("id", number)

    def node(self, trace: int, span_id: str) -> Node | None:
        """Return a span by its ids, None if it is not here."""
        key = (trace, span_id)
        if key not in self._nodes and key not in self._asked:
            self._asked.add(key)
            self._keep(self._connection.execute(_BY_ID, (trace, json.dumps([span_id]))))
        return self._nodes.get(key)

    def forget_unit(self, unit: Unit) -> None:
        """Take note that the rest of a trace has found its runs, and nothing is left of its unit."""
        trace = self.trace_of(unit)
        if trace is not None:
            trace.unit, trace.is_changed = 0, True

    def write_traces(self) -> None:
        """Write what is known of traces."""
        traces = [
            (trace.id, trace.trace_id, trace.unit, trace.has_runs)
            for trace in self._traces.values()
            if trace.is_new or trace.is_changed
        ]
        self._connection.executemany("INSERT OR REPLACE INTO trace VALUES (?, ?, ?, ?)", traces)

    def write_spans(self) -> None:
        """Write the spans that are new and those that have moved."""
        new = self.new.values()
        self._connection.executemany(_ADD, [node_row(arrival.node) for arrival in new])
        packs.write(self._connection, new)
        self._connection.executemany(
            "INSERT INTO words (rowid, text) VALUES (?, ?)",
            [(arrival.node.id, arrival.words) for arrival in new if arrival.words],
        )
        self._connection.executemany(
            "UPDATE span SET run = ?, own = ?, within = ? WHERE id = ?",
            [(node.run, node.own, node.within, node.id) for node in self.moved_nodes.values()],
        )

    def _load_trace(self, column: str, value: object) -> Trace | None:
        found = self._connection.execute(
            f"SELECT id, trace_id, unit, has_runs FROM trace WHERE {column} = ?",
            (value,),
        ).fetchone()
        return None if found is None else self._known(Trace(*found))

    def _known(self, trace: Trace) -> Trace:
        self._traces[trace.id] = self._by_text[trace.trace_id] = trace
        return trace

    def _load_traces(self, trace_ids: set[str]) -> None:
        for row in self._connection.execute(
            "SELECT id, trace_id, unit, has_runs FROM trace "
            "WHERE trace_id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(trace_ids)),),
        ):
            self._known(Trace(*row))
        for trace_id in trace_ids:
            if trace_id not in self._by_text:
                self._known(Trace(self._numbers.next_trace(), trace_id, 0, 0, is_new=True))

    def _load_neighbours(self, trace: int, arrivals: list[Arrival]) -> None:
        """Load of a trace that was here: the same spans, their parents and their children."""
        own = {arrival.node.span_id for arrival in arrivals}
        wanted = own | {arrival.node.parent_span_id or "" for arrival in arrivals}
        self._asked.update((trace, span_id) for span_id in wanted)
        self._keep(self._connection.execute(_BY_ID, (trace, json.dumps(list(wanted)))))
        for row in self._connection.execute(_BY_PARENT, (trace, json.dumps(list(own)))):
            child = self._kept(Node(*row))
            self._children[trace, child.parent_span_id or ""].append(child)

    def _keep(self, rows: Iterable[tuple[object, ...]]) -> None:
        for row in rows:
            self._kept(Node(*row))  # type: ignore[arg-type]

    def _kept(self, node: Node) -> Node:
        return self._nodes.setdefault((node.trace, node.span_id), node)

    def _take_in(self, arrival: Arrival) -> None:
        node = arrival.node
        key = (node.trace, node.span_id)
        if key in self._nodes:
            self.duplicates += 1
            return
        node.id = self._numbers.next_span()
        self._nodes[key] = node
        self.new[node.id] = arrival
        if node.parent_span_id is not None:
            self._children[node.trace, node.parent_span_id].append(node)
        trace = self._traces[node.trace]
        if trace.is_new and not trace.unit:
            # What was said of it from elsewhere, such as feedback, is here before the trace itself.
            waiting = self._units.at(trace.trace_id)
            if waiting is not None:
                self._become_unit_of(trace, waiting)
        if arrival.claim:
            unit = self._units.at(arrival.claim) or self._new_claimed(arrival)
            node.run = unit.id
            if not trace.has_runs:
                trace.has_runs, trace.is_changed = 1, True
                if trace.unit:
                    self._units.touch(trace.unit)

    def _new_claimed(self, arrival: Arrival) -> Unit:
        address = arrival.claim
        trace = None
        if could_be_trace(address):
            trace = self._by_text.get(address) or self._load_trace("trace_id", address)
        unit = self._units.new(address, None if trace else address, arrival.trace_id)
        if trace is not None:
            trace.unit, trace.is_changed = unit.id, True
        return unit

    def _become_unit_of(self, trace: Trace, unit: Unit) -> None:
        trace.unit, trace.is_changed = unit.id, True
        unit.run_id = None
        unit.trace_id = trace.trace_id
        self._units.touch(unit.id)
        self.reparented.update(self._units.wanting(unit.id))

    def _unit_of(self, trace: Trace) -> Unit:
        if not trace.unit:
            unit = self._units.new(trace.trace_id, None, trace.trace_id)
            trace.unit, trace.is_changed = unit.id, True
        return self._units.get(trace.unit)

    def _settle(self) -> None:
        """Hand down what parents pass on until nothing changes any more."""
        waiting: list[Node] = []
        for arrival in self.new.values():
            node = arrival.node
            if node.parent_span_id is not None:
                parent = self._nodes.get((node.trace, node.parent_span_id))
                if parent is not None and parent.id not in self.new:
                    self._hand_down(parent, node)
            waiting.append(node)
        while waiting:
            parent = waiting.pop()
            waiting.extend(child for child in self._below(parent) if self._hand_down(parent, child))

    def _below(self, parent: Node) -> list[Node]:
        key = (parent.trace, parent.span_id)
        if parent.id not in self.new and key not in self._opened:
            self._opened.add(key)
            known = {child.id for child in self._children[key]}
            rows = self._connection.execute(_BY_PARENT, (parent.trace, json.dumps([parent.span_id])))
            found = [self._kept(Node(*row)) for row in rows]
            self._children[key].extend(child for child in found if child.id not in known)
        return self._children[key]

    def _hand_down(self, parent: Node, child: Node) -> bool:
        """Give a child the run of its parent and its place inside a step; tell whether that is news."""
        if child.kind == "run" and child.claims and child.id not in self.new:
            self.reparented.add(child.run)
        run = child.run
        if not child.claims and not self._is_left_to_trace(parent):
            run = parent.run
        is_inside = parent.kind == "step" or parent.within
        # A step of another run is another request, and a run or a tool call counts wherever it stands.
        is_same = run == parent.run or not child.claims
        within = int(child.within or (is_inside and is_same and child.kind not in {"run", "tool"}))
        if (run, within) == (child.run, child.within):
            return False
        if child.id not in self.new and child.id not in self.moved:
            self.moved[child.id] = Before(child.run, child.sums())
            self.moved_nodes[child.id] = child
        if run != child.run:
            child.run = run
            child.own = int(child.kind == "run" and child.claims)
        child.within = within
        return True

    def _is_left_to_trace(self, node: Node) -> bool:
        return not node.claims and node.run in {0, self._traces[node.trace].unit}
