"""Everything that is known of one span."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from contextcompany.local.dashboard.run.span_view import SpanView, span_text, span_view
from contextcompany.local.otlp.spans import EventRecord, LinkRecord, SpanRecord
from contextcompany.local.reading.messages import conversation
from contextcompany.semconv import attributes, foreign
from tests.local.agent_spans import run, said, step, tool
from tests.local.samples import RECORD, START_NS


def _view(span: SpanRecord) -> SpanView:
    return span_view("key", span, conversation(span))


def test_a_step_says_what_it_used_and_asked_for() -> None:
    """Model, provider, tokens, cost and its source, time to the first chunk, parameters of the request."""
    view = _view(
        step(
            more={
                attributes.GEN_AI_RESPONSE_MODEL: "gpt-5-2025",
                attributes.GEN_AI_PROVIDER_NAME: "openai",
                attributes.GEN_AI_USAGE_REASONING_OUTPUT_TOKENS: 64,
                attributes.TCC_COST_SOURCE: "reported",
                attributes.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK: 0.25,
                attributes.GEN_AI_RESPONSE_FINISH_REASONS: ("stop", "length"),
                attributes.GEN_AI_REQUEST_MODEL.replace("model", "temperature"): 0.5,
                foreign.PARAMETERS: '{"top_p": 0.9, "model": "gpt-5", "temperature": 1}',
            },
            tokens=(1_000, 400, 100),
            cost=0.0125,
            ms=1_500,
        )
    )
    assert view.facts == (
        ("Duration", "1.5 s"),
        ("Model", "gpt-5-2025"),
        ("Asked for", "gpt-5"),
        ("Provider", "openai"),
        ("Tokens in", "1,000"),
        ("From cache", "400"),
        ("Tokens out", "100"),
        ("Reasoning", "64"),
        ("Cost", "$0.0125 (reported)"),
        ("First chunk after", "250 ms"),
        ("Stopped for", "stop, length"),
    )
    assert view.parameters == (("temperature", "0.5"), ("top_p", "0.9"))


def test_an_exception_comes_with_its_stack_trace_and_is_told_once() -> None:
    """The status repeats what the exception says; a stack trace can be had whole."""
    event = EventRecord(
        attributes.EXCEPTION_EVENT_NAME,
        START_NS,
        {
            attributes.EXCEPTION_TYPE: "ValueError",
            attributes.EXCEPTION_MESSAGE: "no",
            attributes.EXCEPTION_STACKTRACE: "Traceback <here>\n" * 5_000,
        },
    )
    span = tool(more={attributes.ERROR_TYPE: "ValueError"}, status=("ERROR", "no"), events=(event,))
    (error,) = _view(span).errors
    assert (error.kind, error.message) == ("ValueError", "no")
    assert error.stack is not None
    assert "Traceback &lt;here&gt;" in error.stack.head
    assert error.stack.left_out > 0
    assert span_text(span, error.source) == "Traceback <here>\n" * 5_000


def test_an_error_without_an_exception_is_told() -> None:
    """A failed status is enough."""
    (error,) = _view(tool(status=("ERROR", "it broke"))).errors
    assert error.message == "it broke"
    assert error.stack is None


def test_what_was_left_out_where_it_was_recorded_is_said() -> None:
    """Broken rules, cut attributes, content that was switched off and resumed runs each have their note."""
    view = _view(
        run(
            more={
                attributes.TCC_VIOLATIONS: (attributes.VIOLATION_RUN_PROMPT,),
                attributes.TCC_TRUNCATED: (attributes.GEN_AI_INPUT_MESSAGES,),
                attributes.TCC_CONTENT_CAPTURED: False,
                attributes.TCC_RESUMED: True,
            }
        )
    )
    assert [note for note, _ in view.notes] == [
        f"Ended without: {attributes.VIOLATION_RUN_PROMPT}",
        f"Cut: {attributes.GEN_AI_INPUT_MESSAGES}",
        "Content was not captured",
        "Resumed",
    ]


def test_events_links_and_ids_are_shown() -> None:
    """What OpenTelemetry knows beside attributes is there too."""
    events = (EventRecord("retry", START_NS + 5_000_000, {"attempt": 2}),)
    links = (LinkRecord("a" * 32, "b" * 16, {"why": "resumed"}),)
    view = _view(replace(RECORD, events=events, links=links))
    assert [(event.name, event.after) for event in view.events] == [("retry", "5.0 ms")]
    assert [(link.trace_id, link.span_id) for link in view.links] == [("a" * 32, "b" * 16)]
    assert [row.key for row in view.resource.rows] == ["service.name"]


def test_texts_are_had_whole_by_their_source() -> None:
    """Attributes and messages, and nothing for what names neither."""
    span = run(more={attributes.GEN_AI_INPUT_MESSAGES: said("user", "Hi"), "own": "value"})
    assert span_text(span, "attribute.own") == "value"
    assert span_text(span, "asked.0.0") == "Hi"
    for source in ("attribute.none", "stack.0", "stack.x", "stack.-1", "stack." + "9" * 6_000, ""):
        assert span_text(span, source) is None


_keys = st.sampled_from(sorted(attributes.KNOWN_KEYS | {foreign.PARAMETERS})) | st.text(max_size=10)
_values = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | st.binary(max_size=9)
)


@given(st.dictionaries(_keys, _values | st.lists(_values, max_size=3).map(tuple), max_size=12))
def test_no_attributes_break_the_view(found: dict[str, object]) -> None:
    """Values of the wrong type under known keys are shown or left out."""
    _view(replace(RECORD, attributes=found))  # type: ignore[arg-type]
