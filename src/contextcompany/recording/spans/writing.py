"""End a span with what its handle was given, on our own provider or on that of the application."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from opentelemetry.trace import StatusCode

from contextcompany.delivery.spans.own import OwnSpan
from contextcompany.delivery.spans.written import Written
from contextcompany.diagnostics import guard, warn_once
from contextcompany.recording.spans.content import Content
from contextcompany.recording.spans.failures import exception_attributes
from contextcompany.recording.spans.sharing import deliver_copy, redactor_of
from contextcompany.semconv import attributes as names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.trace import Span
    from opentelemetry.util.types import AnyValue

    from contextcompany.recording.spans.failures import Failure
    from contextcompany.recording.spans.recording import Recording


def finish(
    recording: Recording, failure: Failure | None, violations: list[str] | None, end_time: int
) -> None:
    """End the span of a recording with all that it holds.

    Args:
        recording: what nothing else touches any more.
        failure: why it failed, or None.
        violations: the rules that it broke.
        end_time: nanoseconds since the epoch.
    """
    span = recording.span
    if type(span) is not OwnSpan:
        _finish_shared(recording, failure, violations, end_time)
        return
    if span.ended is not None:
        return  # by other means, through `handle.span`
    try:
        content = Content(recording, failure, violations)
        if failure is not None:
            span.set_status(StatusCode.ERROR, content.message)
            event = _exception_of(recording, failure)
            if event:
                span.add_event(names.EXCEPTION_EVENT_NAME, event)
        span.finish(content, end_time)
    except Exception as error:  # noqa: BLE001  (as in a block of the guard)
        guard.caught(error)
        end_span(span, end_time)  # with what it started with, which is found wanting


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


def _finish_shared(
    recording: Recording, failure: Failure | None, violations: list[str] | None, end_time: int
) -> None:
    written = Written()
    try:
        with guard:
            written = _write(recording, failure, violations)
    finally:
        # A redact hook may have been interrupted from the keyboard.
        end_span(recording.span, end_time)
    with guard:
        deliver_copy(recording.place, recording.span, written)


def _write(recording: Recording, failure: Failure | None, violations: list[str] | None) -> Written:
    """Write everything onto the span of a recording and return what passed the redaction on the way."""
    span, place = recording.span, recording.place
    if not span.is_recording():
        return Written()
    content = Content(recording, failure, violations)
    redactor = redactor_of(place)
    pairs = redactor.attributes(content.attributes({}))
    span.set_attributes(pairs)
    span.update_name(content.name())
    if failure is None:
        return Written(pairs)
    # The message as it passed, where one may be said.
    described = cast("str | None", pairs.get(names.TCC_STATUS_MESSAGE))
    span.set_status(StatusCode.ERROR, described)
    event = redactor.attributes(_exception_of(recording, failure))
    if event:
        span.add_event(names.EXCEPTION_EVENT_NAME, event)
    return Written(pairs, described, event)


def _exception_of(recording: Recording, failure: Failure) -> Mapping[str, AnyValue]:
    """Return the attributes of the event of a failure, none where its exception is recorded already."""
    if failure.exception is None or not recording.place.is_first_to_see(failure.exception):
        return {}
    return exception_attributes(failure.exception, content=recording.content)
