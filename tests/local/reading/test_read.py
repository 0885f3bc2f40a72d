"""One span, whichever library wrote it, in the words of this package."""

from __future__ import annotations

import json
import math
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings

from contextcompany.local.otlp.spans import EventRecord
from contextcompany.local.reading.read import read
from contextcompany.local.reading.reading import Reading, Usage
from contextcompany.semconv import attributes
from tests.local import foreign_spans as samples
from tests.local.agent_spans import feedback, run, said, step, tool
from tests.local.reading.wild import spans
from tests.local.samples import span

if TYPE_CHECKING:
    from contextcompany.local.otlp.spans import AttributeValue, SpanRecord

WHO: dict[str, AttributeValue] = {
    attributes.TCC_SESSION_ID: "s-1",
    attributes.GEN_AI_CONVERSATION_ID: "s-1",
    attributes.TCC_AGENT: "support",
    attributes.TCC_USER_ID: "u-7",
    attributes.TCC_USER_NAME: "Ada",
    attributes.TCC_ORG_ID: "o-1",
    attributes.TCC_ORG_NAME: "Shop",
}


def test_a_run_of_ours_is_read_whole() -> None:
    """Who asked what and what came of it, with the metadata as text."""
    more: dict[str, AttributeValue] = {
        **WHO,
        attributes.TCC_PARENT_RUN_ID: "r-0",
        attributes.TCC_STATUS_CODE: attributes.STATUS_CODE_PARTIAL,
        attributes.TCC_STATUS_MESSAGE: "half of it",
        attributes.TCC_METADATA_PREFIX + "channel": "chat",
        attributes.TCC_METADATA_PREFIX + "tries": 2,
        attributes.GEN_AI_INPUT_MESSAGES: said("user", "Where is my order?"),
        attributes.GEN_AI_OUTPUT_MESSAGES: said("assistant", "On its way."),
    }
    assert read(run("r-1", more)) == Reading(
        kind="run",
        name="support",
        run_id="r-1",
        parent_run_id="r-0",
        status="partial",
        error_message="half of it",
        agent="support",
        session_id="s-1",
        user_id="u-7",
        user_name="Ada",
        org_id="o-1",
        org_name="Shop",
        metadata={"channel": "chat", "tries": "2"},
        prompt="Where is my order?",
        response="On its way.",
    )


def test_a_step_of_ours_is_read_whole() -> None:
    """The last thing the model was asked, what it said and asked for, and what that used."""
    asked = json.dumps(
        [
            {"role": "user", "parts": [{"type": "text", "content": "Where is my order?"}]},
            {"role": "tool", "parts": [{"type": "tool_call_response", "id": "1", "response": {"rows": 2}}]},
        ]
    )
    more: dict[str, AttributeValue] = {
        attributes.GEN_AI_RESPONSE_MODEL: "gpt-5-2025-08-07",
        attributes.GEN_AI_INPUT_MESSAGES: asked,
        attributes.GEN_AI_OUTPUT_MESSAGES: said(
            "assistant", "I look.", {"type": "tool_call", "name": "find", "arguments": {"id": 1042}}
        ),
    }
    assert read(step("r-1", more, tokens=(100, 40, 10), cost=0.25)) == Reading(
        kind="step",
        name="gpt-5",
        run_id="r-1",
        model="gpt-5-2025-08-07",
        requested_model="gpt-5",
        usage=Usage(100, 40, 10, 0.25),
        prompt='{"rows": 2}',
        response="I look. find(id=1042)",
    )


def test_a_tool_call_of_ours_is_read_whole() -> None:
    """Arguments and result are text, without the object that a bare value was wrapped in."""
    more: dict[str, AttributeValue] = {
        attributes.TCC_AGENT: "support",
        attributes.GEN_AI_TOOL_CALL_ARGUMENTS: '{"id":1042}',
        attributes.GEN_AI_TOOL_CALL_RESULT: '{"value":["shipped",{"a":"}"}]}',
        attributes.ERROR_TYPE: "KeyError",
    }
    assert read(tool("r-1", more, name="find", status=("ERROR", "KeyError: 'id'"))) == Reading(
        kind="tool",
        name="find",
        run_id="r-1",
        status="failed",
        error_type="KeyError",
        error_message="'id'",
        agent="support",
        tool="find",
        prompt='{"id":1042}',
        response='["shipped",{"a":"}"}]',
    )


def test_feedback_is_read_whole() -> None:
    """The thumb and the words."""
    assert read(feedback("r-1", attributes.SCORE_LABEL_THUMBS_DOWN, "too slow")) == Reading(
        kind="feedback",
        name="tcc.feedback",
        run_id="r-1",
        score="down",
        feedback_text="too slow",
    )


@pytest.mark.parametrize(
    ("more", "score"),
    [
        ({attributes.GEN_AI_EVALUATION_SCORE_VALUE: 1.0}, "up"),
        ({attributes.GEN_AI_EVALUATION_SCORE_VALUE: 0.0}, "down"),
        ({attributes.GEN_AI_EVALUATION_SCORE_VALUE: 0.5}, None),
        ({attributes.GEN_AI_EVALUATION_SCORE_VALUE: False}, None),
        ({attributes.GEN_AI_EVALUATION_SCORE_LABEL: "good"}, None),
        ({}, None),
    ],
)
def test_a_score_is_a_thumb_or_none(more: dict[str, AttributeValue], score: str | None) -> None:
    """The number counts where there is no label; anything between is no thumb."""
    assert read(span(attributes.FEEDBACK_SPAN_NAME, more)).score == score


def test_a_plain_span_of_an_application_says_its_name_and_how_it_went() -> None:
    """What is no part of an agent's work is not looked through for one."""
    request = span("GET /", {"http.request.method": "GET"}, status=("ERROR", "boom"))
    assert read(request) == Reading(kind="span", name="GET /", status="failed", error_message="boom")


def _foreign(attributes_: dict[str, AttributeValue], **more: Any) -> Reading:
    return read(span("its own name", attributes_, **more))


def test_the_first_conventions_of_opentelemetry_are_read() -> None:
    """Their provider, their counts, and messages that are events."""
    assert _foreign(samples.OPENTELEMETRY_EARLY, events=samples.OPENTELEMETRY_EVENTS) == Reading(
        kind="step",
        name="gpt-4o",
        model="gpt-4o-2024-08-06",
        requested_model="gpt-4o",
        usage=Usage(1_000, 0, 100, 0.0035),
        prompt='{"state": "shipped"}',
        response="It is on its way.",
    )


def test_an_agent_of_openinference_is_a_run() -> None:
    """Plain input and output, and who it was for."""
    assert _foreign(samples.OPENINFERENCE_AGENT) == Reading(
        kind="run",
        name="support",
        agent="support",
        session_id="s-1",
        user_id="u-7",
        metadata={"channel": "chat", "tries": "2", "labels": '["a"]'},
        prompt="Where is order 1042?",
        response="It is on its way.",
    )


def test_a_request_of_openinference_is_a_step() -> None:
    """The model asked for stands among the parameters; the cost is filled in."""
    assert _foreign(samples.OPENINFERENCE_LLM) == Reading(
        kind="step",
        name="claude-sonnet-4-0",
        model="claude-sonnet-4-20250514",
        requested_model="claude-sonnet-4-0",
        usage=Usage(1_000, 400, 100, 0.00342),
        prompt="a cat",
        response="A cat.",
    )


def test_the_state_of_a_graph_is_read_as_what_was_said_in_it() -> None:
    """Of the state before, the question; of the state after, the answer."""
    found = _foreign(samples.OPENINFERENCE_GRAPH)
    assert (found.kind, found.prompt, found.response) == (
        "span",
        "Where is order 1042?",
        "It is on its way.",
    )


def test_tools_retrievers_and_embeddings_of_openinference_are_read() -> None:
    """A tool is a tool call, an embedding a step, a retriever neither, and what went in is kept."""
    call = _foreign(samples.OPENINFERENCE_TOOL)
    assert (call.kind, call.tool, call.prompt, call.response) == ("tool", "find", '{"id": 1042}', "shipped")
    search = _foreign(samples.OPENINFERENCE_RETRIEVER)
    assert (search.kind, search.name, search.prompt) == ("span", "its own name", "orders")
    embedding = _foreign(samples.OPENINFERENCE_EMBEDDING)
    assert (embedding.kind, embedding.model) == ("step", "text-embedding-3-small")
    assert embedding.usage == Usage(1_000_000, 0, 0, 0.02)


def test_a_workflow_of_openllmetry_is_a_run() -> None:
    """Its arguments are the question, what was associated is whose it is and metadata."""
    assert _foreign(samples.OPENLLMETRY_WORKFLOW) == Reading(
        kind="run",
        name="support",
        agent="support",
        session_id="s-1",
        user_id="u-7",
        metadata={"tier": "gold"},
        prompt="Where is order 1042?",
        response="It is on its way.",
    )


def test_a_request_of_openllmetry_is_a_step() -> None:
    """Messages that stand item by item, with content as text that is JSON."""
    assert _foreign(samples.OPENLLMETRY_CHAT) == Reading(
        kind="step",
        name="gpt-4o",
        model="gpt-4o-2024-08-06",
        requested_model="gpt-4o",
        usage=Usage(1_000, 0, 100, 0.0035),
        prompt="Where is order 1042?",
        response="find(id=1042)",
    )


def test_tasks_and_tools_of_openllmetry_are_read() -> None:
    """A task is a bare span, a tool a tool call with its keyword arguments."""
    assert _foreign(samples.OPENLLMETRY_TASK) == Reading(kind="span", name="its own name")
    call = _foreign(samples.OPENLLMETRY_TOOL)
    assert (call.kind, call.tool, call.prompt, call.response) == (
        "tool",
        "find",
        '{"id": 1042}',
        '{"state": "shipped"}',
    )


def test_an_agent_that_was_collected_inside_a_run_is_a_part_of_it() -> None:
    """What another library recorded inside a run of ours is no run of its own."""
    collected = {**samples.OPENINFERENCE_AGENT, attributes.TCC_RUN_ID: "r-1", attributes.TCC_COLLECTED: True}
    found = _foreign(collected)
    assert (found.kind, found.name, found.agent, found.run_id) == ("span", "its own name", "support", "r-1")


def test_a_failed_request_names_the_model_that_was_asked_and_none_that_answered() -> None:
    """The exception that was recorded says what the status does not."""
    event = EventRecord(
        attributes.EXCEPTION_EVENT_NAME,
        1,
        {attributes.EXCEPTION_TYPE: "openai.APIError", attributes.EXCEPTION_MESSAGE: "overloaded"},
    )
    found = read(step(status=("ERROR", "APIError: overloaded"), events=(event,)))
    assert (found.name, found.model, found.requested_model) == ("gpt-5", "", "gpt-5")
    assert (found.error_type, found.error_message) == ("openai.APIError", "overloaded")


def test_ids_that_are_no_text_are_absent() -> None:
    """A run id is text; of a session or a user a number will do."""
    found = read(
        run(None, {attributes.TCC_RUN_ID: 7, attributes.TCC_USER_ID: 7, attributes.TCC_ORG_ID: True})
    )
    assert (found.run_id, found.user_id, found.org_id) == (None, "7", "")


def test_what_a_plain_text_in_a_messages_attribute_says_is_the_prompt() -> None:
    """Redaction and other libraries put text where messages belong."""
    found = read(run(more={attributes.GEN_AI_INPUT_MESSAGES: "[REDACTED]"}))
    assert found.prompt == "[REDACTED]"


@settings(max_examples=100)
@given(spans())
def test_any_span_can_be_read_and_its_texts_stored(wild: SpanRecord) -> None:
    """Nothing raises, every field has its type, every text can be encoded, every number added up."""
    found = read(wild)
    for field in fields(Reading):
        value = getattr(found, field.name)
        if isinstance(value, str):
            value.encode()
            assert "\0" not in value
        elif field.name == "metadata":
            json.dumps(value).encode()
            assert all(isinstance(text, str) for pair in value.items() for text in pair)
        else:
            assert value is None or isinstance(value, Usage), field.name
    assert found.kind in {"run", "step", "tool", "feedback", "span"}
    assert found.status in {"ok", "partial", "failed"}
    used = found.usage
    assert all(type(n) is int and 0 <= n <= 2e12 for n in (used.input_tokens, used.output_tokens))
    assert 0 <= used.cached_tokens <= used.input_tokens
    assert used.cost is None or (0 <= used.cost < math.inf)


def test_a_prompt_of_ten_megabytes_is_read_whole() -> None:
    """Length alone is no reason to leave anything out."""
    words = "word, " * 1_700_000
    assert read(run(more={attributes.GEN_AI_INPUT_MESSAGES: said("user", words)})).prompt == words
