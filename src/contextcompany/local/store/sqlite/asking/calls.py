"""Calls put together by their tool or model, with the runs in which they were made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from contextcompany.local.store.rows import GroupRow
from contextcompany.local.store.sqlite.asking.durations import nearest_rank, numbers
from contextcompany.local.store.sqlite.asking.ranking import p95_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from contextcompany.local.store.sqlite.asking.finding import Finder
    from contextcompany.local.store.sqlite.asking.ranking import Part

# The condition of the index must stand in the question word for word, or SQLite does not use it.
_IS_CALL: Final = "s.kind IN ('step', 'tool') AND s.within = 0 AND s.kind = :span_kind AND s.name <> ''"
_ALL: Final = (
    "count(*) AS calls, sum(s.status = 'failed') AS failed_calls, sum(s.input_tokens) AS input_tokens, "
    "sum(s.output_tokens) AS output_tokens, sum(s.cost) AS cost, min(s.start_ns) AS first_ns, "
    "max(s.start_ns) AS last_ns, group_concat(s.end_ns - s.start_ns) AS durations"
)
# Word for word the condition of the index run_rated.
_RATED: Final = "(r.status = 'failed' OR r.thumbs_up > 0 OR r.thumbs_down > 0)"


def groups(
    connection: sqlite3.Connection, by: str, finder: Finder | None, part: Part
) -> tuple[list[GroupRow], bool]:
    """Put the calls of one kind together by name; also tell whether there are more groups.

    Args:
        connection: To the database.
        by: `tool` or `model`.
        finder: Finds the runs whose calls are wanted; None for all.
        part: Which groups; the order `failed` is by failed calls.
    """
    parameters: dict[str, Any] = {} if finder is None else dict(finder.source.parameters)
    parameters |= {"kind": by, "span_kind": "tool" if by == "tool" else "step"}
    if finder is None:
        source = f"FROM span AS s INDEXED BY span_calls WHERE {_IS_CALL}"
    elif finder.is_few:
        source = (
            f"FROM (SELECT r.id {finder.source.rows}) AS m "
            "CROSS JOIN run AS q INDEXED BY run_top ON q.top = m.id "
            f"CROSS JOIN span AS s INDEXED BY span_run ON s.run = q.id WHERE {_IS_CALL}"
        )
    else:
        # One list of all runs in question, nested ones too: a look at each call's run costs three times more.
        source = (
            f"FROM span AS s INDEXED BY span_calls WHERE {_IS_CALL} AND s.run IN ("
            f"SELECT q.id FROM (SELECT r.id {finder.source.rows}) AS m "
            "CROSS JOIN run AS q INDEXED BY run_top ON q.top = m.id)"
        )
    runs = _runs(connection, finder, parameters)
    # Few tools and models have names of their own, so all are added up in one go.
    found = {
        row["key"]: row
        for row in connection.execute(f"SELECT s.name AS key, {_ALL} {source} GROUP BY s.name", parameters)
    }
    ranks: dict[str, Callable[[str], float]] = {
        "runs": lambda name: runs.get(name, 0),
        "cost": lambda name: found[name]["cost"] or 0.0,
        "failed": lambda name: found[name]["failed_calls"],
        "recent": lambda name: found[name]["last_ns"],
        "slowest": lambda name: p95_of(found[name]["durations"]),
    }
    names, is_more = part.of(found, ranks[part.order])
    rated = _rated(connection, finder, parameters)
    return [_row(found[name], runs.get(name, 0), rated.get(name, (0, 0, 0))) for name in names], is_more


def _runs(
    connection: sqlite3.Connection, finder: Finder | None, parameters: dict[str, Any]
) -> dict[str, int]:
    if finder is None:
        query = "SELECT value, count(*) FROM facet WHERE kind = :kind GROUP BY value"
    elif finder.is_few:
        query = (
            f"SELECT f.value, count(*) FROM (SELECT r.id {finder.source.rows}) AS m "
            "CROSS JOIN facet AS f ON f.top = m.id WHERE f.kind = :kind GROUP BY f.value"
        )
    else:
        query = (
            "SELECT value, count(*) FROM facet "
            f"WHERE kind = :kind AND top IN (SELECT r.id {finder.source.rows}) GROUP BY value"
        )
    return {row[0]: row[1] for row in connection.execute(query, parameters)}


def _rated(
    connection: sqlite3.Connection, finder: Finder | None, parameters: dict[str, Any]
) -> dict[str, tuple[int, int, int]]:
    """Count failed runs and thumbs; few runs have either, so those are looked at instead of all."""
    source = (
        "FROM run AS r INDEXED BY run_rated WHERE r.parent IS NULL" if finder is None else finder.source.rows
    )
    rows = connection.execute(
        "SELECT f.value, sum(m.status = 'failed'), sum(m.thumbs_up), sum(m.thumbs_down) "
        f"FROM (SELECT r.id, r.status, r.thumbs_up, r.thumbs_down {source} AND {_RATED}) AS m "
        f"CROSS JOIN facet AS f ON f.top = m.id WHERE f.kind = :kind GROUP BY f.value",
        parameters,
    )
    return {row[0]: (row[1], row[2], row[3]) for row in rows}


def _row(row: sqlite3.Row, runs: int, rated: tuple[int, int, int]) -> GroupRow:
    durations = sorted(numbers(row["durations"]))
    failed, thumbs_up, thumbs_down = rated
    return GroupRow(
        key=row["key"],
        label=row["key"],
        runs=runs,
        failed=failed,
        calls=row["calls"],
        failed_calls=row["failed_calls"],
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"],
        cost=row["cost"],
        p50_ns=nearest_rank(durations, 50),
        p95_ns=nearest_rank(durations, 95),
        thumbs_up=thumbs_up,
        thumbs_down=thumbs_down,
        first_ns=row["first_ns"],
        last_ns=row["last_ns"],
    )
