"""Rebuild an ended span: the SDK freezes spans before any processor sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.util import BoundedList

from contextcompany.sdk import Event, ReadableSpan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opentelemetry.trace import Link, SpanContext, Status
    from opentelemetry.util.types import AnyValue

    from contextcompany.sdk import Resource

T = TypeVar("T")


class RedactedSpan(ReadableSpan):
    """A copy whose texts passed the redaction in force; copies of it are such copies again."""


def rebuilt(
    span: ReadableSpan,
    *,
    add: Mapping[str, AnyValue] | None = None,
    status: Status | None = None,
    events: Sequence[Event] | None = None,
    attributes: Mapping[str, AnyValue] | None = None,
    links: Sequence[Link] | None = None,
    name: str | None = None,
    place: tuple[SpanContext, SpanContext | None, Resource] | None = None,
    redacted: bool = False,
) -> ReadableSpan:
    """Return a copy of an ended span with what is given in the place of what it has.

    The counts of what the SDK dropped are kept. The given span is not touched.

    Args:
        span: the span to copy.
        add: attributes to set beside those it has.
        status: another status.
        events: other events.
        attributes: attributes instead of those it has.
        links: other links.
        name: another name.
        place: another context, parent and resource.
        redacted: whether the copy is marked as one whose texts passed the redaction.
    """
    kept = span.attributes if attributes is None else attributes
    bounded = BoundedAttributes(attributes={**(kept or {}), **(add or {})}, immutable=True)
    bounded.dropped = span.dropped_attributes
    context, parent, resource = (span.context, span.parent, span.resource) if place is None else place
    kind = RedactedSpan if redacted or isinstance(span, RedactedSpan) else ReadableSpan
    return kind(
        name=span.name if name is None else name,
        context=context,
        parent=parent,
        resource=resource,
        attributes=bounded,
        events=_bounded(span.events if events is None else events, span.dropped_events),
        links=_bounded(span.links if links is None else links, span.dropped_links),
        kind=span.kind,
        status=status if status is not None else span.status,
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _bounded(items: Sequence[T], dropped: int) -> Sequence[T]:
    # The SDK reads the count of what it dropped from this class only.
    kept: BoundedList[Any] = BoundedList(max(len(items), 1))
    kept.extend(items)
    kept.dropped = dropped
    return cast("Sequence[T]", kept)
