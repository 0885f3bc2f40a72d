"""What is too old or too much leaves: whole top-level runs, oldest first, a few at a time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from contextcompany.local.reading.read import read
from contextcompany.local.store.sqlite.tables import facets, packs
from contextcompany.local.store.sqlite.tables.nodes import checksum, searched
from contextcompany.local.store.sqlite.tables.numbers import add_to, count
from contextcompany.local.store.sqlite.tables.schema import PAGE_BYTES

if TYPE_CHECKING:
    import sqlite3

# A transaction of this size lets nobody wait for long.
_MOST_SPANS: Final = 300
_PAGES_BACK: Final = 1_000
_MERGED_PAGES: Final = 500
_FILLED_AGAIN: Final = 0.95
_UNTIDY_SHARE: Final = 0.1

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
    pages: int = connection.execute("PRAGMA page_count").fetchone()[0]
    free: int = connection.execute("PRAGMA freelist_count").fetchone()[0]
    return (pages - free) * PAGE_BYTES


def surplus(connection: sqlite3.Connection, most_bytes: int | None) -> int:
    """Return how many spans must leave so that the rest uses a little less than `most_bytes`.

    It goes by the average: the index of words only shrinks when it is tidied up, so that going by the file
    would let too many leave.
    """
    if most_bytes is None:
        return 0
    used = used_bytes(connection)
    if used <= most_bytes:
        return 0
    spans: int = connection.execute("SELECT count(*) FROM span").fetchone()[0]
    return math.ceil(spans * (1 - _FILLED_AGAIN * most_bytes / used))


def remove_some(connection: sqlite3.Connection, before_ns: int | None, surplus: int) -> int:
    """Remove a few of the oldest top-level runs inside a transaction that is open.

    Args:
        connection: The one that writes.
        before_ns: What began earlier than this leaves.
        surplus: How many spans leave at least, as long as there are any.

    Returns:
        How many spans went; 0 when all have left that had to.
    """
    removed = 0
    while removed < _MOST_SPANS:
        oldest = connection.execute(_OLDEST).fetchone()
        if oldest is None or (removed >= surplus and (before_ns is None or oldest[1] >= before_ns)):
            break
        removed += _remove(connection, oldest[0])
    add_to(connection, "expired", removed)
    add_to(connection, "untidy", removed)
    return removed


def is_untidy(connection: sqlite3.Connection) -> bool:
    """Tell whether so much has left that the index of words should be tidied up."""
    spans: int = connection.execute("SELECT count(*) FROM span").fetchone()[0]
    return count(connection, "untidy") > spans * _UNTIDY_SHARE


def tidy(connection: sqlite3.Connection, *, is_first: bool) -> bool:
    """Take a step of tidying up the index of words, inside a transaction; tell whether there is more to do.

    The first step of several begins a merge of all parts into one; it is of the next that each goes on with.
    """
    before = connection.total_changes
    connection.execute(
        "INSERT INTO words (words, rank) VALUES ('merge', ?)",
        (-_MERGED_PAGES if is_first else _MERGED_PAGES,),
    )
    # The command itself counts as one change.
    if connection.total_changes - before > 1:
        return True
    connection.execute("DELETE FROM counter WHERE name = 'untidy'")
    return False


def give_back(connection: sqlite3.Connection) -> bool:
    """Give some free pages back to the file system, outside of a transaction; tell whether there are more."""
    before: int = connection.execute("PRAGMA freelist_count").fetchone()[0]
    for _ in connection.execute(f"PRAGMA incremental_vacuum({_PAGES_BACK})"):
        pass
    free: int = connection.execute("PRAGMA freelist_count").fetchone()[0]
    return 0 < free < before


def _remove(connection: sqlite3.Connection, top: int) -> int:
    spans: list[tuple[int, int, int]] = connection.execute(_SPANS, (top,)).fetchall()
    _forget_words(connection, {number: known for number, _, known in spans if known})
    numbers = [(number,) for number, _, _ in spans]
    connection.executemany("DELETE FROM span WHERE id = ?", numbers)
    packs.forget(connection, (number for number, _, _ in spans))
    connection.execute(
        "UPDATE trace SET unit = 0 "
        "WHERE trace_id IN (SELECT address FROM run WHERE top = ? AND run_id IS NULL)",
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
