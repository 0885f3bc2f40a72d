"""Spans of others on a provider of ours: inside the current run, or in a run of their own."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import StatusCode

from contextcompany.diagnostics import guard
from contextcompany.integrations.collecting import copying, reading
from contextcompany.integrations.collecting.processor import CollectingProcessor
from contextcompany.recording.handles.runs import run as start_run
from contextcompany.runtime import provider as providers
from contextcompany.runtime.process import process

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span

    from contextcompany.recording.handles.run import Run
    from contextcompany.sdk import ReadableSpan
    from contextcompany.sdk import Span as SDKSpan

MOST_RUNS: Final = 10_000

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST: Final = 1 << 63


class OwnRuns(CollectingProcessor):
    """Deliver the spans that begin inside runs, and end the runs that were opened for one of them."""

    def __init__(self) -> None:
        super().__init__(_same, sees_ours=True)
        self.is_active = self.takes_all = True
        self._lock = threading.RLock()
        self._runs: dict[int, Run] = {}

    def placed(
        self, context: Context | None, *, is_genai: bool, start_time: int | None = None
    ) -> tuple[Context | None, Run | None]:
        """Return the context to start a span in, and the run that was opened for it, if one was.

        Args:
            context: the one that was asked for; None for the current one.
            is_genai: whether the span is one of GenAI instrumentation.
            start_time: nanoseconds since the epoch, or None for now.
        """
        parent = trace.get_current_span(context)
        found = parent.get_span_context()
        if process.is_stopped or self.members.get(found.span_id) is not None or providers.is_ours(parent):
            return context, None
        nearest = next((handle for handle in process.current.chain() if handle.is_open), None)
        if nearest is not None:
            is_off = nearest.place.is_off
            return context if is_off else trace.set_span_in_context(nearest.span, context), None
        current = process.current_place()
        if current is not None and not current.is_over:
            return context if current.is_off else trace.set_span_in_context(current.as_span(), context), None
        if not is_genai or process.nowhere.get(found.span_id):
            return context, None
        around = otel_context.get_current() if context is None else context
        if not found.is_remote and providers.application_provider() is None:
            around = otel_context.Context()  # a span of this provider outside of runs goes nowhere
        token = otel_context.attach(around)
        try:
            run = start_run(start_time=_moment(start_time))
        finally:
            otel_context.detach(token)
        if not run.span.get_span_context().is_valid:
            return context, run
        return trace.set_span_in_context(run.span, context), run

    def add(self, span: Span, run: Run) -> None:
        """Remember the run that was opened for a span; of too many the oldest counts as abandoned."""
        span_id = span.get_span_context().span_id
        if not run.span.get_span_context().is_valid:
            process.nowhere[span_id] = True
        with self._lock:
            self._runs[span_id] = run
            if len(self._runs) > MOST_RUNS:
                del self._runs[next(iter(self._runs))]

    def on_start(self, span: SDKSpan, parent_context: Context | None = None) -> None:
        """Remember a span that begins inside a run, and write onto it whose it is."""
        super().on_start(span, parent_context)
        with guard:
            member = self.members.get(span.get_span_context().span_id)
            if member is not None:
                span.set_attributes(copying.identity(member.place))
            else:
                self._leave_out(span)

    def on_end(self, span: ReadableSpan) -> None:
        """Deliver a span, then end the run that was opened for it."""
        super().on_end(span)
        if span.context is not None:
            process.nowhere.pop(span.context.span_id, None)
        if span.context is None or span.context.span_id not in self._runs:
            return
        with self._lock:
            run = self._runs.pop(span.context.span_id, None)
        if run is not None:
            with guard:
                _finish(run, span)

    def renew_after_fork(self) -> None:
        """Forget in a forked child what belongs to the parent process."""
        super().renew_after_fork()
        self._lock = threading.RLock()
        self._runs.clear()

    def _leave_out(self, span: SDKSpan) -> None:
        place = process.current_place() if process.current.is_inside else None
        is_below = span.parent is not None and process.nowhere.get(span.parent.span_id, False)
        with self._lock:
            process.nowhere[span.get_span_context().span_id] = is_below or (
                place is not None and place.is_off
            )
            if len(process.nowhere) > MOST_RUNS:
                del process.nowhere[next(iter(process.nowhere))]


def _same(span_id: int) -> int:
    return span_id


def _finish(run: Run, span: ReadableSpan) -> None:
    found = span.attributes or {}
    question, system = reading.asked(found)
    # Instrumentation that keeps content to itself leaves the prompt empty, and not the run broken.
    run.prompt("" if question is None else question, system)
    answer = reading.answered(found)
    if answer is not None:
        run.response(answer)
    if span.status.status_code is StatusCode.ERROR:
        run.error(span.status.description or "", end_time=_moment(span.end_time, up=True))
    else:
        run.end(end_time=_moment(span.end_time, up=True))


def _moment(time: int | None, *, up: bool = False) -> datetime | None:
    """Return the microsecond around a time in nanoseconds, None for one that cannot be meant."""
    if time is None or not 0 <= time < _LATEST:
        return None
    return _EPOCH + timedelta(microseconds=-(-time // 1_000) if up else time // 1_000)
