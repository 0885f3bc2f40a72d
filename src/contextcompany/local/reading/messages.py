"""The messages of one span for a page: whole and in order, whichever library wrote them, and bounded."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final, cast

from contextcompany.local.reading import sources
from contextcompany.local.reading.conversation import Conversation, Message, Part
from contextcompany.local.reading.kinds import kind_of
from contextcompany.local.reading.parts import part_of
from contextcompany.local.reading.shapes import is_message, normal
from contextcompany.local.reading.texts import tool_data
from contextcompany.local.reading.values import bounded, indented, read_container
from contextcompany.semconv import attributes, flat, foreign
from contextcompany.semconv import messages as shapes
from contextcompany.semconv.text import valid_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from contextcompany.local.otlp.spans import AttributeValue, SpanRecord
    from contextcompany.local.reading.values import Object

MOST_CHARACTERS: Final = 64 << 20
"""The most text of one conversation; what comes after it is counted and left out."""

MOST_MESSAGES: Final = 1_000
"""The most messages in a row; of more, the first ten and the newest are kept."""

_FIRST_MESSAGES: Final = 10
_MOST_PARTS: Final = 1_000
_MOST_TOOLS: Final = 1_000
_MOST_NAME_CHARACTERS: Final = 200
# What frameworks hand around under these names is the conversation itself.
_MESSAGE_LISTS: Final = ("messages", "input", "output")


def conversation(span: SpanRecord, *, most_characters: int = MOST_CHARACTERS) -> Conversation:
    """Read what went into a span and what came out; never raises for what the span holds.

    Args:
        span: Any span.
        most_characters: How much text to return at most; a `Part` of the kind `other` says what is missing.
    """
    room = _Room(most_characters)
    found = span.attributes
    if kind_of(span) == "tool":
        return Conversation(
            arguments=room.datum(sources.arguments(span)), result=room.datum(sources.result(span))
        )
    # What is newest is what one came for: where room runs out, it does so at the system's instructions.
    answered = room.messages(_listed(sources.answered(span), sources.plain_output(span)), "assistant")
    asked = room.messages(_listed(sources.asked(span), sources.plain_input(span)), "user")
    return Conversation(
        system=room.parts(_system(found.get(attributes.GEN_AI_SYSTEM_INSTRUCTIONS))),
        asked=asked,
        answered=_with_reasons(_after_question(answered), found),
        tools=_tools(span),
    )


class _Room:
    """How much text there is still room for."""

    def __init__(self, characters: int) -> None:
        self._left = characters

    def messages(self, listed: Sequence[object], role: str) -> tuple[Message, ...]:
        missing = len(listed) - MOST_MESSAGES
        if missing <= 0:
            return tuple(self._messages(listed, role))
        newest = listed[len(listed) - MOST_MESSAGES + _FIRST_MESSAGES :]
        note = Message("other", (Part("other", f"{missing:,} messages left out"),))
        return (
            *self._messages(listed[:_FIRST_MESSAGES], role),
            note,
            *self._messages(newest, role),
        )

    def _messages(self, listed: Iterable[object], role: str) -> Iterator[Message]:
        for item in listed:
            for message in normal(item, role):
                given = message.get("role")
                reason = message.get("finish_reason")
                yield Message(
                    role=valid_text(given[:_MOST_NAME_CHARACTERS]) if isinstance(given, str) else role,
                    parts=self.parts(_as_parts(message.get("parts"))),
                    finish_reason=valid_text(reason[:_MOST_NAME_CHARACTERS])
                    if isinstance(reason, str)
                    else "",
                )

    def parts(self, listed: Sequence[Object]) -> tuple[Part, ...]:
        taken = [piece for part in islice(listed, _MOST_PARTS) for piece in self._cut(part_of(part))]
        if len(listed) > _MOST_PARTS:
            taken.append(Part("other", f"{len(listed) - _MOST_PARTS:,} parts left out"))
        return tuple(taken)

    def datum(self, value: AttributeValue) -> str | None:
        """Return the arguments or the result of a tool as indented JSON, or as the text it is."""
        if value is None:
            return None
        text = valid_text(indented(tool_data(value)))
        kept = text[: max(0, self._left)]
        self._left -= len(kept)
        return text if kept == text else f"{kept}\n… {len(text) - len(kept):,} characters left out"

    def _cut(self, part: Part) -> tuple[Part, ...]:
        kept = part.text[: max(0, self._left)]
        self._left -= len(kept)
        if len(kept) == len(part.text):
            return (part,)
        note = Part("other", f"{len(part.text) - len(kept):,} characters left out")
        return (Part(part.kind, kept, part.name, part.call_id), note)


def _listed(told: list[object] | None, plain: AttributeValue) -> list[object]:
    """Return the messages a span tells, or what went in or out of it as one."""
    if told is not None:
        return told
    if plain is None or plain == "":
        return []
    read = read_container(plain)
    return _hidden(read, 0) or [indented(tool_data(read))]


def _hidden(read: object, depth: int) -> list[object] | None:
    """Find the messages in the data that a framework hands around."""
    if isinstance(read, list | tuple):
        listed = list(cast("list[object]", read))
        if listed and all(map(is_message, listed)):
            return listed
        return _hidden(listed[0], depth + 1) if len(listed) == 1 and depth < len(_MESSAGE_LISTS) else None
    if isinstance(read, dict) and depth < len(_MESSAGE_LISTS):
        return _hidden_in_object(cast("Object", read), depth)
    return None


def _hidden_in_object(held: Object, depth: int) -> list[object] | None:
    if is_message(held):
        return [held]
    choices = held.get("choices")
    if isinstance(choices, list):
        return [
            cast("Object", one).get("message", cast("object", one)) if isinstance(one, dict) else one
            for one in cast("list[object]", choices)
        ]
    found = (_hidden(held.get(name), depth + 1) for name in _MESSAGE_LISTS)
    return next((one for one in found if one), None)


def _system(value: AttributeValue) -> Sequence[Object]:
    if value is None or value == "":
        return ()
    read = read_container(value)
    try:
        return cast("Sequence[Object]", shapes.system_instructions(bounded(read)))
    except RecursionError:
        return ({"type": "text", "content": indented(read)},)


def _as_parts(value: object) -> Sequence[Object]:
    if not isinstance(value, list | tuple):
        return ()
    listed = cast("list[object]", value)
    return [
        cast("Object", part) if isinstance(part, dict) else {"type": "text", "content": part}
        for part in listed
    ]


def _after_question(answered: tuple[Message, ...]) -> tuple[Message, ...]:
    """Leave out what frameworks give back with the answer: the conversation up to the question."""
    last = max((place for place, message in enumerate(answered) if message.role == "user"), default=-1)
    return answered[last + 1 :] or answered


def _with_reasons(answered: tuple[Message, ...], found: sources.Found) -> tuple[Message, ...]:
    """Give the answers the reasons why they ended, where those stand apart."""
    if not answered or any(message.finish_reason for message in answered):
        return answered
    value = next((found[key] for key in foreign.FINISH_REASON if found.get(key)), None)
    reasons = (value,) if isinstance(value, str) else value if isinstance(value, tuple) else ()
    texts = [valid_text(reason[:_MOST_NAME_CHARACTERS]) for reason in reasons if isinstance(reason, str)]
    return tuple(
        Message(message.role, message.parts, texts[place]) if place < len(texts) else message
        for place, message in enumerate(answered)
    )


def _tools(span: SpanRecord) -> tuple[str, ...]:
    found = span.attributes
    definitions: list[object] = []
    told = found.get(attributes.GEN_AI_TOOL_DEFINITIONS)
    if told is not None:
        read = read_container(told)
        definitions += cast("list[object]", read) if isinstance(read, list | tuple) else [read]
    else:
        for item in flat.items(found, foreign.TOOLS, bounded):
            tool = item.get("tool")
            schema = tool.get("json_schema") if isinstance(tool, dict) else None
            definitions.append(read_container(schema))
        definitions += flat.items(found, foreign.FUNCTIONS, bounded)
    names = dict.fromkeys(map(_tool_name, definitions[:_MOST_TOOLS]))
    return tuple(name for name in names if name)


def _tool_name(definition: object) -> str:
    for _ in range(2):
        if isinstance(definition, str):
            return valid_text(definition[:_MOST_NAME_CHARACTERS])
        if not isinstance(definition, dict):
            return ""
        held = cast("Object", definition)
        definition = held.get("name") or held.get("function") or held.get("toolSpec") or held.get("custom")
    return definition if isinstance(definition, str) else ""
