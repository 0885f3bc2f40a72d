"""What becomes which attribute: the whole of a run, a step and a tool call."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import contextcompany as tcc
from contextcompany.recording.spans.mapping import ATTRIBUTES_OF, SpanAttributes
from contextcompany.semconv import attributes as names
from contextcompany.semconv import messages
from contextcompany.semconv.values import clean_text, to_json
from tests.recording.rows import assistant, parsed, span_id, typed, user, whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contextcompany import Run
    from contextcompany.testing import Captured

WEATHER = {
    "name": "get_weather",
    "description": "Get the weather for a location",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}


@pytest.fixture
def r(captured: Captured) -> Iterator[Run]:
    """Hold a run open around the steps and tool calls of a test."""
    opened = tcc.run("run-1", session_id="chat-1").prompt("p")
    yield opened
    opened.end()


def test_a_full_run(captured: Captured) -> None:
    """Every field of a run is where the table says, with its type, and nothing else is there."""
    r = tcc.run("run-1", "chat-1", True)
    r.prompt("What is the weather?", system_prompt="You are helpful.").response("Sunny.")
    r.status(1, "one of two sources").metadata({"region": "eu", "try": 2}, fast=True, tags=["a", "b"])
    r.metadata({"tcc.agent": "weather", "tcc.userId": "u-1", "tcc.userName": "Jane"})
    r.metadata({"tcc.orgId": "o-1", "tcc.orgName": "Acme"})
    r.end()
    (span,) = captured.spans
    seen = whole(span)
    assert typed(seen.pop("attributes")) == typed(
        {
            "gen_ai.operation.name": "invoke_agent",
            "tcc.runId": "run-1",
            "tcc.sessionId": "chat-1",
            "gen_ai.conversation.id": "chat-1",
            "tcc.conversational": True,
            "gen_ai.input.messages": user("What is the weather?"),
            "gen_ai.system_instructions": [{"type": "text", "content": "You are helpful."}],
            "gen_ai.output.messages": assistant("Sunny."),
            "tcc.statusCode": 1,
            "tcc.statusMessage": "one of two sources",
            "tcc.metadata.region": "eu",
            "tcc.metadata.try": 2,
            "tcc.metadata.fast": True,
            "tcc.metadata.tags": ["a", "b"],
            "tcc.agent": "weather",
            "gen_ai.agent.name": "weather",
            "tcc.userId": "u-1",
            "user.id": "u-1",
            "tcc.userName": "Jane",
            "user.name": "Jane",
            "tcc.orgId": "o-1",
            "tcc.orgName": "Acme",
        }
    )
    assert seen == {
        "name": "invoke_agent weather",
        "kind": "INTERNAL",
        "parent": None,
        "status": ("UNSET", None),
        "events": [],
        "links": [],
    }


def test_a_full_step(captured: Captured, r: Run) -> None:
    """Every field of a step is where the table says, with its type, and nothing else is there."""
    r.metadata({"tcc.userId": "u-1", "tcc.orgId": "o-1", "tcc.agent": "weather"})
    s = r.step("step-1", provider="acme").prompt("Question").response("Answer")
    s.model(requested="house-model", used="house-model-2").finish_reason("stop")
    s.tokens(150, 50, 25, cache_write=10, reasoning=5).cost(real_total=0.0035)
    s.tool_definitions([WEATHER]).status(0, "fine").end()
    (span,) = captured.spans
    seen = whole(span)
    assert typed(seen.pop("attributes")) == typed(
        {
            "gen_ai.operation.name": "chat",
            "tcc.runId": "run-1",
            "tcc.sessionId": "chat-1",
            "gen_ai.conversation.id": "chat-1",
            "tcc.stepId": "step-1",
            "tcc.userId": "u-1",
            "user.id": "u-1",
            "tcc.orgId": "o-1",
            "gen_ai.provider.name": "acme",
            "gen_ai.request.model": "house-model",
            "gen_ai.response.model": "house-model-2",
            "gen_ai.response.finish_reasons": ["stop"],
            "gen_ai.input.messages": user("Question"),
            "gen_ai.output.messages": assistant("Answer", "stop"),
            "gen_ai.tool.definitions": [{"type": "function", **WEATHER}],
            "gen_ai.usage.input_tokens": 210,
            "gen_ai.usage.cache_read.input_tokens": 50,
            "gen_ai.usage.cache_write.input_tokens": 10,
            "gen_ai.usage.output_tokens": 25,
            "gen_ai.usage.reasoning.output_tokens": 5,
            "tcc.cost": 0.0035,
            "tcc.costSource": "reported",
            "tcc.statusCode": 0,
            "tcc.statusMessage": "fine",
        }
    )
    assert seen == {
        "name": "chat house-model",
        "kind": "CLIENT",
        "parent": span_id(r),
        "status": ("UNSET", None),
        "events": [],
        "links": [],
    }


def test_a_full_tool_call(captured: Captured, r: Run) -> None:
    """Every field of a tool call is where the table says, with its type, and nothing else is there."""
    r.metadata({"tcc.userId": "u-1", "tcc.orgId": "o-1", "tcc.agent": "weather"})
    tc = r.tool_call("get_weather", "call-1").args({"city": "London"}).result({"temp": 15, "wet": True})
    tc.status(0).end()
    (span,) = captured.spans
    seen = whole(span)
    assert typed(seen.pop("attributes")) == typed(
        {
            "gen_ai.operation.name": "execute_tool",
            "tcc.runId": "run-1",
            "tcc.sessionId": "chat-1",
            "gen_ai.conversation.id": "chat-1",
            "tcc.userId": "u-1",
            "user.id": "u-1",
            "tcc.orgId": "o-1",
            "tcc.agent": "weather",
            "gen_ai.agent.name": "weather",
            "gen_ai.tool.name": "get_weather",
            "gen_ai.tool.call.id": "call-1",
            "gen_ai.tool.type": "function",
            "gen_ai.tool.call.arguments": {"city": "London"},
            "gen_ai.tool.call.result": {"temp": 15, "wet": True},
            "tcc.statusCode": 0,
        }
    )
    assert seen == {
        "name": "execute_tool get_weather",
        "kind": "INTERNAL",
        "parent": span_id(r),
        "status": ("UNSET", None),
        "events": [],
        "links": [],
    }


def test_tokens_and_cost_stay_on_the_step(captured: Captured) -> None:
    """Token counts and costs are never summed onto the run: viewers add up every span."""
    with tcc.run() as r, r.step() as s:
        r.prompt("p")
        s.prompt("q").response("a").model("gpt-4o").tokens(10, 5, 5).cost(0.1)
    (run_span,) = captured.named("invoke_agent")
    assert [key for key in parsed(run_span) if "usage" in key or "cost" in key] == []


@pytest.mark.parametrize(
    "given",
    [
        [{"type": "function", "function": WEATHER}],
        [
            {
                "name": WEATHER["name"],
                "description": WEATHER["description"],
                "input_schema": WEATHER["parameters"],
            }
        ],
        [WEATHER],
        json.dumps([WEATHER]),
    ],
    ids=["openai", "anthropic", "bare", "json"],
)
def test_tool_definitions_of_every_shape_are_one(captured: Captured, r: Run, given: object) -> None:
    """OpenAI's wrapper, Anthropic's schema and JSON text give the same definition."""
    r.step().prompt("q").response("a").tool_definitions(given).end()
    (span,) = captured.spans
    assert parsed(span)["gen_ai.tool.definitions"] == [{"type": "function", **WEATHER}]


def test_tool_definitions_that_are_no_list_are_kept(captured: Captured, r: Run) -> None:
    """Text that is no JSON list becomes one generic entry with the text in it."""
    r.step().prompt("q").response("a").tool_definitions("search(query): find things").end()
    (span,) = captured.spans
    (entry,) = parsed(span)["gen_ai.tool.definitions"]
    assert "search(query): find things" in entry.values()


@pytest.mark.parametrize(
    ("given", "provider"),
    [
        ({"requested": "gpt-4o"}, "openai"),
        ({"used": "claude-sonnet-4-20250514"}, "anthropic"),
        ({"requested": "anthropic/claude-3-5-haiku"}, "anthropic"),
        ({"requested": "house-model"}, "_OTHER"),
        ({"requested": "gpt-4o", "provider": "azure.ai.openai"}, "azure.ai.openai"),
        ({}, "_OTHER"),
    ],
    ids=lambda value: "-".join(value.values()) if isinstance(value, dict) else "",
)
def test_the_provider_is_given_or_told_from_the_model(
    captured: Captured, r: Run, given: dict[str, str], provider: str
) -> None:
    """The provider is the one given, else the one the model's name tells, else `_OTHER`."""
    r.step().prompt("q").response("a").model(**given).end()
    (span,) = captured.spans
    assert parsed(span)["gen_ai.provider.name"] == provider


AWKWARD = ["", " ", "[]", "[1", "true", "NaN", "Infinity", "-1", '"a"', "{}", " {}", "null", "\ue000"]


@given(st.text() | st.sampled_from(AWKWARD))
def test_short_texts_take_a_shorter_way_to_the_same_attribute(text: str) -> None:
    """What a text becomes is, character for character, what the general conversion makes of it."""
    value = clean_text(text)[0]
    given_all = ("prompt", "system_prompt", "response", "args", "result")
    fields: dict[str, Any] = dict.fromkeys(given_all, (value, False))
    fields["finish_reason"] = "stop"
    for kind in ("run", "step", "tool_call"):
        span = SpanAttributes()
        ATTRIBUTES_OF[kind](fields, span, content=True)
        reason = {"finish_reason": "stop"}
        table: dict[str, dict[str, Any]] = {
            "run": {
                names.GEN_AI_INPUT_MESSAGES: messages.user_messages(value),
                names.GEN_AI_SYSTEM_INSTRUCTIONS: messages.system_instructions(value),
                names.GEN_AI_OUTPUT_MESSAGES: [{**reason, **one} for one in messages.output_messages(value)],
            },
            "step": {
                names.GEN_AI_INPUT_MESSAGES: messages.input_messages(value),
                names.GEN_AI_OUTPUT_MESSAGES: [{**reason, **one} for one in messages.output_messages(value)],
            },
            "tool_call": {
                names.GEN_AI_TOOL_CALL_ARGUMENTS: messages.tool_payload(value),
                names.GEN_AI_TOOL_CALL_RESULT: messages.tool_payload(value),
            },
        }
        expected = table[kind]
        assert {key: span.pairs[key] for key in expected} == {
            key: to_json(converted)[0] for key, converted in expected.items()
        }
