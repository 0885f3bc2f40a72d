"""Feedback that is given here, as the span that the recording API would have sent."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Final

from contextcompany.local.otlp.spans import SpanRecord
from contextcompany.semconv import attributes

if TYPE_CHECKING:
    from contextcompany.local.otlp.spans import AttributeValue
    from contextcompany.local.reading.reading import Score

MOST_CHARACTERS: Final = 2_000
"""The longest text of feedback, as in the recording API."""

_SCORES: Final = {
    "up": (attributes.SCORE_LABEL_THUMBS_UP, attributes.SCORE_VALUE_THUMBS_UP),
    "down": (attributes.SCORE_LABEL_THUMBS_DOWN, attributes.SCORE_VALUE_THUMBS_DOWN),
}


def feedback_span(
    run_id: str,
    *,
    score: Score | None = None,
    text: str = "",
    trace_id: str | None = None,
    time_ns: int | None = None,
) -> SpanRecord:
    """Make the span of one piece of feedback on a run.

    Args:
        run_id: The `tcc.runId` of the run, or the id of a trace that has none.
        score: A thumb, or None for a text alone.
        text: What was said, at most 2,000 characters.
        trace_id: The trace of the run where it is known, else a new one.
        time_ns: When, in nanoseconds since the epoch; now unless given.

    Raises:
        ValueError: Neither a score nor a text, or a text that is too long.
    """
    if score is None and not text:
        raise ValueError("feedback needs a score, a text or both, got neither")
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"text must have at most {MOST_CHARACTERS:,} characters, got {len(text):,}")
    found: dict[str, AttributeValue] = {
        attributes.TCC_RUN_ID: run_id,
        attributes.GEN_AI_EVALUATION_NAME: attributes.EVALUATION_NAME_USER_FEEDBACK,
    }
    if score is not None:
        label, value = _SCORES[score]
        found[attributes.GEN_AI_EVALUATION_SCORE_LABEL] = label
        found[attributes.GEN_AI_EVALUATION_SCORE_VALUE] = value
    if text:
        found[attributes.GEN_AI_EVALUATION_EXPLANATION] = text
    moment = time.time_ns() if time_ns is None else time_ns
    return SpanRecord(
        trace_id=trace_id or secrets.token_hex(16),
        span_id=secrets.token_hex(8),
        parent_span_id=None,
        name=attributes.FEEDBACK_SPAN_NAME,
        kind="INTERNAL",
        start_ns=moment,
        end_ns=moment,
        attributes=found,
        events=(),
        links=(),
        status_code="UNSET",
        status_message="",
        resource={},
        scope_name="",
        scope_version="",
    )
