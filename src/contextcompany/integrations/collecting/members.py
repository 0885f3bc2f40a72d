"""The open spans of others that began inside one of our runs."""

from __future__ import annotations

import asyncio
import threading
import weakref
from typing import TYPE_CHECKING, Final

from contextcompany.integrations.collecting.recognition import has_genai_keys, is_genai_scope, says_stream

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contextcompany.integrations.collecting.requests import Request
    from contextcompany.recording.spans.recording import Recording
    from contextcompany.runtime.places import Place
    from contextcompany.sdk import ReadableSpan, Span

MOST_OPEN: Final = 10_000


class Flow:
    """The thread, and the task of an event loop, in which something happens."""

    __slots__ = ("_task", "_thread")

    def __init__(self) -> None:
        task = _running_task()
        self._task = None if task is None else weakref.ref(task)
        self._thread = threading.get_ident()

    def goes_on_here(self) -> bool:
        """Return whether this is the same thread and the same task."""
        known = None if self._task is None else self._task()
        return self._thread == threading.get_ident() and known is _running_task()


class Member:
    """One span of another library that began inside a run of ours.

    Attributes:
        span_id: its own id, in the application's trace.
        place: where its run is.
        above: the member it began under, or None directly below a handle.
        anchor: the span id of the nearest handle of ours above it.
        handle: that handle, where it is known; None below a span of ours from elsewhere.
        request: the request to a model that it records, where a step of ours records the same.
        is_request: whether it said at its start that it stands for a request to a model.
        began_in: where such a request began.
        repeats: the member above it by which another library recorded the same request.
        repeated: what ended of those that repeat this one.
        is_collected: whether a copy of it leaves; decided at the latest at its end.
    """

    __slots__ = (
        "_scope",
        "_span",
        "above",
        "anchor",
        "began_in",
        "handle",
        "is_collected",
        "is_request",
        "place",
        "repeated",
        "repeats",
        "request",
        "span_id",
    )

    def __init__(
        self, span: Span, *, place: Place, above: Member | None, anchor: int, handle: Recording | None
    ) -> None:
        scope = span.instrumentation_scope
        self._scope = "" if scope is None else scope.name
        # Only while it is open: what it says may become known late, and is needed by its children.
        self._span: Span | None = span
        self.span_id = span.get_span_context().span_id
        self.place = place
        self.above = above
        self.anchor = anchor
        self.handle = handle
        self.request: Request | None = None
        self.is_request = False
        self.began_in: Flow | None = None
        self.repeats: Member | None = None
        self.repeated: list[ReadableSpan] = []
        self.is_collected = False

    @property
    def is_open(self) -> bool:
        """Return whether its span has not ended."""
        return self._span is not None

    @property
    def said(self) -> Mapping[str, object]:
        """Return the attributes that its span has so far; none once that has ended."""
        span = self._span
        return {} if span is None else span.attributes or {}

    @property
    def is_left_out(self) -> bool:
        """Return whether no copy of it leaves because another span says the same, or that is still open."""
        if self.request is None:
            return self.repeats is not None
        return self.request.is_folded or not self.request.owner.is_settled

    def decide(self, attributes: Mapping[str, object], *, takes_all: bool) -> bool:
        """Decide, now that so much is known of it, whether a copy leaves; a yes stays."""
        if not self.is_collected:
            self.is_collected = takes_all or is_genai_scope(self._scope) or has_genai_keys(attributes)
        return self.is_collected

    def ended(self) -> None:
        """Let go of the span."""
        self._span = None

    def look(self, *, takes_all: bool) -> bool:
        """Return whether a copy of it leaves, as far as that is known."""
        if self._span is not None and not self.is_collected:
            self.decide(self.said, takes_all=takes_all)
        return self.is_collected

    def may_stream(self) -> bool:
        """Return whether it may be the request of which this code has got the stream just now."""
        said = says_stream(self.said)
        if said is None:
            # A request that is open although its own code runs on has returned: what is open is its stream.
            return self.began_in is not None and self.began_in.goes_on_here()
        return said

    def same_request(self) -> Member | None:
        """Return the outermost member above it by which other libraries recorded the same request."""
        found: Member | None = None
        member = self.above
        while member is not None:
            if member.is_request and member._scope != self._scope:  # noqa: SLF001  (of the same class)
                found = member
            member = member.above
        return found

    def nearest_request(self) -> Request | None:
        """Return the request that this span, or the nearest one above it, records."""
        member: Member | None = self
        while member is not None:
            if member.request is not None:
                return member.request
            member = member.above
        return None


class Members(dict[int, Member]):
    """Members by the id of their span while that is open; of too many the oldest is forgotten.

    A dict, because it is asked at both ends of every span of the application.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.RLock()

    def add(self, member: Member) -> None:
        """Remember a member."""
        with self._lock:
            self[member.span_id] = member
            if len(self) > MOST_OPEN:
                self.pop(next(iter(self))).ended()

    def take_out(self, span: ReadableSpan) -> Member | None:
        """Forget a span that has ended, and return its member if it was one."""
        context = span.context
        if context is None or context.span_id not in self:
            return None
        with self._lock:
            member = self.pop(context.span_id, None)
        if member is not None:
            member.ended()
        return member

    def renew_after_fork(self) -> None:
        """Forget in a forked child what belongs to the parent process."""
        self._lock = threading.RLock()
        self.clear()


def _running_task() -> asyncio.Task[object] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:  # no event loop runs in this thread
        return None
