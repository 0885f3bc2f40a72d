"""What the setters were given, as span attributes: one function per kind of span."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, cast

from contextcompany.semconv import attributes as names
from contextcompany.semconv import messages
from contextcompany.semconv.providers import infer_provider
from contextcompany.semconv.text import quoted
from contextcompany.semconv.values import MAX_SPAN_BYTES, MAX_VALUE_BYTES, clean_text, to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.util.types import AttributeValue

    from contextcompany.semconv.values import Plain

Fields = dict[str, Any]

# What spans of a kind are called, and the field behind it; a run is called by its agent.
_NAMED_BY: Final[Mapping[str, tuple[str, str | None]]] = {
    "run": (names.OPERATION_INVOKE_AGENT, None),
    "step": (names.OPERATION_CHAT, "model_requested"),
    "tool_call": (names.OPERATION_EXECUTE_TOOL, "name"),
}
# What a step was given that stands on its span as it is.
_PLAIN: Final[Mapping[str, str]] = {
    "model_requested": names.GEN_AI_REQUEST_MODEL,
    "streamed": names.GEN_AI_REQUEST_STREAM,
    "model_used": names.GEN_AI_RESPONSE_MODEL,
    "response_id": names.GEN_AI_RESPONSE_ID,
    "first_chunk": names.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK,
    "completion": names.GEN_AI_USAGE_OUTPUT_TOKENS,
    "prompt_cached": names.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS,
    "cache_write": names.GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS,
    "reasoning": names.GEN_AI_USAGE_REASONING_OUTPUT_TOKENS,
}
_LEAST_BYTES: Final = 1_024
_SHORT_TEXT: Final = 16 << 10
_LIST_BEGINS: Final = frozenset("[")
_JSON_BEGINS: Final = frozenset('[{"-0123456789tfnNI')
_MARK: Final = "\ue000"
_REPEATED_BYTES: Final = 32 << 10
_LARGEST_INT: Final = 2**63 - 1


class SpanAttributes:
    """Collect the attributes of one span within its bound, and the names of what was cut.

    Attributes:
        pairs: those of the conventions and of this package.
        named: those that the caller named. They come first: a span of the application may have a small
            attribute limit, and the SDK evicts the oldest.
        cut: the keys of those that were cut.
    """

    __slots__ = ("_left", "cut", "named", "pairs")

    def __init__(self) -> None:
        self.pairs: dict[str, AttributeValue] = {}
        self.named: dict[str, AttributeValue] = {}
        self.cut: set[str] = set()
        self._left = MAX_SPAN_BYTES

    def text(self, key: str, text: str) -> None:
        """Add a small text that is JSON already; a span has few of them, so they are not counted."""
        self.pairs[key] = text

    def content(self, key: str, value: Plain) -> None:
        """Add a structured value as JSON text."""
        text, was_cut = to_json(value, max(min(MAX_VALUE_BYTES, self._left), _LEAST_BYTES))
        self._left -= _size(text)
        if was_cut:
            self.cut.add(key)
        self.pairs[key] = text

    def free(self, pairs: Mapping[str, tuple[AttributeValue, bool]]) -> None:
        """Add attributes that the caller named; texts take what the content left of the bound."""
        for key, (value, was_cut) in pairs.items():
            if type(value) is str and not was_cut and 4 * len(value) <= self._left:
                self._left -= _size(value)
                self.named[key] = value
                continue
            kept: Any = value
            size = _size(value)
            limit = max(self._left, _LEAST_BYTES)
            if size > limit:
                kept = clean_text(value, limit)[0] if isinstance(value, str) else to_json(kept, limit)[0]
                size = limit
            if was_cut or kept is not value:
                self.cut.add(key)
            self._left -= size
            self.named[key] = tuple(cast("list[str]", kept)) if isinstance(kept, list) else kept

    def finished(self) -> dict[str, AttributeValue]:
        """Return the pairs, with `tcc.truncated` where something was cut."""
        if self.cut:
            self.pairs[names.TCC_TRUNCATED] = tuple(sorted(self.cut))
        return self.pairs


def run_attributes(fields: Fields, span: SpanAttributes, *, content: bool) -> None:
    """Add what a run was given."""
    if content:
        _messages(fields, "prompt", names.GEN_AI_INPUT_MESSAGES, messages.user_messages, span)
        _messages(
            fields, "system_prompt", names.GEN_AI_SYSTEM_INSTRUCTIONS, messages.system_instructions, span
        )
        _messages(fields, "response", names.GEN_AI_OUTPUT_MESSAGES, _output(fields), span)


def step_attributes(fields: Fields, span: SpanAttributes, *, content: bool) -> None:
    """Add what a step was given."""
    if content:
        _messages(fields, "prompt", names.GEN_AI_INPUT_MESSAGES, messages.input_messages, span)
        _messages(fields, "response", names.GEN_AI_OUTPUT_MESSAGES, _output(fields), span)
    if "tool_definitions" in fields:
        _definitions(fields["tool_definitions"], span, content=content)
    pairs = span.pairs
    for field, value in fields.items():
        key = _PLAIN.get(field)
        if key is not None:
            pairs[key] = value
    parts = [fields[part] for part in ("prompt_uncached", "prompt_cached", "cache_write") if part in fields]
    if parts and sum(parts) <= _LARGEST_INT:
        pairs[names.GEN_AI_USAGE_INPUT_TOKENS] = sum(parts)
    pairs[names.GEN_AI_PROVIDER_NAME] = (
        fields.get("provider")
        or infer_provider(fields.get("model_used"))
        or infer_provider(fields.get("model_requested"))
        or names.PROVIDER_OTHER
    )
    if "cost" in fields:
        pairs[names.TCC_COST] = fields["cost"]
        pairs[names.TCC_COST_SOURCE] = names.COST_SOURCE_REPORTED
    if "finish_reason" in fields:
        pairs[names.GEN_AI_RESPONSE_FINISH_REASONS] = (fields["finish_reason"],)


def tool_call_attributes(fields: Fields, span: SpanAttributes, *, content: bool) -> None:
    """Add what a tool call was given."""
    if "name" in fields:
        span.pairs[names.GEN_AI_TOOL_NAME] = fields["name"]
    if content:
        for field, key in (
            ("args", names.GEN_AI_TOOL_CALL_ARGUMENTS),
            ("result", names.GEN_AI_TOOL_CALL_RESULT),
        ):
            _messages(fields, field, key, messages.tool_payload, span, doubtful=_JSON_BEGINS)


def _size(value: object) -> int:
    if isinstance(value, str):
        return len(value) if value.isascii() else len(value.encode())
    return sum(map(_size, cast("list[object]", value))) if isinstance(value, (list, tuple)) else 8


def _output(fields: Fields) -> Callable[[Plain], Any]:
    return _output_with(fields.get("finish_reason", ""))


@lru_cache(maxsize=64)
def _output_with(reason: str) -> Callable[[Plain], Any]:
    # A receiver drops all messages of a span of which one has no finish_reason, null included.
    def convert(value: Plain) -> Any:
        return [{"finish_reason": reason, **message} for message in messages.output_messages(value)]

    return convert


def _definitions(given: tuple[Plain, bool], span: SpanAttributes, *, content: bool) -> None:
    value, was_cut = given
    key = names.GEN_AI_TOOL_DEFINITIONS
    if was_cut:
        span.cut.add(key)
    if isinstance(value, str) and len(value) <= _REPEATED_BYTES:
        span.text(key, _repeated_definitions(value, content))
    else:
        span.content(key, _shaped(value, content))


def _shaped(value: Plain, content: bool) -> Any:
    tools = messages.tool_definitions(value)
    return tools if content else messages.without_descriptions(tools)


@lru_cache(maxsize=64)
def _repeated_definitions(text: str, content: bool) -> str:
    """Convert definitions once that an agent sends with every request of its life."""
    return to_json(_shaped(text, content))[0]


def span_name(kind: str, fields: Mapping[str, Any], agent: str | None) -> str:
    """Return the name of a span: its operation, and what the operation is about where that is known."""
    operation, field = _NAMED_BY[kind]
    subject = agent if field is None else fields.get(field)
    return f"{operation} {subject}" if subject else operation


ATTRIBUTES_OF: Final[Mapping[str, Callable[..., None]]] = {
    "run": run_attributes,
    "step": step_attributes,
    "tool_call": tool_call_attributes,
}


def _messages(
    fields: Fields,
    field: str,
    key: str,
    convert: Callable[[Plain], Any],
    span: SpanAttributes,
    *,
    doubtful: frozenset[str] = _LIST_BEGINS,
) -> None:
    if field not in fields:
        return
    value, was_cut = fields[field]
    if was_cut:
        span.cut.add(key)
    if type(value) is str and len(value) <= _SHORT_TEXT and value.lstrip()[:1] not in doubtful:
        before, after = _frame(convert)
        span.text(key, before + quoted(value) + after)
    else:
        span.content(key, convert(value))


@lru_cache(maxsize=256)
def _frame(convert: Callable[[Plain], Any]) -> tuple[str, str]:
    """Return what stands around a text once it is converted and written as JSON.

    Short texts are most of what is recorded, and only the text itself differs between them.
    """
    before, _, after = to_json(convert(_MARK))[0].partition(f'"{_MARK}"')
    return before, after
