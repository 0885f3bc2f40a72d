"""Spans that hold anything at all under the names that are read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from contextcompany.local.otlp.spans import EventRecord
from contextcompany.semconv import attributes, foreign
from tests.local.foreign_spans import EVERY, OPENTELEMETRY_EVENTS
from tests.local.samples import span

if TYPE_CHECKING:
    from contextcompany.local.otlp.spans import SpanRecord

_TEXTS = st.text(max_size=12) | st.sampled_from(
    ["", "user", "assistant", "tool", "chat", "LLM", "\0", "\ud83d", "[[[", "{}", '"x"', "gpt-5", "1e999"]
)
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | _TEXTS
    | st.binary(max_size=4)
)
_FIELDS = st.sampled_from(
    [
        "role",
        "parts",
        "type",
        "content",
        "text",
        "name",
        "arguments",
        "tool_calls",
        "function",
        "kwargs",
        "args",
        "id",
        "messages",
        "choices",
        "message",
        "value",
        "input",
        "output",
        "image_url",
        "source",
        "response",
        "finish_reason",
    ]
)
_KINDS = st.sampled_from(
    [
        "text",
        "tool_call",
        "tool_call_response",
        "reasoning",
        "blob",
        "uri",
        "image_url",
        "human",
        "ai",
        "user",
    ]
)
_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXTS | _KINDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_FIELDS | _TEXTS, inner, max_size=4),
    max_leaves=12,
)
VALUES = st.recursive(
    _SCALARS | _KINDS | _PLAIN.map(json.dumps),
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.dictionaries(_FIELDS, inner, max_size=3),
    max_leaves=6,
)
"""Values of attributes: anything OTLP can carry, and JSON text that looks like messages."""

_OURS = [value for key, value in vars(attributes).items() if key.isupper() and isinstance(value, str)]
_THEIRS = [
    key
    for name, value in vars(foreign).items()
    if name.isupper()
    for key in ([value] if isinstance(value, str) else value)
]
_ITEMS = st.builds(
    "{}{}.{}".format,
    st.sampled_from(
        [foreign.PROMPTS, foreign.COMPLETIONS, foreign.INPUT_MESSAGES, foreign.OUTPUT_MESSAGES, foreign.TOOLS]
    ),
    st.sampled_from(["0", "1", "10", "٣", "9" * 5_000, "", "x"]),
    st.sampled_from(
        [
            "role",
            "content",
            "message.role",
            "message.content",
            "message.contents.0.message_content.text",
            "message.tool_calls.0.tool_call.function.name",
            "tool_calls.0.name",
            "tool.json_schema",
            "a.b.c.d.e.f.g.h.i.j",
            "",
        ]
    ),
)
KEYS = st.sampled_from(sorted({*_OURS, *_THEIRS})) | st.sampled_from(
    sorted({key for sample in EVERY.values() for key in sample})
)
_ATTRIBUTES = st.dictionaries(KEYS | _ITEMS | st.just("tcc.metadata.x"), VALUES, max_size=12)
_EVENTS = st.builds(
    EventRecord,
    st.sampled_from(sorted({event.name for event in OPENTELEMETRY_EVENTS} | {"exception", "other"})),
    st.just(0),
    st.dictionaries(_FIELDS | KEYS, VALUES, max_size=4),
)


@st.composite
def spans(draw: st.DrawFn) -> SpanRecord:
    """Build a span of wild attributes, some of them over those of a sane one."""
    sane = draw(st.sampled_from([{}, *EVERY.values()]))
    return span(
        draw(_TEXTS | st.just(attributes.FEEDBACK_SPAN_NAME)),
        {**sane, **draw(_ATTRIBUTES)},
        events=tuple(draw(st.lists(_EVENTS, max_size=3))),
        status=draw(st.sampled_from([("UNSET", ""), ("OK", ""), ("ERROR", "\ud83d"), ("ERROR", "A: b")])),
    )
