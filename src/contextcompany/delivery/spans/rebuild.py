"""Rebuild an ended span: the SDK freezes spans before any processor sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.util import BoundedList

from contextcompany.sdk import Event, ReadableSpan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opentelemetry.trace import Link, Status
    from opentelemetry.util.types import AnyValue

T = TypeVar("T")


def rebuilt(
    span: ReadableSpan,
    *,
    add: Mapping[str, AnyValue] | None = None,
    status: Status | None = None,
    events: Sequence[Event] | None = None,
) -> ReadableSpan:
    """Return a copy of an ended span with further attributes, another status or other events.

    The counts of what the SDK dropped are kept. The given span is not touched.
    """
    attributes = BoundedAttributes(attributes={**(span.attributes or {}), **(add or {})}, immutable=True)
    attributes.dropped = span.dropped_attributes
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=attributes,
        events=_bounded(span.events if events is None else events, span.dropped_events),
        links=_links(span),
        kind=span.kind,
        status=status if status is not None else span.status,
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _links(span: ReadableSpan) -> Sequence[Link]:
    return _bounded(span.links, span.dropped_links)


def _bounded(items: Sequence[T], dropped: int) -> Sequence[T]:
    # The SDK reads the count of what it dropped from this class only.
    kept: BoundedList[Any] = BoundedList(max(len(items), 1))
    kept.extend(items)
    kept.dropped = dropped
    return cast("Sequence[T]", kept)
