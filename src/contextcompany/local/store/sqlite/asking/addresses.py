"""Runs by the beginning of their address, for people who type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import sqlite3

# Behind everything that begins like it: SQLite compares the bytes of UTF-8.
_LAST: Final = "\U0010ffff"


def addresses(connection: sqlite3.Connection, prefix: str, *, limit: int = 20) -> tuple[str, ...]:
    """Return the addresses of runs, nested or not, that begin with a text, in their own order.

    Args:
        connection: The database.
        prefix: How they begin; half a surrogate pair, which no address holds, finds nothing.
        limit: How many to return.
    """
    try:
        prefix.encode()
    except UnicodeEncodeError:
        return ()
    rows = connection.execute(
        "SELECT address FROM run WHERE address >= ? AND address < ? ORDER BY address LIMIT ?",
        (prefix, prefix + _LAST, limit),
    )
    return tuple(row[0] for row in rows)
