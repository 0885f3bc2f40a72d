"""Feedback that comes through the API."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from contextcompany.local.api.errors import ApiError, bad
from contextcompany.local.api.filling import iso
from contextcompany.local.api.models import GivenFeedback, NewFeedback
from contextcompany.local.reading.feedback import feedback_span

if TYPE_CHECKING:
    from contextcompany.local.store.interface import RunStore

_JSON: Final = "application/json"


def new_feedback(content_type: str, body: bytes) -> NewFeedback:
    """Read feedback from the body of a request.

    Raises:
        ApiError: The body is none, or says neither a score nor a text.
    """
    if content_type.partition(";")[0].strip().lower() != _JSON:
        raise bad("Content-Type", f"Content-Type: must be {_JSON}, got {content_type[:100]!r}")
    try:
        given = NewFeedback.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        name = ".".join(str(part) for part in first["loc"])[:100] or "body"
        raise bad(name, f"{name}: {first['msg']}") from None
    if given.score is None and not given.text:
        raise bad("score", "score: must be up or down where there is no text, got neither")
    return given


def give_feedback(store: RunStore, address: str, given: NewFeedback) -> GivenFeedback:
    """Keep feedback on a run.

    Raises:
        ApiError: The run is not here.
    """
    outline = store.outline(address)
    if outline is None:
        raise ApiError(HTTPStatus.NOT_FOUND, f"there is no run {address[:100]!r} here")
    row = outline.row
    now = time.time_ns()
    span = feedback_span(
        row.run_id or row.address, score=given.score, text=given.text, trace_id=row.trace_id, time_ns=now
    )
    store.add([span])
    return GivenFeedback(address=row.address, time=iso(now), score=given.score, text=given.text)
