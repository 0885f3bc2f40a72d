"""Bodies of older SDKs are read object by object."""

from __future__ import annotations

import json
from typing import Any

import pytest

from contextcompany.local.intake.older.bodies import custom_spans, feedback_in
from contextcompany.local.intake.older.objects import span_of, trace_of
from contextcompany.local.otlp.spans import MalformedBodyError
from contextcompany.semconv import attributes as names

RUN: dict[str, Any] = {
    "type": "run",
    "run_id": "r-1",
    "start_time": "2026-01-02T03:04:05.678Z",
    "end_time": "2026-01-02T03:04:06.789Z",
    "prompt": "hi",
}
STEP = RUN | {"type": "step", "step_id": "s-1", "response": "ho"}


def _body(document: object) -> bytes:
    return json.dumps(document).encode()


def test_one_object_is_one_span() -> None:
    """The SDK in Python sends each object by itself."""
    assert custom_spans(_body(RUN)) == ([span_of(RUN)], {})


def test_a_batch_is_its_items_in_order() -> None:
    """The SDK in TypeScript sends a run with its steps and tool calls together."""
    batch = {"type": "batch", "items": [RUN, STEP]}
    assert custom_spans(_body(batch)) == ([span_of(RUN), span_of(STEP)], {})
    assert custom_spans(_body({"type": "batch"})) == ([], {})


def test_items_that_are_none_are_named_by_their_place() -> None:
    """The others are read; a batch in a batch is no item."""
    batch = {"type": "batch", "items": [None, RUN, {"type": "batch", "items": []}]}
    spans, refused = custom_spans(_body(batch))
    assert spans == [span_of(RUN)]
    assert refused == {
        0: "the object must be an object, got NoneType",
        2: "type must be run, step, tool_call or batch, got str 'batch'",
    }


def test_feedback_is_a_span_in_the_trace_of_its_run() -> None:
    """A thumb, a text or both."""
    thumb = feedback_in(_body({"runId": "r-1", "score": "thumbs_up"}))
    text = feedback_in(_body({"runId": "r-1", "text": "good"}))
    assert thumb.trace_id == text.trace_id == trace_of("r-1")
    assert thumb.span_id != text.span_id
    assert thumb.attributes[names.GEN_AI_EVALUATION_SCORE_VALUE] == names.SCORE_VALUE_THUMBS_UP
    assert text.attributes[names.GEN_AI_EVALUATION_EXPLANATION] == "good"


@pytest.mark.parametrize("score", [1, True, [], "up", "THUMBS_UP", ""])
def test_other_scores_are_refused(score: object) -> None:
    """A thumb is one of two words."""
    with pytest.raises(MalformedBodyError, match="score must be thumbs_up or thumbs_down"):
        feedback_in(_body({"runId": "r-1", "score": score}))
