"""Lists of messages and tools that stand in attributes item by item and field by field.

OpenInference writes `llm.input_messages.0.message.role`, OpenLLMetry `gen_ai.prompt.0.role`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from contextcompany.semconv.fields import as_read, inner, text_of_field
from contextcompany.semconv.values import freeze

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from contextcompany.semconv.fields import Block
    from contextcompany.semconv.plain import Plain

_MOST_DEPTH: Final = 8
# Longer numbers are the place of nothing, and Python refuses to read the longest.
_MOST_DIGITS: Final = 9


def _frozen(value: object) -> Plain:
    return freeze(value)[0]


def items(
    found: Mapping[str, Any], beginning: str, take: Callable[[object], Plain] = _frozen
) -> list[dict[str, Plain]]:
    """Return the list that stands under a beginning of keys.

    Args:
        found: the attributes of a span.
        beginning: what the keys begin with, up to the number.
        take: makes data of a value; freezes it unless given.
    """
    tree: dict[str, Any] = {}
    for key, value in found.items():
        if not key.startswith(beginning):
            continue
        *path, last = key[len(beginning) :].split(".", _MOST_DEPTH)
        place = tree
        for step in path:
            inside: object = place.setdefault(step, {})
            if not isinstance(inside, dict):
                break
            place = cast("dict[str, Any]", inside)
        else:
            place[last] = take(value)
    listed = _listed(tree)
    return [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []


def message(item: Block) -> dict[str, Plain]:
    """Return an item of a list of messages in the shape of OpenAI's chat completions."""
    given = inner(item, "message") or item
    kept: dict[str, Plain] = {"role": text_of_field(given, "role") or "user"}
    content = given.get("content")
    contents = given.get("contents")
    if isinstance(contents, list):
        content = [_block(one) for one in contents if isinstance(one, dict)]
    elif isinstance(content, str) and content[:1] == "[":
        content = as_read(content)
    kept["content"] = content
    calls = given.get("tool_calls")
    if isinstance(calls, list) and calls:
        kept["tool_calls"] = [_call(one) for one in calls if isinstance(one, dict)]
    if "function_call_name" in given:
        kept["function_call"] = {
            "name": given["function_call_name"],
            "arguments": given.get("function_call_arguments_json"),
        }
    for field in ("tool_call_id", "name"):
        if field in given:
            kept[field] = given[field]
    return kept


def _block(one: Block) -> Plain:
    block = inner(one, "message_content") or one
    image = inner(inner(block, "image") or {}, "image")
    if image is not None:
        return {"type": "image_url", "image_url": {"url": image.get("url")}}
    return dict(block)


def _call(one: Block) -> Plain:
    call = inner(one, "tool_call") or one
    function = inner(call, "function") or call
    return {
        "id": call.get("id"),
        "type": "function",
        "function": {"name": function.get("name"), "arguments": function.get("arguments")},
    }


def _listed(value: Plain) -> Plain:
    if not isinstance(value, dict):
        return value
    fields = {key: _listed(inside) for key, inside in value.items()}
    if fields and all(len(key) <= _MOST_DIGITS and key.isascii() and key.isdigit() for key in fields):
        return [fields[key] for key in sorted(fields, key=int)]
    return fields
