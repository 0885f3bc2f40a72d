"""Feedback: the user's word on a run, as a short span in the run's trace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from contextcompany.delivery.outbox.entry import Receipt
from contextcompany.delivery.spans.written import Written
from contextcompany.diagnostics import guard
from contextcompany.propagation import ids
from contextcompany.recording.places.placing import place_of
from contextcompany.recording.spans.moments import Clock
from contextcompany.recording.spans.sharing import deliver_copy, redactor_of
from contextcompany.recording.spans.start import start_feedback
from contextcompany.recording.spans.writing import end_span
from contextcompany.semconv import attributes as names
from contextcompany.semconv.values import clean_text
from contextcompany.settings.settings import patience

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from opentelemetry.util.types import AttributeValue

    from contextcompany.runtime.places import Place

DEFAULT_SECONDS: Final = 2.0
MOST_CHARACTERS: Final = 2_000

_SCORES: Final[Mapping[str, float]] = {
    names.SCORE_LABEL_THUMBS_UP: names.SCORE_VALUE_THUMBS_UP,
    names.SCORE_LABEL_THUMBS_DOWN: names.SCORE_VALUE_THUMBS_DOWN,
}

Score = Literal["thumbs_up", "thumbs_down"]


def submit_feedback(
    run_id: str | UUID | None = None,
    score: Score | None = None,
    text: str | None = None,
    api_key: str | None = None,
    tcc_url: str | None = None,
    *,
    carrier: Mapping[str, str] | None = None,
    timeout: float = DEFAULT_SECONDS,
) -> bool:
    """Send the user's word on a run, of this process or another.

    Args:
        run_id: the run, of this process or another; left out where a run is current.
        score: `"thumbs_up"` or `"thumbs_down"`.
        text: up to 2,000 characters; an empty one counts as not given.
        api_key: a key for this feedback alone, else the run's.
        tcc_url: a collector for this feedback alone, else the run's.
        carrier: the W3C trace context of the run in another process (`traceparent`).
        timeout: seconds to wait for the collector's confirmation at most.

    Returns:
        True when a collector confirmed it. False when it is not confirmed yet: it is queued and
        delivered like any span. False too, and nothing is sent, for a run that `sample_rate` left
        out; and for one that `keep_errors` holds back, which takes the feedback along if it fails.
        Never raises for a network reason.

    Raises:
        ValueError: for another score, a longer text, neither of both, a URL that is none, or
            without a run id where no run is current.
        TypeError: for an id that is neither text nor UUID, or a text that is none.
    """
    known_id = ids.id_text("run_id", run_id)
    _check(score, text)
    limit = patience("timeout", timeout)
    place = place_of(known_id, api_key, tcc_url, carrier, function="submit_feedback()")
    return send(place, score, text, limit)


async def submit_feedback_async(
    run_id: str | UUID | None = None,
    score: Score | None = None,
    text: str | None = None,
    api_key: str | None = None,
    tcc_url: str | None = None,
    *,
    carrier: Mapping[str, str] | None = None,
    timeout: float = DEFAULT_SECONDS,  # noqa: ASYNC109  (it is the collector's time, not the caller's)
) -> bool:
    """Send the user's word on a run without blocking the event loop; see `submit_feedback`."""
    import asyncio

    return await asyncio.to_thread(
        submit_feedback, run_id, score, text, api_key, tcc_url, carrier=carrier, timeout=timeout
    )


def send(place: Place, score: str | None, text: str | None, timeout: float) -> bool:
    """Record a feedback at a place and wait so many seconds for its confirmation.

    Raises:
        ValueError: for another score, a longer text, or neither of both.
        TypeError: for a text that is none.
    """
    _check(score, text)
    if place.is_off:
        return False
    receipt = Receipt()
    attributes: dict[str, AttributeValue] = {
        names.GEN_AI_EVALUATION_NAME: names.EVALUATION_NAME_USER_FEEDBACK
    }
    if score is not None:
        attributes[names.GEN_AI_EVALUATION_SCORE_LABEL] = score
        attributes[names.GEN_AI_EVALUATION_SCORE_VALUE] = _SCORES[score]
    if text and place.instance.settings.capture_content:
        key = names.GEN_AI_EVALUATION_EXPLANATION
        attributes[key] = redactor_of(place).text(clean_text(text)[0], key)
    with guard:
        span = start_feedback(place, attributes)
        place.instance.route(span, place.destination, receipt, place.held)
        end_span(span, Clock().end())
        if place.is_shared:
            deliver_copy(place, span, Written(attributes))
        return receipt.wait(timeout)
    return False


def _check(score: object, text: object) -> None:
    if score is not None and not (isinstance(score, str) and score in _SCORES):
        raise ValueError(
            f"score must be 'thumbs_up' or 'thumbs_down': got {score!r}; pass one of them or None"
        )
    if text is not None and not isinstance(text, str):
        raise TypeError(f"text must be text: got {type(text).__name__}; pass str or None")
    if text is not None and len(text) > MOST_CHARACTERS:
        raise ValueError(f"text must have at most 2,000 characters: got {len(text):,}; shorten it")
    if score is None and not text:
        raise ValueError("feedback needs a score or a text: got neither; pass at least one of them")
