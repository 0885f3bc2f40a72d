"""Everything that is known of one span, for the panel beside its run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from contextcompany.local.dashboard.run.attributes_view import (
    ATTRIBUTE,
    AttributeTable,
    attribute_table,
    attribute_text,
)
from contextcompany.local.dashboard.run.message_view import (
    ARGUMENTS,
    RESULT,
    MessageView,
    PartView,
    data_view,
    message_view,
    part_view,
    whole_text,
)
from contextcompany.local.dashboard.run.plain_text import Folded, code
from contextcompany.local.reading.figures import duration_text, money_text
from contextcompany.local.reading.messages import conversation
from contextcompany.local.reading.read import read
from contextcompany.semconv import attributes, foreign

if TYPE_CHECKING:
    from contextcompany.local.otlp.spans import AttributeValue, SpanRecord
    from contextcompany.local.reading.conversation import Conversation
    from contextcompany.local.reading.reading import Reading

STACK_TRACE: Final = "stack."
"""What a `source` begins with that names the stack trace of an event by its number."""

_MOST_MESSAGES: Final = 100
_MOST_EVENTS: Final = 100
_MOST_LINKS: Final = 50
_MOST_FACT_CHARACTERS: Final = 300
_MOST_TOOLS: Final = 100

_REQUEST_PREFIX: Final = attributes.GEN_AI_REQUEST_MODEL.removesuffix("model")
_EXCEPTION_KEYS: Final = frozenset(
    {attributes.EXCEPTION_TYPE, attributes.EXCEPTION_MESSAGE, attributes.EXCEPTION_STACKTRACE}
)
_NOTES: Final = (
    (attributes.TCC_VIOLATIONS, "Ended without", "required fields that were not set"),
    (attributes.TCC_TRUNCATED, "Cut", "attributes that were too big to be sent whole"),
)


@dataclass(frozen=True, slots=True)
class ErrorView:
    """What went wrong: of the status, or an exception that was recorded."""

    kind: str
    message: str
    stack: Folded | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class EventView:
    """Something that happened during the span, so long after its beginning."""

    name: str
    after: str
    attributes: AttributeTable


@dataclass(frozen=True, slots=True)
class LinkView:
    """A reference to another span."""

    trace_id: str
    span_id: str
    attributes: AttributeTable


@dataclass(frozen=True, slots=True)
class SpanView:
    """One span, read and ready to be shown; facts are pairs of a label and a value."""

    key: str
    span: SpanRecord
    reading: Reading
    facts: tuple[tuple[str, str], ...]
    parameters: tuple[tuple[str, str], ...]
    notes: tuple[tuple[str, str], ...]
    errors: tuple[ErrorView, ...]
    system: tuple[PartView, ...]
    asked: tuple[MessageView, ...]
    asked_left_out: int
    answered: tuple[MessageView, ...]
    arguments: PartView | None
    result: PartView | None
    tools: tuple[str, ...]
    events: tuple[EventView, ...]
    links: tuple[LinkView, ...]
    attributes: AttributeTable
    resource: AttributeTable


def span_view(key: str, span: SpanRecord, said: Conversation) -> SpanView:
    """Read one span.

    Args:
        key: By what its run tells it from others.
        span: The span.
        said: What it says, as `conversation()` reads it.
    """
    reading = read(span)
    left_out = max(0, len(said.asked) - _MOST_MESSAGES)
    plain_events = [event for event in span.events if event.name != attributes.EXCEPTION_EVENT_NAME]
    return SpanView(
        key=key,
        span=span,
        reading=reading,
        facts=tuple(_facts(span, reading)),
        parameters=tuple(_parameters(span)),
        notes=tuple(_notes(span)),
        errors=tuple(_errors(span, reading)),
        system=tuple(part_view(part, f"system.{number}") for number, part in enumerate(said.system)),
        asked=tuple(
            message_view(message, f"asked.{number}")
            for number, message in enumerate(said.asked)
            if number >= left_out
        ),
        asked_left_out=left_out,
        answered=tuple(
            message_view(message, f"answered.{number}")
            for number, message in enumerate(said.answered[:_MOST_MESSAGES])
        ),
        arguments=data_view(said.arguments, ARGUMENTS),
        result=data_view(said.result, RESULT),
        tools=said.tools[:_MOST_TOOLS],
        events=tuple(
            EventView(
                event.name, duration_text(event.time_ns - span.start_ns), attribute_table(event.attributes)
            )
            for event in plain_events[:_MOST_EVENTS]
        ),
        links=tuple(
            LinkView(link.trace_id, link.span_id, attribute_table(link.attributes))
            for link in span.links[:_MOST_LINKS]
        ),
        attributes=attribute_table(span.attributes),
        resource=attribute_table(span.resource),
    )


def span_text(span: SpanRecord, source: str) -> str | None:
    """Return the text of a span that a `source` names, in full; None where there is none."""
    if source.startswith(ATTRIBUTE):
        key = source.removeprefix(ATTRIBUTE)
        return attribute_text(span.attributes[key]) if key in span.attributes else None
    if source.startswith(STACK_TRACE):
        number = source.removeprefix(STACK_TRACE)
        if (
            not number.isdecimal()
            or len(number) > len(str(len(span.events)))
            or int(number) >= len(span.events)
        ):
            return None
        trace = span.events[int(number)].attributes.get(attributes.EXCEPTION_STACKTRACE)
        return trace if isinstance(trace, str) else None
    return whole_text(conversation(span), source)


def _facts(span: SpanRecord, reading: Reading) -> list[tuple[str, str]]:
    used = reading.usage
    facts = [("Duration", duration_text(span.end_ns - span.start_ns))]
    if reading.kind == "step":
        facts += [("Model", reading.model or reading.requested_model)]
        if reading.model and reading.requested_model and reading.model != reading.requested_model:
            facts += [("Asked for", reading.requested_model)]
        facts += [("Provider", _first(span, foreign.PROVIDER))]
    if used.input_tokens or used.output_tokens:
        facts += [
            ("Tokens in", f"{used.input_tokens:,}"),
            ("From cache", f"{used.cached_tokens:,}" if used.cached_tokens else ""),
            (
                "To cache",
                _count(span, foreign.TOKENS[attributes.GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS]),
            ),
            ("Tokens out", f"{used.output_tokens:,}"),
            ("Reasoning", _count(span, foreign.TOKENS[attributes.GEN_AI_USAGE_REASONING_OUTPUT_TOKENS])),
        ]
    if used.cost is not None:
        source = _text(span.attributes.get(attributes.TCC_COST_SOURCE))
        # A cost without a source was worked out here.
        facts += [("Cost", f"{money_text(used.cost)} ({source or 'computed'})")]
    elif used.input_tokens or used.output_tokens:
        facts += [("Cost", "not known")]
    first = span.attributes.get(attributes.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK)
    if isinstance(first, int | float) and 0 <= first < 1e6:  # noqa: PLR2004  # Infinity is no duration.
        facts += [("First chunk after", duration_text(int(first * 1e9)))]
    facts += [
        ("Stopped for", _first(span, foreign.FINISH_REASON)),
        ("Tool type", _first(span, (attributes.GEN_AI_TOOL_TYPE,)) if reading.kind == "tool" else ""),
    ]
    return [(label, value) for label, value in facts if value]


def _parameters(span: SpanRecord) -> list[tuple[str, str]]:
    found: dict[str, str] = {}
    for key, value in sorted(span.attributes.items()):
        if key.startswith(_REQUEST_PREFIX) and key not in foreign.REQUEST_MODEL:
            found[key.removeprefix(_REQUEST_PREFIX)] = _text(value)
    given = span.attributes.get(foreign.PARAMETERS)
    try:
        read_here: object = json.loads(given) if isinstance(given, str) and len(given) < 20_000 else None  # noqa: PLR2004
    except (ValueError, RecursionError):
        read_here = None
    if isinstance(read_here, dict):
        for key, value in read_here.items():  # pyright: ignore[reportUnknownVariableType]
            name = str(key)  # pyright: ignore[reportUnknownArgumentType]
            if name not in {"model", "messages", "tools"}:
                found.setdefault(name, json.dumps(value, ensure_ascii=False)[:_MOST_FACT_CHARACTERS])
    return list(found.items())[:50]


def _notes(span: SpanRecord) -> list[tuple[str, str]]:
    notes: list[tuple[str, str]] = []
    for key, label, meaning in _NOTES:
        value = span.attributes.get(key)
        if isinstance(value, tuple) and value:
            notes.append((f"{label}: {_text(value)}", meaning))
    if span.attributes.get(attributes.TCC_CONTENT_CAPTURED) is False:
        notes.append(("Content was not captured", "capture_content is off where this was recorded"))
    if span.attributes.get(attributes.TCC_RESUMED) is True:
        notes.append(("Resumed", "this span continues a run that was left elsewhere"))
    return notes


def _errors(span: SpanRecord, reading: Reading) -> list[ErrorView]:
    errors: list[ErrorView] = []
    for number, event in enumerate(span.events[:_MOST_EVENTS]):
        if event.name != attributes.EXCEPTION_EVENT_NAME:
            continue
        stack = event.attributes.get(attributes.EXCEPTION_STACKTRACE)
        errors.append(
            ErrorView(
                _text(event.attributes.get(attributes.EXCEPTION_TYPE)),
                _text(event.attributes.get(attributes.EXCEPTION_MESSAGE), 4_000),
                code(stack) if isinstance(stack, str) and stack else None,
                f"{STACK_TRACE}{number}",
            )
        )
    is_told = any(
        error.kind == reading.error_type and error.message == reading.error_message for error in errors
    )
    if (reading.error_type or reading.error_message) and not is_told:
        errors.insert(0, ErrorView(reading.error_type, reading.error_message[:4_000]))
    return errors


def _first(span: SpanRecord, keys: tuple[str, ...]) -> str:
    return next((_text(span.attributes[key]) for key in keys if key in span.attributes), "")


def _count(span: SpanRecord, keys: tuple[str, ...]) -> str:
    found = next((span.attributes[key] for key in keys if key in span.attributes), None)
    return f"{found:,}" if isinstance(found, int) and not isinstance(found, bool) and found > 0 else ""


def _text(value: AttributeValue, most: int = _MOST_FACT_CHARACTERS) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):
        return ", ".join(_text(item) for item in value[:50])[:most]
    return attribute_text(value)[:most]
