"""Where the messages of a span stand: in attributes of any convention, item by item, or in events.

What is returned is a list of messages in whatever shape the library gave them, or None where there are none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias, cast

from contextcompany.local.reading.values import bounded, read_container, read_json
from contextcompany.semconv import attributes, flat, foreign

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from contextcompany.local.otlp.spans import AttributeValue, EventRecord, SpanRecord
    from contextcompany.local.reading.values import Object
    from contextcompany.semconv.plain import Plain

Found: TypeAlias = "Mapping[str, AttributeValue]"
Source: TypeAlias = "tuple[str, tuple[str, str], tuple[str, ...]]"
"""Where messages stand: the key of today, beginnings of keys of items, keys of a whole conversation."""

INPUT: Final[Source] = (
    attributes.GEN_AI_INPUT_MESSAGES,
    (foreign.PROMPTS, foreign.INPUT_MESSAGES),
    foreign.PROMPT_TEXT,
)
OUTPUT: Final[Source] = (
    attributes.GEN_AI_OUTPUT_MESSAGES,
    (foreign.COMPLETIONS, foreign.OUTPUT_MESSAGES),
    foreign.COMPLETION_TEXT,
)
# What an event of a choice says beside the message.
_MESSAGE_FIELDS: Final = ("content", "tool_calls", "role", "id", "name")


def asked(span: SpanRecord, *, is_last_enough: bool = False) -> list[object] | None:
    """Return the messages that went in; of a list that stands item by item only the last, if that will do."""
    found = _in_attributes(span.attributes, INPUT, is_last_enough=is_last_enough)
    if found is None and span.events:
        found = _in_events(span.events, INPUT, foreign.INPUT_EVENTS)
    return found


def answered(span: SpanRecord) -> list[object] | None:
    """Return the messages that came out."""
    found = _in_attributes(span.attributes, OUTPUT, is_last_enough=False)
    if found is None and span.events:
        found = _in_events(span.events, OUTPUT, {foreign.OUTPUT_EVENT: "assistant"})
    return found


def text_of_last(span: SpanRecord, source: Source, *, is_only: bool = False) -> str | None:
    """Return the text of the last message of a list that stands item by item, if it is nothing but text.

    Args:
        span: The span.
        source: Where to look.
        is_only: Whether it must be the only message.
    """
    key, beginnings, _ = source
    if key in span.attributes:
        return None
    last, others = "", False
    fields: dict[str, AttributeValue] = {}
    for name, value in span.attributes.items():
        if not name.startswith(beginnings):
            continue
        beginning = beginnings[0] if name.startswith(beginnings[0]) else beginnings[1]
        number, _, field = name[len(beginning) :].partition(".")
        if number != last:
            others = others or bool(last)
            # Of numbers without leading zeros the longer one is higher.
            if (len(number), number) < (len(last), last):
                continue
            last, fields = number, {}
        fields[field] = value
    if not fields or (is_only and others) or not fields.keys() <= foreign.PLAIN_FIELDS:
        return None
    words = next((fields[field] for field in foreign.CONTENT_FIELDS if field in fields), None)
    return words if isinstance(words, str) and words[:1] != "[" else None


def plain_input(span: SpanRecord) -> AttributeValue:
    """Return what went into a span that tells no messages: a text, often of JSON; None where none is told."""
    return _first(span.attributes, (*foreign.INPUT_VALUE, *foreign.QUERY))


def plain_output(span: SpanRecord) -> AttributeValue:
    """Return what came out of a span that tells no messages; None where none is told."""
    return _first(span.attributes, foreign.OUTPUT_VALUE)


def arguments(span: SpanRecord) -> AttributeValue:
    """Return what a tool was given; None where that is not told."""
    sources = (attributes.GEN_AI_TOOL_CALL_ARGUMENTS, *foreign.INPUT_VALUE, foreign.TOOL_PARAMETERS)
    return _first(span.attributes, sources)


def result(span: SpanRecord) -> AttributeValue:
    """Return what a tool gave back; None where that is not told."""
    return _first(span.attributes, (attributes.GEN_AI_TOOL_CALL_RESULT, *foreign.OUTPUT_VALUE))


def _first(found: Found, keys: Iterable[str]) -> AttributeValue:
    for key in keys:
        value = found.get(key)
        if value is not None:
            return value
    return None


def _in_attributes(found: Found, sources: Source, *, is_last_enough: bool) -> list[object] | None:
    key, beginnings, texts = sources
    if key in found:
        return _as_list(found[key])
    keys = [name for name in found if name.startswith(beginnings)]
    for beginning in beginnings if keys else ():
        own = [name for name in keys if name.startswith(beginning)]
        listed = flat.items(
            {name: found[name] for name in (_of_last(own, beginning) if is_last_enough else own)},
            beginning,
            bounded,
        )
        if listed:
            return [_item_message(item) for item in listed]
    text = _first(found, texts)
    return None if text is None else _as_list(text)


def _item_message(item: Mapping[str, Plain]) -> object:
    message = flat.message(item)
    reason = item.get("finish_reason")
    return message if reason is None else {**message, "finish_reason": reason}


def _of_last(keys: list[str], beginning: str) -> Iterable[str]:
    """Return the keys of the last item of a list: that with the highest number."""
    numbers = [(number, key) for key in keys if (number := key[len(beginning) :].partition(".")[0]).isdigit()]
    # Of numbers without leading zeros the longer one is higher.
    last = max((number for number, _ in numbers), key=lambda number: (len(number), number), default="")
    return [key for number, key in numbers if number == last]


def _as_list(value: AttributeValue) -> list[object]:
    read = read_container(value)
    if isinstance(read, list | tuple):
        return list(cast("list[object]", read))
    return [] if read is None or read == "" else [read]


def _in_events(
    events: Iterable[EventRecord],
    sources: Source,
    roles: Mapping[str, str],
) -> list[object] | None:
    listed: list[object] = []
    for event in events:
        role = roles.get(event.name)
        if role is not None:
            listed.append(_event_message(event.attributes, role))
            continue
        # One event with all that was said, under the keys of attributes.
        held = _first(event.attributes, (sources[0], *sources[2])) if event.attributes else None
        if held is not None:
            listed += _as_list(held)
    return listed or None


def _event_message(found: Found, role: str) -> Object:
    body = next((read_json(found[key]) for key in foreign.EVENT_BODY if key in found), None)
    fields: Object = dict(cast("Object", body)) if isinstance(body, dict) else dict(found)
    if body is not None and not isinstance(body, dict):
        fields["content"] = body
    message = read_container(fields.get("message"))
    if isinstance(message, dict):
        inside = cast("Object", message)
        # A choice holds the message, or only the parts of it.
        fields |= inside if inside.keys() & set(_MESSAGE_FIELDS) else {"content": message}
    elif message is not None:
        fields["content"] = message
    kept = {key: _read_parts(fields[key]) for key in _MESSAGE_FIELDS if fields.get(key) is not None}
    reason = fields.get("finish_reason")
    given = {"role": role, "content": None, **kept}
    if "id" in kept and role == "tool":
        given["tool_call_id"] = kept["id"]
    return given if reason is None else {**given, "finish_reason": reason}


def _read_parts(value: object) -> object:
    """Read a list of parts, or of calls, that stands as JSON text; other text stays what was said."""
    if isinstance(value, str) and value.lstrip()[:1] == "[":
        read = read_json(value)
        if isinstance(read, list) and all(isinstance(item, dict) for item in cast("list[object]", read)):
            return cast("object", read)
    return value
