"""Feedback that is given here is the span that the recording API sends."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

import contextcompany as tcc
from contextcompany.local.embedded.collector import Collector
from contextcompany.local.reading.feedback import MOST_CHARACTERS, feedback_span
from contextcompany.local.reading.read import read


def test_it_is_the_span_that_the_recording_api_sends() -> None:
    """Name, kind, attributes and status are the same, for a thumb, a text and both."""
    with Collector() as collector:
        tcc.configure(tcc_url=collector.url)
        assert tcc.submit_feedback("r-1", score="thumbs_up")
        assert tcc.submit_feedback("r-1", score="thumbs_down", text="wrong city")
        assert tcc.submit_feedback("r-1", text="hm")
        assert tcc.flush().delivered == 3
        recorded = collector.store.spans()
    made = (
        feedback_span("r-1", score="up"),
        feedback_span("r-1", score="down", text="wrong city"),
        feedback_span("r-1", text="hm"),
    )
    for ours, theirs in zip(made, recorded, strict=True):
        assert ours == replace(
            theirs,
            trace_id=ours.trace_id,
            span_id=ours.span_id,
            parent_span_id=None,
            start_ns=ours.start_ns,
            end_ns=ours.end_ns,
            links=(),
            resource={},
            scope_name="",
            scope_version="",
        )


def test_it_is_read_back_as_what_was_given() -> None:
    """What a page shows of it is what the person said."""
    found = read(feedback_span("r-1", score="down", text="wrong city"))
    assert (found.kind, found.run_id) == ("feedback", "r-1")
    assert (found.score, found.feedback_text) == ("down", "wrong city")


def test_it_is_in_the_trace_of_its_run_where_that_is_known() -> None:
    """Without one it has a trace of its own; its ids are new each time."""
    trace = "5b8efff798038103d269b633813fc60c"
    assert feedback_span("r-1", score="up", trace_id=trace).trace_id == trace
    first, second = feedback_span("r-1", score="up"), feedback_span("r-1", score="up")
    assert first.trace_id != second.trace_id
    assert first.span_id != second.span_id


def test_it_is_given_now_unless_told_otherwise() -> None:
    """A moment, not a duration."""
    before = time.time_ns()
    given = feedback_span("r-1", score="up")
    assert before <= given.start_ns == given.end_ns <= time.time_ns()
    told = feedback_span("r-1", score="up", time_ns=5)
    assert (told.start_ns, told.end_ns) == (5, 5)


def test_it_needs_something_to_say_and_not_too_much() -> None:
    """The bounds are those of the recording API."""
    with pytest.raises(ValueError, match="feedback needs a score, a text or both, got neither"):
        feedback_span("r-1")
    feedback_span("r-1", text="x" * MOST_CHARACTERS)
    with pytest.raises(ValueError, match="text must have at most 2,000 characters, got 2,001"):
        feedback_span("r-1", text="x" * (MOST_CHARACTERS + 1))
