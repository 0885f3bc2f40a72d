"""Calls put together by their tool or model, with the runs in which they were made."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from contextcompany.local.store.rows import GroupRow
from contextcompany.local.store.sqlite.durations import nearest_rank, numbers

if TYPE_CHECKING:
    import sqlite3

    from contextcompany.local.store.sqlite.finding import Finder

_SUMS: Final = {
    "cost": "total(s.cost)",
    "failed": "sum(s.status = 'failed')",
    "recent": "max(s.start_ns)",
}
# The condition of the index must stand in the question word for word, or SQLite does not use it.
_IS_CALL: Final = "s.kind IN ('step', 'tool') AND s.within = 0 AND s.kind = :span_kind AND s.name <> ''"
_ALL: Final = (
    "count(*) AS calls, sum(s.status = 'failed') AS failed_calls, sum(s.input_tokens) AS input_tokens, "
    "sum(s.output_tokens) AS output_tokens, sum(s.cost) AS cost, min(s.start_ns) AS first_ns, "
    "max(s.start_ns) AS last_ns, group_concat(s.end_ns - s.start_ns) AS durations"
)
_AMONG: Final = "IN (SELECT value FROM json_each(:keys))"
_RATED: Final = "(r.status = 'failed' OR r.thumbs_up > 0 OR r.thumbs_down > 0)"


def groups(
    connection: sqlite3.Connection, by: str, finder: Finder | None, order: str, limit: int, begun: int
) -> tuple[list[GroupRow], bool]:
    """Put the calls of one kind together by name; also tell whether there are more groups.

    Args:
        connection: To the database.
        by: `tool` or `model`.
        finder: Finds the runs whose calls are wanted; None for all.
        order: `runs`, `cost`, `failed` (calls), `slowest` or `recent`; most or newest first.
        limit: How many to return.
        begun: How many to leave out at the beginning.
    """
    parameters: dict[str, Any] = {} if finder is None else finder.parameters
    parameters |= {"kind": by, "span_kind": "tool" if by == "tool" else "step"}
    if finder is None:
        source = f"FROM span AS s INDEXED BY span_calls WHERE {_IS_CALL}"
    elif finder.is_few:
        source = (
            f"FROM (SELECT r.id {finder.source()}) AS m CROSS JOIN run AS q INDEXED BY run_top ON q.top = m.id "
            f"CROSS JOIN span AS s INDEXED BY span_run ON s.run = q.id WHERE {_IS_CALL}"
        )
    else:
        source = (
            "FROM span AS s INDEXED BY span_calls CROSS JOIN run AS q ON q.id = s.run "
            f"WHERE {_IS_CALL} AND q.top IN (SELECT r.id {finder.source()})"
        )
    runs = _runs(connection, finder, parameters)
    keys = _keys(connection, source, parameters, order, limit + 1, begun, runs)
    wanted = parameters | {"keys": json.dumps(keys[:limit])}
    rated = _rated(connection, finder, wanted)
    rows = connection.execute(
        f"SELECT s.name AS key, {_ALL} {source} AND s.name {_AMONG} GROUP BY s.name", wanted
    )
    found = {row["key"]: _row(row, runs.get(row["key"], 0), rated.get(row["key"], (0, 0, 0))) for row in rows}
    # A model that only answered inside another step has runs and no calls of its own.
    return [found[key] for key in keys[:limit] if key in found], len(keys) > limit


def _runs(connection: sqlite3.Connection, finder: Finder | None, parameters: dict[str, Any]) -> dict[str, int]:
    if finder is None:
        query = "SELECT value, count(*) FROM facet WHERE kind = :kind GROUP BY value"
    elif finder.is_few:
        query = (
            f"SELECT f.value, count(*) FROM (SELECT r.id {finder.source()}) AS m "  # noqa: S608
            "CROSS JOIN facet AS f ON f.top = m.id WHERE f.kind = :kind GROUP BY f.value"
        )
    else:
        query = (
            "SELECT value, count(*) FROM facet "  # noqa: S608
            f"WHERE kind = :kind AND top IN (SELECT r.id {finder.source()}) GROUP BY value"
        )
    return {row[0]: row[1] for row in connection.execute(query, parameters)}


def _rated(
    connection: sqlite3.Connection, finder: Finder | None, parameters: dict[str, Any]
) -> dict[str, tuple[int, int, int]]:
    """Count failed runs and thumbs; few runs have either, so those are looked at instead of all."""
    source = "FROM run AS r INDEXED BY run_list WHERE r.parent IS NULL" if finder is None else finder.source()
    rows = connection.execute(
        "SELECT f.value, sum(m.status = 'failed'), sum(m.thumbs_up), sum(m.thumbs_down) "  # noqa: S608
        f"FROM (SELECT r.id, r.status, r.thumbs_up, r.thumbs_down {source} AND {_RATED}) AS m "
        f"CROSS JOIN facet AS f ON f.top = m.id WHERE f.kind = :kind AND f.value {_AMONG} GROUP BY f.value",
        parameters,
    )
    return {row[0]: (row[1], row[2], row[3]) for row in rows}


def _keys(
    connection: sqlite3.Connection,
    source: str,
    parameters: dict[str, Any],
    order: str,
    limit: int,
    begun: int,
    runs: dict[str, int],
) -> list[str]:
    """Return which groups come next in an order; equals in the order of their names."""
    if order == "runs":
        return sorted(runs, key=lambda name: (-runs[name], name))[begun : begun + limit]
    if order == "slowest":
        slowest = sorted(
            (-nearest_rank(sorted(numbers(row[1])), 95), row[0])
            for row in connection.execute(
                f"SELECT s.name, group_concat(s.end_ns - s.start_ns) {source} GROUP BY s.name", parameters
            )
        )
        return [key for _, key in slowest[begun : begun + limit]]
    rows = connection.execute(
        f"SELECT s.name {source} GROUP BY s.name ORDER BY {_SUMS[order]} DESC, s.name "
        "LIMIT :limit OFFSET :begun",
        parameters | {"limit": limit, "begun": begun},
    )
    return [row[0] for row in rows]


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
