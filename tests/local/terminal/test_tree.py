"""Runs as trees on a terminal."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from contextcompany.local.otlp.spans import EventRecord
from contextcompany.local.terminal.tree import as_text, render, runs
from contextcompany.semconv import attributes
from tests.local import foreign_spans
from tests.local.agent_spans import feedback, run, said, step, tool
from tests.local.samples import span

if TYPE_CHECKING:
    from contextcompany.local.otlp.spans import AttributeValue, SpanRecord


def _drawn(*spans: SpanRecord, width: int = 100) -> str:
    return as_text(runs(spans), width)


def _conversation() -> list[SpanRecord]:
    who: dict[str, AttributeValue] = {
        attributes.TCC_SESSION_ID: "s-1",
        attributes.TCC_AGENT: "shop-support",
        attributes.TCC_USER_ID: "u-7",
        attributes.TCC_USER_NAME: "Ada",
        attributes.TCC_ORG_ID: "o-1",
        attributes.TCC_METADATA_PREFIX + "channel": "chat",
        attributes.TCC_METADATA_PREFIX + "tries": 2,
    }
    broken = "no such column: delivery_date"
    first = run(
        "r-1",
        {
            **who,
            attributes.GEN_AI_INPUT_MESSAGES: said("user", "Where is my order 1042?"),
            attributes.GEN_AI_OUTPUT_MESSAGES: said("assistant", "It is on its way. " * 8),
        },
        ms=412,
    )
    ask = step(
        "r-1",
        {
            attributes.GEN_AI_RESPONSE_MODEL: "gpt-5-2025-08-07",
            attributes.GEN_AI_OUTPUT_MESSAGES: said(
                "assistant",
                {
                    "type": "tool_call",
                    "name": "query",
                    "arguments": {"sql": "SELECT delivery_date FROM orders"},
                },
            ),
        },
        tokens=(1_240, 512, 86),
        cost=0.00123,
        parent=first,
        start_ms=1,
        ms=35,
    )
    failed = tool(
        "r-1",
        {
            attributes.GEN_AI_TOOL_CALL_ARGUMENTS: '{"sql":"SELECT delivery_date FROM orders"}',
            attributes.ERROR_TYPE: "sqlite3.OperationalError",
        },
        name="query",
        parent=ask,
        start_ms=40,
        ms=1.2,
        status=("ERROR", broken),
        events=(
            EventRecord(
                attributes.EXCEPTION_EVENT_NAME,
                0,
                {
                    attributes.EXCEPTION_TYPE: "sqlite3.OperationalError",
                    attributes.EXCEPTION_MESSAGE: broken,
                },
            ),
        ),
    )
    worked = tool(
        "r-1",
        {
            attributes.GEN_AI_TOOL_CALL_ARGUMENTS: '{"sql":"SELECT * FROM orders"}',
            attributes.GEN_AI_TOOL_CALL_RESULT: json.dumps({"value": [{"id": 1042, "state": "shipped"}] * 9}),
        },
        name="query",
        parent=first,
        start_ms=50,
    )
    refused = step(
        "r-1",
        {attributes.ERROR_TYPE: "openai.InternalServerError"},
        parent=first,
        start_ms=60,
        ms=1,
        status=("ERROR", "Error code: 500"),
    )
    word = feedback("r-1", text="Very helpful!", parent=first, start_ms=600)
    second = run(
        "r-2",
        {
            attributes.TCC_SESSION_ID: "s-1",
            attributes.TCC_STATUS_CODE: attributes.STATUS_CODE_PARTIAL,
            attributes.TCC_STATUS_MESSAGE: "half of it",
            attributes.TCC_TRUNCATED: ("gen_ai.input.messages",),
        },
        start_ms=1_000,
        ms=3_000,
    )
    return [first, ask, failed, worked, refused, word, second]


def test_a_conversation_is_drawn_whole() -> None:
    """Names, states, durations, models, tokens, costs, arguments, results, errors and feedback are there."""
    assert _drawn(*_conversation()) == (
        """\
session  s-1  2 runs  4.0 s  $0.00123

run  shop-support  ok  412 ms  1,240 in (512 cached), 86 out  $0.00123
id        r-1
who       user Ada (u-7) · org o-1
metadata  channel=chat · tries=2
models    gpt-5-2025-08-07
prompt    Where is my order 1042?
├── step  gpt-5 (gpt-5-2025-08-07)  ok  35 ms  1,240 in (512 cached), 86 out  $0.00123
│   says  query(sql="SELECT delivery_date FROM orders")
│   └── tool  query  failed  1.2 ms
│       args   {"sql": "SELECT delivery_date FROM orders"}
│       error  sqlite3.OperationalError: no such column: delivery_date
├── tool  query  ok  10 ms
│   args    {"sql": "SELECT * FROM orders"}
│   result  [{"id": 1042, "state": "shipped"}, {"id": 1042, "state": "shipped"}, {"id": 1042, "stat…
├── step  gpt-5  failed  1.0 ms
│   error  openai.InternalServerError: Error code: 500
├── answer  It is on its way. It is on its way. It is on its way. It is on its way. It is on its
│           way. It is on its way. It is on its way. It is on its way.
└── feedback  thumbs_up  “Very helpful!”

run  r-2  partial  3.0 s
status  half of it
cut     gen_ai.input.messages
"""
    )


def test_runs_without_a_session_stand_alone_and_name_no_session() -> None:
    """A heading is drawn for conversations only; a single run of a session names it itself."""
    single = run("r-3", {attributes.TCC_SESSION_ID: "s-9"}, start_ms=5)
    assert _drawn(run("r-1"), run("r-2", start_ms=1), single) == (
        "run  r-1  ok  10 ms\n\nrun  r-2  ok  10 ms\n\nrun  r-3  ok  10 ms\nwho  session s-9\n"
    )


def test_what_is_missing_is_said() -> None:
    """A run without its span and a span without its parent say so."""
    top = run("r-1")
    orphan = tool("r-1", trace_id=top.trace_id, parent_span_id="lost", start_ms=1)
    alone = step("r-2", start_ms=50)
    assert _drawn(top, orphan, alone) == (
        """\
run  r-1  ok  10 ms
└── tool  search  ok  10 ms
    note  the span above this one has not arrived

run  r-2  ?  10 ms
models  gpt-5
note    the span of this run has not arrived
└── step  gpt-5  ok  10 ms
"""
    )


def test_spans_without_a_run_are_drawn_by_their_names() -> None:
    """A trace of an application is a tree like any other."""
    root = span("GET /orders")
    query = span("SELECT", parent=root, start_ms=1, ms=125_000, status=("ERROR", "locked"))
    assert _drawn(root, query) == (
        "span  GET /orders  ok  10 ms\n└── span  SELECT  failed  2 min 05 s\n    error  locked\n"
    )


def test_spans_of_others_are_drawn_in_the_same_words() -> None:
    """A run, steps, tool calls and errors, whichever library recorded them."""
    top = span("support.workflow", foreign_spans.OPENLLMETRY_WORKFLOW, ms=900)
    chat = span("openai.chat", foreign_spans.OPENLLMETRY_CHAT, parent=top, start_ms=1, ms=400)
    call = span("find.tool", foreign_spans.OPENLLMETRY_TOOL, parent=top, start_ms=500)
    ask = span("ChatCompletion", foreign_spans.OPENINFERENCE_LLM, parent=top, start_ms=600)
    broken = EventRecord(
        attributes.EXCEPTION_EVENT_NAME,
        0,
        {attributes.EXCEPTION_TYPE: "openai.APIError", attributes.EXCEPTION_MESSAGE: "overloaded"},
    )
    failed = span(
        "openai.chat",
        {"llm.request.type": "chat", "gen_ai.request.model": "gpt-4o"},
        parent=top,
        start_ms=700,
        status=("ERROR", "APIError: overloaded"),
        events=(broken,),
    )
    assert _drawn(top, chat, call, ask, failed) == (
        """\
run  support  ok  900 ms  2,000 in (400 cached), 200 out  $0.00692
who       user u-7 · session s-1
metadata  tier=gold
models    gpt-4o-2024-08-06, claude-sonnet-4-20250514
prompt    Where is order 1042?
├── step  gpt-4o (gpt-4o-2024-08-06)  ok  400 ms  1,000 in, 100 out  $0.0035
│   says  find(id=1042)
├── tool  find  ok  10 ms
│   args    {"id": 1042}
│   result  {"state": "shipped"}
├── step  claude-sonnet-4-0 (claude-sonnet-4-20250514)  ok  10 ms  1,000 in (400 cached), 100 out
│   $0.00342
│   says  A cat.
├── step  gpt-4o  failed  10 ms
│   error  openai.APIError: overloaded
└── answer  It is on its way.
"""
    )


def test_a_broken_rule_and_a_further_exception_are_shown() -> None:
    """What our rules found, and exceptions that the status does not repeat, stand below the span."""
    events = (
        EventRecord(
            attributes.EXCEPTION_EVENT_NAME,
            0,
            {attributes.EXCEPTION_TYPE: "KeyError", attributes.EXCEPTION_MESSAGE: "'city'"},
        ),
        EventRecord("other", 0, {}),
    )
    broken = run(
        "r-1",
        {attributes.ERROR_TYPE: attributes.ERROR_TYPE_INCOMPLETE, attributes.TCC_VIOLATIONS: ("run.prompt",)},
        status=("ERROR", "the run has no prompt"),
        events=events,
    )
    assert _drawn(broken) == (
        "run  r-1  failed  10 ms\n"
        "error   tcc.incomplete: the run has no prompt\n"
        "error   KeyError: 'city'\n"
        "broken  run.prompt\n"
    )


def test_steps_without_a_price_are_counted_beside_the_cost() -> None:
    """A sum that lacks a part says so."""
    top = run("r-1")
    drawn = _drawn(
        top,
        step("r-1", parent=top, tokens=(10, 0, 1), cost=0.5, start_ms=1),
        step("r-1", parent=top, model="house-model", tokens=(10, 0, 1), start_ms=2),
    )
    assert drawn.splitlines()[0] == (
        "run  r-1  ok  10 ms  20 in, 2 out  $0.5000  (1 of 2 steps without a price)"
    )


def test_thumbs_down_and_text_alone_are_feedback() -> None:
    """Both parts of feedback are optional."""
    top = run("r-1")
    drawn = _drawn(
        top,
        feedback("r-1", attributes.SCORE_LABEL_THUMBS_DOWN, parent=top, start_ms=1),
        feedback("r-1", None, "too slow", parent=top, start_ms=2),
    )
    assert drawn.splitlines()[1:] == ["├── feedback  thumbs_down", "└── feedback  “too slow”"]


HOSTILE = "\x1b]0;owned\x07[bold red]x[/] \x9b2J \u202e \r\n"


def test_recorded_text_reaches_neither_the_terminal_nor_the_markup() -> None:
    """Wherever hostile text was recorded, it comes out as visible characters."""
    everywhere = dict.fromkeys(
        (
            attributes.TCC_AGENT,
            attributes.TCC_SESSION_ID,
            attributes.TCC_USER_NAME,
            attributes.TCC_ORG_NAME,
            attributes.ERROR_TYPE,
            attributes.TCC_STATUS_MESSAGE,
            attributes.TCC_METADATA_PREFIX + HOSTILE,
            attributes.GEN_AI_REQUEST_MODEL,
            attributes.GEN_AI_RESPONSE_MODEL,
            attributes.GEN_AI_TOOL_NAME,
            attributes.GEN_AI_TOOL_CALL_ARGUMENTS,
            attributes.GEN_AI_TOOL_CALL_RESULT,
            attributes.GEN_AI_EVALUATION_SCORE_LABEL,
            attributes.GEN_AI_EVALUATION_EXPLANATION,
        ),
        HOSTILE,
    )
    everywhere[attributes.GEN_AI_INPUT_MESSAGES] = said("user", HOSTILE)
    everywhere[attributes.GEN_AI_OUTPUT_MESSAGES] = said("assistant", HOSTILE)
    events = (EventRecord(attributes.EXCEPTION_EVENT_NAME, 0, {attributes.EXCEPTION_MESSAGE: HOSTILE}),)
    top = run(HOSTILE, everywhere, status=("ERROR", HOSTILE), events=events)
    spans = [
        top,
        run("r-2", everywhere, start_ms=1),
        step(HOSTILE, everywhere, parent=top),
        tool(HOSTILE, everywhere, parent=top),
        feedback(HOSTILE, HOSTILE, HOSTILE, parent=top),
        span(HOSTILE, parent=top),
        step("lost " + HOSTILE),
    ]
    plain = as_text(runs(spans), width=200)
    assert "\\x1b]0;owned\\x07[bold red]x[/]" in plain
    coloured = io.StringIO()
    Console(file=coloured, width=200, color_system=None, force_terminal=True).print(render(runs(spans)))
    for text in (plain, coloured.getvalue()):
        assert not set(text) & set("\x1b\x07\x9b\u202e\r")


@pytest.mark.parametrize("width", [40, 80, 100, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    """Long values are cut or wrapped, and no line carries spaces at its end."""
    lines = _drawn(*_conversation(), width=width).splitlines()
    assert all(len(line) <= width and line == line.rstrip() for line in lines)


def test_colours_are_drawn_where_a_terminal_takes_them() -> None:
    """The text is the same with and without colours."""
    coloured = io.StringIO()
    console = Console(file=coloured, width=100, color_system="standard", force_terminal=True, no_color=False)
    console.print(render(runs(_conversation())))
    assert "\x1b[" in coloured.getvalue()
    stripped = Console(file=io.StringIO(), width=100, color_system=None, force_terminal=False)
    with stripped.capture() as capture:
        stripped.print(render(runs(_conversation())))
    assert capture.get() == _drawn(*_conversation())


def test_nothing_recorded_is_nothing_drawn() -> None:
    """An empty collector draws an empty text."""
    assert as_text([]) == ""


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.binary(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3).map(tuple) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
_KEYS = st.sampled_from(
    sorted(value for key, value in vars(attributes).items() if key.isupper() and isinstance(value, str))
)


@settings(max_examples=60)
@given(st.lists(st.dictionaries(_KEYS, _VALUES, max_size=8), max_size=4))
def test_wild_attributes_raise_nothing(recorded: list[dict[str, AttributeValue]]) -> None:
    """Whatever stands in the attributes, the tree is drawn."""
    spans = [make(more=wild) for wild in recorded for make in (run, step, tool)] + [feedback(text="x")]
    drawn = as_text(runs(spans))
    assert "\x1b" not in drawn
