"""Objects of older SDKs become the spans that the recording API would have sent."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import contextcompany as tcc
from contextcompany.local.embedded.collector import Collector
from contextcompany.local.intake.older.objects import SCOPE_NAME, span_of, trace_of
from contextcompany.local.otlp.spans import MalformedBodyError, SpanRecord
from contextcompany.semconv import attributes as names
from contextcompany.semconv import foreign

TIMES = {"start_time": "2026-01-02T03:04:05.678Z", "end_time": "2026-01-02T03:04:06.789Z"}
START_NS = 1_767_323_045_678_000_000
END_NS = 1_767_323_046_789_000_000
RUN: dict[str, Any] = {"type": "run", "run_id": "r-1", "status_code": 0, **TIMES}
STEP: dict[str, Any] = {"type": "step", "run_id": "r-1", "step_id": "s-1", "status_code": 0, **TIMES}
TOOL_CALL: dict[str, Any] = {
    "type": "tool_call",
    "run_id": "r-1",
    "tool_call_id": "t-1",
    "tool_name": "search",
    "status_code": 0,
    **TIMES,
}


def _recorded() -> dict[str, SpanRecord]:
    """Record the same work with this package, and return its spans by their operation."""
    with Collector() as collector:
        tcc.configure(tcc_url=collector.url)
        run = tcc.run(run_id="r-1", session_id="c-1", conversational=True)
        run.prompt("Where is it?", system_prompt="Be brief.")
        run.metadata({"tcc.agent": "scout", "tcc.userId": "u-1", "tcc.userName": "Ada", "plan": "pro"})
        step = run.step(step_id="s-1")
        step.prompt(json.dumps([{"role": "user", "content": "Where is it?"}]))
        step.response("Let me look.")
        step.model(requested="gpt-5", used="gpt-5-2025-08-07")
        step.finish_reason("tool_calls")
        step.tokens(prompt_uncached=100, prompt_cached=20, completion=7)
        step.cost(0.25)
        step.tool_definitions(json.dumps([{"type": "function", "function": {"name": "search"}}]))
        step.end()
        call = run.tool_call("search", tool_call_id="t-1")
        call.args({"query": "it"})
        call.result("found")
        call.error("it broke")
        run.response("Here.")
        run.status(1, "in part")
        run.end()
        assert tcc.flush().delivered == 3
        return {str(span.attributes[names.GEN_AI_OPERATION_NAME]): span for span in collector.store.spans()}


def _as_recorded(span: SpanRecord, like: SpanRecord) -> SpanRecord:
    """Take over what differs between two recordings of the same work."""
    return replace(
        span,
        trace_id=like.trace_id,
        span_id=like.span_id,
        parent_span_id=like.parent_span_id,
        start_ns=like.start_ns,
        end_ns=like.end_ns,
        resource=like.resource,
        scope_name=like.scope_name,
        scope_version=like.scope_version,
    )


def test_the_spans_are_those_that_this_package_sends() -> None:
    """The same run, step and tool call give the same span, whichever SDK sent them."""
    ours = _recorded()
    run = span_of(
        RUN
        | {
            "session_id": "c-1",
            "conversational": True,
            "prompt": {"user_prompt": "Where is it?", "system_prompt": "Be brief."},
            "response": "Here.",
            "status_code": 1,
            "status_message": "in part",
            "metadata": {
                "tcc.agent": "scout",
                "tcc.userId": "u-1",
                "tcc.userName": "Ada",
                "plan": "pro",
            },
        }
    )
    step = span_of(
        STEP
        | {
            "prompt": json.dumps([{"role": "user", "content": "Where is it?"}]),
            "response": "Let me look.",
            "model_requested": "gpt-5",
            "model_used": "gpt-5-2025-08-07",
            "finish_reason": "tool_calls",
            "prompt_uncached_tokens": 100,
            "prompt_cached_tokens": 20,
            "completion_tokens": 7,
            "real_total_cost": 0.25,
            "tool_definitions": json.dumps([{"type": "function", "function": {"name": "search"}}]),
        }
    )
    call = span_of(
        TOOL_CALL
        | {
            "args": json.dumps({"query": "it"}),
            "result": "found",
            "status_code": 2,
            "status_message": "it broke",
        }
    )
    for made in (run, step, call):
        own = ours[str(made.attributes[names.GEN_AI_OPERATION_NAME])]
        # Only here does the run say on its children who it is for.
        inherited = {names.TCC_AGENT, names.GEN_AI_AGENT_NAME, names.TCC_USER_ID, names.USER_ID}
        inherited |= {names.TCC_SESSION_ID, names.GEN_AI_CONVERSATION_ID}
        expected = {
            key: value for key, value in own.attributes.items() if made is run or key not in inherited
        }
        assert _as_recorded(made, own) == replace(own, attributes=expected, events=())


def test_times_and_places_are_kept() -> None:
    """A step and a tool call stand below their run, in its trace, at their own times."""
    run, step, call = span_of(RUN), span_of(STEP), span_of(TOOL_CALL)
    assert run.trace_id == step.trace_id == call.trace_id == trace_of("r-1")
    assert (run.parent_span_id, step.parent_span_id, call.parent_span_id) == (None, run.span_id, run.span_id)
    assert len({run.span_id, step.span_id, call.span_id}) == 3
    assert (step.start_ns, step.end_ns) == (START_NS, END_NS)
    assert step.scope_name == SCOPE_NAME


def test_an_object_that_comes_twice_is_the_same_span() -> None:
    """Ids come from the ids in the object, so a repeated batch is recognised; other ids give other spans."""
    assert span_of(STEP) == span_of(dict(STEP))
    assert span_of(STEP).span_id != span_of(STEP | {"step_id": "s-2"}).span_id
    assert span_of(STEP).span_id != span_of(STEP | {"run_id": "r-2"}).span_id
    # The border between two ids counts too.
    first = span_of(STEP | {"run_id": "a", "step_id": "bc"})
    assert first.span_id != span_of(STEP | {"run_id": "ab", "step_id": "c"}).span_id


@pytest.mark.parametrize(
    ("prompt", "system", "asked"),
    [
        ("hi", None, "hi"),
        ({"user_prompt": "hi"}, None, "hi"),
        ({"user_prompt": "hi", "system_prompt": "be kind"}, "be kind", "hi"),
        ({"user_prompt": "hi", "system_prompt": None}, None, "hi"),
        ([{"role": "user", "content": "hi"}], None, "hi"),
        ('["hi"]', None, '["hi"]'),
    ],
)
def test_a_prompt_may_be_text_or_an_object(prompt: Any, system: str | None, asked: str) -> None:
    """What the user asked is one message, whatever shape the SDK gave it."""
    found = span_of(RUN | {"prompt": prompt}).attributes
    messages = json.loads(str(found[names.GEN_AI_INPUT_MESSAGES]))
    assert messages == [{"role": "user", "parts": [{"type": "text", "content": asked}]}]
    told = json.loads(str(found.get(names.GEN_AI_SYSTEM_INSTRUCTIONS, "null")))
    assert told == (None if system is None else [{"type": "text", "content": system}])


@pytest.mark.parametrize(
    ("written", "nanoseconds"),
    [
        ("2026-01-02T03:04:05.678Z", START_NS),
        ("2026-01-02T03:04:05.678", START_NS),
        ("2026-01-02T05:04:05.678+02:00", START_NS),
        ("2026-01-02T03:04:05.678901Z", START_NS + 901_000),
        ("1970-01-01T00:00:00Z", 0),
    ],
)
def test_times_are_read_exactly(written: str, nanoseconds: int) -> None:
    """A time without an offset is UTC; no precision is lost to floats."""
    assert span_of(RUN | {"start_time": written}).start_ns == nanoseconds


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ("text", "the object must be an object, got str 'text'"),
        ({}, "type must be run, step, tool_call or batch, got NoneType"),
        ({"type": "batch"}, "type must be run, step, tool_call or batch, got str 'batch'"),
        (RUN | {"run_id": ""}, "run_id must be a text of 1 to 1,000 characters, got str ''"),
        (RUN | {"run_id": 7}, "run_id must be a string, got int '7'"),
        (RUN | {"run_id": "x" * 1_001}, "run_id must be a text of 1 to 1,000 characters"),
        (STEP | {"step_id": None}, "step_id must be a text of 1 to 1,000 characters, got NoneType"),
        (TOOL_CALL | {"tool_call_id": []}, "tool_call_id must be a string, got list"),
        (RUN | {"start_time": None}, "start_time must be a time in ISO 8601, got NoneType"),
        (RUN | {"start_time": 1.5}, "start_time must be a string, got float '1.5'"),
        (RUN | {"end_time": "2026-13-01"}, "end_time must be a time in ISO 8601, got str '2026-13-01'"),
        (RUN | {"end_time": "1969-12-31"}, "end_time must be a time after 1970, got str '1969-12-31'"),
        (RUN | {"end_time": "9999-01-01"}, "end_time must be nanoseconds before the year 2262"),
        (RUN | {"status_code": 3}, "status_code must be 0, 1 or 2, got int '3'"),
        (RUN | {"status_code": True}, "status_code must be 0, 1 or 2, got bool 'True'"),
        (RUN | {"status_message": {}}, "status_message must be a string, got dict"),
        (RUN | {"conversational": "yes"}, "conversational must be true or false, got str 'yes'"),
        (RUN | {"metadata": ["a"]}, "metadata must be an object, got list"),
        (STEP | {"completion_tokens": -1}, "completion_tokens must be a whole number of at least 0"),
        (STEP | {"prompt_cached_tokens": "7"}, "prompt_cached_tokens must be a whole number of at least 0"),
        (STEP | {"real_total_cost": float("inf")}, "real_total_cost must be a number of at least 0"),
        (STEP | {"model_used": 4}, "model_used must be a string, got int '4'"),
    ],
)
def test_what_is_wrong_is_named(item: object, reason: str) -> None:
    """The message names the field, what it must be and what it got."""
    with pytest.raises(MalformedBodyError) as caught:
        span_of(item)
    assert str(caught.value).startswith(reason)


def test_what_has_no_meaning_here_is_kept_under_its_own_name() -> None:
    """Newer SDKs send more; none of it can pass for an attribute of ours."""
    item = RUN | {
        "prompt": {"user_prompt": "hi", "full_input": "{…}"},
        "full_output": "[…]",
        "attributes": {"host": "desk", names.TCC_COST: 5, names.TCC_METADATA_PREFIX + "x": "y"},
        "tags": ["a", "b"],
    }
    found = span_of(item).attributes
    kept = {key: value for key, value in found.items() if key not in names.KNOWN_KEYS}
    assert kept == {"full_input": "{…}", "full_output": "[…]", "host": "desk", "tags": ("a", "b")}
    assert names.TCC_COST not in found


def test_large_content_is_cut_and_said_to_be() -> None:
    """One object cannot make a span of any size."""
    found = span_of(RUN | {"prompt": "x" * 3_000_000, "metadata": {"k": "v" * 3_000_000}}).attributes
    assert found[names.TCC_TRUNCATED] == (names.GEN_AI_INPUT_MESSAGES, names.TCC_METADATA_PREFIX + "k")
    assert sum(len(str(value)) for value in found.values()) < 3_000_000


def test_a_model_of_another_host_has_no_provider_of_ours() -> None:
    """The provider is told from the model's name, else it is the value for others."""
    found = span_of(STEP | {"model_requested": "ollama/llama3"}).attributes
    assert found[foreign.PROVIDER[0]] == names.PROVIDER_OTHER


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_FIELDS = st.sampled_from(
    [*RUN, *STEP, *TOOL_CALL, "prompt", "response", "metadata", "attributes", "tool_definitions", "args", "x"]
)


@given(st.sampled_from([RUN, STEP, TOOL_CALL]), st.dictionaries(_FIELDS, _JSON, max_size=4))
def test_wild_objects_are_refused_or_read_but_raise_nothing_else(
    item: dict[str, Any], fields: dict[str, Any]
) -> None:
    """Whatever stands in the fields, the answer is a span that can be sent on, or MalformedBodyError."""
    try:
        span = span_of(item | fields)
    except MalformedBodyError as error:
        str(error).encode()
        return
    for key, value in span.attributes.items():
        key.encode()
        assert isinstance(value, str | bool | int | float | tuple | None)
        str(value).encode()
    assert 0 <= span.start_ns < 2**63
