"""The span processor that sees the spans of others, and takes those that began inside one of our runs.

It never writes onto a span of the application, and outside of our runs it looks and goes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from opentelemetry import trace

from contextcompany.delivery.spans.rebuild import rebuilt
from contextcompany.diagnostics import guard
from contextcompany.integrations.collecting import copying
from contextcompany.integrations.collecting.members import MOST_OPEN, Flow, Member, Members
from contextcompany.integrations.collecting.recognition import is_model_request
from contextcompany.integrations.collecting.requests import Requests
from contextcompany.recording.spans.recording import Recording
from contextcompany.runtime.process import process
from contextcompany.runtime.provider import SCOPE, is_ours
from contextcompany.sdk import ReadableSpan, SpanProcessor
from contextcompany.semconv import attributes as names

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.context import Context
    from opentelemetry.trace import SpanContext

    from contextcompany.runtime.places import Place
    from contextcompany.runtime.process import CurrentRecording
    from contextcompany.runtime.waiting import PassOn
    from contextcompany.sdk import Span

_STEP: Final = "step"

# So far above a span it is looked for a request that says late what it is: each look costs.
_NEAREST: Final = 8


class CollectingProcessor(SpanProcessor):
    """Collect spans of one provider that began inside our runs.

    Attributes:
        members: the open spans that did.
        is_active: whether anybody wants them.
        takes_all: whether all are wanted, not only those of GenAI.

    Args:
        copied_id: the span id of a copy, from the original's.
        sees_ours: whether spans of ours that another provider made may be parents of spans here.
    """

    def __init__(
        self, copied_id: Callable[[int], int] = copying.copied_id, *, sees_ours: bool = False
    ) -> None:
        self.members = Members()
        self.is_active = False
        self.takes_all = False
        self._copied_id = copied_id
        self._sees_ours = sees_ours
        # Ours that are open on this provider, by span id.
        self._own: dict[int, None] = {}

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Remember a span that begins inside a run."""
        if not self.is_active:
            return
        try:
            scope = span.instrumentation_scope
            if scope is not None and scope.name == SCOPE:
                self._adopt(span)
                return
            parent = span.parent
            above = None if parent is None else self.members.get(parent.span_id)
            below_ours = self._sees_ours or (parent is not None and parent.span_id in self._own)
            if above is not None or below_ours or process.current.is_inside:
                self._join(span, above, parent_context)
        except Exception:  # entering the guard costs, outside of runs as well
            with guard:
                raise

    def on_end(self, span: ReadableSpan) -> None:
        """Take a copy of a span that began inside a run, if it is one of those that are wanted."""
        if not self.members and not self._own:
            return
        try:
            if self._own and span.context is not None:
                self._own.pop(span.context.span_id, None)
            member = self.members.take_out(span)
            if member is not None and self.is_active and not process.is_stopped:
                self._leave(member, span)
        except Exception:  # as above
            with guard:
                raise

    def adopt_stream(self, step: CurrentRecording) -> None:
        """Let a step that is given a stream have the request that the stream answers.

        The request began before the step was current. It is told by being open and no step's yet, and by
        having begun in the same flow of code, or by saying that it streams. Of several, none is taken:
        which one is meant cannot be known.
        """
        if not self.is_active or not isinstance(step, Recording) or step.kind != _STEP:
            return
        loose = [
            member
            for member in list(self.members.values())
            if member.is_request
            and member.request is None
            and member.place is step.place
            and member.may_stream()
        ]
        outermost = [member for member in loose if member.repeats is None]
        if len(outermost) == 1 and step.duplicates is None:
            for member in loose:
                member.handle, member.repeats = step, None
                self._begin_request(member)

    def renew_after_fork(self) -> None:
        """Forget in a forked child what belongs to the parent process."""
        self.members.renew_after_fork()
        self._own.clear()

    def deliver(self, member: Member, span: ReadableSpan) -> None:
        """Bring a copy of a member that has ended to where its run goes."""
        own_id, parent_id = self._copied_id(member.span_id), self.parent_id(member.above, member.anchor)
        copying.deliver(span, member.place, span_id=own_id, parent_id=parent_id, repeated=member.repeated)

    def parent_id(self, above: Member | None, anchor: int) -> int:
        """Return the span id of the nearest member of which a copy leaves, else the handle's."""
        while above is not None:
            if not above.is_left_out and above.look(takes_all=self.takes_all):
                return self._copied_id(above.span_id)
            above = above.above
        return anchor

    def _join(self, span: Span, above: Member | None, parent_context: Context | None) -> None:
        if process.is_stopped:
            return
        nearest = next((found for found in process.current.chain() if found.is_open), None)
        handle = nearest if isinstance(nearest, Recording) else None
        member: Member | None = None
        if above is not None and not _is_inside(handle, above):
            member = Member(span, place=above.place, above=above, anchor=above.anchor, handle=above.handle)
        elif above is None and (found := self._ours(parent_context)) is not None:
            place, parent = found
            own = handle if handle is not None and handle.span.get_span_context() == parent else None
            # Of two runs with one id only the handle says which it is.
            place = place if own is None else own.place
            member = Member(span, place=place, above=None, anchor=parent.span_id, handle=own)
        elif handle is not None:
            anchor = handle.span.get_span_context().span_id
            member = Member(span, place=handle.place, above=None, anchor=anchor, handle=handle)
        elif (current := process.current_place()) is not None and not current.is_over:
            # A run that goes on elsewhere: in the process that this one was forked from.
            anchor = current.span_context.span_id
            member = Member(span, place=current, above=None, anchor=anchor, handle=None)
        if member is None or not _is_recorded(member.place):
            return
        self.members.add(member)
        if is_model_request(span.attributes or {}):
            member.is_request = True
            member.began_in = Flow()
            self._recognise(above)
            self._begin_request(member)
            if member.request is None:
                member.repeats = member.same_request()

    def _recognise(self, member: Member | None) -> None:
        """Begin the requests that open members stand for which said so only after their start."""
        late: list[Member] = []
        for _ in range(_NEAREST):
            if member is None or member.is_request:
                break
            if is_model_request(member.said):
                late.append(member)
            member = member.above
        for found in reversed(late):
            found.is_request = True
            self._begin_request(found)

    def _begin_request(self, member: Member) -> None:
        step = member.handle
        if step is None or step.kind != _STEP:
            return

        def begin() -> Requests:
            requests = Requests(member.place, self.deliver)
            process.waiting.accompany(step.span.get_span_context().span_id, requests)
            return requests

        requests = step.accompanied(begin)
        if isinstance(requests, Requests):
            requests.begin(member)

    def _leave(self, member: Member, span: ReadableSpan) -> None:
        attributes = span.attributes or {}
        if not member.decide(attributes, takes_all=self.takes_all):
            return
        if member.request is None and is_model_request(attributes):
            self._begin_request(member)  # some say only later what they are
        self._recognise(member.above)
        if member.repeats is not None and member.repeats.is_open:
            member.repeats.repeated.append(span)
            return
        request = member.nearest_request()
        if request is None or not request.owner.keep(member, span):
            self.deliver(member, span)

    def _ours(self, parent_context: Context | None) -> tuple[Place, SpanContext] | None:
        """Return where the run of a parent is that is a span of ours."""
        parent = trace.get_current_span(parent_context)
        if not is_ours(parent) or not isinstance(parent, ReadableSpan) or parent.context is None:
            return None
        run_id = (parent.attributes or {}).get(names.TCC_RUN_ID)
        place = process.places.get(run_id) if isinstance(run_id, str) else None
        return None if place is None else (place, parent.context)

    def _adopt(self, span: Span) -> None:
        """Have a span of ours that begins below a member stand below the copy of that one."""
        span_id, parent = span.get_span_context().span_id, span.parent
        self._own[span_id] = None
        if len(self._own) > MOST_OPEN:
            self._own.pop(next(iter(self._own)), None)
        above = None if parent is None else self.members.get(parent.span_id)
        if above is not None:
            process.waiting.accompany(span_id, _Adopted(self, above))


class _Adopted:
    """A span of ours below a span of the application, on the application's provider."""

    def __init__(self, processor: CollectingProcessor, above: Member) -> None:
        self._processor = processor
        self._above = above

    def take(self, span: ReadableSpan, pass_on: PassOn) -> None:
        """Pass the span on with the parent that our destination knows."""
        parent_id = self._processor.parent_id(self._above, self._above.anchor)
        context, parent = span.context, span.parent
        if context is not None and parent is not None:
            known = trace.SpanContext(
                parent.trace_id, parent_id, is_remote=False, trace_flags=parent.trace_flags
            )
            span = rebuilt(span, place=(context, known, span.resource))
        pass_on(span)

    def close(self, reason: str, error_type: str | None) -> None:
        """Do nothing: nothing is held."""


def _is_inside(handle: Recording | None, above: Member) -> bool:
    """Return whether a handle was entered inside of a member, and not around it."""
    if handle is None or handle is above.handle:
        return False
    return above.handle is None or any(found is above.handle for found in process.current.chain())


def _is_recorded(place: Place) -> bool:
    if place.is_off:
        return False
    return not place.is_shared or place.span_context.trace_flags.sampled
