"""Runs for a page: their spans as lines, and the content of those that are looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contextcompany.local.store.rows import Exchange, SpanLine
from contextcompany.local.store.sqlite.encoding import decode
from contextcompany.local.store.sqlite.whole import MOST_SPANS

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
_BODY: Final = """
SELECT body.body FROM trace JOIN span ON span.trace = trace.id JOIN body ON body.id = span.id
WHERE trace.trace_id = ? AND span.span_id = ?
"""
_EXCHANGE: Final = """
SELECT asked.body, answered.body FROM run
LEFT JOIN body AS asked ON asked.id = run.asker LEFT JOIN body AS answered ON answered.id = run.answerer
WHERE run.address = ?
"""


def lines_of(connection: sqlite3.Connection, run: int) -> tuple[SpanLine, ...]:
    """Return the spans of a run and of those inside it as lines, earliest first."""
    cursor = connection.cursor()
    # A row that can be asked by name costs more than the tuple it is made from.
    cursor.row_factory = None
    return tuple(map(SpanLine._make, cursor.execute(_INSIDE + _LINES, (run, MOST_SPANS))))


def parents_of(connection: sqlite3.Connection, run: int) -> dict[str, str]:
    """Return the run directly around each run inside a run, and around itself, by their addresses."""
    return {inner: around for inner, around in connection.execute(_INSIDE + _PARENTS, (run,))}


def bodies(connection: sqlite3.Connection, ids: Sequence[tuple[str, str]]) -> tuple[SpanRecord, ...]:
    """Return the spans of these pairs of trace id and span id, as far as they are here."""
    found = (connection.execute(_BODY, pair).fetchone() for pair in ids)
    return tuple(decode(row[0]) for row in found if row is not None)


def exchanges(connection: sqlite3.Connection, addresses: Sequence[str]) -> Mapping[str, Exchange]:
    """Return the spans that say what was asked of runs and what they answered."""
    found: dict[str, Exchange] = {}
    for address in addresses:
        row = connection.execute(_EXCHANGE, (address,)).fetchone()
        if row is not None:
            asked, answered = (decode(body) if body is not None else None for body in row)
            found[address] = Exchange(asked, answered)
    return found
