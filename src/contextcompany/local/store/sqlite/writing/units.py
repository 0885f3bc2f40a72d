"""The rows of `run` that a batch changes: looked up, added up along the runs around them, written back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from contextcompany.local.store.sqlite.tables.nodes import FAILURES, UNIT_COLUMNS, Unit, unit_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from contextcompany.local.store.sqlite.tables.nodes import Sums
    from contextcompany.local.store.sqlite.tables.numbers import Numbers

_SELECT: Final = f"SELECT {', '.join(UNIT_COLUMNS)} FROM run WHERE"
_ADD: Final = f"INSERT INTO run ({', '.join(UNIT_COLUMNS)}) VALUES ({', '.join('?' * len(UNIT_COLUMNS))})"
_SET: Final = f"UPDATE run SET {', '.join(f'{column} = ?' for column in UNIT_COLUMNS[2:])} WHERE id = ?"
# Runs that are nested deeper than this stay where they are, at the top.
_MOST_DEPTH: Final = 2_000

_MOVE_BELOW: Final = """
WITH RECURSIVE below (id) AS (
    SELECT id FROM run WHERE parent = :unit
    UNION SELECT run.id FROM run JOIN below ON run.parent = below.id
)
UPDATE run SET top = :top WHERE id IN below AND top <> :top
"""


class Units:
    """The units that one batch knows of; those that it touched are written at its end."""

    def __init__(self, connection: sqlite3.Connection, numbers: Numbers) -> None:
        self._connection = connection
        self._numbers = numbers
        self._by_id: dict[int, Unit] = {}
        self._by_address: dict[str, Unit] = {}
        self._new: dict[int, Unit] = {}
        self._dirty: dict[int, Unit] = {}
        self._gone: dict[int, Unit] = {}
        self.touched: dict[int, Unit] = {}

    def at(self, address: str) -> Unit | None:
        """Return the unit at an address, of those that were loaded or made."""
        return self._by_address.get(address)

    def find(self, address: str) -> Unit | None:
        """Return the unit at an address, None if nothing of it is here."""
        if address not in self._by_address:
            self.load_addresses({address})
        return self._by_address.get(address)

    def load_addresses(self, addresses: set[str]) -> None:
        """Load what is here of the units at these addresses."""
        missing = [address for address in addresses if address not in self._by_address]
        if missing:
            self._keep(
                self._connection.execute(
                    f"{_SELECT} address IN (SELECT value FROM json_each(?))", (json.dumps(missing),)
                )
            )

    def load(self, numbers: Iterable[int]) -> None:
        """Load the units of these numbers."""
        missing = [number for number in numbers if number not in self._by_id]
        if missing:
            self._keep(
                self._connection.execute(
                    f"{_SELECT} id IN (SELECT value FROM json_each(?))", (json.dumps(missing),)
                )
            )

    def get(self, number: int) -> Unit:
        """Return a unit that is known to be here."""
        if number not in self._by_id:
            self.load([number])
        return self._by_id[number]

    def maybe(self, number: int | None) -> Unit | None:
        """Return a unit by its number, None if it is not here."""
        if not number or number in self._gone:
            return None
        if number not in self._by_id:
            self.load([number])
        return self._by_id.get(number)

    def new(self, address: str, run_id: str | None, trace_id: str) -> Unit:
        """Make a unit."""
        number = self._numbers.next_run()
        unit = Unit(number, address, run_id, trace_id, None, number)
        self._by_id[number] = self._by_address[address] = self._new[number] = unit
        self.touch(number)
        return unit

    def touch(self, number: int) -> None:
        """Have the line of a unit looked after at the end of the batch."""
        self.touched[number] = self._dirty[number] = self.get(number)

    def new_addresses(self) -> list[str]:
        """Return the addresses of the units that this batch has made."""
        return [unit.address for unit in self._new.values()]

    def is_new(self, unit: Unit) -> bool:
        """Tell whether this batch has made the unit."""
        return unit.id in self._new

    def named(self, addresses: list[str]) -> set[int]:
        """Return the numbers of the units that say they were started in a run at one of the addresses."""
        rows = self._connection.execute(
            "SELECT id FROM run WHERE named_parent <> '' "
            "AND named_parent IN (SELECT value FROM json_each(?))",
            (json.dumps(addresses),),
        )
        return {row[0] for row in rows}

    def gone(self) -> list[int]:
        """Return the numbers of the units of which nothing is left."""
        return list(self._gone)

    def changed(self) -> list[Unit]:
        """Return what this batch has changed, in a fixed order."""
        return sorted(self._dirty.values(), key=lambda unit: unit.id)

    def wanting(self, number: int) -> set[int]:
        """Return the numbers of the units that say they are inside this one, as far as it can be told."""
        address = self.get(number).address
        rows = self._connection.execute(
            "SELECT id FROM run WHERE parent = ? UNION SELECT id FROM run WHERE named_parent = ?",
            (number, address),
        )
        known = (unit.id for unit in self._by_id.values() if unit.wanted == number)
        return {row[0] for row in rows} | set(known)

    def add(self, unit: Unit, sums: Sums) -> None:
        """Add to the sums of a unit and of all around it."""
        current: Unit | None = unit
        while current is not None:
            current.sums = [mine + more for mine, more in zip(current.sums, sums, strict=True)]
            self._dirty[current.id] = current
            current = self.maybe(current.parent)

    def set_status(self, unit: Unit, status: str) -> None:
        """Set how a run went; that one failed counts in those around it."""
        more = int(status == "failed") - int(unit.status == "failed")
        unit.status = status
        around = self.maybe(unit.parent)
        if more and around is not None:
            self.add(around, _failures(more))

    def set_wanted(self, unit: Unit, wanted: int | None) -> None:
        """Put a unit inside another, unless that makes a circle: then its first address stays at the top."""
        if wanted == unit.wanted:
            return
        affected = {unit.id: unit, **self._circle(unit)}
        unit.wanted = wanted
        self._dirty[unit.id] = unit
        affected |= self._circle(unit)
        moving = [(each, self._allowed(each)) for each in affected.values()]
        moving = [(each, parent) for each, parent in moving if parent != (each.parent or None)]
        # First all let go, then all take hold: in between there is never a circle.
        for each, _ in moving:
            self._move(each, None)
        for each, parent in moving:
            if parent is not None:
                self._move(each, parent)

    def remove(self, unit: Unit) -> None:
        """Forget a unit of which nothing is left."""
        self._gone[unit.id] = unit
        self._dirty.pop(unit.id, None)
        self._by_address.pop(unit.address, None)

    def settle_tops(self) -> list[tuple[Unit, int]]:
        """Find the outermost run of each unit again; return those that have moved, with their old one."""
        moved: list[tuple[Unit, int]] = []
        for unit in list(self._dirty.values()):
            outer = unit
            while (around := self.maybe(outer.parent)) is not None:
                outer = around
            if unit.top != outer.id:
                moved.append((unit, unit.top))
                unit.top = outer.id
        return moved

    def write(self) -> None:
        """Write what has changed, each row with a change number of its own."""
        changed = self.changed()
        for unit in changed:
            unit.change = self._numbers.next_change()
        self._connection.executemany(_ADD, [unit.row() for unit in changed if unit.id in self._new])
        self._connection.executemany(
            _SET, [(*unit.row()[2:], unit.id) for unit in changed if unit.id not in self._new]
        )
        gone = [(number,) for number in self._gone if number not in self._new]
        self._connection.executemany("DELETE FROM run WHERE id = ?", gone)

    def move_below(self, unit: Unit) -> None:
        """Tell the runs inside a unit that were not loaded which is now their outermost."""
        self._connection.execute(_MOVE_BELOW, {"unit": unit.id, "top": unit.top})

    def _keep(self, rows: Iterable[tuple[object, ...]]) -> None:
        for row in rows:
            if row[0] not in self._by_id:
                unit = unit_of(row)
                self._by_id[unit.id] = self._by_address[unit.address] = unit

    def _move(self, unit: Unit, parent: int | None) -> None:
        sums = list(unit.sums)
        sums[FAILURES] += int(unit.status == "failed")
        around = self.maybe(unit.parent)
        if around is not None:
            self.add(around, [-each for each in sums])
        unit.parent = parent
        self._dirty[unit.id] = unit
        around = self.maybe(parent)
        if around is not None:
            self.add(around, sums)

    def _circle(self, unit: Unit) -> dict[int, Unit]:
        """Return the units of the circle in which a unit stands, if it stands in one."""
        found: dict[int, Unit] = {}
        current: Unit | None = unit
        while current is not None and current.id not in found and len(found) <= _MOST_DEPTH:
            found[current.id] = current
            current = self.maybe(current.wanted)
        return found if current is unit else {}

    def _allowed(self, unit: Unit) -> int | None:
        circle = self._circle(unit)
        if circle and unit.address == min(each.address for each in circle.values()):
            return None
        # Where the way up comes to a circle, its own or another one, it ends.
        passed = set(circle)
        depth = 0
        current = self.maybe(unit.wanted)
        while current is not None and depth <= _MOST_DEPTH and current.id not in passed:
            passed.add(current.id)
            depth += 1
            current = self.maybe(current.wanted)
        return unit.wanted if depth <= _MOST_DEPTH else None


def _failures(more: int) -> Sums:
    sums = [0] * (len(UNIT_COLUMNS) - UNIT_COLUMNS.index("spans"))
    sums[FAILURES] = more
    return sums
