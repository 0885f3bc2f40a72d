"""Bodies of the requests of older SDKs to `/v1/custom` and `/v1/feedback`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contextcompany.local.intake.older.objects import id_in, span_of, trace_of
from contextcompany.local.otlp.fields import as_object, items, read_document, refuse, text
from contextcompany.local.otlp.spans import MalformedBodyError
from contextcompany.local.reading.feedback import feedback_span
from contextcompany.semconv import attributes as names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contextcompany.local.otlp.spans import SpanRecord
    from contextcompany.local.reading.reading import Score

_SCORES: Final[Mapping[object, Score]] = {
    names.SCORE_LABEL_THUMBS_UP: "up",
    names.SCORE_LABEL_THUMBS_DOWN: "down",
}


def custom_spans(body: bytes) -> tuple[list[SpanRecord], dict[int, str]]:
    """Read a run, a step, a tool_call, or a batch of them.

    Returns:
        The spans, and by its place in the batch why an item could not be taken.

    Raises:
        MalformedBodyError: The body is none of them, or the only object in it could not be taken.
    """
    document = as_object(read_document(body), "the body")
    if document.get("type") != "batch":
        return [span_of(document)], {}
    spans: list[SpanRecord] = []
    refused: dict[int, str] = {}
    for place, item in enumerate(items(document, "items")):
        try:
            spans.append(span_of(item))
        except MalformedBodyError as error:
            refused[place] = str(error)
    return spans, refused


def feedback_in(body: bytes) -> SpanRecord:
    """Read feedback: `runId` with a `score`, `thumbs_up` or `thumbs_down`, a `text`, or both.

    Raises:
        MalformedBodyError: The body is no feedback; the message names the field.
    """
    document = as_object(read_document(body), "the body")
    run_id = id_in(document, "runId")
    given = document.get("score")
    score = _SCORES.get(given) if isinstance(given, str) else None
    if given is not None and score is None:
        refuse("score", " or ".join(map(str, _SCORES)), given)
    try:
        return feedback_span(run_id, score=score, text=text(document, "text"), trace_id=trace_of(run_id))
    except ValueError as error:
        raise MalformedBodyError(str(error)) from error
