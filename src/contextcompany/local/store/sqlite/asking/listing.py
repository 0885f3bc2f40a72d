"""Runs as lines of a list: those that meet a filter, that changed, of a session, inside a run."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import fields
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, cast

from contextcompany.local.store.rows import Page, RunRow
from contextcompany.local.store.sqlite.asking import cursors
from contextcompany.local.store.sqlite.asking.conditions import conditions
from contextcompany.local.store.sqlite.asking.finding import Finder, Order
from contextcompany.local.store.sqlite.tables.nodes import storable

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from contextcompany.local.store.filters import RunFilter

ORDERS: Final = {
    "newest": Order("r.start_ns"),
    "oldest": Order("r.start_ns", is_descending=False),
    "slowest": Order("(r.end_ns - r.start_ns)"),
    "costliest": Order("coalesce(r.cost, -1.0)", kind=float),
    "most-tokens": Order("(r.input_tokens + r.output_tokens)"),
}
_COLUMNS: Final = tuple(
    column.name
    for column in fields(RunRow)
    if column.name not in {"parent", "models", "tools", "agents", "metadata"}
)
# Of a run with more kinds of tools than this, a line does not name all.
_MOST_NAMES: Final = 50

_ROWS: Final = """
SELECT run.*, around.address AS around
FROM run LEFT JOIN run AS around ON around.id = run.parent
WHERE run.id IN (SELECT value FROM json_each(?))
"""
_NAMES_OF_TOP: Final = """
SELECT top, kind, value FROM facet
WHERE top IN (SELECT value FROM json_each(?)) AND kind IN ('agent', 'model', 'tool')
"""
_NAMES_OF_NESTED: Final = """
WITH RECURSIVE inside (id) AS (
    VALUES (?) UNION SELECT run.id FROM run JOIN inside ON run.parent = inside.id
)
SELECT DISTINCT span.kind, span.name FROM inside JOIN span ON span.run = inside.id
WHERE span.kind IN ('run', 'step', 'tool') AND span.name <> ''
"""
_BEFORE: Final = "SELECT 1 FROM run INDEXED BY run_list WHERE parent IS NULL AND start_ns < ? LIMIT 1"
_FROM: Final = "SELECT 1 FROM run INDEXED BY run_list WHERE parent IS NULL AND start_ns >= ? LIMIT 1"
_KINDS: Final = {"run": "agent", "step": "model", "tool": "tool"}


def runs(
    connection: sqlite3.Connection, wanted: RunFilter, *, limit: int = 50, cursor: str | None = None
) -> Page[RunRow]:
    """List top-level runs in the order the filter names.

    Raises:
        BadCursorError: The cursor is none of this list.
        FilterError: A bound is neither a time nor an age.
    """
    limit = max(1, limit)
    order = ORDERS[wanted.order]
    asked = cursors.question("runs", wanted.pairs())
    after = None if cursor is None else cursors.read(asked, cursor, (order.kind, int))
    found = Finder(connection, conditions(wanted)).page(order, limit + 1, after)
    rows = rows_of(connection, [number for number, _ in found[:limit]])
    more = cursors.write(asked, (found[limit - 1][1], found[limit - 1][0])) if len(found) > limit else None
    return Page(rows, more)


def count_runs(connection: sqlite3.Connection, wanted: RunFilter, *, limit: int = 10_000) -> int:
    """Count top-level runs, up to `limit`."""
    return Finder(connection, conditions(wanted)).count(limit)


def without_idle_bounds(connection: sqlite3.Connection, wanted: RunFilter) -> RunFilter:
    """Leave out the bounds in time that all top-level runs are within: less is looked at without them."""
    since, until = wanted.bounds_ns()
    if since is not None and connection.execute(_BEFORE, (since,)).fetchone() is None:
        wanted = wanted.but(since="")
    if until is not None and connection.execute(_FROM, (until,)).fetchone() is None:
        wanted = wanted.but(until="")
    return wanted


def changed_runs(
    connection: sqlite3.Connection, wanted: RunFilter, since: int, *, limit: int = 200
) -> tuple[RunRow, ...]:
    """Return the first `limit` top-level runs that changed after `since`, latest change last."""
    found = conditions(wanted)
    finder = Finder(connection, found)
    rows = connection.execute(
        # Our own words; values are bound.
        f"SELECT r.id, 0, {finder.named('r.id')} FROM run AS r INDEXED BY run_change "
        f"WHERE r.change > :change AND {found.where}{finder.probes('r.id')} ORDER BY r.change",
        found.parameters | {"change": since},
    )
    candidates = ((row[0], row[1], bool(row[2])) for row in rows)
    return rows_of(connection, [number for number, _ in islice(finder.read(candidates), limit)])


def session(connection: sqlite3.Connection, session_id: str, *, limit: int = 200) -> tuple[RunRow, ...]:
    """Return the top-level runs of a session, earliest first; the newest `limit` of them."""
    rows = connection.execute(
        "SELECT id FROM run WHERE session_id = ? AND session_id <> '' AND parent IS NULL "
        "ORDER BY start_ns DESC, id DESC LIMIT ?",
        (storable(session_id), limit),
    )
    return rows_of(connection, [row[0] for row in rows][::-1])


def nested_runs(connection: sqlite3.Connection, address: str) -> tuple[RunRow, ...]:
    """Return the runs directly inside a run, earliest first."""
    rows = connection.execute(
        "SELECT id FROM run WHERE parent = (SELECT id FROM run WHERE address = ?) AND parent > 0 "
        "ORDER BY start_ns, id",
        (address,),
    )
    return rows_of(connection, [row[0] for row in rows])


def rows_of(connection: sqlite3.Connection, numbers: Sequence[int]) -> tuple[RunRow, ...]:
    """Return the lines of runs by their numbers, in the same order."""
    wanted = json.dumps(list(numbers))
    found = {row["id"]: row for row in connection.execute(_ROWS, (wanted,))}
    names: defaultdict[int, list[tuple[str, str]]] = defaultdict(list)
    for top, kind, value in connection.execute(_NAMES_OF_TOP, (wanted,)):
        names[top].append((kind, value))
    for number, row in found.items():
        if row["top"] != number:
            names[number] = _names_of_nested(connection, number)
    return tuple(_line(found[number], names[number]) for number in numbers if number in found)


def run_row(connection: sqlite3.Connection, row: sqlite3.Row) -> RunRow:
    """Return the line of a run from its row in the table."""
    return rows_of(connection, [row["id"]])[0]


def _names_of_nested(connection: sqlite3.Connection, number: int) -> list[tuple[str, str]]:
    rows = connection.execute(_NAMES_OF_NESTED, (number,))
    return [(_KINDS[kind], name) for kind, name in rows]


def _line(row: sqlite3.Row, names: Iterable[tuple[str, str]]) -> RunRow:
    known: defaultdict[str, list[str]] = defaultdict(list)
    for kind, name in sorted(names):
        known[kind].append(name)
    fields: dict[str, Any] = {column: row[column] for column in _COLUMNS}
    return RunRow(
        **fields,
        parent=row["around"],
        models=tuple(known["model"][:_MOST_NAMES]),
        tools=tuple(known["tool"][:_MOST_NAMES]),
        agents=tuple(known["agent"][:_MOST_NAMES]),
        metadata=cast("dict[str, str]", json.loads(row["metadata"])),
    )
