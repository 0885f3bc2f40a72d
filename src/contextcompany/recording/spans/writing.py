"""Write what a recording holds onto its span, and end the span."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from opentelemetry.trace import StatusCode

from contextcompany.delivery.spans.written import Written
from contextcompany.diagnostics import warn_once
from contextcompany.recording.places.identity import run_identity
from contextcompany.recording.spans.failures import exception_attributes
from contextcompany.recording.spans.mapping import ATTRIBUTES_OF, SpanAttributes, span_name
from contextcompany.recording.spans.sharing import redactor_of
from contextcompany.semconv import attributes as names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.trace import Span
    from opentelemetry.util.types import AnyValue

    from contextcompany.recording.spans.failures import Failure
    from contextcompany.recording.spans.recording import Recording

_CROWD: Final = 500


def write(recording: Recording, failure: Failure | None, violations: list[str] | None) -> Written:
    """Write everything onto the span of a recording and return what passed the redaction on the way.

    Args:
        recording: what nothing else touches any more.
        failure: why it failed, or None.
        violations: the rules that it broke.
    """
    span, place, fields = recording.span, recording.place, recording.fields
    if not span.is_recording():
        return Written()
    collected = SpanAttributes()
    ATTRIBUTES_OF[recording.kind](fields, collected, content=recording.content)
    collected.free({names.TCC_METADATA_PREFIX + key: value for key, value in recording.metadata.items()})
    collected.free(recording.extra)
    # Where an attribute limit may evict the oldest, who the span belongs to is said again, last.
    crowded = place.is_shared or len(recording.metadata) + len(recording.extra) > _CROWD
    last = dict(recording.identity) if crowded else {}
    if recording.kind == "run":
        last.update(run_identity(place.identity))
    code = fields.get("status_code", names.STATUS_CODE_SUCCESS)
    message = fields.get("status_message", "")
    if failure is not None:
        code, message = names.STATUS_CODE_ERROR, failure.message or message
        last[names.ERROR_TYPE] = failure.error_type
    last[names.TCC_STATUS_CODE] = code
    # The texts of our own making hold no content; those of the caller may.
    speaks = recording.content or (failure is not None and failure.is_ours)
    if message and speaks:
        last[names.TCC_STATUS_MESSAGE] = message
    if violations:
        last[names.TCC_VIOLATIONS] = violations
    redactor = redactor_of(place)
    pairs = redactor.attributes({**collected.finished(), **last})
    span.set_attributes(pairs)
    span.update_name(span_name(recording.kind, fields, place.identity.get(names.TCC_AGENT)))
    if failure is None:
        return Written(pairs)
    # The message as it passed, where one may be said.
    described = cast("str | None", pairs.get(names.TCC_STATUS_MESSAGE))
    span.set_status(StatusCode.ERROR, described)
    event: Mapping[str, AnyValue] = {}
    if failure.exception is not None and place.is_first_to_see(failure.exception):
        event = redactor.attributes(exception_attributes(failure.exception, content=recording.content))
        span.add_event(names.EXCEPTION_EVENT_NAME, event)
    return Written(pairs, described, event)


def end_span(span: Span, end_time: int) -> None:
    """End a span; an error of another library's span processor stays away from the application.

    One that was ended by other means, through `handle.span`, is left alone.
    """
    try:
        if span.is_recording():
            span.end(end_time)
    except Exception as error:  # noqa: BLE001  (a neighbour may raise anything)
        warn_once(
            ("neighbour", type(error)),
            "a span processor of the application raised %s when a span ended",
            type(error).__name__,
        )
