"""What spans of other libraries say, under the names of the GenAI conventions.

Nothing here raises for what a span holds: what cannot be read is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from contextcompany.semconv import attributes as names
from contextcompany.semconv import flat, foreign, messages
from contextcompany.semconv.fields import as_read, inner, text_of_field
from contextcompany.semconv.values import clean_text, count, freeze, read_json, to_json

if TYPE_CHECKING:
    from opentelemetry.util.types import AnyValue

    from contextcompany.semconv.fields import Block
    from contextcompany.semconv.plain import Plain

    Attributes = Mapping[str, AnyValue]

_MOST_NAME_BYTES: Final = 4_096
# Longer than any answer whose id is worth a look into it.
_LONGEST_READ: Final = 256 << 10
# Of OpenAI's chat completions and responses, and of Anthropic's messages.
_PARTS_OF_ANSWERS: Final = ("choices", "output", "content")
_FLAT: Final = {
    names.GEN_AI_INPUT_MESSAGES: (foreign.PROMPTS, foreign.INPUT_MESSAGES),
    names.GEN_AI_OUTPUT_MESSAGES: (foreign.COMPLETIONS, foreign.OUTPUT_MESSAGES),
}


def facts(found: Attributes) -> dict[str, AnyValue]:
    """Return what a span says of its request that is no content: operation, models, usage, reasons."""
    said: dict[str, AnyValue] = {}
    operation = _operation(found)
    if operation is not None:
        said[names.GEN_AI_OPERATION_NAME] = operation
    texts: tuple[tuple[str, Sequence[str]], ...] = (
        (names.GEN_AI_PROVIDER_NAME, foreign.PROVIDER),
        (names.GEN_AI_REQUEST_MODEL, foreign.REQUEST_MODEL),
        (names.GEN_AI_RESPONSE_MODEL, foreign.RESPONSE_MODEL),
        (names.GEN_AI_RESPONSE_ID, foreign.RESPONSE_ID),
        (names.GEN_AI_TOOL_NAME, foreign.TOOL_NAME),
    )
    for key, sources in texts:
        text = _text(found, sources)
        if text is not None:
            said[key] = text
    provider = said.get(names.GEN_AI_PROVIDER_NAME)
    if isinstance(provider, str) and names.GEN_AI_PROVIDER_NAME not in found:
        said[names.GEN_AI_PROVIDER_NAME] = provider.lower()
    for key, sources in foreign.TOKENS.items():
        number = next((n for source in sources if (n := count(found.get(source))) is not None), None)
        if number is not None:
            said[key] = number
    reasons = _reasons(found)
    if reasons:
        said[names.GEN_AI_RESPONSE_FINISH_REASONS] = reasons
    _add_hidden(found, said)
    return said


def content(found: Attributes) -> dict[str, AnyValue]:
    """Return the messages and the tool definitions of a request, as JSON text."""
    said: dict[str, AnyValue] = {}
    given = _messages(found, names.GEN_AI_INPUT_MESSAGES, foreign.PROMPTS, foreign.INPUT_MESSAGES)
    if given is not None:
        system: list[Any] = []
        if names.GEN_AI_SYSTEM_INSTRUCTIONS in found:
            parts = messages.system_instructions(_plain(found[names.GEN_AI_SYSTEM_INSTRUCTIONS]))
            system = [{"role": "system", "parts": parts}]
        said[names.GEN_AI_INPUT_MESSAGES] = to_json([*system, *messages.input_messages(given)])[0]
    answer = _messages(found, names.GEN_AI_OUTPUT_MESSAGES, foreign.COMPLETIONS, foreign.OUTPUT_MESSAGES)
    if answer is not None:
        reasons = _reasons(found)
        rendered = messages.output_messages(answer)
        said[names.GEN_AI_OUTPUT_MESSAGES] = to_json(
            [{"finish_reason": _at(reasons, n), **message} for n, message in enumerate(rendered)]
        )[0]
    tools = _tools(found)
    if tools is not None:
        said[names.GEN_AI_TOOL_DEFINITIONS] = to_json(tools)[0]
    return said


def bare_definitions(text: AnyValue) -> str:
    """Return tool definitions without what counts as content in them."""
    return to_json(cast("Any", messages.without_descriptions(messages.tool_definitions(_plain(text)))))[0]


def has_content(found: Attributes, key: str) -> bool:
    """Return whether a span holds the messages that the conventions keep under a key."""
    return key in found or any(name.startswith(_FLAT[key]) for name in found)


def raw_content(found: Attributes, key: str) -> str:
    """Return these messages as they stand there, one after the other."""
    values = [found[key]] if key in found else [found[name] for name in found if name.startswith(_FLAT[key])]
    return "\n".join(value for value in values if isinstance(value, str))


def asked(found: Attributes) -> tuple[Plain, Plain]:
    """Return what the user asked last and the system's instructions, or None for what is not there."""
    rendered = content(found).get(names.GEN_AI_INPUT_MESSAGES)
    conversation = _plain(rendered) if rendered is not None else None
    listed = (
        [item for item in conversation if isinstance(item, dict)] if isinstance(conversation, list) else []
    )
    user = next((item for item in reversed(listed) if item.get("role") == "user"), None)
    system = next((item for item in listed if item.get("role") == "system"), None)
    question: Plain = None if user is None else [user]
    if question is None:
        question = _text(found, foreign.INPUT_VALUE, freely=True)
    return question, None if system is None else system.get("parts")


def answered(found: Attributes) -> Plain:
    """Return the answer of a span, or None where it holds none."""
    rendered = content(found).get(names.GEN_AI_OUTPUT_MESSAGES)
    if rendered is not None:
        return _plain(rendered)
    return _text(found, foreign.OUTPUT_VALUE, freely=True)


def _operation(found: Attributes) -> str | None:
    given = found.get(names.GEN_AI_OPERATION_NAME)
    if isinstance(given, str):
        return given
    kind, asked_for = found.get(foreign.KIND), found.get(foreign.REQUEST_TYPE)
    if isinstance(kind, str):
        return foreign.OPERATION_OF_KIND.get(kind)
    return foreign.OPERATION_OF_TYPE.get(asked_for) if isinstance(asked_for, str) else None


def _text(found: Attributes, sources: Sequence[str], *, freely: bool = False) -> str | None:
    for source in sources:
        value = found.get(source)
        if isinstance(value, str) and value:
            return value if freely else clean_text(value, _MOST_NAME_BYTES)[0]
    return None


def _reasons(found: Attributes) -> list[str]:
    for source in foreign.FINISH_REASON:
        value = found.get(source)
        if isinstance(value, str) and value:
            return [clean_text(value, _MOST_NAME_BYTES)[0]]
        if isinstance(value, Sequence) and value and not isinstance(value, (str, bytes)):
            return [clean_text(item, _MOST_NAME_BYTES)[0] for item in value]
    listed = flat.items(found, foreign.COMPLETIONS)
    return [reason for item in listed if (reason := text_of_field(item, "finish_reason"))]


def _add_hidden(found: Attributes, said: dict[str, AnyValue]) -> None:
    """Add what stands inside of JSON: the model asked for, and the id of the answer."""
    for key, source, field in (
        (names.GEN_AI_REQUEST_MODEL, foreign.PARAMETERS, "model"),
        (names.GEN_AI_RESPONSE_ID, foreign.OUTPUT_VALUE[0], "id"),
    ):
        text = found.get(source)
        if key in said or found.get(foreign.KIND) != foreign.KIND_LLM or not isinstance(text, str):
            continue
        if text[:1] == "{" and len(text) <= _LONGEST_READ:
            held = read_json(text)[0]
            if not isinstance(held, dict) or (key == names.GEN_AI_RESPONSE_ID and not _is_answer(held)):
                continue
            value = text_of_field(held, field)
            if value is not None:
                said[key] = clean_text(value, _MOST_NAME_BYTES)[0]


def _is_answer(held: Block) -> bool:
    """Return whether JSON is what a provider sent, and not what a model wrote, which is content."""
    return any(isinstance(held.get(part), list) for part in _PARTS_OF_ANSWERS)


def _messages(found: Attributes, key: str, *beginnings: str) -> Plain:
    if key in found:
        return _plain(found[key])
    for beginning in beginnings:
        listed = flat.items(found, beginning)
        if listed:
            return [flat.message(item) for item in listed]
    return None


def _tools(found: Attributes) -> Any:
    if names.GEN_AI_TOOL_DEFINITIONS in found:
        return messages.tool_definitions(_plain(found[names.GEN_AI_TOOL_DEFINITIONS]))
    listed = [
        as_read((inner(item, "tool") or {}).get("json_schema")) for item in flat.items(found, foreign.TOOLS)
    ]
    listed += [
        {**item, "parameters": as_read(item.get("parameters"))}
        for item in flat.items(found, foreign.FUNCTIONS)
    ]
    return messages.tool_definitions(listed) if listed else None


def _plain(value: object) -> Plain:
    """Return a value of an attribute as data; text that is JSON is read."""
    return as_read(freeze(value)[0])


def _at(reasons: list[str], place: int) -> str:
    return reasons[min(place, len(reasons) - 1)] if reasons else ""
