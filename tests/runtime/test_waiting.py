"""Spans that wait: given to their companions, released in time, and forgotten in a forked child."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider

from contextcompany.runtime import waiting as room
from contextcompany.runtime.waiting import Waiting
from contextcompany.runtime.watch import Watch

if TYPE_CHECKING:
    import pytest

    from contextcompany.runtime.waiting import PassOn


class Behind(SpanProcessor):
    """Gives ended spans to their companions, and notes what arrives behind them."""

    def __init__(self, waiting: Waiting) -> None:
        self._waiting = waiting
        self.names: list[str] = []
        self.arrived = threading.Event()

    def on_end(self, span: ReadableSpan) -> None:
        """Take a span that has ended."""
        if not self._waiting.take(span, self._note):
            self._note(span)

    def _note(self, span: ReadableSpan) -> None:
        self.names.append(span.name)
        self.arrived.set()


class Holder:
    """Holds a span back until it is closed."""

    def __init__(self, waiting: Waiting, seconds: float) -> None:
        self._waiting, self._seconds = waiting, seconds
        self._held: list[tuple[ReadableSpan, PassOn]] = []

    def take(self, span: ReadableSpan, pass_on: PassOn) -> None:
        """Hold a span."""
        self._held.append((span, pass_on))
        self._waiting.hold(self, self._seconds)

    def close(self, reason: str, error_type: str | None) -> None:
        """Pass it on."""
        self._waiting.let_go(self)
        while self._held:
            span, pass_on = self._held.pop()
            pass_on(span)


def recording() -> tuple[Waiting, Behind, TracerProvider]:
    """Return what waits, what stands behind, and a provider in front."""
    waiting = Waiting(Watch(timeout_error="timeout", abandoned_error="abandoned"))
    behind = Behind(waiting)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(behind)
    return waiting, behind, provider


def test_a_span_without_company_passes_at_once() -> None:
    """Nothing is held that nobody asked for."""
    waiting, behind, provider = recording()
    provider.get_tracer("x").start_span("alone").end()
    assert (behind.names, len(waiting)) == (["alone"], 0)


def test_a_span_waits_until_it_is_released() -> None:
    """A companion holds its span, and no other, until all is released."""
    waiting, behind, provider = recording()
    tracer = provider.get_tracer("x")
    span = tracer.start_span("held")
    waiting.accompany(span.get_span_context().span_id, Holder(waiting, 600))
    span.end()
    tracer.start_span("alone").end()
    assert (behind.names, len(waiting)) == (["alone"], 1)
    waiting.release()
    assert (behind.names, len(waiting)) == (["alone", "held"], 0)


def test_the_time_is_up() -> None:
    """What is held too long is passed on in the background."""
    waiting, behind, provider = recording()
    span = provider.get_tracer("x").start_span("held")
    waiting.accompany(span.get_span_context().span_id, Holder(waiting, 0.01))
    span.end()
    assert behind.arrived.wait(20)
    assert behind.names == ["held"]


def test_two_companions() -> None:
    """Each companion takes the span in turn, in the order in which they came."""
    waiting, behind, provider = recording()
    span = provider.get_tracer("x").start_span("held")
    order: list[str] = []

    class Noting:
        def __init__(self, name: str) -> None:
            self._name = name

        def take(self, span: ReadableSpan, pass_on: PassOn) -> None:
            order.append(self._name)
            pass_on(span)

        def close(self, reason: str, error_type: str | None) -> None:
            """Do nothing."""

    for name in ("first", "second"):
        waiting.accompany(span.get_span_context().span_id, Noting(name))
    span.end()
    assert (order, behind.names) == (["first", "second"], ["held"])


def test_too_many_companions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of too many spans with company the oldest passes without it."""
    monkeypatch.setattr(room, "_MOST", 1)
    waiting, behind, provider = recording()
    spans = [provider.get_tracer("x").start_span(name) for name in ("one", "two")]
    for span in spans:
        waiting.accompany(span.get_span_context().span_id, Holder(waiting, 600))
    for span in spans:
        span.end()
    assert (behind.names, len(waiting)) == (["one"], 1)


def test_a_forked_child_holds_nothing() -> None:
    """What waits belongs to the parent process."""
    waiting, behind, provider = recording()
    span = provider.get_tracer("x").start_span("held")
    waiting.accompany(span.get_span_context().span_id, Holder(waiting, 600))
    span.end()
    waiting.renew_after_fork()
    waiting.release()
    assert (behind.names, len(waiting)) == ([], 0)
