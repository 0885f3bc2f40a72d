"""What a span stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contextcompany.local.reading.kinds import kind_of
from contextcompany.semconv import attributes
from tests.local.samples import span

if TYPE_CHECKING:
    from contextcompany.local.otlp.spans import AttributeValue


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        ({"gen_ai.operation.name": "invoke_agent"}, "run"),
        ({"gen_ai.operation.name": "invoke_workflow"}, "run"),
        ({"gen_ai.operation.name": "chat"}, "step"),
        ({"gen_ai.operation.name": "generate_content"}, "step"),
        ({"gen_ai.operation.name": "text_completion"}, "step"),
        ({"gen_ai.operation.name": "embeddings"}, "step"),
        ({"gen_ai.operation.name": "execute_tool"}, "tool"),
        ({"gen_ai.operation.name": "create_agent", "gen_ai.request.model": "gpt-5"}, "span"),
        ({"gen_ai.operation.name": "orders.list", "openinference.span.kind": "AGENT"}, "run"),
        ({"openinference.span.kind": "LLM"}, "step"),
        ({"openinference.span.kind": "llm"}, "step"),
        ({"openinference.span.kind": "TOOL"}, "tool"),
        ({"openinference.span.kind": "AGENT"}, "run"),
        ({"openinference.span.kind": "CHAIN", "llm.model_name": "gpt-5"}, "span"),
        ({"openinference.span.kind": "RETRIEVER"}, "span"),
        ({"openinference.span.kind": "EMBEDDING"}, "step"),
        ({"openinference.span.kind": "of tomorrow"}, "span"),
        ({"traceloop.span.kind": "workflow"}, "run"),
        ({"traceloop.span.kind": "agent"}, "run"),
        ({"traceloop.span.kind": "tool"}, "tool"),
        ({"traceloop.span.kind": "task"}, "span"),
        ({"llm.request.type": "chat"}, "step"),
        ({"llm.request.type": "completion"}, "step"),
        ({"llm.request.type": "rerank"}, "step"),
        ({"gen_ai.system": "openai", "gen_ai.request.model": "gpt-4"}, "step"),
        ({"gen_ai.tool.name": "search"}, "tool"),
        ({"http.request.method": "GET"}, "span"),
        ({"gen_ai.operation.name": ("chat",)}, "span"),
        ({"openinference.span.kind": 7}, "span"),
        ({}, "span"),
    ],
)
def test_the_marks_of_each_convention_are_known(found: dict[str, AttributeValue], kind: str) -> None:
    """Of several marks the operation counts first; where none is known a span is just a span."""
    assert kind_of(span(attributes=found)) == kind


def test_an_agent_that_was_collected_is_no_run() -> None:
    """Inside a run of ours it is a part of it; requests and tools stay what they are."""
    for operation, kind in (("invoke_agent", "span"), ("chat", "step"), ("execute_tool", "tool")):
        found: dict[str, AttributeValue] = {
            attributes.GEN_AI_OPERATION_NAME: operation,
            attributes.TCC_COLLECTED: True,
        }
        assert kind_of(span(attributes=found)) == kind


def test_feedback_is_known_by_its_name() -> None:
    """Whatever else it carries."""
    assert kind_of(span(attributes.FEEDBACK_SPAN_NAME, {"gen_ai.operation.name": "chat"})) == "feedback"
