"""Recorded values as one line of text that a terminal can take."""

from __future__ import annotations

import json
import unicodedata
from typing import TYPE_CHECKING, Final, cast

from contextcompany.local.reading.values import as_object, compact, read_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contextcompany.local.otlp.spans import AttributeValue
    from contextcompany.local.reading.values import Object

# Controls, formats (text direction, invisible characters), halves of surrogate pairs, line separators.
_UNSAFE: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_WRAPPING: Final = '{"value":'
# Joins the parts of an emoji.
_ZERO_WIDTH_JOINER: Final = "\u200d"


def one_line(text: str, limit: int) -> str:
    """Write text on one line of at most `limit` characters, without anything a terminal would obey.

    Runs of white space become one space; control characters and the like become visible escapes.
    """
    # A long text is not looked through for the sake of its beginning.
    seen = text[: 4 * limit]
    line = " ".join(seen.split())
    # Text that can all be printed has nothing to escape, and nearly all text is such.
    if not line.isprintable():
        line = "".join(map(_visible, line))
    if len(line) <= limit and len(seen) == len(text):
        return line
    return line[: limit - 1].rstrip() + "…"


def _visible(character: str) -> str:
    if character == _ZERO_WIDTH_JOINER or unicodedata.category(character) not in _UNSAFE:
        return character
    return ascii(character)[1:-1]


def value_text(value: object) -> str:
    """Write arguments or a result: JSON compactly, a wrapped `{"value": …}` without its wrapping."""
    read = read_json(value)
    if isinstance(read, dict):
        members = cast("Object", read)
        return compact(members["value"] if list(members) == ["value"] else members)
    return compact(read)


def unwrapped_text(text: str) -> str:
    """Write what `value_text()` does of JSON that is compact as it stands, at less cost."""
    if not text.startswith(_WRAPPING):
        return text
    read = read_json(text)
    if not isinstance(read, dict) or len(cast("Object", read)) != 1:
        return text
    inside = cast("Object", read)["value"]
    return inside if isinstance(inside, str) else text[len(_WRAPPING) : text.rindex("}")].strip()


def last_text(messages: AttributeValue, *, is_users: bool = False, is_only: bool = False) -> str | None:
    """Write the text of the last message where it is one of ours, with a single part of text; else None.

    Args:
        messages: The value of a messages attribute.
        is_users: Whether it must be a message of the user.
        is_only: Whether it must be the only message.
    """
    read = read_json(messages) if isinstance(messages, str) else None
    if not isinstance(read, list):
        return None
    listed = cast("list[object]", read)
    if not listed or (is_only and len(listed) > 1):
        return None
    last = as_object(listed[-1])
    if last is None or (is_users and last.get("role") != "user"):
        return None
    match last.get("parts"):
        case [{"type": "text", "content": str(content)}]:
            return content
        case _:
            return None


def message_text(message: Object) -> str:
    """Write what one message says and which tools it asks for, such as `search(query="late")`."""
    return " ".join(filter(None, map(_part_text, _objects(message.get("parts")))))


def _part_text(part: Object) -> str:
    match part.get("type"):
        case "text" | "refusal":
            return compact(part.get("content", ""))
        case "tool_call":
            return call_text(part)
        case "tool_call_response":
            return value_text(part.get("response", part.get("result", "")))
        case "reasoning":
            return ""
        case kind:
            return f"[{part.get('modality') or kind}]"


def call_text(part: Object) -> str:
    """Write a call as code has it, such as `search(query="late")`."""
    arguments = read_json(part.get("arguments"))
    if isinstance(arguments, dict):
        items = cast("Object", arguments).items()
        written = ", ".join(f"{name}={_quoted(value)}" for name, value in items)
    else:
        written = "" if arguments is None else compact(arguments)
    return f"{part.get('name')}({written})"


def _quoted(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else compact(value)


def _objects(value: object) -> Iterator[Object]:
    if isinstance(value, list | tuple):
        for item in cast("list[object]", value):
            if isinstance(item, dict):
                yield cast("Object", item)
