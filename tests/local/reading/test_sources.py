"""Where the messages of a span stand."""

from __future__ import annotations

import json
from typing import Any

import pytest

from contextcompany.local.otlp.spans import EventRecord
from contextcompany.local.reading import sources
from contextcompany.semconv import attributes
from tests.local.samples import span

TEXT = {"role": "user", "content": "hi"}


def test_the_attribute_of_today_goes_before_all_others() -> None:
    """As JSON text or as the structure that it is."""
    for value in (json.dumps([TEXT]), (TEXT,)):
        found: Any = {attributes.GEN_AI_INPUT_MESSAGES: value, "gen_ai.prompt.0.content": "old"}
        assert sources.asked(span(attributes=found)) == [TEXT]
    assert sources.asked(span(attributes={attributes.GEN_AI_INPUT_MESSAGES: ""})) == []


def test_a_conversation_in_one_attribute_of_old_is_read() -> None:
    """Before messages stood item by item they were one text."""
    found = {"gen_ai.prompt": json.dumps([TEXT]), "gen_ai.completion": "hello"}
    assert sources.asked(span(attributes=found)) == [TEXT]
    assert sources.answered(span(attributes=found)) == ["hello"]


def test_of_items_only_the_last_is_built_where_that_will_do() -> None:
    """The last is the one with the highest number, not the one that came last."""
    found = {
        "llm.input_messages.10.message.content": "ten",
        "llm.input_messages.9.message.content": "nine",
        "llm.input_messages.x.message.content": "none",
    }
    asked = sources.asked(span(attributes=found), is_last_enough=True)
    assert asked == [{"role": "user", "content": "ten"}]


@pytest.mark.parametrize(
    ("found", "is_only", "text"),
    [
        (
            {
                "gen_ai.prompt.0.role": "system",
                "gen_ai.prompt.0.content": "a",
                "gen_ai.prompt.1.content": "b",
            },
            0,
            "b",
        ),
        ({"gen_ai.prompt.10.content": "ten", "gen_ai.prompt.9.content": "nine"}, 0, "ten"),
        ({"gen_ai.prompt.0.content": "a", "gen_ai.prompt.1.content": "b"}, 1, None),
        ({"gen_ai.prompt.0.content": "a"}, 1, "a"),
        ({"gen_ai.prompt.0.content": '[{"type": "text"}]'}, 0, None),
        ({"gen_ai.prompt.0.content": "a", "gen_ai.prompt.0.tool_call_id": "1"}, 0, None),
        ({"gen_ai.prompt.0.content": 7}, 0, None),
        ({"gen_ai.prompt.0.content": "a", attributes.GEN_AI_INPUT_MESSAGES: "[]"}, 0, None),
        ({}, 0, None),
    ],
)
def test_a_last_message_that_is_only_text_is_had_at_little_cost(
    found: dict[str, Any], is_only: int, text: str | None
) -> None:
    """What is more than text is left to be read in full."""
    assert sources.text_of_last(span(attributes=found), sources.INPUT, is_only=bool(is_only)) == text


@pytest.mark.parametrize(
    ("name", "held", "message"),
    [
        ("gen_ai.user.message", {"content": "hi"}, {"role": "user", "content": "hi"}),
        (
            "gen_ai.user.message",
            {"gen_ai.event.content": '{"content": "hi"}'},
            {"role": "user", "content": "hi"},
        ),
        ("gen_ai.user.message", {"event_body": "hi"}, {"role": "user", "content": "hi"}),
        (
            "gen_ai.user.message",
            {"content": '[{"text": "hi"}]'},
            {"role": "user", "content": [{"text": "hi"}]},
        ),
        ("gen_ai.user.message", {"content": "[1, 2]"}, {"role": "user", "content": "[1, 2]"}),
        (
            "gen_ai.tool.message",
            {"id": "c1", "content": "{}"},
            {"role": "tool", "content": "{}", "id": "c1", "tool_call_id": "c1"},
        ),
        ("gen_ai.system.message", {"role": "developer"}, {"role": "developer", "content": None}),
    ],
)
def test_events_of_old_are_messages(name: str, held: dict[str, Any], message: Any) -> None:
    """Whether their words stand in them openly or as the text of a body."""
    assert sources.asked(span(events=(EventRecord(name, 1, held), EventRecord("other", 2, {})))) == [message]


@pytest.mark.parametrize(
    ("held", "message"),
    [
        ({"message": '{"content": "hi"}'}, {"role": "assistant", "content": "hi"}),
        ({"message": '[{"text": "hi"}]'}, {"role": "assistant", "content": [{"text": "hi"}]}),
        ({"message": '{"answer": 1}'}, {"role": "assistant", "content": {"answer": 1}}),
        (
            {"content": "hi", "finish_reason": "stop"},
            {"role": "assistant", "content": "hi", "finish_reason": "stop"},
        ),
    ],
)
def test_a_choice_is_an_answer(held: dict[str, Any], message: Any) -> None:
    """With the message in it, or its parts, or nothing but data."""
    assert sources.answered(span(events=(EventRecord("gen_ai.choice", 1, held),))) == [message]


def test_one_event_may_hold_all_that_was_said() -> None:
    """Under the keys of attributes, of today and of old."""
    today = EventRecord(
        "gen_ai.client.inference.operation.details",
        1,
        {attributes.GEN_AI_INPUT_MESSAGES: json.dumps([TEXT]), attributes.GEN_AI_OUTPUT_MESSAGES: "[]"},
    )
    assert sources.asked(span(events=(today,))) == [TEXT]
    assert sources.answered(span(events=(today,))) is None
    old = EventRecord("gen_ai.content.prompt", 1, {"gen_ai.prompt": json.dumps([TEXT])})
    assert sources.asked(span(events=(old,))) == [TEXT]


def test_tools_tell_what_they_were_given_by_any_name() -> None:
    """Our own name first; the definition of the parameters only where nothing better is there."""
    found = {attributes.GEN_AI_TOOL_CALL_ARGUMENTS: "a", "input.value": "b", "tool.parameters": "c"}
    for expected in "abc":
        assert sources.arguments(span(attributes=found)) == expected
        found.pop(next(iter(found)))
    assert sources.arguments(span()) is None
    assert sources.result(span(attributes={"traceloop.entity.output": "x"})) == "x"
