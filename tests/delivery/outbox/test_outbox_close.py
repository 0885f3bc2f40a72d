"""Flush, close and receipts: what the outbox promises to those who wait."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from contextcompany.delivery.outbox import outbox as outbox_module
from contextcompany.delivery.outbox.entry import Receipt
from contextcompany.delivery.outbox.outbox import Outbox, Sink
from contextcompany.delivery.wire.transport import Outcome, Verdict
from tests.delivery.sinks import (
    DELIVERED,
    LATER,
    REJECTED,
    SteeredSink,
    collector_sink,
    counts,
    join,
    submit,
    thread_of,
)
from tests.handmade import STEP, ended_span
from tests.loopback import PATIENCE, Answer, LoopbackServer

Make = Callable[[Sink], Outbox]
Exiting = Callable[[], AbstractContextManager[None]]


def test_flushing_nothing(box: Make) -> None:
    """An empty outbox is flushed at once and closed at once, and no thread was started for it."""
    outbox = box(SteeredSink())
    assert outbox.flush(0.0) is True
    assert outbox._thread is None
    assert outbox.close(0.0) is True


def test_flush_keeps_its_deadline(box: Make) -> None:
    """With a server that never answers, flush ends in time and says that it is not done."""
    with LoopbackServer(Answer(hangs=True)) as server:
        outbox = box(collector_sink(server.url))
        submit(outbox, "a", "b")
        began = time.monotonic()
        assert outbox.flush(0.3) is False
        assert 0.25 < time.monotonic() - began < 2.0
        assert counts(outbox) == (0, 2, {})
        server.release()
        assert outbox.flush(PATIENCE) is True
        assert counts(outbox) == (2, 0, {})


def test_flush_waits_for_what_is_on_its_way(box: Make) -> None:
    """Flush is not done while a batch is being sent."""
    sink = SteeredSink(gated=True)
    outbox = box(sink)
    outbox.submit(ended_span("a"), Receipt())
    sink.wait_for(1)
    assert outbox.flush(0.05) is False
    sink.gate.set()
    assert outbox.flush(PATIENCE) is True


def test_close_keeps_its_deadline(box: Make) -> None:
    """With a server that never answers, close ends in time."""
    with LoopbackServer(Answer(hangs=True)) as server:
        outbox = box(collector_sink(server.url))
        submit(outbox, *"abc")
        thread = thread_of(outbox)
        began = time.monotonic()
        assert outbox.close(0.3) is False
        assert time.monotonic() - began < 2.0
        server.release()
        join(thread)
    delivered, pending, dropped = counts(outbox)
    assert pending == 0
    assert delivered + sum(dropped.values()) == 3


@pytest.mark.parametrize("late", [LATER, REJECTED])
def test_what_a_closed_outbox_could_not_send_is_counted(box: Make, late: Outcome) -> None:
    """A batch whose refusal comes after close is lost and counted, not pending for ever."""
    sink = SteeredSink(late, gated=True)
    outbox = box(sink)
    outbox.submit(ended_span("a"), Receipt())
    sink.wait_for(1)
    submit(outbox, "b")
    thread = thread_of(outbox)
    assert outbox.close(0.05) is False
    sink.gate.set()
    join(thread)
    delivered, pending, dropped = counts(outbox)
    assert (delivered, pending, sum(dropped.values())) == (0, 0, 2)


def test_close_sends_what_waits(box: Make) -> None:
    """Closing delivers what waits, ends the thread and closes the sink; closing again changes nothing."""
    sink = SteeredSink()
    outbox = box(sink)
    submit(outbox, *"abc")
    thread = thread_of(outbox)
    assert outbox.close(PATIENCE) is True
    join(thread)
    assert sink.batches == [["a", "b", "c"]]
    assert sink.closed == 1
    assert outbox.close(PATIENCE) is True
    assert counts(outbox) == (3, 0, {})


def test_close_works_where_no_thread_starts(
    box: Make, exiting: Exiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At exit the calling thread sends, batch by batch, and nothing is lost."""
    monkeypatch.setattr(outbox_module, "_BATCH_SPANS", 2)
    sink = SteeredSink()
    outbox = box(sink)
    spans = [ended_span(name) for name in "abc"]
    with exiting():
        for span in spans:
            outbox.submit(span)
        assert outbox.flush(0.1) is False
        assert outbox.close(PATIENCE) is True
    assert sink.batches == [["a", "b"], ["c"]]
    assert set(sink.threads) == {"MainThread"}
    assert counts(outbox) == (3, 0, {})


def test_close_where_no_thread_starts_is_bounded(box: Make, exiting: Exiting) -> None:
    """At exit a hanging server holds the calling thread no longer than the budget; the loss is counted."""
    with LoopbackServer(Answer(hangs=True)) as server:
        outbox = box(collector_sink(server.url))
        span = ended_span("a")
        with exiting():
            outbox.submit(span)
            began = time.monotonic()
            assert outbox.close(0.3) is False
            assert time.monotonic() - began < 2.0
    assert counts(outbox) == (0, 0, {"undelivered at shutdown": 1})


def test_what_ends_after_close_is_counted(box: Make) -> None:
    """A span that ends after shutdown is lost and counted."""
    sink = SteeredSink()
    outbox = box(sink)
    outbox.close(0.0)
    receipt = Receipt()
    outbox.submit(ended_span("late"), receipt)
    assert counts(outbox) == (0, 0, {"ended after shutdown": 1})
    assert receipt.wait(0.0) is False
    assert sink.batches == []


@pytest.mark.usefixtures("patient")
def test_a_receipt_is_sent_without_waiting_for_a_batch(box: Make) -> None:
    """A span that somebody waits for goes at once, with all that waits before it."""
    sink = SteeredSink()
    outbox = box(sink)
    submit(outbox, "a")
    receipt = Receipt()
    outbox.submit(ended_span("b"), receipt)
    assert receipt.wait(PATIENCE) is True
    assert [name for batch in sink.batches for name in batch] == ["a", "b"]


@pytest.mark.parametrize(
    ("outcome", "confirmed"),
    [(DELIVERED, True), (REJECTED, False), (Outcome(Verdict.DELIVERED, "refused", 1), False)],
)
def test_a_receipt_tells_the_fate_of_its_span(box: Make, outcome: Outcome, confirmed: bool) -> None:
    """True means that a collector confirmed the span."""
    outbox = box(SteeredSink(outcome))
    receipt = Receipt()
    outbox.submit(ended_span("a"), receipt)
    assert receipt.wait(PATIENCE) is confirmed


def test_a_receipt_that_is_not_confirmed_yet(box: Make) -> None:
    """Waiting ends in time with False; the span stays queued, is delivered later, and only once."""
    with LoopbackServer(Answer(hangs=True)) as server:
        outbox = box(collector_sink(server.url))
        receipt = Receipt()
        outbox.submit(ended_span("a"), receipt)
        assert receipt.wait(0.1) is False
        server.release()
        assert outbox.flush(PATIENCE) is True
        assert receipt.wait(PATIENCE) is True
        assert [request.span_names for request in server.requests] == [["a"]]


def test_a_receipt_of_a_dropped_span_does_not_wait(box: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for a span that is dropped is told at once."""
    monkeypatch.setattr(outbox_module, "MOST_SPANS", 1)
    sink = SteeredSink(gated=True)
    outbox = box(sink)
    outbox.submit(ended_span("on its way"), Receipt())
    sink.wait_for(1)
    receipt = Receipt()
    outbox.submit(ended_span("dropped"), receipt)
    submit(outbox, "newer")
    began = time.monotonic()
    assert receipt.wait(PATIENCE) is False
    assert time.monotonic() - began < PATIENCE / 2
    sink.gate.set()


def test_the_repr_has_the_counts(box: Make) -> None:
    """A debugger shows where an outbox sends and how it stands."""
    outbox = box(SteeredSink())
    assert repr(outbox) == "Outbox(steered, pending=0, delivered=0)"
    outbox.submit(ended_span("chat", STEP))
    outbox.flush(PATIENCE)
    assert repr(outbox) == "Outbox(steered, pending=0, delivered=1)"
