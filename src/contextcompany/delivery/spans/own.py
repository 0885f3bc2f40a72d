"""The spans of our own provider: light for the caller, and whole once somebody reads them.

A span of the SDK cleans, copies and bounds each attribute in the thread that sets it. What our handles
write is clean and bounded already, so these spans keep it as it was given and make attributes of it where
they are read, which is in the background.
"""

from __future__ import annotations

from _thread import RLock
from time import time_ns
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Self

from opentelemetry.trace import SpanContext, StatusCode, TraceFlags

from contextcompany.delivery.spans.notes import MOST_ATTRIBUTES, UNSET, NotedSpan, bounded_links
from contextcompany.delivery.spans.rebuild import rebuilt
from contextcompany.diagnostics import guard
from contextcompany.propagation import ids

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from opentelemetry import trace
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import Link, SpanKind, TraceState
    from opentelemetry.util.types import AnyValue, Attributes

    from contextcompany.delivery.spans.origin import Content, Origin
    from contextcompany.sdk import ReadableSpan, Resource

# As text a large value takes a fraction of what its objects take; made later it would wait as objects.
_LARGE: Final = 256 << 10

_RANDOM: Final = int(getattr(TraceFlags, "RANDOM_TRACE_ID", 0))
_ROOT_FLAGS: Final = TraceFlags(TraceFlags.SAMPLED | _RANDOM)
_PLAIN_FLAGS: Final = TraceFlags(TraceFlags.SAMPLED)


class OwnSpan(NotedSpan):
    """A recording span below a parent, or a root with given ids.

    Args:
        origin: what it shares with others.
        name: its name, until its content gives another.
        kind: its kind.
        parent: the span that it starts below, or None for a root.
        root: trace id and span id of a root; random ones where it is None.
        started: the attributes with which it starts; not to be changed any more.
        start_time: nanoseconds since the epoch.
        links: to spans elsewhere.
        common: what it starts with that other spans start with too, if `started` begins with that; one
            object for all of them.
    """

    def __new__(cls, *_given: Any) -> Self:
        """Return a bare span; the class of the SDK would look at its arguments first."""
        return object.__new__(cls)

    def __init__(  # noqa: PLR0917  # pyright: ignore[reportInconsistentConstructor]  (keywords cost a tenth)
        self,
        origin: Origin,
        name: str,
        kind: SpanKind,
        parent: trace.Span | None,
        root: tuple[int, int] | None,
        started: Mapping[str, AnyValue],
        start_time: int,
        links: Sequence[Link] = (),
        common: Mapping[str, AnyValue] | None = None,
    ) -> None:
        self.origin = origin
        self.given_name = name
        self.span_kind = kind
        self.started = started
        self.common = common
        self.began = start_time
        self.ended = None
        self.content: Content | None = None
        self.is_whole = False
        self.ending = RLock()
        self.own_status = UNSET
        self.trace_state: TraceState | None = None
        self.below: SpanContext | int | None = None
        self.trace_id: int
        self.span_id: int
        self.flags: TraceFlags
        if type(parent) is OwnSpan:
            self.trace_id = parent.trace_id
            self.below = parent.span_id
            self.flags = parent.flags
            self.trace_state = parent.trace_state
            self.span_id = ids.random_span_id()
        elif parent is None and root is not None:
            self.trace_id, self.span_id = root
            self.flags = _ROOT_FLAGS
        else:
            self._start_below(None if parent is None else parent.get_span_context())
        if links:
            self.own_links = bounded_links(links)

    # What most spans never have.
    _instrumentation_info = None
    _context_made: SpanContext | None = None
    _attributes_made: dict[str, AnyValue] | None = None
    _evicted = 0

    def _start_below(self, parent: SpanContext | None) -> None:
        if parent is not None and parent.is_valid:
            self.trace_id, self.span_id = parent.trace_id, ids.random_span_id()
            self.below = parent
            self.flags = TraceFlags(_PLAIN_FLAGS | (parent.trace_flags & _RANDOM))
            self.trace_state = parent.trace_state or None
        else:
            self.trace_id, self.span_id = ids.random_trace_id(), ids.random_span_id()
            self.flags = _ROOT_FLAGS

    def __repr__(self) -> str:
        """Return the span with its name and context."""
        return f'{type(self).__name__}(name="{self.name}", context={self.context})'

    @property
    def has_more(self) -> bool:
        """Return whether there is anything on it but attributes: events, links, a status, dropped ones."""
        return (
            self.own_status is not UNSET
            or self.own_events is not None
            or self.own_links is not None
            or self._evicted > 0
        )

    # What the API says of a span that is read.

    @property
    def name(self) -> str:
        """Return its name."""
        content = self.content
        return self.given_name if content is None else content.name()

    @property
    def kind(self) -> SpanKind:
        """Return its kind."""
        return self.span_kind

    @property
    def context(self) -> SpanContext:
        """Return its context."""
        made = self._context_made
        if made is None:
            made = self._context_made = self._context_of(self.span_id)
        return made

    @property
    def parent(self) -> SpanContext | None:
        """Return the context of its parent, None for a root."""
        below = self.below
        return self._context_of(below) if type(below) is int else below  # type: ignore[return-value]

    @property
    def start_time(self) -> int:
        """Return when it started, in nanoseconds since the epoch."""
        return self.began

    @property
    def attributes(self) -> Attributes:
        """Return its attributes as they are now."""
        return MappingProxyType(self.all_attributes())

    @property
    def resource(self) -> Resource:
        """Return its resource."""
        return self.origin.resource

    @property
    def instrumentation_scope(self) -> InstrumentationScope:
        """Return its scope."""
        return self.origin.scope

    @property
    def dropped_attributes(self) -> int:
        """Return how many attributes had no room, or were none."""
        self.all_attributes()
        return self._evicted

    def get_span_context(self) -> SpanContext:
        """Return its context."""
        return self.context

    def to_json(self, indent: int | None = 4) -> str:
        """Return it as JSON text, as the SDK writes spans."""
        text: str = rebuilt(self).to_json(indent)
        return text

    def all_attributes(self) -> dict[str, AnyValue]:
        """Return its attributes; those of an ended span are made once and may be added to."""
        made = self._attributes_made
        if made is not None:
            return made
        content, written = self.content, self.written
        if content is None and self._attributes_made is not None:
            return self._attributes_made  # another thread has just made them
        before = self.started
        if written is not None:  # as the SDK does: what is set again is no longer old
            before = {key: value for key, value in before.items() if key not in written}
            before.update(written)
        if content is None:
            made = dict(before)
        else:
            try:
                made = content.attributes(before)
            except Exception as error:  # noqa: BLE001  (as in a block of the guard)
                self.is_whole = False
                guard.caught(error)
                made = dict(before)
        if len(made) > MOST_ATTRIBUTES or (written is not None and written.dropped):
            made = self._bounded(made)
        return made if self.ended is None else self._kept(made, content)

    def _kept(self, made: dict[str, AnyValue], content: Content | None) -> dict[str, AnyValue]:
        # The application may read it just when it is encoded: both get the same ones.
        name = None if content is None else content.name()
        with self.ending:
            if self._attributes_made is None:
                self._attributes_made = made
            if name is not None:
                self.given_name, self.content = name, None
            return self._attributes_made

    def _bounded(self, made: dict[str, AnyValue]) -> dict[str, AnyValue]:
        # As the SDK does: of too many the oldest go.
        surplus = max(len(made) - MOST_ATTRIBUTES, 0)
        self._evicted = surplus + (0 if self.written is None else self.written.dropped)
        return dict(list(made.items())[surplus:])

    def _context_of(self, span_id: int) -> SpanContext:
        return SpanContext(self.trace_id, span_id, False, self.flags, self.trace_state)

    def _readable_span(self) -> ReadableSpan:
        # Not of the API, yet what processors of others ask a span of the SDK for.
        return rebuilt(self)

    def end(self, end_time: int | None = None) -> None:
        """End it past its handle: with what is written on it, held against the invariants."""
        with self.ending:
            if not self._is_open("Calling end()"):
                return
            self.ended = time_ns() if end_time is None else end_time
        self.origin.take(self)

    def finish(self, content: Content, end_time: int) -> None:
        """End it with what its handle was given, unless it has ended.

        Args:
            content: what keeps the rules for its kind, or goes with the status of a failure.
            end_time: nanoseconds since the epoch.
        """
        with self.ending:
            if self.ended is not None:
                return
            self.content = content
            self.is_whole = True
            self.ended = end_time
        if content.size > _LARGE:
            self.all_attributes()
        self.origin.take(self)

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        """End it; an exception is recorded and makes it a failed one."""
        if exc_val is not None and self.is_recording():
            self.record_exception(exc_val, escaped=True)
            self.set_status(StatusCode.ERROR, f"{type(exc_val).__name__}: {exc_val}")
        self.end()


def is_doubtful(span: ReadableSpan) -> bool:
    """Return whether others may have brought something onto a span of ours, or ended it."""
    if type(span) is not OwnSpan:
        return False
    return not span.is_whole or span.own_events is not None or span.own_status is not UNSET
