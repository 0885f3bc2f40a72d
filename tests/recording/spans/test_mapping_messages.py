"""Conversations of steps, in the shapes of the providers, as messages and parts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from anthropic.types import Message
from openai.types.chat import ChatCompletion, ChatCompletionMessage

import contextcompany as tcc
from tests.recording.rows import assistant, parsed, user

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contextcompany import Run
    from contextcompany.testing import Captured

OPENAI_TALK: list[dict[str, Any]] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": [{"type": "text", "text": "Weather in London?"}]},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {
                "id": "call-1",
                "type": "function",
                "function": {"name": "get_weather", "arguments": '{"city": "London"}'},
            }
        ],
    },
    {"role": "tool", "tool_call_id": "call-1", "content": "15 degrees"},
]
ANTHROPIC_TALK: list[dict[str, Any]] = [
    {"role": "user", "content": "Weather in London?"},
    {
        "role": "assistant",
        "content": [
            {"type": "text", "text": "Let me look."},
            {"type": "tool_use", "id": "call-1", "name": "get_weather", "input": {"city": "London"}},
        ],
    },
    {
        "role": "user",
        "content": [{"type": "tool_result", "tool_use_id": "call-1", "content": "15 degrees"}],
    },
]
CALL = {"type": "tool_call", "id": "call-1", "name": "get_weather", "arguments": {"city": "London"}}
ANSWER = {"type": "tool_call_response", "id": "call-1", "response": "15 degrees"}
OPENAI_RECORDED = [
    {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
    *user("Weather in London?"),
    {"role": "assistant", "parts": [CALL]},
    {"role": "tool", "parts": [ANSWER]},
]


@pytest.fixture
def r(captured: Captured) -> Iterator[Run]:
    """Hold a run open around the steps and tool calls of a test."""
    opened = tcc.run("run-1", session_id="chat-1").prompt("p")
    yield opened
    opened.end()


CALLED = [{"role": "assistant", "parts": [CALL], "finish_reason": ""}]


@pytest.mark.parametrize(
    "given", [OPENAI_TALK, json.dumps(OPENAI_TALK), tuple(OPENAI_TALK)], ids=["list", "json", "tuple"]
)
def test_a_conversation_of_openai_shape_is_converted(captured: Captured, r: Run, given: object) -> None:
    """A list of chat messages, or JSON text of one, becomes messages and parts, tools included."""
    r.step().prompt(given).response(OPENAI_TALK[2]).end()
    (span,) = captured.spans
    assert parsed(span)["gen_ai.input.messages"] == OPENAI_RECORDED
    assert parsed(span)["gen_ai.output.messages"] == CALLED


def test_a_conversation_of_anthropic_shape_is_converted(captured: Captured, r: Run) -> None:
    """Anthropic's content blocks become the same parts, tool calls and tool results included."""
    r.step().prompt(ANTHROPIC_TALK).response(ANTHROPIC_TALK[1]).end()
    (span,) = captured.spans
    messages = parsed(span)["gen_ai.input.messages"]
    spoken = {"role": "assistant", "parts": [{"type": "text", "content": "Let me look."}, CALL]}
    assert messages[:2] == [*user("Weather in London?"), spoken]
    assert [message["parts"] for message in messages[2:]] == [[ANSWER]]
    assert parsed(span)["gen_ai.output.messages"] == [{**spoken, "finish_reason": ""}]


@pytest.mark.parametrize("text", ["plain", '{"a": 1}', "[1, 2", "5", ""])
def test_other_text_is_one_message_of_the_user(captured: Captured, r: Run, text: str) -> None:
    """Text that is no list of messages is what the user said, word for word."""
    r.step().prompt(text).response(text).end()
    (span,) = captured.spans
    assert parsed(span)["gen_ai.input.messages"] == user(text)
    assert parsed(span)["gen_ai.output.messages"] == assistant(text)


def test_objects_of_the_openai_client_are_taken_as_they_are(captured: Captured, r: Run) -> None:
    """Rule 3: a step takes the message objects of the `openai` package, and a response whole."""
    message = OPENAI_TALK[2]
    completion = {
        "id": "x",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4o",
        "choices": [{"index": 0, "finish_reason": "tool_calls", "message": message}],
    }
    answer = ChatCompletionMessage.model_validate(message)
    r.step().prompt([*OPENAI_TALK[:2], answer, OPENAI_TALK[3]]).response(answer).end()
    r.step().prompt("q").response(ChatCompletion.model_validate(completion)).end()
    first, second = captured.spans
    assert parsed(first)["gen_ai.input.messages"] == OPENAI_RECORDED
    assert parsed(first)["gen_ai.output.messages"] == CALLED
    assert parsed(second)["gen_ai.output.messages"] == CALLED


def test_objects_of_the_anthropic_client_are_taken_as_they_are(captured: Captured, r: Run) -> None:
    """Rule 3: a step takes the message objects of the `anthropic` package."""
    message = Message.model_validate(
        {
            "id": "x",
            "type": "message",
            "role": "assistant",
            "model": "claude",
            "content": ANTHROPIC_TALK[1]["content"],
            "stop_reason": "tool_use",
            "stop_sequence": None,
            "usage": {"input_tokens": 1, "output_tokens": 1},
        }
    )
    r.step().prompt([ANTHROPIC_TALK[0], message, ANTHROPIC_TALK[2]]).response(message).end()
    (span,) = captured.spans
    spoken = {"role": "assistant", "parts": [{"type": "text", "content": "Let me look."}, CALL]}
    assert parsed(span)["gen_ai.input.messages"][1] == spoken
    assert parsed(span)["gen_ai.output.messages"] == [{**spoken, "finish_reason": ""}]
