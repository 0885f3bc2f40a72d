"""What is too old or too much leaves: whole top-level runs, oldest first, a few at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contextcompany.local.reading.read import read
from contextcompany.local.store.sqlite import facets, packs
from contextcompany.local.store.sqlite.nodes import checksum, searched
from contextcompany.local.store.sqlite.numbers import add_to

if TYPE_CHECKING:
    import sqlite3

_MOST_SPANS: Final = 2_000
_PAGES_BACK: Final = 2_000
_MERGED_PAGES: Final = 200

_OLDEST: Final = """
SELECT id, start_ns FROM (SELECT id, start_ns FROM run WHERE parent IS NULL ORDER BY start_ns LIMIT 1)
UNION ALL
SELECT id, start_ns FROM (SELECT id, start_ns FROM run WHERE parent = 0 ORDER BY start_ns LIMIT 1)
ORDER BY start_ns LIMIT 1
"""
_SPANS: Final = """
SELECT span.id, span.trace, span.checksum FROM run JOIN span ON span.run = run.id WHERE run.top = ?
"""


def used_bytes(connection: sqlite3.Connection) -> int:
    """Return how much of the file holds something."""
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size


def is_due(connection: sqlite3.Connection, before_ns: int | None, most_bytes: int | None) -> bool:
    """Tell whether something must leave."""
    if most_bytes is not None and used_bytes(connection) > most_bytes:
        return True
    if before_ns is None:
        return False
    oldest = connection.execute(_OLDEST).fetchone()
    return oldest is not None and oldest[1] < before_ns


def remove_some(connection: sqlite3.Connection, before_ns: int | None, most_bytes: int | None) -> int:
    """Remove the oldest top-level runs inside a transaction that is open; return how many spans went.

    Args:
        connection: The one that writes.
        before_ns: What began earlier than this must leave.
        most_bytes: While the database uses more than this, the oldest must leave.
    """
    removed = 0
    while removed < _MOST_SPANS and is_due(connection, before_ns, most_bytes):
        oldest = connection.execute(_OLDEST).fetchone()
        if oldest is None:
            break
        removed += _remove(connection, oldest[0])
    if removed:
        connection.execute("INSERT INTO words (words, rank) VALUES ('merge', ?)", (_MERGED_PAGES,))
    add_to(connection, "expired", removed)
    return removed


def give_back(connection: sqlite3.Connection) -> None:
    """Give free pages back to the file system, outside of a transaction."""
    for _ in connection.execute(f"PRAGMA incremental_vacuum({_PAGES_BACK})"):
        pass


def _remove(connection: sqlite3.Connection, top: int) -> int:
    spans: list[tuple[int, int, int]] = connection.execute(_SPANS, (top,)).fetchall()
    _forget_words(connection, {number: known for number, _, known in spans if known})
    numbers = [(number,) for number, _, _ in spans]
    connection.executemany("DELETE FROM span WHERE id = ?", numbers)
    packs.forget(connection, (number for number, _, _ in spans))
    connection.execute(
        "UPDATE trace SET unit = 0 WHERE trace_id IN (SELECT address FROM run WHERE top = ? AND run_id IS NULL)",
        (top,),
    )
    connection.execute("DELETE FROM run WHERE top = ?", (top,))
    connection.executemany(
        "DELETE FROM trace WHERE id = ? AND NOT EXISTS (SELECT 1 FROM span WHERE trace = trace.id)",
        [(trace,) for trace in {trace for _, trace, _ in spans}],
    )
    facets.remove(connection, top)
    return len(spans)


def _forget_words(connection: sqlite3.Connection, checksums: dict[int, int]) -> None:
    """Take spans out of the index of words, which wants to be told the very text that it was given.

    Where another version of this package reads another text, the entry stays behind and finds nothing.
    """
    found = ((number, searched(read(span))) for number, span in packs.read(connection, checksums))
    connection.executemany(
        "INSERT INTO words (words, rowid, text) VALUES ('delete', ?, ?)",
        ((number, words) for number, words in found if checksum(words) == checksums[number]),
    )
