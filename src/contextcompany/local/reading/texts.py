"""What was asked and what was answered as plain text, of spans of any instrumentation."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final, cast

from contextcompany.local.reading import sources
from contextcompany.local.reading.preview import last_text, message_text, unwrapped_text, value_text
from contextcompany.local.reading.shapes import is_message, normal
from contextcompany.local.reading.values import as_object, compact, read_container
from contextcompany.semconv import attributes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contextcompany.local.otlp.spans import AttributeValue, SpanRecord
    from contextcompany.local.reading.reading import Kind
    from contextcompany.local.reading.values import Object
    from contextcompany.local.reading.vocabulary import Vocabulary

_MOST_DEPTH: Final = 6
_MOST_MESSAGES: Final = 1_000
# Under what names frameworks keep what was said, the surest first.
_ASKED: Final = (
    "messages",
    "input",
    "inputs",
    "input_str",
    "query",
    "question",
    "prompt",
    "user_input",
    "content",
    "text",
    "kwargs",
    "args",
)
_ANSWERED: Final = (
    "messages",
    "output",
    "outputs",
    "answer",
    "response",
    "result",
    "final_output",
    "choices",
    "generations",
    "message",
    "content",
    "text",
    "kwargs",
)


def prompt_text(span: SpanRecord, kind: Kind, names: Vocabulary) -> str:
    """Return what a run or a step was asked, or the arguments of a tool call; empty where nothing is told."""
    if kind == "tool":
        return _data_text(sources.arguments(span), names)
    if not _says_something(span, kind, names):
        return ""
    is_step = kind == "step"
    if not names.is_foreign:
        # Most spans are ours, and ours are of one shape.
        plain = last_text(span.attributes.get(attributes.GEN_AI_INPUT_MESSAGES), is_users=not is_step)
        if plain is not None:
            return plain
    elif is_step:
        plain = sources.text_of_last(span, sources.INPUT)
        if plain is not None:
            return plain
    listed = sources.asked(span, is_last_enough=is_step)
    if listed:
        return _last_text(listed) if is_step else _question_text(listed)
    return _spoken_text(sources.plain_input(span), _ASKED) if names.is_foreign else ""


def response_text(span: SpanRecord, kind: Kind, names: Vocabulary) -> str:
    """Return what a run or a step answered, or the result of a tool call; empty where nothing is told."""
    if kind == "tool":
        return _data_text(sources.result(span), names)
    if not _says_something(span, kind, names):
        return ""
    if not names.is_foreign:
        plain = last_text(span.attributes.get(attributes.GEN_AI_OUTPUT_MESSAGES), is_only=True)
        if plain is not None:
            return plain
    elif kind == "step":
        plain = sources.text_of_last(span, sources.OUTPUT, is_only=True)
        if plain is not None:
            return plain
    listed = sources.answered(span)
    if listed:
        return " ".join(filter(None, (_texts(item, "assistant") for item in listed[:_MOST_MESSAGES])))
    return _spoken_text(sources.plain_output(span), _ANSWERED) if names.is_foreign else ""


def _says_something(span: SpanRecord, kind: Kind, names: Vocabulary) -> bool:
    """Tell whether a span can hold messages; those of an application mostly do not."""
    return kind in {"run", "step"} or (kind == "span" and (names.is_foreign or _is_genai(span)))


def _is_genai(span: SpanRecord) -> bool:
    return attributes.GEN_AI_OPERATION_NAME in span.attributes


def tool_data(value: object) -> object:
    """Return the arguments or the result of a tool without the wrappings that libraries put around them."""
    read = read_container(value)
    for _ in range(_MOST_DEPTH):
        held = as_object(read)
        inside = None if held is None else _unwrapped(held)
        if inside is None:
            break
        read = read_container(inside)
    return read


def _unwrapped(read: Object) -> object | None:
    """Take one wrapping off; None where there is none."""
    keys = read.keys()
    if len(keys) == 1 and "value" in keys:
        return read["value"]
    if keys == {"args", "kwargs"}:
        return _only_argument(read)
    if "kwargs" in keys:
        # LangChain's, as OpenLLMetry writes them: beside stand tags and metadata of its own.
        inputs = read.get("inputs") or read.get("input_str")
        if inputs:
            return inputs
        if keys == {"output", "kwargs"}:
            return read["output"]
    return read.get("content") if is_message(read) and "role" not in keys and "kwargs" not in keys else None


def _only_argument(read: Object) -> object | None:
    """Return what a function was called with, where it is one thing or has names."""
    filled = [read[key] for key in ("args", "kwargs") if read[key]]
    if len(filled) != 1:
        return None
    given = filled[0]
    if not isinstance(given, list):
        return given
    values = cast("list[object]", given)
    return values[0] if len(values) == 1 else values


def _data_text(value: AttributeValue, names: Vocabulary) -> str:
    if value is None:
        return ""
    # Our own is JSON that reads well as it stands, unless it was wrapped to be an object.
    if isinstance(value, str) and not names.is_foreign:
        return unwrapped_text(value)
    return compact(tool_data(value))


def _last_text(listed: Sequence[object]) -> str:
    return _texts(listed[-1], "user")


def _question_text(listed: Sequence[object]) -> str:
    """Return the last thing the user said, or the last thing at all where nothing is the user's."""
    for item in islice(reversed(listed), _MOST_MESSAGES):
        for message in normal(item, "user"):
            if message.get("role") == "user":
                return message_text(message)
    return ""


def _texts(item: object, role: str) -> str:
    return " ".join(filter(None, map(message_text, normal(item, role))))


def _spoken_text(value: AttributeValue, names: tuple[str, ...]) -> str:
    if value is None:
        return ""
    read = read_container(value)
    return _spoken(read, names, 0) or (value_text(value) if read else "")


def _spoken(read: object, names: tuple[str, ...], depth: int) -> str:
    """Find what was said in the data that a framework hands around; empty where nothing looks like it."""
    if isinstance(read, str):
        inside = read_container(read)
        return read if inside is read or depth >= _MOST_DEPTH else _spoken(inside, names, depth + 1) or read
    if depth >= _MOST_DEPTH:
        return ""
    if isinstance(read, list | tuple):
        return _spoken_in_list(list(cast("list[object]", read)), names, depth)
    return _spoken_in_object(cast("Object", read), names, depth) if isinstance(read, dict) else ""


def _spoken_in_object(held: Object, names: tuple[str, ...], depth: int) -> str:
    if is_message(held):
        return _texts(held, "user" if names is _ASKED else "assistant")
    candidates = [held[name] for name in names if held.get(name)]
    if not candidates and len(held) == 1:
        candidates = list(held.values())
    found = (_spoken(candidate, names, depth + 1) for candidate in candidates)
    return next(filter(None, found), "")


def _spoken_in_list(read: list[object], names: tuple[str, ...], depth: int) -> str:
    if read and all(map(is_message, read)):
        if names is _ASKED:
            return _question_text(read) or _last_text(read)
        return _texts(read[-1], "assistant")
    return _spoken(read[0], names, depth + 1) if len(read) == 1 else ""
