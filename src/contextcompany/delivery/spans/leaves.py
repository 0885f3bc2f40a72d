"""The texts inside of recorded values: each is visited by itself, and the frame around them stays."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from contextcompany.redaction import is_secret_name
from contextcompany.semconv import attributes as names
from contextcompany.semconv.text import number_text

if TYPE_CHECKING:
    from collections.abc import Callable

    Visit = Callable[[str, bool], str]

MOST_LEVELS: Final = 100
"""Most containers inside each other that are looked into."""

# What a message and its parts hold beside texts; only what looks like an identifier counts as such, and
# digits alone do not: they may be the number of a person or a card.
_IDENTIFIER: Final = re.compile(r"(?=[^A-Za-z]*[A-Za-z])[A-Za-z0-9_][A-Za-z0-9_.:/+-]{0,127}|")


class _Frame(NamedTuple):
    """What the conventions say of an object: members that are no texts, and further known keys."""

    structure: frozenset[str]
    members: frozenset[str]


def _frame(structure: str, members: str = "") -> _Frame:
    return _Frame(frozenset(structure.split()), frozenset(members.split()))


_FREE: Final = _frame("")
_MESSAGE: Final = _frame("role finish_reason", "name parts")
# The name of any other message is a person's.
_TOOL_MESSAGE: Final = _frame("role finish_reason name", "parts")
_DEFINITION: Final = _frame("type name", "description parameters parameters_text content")
_PARTS: Final[Mapping[str, _Frame]] = {
    "text": _frame("type", "content"),
    "reasoning": _frame("type", "content"),
    "refusal": _frame("type", "content"),
    "compaction": _frame("type id", "content"),
    "tool_call": _frame("type id name", "arguments"),
    "tool_call_response": _frame("type id", "response"),
    "server_tool_call": _frame("type id name", "server_tool_call"),
    "server_tool_call_response": _frame("type id", "server_tool_call_response"),
    "blob": _frame("type modality mime_type size digest", "content"),
    "uri": _frame("type modality mime_type", "uri"),
    "file": _frame("type modality mime_type file_id"),
}
_OTHER_PART: Final = _frame("type")


class TooDeepError(ValueError):
    """JSON that is nested so deeply that it cannot be read."""


def read(text: str) -> tuple[object, bool] | None:
    """Return what JSON text says and whether an object in it says a key twice, or None for no JSON.

    A key that is said twice gets a number, so that nothing that stands in the text is overlooked.

    Raises:
        TooDeepError: where the text is nested too deeply to be read.
    """
    repeated: list[str] = []

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            repeated.append("")
            return numbered(pairs)
        return found

    try:
        value = json.loads(text, object_pairs_hook=unique, parse_float=_finite, parse_constant=_refuse)
    except ValueError:
        return None
    except RecursionError as error:
        raise TooDeepError("the text is nested too deeply") from error
    return value, bool(repeated)


def numbered(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Return pairs as an object in which a key that occurs again has a number behind it."""
    found: dict[str, Any] = {}
    numbers = count(2)
    for key, value in pairs:
        free = key
        while free in found:
            free = f"{key} ({next(numbers)})"
        found[free] = value
    return found


class Leaves:
    """Visit the texts of one value; what the visit returns stands in their place.

    Args:
        visit: gets a text and whether its name says that it is a secret.
        failed: what stands for the parts of a value that are nested too deeply.
        names_tell: whether the names of members are asked at all.
    """

    __slots__ = ("_failed", "_names_tell", "_visit", "is_changed")

    def __init__(self, visit: Visit, failed: str, *, names_tell: bool) -> None:
        self._visit = visit
        self._failed = failed
        self._names_tell = names_tell
        self.is_changed = False

    def framed(self, key: str, value: object) -> object:
        """Visit what an attribute of the conventions holds, by the frame that they give it."""
        if key in {names.GEN_AI_INPUT_MESSAGES, names.GEN_AI_OUTPUT_MESSAGES}:
            return self._each(value, self._message)
        if key == names.GEN_AI_SYSTEM_INSTRUCTIONS:
            return self._each(value, self._part)
        if key == names.GEN_AI_TOOL_DEFINITIONS:
            return self._each(value, self._definition)
        return self.free(value)

    def free(self, value: object, *, secret: bool = False, level: int = 0) -> object:
        """Visit any data: texts, numbers and bytes as text, and the keys of objects.

        Args:
            value: what JSON can say, or what a span attribute can hold.
            secret: whether its name says that it is a secret.
            level: how many containers are around it.
        """
        if isinstance(value, str):
            return self._text(value, secret=secret)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, (int, float, bytes)):
            text = value.decode(errors="replace") if isinstance(value, bytes) else number_text(value)
            changed = self._text(text, secret=secret)
            return value if changed == text else changed
        if level < MOST_LEVELS:
            if isinstance(value, Mapping):
                return self._object(cast("Mapping[str, object]", value), level)
            if isinstance(value, Sequence):
                items = cast("Sequence[object]", value)
                return [self.free(item, secret=secret, level=level + 1) for item in items]
        self.is_changed = True
        return self._failed

    def _text(self, text: str, *, secret: bool = False) -> str:
        changed = self._visit(text, secret)
        self.is_changed = self.is_changed or changed != text
        return changed

    def _object(self, value: Mapping[str, object], level: int, frame: _Frame = _FREE) -> dict[str, object]:
        pairs: list[tuple[str, object]] = []
        for key, item in value.items():
            if key in frame.structure and _is_structural(key, item):
                pairs.append((key, item))
                continue
            kept = key if key in frame.structure or key in frame.members else self._text(key)
            if key == "parts" and key in frame.members:
                pairs.append((kept, self._each(item, self._part)))
            else:
                secret = self._names_tell and is_secret_name(key)
                pairs.append((kept, self.free(item, secret=secret, level=level + 1)))
        return numbered(pairs)

    def _each(self, value: object, visit: Callable[[Mapping[str, object]], object]) -> object:
        """Visit the objects of a list; what is no list, and what is no object in it, is any data."""
        if not isinstance(value, list):
            return self.free(value)
        return [
            visit(cast("Mapping[str, object]", item)) if isinstance(item, dict) else self.free(item)
            for item in cast("list[object]", value)
        ]

    def _message(self, value: Mapping[str, object]) -> object:
        return self._object(value, 1, _TOOL_MESSAGE if value.get("role") == "tool" else _MESSAGE)

    def _part(self, value: Mapping[str, object]) -> object:
        kind = value.get("type")
        # Of a part that the conventions do not know, only the type is theirs.
        return self._object(value, 3, _PARTS.get(kind, _OTHER_PART) if isinstance(kind, str) else _OTHER_PART)

    def _definition(self, value: Mapping[str, object]) -> object:
        return self._object(value, 1, _DEFINITION)


def _is_structural(key: str, value: object) -> bool:
    if isinstance(value, str):
        return _IDENTIFIER.fullmatch(value) is not None
    return value is None or (key == "size" and type(value) is int)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is no number that JSON can say again")
    return value


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
