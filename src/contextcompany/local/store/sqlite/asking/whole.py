"""Runs whole: every span of a run and of all inside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contextcompany.local.store.sqlite.tables import packs

if TYPE_CHECKING:
    import sqlite3

    from contextcompany.local.otlp.spans import SpanRecord

MOST_SPANS: Final = 20_000
"""As many spans of one run are given out at most, the earliest; more fit on no page and in no memory."""

_OF_TOP: Final = """
SELECT span.id FROM run JOIN span ON span.run = run.id
WHERE run.top = ? ORDER BY span.start_ns, span.id LIMIT ?
"""
_OF_NESTED: Final = """
WITH RECURSIVE inside (id) AS (
    VALUES (?) UNION SELECT run.id FROM run JOIN inside ON run.parent = inside.id
)
SELECT span.id FROM inside JOIN span ON span.run = inside.id ORDER BY span.start_ns, span.id LIMIT ?
"""


def spans_of(connection: sqlite3.Connection, run: int, top: int, limit: int = -1) -> tuple[SpanRecord, ...]:
    """Return the spans of a run and of those inside it, earliest first; all unless there is a limit."""
    query = _OF_TOP if run == top else _OF_NESTED
    numbers = [row[0] for row in connection.execute(query, (run, limit))]
    found = dict(packs.read(connection, numbers))
    return tuple(found[number] for number in numbers)
