"""Spans of runs, steps, tool calls and feedback for the tests of grouping and drawing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from contextcompany.semconv import attributes
from tests.local.samples import span

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contextcompany.local.otlp.spans import AttributeValue, SpanRecord


def said(role: str, *parts: Mapping[str, object] | str) -> str:
    """Write one message as the JSON text of a content attribute."""
    full = [{"type": "text", "content": part} if isinstance(part, str) else part for part in parts]
    return json.dumps([{"role": role, "parts": full}])


def run(
    run_id: str | None = "r-1", more: Mapping[str, AttributeValue] | None = None, **fields: Any
) -> SpanRecord:
    """Build the span of a run."""
    own: dict[str, AttributeValue] = {} if run_id is None else {attributes.TCC_RUN_ID: run_id}
    own[attributes.GEN_AI_OPERATION_NAME] = attributes.OPERATION_INVOKE_AGENT
    return span("invoke_agent", own | dict(more or {}), **fields)


def step(
    run_id: str | None = "r-1",
    more: Mapping[str, AttributeValue] | None = None,
    *,
    model: str = "gpt-5",
    tokens: tuple[int, int, int] | None = None,
    cost: float | None = None,
    **fields: Any,
) -> SpanRecord:
    """Build the span of a step; tokens are input, cached and output."""
    own: dict[str, AttributeValue] = {} if run_id is None else {attributes.TCC_RUN_ID: run_id}
    own[attributes.GEN_AI_OPERATION_NAME] = attributes.OPERATION_CHAT
    own[attributes.GEN_AI_REQUEST_MODEL] = model
    if tokens is not None:
        own[attributes.GEN_AI_USAGE_INPUT_TOKENS] = tokens[0]
        own[attributes.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS] = tokens[1]
        own[attributes.GEN_AI_USAGE_OUTPUT_TOKENS] = tokens[2]
    if cost is not None:
        own[attributes.TCC_COST] = cost
    return span(f"chat {model}", own | dict(more or {}), kind="CLIENT", **fields)


def tool(
    run_id: str | None = "r-1",
    more: Mapping[str, AttributeValue] | None = None,
    *,
    name: str = "search",
    **fields: Any,
) -> SpanRecord:
    """Build the span of a tool call."""
    own: dict[str, AttributeValue] = {} if run_id is None else {attributes.TCC_RUN_ID: run_id}
    own[attributes.GEN_AI_OPERATION_NAME] = attributes.OPERATION_EXECUTE_TOOL
    own[attributes.GEN_AI_TOOL_NAME] = name
    return span(f"execute_tool {name}", own | dict(more or {}), **fields)


def feedback(
    run_id: str = "r-1",
    score: str | None = attributes.SCORE_LABEL_THUMBS_UP,
    text: str | None = None,
    **fields: Any,
) -> SpanRecord:
    """Build the span of a user's feedback."""
    own: dict[str, AttributeValue] = {
        attributes.TCC_RUN_ID: run_id,
        attributes.GEN_AI_EVALUATION_NAME: attributes.EVALUATION_NAME_USER_FEEDBACK,
    }
    if score is not None:
        own[attributes.GEN_AI_EVALUATION_SCORE_LABEL] = score
    if text is not None:
        own[attributes.GEN_AI_EVALUATION_EXPLANATION] = text
    return span(attributes.FEEDBACK_SPAN_NAME, own, **fields)
