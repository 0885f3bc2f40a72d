"""What a person typed, as a question to the full text, and the runs in which it stands."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

_MOST_WORDS: Final = 32
# A shorter beginning of a word stands for too many words.
_LEAST_BEGINNING: Final = 3
_PHRASE_OR_WORD: Final = re.compile(r'"([^"]*)"|([^\s"]+)')
# Spans whose numbers lie this close together are asked for at once.
_NEAR: Final = 64

_SPANS: Final = """
SELECT s.id, r.top
FROM json_each(:tops) AS j
    CROSS JOIN run AS r INDEXED BY run_top ON r.top = j.value
    CROSS JOIN span AS s ON s.run = r.id
ORDER BY s.id
"""
_SPOKEN: Final = "SELECT rowid FROM words WHERE words MATCH :match AND rowid BETWEEN :first AND :last"
# The plus keeps SQLite from asking once for each number, which is dear where a word is only begun.
_SPOKEN_AMONG: Final = f"{_SPOKEN} AND +rowid IN (SELECT value FROM json_each(:numbers))"


def expression(text: str, *, beginnings: bool = True) -> str | None:
    """Write what a person typed in the language of FTS5; None where there is no word in it.

    Words must all stand in one span, "quoted words" next to each other in their order; the last word may be
    the beginning of a longer one unless `beginnings` is off or it is quoted. Nothing else has a meaning.
    """
    found: list[str] = []
    is_open = False
    for match in _PHRASE_OR_WORD.finditer(text):
        words = "".join(mark if _is_word_mark(mark) else " " for mark in match[1] or match[2] or "").split()
        if words:
            found.append(" ".join(words))
            is_open = match[1] is None and len(words[-1]) >= _LEAST_BEGINNING
        if len(found) == _MOST_WORDS:
            break
    if not found:
        return None
    phrases = [f'"{phrase}"' for phrase in found]
    return " ".join(phrases) + ("*" if is_open and beginnings else "")


def spoken(connection: sqlite3.Connection, match: str, tops: Sequence[int]) -> set[int]:
    """Return those of the top-level runs in which, or inside which, the words stand."""
    owners = {row[0]: row[1] for row in connection.execute(_SPANS, {"tops": json.dumps(list(tops))})}
    if not owners:
        return set()
    numbers = list(owners)
    if match.endswith("*"):
        asked = {"match": match, "first": numbers[0], "last": numbers[-1], "numbers": json.dumps(numbers)}
        return {owners[row[0]] for row in connection.execute(_SPOKEN_AMONG, asked)}
    found: set[int] = set()
    for first, last in _stretches(numbers):
        rows = connection.execute(_SPOKEN, {"match": match, "first": first, "last": last})
        found.update(owners[row[0]] for row in rows if row[0] in owners)
    return found


def _stretches(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Put numbers that lie near each other together; they are in order."""
    first = last = numbers[0]
    for number in numbers:
        if number - last > _NEAR:
            yield first, last
            first = number
        last = number
    yield first, last


def _is_word_mark(mark: str) -> bool:
    """Whether a character is part of a word to the tokenizer, or an accent, which it drops."""
    return unicodedata.category(mark)[0] in "LNM" or unicodedata.category(mark) == "Co"
