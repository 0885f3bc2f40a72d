"""The agent's two tools: a real SQLite database and a full-text search over real documents."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent

_MOST_ROWS = 20
_MOST_SECTIONS = 3
_WORD = re.compile(r"\w{3,}")

DEFINITIONS: list[dict[str, Any]] = [
    {
        "type": "function",
        "function": {
            "name": "query_shop",
            "description": "Run one SELECT on the shop's SQLite database. Tables: customers, orders.",
            "parameters": {
                "type": "object",
                "properties": {"sql": {"type": "string", "description": "One SELECT statement."}},
                "required": ["sql"],
                "additionalProperties": False,
            },
        },
    },
    {
        "type": "function",
        "function": {
            "name": "search_help",
            "description": "Search the shop's help pages: shipping, returns, warranty, payment, account.",
            "parameters": {
                "type": "object",
                "properties": {"query": {"type": "string", "description": "What to look for, in words."}},
                "required": ["query"],
                "additionalProperties": False,
            },
        },
    },
]
"""The tools as the model is told of them."""


class Tools:
    """Hold the database and the search index of one conversation, both in memory."""

    def __init__(self) -> None:
        self._shop = sqlite3.connect(":memory:")
        self._shop.row_factory = sqlite3.Row
        self._shop.executescript((FOLDER / "shop.sql").read_text(encoding="utf-8"))
        # The model writes the SQL, so it may read and nothing else.
        self._shop.execute("PRAGMA query_only = ON")
        self._help = sqlite3.connect(":memory:")
        self._help.row_factory = sqlite3.Row
        self._help.execute(
            "CREATE VIRTUAL TABLE sections USING fts5 (page, heading, text, tokenize = 'porter unicode61')"
        )
        for path in sorted((FOLDER / "documents").glob("*.md")):
            self._help.executemany("INSERT INTO sections VALUES (?, ?, ?)", _sections(path))

    def call(self, name: str, arguments: dict[str, Any]) -> list[dict[str, Any]]:
        """Run one tool; raises sqlite3.Error for SQL that does not run, LookupError for no such tool."""
        if name == "query_shop":
            return self.query_shop(str(arguments["sql"]))
        if name == "search_help":
            return self.search_help(str(arguments["query"]))
        raise LookupError(f"there is no tool {name!r}")

    def query_shop(self, sql: str) -> list[dict[str, Any]]:
        """Return the first rows of a SELECT."""
        return [dict(row) for row in self._shop.execute(sql).fetchmany(_MOST_ROWS)]

    def search_help(self, query: str) -> list[dict[str, Any]]:
        """Return the sections of the help pages that fit the words best."""
        words = " OR ".join(f'"{word}"' for word in _WORD.findall(query))
        if not words:
            return []
        found = self._help.execute(
            "SELECT page, heading, text FROM sections WHERE sections MATCH ? ORDER BY rank LIMIT ?",
            (words, _MOST_SECTIONS),
        )
        return [dict(row) for row in found]

    def close(self) -> None:
        """Close both databases."""
        self._shop.close()
        self._help.close()


def _sections(path: Path) -> list[tuple[str, str, str]]:
    """Cut a page into its sections: the name of the page, the heading, the text on one line."""
    page, *sections = path.read_text(encoding="utf-8").split("\n## ")
    parts = (section.partition("\n") for section in sections)
    return [
        (page.strip().removeprefix("# "), heading.strip(), " ".join(text.split()))
        for heading, _, text in parts
    ]
