"""The bodies of spans: written in packs, read one by one or together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contextcompany.local.store.sqlite.tables.encoding import decode, pack, unpack

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Sequence

    from contextcompany.local.otlp.spans import SpanRecord
    from contextcompany.local.store.sqlite.tables.nodes import Arrival

# Whoever wants one span unpacks all of its pack.
_MOST_SPANS: Final = 64
_MOST_BYTES: Final = 128 * 1024

_FIND: Final = "SELECT first, last, lines FROM pack WHERE first <= ? ORDER BY first DESC LIMIT 1"
_FORGET: Final = """
DELETE FROM pack WHERE first = (SELECT first FROM pack WHERE first <= ? ORDER BY first DESC LIMIT 1)
AND NOT EXISTS (SELECT 1 FROM span WHERE id BETWEEN pack.first AND pack.last)
"""


def write(connection: sqlite3.Connection, arrivals: Iterable[Arrival]) -> None:
    """Write the bodies of spans, which are given in the order of their numbers, those of a trace together."""
    connection.executemany(
        "INSERT INTO pack VALUES (?, ?, ?)",
        [
            (found[0].node.id, found[-1].node.id, pack([arrival.line for arrival in found]))
            for found in _together(arrivals)
        ],
    )


def read(connection: sqlite3.Connection, numbers: Iterable[int]) -> Iterator[tuple[int, SpanRecord]]:
    """Read spans by their numbers, in the order of these."""
    first, last = 0, -1
    lines: Sequence[bytes] = ()
    for number in sorted(numbers):
        if not first <= number <= last:
            first, last, packed = connection.execute(_FIND, (number,)).fetchone()
            lines = unpack(packed)
        yield number, decode(lines[number - first])


def forget(connection: sqlite3.Connection, numbers: Iterable[int]) -> None:
    """Remove the packs of which no span is left, of those that held these."""
    connection.executemany(_FORGET, [(number,) for number in numbers])


def _together(arrivals: Iterable[Arrival]) -> Iterator[list[Arrival]]:
    found: list[Arrival] = []
    size = 0
    for arrival in arrivals:
        if found and (
            arrival.node.trace != found[0].node.trace
            or len(found) == _MOST_SPANS
            or size + len(arrival.line) > _MOST_BYTES
        ):
            yield found
            found, size = [], 0
        found.append(arrival)
        size += len(arrival.line)
    if found:
        yield found
