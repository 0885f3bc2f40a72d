"""One request to a model, recorded by a step of ours and by instrumentation of others: folded into the step.

What belongs below such a request waits for the step's end, because only then it is known which of them is
the step's own: the last that did not fail. The others are its children.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from opentelemetry.trace import StatusCode

from contextcompany.integrations.collecting import folding
from contextcompany.runtime.process import process

if TYPE_CHECKING:
    from collections.abc import Callable

    from contextcompany.integrations.collecting.members import Member
    from contextcompany.runtime.places import Place
    from contextcompany.sdk import ReadableSpan

    Deliver = Callable[[Member, ReadableSpan], None]
    PassOn = Callable[[ReadableSpan], None]

MOST_HELD: Final = 1_000
"""So many spans wait for the end of one step; further ones hang directly below it."""

STREAM_SECONDS: Final = 0.5
"""So long an ended step waits for a request that is still open: a stream that is read afterwards."""


class Request:
    """One request as others recorded it: the outermost span, and those of further libraries inside it."""

    __slots__ = ("ended", "is_folded", "open", "owner")

    def __init__(self, owner: Requests) -> None:
        self.owner = owner
        self.is_folded = False
        self.open: list[Member] = []
        self.ended: list[tuple[Member, ReadableSpan]] = []

    @property
    def spans(self) -> list[ReadableSpan]:
        """Return what has ended, the outermost first."""
        return [span for _, span in sorted(self.ended, key=lambda pair: pair[1].start_time or 0)]

    @property
    def has_failed(self) -> bool:
        """Return whether its outermost span failed."""
        return self.spans[0].status.status_code is StatusCode.ERROR


class Requests:
    """The requests that others recorded while a step of ours was the nearest open handle.

    Attributes:
        is_settled: whether it is decided which of them is the step's own.

    Args:
        place: where the step's run is.
        deliver: brings a copy of what is not folded to where the step goes.
    """

    def __init__(self, place: Place, deliver: Deliver) -> None:
        self._place = place
        self._deliver = deliver
        self._lock = threading.RLock()
        self._requests: list[Request] = []
        self._held: list[tuple[Member, ReadableSpan]] = []
        self._step: tuple[ReadableSpan, PassOn] | None = None
        self._taken = 0
        self.is_settled = False

    def begin(self, member: Member) -> None:
        """Take in a span that records a request."""
        with self._lock:
            if self.is_settled or self._taken >= MOST_HELD:
                return
            self._taken += 1
            around = member.nearest_request()
            request = around if around is not None and around.owner is self else Request(self)
            if request is not around:
                self._requests.append(request)
            request.open.append(member)
            member.request = request

    def fills(self, field: str) -> bool:
        """Return whether a field of the step is known from here, or still may be."""
        with self._lock:
            return any(
                request.open or (not request.has_failed and folding.has(request.spans, field))
                for request in self._requests
            )

    def has_answer(self) -> bool:
        """Return whether a request has ended well."""
        with self._lock:
            return any(request.ended and not request.has_failed for request in self._requests)

    def keep(self, member: Member, span: ReadableSpan) -> bool:
        """Keep an ended span at or below a request until the step is settled; returns whether it is kept."""
        with self._lock:
            request = member.request
            if self.is_settled:
                return False
            if request is None:
                if self._taken >= MOST_HELD:
                    return False
                self._taken += 1
                self._held.append((member, span))
                return True
            request.open.remove(member)
            request.ended.append((member, span))
            is_awaited = self._step is not None and not self._is_awaiting()
        if is_awaited:
            self._settle()
        return True

    def take(self, span: ReadableSpan, pass_on: PassOn) -> None:
        """Take the ended step, and pass it on as soon as its requests have ended."""
        with self._lock:
            self._step = (span, pass_on)
            is_awaiting = self._is_awaiting()
            if is_awaiting:
                process.waiting.hold(self, STREAM_SECONDS)
        if not is_awaiting:
            self._settle()

    def close(self, reason: str, error_type: str | None) -> None:  # noqa: ARG002  (as all that waits is closed)
        """Pass the step on as it is, without what is still open."""
        self._settle()

    def _is_awaiting(self) -> bool:
        return any(request.open for request in self._requests)

    def _settle(self) -> None:
        with self._lock:
            if self.is_settled or self._step is None:
                return
            self.is_settled = True
            step, pass_on = self._step
            self._step = None
            chosen = self._chosen(step)
            rest = [pair for request in self._requests if request is not chosen for pair in request.ended]
            rest += self._held
            spans = [] if chosen is None else chosen.spans
            if chosen is not None:
                chosen.is_folded = True
            for request in self._requests:
                request.ended = []
            self._requests, self._held = [], []
        process.waiting.let_go(self)
        try:
            for member, span in rest:
                self._deliver(member, span)
            if spans:
                step = folding.begun(step, spans, self._place)
        finally:
            pass_on(step)

    def _chosen(self, step: ReadableSpan) -> Request | None:
        """Return the request that the step stands for: the last that went well, else where it failed too."""
        whole = [request for request in self._requests if request.ended and not request.open]
        well = [request for request in whole if not request.has_failed]
        if well:
            return well[-1]
        return whole[-1] if whole and step.status.status_code is StatusCode.ERROR else None
