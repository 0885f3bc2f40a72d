"""Tool definitions, arguments and results in the form of the GenAI semantic conventions.

Every function takes a frozen value, and none raises for what the value is. The forms are those of
`gen_ai.tool.definitions`, `gen_ai.tool.call.arguments` and `gen_ai.tool.call.result`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contextcompany.semconv.fields import as_read, as_text, first, inner, text_of_field, without
from contextcompany.semconv.values import read_json, to_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from contextcompany.semconv.fields import Block
    from contextcompany.semconv.plain import Plain

_FUNCTION: Final = "function"
_GENERIC: Final = "generic"
_WRAPPERS: Final = ("function", "custom", "toolSpec")
_SCHEMAS: Final = ("parameters", "input_schema", "inputSchema")
_UNREADABLE: Final = "tool_definitions"


def tool_definitions(value: Plain) -> list[dict[str, Plain]]:
    """Return the tools a model could call, each with `type` and `name`.

    The wrappers of OpenAI are taken off, `input_schema` becomes `parameters`, and `type` defaults to
    `function`. A plain text in a list is the name of a function. Text that is no JSON list of tools and no
    tool, and any other data, is kept as one entry of the type `generic`, named `tool_definitions`, with
    the text under `content`. None has no tools.

    Args:
        value: a frozen value: a list of tools of OpenAI, Anthropic or MCP, one of them, or either as JSON.
    """
    if isinstance(value, str):
        found, is_json = read_json(value) if value.lstrip()[:1] in {"[", "{"} else (None, False)
        if not is_json or (isinstance(found, dict) and not _is_tool(found)):
            return [_unreadable(value)] if value else []
        value = found
    if value is None:
        return []
    if isinstance(value, list):
        return [entry for item in value for entry in _definitions(item)]
    return _definitions(value) if isinstance(value, dict) and _is_tool(value) else [_unreadable(value)]


def without_descriptions(definitions: Iterable[Mapping[str, Plain]]) -> list[dict[str, Plain]]:
    """Return tool definitions reduced to type and name, which are no content.

    Args:
        definitions: what `tool_definitions` returned.
    """
    return [{"type": entry["type"], "name": entry["name"]} for entry in definitions]


def tool_payload(value: Plain) -> dict[str, Plain]:
    """Return the arguments or the result of a tool call as an object.

    Text that is JSON is read; what is no object then stands alone under the key `value`.
    """
    value = as_read(value)
    return value if isinstance(value, dict) else {"value": value}


def _is_tool(value: Block) -> bool:
    named = isinstance(value.get("name"), str) or any(inner(value, key) for key in _WRAPPERS)
    return named or isinstance(value.get("type"), str) or _declarations(value) is not None


def _declarations(value: Block) -> list[Plain] | None:
    """Return the functions inside a tool of Google's APIs."""
    found = first(value, "function_declarations", "functionDeclarations")
    return found if isinstance(found, list) else None


def _definitions(value: Plain) -> list[dict[str, Plain]]:
    if isinstance(value, str):
        return [{"type": _FUNCTION, "name": value}]
    if not isinstance(value, dict) or not _is_tool(value):
        return [_unreadable(value)]
    if (declarations := _declarations(value)) is not None:
        return [entry for item in declarations for entry in _definitions(item)]
    return [_definition(value)]


def _definition(value: Block) -> dict[str, Plain]:
    details = dict(value)
    for key in _WRAPPERS:
        if wrapped := inner(value, key):
            details = {**without(value, key), **wrapped}
            break
    schema = next((details[key] for key in _SCHEMAS if details.get(key) is not None), None)
    kind = text_of_field(value, "type") or _FUNCTION
    if kind == "custom" and first(details, "input_schema", "inputSchema") is not None:
        kind = _FUNCTION  # Anthropic's word for a tool that the application executes
    name = text_of_field(details, "name", "server_label", _FUNCTION) or kind
    entry: dict[str, Plain] = {"type": kind, "name": name}
    if (description := details.get("description")) is not None:
        entry["description"] = as_text(description)
    # What is long stands last: where a value has to be cut, what comes last is cut first.
    entry |= without(details, "type", "name", "description", *_SCHEMAS, *_WRAPPERS)
    if schema is not None:
        entry |= _parameters(schema)
    return entry


def _parameters(schema: Plain) -> dict[str, Plain]:
    schema = as_read(schema)
    if isinstance(schema, dict) and schema.keys() == {"json"}:
        schema = schema["json"]  # Bedrock wraps the schema once more
    if isinstance(schema, dict | bool):
        return {"parameters": schema}
    return {"parameters_text": as_text(schema)}  # no JSON schema, so not what `parameters` may hold


def _unreadable(value: Plain) -> dict[str, Plain]:
    content = value if isinstance(value, str) else to_json(value)[0]
    return {"type": _GENERIC, "name": _UNREADABLE, "content": content}
