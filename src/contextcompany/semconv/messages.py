"""Chat messages of OpenAI and Anthropic in the form of the GenAI semantic conventions.

Every function takes a frozen value and returns a list that `to_json` can write; none raises for what the
value is. The forms are those of `gen_ai.input.messages`, `gen_ai.output.messages` and
`gen_ai.system_instructions`; what `tools` makes of the fields of tools can be had from here too, so that
this is the one place for everything that a setter's value becomes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from contextcompany.semconv.calls import tool_call
from contextcompany.semconv.fields import as_text, first, inner, text_of_field
from contextcompany.semconv.parts import audio_parts, is_block, parts_of, response_part, text_part
from contextcompany.semconv.tools import tool_definitions, tool_payload, without_descriptions
from contextcompany.semconv.values import read_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from contextcompany.semconv.fields import Block, Part
    from contextcompany.semconv.plain import Plain

__all__ = [
    "input_messages",
    "output_messages",
    "system_instructions",
    "tool_definitions",
    "tool_payload",
    "user_messages",
    "without_descriptions",
]

_USER: Final = "user"
_ASSISTANT: Final = "assistant"
_TOOL: Final = "tool"

_ROLES: Final = {"developer": "system", "function": _TOOL, "model": _ASSISTANT}
"""Roles that the conventions have another name for."""

_CONTENT_KEYS: Final = frozenset({"audio", "content", "function_call", "parts", "refusal", "tool_calls"})
_OTHER_KEYS: Final = frozenset({"annotations", "id", "name", "reasoning", "reasoning_content"})
"""What a message without a role may have beside content; any further key tells that it is other data."""

_ITEMS: Final = frozenset(
    {
        "compaction",
        "item_reference",
        "mcp_approval_request",
        "mcp_approval_response",
        "mcp_list_tools",
        "reasoning",
    }
)
"""Items of OpenAI's Responses API that stand beside messages; the calls are known by their ending."""


class _Message(NamedTuple):
    role: str
    parts: list[Part]
    name: str | None = None
    is_item: bool = False


def input_messages(value: Plain) -> list[dict[str, Plain]]:
    """Return what a model was given as messages.

    Plain text is one message of the user, unless it is a JSON list of chat messages, which is read. Lists
    are converted message by message and part by part, whatever mix of shapes they are. None and the empty
    list are one message with empty text; any other data is the text of its JSON.

    Args:
        value: a frozen value: text; one message or a list of them in the shape of OpenAI chat completions,
            the OpenAI Responses API, Anthropic, or the conventions; parts of one message.
    """
    if isinstance(value, str) and value.lstrip()[:1] == "[":
        found, is_json = read_json(value)
        if is_json and isinstance(found, list) and found and all(map(_is_message, found)):
            value = found
    return user_messages(value)


def user_messages(value: Plain) -> list[dict[str, Plain]]:
    """Return the prompt of a user as messages: like `input_messages`, but text is never read as JSON."""
    return [_rendered(message) for message in _messages(value, _USER)]


def output_messages(value: Plain) -> list[dict[str, Plain]]:
    """Return what a model or an agent gave back as messages, all of the role `assistant`.

    Text is never read as JSON. None and the empty list are one message with empty text.

    Args:
        value: a frozen value: text; an OpenAI chat completion, a Responses API response or an Anthropic
            message; a message or a list of them; content blocks.
    """
    if isinstance(value, list) and value and all(map(_is_choice, value)):
        value = {"choices": value}
    elif isinstance(value, dict) and _is_choice(value):
        value = {"choices": [value]}
    found = (_choices(value) or _response(value)) if isinstance(value, dict) else None
    messages = found or _messages(value, _ASSISTANT)
    return [_rendered(message._replace(role=_ASSISTANT)) for message in messages]


def system_instructions(value: Plain) -> list[dict[str, Plain]]:
    """Return a system prompt as text parts.

    Args:
        value: a frozen value: text, a text block, a system message, or a list of them.
    """
    parts = _joined(_messages(value, _USER))
    return [part if part["type"] == "text" else text_part(as_text(part)) for part in parts]


def _rendered(message: _Message) -> dict[str, Plain]:
    # The parts stand last: where a value has to be cut, what comes last is cut first.
    name: dict[str, Plain] = {"name": message.name} if message.name else {}
    return {"role": message.role, **name, "parts": [*message.parts]}


def _messages(value: Plain, role: str) -> list[_Message]:
    """Return the messages of any value; what does not say whose it is is of the given role."""
    if isinstance(value, dict) and _is_message(value):
        return [_message(value)]
    if isinstance(value, dict) and _lacks_only_a_role(value):
        return [_message({**value, "role": role})]
    if isinstance(value, list):
        return _listed(value, role)
    if isinstance(value, dict) and is_block(value):
        return [_Message(role, parts_of(value))]
    return [_Message(role, [text_part(as_text(value))])]


def _listed(values: list[Plain], role: str) -> list[_Message]:
    is_data = [not _is_message(item) and not _is_loose(item) for item in values]
    if not values or (any(is_data) and not any(map(_is_message, values))):
        return [_Message(role, [text_part(as_text(values or ""))])]
    messages: list[_Message] = []
    loose: list[Part] = []
    for item, other in zip(values, is_data, strict=True):
        if isinstance(item, dict) and _is_message(item):
            if loose:
                messages.append(_Message(role, loose))
                loose = []
            _add(messages, _message(item))
        else:
            loose += [text_part(as_text(item))] if other else parts_of(item)
    if loose:
        messages.append(_Message(role, loose))
    return messages


def _add(messages: list[_Message], message: _Message) -> None:
    """Append a message; the items of one answer of a model become one message."""
    last = messages[-1] if messages else None
    if last and last.role == message.role == _ASSISTANT and (last.is_item or message.is_item):
        messages[-1] = last._replace(parts=[*last.parts, *message.parts], is_item=True)
    else:
        messages.append(message)


def _joined(messages: Iterable[_Message]) -> list[Part]:
    return [part for message in messages for part in message.parts]


def _is_message(value: Plain) -> bool:
    if not isinstance(value, dict):
        return False
    if isinstance(value.get("role"), str):
        return not value.keys().isdisjoint(_CONTENT_KEYS)
    return _is_item(value)


def _lacks_only_a_role(value: Block) -> bool:
    return bool(value.keys() & _CONTENT_KEYS) and value.keys() <= _CONTENT_KEYS | _OTHER_KEYS


def _is_item(value: Block) -> bool:
    kind = value.get("type")
    return isinstance(kind, str) and (kind in _ITEMS or kind.endswith(("_call", "_call_output")))


def _is_loose(value: Plain) -> bool:
    return isinstance(value, str) or (isinstance(value, dict) and is_block(value))


def _message(value: Block) -> _Message:
    given = text_of_field(value, "role")
    if given is None and _is_item(value):
        kind = text_of_field(value, "type") or ""
        role = _TOOL if kind.endswith(("_output", "_response")) else _ASSISTANT
        return _Message(role, parts_of(dict(value)), is_item=True)
    role = _ROLES.get(given or "", given) or _USER
    name = text_of_field(value, "name")
    if isinstance(parts := value.get("parts"), list):
        return _Message(role, parts_of(parts), name)
    if role == _TOOL:
        return _Message(role, [response_part(value, value.get("content"))], name)
    found = _parts_of_message(value)
    if role == _USER and found and all(part["type"] == "tool_call_response" for part in found):
        role = _TOOL  # Anthropic lets the user hand over what its tools gave back
    return _Message(role, found or [text_part("")], name)


def _parts_of_message(value: Block) -> list[Part]:
    """Collect the parts of a message from all fields that say something, thoughts first and calls last."""
    parts: list[Part] = []
    if reasoning := first(value, "reasoning_content", "reasoning"):
        parts += parts_of({"type": "reasoning", "content": reasoning})
    content = value.get("content")
    parts += [] if content == "" else parts_of(content)
    if annotations := value.get("annotations"):
        parts.append({"type": "annotations", "annotations": annotations})
    if refusal := value.get("refusal"):
        parts += parts_of({"type": "refusal", "refusal": refusal})
    if audio := inner(value, "audio"):
        parts += audio_parts(audio)
    calls = value.get("tool_calls")
    for call in calls if isinstance(calls, list) else []:
        parts += [tool_call(call)] if isinstance(call, dict) else parts_of(call)
    if call := inner(value, "function_call"):
        parts.append(tool_call(call))
    return parts


def _is_choice(value: Plain) -> bool:
    return isinstance(value, dict) and "finish_reason" in value and isinstance(value.get("message"), dict)


def _choices(value: Block) -> list[_Message] | None:
    """Return the messages of an OpenAI completion, or None if the value is none."""
    choices = value.get("choices")
    if not isinstance(choices, list) or (not choices and "object" not in value):
        return None
    messages: list[_Message] = []
    for choice in choices:
        if not isinstance(choice, dict):
            return None
        message = inner(choice, "message")
        if message is None and not ("finish_reason" in choice and isinstance(choice.get("text"), str)):
            return None
        messages.append(_message({"content": choice.get("text"), **(message or {}), "role": _ASSISTANT}))
    return messages or [_Message(_ASSISTANT, [text_part("")])]


def _response(value: Block) -> list[_Message] | None:
    """Return the one message of a response of OpenAI's Responses API, or None if the value is none."""
    output = value.get("output")
    if not isinstance(output, list):
        return None
    if value.get("object") != "response" and not (output and all(map(_is_message, output))):
        return None
    return [_Message(_ASSISTANT, _joined(_listed(output, _ASSISTANT)))]
