"""Parts that stand for the calls of tools, by the application or by the provider itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contextcompany.semconv.fields import as_read, as_text, first, inner, text_of_field, without

if TYPE_CHECKING:
    from contextcompany.semconv.fields import Block, Part
    from contextcompany.semconv.plain import Plain

CLIENT_CALLS: Final = frozenset({"apply_patch_call", "computer_call", "local_shell_call", "shell_call"})
"""Calls of OpenAI's Responses API that the application executes, not the provider."""

_MCP: Final = "mcp"


def tool_call(call: Block) -> Part:
    """Return the part for a request to call a tool.

    Knows OpenAI's `tool_calls` and `function_call`, Anthropic's `tool_use` and the part of the conventions.
    Arguments that are JSON text are read, except the free text of custom tools and what is a part already.
    """
    details = inner(call, "function") or inner(call, "custom") or call
    part = _identified("tool_call", call, "call_id", "id")
    part["name"] = as_text(first(details, "name"))
    arguments = first(details, "arguments", "input", "args")
    if arguments is not None:
        is_json = "arguments" in details and call.get("type") != "tool_call"
        part["arguments"] = as_read(arguments) if is_json else arguments
    return part


def client_call(item: Block, kind: str) -> Part:
    """Return the part for a call that names its tool by its type, such as `computer_call`."""
    part = _identified("tool_call", item, "call_id", "id")
    part["name"] = kind.removesuffix("_call")
    part["arguments"] = {key: value for key, value in _details(item).items() if value != []}
    return part


def server_call(item: Block, kind: str) -> Part:
    """Return the part for a call that the provider executes, such as `web_search_call`."""
    part = _identified("server_tool_call", item, "id", "call_id")
    name = kind.removesuffix("_call")
    part["name"] = text_of_field(item, "name") or name
    part["server_tool_call"] = {"type": name, **without(_details(item), "name")}
    return part


def server_use(block: Block) -> Part:
    """Return the part for Anthropic's `server_tool_use` and `mcp_tool_use`."""
    name = text_of_field(block, "name") or "unknown"
    return server_call(block, _MCP if block.get("type") == "mcp_tool_use" else name)


def server_response(block: Block, kind: str) -> Part:
    """Return the part for what a tool of the provider gave back, such as `web_search_tool_result`."""
    part = _identified("server_tool_call_response", block, "tool_use_id", "id")
    name = kind.removesuffix("_tool_result")
    part["server_tool_call_response"] = {"type": name, **without(block, "type", "tool_use_id", "id")}
    return part


def tool_response(source: Block, answer: Plain) -> Part:
    """Return the part for what a tool gave back.

    Args:
        source: the block, item or message; its call id, and whether it is an error, are read.
        answer: what the tool gave back, in the form it is to be shown in.
    """
    part = _identified("tool_call_response", source, "tool_use_id", "tool_call_id", "call_id", "id")
    part["response"] = {"is_error": True, "content": answer} if source.get("is_error") is True else answer
    return part


def _identified(kind: str, source: Block, *keys: str) -> Part:
    part: Part = {"type": kind}
    call_id = first(source, *keys)
    if call_id is not None:
        part["id"] = as_text(call_id)
    return part


def _details(item: Block) -> dict[str, Plain]:
    return without(item, "type", "id", "call_id", "status")
