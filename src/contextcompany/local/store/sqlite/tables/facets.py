"""What the top-level runs can be found by: kept up as spans arrive, counted again where something left."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from contextcompany.local.store.sqlite.tables.nodes import Unit

METADATA_PREFIX: Final = "metadata."

_ADD: Final = "INSERT OR IGNORE INTO facet (top, kind, value) VALUES (?, ?, ?)"
_MERGE: Final = (
    "INSERT OR IGNORE INTO facet (top, kind, value) SELECT ?, kind, value FROM facet WHERE top = ?"
)
_COUNT_AGAIN: Final = """
INSERT OR IGNORE INTO facet (top, kind, value)
SELECT :top, 'agent', agent FROM run WHERE top = :top AND agent <> ''
UNION SELECT :top, 'error', error_type FROM run WHERE top = :top AND error_type <> ''
UNION SELECT :top, 'metadata.' || entry.key, entry.value
    FROM run, json_each(run.metadata) AS entry WHERE run.top = :top
UNION SELECT :top, CASE span.kind WHEN 'run' THEN 'agent' WHEN 'step' THEN 'model' ELSE 'tool' END, span.name
    FROM run JOIN span ON span.run = run.id
    WHERE run.top = :top AND span.kind IN ('run', 'step', 'tool') AND span.name <> ''
UNION SELECT :top, 'error', span.error_type
    FROM run JOIN span ON span.run = run.id WHERE run.top = :top AND span.error_type <> ''
"""


def of_unit(unit: Unit) -> list[tuple[str, str]]:
    """Return what the outermost run of a unit can be found by because of the unit's own line."""
    found: list[tuple[str, str]] = []
    if unit.agent:
        found.append(("agent", unit.agent))
    if unit.error_type:
        found.append(("error", unit.error_type))
    if unit.metadata != "{}":
        entries = cast("dict[str, str]", json.loads(unit.metadata))
        found.extend((METADATA_PREFIX + key, value) for key, value in entries.items())
    return found


def add(connection: sqlite3.Connection, found: Iterable[tuple[int, str, str]]) -> None:
    """Add triples of outermost run, kind and value."""
    connection.executemany(_ADD, found)


def merge(connection: sqlite3.Connection, old: int, new: int) -> None:
    """Hand over what a run could be found by to the run that it is inside now."""
    connection.execute(_MERGE, (new, old))
    remove(connection, old)


def remove(connection: sqlite3.Connection, top: int) -> None:
    """Forget what a run could be found by."""
    connection.execute("DELETE FROM facet WHERE top = ?", (top,))


def count_again(connection: sqlite3.Connection, top: int) -> None:
    """Find out anew what a run can be found by."""
    remove(connection, top)
    connection.execute(_COUNT_AGAIN, {"top": top})
