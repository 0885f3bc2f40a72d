"""Parts of messages in the form of the GenAI conventions, as a page shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from contextcompany.local.reading.conversation import Part
from contextcompany.local.reading.texts import tool_data
from contextcompany.local.reading.values import compact, indented, read_container
from contextcompany.semconv.text import valid_text

if TYPE_CHECKING:
    from contextcompany.local.reading.values import Object

_MOST_NAME_CHARACTERS: Final = 1_000
_MEDIA: Final = frozenset({"blob", "file", "uri"})
_CALLS: Final = {"tool_call": "arguments", "server_tool_call": "server_tool_call"}
_RESULTS: Final = frozenset({"tool_call_response", "server_tool_call_response"})


def part_of(part: Object) -> Part:
    """Read one part; what has no form of its own is shown as the data it is."""
    kind = part.get("type")
    if kind == "text":
        return Part("text", _words(part.get("content")))
    if kind == "reasoning":
        return Part("reasoning", _words(part.get("content")))
    if isinstance(kind, str):
        if kind in _CALLS:
            return _call(part, _CALLS[kind])
        if kind in _RESULTS:
            return _result(part, kind)
        if kind in _MEDIA:
            return _medium(part, kind)
    rest = {key: value for key, value in part.items() if key != "type"}
    words = rest.get("content")
    told = words if rest.keys() == {"content"} and isinstance(words, str) else indented(rest)
    return Part("other", valid_text(told), name=_name(kind))


def _call(part: Object, key: str) -> Part:
    given = read_container(part.get(key))
    text = "" if given is None else valid_text(indented(given))
    return Part("call", text, name=_name(part.get("name")), call_id=_name(part.get("id")))


def _result(part: Object, kind: str) -> Part:
    given = part.get("response", part.get("result")) if kind == "tool_call_response" else part.get(kind)
    read = tool_data(given)
    text = "" if read is None else valid_text(indented(read))
    return Part("result", text, name=_name(part.get("name")), call_id=_name(part.get("id")))


def _medium(part: Object, kind: str) -> Part:
    for key in ("uri", "file_id"):
        if isinstance(part.get(key), str):
            return Part("media", valid_text(cast("str", part[key])), name=_name(part.get("modality") or kind))
    content = part.get("content")
    size = f"{len(content):,} characters" if isinstance(content, str) else ""
    told = content if isinstance(content, str) and len(content) <= _MOST_NAME_CHARACTERS else size
    text = " ".join(filter(None, (_name(part.get("mime_type")), valid_text(told))))
    return Part("media", text, name=_name(part.get("modality") or kind))


def _words(value: object) -> str:
    return "" if value is None else valid_text(value if isinstance(value, str) else indented(value))


def _name(value: object) -> str:
    return "" if value is None else valid_text(compact(value)[:_MOST_NAME_CHARACTERS])
