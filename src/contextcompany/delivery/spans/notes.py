"""What others write onto a span of our own, past its handle; most spans have none of it."""

from __future__ import annotations

import logging
from abc import ABC
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.util import BoundedList
from opentelemetry.trace import Link, SpanContext, Status, StatusCode

from contextcompany.sdk import Event, Span

if TYPE_CHECKING:
    from _thread import RLock
    from collections.abc import Mapping, Sequence

    from opentelemetry.context import Context
    from opentelemetry.util.types import Attributes

MOST_ATTRIBUTES: Final = 1_024
"""Identity and content together stay far below it; only hundreds of metadata keys reach it."""
MOST_EVENTS: Final = 1_024

UNSET: Final = Status(StatusCode.UNSET)

# What is written onto an ended span is said where the SDK says it.
_logger: Final = logging.getLogger("opentelemetry.sdk.trace")


class NotedSpan(Span, ABC):
    """A span that others may write onto until it ends, as onto one of the SDK.

    Attributes:
        given_name: its name, as long as no handle has given another.
        ended: when it ended, in nanoseconds since the epoch, or None.
        ending: the lock of its end, and of all that is written before.
        written: the attributes that others set.
        own_events: events, if there are any.
        own_links: links, if there are any.
        own_status: the status.
    """

    given_name: str
    ended: int | None
    ending: RLock
    own_status: Status
    own_links: BoundedList[Link] | None = None
    own_events: BoundedList[Event] | None = None
    written: BoundedAttributes | None = None

    @property
    def end_time(self) -> int | None:
        """Return when it ended, in nanoseconds since the epoch, or None."""
        return self.ended

    @property
    def status(self) -> Status:
        """Return its status."""
        return self.own_status

    @property
    def events(self) -> Sequence[Event]:
        """Return its events."""
        return () if self.own_events is None else tuple(self.own_events)

    @property
    def links(self) -> Sequence[Link]:
        """Return its links."""
        return () if self.own_links is None else tuple(self.own_links)

    @property
    def dropped_events(self) -> int:
        """Return how many events had no room."""
        return 0 if self.own_events is None else self.own_events.dropped

    @property
    def dropped_links(self) -> int:
        """Return how many links had no room."""
        return 0 if self.own_links is None else self.own_links.dropped

    # What the API lets others write.

    def start(self, start_time: int | None = None, parent_context: Context | None = None) -> None:  # noqa: ARG002
        """Say that it has started already: it never waits for this."""
        _logger.warning("Calling start() on a started span.")

    def is_recording(self) -> bool:
        """Return whether it has not ended."""
        return self.ended is None

    def set_attribute(self, key: str, value: Any) -> None:
        """Set an attribute; what the handle sets at its end wins."""
        with self.ending:
            if self._is_open("Setting attribute"):
                self._to_write()[key] = value

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Set attributes; what the handle sets at its end wins."""
        with self.ending:
            if self._is_open("Setting attribute"):
                # Cleaned as the SDK cleans many at once: that makes texts of keys.
                cleaned = BoundedAttributes(None, attributes)
                written = self._to_write()
                written.update(cleaned)
                written.dropped += cleaned.dropped

    def add_event(self, name: str, attributes: Attributes = None, timestamp: int | None = None) -> None:
        """Add an event."""
        event = Event(name, BoundedAttributes(MOST_ATTRIBUTES, attributes, immutable=True), timestamp)
        with self.ending:
            if self._is_open("Adding event"):
                if self.own_events is None:
                    self.own_events = BoundedList(MOST_EVENTS)
                self.own_events.append(event)

    def add_link(self, context: SpanContext, attributes: Attributes = None) -> None:
        """Add a link; one to nowhere that says nothing is left out."""
        if not context or not (context.is_valid or attributes or context.trace_state):
            return
        link = Link(context, BoundedAttributes(MOST_ATTRIBUTES, attributes, immutable=True))
        with self.ending:
            if self._is_open("Adding link"):
                if self.own_links is None:
                    self.own_links = bounded_links(())
                self.own_links.append(link)

    def update_name(self, name: str) -> None:
        """Set its name, until the handle ends it."""
        with self.ending:
            if self._is_open("Updating name"):
                self.given_name = name

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """Set its status; unset and what is no status change nothing, and OK is final."""
        code = status.status_code if isinstance(status, Status) else status
        is_status = code is StatusCode.OK or code is StatusCode.ERROR
        with self.ending:
            if not self._is_open("Setting status") or not is_status:
                return
            if self.own_status.status_code is StatusCode.OK:
                return
            if isinstance(status, Status) and description is not None:
                _logger.warning("The description beside a whole Status is ignored.")
            self.own_status = status if isinstance(status, Status) else Status(code, description)

    def _to_write(self) -> BoundedAttributes:
        if self.written is None:
            self.written = BoundedAttributes(MOST_ATTRIBUTES, immutable=False)
        return self.written

    def _is_open(self, what: str) -> bool:
        if self.ended is None:
            return True
        _logger.warning("%s on an ended span.", what)
        return False


def bounded_links(links: Sequence[Link]) -> BoundedList[Link]:
    """Return links within their bound."""
    bounded: BoundedList[Link] = BoundedList(MOST_EVENTS)
    bounded.extend(links)
    return bounded
