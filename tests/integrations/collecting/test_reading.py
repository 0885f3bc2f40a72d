"""What spans of three kinds of instrumentation say, in the words of the conventions."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextcompany.integrations.collecting import reading

FACTS: dict[str, Any] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-5",
    "gen_ai.response.model": "gpt-5-2025-08-07",
    "gen_ai.response.id": "chatcmpl-1",
    "gen_ai.response.finish_reasons": ["tool_calls"],
    "gen_ai.usage.input_tokens": 19,
    "gen_ai.usage.cache_read.input_tokens": 4,
    "gen_ai.usage.output_tokens": 7,
    "gen_ai.usage.reasoning.output_tokens": 3,
}
ASKED = [
    {"role": "system", "parts": [{"type": "text", "content": "be nice"}]},
    {"role": "user", "parts": [{"type": "text", "content": "hi"}]},
    {"role": "assistant", "parts": [{"type": "tool_call", "id": "c0", "name": "f", "arguments": {"a": 1}}]},
    {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c0", "response": "none"}]},
]
CALLED = [
    {
        "finish_reason": "tool_calls",
        "role": "assistant",
        "parts": [{"type": "tool_call", "id": "c1", "name": "f", "arguments": {"a": 2}}],
    }
]
TOOLS = [{"type": "function", "name": "f", "parameters": {"type": "object"}}]

TODAY: dict[str, Any] = {
    **FACTS,
    "gen_ai.system_instructions": json.dumps(ASKED[0]["parts"]),
    "gen_ai.input.messages": json.dumps(ASKED[1:]),
    "gen_ai.output.messages": json.dumps(CALLED),
    "gen_ai.tool.definitions": json.dumps(TOOLS),
}
OPENINFERENCE: dict[str, Any] = {
    "openinference.span.kind": "LLM",
    "llm.system": "openai",
    "llm.invocation_parameters": '{"model": "gpt-5"}',
    "llm.model_name": "gpt-5-2025-08-07",
    "llm.finish_reason": "tool_calls",
    "llm.token_count.prompt": 19,
    "llm.token_count.prompt_details.cache_read": 4,
    "llm.token_count.completion": 7,
    "llm.token_count.completion_details.reasoning": 3,
    "output.value": '{"id": "chatcmpl-1", "choices": []}',
    "llm.input_messages.0.message.role": "system",
    "llm.input_messages.0.message.content": "be nice",
    "llm.input_messages.1.message.role": "user",
    "llm.input_messages.1.message.contents.0.message_content.type": "text",
    "llm.input_messages.1.message.contents.0.message_content.text": "hi",
    "llm.input_messages.2.message.role": "assistant",
    "llm.input_messages.2.message.tool_calls.0.tool_call.id": "c0",
    "llm.input_messages.2.message.tool_calls.0.tool_call.function.name": "f",
    "llm.input_messages.2.message.tool_calls.0.tool_call.function.arguments": '{"a": 1}',
    "llm.input_messages.3.message.role": "tool",
    "llm.input_messages.3.message.tool_call_id": "c0",
    "llm.input_messages.3.message.content": "none",
    "llm.output_messages.0.message.role": "assistant",
    "llm.output_messages.0.message.tool_calls.0.tool_call.id": "c1",
    "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "f",
    "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": '{"a": 2}',
    "llm.tools.0.tool.json_schema": json.dumps({"type": "function", "function": {**TOOLS[0], "type": None}}),
}
EARLIER: dict[str, Any] = {
    "llm.request.type": "chat",
    "gen_ai.system": "OpenAI",
    "gen_ai.request.model": "gpt-5",
    "gen_ai.response.model": "gpt-5-2025-08-07",
    "gen_ai.response.id": "chatcmpl-1",
    "gen_ai.usage.prompt_tokens": 19,
    "gen_ai.usage.cache_read_input_tokens": 4,
    "gen_ai.usage.completion_tokens": 7,
    "gen_ai.usage.reasoning_tokens": 3,
    "gen_ai.prompt.0.role": "system",
    "gen_ai.prompt.0.content": "be nice",
    "gen_ai.prompt.1.role": "user",
    "gen_ai.prompt.1.content": '[{"type": "text", "text": "hi"}]',
    "gen_ai.prompt.2.role": "assistant",
    "gen_ai.prompt.2.tool_calls.0.id": "c0",
    "gen_ai.prompt.2.tool_calls.0.name": "f",
    "gen_ai.prompt.2.tool_calls.0.arguments": '{"a": 1}',
    "gen_ai.prompt.3.role": "tool",
    "gen_ai.prompt.3.tool_call_id": "c0",
    "gen_ai.prompt.3.content": "none",
    "gen_ai.completion.0.role": "assistant",
    "gen_ai.completion.0.finish_reason": "tool_calls",
    "gen_ai.completion.0.tool_calls.0.id": "c1",
    "gen_ai.completion.0.tool_calls.0.name": "f",
    "gen_ai.completion.0.tool_calls.0.arguments": '{"a": 2}',
    "llm.request.functions.0.name": "f",
    "llm.request.functions.0.parameters": '{"type": "object"}',
}


def test_what_a_model_wrote_is_no_id() -> None:
    """The id of an answer is one only beside what a provider sends with it."""
    found = {"openinference.span.kind": "LLM", "output.value": '{"id": "patient-17", "name": "N."}'}
    assert reading.facts(found) == {"gen_ai.operation.name": "chat"}


def test_what_a_tool_says_names_no_request() -> None:
    """Only a request to a model has the id of an answer and a model inside of its texts."""
    found = {
        "openinference.span.kind": "TOOL",
        "llm.invocation_parameters": '{"model": "mine"}',
        "output.value": '{"id": "patient-17"}',
    }
    assert reading.facts(found) == {"gen_ai.operation.name": "execute_tool"}


@pytest.mark.parametrize("found", [TODAY, OPENINFERENCE, EARLIER], ids=["today", "openinference", "earlier"])
def test_three_ways_to_say_the_same(found: dict[str, Any]) -> None:
    """One request with a tool call reads the same, whoever recorded it."""
    assert reading.facts(found) == FACTS
    content = {key: json.loads(str(value)) for key, value in reading.content(found).items()}
    assert content == {
        "gen_ai.input.messages": ASKED,
        "gen_ai.output.messages": CALLED,
        "gen_ai.tool.definitions": TOOLS,
    }


@pytest.mark.parametrize("found", [TODAY, OPENINFERENCE, EARLIER], ids=["today", "openinference", "earlier"])
def test_what_a_run_is_told(found: dict[str, Any]) -> None:
    """A run of its own gets the last word of the user, the instructions and the answer."""
    assert reading.asked(found) == ([ASKED[1]], ASKED[0]["parts"])
    assert reading.answered(found) == CALLED


def test_an_agent_that_tells_values_only() -> None:
    """Where a span has no messages, its input and output are what was asked and answered."""
    found = {"openinference.span.kind": "AGENT", "input.value": "hi", "output.value": "hello"}
    assert reading.asked(found) == ("hi", None)
    assert reading.answered(found) == "hello"
    assert reading.facts(found) == {}


def test_an_image() -> None:
    """An image that was sent is a part of its message."""
    beginning = "llm.input_messages.0.message.contents.0.message_content"
    found = {
        "llm.input_messages.0.message.role": "user",
        f"{beginning}.type": "image",
        f"{beginning}.image.image.url": "https://example.com/a.png",
    }
    assert "https://example.com/a.png" in str(reading.content(found)["gen_ai.input.messages"])


def test_long_lists_keep_their_order() -> None:
    """The tenth message comes after the ninth."""
    found = {f"gen_ai.prompt.{number}.content": str(number) for number in range(12)}
    listed = json.loads(str(reading.content(found)["gen_ai.input.messages"]))
    assert [message["parts"][0]["content"] for message in listed] == [str(number) for number in range(12)]


def test_bare_definitions() -> None:
    """Without content a tool is its name and its type."""
    text = reading.bare_definitions('[{"type":"function","name":"f","description":"secret"}]')
    assert json.loads(text) == [{"type": "function", "name": "f"}]


VALUES: st.SearchStrategy[Any] = st.one_of(
    st.text(max_size=20),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.sampled_from(["[", "{}", "[1]", '[{"role":1}]', '{"model":[]}', "\ud800", '[{"role":"user"}]']),
    st.lists(st.one_of(st.text(max_size=5), st.integers()), max_size=3).map(tuple),
)
KEYS = st.one_of(
    st.sampled_from([*TODAY, *OPENINFERENCE, *EARLIER]),
    st.builds(
        "".join,
        st.tuples(
            st.sampled_from(["gen_ai.prompt.", "llm.input_messages.", "llm.tools.", "gen_ai.completion."]),
            st.text("0123.message_contltools", max_size=30),
        ),
    ),
)


@given(st.dictionaries(KEYS, VALUES, max_size=12))
def test_wild_spans(found: dict[str, Any]) -> None:
    """Whatever a span holds, reading it raises nothing, and its content is JSON."""
    reading.facts(found)
    for value in reading.content(found).values():
        json.loads(str(value))
    reading.asked(found)
    reading.answered(found)
