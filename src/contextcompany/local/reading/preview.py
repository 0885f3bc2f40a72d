"""Recorded values as one line of text that a terminal can take."""

from __future__ import annotations

import json
import unicodedata
from typing import TYPE_CHECKING, Final, TypeAlias, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contextcompany.local.otlp.spans import AttributeValue

_Object: TypeAlias = "dict[str, object]"

# Larger JSON text is shown as it stands: only its beginning is seen anyway.
_MOST_JSON_CHARACTERS: Final = 1_000_000
# Controls, formats (text direction, invisible characters), halves of surrogate pairs, line separators.
_UNSAFE: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# Joins the parts of an emoji.
_ZERO_WIDTH_JOINER: Final = "\u200d"


def one_line(text: str, limit: int) -> str:
    """Write text on one line of at most `limit` characters, without anything a terminal would obey.

    Runs of white space become one space; control characters and the like become visible escapes.
    """
    # A long text is not looked through for the sake of its beginning.
    seen = text[: 4 * limit]
    line = "".join(map(_visible, " ".join(seen.split())))
    if len(line) <= limit and len(seen) == len(text):
        return line
    return line[: limit - 1].rstrip() + "…"


def _visible(character: str) -> str:
    if character == _ZERO_WIDTH_JOINER or unicodedata.category(character) not in _UNSAFE:
        return character
    return ascii(character)[1:-1]


def value_text(value: AttributeValue) -> str:
    """Write arguments or a result: JSON compactly, a wrapped `{"value": …}` without its wrapping."""
    read = _read(value)
    if isinstance(read, dict):
        members = cast("_Object", read)
        return _compact(members["value"] if list(members) == ["value"] else members)
    return _compact(read)


def question_text(messages: AttributeValue) -> str:
    """Write the text of the last message of a user, or nothing if there is none."""
    for message in reversed(list(_objects(_read(messages)))):
        if message.get("role") == "user":
            return _parts_text(message)
    return ""


def answer_text(messages: AttributeValue) -> str:
    """Write what messages say and which tools they ask for, such as `search(query="late")`."""
    return " ".join(filter(None, map(_parts_text, _objects(_read(messages)))))


def _parts_text(message: _Object) -> str:
    return " ".join(filter(None, map(_part_text, _objects(message.get("parts")))))


def _part_text(part: _Object) -> str:
    match part.get("type"):
        case "text":
            return _compact(part.get("content", ""))
        case "tool_call":
            return _call_text(part)
        case "tool_call_response":
            return _compact(part.get("response", part.get("result", "")))
        case "reasoning":
            return ""
        case kind:
            return f"[{part.get('modality') or kind}]"


def _call_text(part: _Object) -> str:
    arguments = _read(part.get("arguments"))
    if isinstance(arguments, dict):
        items = cast("_Object", arguments).items()
        written = ", ".join(f"{name}={_quoted(value)}" for name, value in items)
    else:
        written = "" if arguments is None else _compact(arguments)
    return f"{part.get('name')}({written})"


def _quoted(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else _compact(value)


def _objects(value: object) -> Iterator[_Object]:
    if isinstance(value, list | tuple):
        for item in cast("list[object]", value):
            if isinstance(item, dict):
                yield cast("_Object", item)


def _read(value: object) -> object:
    """Read JSON text; what is none stays what it is."""
    if not isinstance(value, str) or len(value) > _MOST_JSON_CHARACTERS:
        return value
    try:
        read: object = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return read


def _compact(value: object) -> str:
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False, default=repr)
    except RecursionError:
        return f"[{type(value).__name__}, nested too deep to show]"
