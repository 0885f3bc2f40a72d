"""What was asked and answered as plain text."""

from __future__ import annotations

import json
from typing import Any

import pytest

from contextcompany.local.reading.texts import prompt_text, response_text, tool_data
from contextcompany.local.reading.vocabulary import ALL
from contextcompany.semconv import attributes
from tests.local.samples import span

QUESTION = "Where is order 1042?"


@pytest.mark.parametrize(
    "value",
    [
        QUESTION,
        {"input": QUESTION},
        {"inputs": {"question": QUESTION, "chat_history": []}},
        {"messages": [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": "…"}]},
        {"messages": [[{"type": "human", "content": QUESTION}]]},
        [{"role": "user", "content": [{"type": "text", "text": QUESTION}]}],
        {"anything": QUESTION},
        {"args": [QUESTION], "kwargs": {}},
        {"args": [], "kwargs": {"query": QUESTION}},
        {"input": json.dumps({"query": QUESTION})},
        {"state": {"messages": [{"role": "user", "content": QUESTION}]}},
    ],
)
def test_a_question_is_found_in_what_frameworks_hand_around(value: Any) -> None:
    """By the names under which they keep it."""
    given = value if isinstance(value, str) else json.dumps(value)
    assert prompt_text(span(attributes={"input.value": given}), "run", ALL) == QUESTION


@pytest.mark.parametrize(
    "value",
    [
        QUESTION,
        json.dumps(QUESTION),
        {"output": QUESTION},
        {"messages": [{"role": "user", "content": "?"}, {"type": "ai", "content": QUESTION}]},
        {"choices": [{"message": {"role": "assistant", "content": QUESTION}}]},
        {"generations": [[{"text": QUESTION, "message": {}}]]},
        {"final_output": QUESTION, "trace": [1, 2]},
    ],
)
def test_an_answer_is_found_in_what_frameworks_hand_around(value: Any) -> None:
    """By the names under which they keep it."""
    given = value if isinstance(value, str) else json.dumps(value)
    assert response_text(span(attributes={"output.value": given}), "run", ALL) == QUESTION


def test_data_that_says_nothing_is_shown_as_it_is() -> None:
    """It can still be found by its words."""
    found = {"input.value": '{"a": 1, "b": [2, 3]}', "output.value": "[]"}
    assert prompt_text(span(attributes=found), "span", ALL) == '{"a": 1, "b": [2, 3]}'
    assert response_text(span(attributes=found), "span", ALL) == ""


def test_a_run_tells_the_last_question_and_a_step_the_last_message() -> None:
    """What a tool gave back is what a step was asked with, and no question of the user."""
    messages = [
        {"role": "user", "content": "first"},
        {"role": "user", "content": "second"},
        {"role": "tool", "content": "42"},
    ]
    found = span(attributes={attributes.GEN_AI_INPUT_MESSAGES: json.dumps(messages)})
    assert prompt_text(found, "run", ALL) == "second"
    assert prompt_text(found, "step", ALL) == "42"
    assert prompt_text(found, "feedback", ALL) == ""


@pytest.mark.parametrize(
    ("value", "data"),
    [
        ('{"value": 1}', 1),
        ('{"value": "{\\"value\\": [1]}"}', [1]),
        ('{"args": [1], "kwargs": {}}', 1),
        ('{"args": [1, 2], "kwargs": {}}', [1, 2]),
        ('{"args": [], "kwargs": {"a": 1}}', {"a": 1}),
        ('{"args": [1], "kwargs": {"a": 1}}', {"args": [1], "kwargs": {"a": 1}}),
        ('{"args": [], "kwargs": {}}', {"args": [], "kwargs": {}}),
        ('{"input_str": "{\'a\': 1}", "tags": [], "kwargs": {}}', "{'a': 1}"),
        ('{"inputs": {"a": 1}, "tags": [], "metadata": {}, "kwargs": {}}', {"a": 1}),
        ('{"output": {"type": "tool", "content": "x"}, "kwargs": {"run": 1}}', "x"),
        ('{"content": "shipped", "type": "tool"}', "shipped"),
        ('{"role": "tool", "content": "x"}', {"role": "tool", "content": "x"}),
        ('{"content": "x", "title": "y"}', {"content": "x", "title": "y"}),
        ("plain", "plain"),
        ((1, "a"), (1, "a")),
    ],
)
def test_the_wrappings_of_libraries_are_taken_off(value: Any, data: Any) -> None:
    """What is left is what the tool was given or gave back; what is data itself is left alone."""
    assert tool_data(value) == data
