"""Feedback as a list, newest first, each with the run it is about."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from contextcompany.local.store.rows import FeedbackRow, Page
from contextcompany.local.store.sqlite.asking import cursors
from contextcompany.local.store.sqlite.asking.conditions import conditions
from contextcompany.local.store.sqlite.asking.finding import Finder
from contextcompany.local.store.sqlite.asking.listing import rows_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from contextcompany.local.store.filters import RunFilter
    from contextcompany.local.store.sqlite.asking.conditions import Conditions

_IS_MORE: Final = (
    "EXISTS (SELECT 1 FROM run AS q CROSS JOIN span AS t ON t.run = q.id "
    "WHERE q.top = u.top AND t.kind <> 'feedback')"
)


def feedback(
    connection: sqlite3.Connection, wanted: RunFilter, *, limit: int = 50, cursor: str | None = None
) -> Page[FeedbackRow]:
    """List feedback on the runs that match, newest first.

    Raises:
        BadCursorError: The cursor is none of this list.
        FilterError: A bound is neither a time nor an age.
    """
    limit = max(1, limit)
    asked = cursors.question("feedback", wanted.but(order="newest").pairs())
    after = None if cursor is None else cursors.read(asked, cursor, (int, int))
    found = list(islice(_found(connection, conditions(wanted), after), limit + 1))
    lines = {row.address: row for row in rows_of(connection, [row["run"] for row in found if row["is_more"]])}
    items = tuple(
        FeedbackRow(
            address=row["address"],
            time_ns=row["start_ns"],
            score=row["score"] or None,
            text=row["feedback_text"],
            run=lines.get(row["address"]),
        )
        for row in found[:limit]
    )
    last = found[limit - 1] if len(found) > limit else None
    return Page(items, cursors.write(asked, (last["start_ns"], last["id"])) if last else None)


def _found(
    connection: sqlite3.Connection, found: Conditions, after: list[float] | None
) -> Iterator[sqlite3.Row]:
    parameters: dict[str, Any] = dict(found.parameters)
    place = ""
    if after is not None:
        place = "AND (s.start_ns, s.id) < (:after_ns, :after_id)"
        parameters |= {"after_ns": after[0], "after_id": after[1]}
    finder = Finder(connection, found)
    rows = connection.execute(
        # Our own words; values are bound.
        f"SELECT s.id, s.start_ns, s.score, s.feedback_text, u.id AS run, u.address, r.id AS top, "
        f"{_IS_MORE} AS is_more, {finder.named('r.id')} AS is_named "
        "FROM span AS s INDEXED BY span_feedback "
        "CROSS JOIN run AS u ON u.id = s.run CROSS JOIN run AS r ON r.id = u.top "
        f"WHERE s.kind = 'feedback' {place} AND {found.where}{finder.probes('r.id')} "
        "ORDER BY s.start_ns DESC, s.id DESC",
        parameters,
    )
    candidates = ((row["top"], row, bool(row["is_named"])) for row in rows)
    return (row for _, row in finder.read(candidates))
