"""What a filter can be set to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contextcompany.local.store.filters import METADATA_PREFIX
from contextcompany.local.store.sqlite.tables.nodes import storable

if TYPE_CHECKING:
    import sqlite3

# SQLite takes no pattern of any length.
_LONGEST: Final = 1_000
_FACETS: Final = ("agent", "model", "tool", "error")
# By place: a table may have a column of the name that a value goes by.
_USED: Final = "GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT :limit"
_LIKE: Final = "LIKE :prefix ESCAPE '\\'"

_OF_FACET: Final = f"SELECT value FROM facet WHERE kind = :kind AND value {_LIKE} {_USED}"
# The point is followed by the slash: these are all keys of metadata.
_KEYS: Final = (
    "SELECT kind AS value FROM facet "
    f"WHERE kind > 'metadata.' AND kind < 'metadata/' AND kind {_LIKE} {_USED}"
)
_OF_RUN: Final = {
    "session": (
        "SELECT session_id AS value FROM run INDEXED BY run_session "
        f"WHERE session_id <> '' AND session_id {_LIKE} AND parent IS NULL {_USED}"
    ),
    **{
        kind: (
            f"SELECT {kind}_id AS value FROM run INDEXED BY run_{kind} "
            f"WHERE {kind}_id <> '' AND {kind}_id {_LIKE} AND parent IS NULL {_USED}"
        )
        for kind in ("user", "org")
    },
}
_NAMES: Final = {
    kind: (
        f"SELECT {kind}_name AS value FROM run INDEXED BY run_{kind}_name "
        f"WHERE {kind}_name <> '' AND {kind}_name {_LIKE} {_USED}"
    )
    for kind in ("user", "org")
}


def values(connection: sqlite3.Connection, of: str, prefix: str = "", *, limit: int = 20) -> tuple[str, ...]:
    """Return what a filter can be set to, most used first; ids before names.

    Args:
        connection: To the database.
        of: `agent`, `user`, `org`, `session`, `model`, `tool`, `error`, `metadata` (its keys) or
            `metadata.<key>`; there is nothing of any other.
        prefix: What they begin with, without regard to case.
        limit: How many to return.
    """
    kind = storable(of)
    start = METADATA_PREFIX if of == "metadata" else ""
    parameters = {
        "kind": kind,
        "prefix": start + _literal(storable(prefix[:_LONGEST])) + "%",
        "limit": max(0, limit),
    }
    if of == "metadata":
        return tuple(row[0].removeprefix(start) for row in connection.execute(_KEYS, parameters))
    if of in _FACETS or of.startswith(METADATA_PREFIX):
        return tuple(row[0] for row in connection.execute(_OF_FACET, parameters))
    if of not in _OF_RUN:
        return ()
    found = dict.fromkeys(row[0] for row in connection.execute(_OF_RUN[of], parameters))
    if of in _NAMES and len(found) < limit:
        found |= dict.fromkeys(row[0] for row in connection.execute(_NAMES[of], parameters))
    return tuple(found)[: max(0, limit)]


def _literal(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
