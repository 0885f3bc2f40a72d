"""The numbers that are given out once: to spans, runs, traces and changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import sqlite3

_NAMES: Final = ("last_span", "last_run", "last_trace", "change")
_SET: Final = "INSERT OR REPLACE INTO counter VALUES (?, ?)"
_ADD: Final = (
    "INSERT INTO counter VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value"
)


@dataclass(slots=True)
class Numbers:
    """The last number that was given out of each kind."""

    span: int
    run: int
    trace: int
    change: int

    @classmethod
    def load(cls, connection: sqlite3.Connection) -> Numbers:
        """Read where the database stands."""
        return cls(*(count(connection, name) for name in _NAMES))

    def save(self, connection: sqlite3.Connection) -> None:
        """Write them down, so that a number is not used again when its row has gone."""
        connection.executemany(
            _SET,
            zip(_NAMES, (self.span, self.run, self.trace, self.change), strict=True),
        )

    def next_span(self) -> int:
        """Give out a number for a span."""
        self.span += 1
        return self.span

    def next_run(self) -> int:
        """Give out a number for a run."""
        self.run += 1
        return self.run

    def next_trace(self) -> int:
        """Give out a number for a trace."""
        self.trace += 1
        return self.trace

    def next_change(self) -> int:
        """Give out a number for a change of a run."""
        self.change += 1
        return self.change


def count(connection: sqlite3.Connection, name: str) -> int:
    """Read a counter; one that was never written is 0."""
    found = connection.execute("SELECT value FROM counter WHERE name = ?", (name,)).fetchone()
    return 0 if found is None else found[0]


def add_to(connection: sqlite3.Connection, name: str, more: int) -> None:
    """Add to a counter."""
    if more:
        connection.execute(_ADD, (name, more))
