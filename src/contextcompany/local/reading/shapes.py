"""Messages of any shape in that of the GenAI conventions: a role and a list of parts, each with its type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from contextcompany.local.reading.values import bounded, compact
from contextcompany.semconv import messages

if TYPE_CHECKING:
    from contextcompany.local.reading.values import Object

_LANGCHAIN_ROLES: Final = {
    "human": "user",
    "HumanMessage": "user",
    "HumanMessageChunk": "user",
    "ai": "assistant",
    "AIMessage": "assistant",
    "AIMessageChunk": "assistant",
    "system": "system",
    "SystemMessage": "system",
    "tool": "tool",
    "ToolMessage": "tool",
}


def is_message(value: object) -> bool:
    """Tell whether a value is one message, in the shape of some library."""
    if not isinstance(value, dict):
        return False
    item = cast("Object", value)
    if isinstance(item.get("role"), str):
        return "content" in item or "parts" in item or "tool_calls" in item
    return _langchain_fields(item) is not None


def normal(value: object, role: str) -> list[Object]:
    """Return the messages that one item of a list is; what does not say whose it is has the given role."""
    if isinstance(value, dict):
        item = cast("Object", value)
        if _is_normal(item):
            return [item]
        item = _openai_of_langchain(item) or item
        reason = item.get("finish_reason")
        read = _converted(item, role)
        return [{"finish_reason": reason, **one} for one in read] if isinstance(reason, str) else read
    text = value if isinstance(value, str) else compact(value)
    return [{"role": role, "parts": [{"type": "text", "content": text}]}]


def _converted(item: Object, role: str) -> list[Object]:
    plain = bounded(item)
    make = messages.output_messages if role == "assistant" else messages.input_messages
    is_other = isinstance(item.get("role"), str) and item["role"] != "assistant"
    try:
        found = (messages.input_messages if is_other else make)([plain])
    except RecursionError:
        return [{"role": role, "parts": [{"type": "text", "content": compact(plain)}]}]
    return [cast("Object", one) for one in found]


def _is_normal(item: Object) -> bool:
    parts = item.get("parts")
    return (
        isinstance(item.get("role"), str)
        and isinstance(parts, list | tuple)
        and all(
            isinstance(part, dict) and isinstance(cast("Object", part).get("type"), str)
            for part in cast("list[object]", parts)
        )
    )


def _langchain_fields(item: Object) -> tuple[str, Object] | None:
    """Return the role and the fields of a message that LangChain wrote down."""
    if "role" in item:
        return None
    held = item.get("kwargs") or item.get("data")
    fields = cast("Object", held) if isinstance(held, dict) else item
    if "content" not in fields:
        return None
    name = item.get("id")
    last = cast("list[object]", name)[-1] if isinstance(name, list) and name else None
    for kind in (fields.get("type"), item.get("type"), last):
        if isinstance(kind, str) and kind in _LANGCHAIN_ROLES:
            return _LANGCHAIN_ROLES[kind], fields
    return None


def _openai_of_langchain(item: Object) -> Object | None:
    found = _langchain_fields(item)
    if found is None:
        return None
    role, fields = found
    calls = fields.get("tool_calls")
    kept: Object = {"role": role, "content": fields.get("content")}
    if isinstance(calls, list):
        kept["tool_calls"] = cast("object", calls)
    for key in ("tool_call_id", "name"):
        if fields.get(key) is not None:
            kept[key] = fields[key]
    return kept
