"""Ended spans as plain data with parsed content, so that a whole span can be compared with another."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import trace

from tests.conftest import attributes_of

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from contextcompany import Run, Step, ToolCall

JSON_KEYS: Final = frozenset(
    {
        "gen_ai.input.messages",
        "gen_ai.output.messages",
        "gen_ai.system_instructions",
        "gen_ai.tool.definitions",
        "gen_ai.tool.call.arguments",
        "gen_ai.tool.call.result",
    }
)
"""The attributes whose text is JSON; how it is spaced is nobody's business."""


def parsed(span: ReadableSpan) -> dict[str, Any]:
    """Return a span's attributes with the JSON ones parsed."""
    return {
        key: json.loads(value) if key in JSON_KEYS else value for key, value in attributes_of(span).items()
    }


def whole(span: ReadableSpan) -> dict[str, Any]:
    """Return all of a span that does not change from one test run to the next."""
    return {
        "name": span.name,
        "kind": span.kind.name,
        "parent": None if span.parent is None else span.parent.span_id,
        "status": (span.status.status_code.name, span.status.description),
        "attributes": parsed(span),
        "events": [(event.name, dict(event.attributes or {})) for event in span.events],
        "links": [link.context.span_id for link in span.links],
    }


def typed(attributes: dict[str, Any]) -> dict[str, tuple[str, Any]]:
    """Return attributes with their types, which `==` alone does not tell apart (True, 1 and 1.0)."""
    return {
        key: (f"list[{type(value[0]).__name__}]" if isinstance(value, list) else type(value).__name__, value)
        for key, value in attributes.items()
    }


def user(text: str) -> list[dict[str, Any]]:
    """Return the messages that a user's plain text becomes."""
    return [{"role": "user", "parts": [{"type": "text", "content": text}]}]


def assistant(text: str, reason: str = "") -> list[dict[str, Any]]:
    """Return the messages that an answer of plain text becomes."""
    return [{"role": "assistant", "parts": [{"type": "text", "content": text}], "finish_reason": reason}]


def span_id(handle: Run | Step | ToolCall) -> int:
    """Return the id of a handle's span."""
    return handle.span.get_span_context().span_id


def parent_id(span: ReadableSpan) -> int | None:
    """Return the id of a span's parent, or None for a root."""
    return None if span.parent is None else span.parent.span_id


def trace_id_of(span: ReadableSpan) -> str:
    """Return a span's trace id as the handles write it."""
    assert span.context is not None
    return trace.format_trace_id(span.context.trace_id)


def everything_said(span: ReadableSpan) -> str:
    """Return all text that a span carries anywhere, to search for what must not be there."""
    return json.dumps(
        [
            span.name,
            span.status.description,
            attributes_of(span),
            [[event.name, dict(event.attributes or {})] for event in span.events],
            [dict(link.attributes or {}) for link in span.links],
        ],
        default=list,
        ensure_ascii=False,
    )
