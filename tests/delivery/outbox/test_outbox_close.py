"""Flush, close and receipts: what the outbox promises to those who wait."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from contextcompany.delivery.outbox import outbox as outbox_module
from contextcompany.delivery.outbox import stock as stock_module
from contextcompany.delivery.outbox.counters import Counters
from contextcompany.delivery.outbox.dispatch import REFUSED, REJECTED
from contextcompany.delivery.outbox.entry import Receipt
from contextcompany.delivery.outbox.outbox import AFTER_SHUTDOWN
from contextcompany.delivery.outbox.stock import AT_SHUTDOWN
from contextcompany.delivery.wire.outcomes import Outcome, Verdict
from tests.delivery import sinks
from tests.delivery.outbox.spools import SteeredSpool, spans_on_disk
from tests.delivery.sinks import (
    DELIVERED,
    LATER,
    STAYS,
    MakeBox,
    SteeredSink,
    bare_span,
    collector_sink,
    counts,
    join,
    submit,
    thread_of,
    total,
    until,
)
from tests.handmade import ended_span
from tests.loopback import PATIENCE, Answer, LoopbackServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    Exiting = Callable[[], AbstractContextManager[None]]


def test_flushing_nothing(box: MakeBox) -> None:
    """An empty outbox is flushed at once and closed at once, and no thread was started for it."""
    outbox = box(SteeredSink())
    assert outbox.flush(0.0) is True
    assert (outbox._encoder.thread, outbox._sender.thread) == (None, None)
    assert outbox.close(0.0) is True


def test_flush_keeps_its_deadline(box: MakeBox) -> None:
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


def test_flush_where_no_thread_starts_keeps_its_deadline(box: MakeBox, exiting: Exiting) -> None:
    """At exit, too, a hanging server holds the one who flushes no longer than they wish to wait."""
    with LoopbackServer(Answer(hangs=True)) as server:
        outbox = box(collector_sink(server.url), timeout=5.0)
        span = ended_span("a")
        with exiting():
            outbox.submit(span)
            began = time.monotonic()
            assert outbox.flush(0.3) is False
            assert time.monotonic() - began < 2.0


def test_flush_waits_for_what_is_on_its_way(box: MakeBox) -> None:
    """Flush is not done while a batch is being sent."""
    sink = SteeredSink(gated=True)
    outbox = box(sink)
    outbox.submit(ended_span("a"), Receipt())
    sink.wait_for(1)
    assert outbox.flush(0.05) is False
    sink.gate.set()
    assert outbox.flush(PATIENCE) is True


def test_flush_waits_for_what_is_on_disk(box: MakeBox, tmp_path: Path) -> None:
    """Flush sends what is on disk too, and is not done before."""
    sink = SteeredSink(LATER, DELIVERED)
    outbox = box(sink, SteeredSpool(tmp_path / "spool"))
    submit(outbox, "a", "b")
    outbox.hurry()
    until(outbox, lambda counters: counters.spooled == 2)
    assert outbox.flush(PATIENCE) is True
    assert outbox.counters() == Counters(delivered=2, last_error="busy")


@pytest.mark.parametrize("ends", ["flush", "close"])
def test_what_was_delivered_is_off_the_disk(box: MakeBox, tmp_path: Path, ends: str) -> None:
    """Nothing is done before the files of delivered spans are gone: the next process would send them."""
    sink, spool = SteeredSink(gated=True), SteeredSpool(tmp_path / "spool")
    outbox = box(sink, spool)
    outbox.submit(bare_span("a"), Receipt())
    until(outbox, lambda counters: counters.spooled == 1)
    sender = thread_of(outbox._sender)
    spool.removing.clear()
    sink.gate.set()
    is_done = getattr(outbox, ends)(0.5)
    assert is_done is (spans_on_disk(tmp_path / "spool") == [])
    spool.release()
    until(outbox, lambda counters: counters.delivered == 1)
    assert outbox.close(PATIENCE) is True
    join(sender)
    assert spans_on_disk(tmp_path / "spool") == []


@pytest.mark.parametrize("has_disk", [False, True])
def test_flush_does_not_wait_for_a_stuck_collector(box: MakeBox, tmp_path: Path, has_disk: bool) -> None:
    """Where the key is refused flush tries once each time, and ends early."""
    sink = SteeredSink(STAYS)
    outbox = box(sink, SteeredSpool(tmp_path / "spool") if has_disk else None)
    submit(outbox, "a")
    began = time.monotonic()
    for attempts in (1, 2):
        assert outbox.flush(PATIENCE) is False
        assert len(sink.batches) == attempts
    assert time.monotonic() - began < PATIENCE / 2
    assert total(outbox.counters()) == 1


@pytest.mark.parametrize("has_disk", [False, True])
def test_flush_honours_the_wish_of_the_collector(box: MakeBox, tmp_path: Path, has_disk: bool) -> None:
    """A collector that asks for a longer pause than flush may wait is left alone, and flush ends early."""
    sink = SteeredSink(Outcome(Verdict.LATER, "busy", retry_after=50.0), DELIVERED)
    outbox = box(sink, SteeredSpool(tmp_path / "spool") if has_disk else None)
    submit(outbox, "a")
    began = time.monotonic()
    assert outbox.flush(PATIENCE) is False
    assert outbox.flush(PATIENCE) is False
    assert time.monotonic() - began < PATIENCE / 2
    assert len(sink.batches) == 1


def test_flush_waits_for_a_short_wish(box: MakeBox) -> None:
    """A pause that ends before the deadline is waited for."""
    sink = SteeredSink(Outcome(Verdict.LATER, "busy", retry_after=0.2), DELIVERED)
    outbox = box(sink)
    submit(outbox, "a")
    began = time.monotonic()
    assert outbox.flush(PATIENCE) is True
    assert time.monotonic() - began >= 0.2
    assert len(sink.batches) == 2


def test_close_keeps_its_deadline(box: MakeBox) -> None:
    """With a server that never answers, close ends in time."""
    with LoopbackServer(Answer(hangs=True)) as server:
        outbox = box(collector_sink(server.url))
        submit(outbox, *"abc")
        began = time.monotonic()
        assert outbox.close(0.3) is False
        assert time.monotonic() - began < 2.0
        server.release()
        join(outbox._sender.thread)
    counters = outbox.counters()
    assert (counters.pending, total(counters)) == (0, 3)


@pytest.mark.parametrize("hangs", ["pack", "write"])
def test_close_keeps_its_deadline_whatever_hangs(box: MakeBox, tmp_path: Path, hangs: str) -> None:
    """Neither a hook nor a disk that hangs holds the exit; what ends later is counted once."""
    sink, spool = SteeredSink(LATER), SteeredSpool(tmp_path / "spool")
    (sink.pack_gate if hangs == "pack" else spool.before).clear()
    outbox = box(sink, spool)
    outbox.submit(bare_span("a"), Receipt())
    if hangs == "pack":
        sink.wait_for_packing(1)
    else:
        spool.wait_for_begun(1)
    submit(outbox, "b")
    encoder = thread_of(outbox._encoder)
    began = time.monotonic()
    assert outbox.close(0.3) is False
    assert time.monotonic() - began < 2.0
    sink.release()
    spool.release()
    join(encoder)
    counters = outbox.counters()
    assert (counters.pending, total(counters)) == (0, 2)


@pytest.mark.parametrize(("late", "reason"), [(LATER, AT_SHUTDOWN), (sinks.REJECTED, REJECTED)])
def test_what_a_closed_outbox_could_not_send_is_counted(box: MakeBox, late: Outcome, reason: str) -> None:
    """A batch whose refusal comes after close is lost and counted, not pending for ever."""
    sink = SteeredSink(late, gated=True)
    outbox = box(sink)
    outbox.submit(ended_span("a"), Receipt())
    sink.wait_for(1)
    submit(outbox, "b")
    thread = thread_of(outbox._sender)
    assert outbox.close(0.05) is False
    assert counts(outbox) == (0, 0, {AT_SHUTDOWN: 2})
    sink.gate.set()
    join(thread)
    expected = {AT_SHUTDOWN: 2} if reason == AT_SHUTDOWN else {AT_SHUTDOWN: 1, reason: 1}
    assert counts(outbox) == (0, 0, expected)


def test_what_is_delivered_after_close_is_not_lost(box: MakeBox) -> None:
    """A request that succeeds after the outbox was closed takes its spans out of the lost ones."""
    sink = SteeredSink(gated=True)
    outbox = box(sink)
    receipt = Receipt()
    outbox.submit(ended_span("a"), receipt)
    sink.wait_for(1)
    thread = thread_of(outbox._sender)
    assert outbox.close(0.05) is False
    assert counts(outbox) == (0, 0, {AT_SHUTDOWN: 1})
    sink.gate.set()
    join(thread)
    assert counts(outbox) == (1, 0, {})
    assert receipt.wait(0.0) is True


def test_close_sends_what_waits(box: MakeBox) -> None:
    """Closing delivers what waits, ends the threads and closes the sink; closing again changes nothing."""
    sink = SteeredSink()
    outbox = box(sink)
    submit(outbox, *"abc")
    encoder = thread_of(outbox._encoder)
    assert outbox.close(PATIENCE) is True
    join(encoder)
    join(outbox._sender.thread)
    assert sink.names == ["a", "b", "c"]
    assert sink.closed == 1
    assert outbox.close(PATIENCE) is True
    assert sink.closed == 1
    assert counts(outbox) == (3, 0, {})


def test_close_tries_again_where_nothing_can_be_kept(box: MakeBox) -> None:
    """Without a disk the budget is for further attempts: a collector that is busy loses nothing."""
    sink = SteeredSink(LATER, LATER, DELIVERED)
    outbox = box(sink)
    submit(outbox, "a", "b")
    assert outbox.close(PATIENCE) is True
    assert counts(outbox) == (2, 0, {})


def test_close_does_not_try_again_where_all_can_be_kept(box: MakeBox, tmp_path: Path) -> None:
    """With a disk one failed attempt is enough: the rest goes there, and nothing holds the exit."""
    sink = SteeredSink(LATER)
    outbox = box(sink, SteeredSpool(tmp_path / "spool"))
    spans = [bare_span(str(number)) for number in range(2_000)]
    for span in spans:
        outbox.submit(span)
    began = time.monotonic()
    assert outbox.close(PATIENCE) is False
    assert time.monotonic() - began < PATIENCE / 4
    assert outbox.counters() == Counters(spooled=2_000, last_error="busy")
    assert sorted(spans_on_disk(tmp_path / "spool")) == sorted(span.name for span in spans)


def test_close_while_a_request_hangs_keeps_everything(box: MakeBox, tmp_path: Path) -> None:
    """What waits, what is encoded and what is on its way are on disk when the budget is over."""
    with LoopbackServer(Answer(hangs=True)) as server:
        outbox = box(collector_sink(server.url), SteeredSpool(tmp_path / "spool"))
        outbox.submit(ended_span("on its way"), Receipt())
        server.wait_for(1)
        submit(outbox, "a", "b")
        began = time.monotonic()
        assert outbox.close(0.8) is False
        assert time.monotonic() - began < 1.5
        counters = outbox.counters()
        assert counters == Counters(spooled=3, last_error=counters.last_error)
        assert sorted(spans_on_disk(tmp_path / "spool")) == ["a", "b", "on its way"]


def test_what_is_packed_is_written_though_the_time_is_over(box: MakeBox, tmp_path: Path) -> None:
    """Where packing alone took all the time, what it made is on disk all the same."""
    sink = SteeredSink(gated=True)
    outbox = box(sink, SteeredSpool(tmp_path / "spool"))
    submit(outbox, "a", "b")
    sink.on_call = lambda call: time.sleep(0.3) if call == "pack" else None
    assert outbox.close(0.0) is False
    assert outbox.counters() == Counters(spooled=2)
    assert sorted(spans_on_disk(tmp_path / "spool")) == ["a", "b"]


def test_a_request_that_fails_after_close_loses_nothing(box: MakeBox, tmp_path: Path) -> None:
    """What came back too late for the outbox lies on disk, once."""
    sink = SteeredSink(LATER, gated=True)
    outbox = box(sink, SteeredSpool(tmp_path / "spool"))
    outbox.submit(ended_span("a"), Receipt())
    sink.wait_for(1)
    thread = thread_of(outbox._sender)
    assert outbox.close(0.1) is False
    sink.gate.set()
    join(thread)
    assert outbox.counters() == Counters(spooled=1, last_error="busy")
    assert spans_on_disk(tmp_path / "spool") == ["a"]


def test_close_works_where_no_thread_starts(
    box: MakeBox, exiting: Exiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At exit the calling thread sends, batch by batch, and nothing is lost."""
    monkeypatch.setattr(stock_module, "BATCH_SPANS", 2)
    sink = SteeredSink()
    outbox = box(sink)
    spans = [ended_span(name) for name in "abc"]
    with exiting():
        for span in spans:
            outbox.submit(span)
        assert outbox.close(PATIENCE) is True
    assert sink.batches == [["a", "b"], ["c"]]
    assert set(sink.threads) == {"MainThread"}
    assert counts(outbox) == (3, 0, {})


@pytest.mark.parametrize("has_disk", [False, True])
def test_close_where_no_thread_starts_is_bounded(
    box: MakeBox, exiting: Exiting, tmp_path: Path, has_disk: bool
) -> None:
    """At exit a hanging server holds the calling thread for the budget only; spans are kept or counted."""
    folder = tmp_path / "spool"
    with LoopbackServer(Answer(hangs=True)) as server:
        outbox = box(collector_sink(server.url), SteeredSpool(folder) if has_disk else None)
        spans = [ended_span("a"), ended_span("b")]
        with exiting():
            for span in spans:
                outbox.submit(span)
            began = time.monotonic()
            assert outbox.close(0.4) is False
            assert time.monotonic() - began < 1.5
    counters = outbox.counters()
    if has_disk:
        assert (counters.spooled, counters.dropped.total()) == (2, 0)
        assert sorted(spans_on_disk(folder)) == ["a", "b"]
    else:
        assert counts(outbox) == (0, 0, {AT_SHUTDOWN: 2})


def test_close_where_no_thread_starts_and_nobody_listens(
    box: MakeBox, exiting: Exiting, tmp_path: Path
) -> None:
    """At exit with a collector that is down everything goes to disk at once."""
    with LoopbackServer() as server:
        url = server.url
    outbox = box(collector_sink(url), SteeredSpool(tmp_path / "spool"))
    spans = [ended_span(name) for name in "abc"]
    with exiting():
        for span in spans:
            outbox.submit(span)
        began = time.monotonic()
        assert outbox.close(PATIENCE) is False
        assert time.monotonic() - began < PATIENCE / 4
    assert (outbox.counters().spooled, total(outbox.counters())) == (3, 3)
    assert sorted(spans_on_disk(tmp_path / "spool")) == ["a", "b", "c"]


def test_save_goes_on(box: MakeBox, tmp_path: Path) -> None:
    """What cannot be sent in time is kept on disk, and the outbox works on and sends it later."""
    sink = SteeredSink(gated=True)
    outbox = box(sink, SteeredSpool(tmp_path / "spool"))
    outbox.submit(ended_span("a"), Receipt())
    sink.wait_for(1)
    submit(outbox, "b")
    began = time.monotonic()
    assert outbox.save(0.4) is False
    assert time.monotonic() - began < 1.5
    assert outbox.counters() == Counters(spooled=2)
    sink.gate.set()
    submit(outbox, "c")
    assert outbox.flush(PATIENCE) is True
    assert outbox.counters() == Counters(delivered=3)
    assert sorted(sink.names) == ["a", "b", "c"]


@pytest.mark.parametrize("has_disk", [False, True])
def test_what_ends_after_close(box: MakeBox, tmp_path: Path, has_disk: bool) -> None:
    """A span that ends after shutdown goes to disk, or is lost and counted; nobody waits for it."""
    sink = SteeredSink()
    outbox = box(sink, SteeredSpool(tmp_path / "spool") if has_disk else None)
    outbox.close(0.0)
    receipt = Receipt()
    outbox.submit(ended_span("late"), receipt)
    assert receipt._settled.is_set()
    assert receipt.wait(0.0) is False
    assert sink.batches == []
    if has_disk:
        assert outbox.counters() == Counters(spooled=1)
        assert spans_on_disk(tmp_path / "spool") == ["late"]
    else:
        assert counts(outbox) == (0, 0, {AFTER_SHUTDOWN: 1})


def test_what_ends_after_close_where_the_disk_fails(box: MakeBox, tmp_path: Path) -> None:
    """It is lost and counted, once."""
    spool = SteeredSpool(tmp_path / "spool")
    outbox = box(SteeredSink(), spool)
    outbox.close(0.0)
    spool.write_error = OSError("full")
    submit(outbox, "late")
    assert counts(outbox) == (0, 0, {AFTER_SHUTDOWN: 1})


def test_spans_that_end_while_it_closes(box: MakeBox, tmp_path: Path) -> None:
    """Whatever ends during close is delivered, on disk, or counted as lost; nothing is forgotten."""
    sink = SteeredSink(gated=True)
    outbox = box(sink, SteeredSpool(tmp_path / "spool"))
    outbox.submit(bare_span("first"), Receipt())
    sink.wait_for(1)
    go = threading.Event()

    def end_many() -> None:
        assert go.wait(PATIENCE)
        for number in range(300):
            outbox.submit(bare_span(str(number)))

    threads = [threading.Thread(target=end_many) for _ in range(4)]
    for thread in threads:
        thread.start()
    go.set()
    outbox.close(0.3)
    for thread in threads:
        join(thread)
    sink.gate.set()
    join(outbox._sender.thread)
    counters = outbox.counters()
    assert (counters.pending, total(counters), counters.dropped.total()) == (0, 1_201, 0)


@pytest.mark.usefixtures("patient")
def test_a_receipt_is_sent_without_waiting_for_a_batch(box: MakeBox) -> None:
    """A span that somebody waits for goes at once, with all that waits before it."""
    sink = SteeredSink()
    outbox = box(sink)
    submit(outbox, "a")
    receipt = Receipt()
    outbox.submit(ended_span("b"), receipt)
    assert receipt.wait(PATIENCE) is True
    assert sink.names == ["a", "b"]


@pytest.mark.parametrize(
    ("outcome", "confirmed", "dropped"),
    [
        (DELIVERED, True, {}),
        (sinks.REJECTED, False, {REJECTED: 1}),
        (Outcome(Verdict.DELIVERED, "refused", 1), False, {REFUSED: 1}),
        (STAYS, False, {}),
    ],
    ids=["delivered", "rejected", "refused", "stays"],
)
def test_a_receipt_tells_the_fate_of_its_span(
    box: MakeBox, outcome: Outcome, confirmed: bool, dropped: dict[str, int]
) -> None:
    """True means that a collector confirmed the span; who waits is told as soon as that is known."""
    outbox = box(SteeredSink(outcome))
    receipt = Receipt()
    outbox.submit(ended_span("a"), receipt)
    began = time.monotonic()
    assert receipt.wait(PATIENCE) is confirmed
    assert time.monotonic() - began < PATIENCE / 2
    until(outbox, lambda counters: dict(counters.dropped) == dropped)


def test_a_receipt_that_is_not_confirmed_yet(box: MakeBox) -> None:
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


def test_a_receipt_of_a_dropped_span_does_not_wait(box: MakeBox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for a span that is dropped is told at once."""
    monkeypatch.setattr(stock_module, "MOST_SPANS", 1)
    sink = SteeredSink()
    sink.pack_gate.clear()
    outbox = box(sink)
    submit(outbox, "in work")
    outbox.hurry()
    sink.wait_for_packing(1)
    receipt = Receipt()
    outbox.submit(ended_span("dropped"), receipt)
    submit(outbox, "newer")
    began = time.monotonic()
    assert receipt.wait(PATIENCE) is False
    assert time.monotonic() - began < PATIENCE / 2


def test_who_waits_at_close_is_told(box: MakeBox) -> None:
    """Closing leaves nobody waiting for a span that was given up."""
    sink = SteeredSink()
    sink.pack_gate.clear()
    outbox = box(sink)
    receipts = [Receipt(), Receipt()]
    outbox.submit(bare_span("in work"), receipts[0])
    sink.wait_for_packing(1)
    outbox.submit(bare_span("waiting"), receipts[1])
    assert outbox.close(0.1) is False
    sink.release()
    join(outbox._encoder.thread)
    assert [receipt._settled.is_set() for receipt in receipts] == [True, True]


def test_the_reserve_for_the_disk_is_part_of_the_budget() -> None:
    """What closing keeps of its time to write to disk is not added to it."""
    assert outbox_module._MOST_RESERVE <= 0.5
