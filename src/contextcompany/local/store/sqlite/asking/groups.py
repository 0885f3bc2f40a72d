"""Runs put together by what they share, in two steps: which groups come next, then all about those."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from contextcompany.local.store.rows import BadCursorError, GroupRow, Page
from contextcompany.local.store.sqlite.asking import calls, cursors, listing
from contextcompany.local.store.sqlite.asking.conditions import conditions
from contextcompany.local.store.sqlite.asking.durations import nearest_rank, numbers
from contextcompany.local.store.sqlite.asking.finding import Finder
from contextcompany.local.store.sqlite.asking.ranking import ORDERS, Part, p95_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping, Sequence

    from contextcompany.local.store.filters import RunFilter
    from contextcompany.local.store.rows import GroupBy

_FARTHEST: Final = 1_000_000
_SUMS: Final = {
    "runs": "count(*)",
    "cost": "total(r.cost)",
    "failed": "sum(r.status = 'failed')",
    "recent": "max(r.start_ns)",
}
_ALL: Final = (
    "count(*) AS runs, sum(r.status = 'failed') AS failed, sum(r.input_tokens) AS input_tokens, "
    "sum(r.output_tokens) AS output_tokens, sum(r.cost) AS cost, sum(r.thumbs_up) AS thumbs_up, "
    "sum(r.thumbs_down) AS thumbs_down, min(r.start_ns) AS first_ns, max(r.start_ns) AS last_ns, "
    "group_concat(r.end_ns - r.start_ns) AS durations"
)


@dataclass(frozen=True, slots=True)
class _Kind:
    """How runs are put together: by which expression, over which rows, and what a group is called.

    `top` is the outermost run of a row. `said` gives label and example of a group, `:key`. Where there may be
    very many groups, they are put in order first and those that are wanted are added up after that.
    """

    key: str
    source: str
    where: str
    top: str = "r.id"
    said: str = ""
    is_many: bool = True


def _of_column(column: str, index: str, said: str) -> _Kind:
    return _Kind(
        key=f"r.{column}",
        source=f"run AS r INDEXED BY {index}",
        where=f"r.{column} <> '' AND r.parent IS NULL",
        said=(
            f"SELECT {said} FROM run INDEXED BY {index} "
            f"WHERE {column} = :key AND {column} <> '' AND parent IS NULL ORDER BY start_ns DESC LIMIT 1"
        ),
    )


_KINDS: Final[dict[str, _Kind]] = {
    "agent": _Kind(
        key="r.agent",
        source="run AS r INDEXED BY run_agent",
        where="r.agent <> '' AND r.parent IS NOT 0",
        top="r.top",
        is_many=False,
    ),
    "user": _of_column("user_id", "run_user", "user_name, ''"),
    "org": _of_column("org_id", "run_org", "org_name, ''"),
    "session": _of_column("session_id", "run_session", "'', prompt"),
    "error": _Kind(
        key="f.value",
        source="facet AS f CROSS JOIN run AS r ON r.id = f.top",
        where="f.kind = 'error' AND r.parent IS NULL",
        said=(
            "SELECT '', s.error FROM facet AS f CROSS JOIN run AS r ON r.id = f.top "
            "CROSS JOIN run AS q INDEXED BY run_top ON q.top = r.id "
            "CROSS JOIN span AS s ON s.run = q.id AND s.error_type = :key "
            "WHERE f.kind = 'error' AND f.value = :key AND r.start_ns = :last_ns "
            "ORDER BY s.error <> '' DESC, s.start_ns DESC LIMIT 1"
        ),
        is_many=False,
    ),
}


def groups(
    connection: sqlite3.Connection,
    by: GroupBy,
    wanted: RunFilter,
    *,
    order: str = "runs",
    limit: int = 50,
    cursor: str | None = None,
) -> Page[GroupRow]:
    """Put the runs together that share something.

    Agents count their own runs, those inside other runs included; the others count top-level runs. The
    slowest are those with the highest p95.

    Raises:
        BadCursorError: The cursor is none of this list.
        FilterError: A bound is neither a time nor an age.
        ValueError: There is no such order.
    """
    if order not in ORDERS:
        raise ValueError(f"order must be one of {', '.join(ORDERS)}, got {order!r}")
    limit = max(1, limit)
    asked = cursors.question("groups", by, order, wanted.but(order="newest").pairs())
    begun = 0
    if cursor is not None:
        begun = int(cursors.read(asked, cursor, (int,))[0])
        if not 0 <= begun <= _FARTHEST:
            raise BadCursorError("the cursor is none of this list: leave it out to begin at the top")
    part = Part(order, limit, begun)
    found = conditions(listing.without_idle_bounds(connection, wanted))
    finder = Finder(connection, found) if found.all_sets or len(found.inline) > 1 else None
    if by in {"tool", "model"}:
        rows, is_more = calls.groups(connection, by, finder, part)
    else:
        rows, is_more = _runs(connection, _KINDS[by], finder, part)
    return Page(tuple(rows), cursors.write(asked, (begun + limit,)) if is_more else None)


def _runs(
    connection: sqlite3.Connection, kind: _Kind, finder: Finder | None, part: Part
) -> tuple[list[GroupRow], bool]:
    where, parameters = kind.where, dict[str, Any]()
    if finder is not None:
        where += f" AND {kind.top} IN (SELECT r.id {finder.source.rows})"
        parameters = dict(finder.source.parameters)
    keys: list[str] = []
    is_more = False
    if kind.is_many:
        keys, is_more = _keys(connection, f"FROM {kind.source} WHERE {where}", kind.key, parameters, part)
        where += f" AND {kind.key} IN (SELECT value FROM json_each(:keys))"
        parameters["keys"] = json.dumps(keys)
    # Our own words; values are bound.
    query = f"SELECT {kind.key} AS key, {_ALL} FROM {kind.source} WHERE {where} GROUP BY {kind.key}"
    found = {row["key"]: row for row in connection.execute(query, parameters)}
    if not kind.is_many:
        keys, is_more = part.of(found, _ranks(found)[part.order])
    return [_row(connection, kind, found[key]) for key in keys], is_more


def _ranks(found: Mapping[str, sqlite3.Row]) -> Mapping[str, Callable[[str], float]]:
    return {
        "runs": lambda key: found[key]["runs"],
        "cost": lambda key: found[key]["cost"] or 0.0,
        "failed": lambda key: found[key]["failed"],
        "recent": lambda key: found[key]["last_ns"],
        "slowest": lambda key: p95_of(found[key]["durations"]),
    }


def _keys(
    connection: sqlite3.Connection, source: str, key: str, parameters: dict[str, Any], part: Part
) -> tuple[list[str], bool]:
    """Choose groups before all about each is added up; also tell whether there are more."""
    if part.order == "slowest":
        query = f"SELECT {key}, group_concat(r.end_ns - r.start_ns) {source} GROUP BY {key}"
        slowness = {row[0]: p95_of(row[1]) for row in connection.execute(query, parameters)}
        return part.of(slowness, slowness.__getitem__)
    ranked = f"ORDER BY {_SUMS[part.order]} DESC, {key} LIMIT :n OFFSET :begun"
    query = f"SELECT {key} {source} GROUP BY {key} {ranked}"
    rows = connection.execute(query, parameters | {"n": part.limit + 1, "begun": part.begun})
    keys = [row[0] for row in rows]
    return keys[: part.limit], len(keys) > part.limit


def _row(connection: sqlite3.Connection, kind: _Kind, row: sqlite3.Row) -> GroupRow:
    key, durations = row["key"], sorted(numbers(row["durations"]))
    said: Sequence[str] | None = None
    if kind.said:
        said = connection.execute(kind.said, {"key": key, "last_ns": row["last_ns"]}).fetchone()
    label, example = said or ("", "")
    return GroupRow(
        key=key,
        label=label or key,
        runs=row["runs"],
        failed=row["failed"],
        calls=0,
        failed_calls=0,
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"],
        cost=row["cost"],
        p50_ns=nearest_rank(durations, 50),
        p95_ns=nearest_rank(durations, 95),
        thumbs_up=row["thumbs_up"],
        thumbs_down=row["thumbs_down"],
        first_ns=row["first_ns"],
        last_ns=row["last_ns"],
        example=example,
    )
