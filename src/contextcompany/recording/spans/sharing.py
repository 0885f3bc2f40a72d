"""Redaction of spans that the application's provider makes: in the caller's thread, before writing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contextcompany.delivery.spans.redacting import Redactor
from contextcompany.sdk import ReadableSpan

if TYPE_CHECKING:
    from opentelemetry.trace import Span

    from contextcompany.delivery.spans.written import Written
    from contextcompany.runtime.places import Place

_IDLE: Final = Redactor(None, "errors")


def redactor_of(place: Place) -> Redactor:
    """Return what the texts of a span pass before they are written onto it.

    On our own provider that is nothing: there they pass in the background, on their way out.
    """
    return place.instance.redactor if place.is_shared else _IDLE


def deliver_copy(place: Place, span: Span, written: Written) -> None:
    """Bring a copy of an ended span of the application's provider to our destination, if there is one.

    What others wrote onto the span, past the handle, passes the redaction here; what the handle
    wrote has passed and does not pass again.
    """
    redactor = redactor_of(place)
    copied: Span | ReadableSpan = span
    has_destination = place.destination is not None or place.instance.settings.has_destination
    if has_destination and not redactor.is_idle and isinstance(span, ReadableSpan):
        # An ended span is read from here on, and never written.
        copied = redactor.rest(span, written)
    place.instance.deliver_copy(copied, place.destination)
