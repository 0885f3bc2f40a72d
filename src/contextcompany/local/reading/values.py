"""Recorded values as data and as text that can be stored and shown; nothing here raises for what they are."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from contextcompany.semconv.plain import MAX_DEPTH

if TYPE_CHECKING:
    from contextcompany.semconv.plain import Plain

Object: TypeAlias = "dict[str, object]"

# Text of JSON is read up to here: what it says takes many times the memory of the text.
_MOST_JSON_CHARACTERS: Final = 64 << 20
_MOST_JSON_VALUES: Final = 1_000_000
_ALWAYS_READ: Final = 256 << 10
_MOST_SHOWN_VALUES: Final = 20_000
_OPENING: Final = frozenset('{["')
_WHITE_SPACE: Final = " \t\n\r"
_decode: Final = json.JSONDecoder().raw_decode
# The end of the text ends a string as well: looked for again from each quote in it, it would take very long.
_STRING: Final = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_TOO_DEEP: Final = "… (nested too deep to show)"


def read_json(value: object) -> object:
    """Return what JSON text says; what is no JSON, or more of it than can be read, stays what it is."""
    if not isinstance(value, str) or not _is_readable(value):
        return value
    text = value.strip(_WHITE_SPACE)
    try:
        read, end = _decode(text)
    except (ValueError, RecursionError):
        return value
    return read if end == len(text) else value


def read_container(value: object) -> object:
    """Return the object, list or quoted text that a text holds as JSON; a bare number or word stays text."""
    if isinstance(value, str) and value.lstrip()[:1] in _OPENING:
        return read_json(value)
    return value


def as_object(value: object) -> Object | None:
    """Return a value if it is an object, whose keys may be anything."""
    return cast("Object", value) if isinstance(value, dict) else None


def compact(value: object) -> str:
    """Write a value on one line: a text as it stands, anything else as JSON."""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False, default=repr)
    except (RecursionError, ValueError, TypeError):
        return f"[{type(value).__name__}, nested too deep to show]"


def indented(value: object) -> str:
    """Write a value to be read by people: a text as it stands, anything else as indented JSON.

    Of more values than anyone reads, and of containers in containers without end, the rest is counted.
    """
    if isinstance(value, str):
        return value
    return json.dumps(bounded(value), ensure_ascii=False, indent=2, default=repr)


def bounded(value: object) -> Plain:
    """Return a value with lists for tuples, at most 20,000 values of it, and none too deep to be written."""
    return _Bounded().take(value, 0)


class _Bounded:
    """One walk through a value that counts what it has taken."""

    def __init__(self) -> None:
        self._left = _MOST_SHOWN_VALUES

    def take(self, value: object, depth: int) -> Plain:
        self._left -= 1
        if value is None or isinstance(value, str | bool | int | float):
            return value
        if isinstance(value, bytes):
            return f"({len(value):,} bytes)"
        if depth >= MAX_DEPTH:
            return _TOO_DEEP
        if isinstance(value, dict):
            return self._object(cast("Object", value), depth)
        if isinstance(value, list | tuple):
            return self._list(cast("list[object]", value), depth)
        return repr(value)

    def _object(self, value: Object, depth: int) -> dict[str, Plain]:
        taken: dict[str, Plain] = {}
        for key, inside in value.items():
            if self._left <= 0:
                taken["…"] = f"{len(value) - len(taken):,} more"
                break
            taken[str(key)] = self.take(inside, depth + 1)
        return taken

    def _list(self, value: list[object], depth: int) -> list[Plain]:
        taken: list[Plain] = []
        for inside in value:
            if self._left <= 0:
                taken.append(f"… {len(value) - len(taken):,} more")
                break
            taken.append(self.take(inside, depth + 1))
        return taken


def _is_readable(text: str) -> bool:
    if len(text) <= _ALWAYS_READ:
        return True
    if len(text) > _MOST_JSON_CHARACTERS:
        return False
    # Prose is full of commas, and looking for them where they count takes longer.
    return _marks(text) <= _MOST_JSON_VALUES or _marks(_STRING.sub("", text)) <= _MOST_JSON_VALUES


def _marks(text: str) -> int:
    """Count what stands before each value of JSON but the first."""
    return text.count(",") + text.count("[") + text.count("{")
