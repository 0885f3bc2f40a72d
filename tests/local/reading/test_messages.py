"""The messages of a span for a page."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hypothesis import given, settings

from contextcompany.local.reading.conversation import Conversation, Message, Part
from contextcompany.local.reading.messages import MOST_MESSAGES, conversation
from contextcompany.semconv import attributes
from tests.local import foreign_spans as samples
from tests.local.agent_spans import run, said, step, tool
from tests.local.reading.wild import spans
from tests.local.samples import span

if TYPE_CHECKING:
    from contextcompany.local.otlp.spans import AttributeValue, SpanRecord

SYSTEM = Message("system", (Part("text", "Be brief."),))
QUESTION = Message("user", (Part("text", "Where is order 1042?"),))
ANSWER = Message("assistant", (Part("text", "It is on its way."),))


def test_a_step_of_ours_is_shown_part_by_part() -> None:
    """Each kind of part has its form; calls and results are indented JSON with the id that joins them."""
    asked = [
        {
            "role": "user",
            "parts": [{"type": "text", "content": "What is this?"}, {"type": "uri", "uri": "a.png"}],
        },
        {
            "role": "assistant",
            "parts": [
                {"type": "reasoning", "content": "hmm"},
                {"type": "tool_call", "id": "1", "name": "look", "arguments": {"at": [1]}},
            ],
        },
        {
            "role": "tool",
            "parts": [{"type": "tool_call_response", "id": "1", "response": {"value": "a cat"}}],
        },
    ]
    more: dict[str, AttributeValue] = {
        attributes.GEN_AI_SYSTEM_INSTRUCTIONS: '[{"type": "text", "content": "Be brief."}]',
        attributes.GEN_AI_INPUT_MESSAGES: json.dumps(asked),
        attributes.GEN_AI_OUTPUT_MESSAGES: said("assistant", "A cat.", {"type": "novel", "what": 1}),
        attributes.GEN_AI_RESPONSE_FINISH_REASONS: ("stop",),
        attributes.GEN_AI_TOOL_DEFINITIONS: '[{"type": "function", "name": "look"}]',
    }
    assert conversation(step(more=more)) == Conversation(
        system=(Part("text", "Be brief."),),
        asked=(
            Message("user", (Part("text", "What is this?"), Part("media", "a.png", "uri"))),
            Message(
                "assistant",
                (Part("reasoning", "hmm"), Part("call", '{\n  "at": [\n    1\n  ]\n}', "look", "1")),
            ),
            Message("tool", (Part("result", "a cat", call_id="1"),)),
        ),
        answered=(
            Message(
                "assistant", (Part("text", "A cat."), Part("other", '{\n  "what": 1\n}', "novel")), "stop"
            ),
        ),
        tools=("look",),
    )


def test_a_tool_call_of_ours_shows_arguments_and_result() -> None:
    """JSON is indented, JSON inside a text too, and the wrapping of a bare value is taken off."""
    more: dict[str, AttributeValue] = {
        attributes.GEN_AI_TOOL_CALL_ARGUMENTS: '{"id":1042}',
        attributes.GEN_AI_TOOL_CALL_RESULT: '{"value":"{\\"state\\":\\"shipped\\"}"}',
    }
    assert conversation(tool(more=more)) == Conversation(
        arguments='{\n  "id": 1042\n}', result='{\n  "state": "shipped"\n}'
    )
    assert conversation(tool()) == Conversation()


def test_events_of_the_first_conventions_are_messages() -> None:
    """Each event is one, a choice the answer."""
    found = conversation(span("chat", samples.OPENTELEMETRY_EARLY, events=samples.OPENTELEMETRY_EVENTS))
    assert found == Conversation(
        asked=(
            SYSTEM,
            QUESTION,
            Message("assistant", (Part("call", '{\n  "id": 1042\n}', "find", "c1"),)),
            Message("tool", (Part("result", '{\n  "state": "shipped"\n}', call_id="c1"),)),
        ),
        answered=(Message("assistant", (Part("text", "It is on its way."),), "stop"),),
    )


def test_items_of_openinference_are_messages() -> None:
    """In the order of their numbers, with media, calls and results."""
    assert conversation(span("llm", samples.OPENINFERENCE_LLM)) == Conversation(
        asked=(
            SYSTEM,
            Message(
                "user", (Part("text", "What is this?"), Part("media", "https://example.com/a.png", "image"))
            ),
            Message("assistant", (Part("call", '{\n  "closely": true\n}', "look", "c1"),)),
            Message("tool", (Part("result", "a cat", call_id="c1"),)),
        ),
        answered=(Message("assistant", (Part("text", "A cat."),), "end_turn"),),
        tools=("look",),
    )


def test_items_of_openllmetry_are_messages() -> None:
    """With the calls, the reason why it ended, and the functions that were offered."""
    assert conversation(span("openai.chat", samples.OPENLLMETRY_CHAT)) == Conversation(
        asked=(SYSTEM, QUESTION),
        answered=(Message("assistant", (Part("call", '{\n  "id": 1042\n}', "find", "c1"),), "tool_calls"),),
        tools=("find",),
    )


def test_what_frameworks_hand_around_is_a_conversation() -> None:
    """Plain input is a question, plain output an answer; of a graph's state only what is new is an answer."""
    expected = Conversation(asked=(QUESTION,), answered=(ANSWER,))
    for sample in (
        samples.OPENINFERENCE_AGENT,
        samples.OPENINFERENCE_GRAPH,
        samples.OPENLLMETRY_WORKFLOW,
    ):
        assert conversation(span("any", sample)) == expected


def test_of_too_many_messages_the_first_and_the_newest_are_shown() -> None:
    """And the number of those between."""
    many = [{"role": "user", "parts": [{"type": "text", "content": str(n)}]} for n in range(100_000)]
    found = conversation(run(more={attributes.GEN_AI_INPUT_MESSAGES: json.dumps(many)})).asked
    assert len(found) == MOST_MESSAGES + 1
    assert [message.parts[0].text for message in found[:10]] == [str(n) for n in range(10)]
    assert found[10] == Message("other", (Part("other", "99,000 messages left out"),))
    assert found[-1].parts[0].text == "99999"


def test_text_that_has_no_room_is_counted() -> None:
    """A bound on characters says what it left out."""
    asked = run(more={attributes.GEN_AI_INPUT_MESSAGES: said("user", "x" * 1_000)})
    (message,) = conversation(asked, most_characters=300).asked
    assert message.parts == (Part("text", "x" * 300), Part("other", "700 characters left out"))
    call = tool(more={attributes.GEN_AI_TOOL_CALL_RESULT: "y" * 1_000})
    assert conversation(call, most_characters=300).result == "y" * 300 + "\n… 700 characters left out"


def test_a_text_of_ten_megabytes_is_there_whole() -> None:
    """Unless a bound is named, it takes more than that to leave something out."""
    words = "word, " * 1_700_000
    (message,) = conversation(run(more={attributes.GEN_AI_INPUT_MESSAGES: said("user", words)})).asked
    assert message.parts == (Part("text", words),)


def test_data_without_end_is_counted_and_not_drawn() -> None:
    """Neither depth nor number of values lets the text grow beyond what can be read."""
    deep = "[" * 800 + "]" * 800
    wide = json.dumps(list(range(100_000)))
    found = conversation(
        tool(more={attributes.GEN_AI_TOOL_CALL_ARGUMENTS: deep, attributes.GEN_AI_TOOL_CALL_RESULT: wide})
    )
    assert found.arguments is not None
    assert len(found.arguments) < 2_000
    assert "too deep" in found.arguments
    assert found.result is not None
    assert "… 80,001 more" in found.result


@settings(max_examples=100)
@given(spans())
def test_any_span_has_a_conversation(wild: SpanRecord) -> None:
    """Nothing raises, and every text can be shown."""
    found = conversation(wild)
    parts = [*found.system, *(part for message in (*found.asked, *found.answered) for part in message.parts)]
    texts = [text for part in parts for text in (part.text, part.name, part.call_id)]
    texts += [
        text for message in (*found.asked, *found.answered) for text in (message.role, message.finish_reason)
    ]
    for text in [*texts, *found.tools, found.arguments or "", found.result or ""]:
        assert isinstance(text, str)
        text.encode()
