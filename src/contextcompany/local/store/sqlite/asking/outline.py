"""Runs for a page: their spans as lines, and the content of those that are looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contextcompany.local.store.rows import Exchange, SpanLine
from contextcompany.local.store.sqlite.asking.whole import MOST_SPANS
from contextcompany.local.store.sqlite.tables import packs

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from contextcompany.local.otlp.spans import SpanRecord

_INSIDE: Final = """
WITH RECURSIVE inside (id) AS (
    VALUES (?) UNION SELECT run.id FROM run JOIN inside ON run.parent = inside.id
)
"""
_LINES: Final = """
SELECT trace.trace_id, span.span_id, span.parent_span_id, run.address, span.kind, span.status,
    span.start_ns, span.end_ns, span.name, span.error_type, span.error, span.input_tokens,
    span.cached_tokens, span.output_tokens, span.cost, span.score, span.feedback_text, span.own
FROM inside JOIN run ON run.id = inside.id JOIN span ON span.run = run.id JOIN trace ON trace.id = span.trace
ORDER BY span.start_ns, span.id LIMIT ?
"""
_PARENTS: Final = """
SELECT run.address, around.address
FROM inside JOIN run ON run.id = inside.id JOIN run AS around ON around.id = run.parent
"""
_NUMBER: Final = """
SELECT span.id FROM trace JOIN span ON span.trace = trace.id WHERE trace.trace_id = ? AND span.span_id = ?
"""
_EXCHANGE: Final = "SELECT asker, answerer FROM run WHERE address = ?"


def lines_of(connection: sqlite3.Connection, run: int) -> tuple[SpanLine, ...]:
    """Return the spans of a run and of those inside it as lines, earliest first."""
    cursor = connection.cursor()
    # A row that can be asked by name costs more than the tuple it is made from.
    cursor.row_factory = None
    return tuple(map(SpanLine._make, cursor.execute(_INSIDE + _LINES, (run, MOST_SPANS))))


def parents_of(connection: sqlite3.Connection, run: int) -> dict[str, str]:
    """Return the run directly around each run inside a run, and around itself, by their addresses."""
    return dict(connection.execute(_INSIDE + _PARENTS, (run,)).fetchall())


def bodies(connection: sqlite3.Connection, ids: Sequence[tuple[str, str]]) -> tuple[SpanRecord, ...]:
    """Return the spans of these pairs of trace id and span id, as far as they are here."""
    found = (connection.execute(_NUMBER, pair).fetchone() for pair in ids)
    numbers = [row[0] for row in found if row is not None]
    spans = dict(packs.read(connection, numbers))
    return tuple(spans[number] for number in numbers)


def exchanges(connection: sqlite3.Connection, addresses: Sequence[str]) -> Mapping[str, Exchange]:
    """Return the spans that say what was asked of runs and what they answered."""
    rows = {address: connection.execute(_EXCHANGE, (address,)).fetchone() for address in addresses}
    # 0 stands for none.
    numbers = {number for row in rows.values() if row is not None for number in row if number}
    spans = dict(packs.read(connection, numbers))
    return {
        address: Exchange(spans.get(row[0]), spans.get(row[1]))
        for address, row in rows.items()
        if row is not None
    }
