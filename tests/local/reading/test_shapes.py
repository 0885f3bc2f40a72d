"""Messages of any shape in that of the conventions."""

from __future__ import annotations

from typing import Any

import pytest

from contextcompany.local.reading.shapes import is_message, normal

HI = [{"type": "text", "content": "hi"}]


@pytest.mark.parametrize(
    ("value", "role", "parts"),
    [
        ({"role": "user", "parts": HI}, "user", HI),
        (
            {"role": "user", "parts": ({"type": "text", "content": "hi"},)},
            "user",
            ({"type": "text", "content": "hi"},),
        ),
        ({"role": "user", "parts": [{"text": "hi"}]}, "user", HI),
        ({"role": "model", "parts": [{"text": "hi"}]}, "assistant", HI),
        ({"role": "user", "content": "hi"}, "user", HI),
        ({"role": "developer", "content": [{"type": "text", "text": "hi"}]}, "system", HI),
        ({"type": "human", "content": "hi"}, "user", HI),
        ({"type": "ai", "data": {"content": "hi"}}, "assistant", HI),
        ({"id": ["langchain", "SystemMessage"], "kwargs": {"content": "hi"}}, "system", HI),
        (
            {"type": "tool", "content": "hi", "tool_call_id": "c1"},
            "tool",
            [{"type": "tool_call_response", "id": "c1", "response": "hi"}],
        ),
        (
            {"type": "ai", "content": "", "tool_calls": [{"name": "find", "args": {"id": 1}, "id": "c1"}]},
            "assistant",
            [{"type": "tool_call", "id": "c1", "name": "find", "arguments": {"id": 1}}],
        ),
        ("hi", "fallback", HI),
        (7, "fallback", [{"type": "text", "content": "7"}]),
        ({"role": "narrator", "content": "hi"}, "narrator", HI),
    ],
)
def test_a_message_of_any_library_has_a_role_and_parts(value: Any, role: str, parts: Any) -> None:
    """Of OpenAI, Anthropic, Google, LangChain and the conventions; what is none is text."""
    (message,) = normal(value, "fallback")
    assert (message["role"], message["parts"]) == (role, parts)


def test_the_reason_why_an_answer_ended_stays_with_it() -> None:
    """It is of the message, and not of its parts."""
    (message,) = normal({"role": "assistant", "content": "hi", "finish_reason": "stop"}, "assistant")
    assert message["finish_reason"] == "stop"


@pytest.mark.parametrize(
    ("value", "is_one"),
    [
        ({"role": "user", "content": "hi"}, True),
        ({"role": "assistant", "tool_calls": []}, True),
        ({"role": "admin"}, False),
        ({"type": "human", "content": "hi"}, True),
        ({"type": "text", "content": "hi"}, False),
        ({"content": "hi"}, False),
        ("hi", False),
    ],
)
def test_a_message_is_known_by_its_role(value: Any, is_one: bool) -> None:
    """Any other data that frameworks hand around is none."""
    assert is_message(value) is is_one
