"""One batch of spans into the tables, in one transaction: spans, runs, sums, facets and words agree."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from contextcompany.local.store.rows import Added
from contextcompany.local.store.sqlite.tables import facets
from contextcompany.local.store.sqlite.tables.nodes import SUMMED
from contextcompany.local.store.sqlite.tables.numbers import add_to
from contextcompany.local.store.sqlite.writing.placing import Placing
from contextcompany.local.store.sqlite.writing.summaries import Summaries
from contextcompany.local.store.sqlite.writing.units import Units

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from contextcompany.local.store.sqlite.tables.nodes import Arrival, Sums, Unit
    from contextcompany.local.store.sqlite.tables.numbers import Numbers


@dataclass(frozen=True, slots=True)
class Found:
    """By what a unit was found before a batch, and whether it was found at all."""

    pairs: set[tuple[str, str]]
    is_listed: bool


def write(connection: sqlite3.Connection, numbers: Numbers, arrivals: Sequence[Arrival]) -> Added:
    """Write spans inside a transaction that is open; what is here already is counted and left out."""
    units = Units(connection, numbers)
    placing = Placing(connection, numbers, units)
    placing.place(arrivals)
    placing.write_spans()
    _add_up(placing, units)
    for number in placing.reparented | units.named(units.new_addresses()):
        units.touch(number)
    before = {
        unit.id: Found(set(facets.of_unit(unit)), is_listed=unit.parent != 0)
        for unit in units.touched.values()
    }
    summaries = Summaries(connection, units, placing)
    for unit in list(units.touched.values()):
        summaries.refresh(unit)
    moved = units.settle_tops()
    units.write()
    placing.write_traces()
    _index(connection, placing, units, moved, before)
    add_to(connection, "duplicates", placing.duplicates)
    numbers.save(connection)
    return Added(len(placing.new), placing.duplicates)


def _add_up(placing: Placing, units: Units) -> None:
    """Add to each unit what came and take off what left, once for the whole batch."""
    found: defaultdict[int, Sums] = defaultdict(lambda: [0] * (len(SUMMED) + 1))

    def count(run: int, sums: Sums, sign: int) -> None:
        found[run] = [mine + sign * more for mine, more in zip(found[run], sums, strict=True)]

    for arrival in placing.new.values():
        count(arrival.node.run, arrival.node.sums(), 1)
    for number, old in placing.moved.items():
        node = placing.moved_nodes[number]
        count(old.run, old.sums, -1)
        count(node.run, node.sums(), 1)
    units.load(found)
    for run, sums in found.items():
        units.touch(run)
        units.add(units.get(run), sums)


def _index(
    connection: sqlite3.Connection,
    placing: Placing,
    units: Units,
    moved: list[tuple[Unit, int]],
    before: dict[int, Found],
) -> None:
    """Keep up what the outermost runs can be found by; count again only where something may have left."""
    again = _move(connection, units, moved)
    found: set[tuple[int, str, str]] = set()
    nodes = [arrival.node for arrival in placing.new.values()]
    for node in (*nodes, *placing.moved_nodes.values()):
        found.update((units.get(node.run).top, *pair) for pair in node.facets())
    for number, old in placing.moved.items():
        node = placing.moved_nodes[number]
        if old.run != node.run and node.facets():
            again.add(units.get(old.run).top)
    for unit in units.touched.values():
        pairs = facets.of_unit(unit)
        found.update((unit.top, *pair) for pair in pairs)
        if not before[unit.id].pairs <= set(pairs) or not before[unit.id].is_listed:
            again.add(unit.top)
    # What no list shows is not found by anything.
    gone = set(units.gone()) | {unit.id for unit in units.touched.values() if unit.parent == 0}
    facets.add(connection, (row for row in found if row[0] not in gone))
    for top in again - gone:
        facets.count_again(connection, top)
    for top in gone:
        facets.remove(connection, top)


def _move(connection: sqlite3.Connection, units: Units, moved: list[tuple[Unit, int]]) -> set[int]:
    """Take along what is inside of the runs that have another outermost run; return what must be counted."""
    again: set[int] = set()
    for unit, old_top in moved:
        if units.is_new(unit):
            continue
        units.move_below(unit)
        if old_top == unit.id:
            facets.merge(connection, old_top, unit.top)
        else:
            # What it could be found by may have gone on with the run that it was in.
            again |= {old_top, units.get(old_top).top, unit.top}
    return again
