"""The outbox: what waits, in which order it goes, and what becomes of it."""

from __future__ import annotations

import logging
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from contextcompany.delivery.outbox import outbox as outbox_module
from contextcompany.delivery.outbox import stock as stock_module
from contextcompany.delivery.outbox import worker as worker_module
from contextcompany.delivery.outbox.counters import Counters
from contextcompany.delivery.outbox.dispatch import REFUSED, REJECTED
from contextcompany.delivery.outbox.encoder import INTERNAL_ERROR
from contextcompany.delivery.outbox.entry import Receipt
from contextcompany.delivery.wire.outcomes import Outcome, Verdict
from contextcompany.diagnostics import guard
from contextcompany.local.embedded.collector import Collector
from tests.delivery import sinks
from tests.delivery.outbox.spools import SteeredSpool
from tests.delivery.sinks import (
    DELIVERED,
    LATER,
    MakeBox,
    SteeredSink,
    bare_span,
    collector_sink,
    counts,
    holds_lock,
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


def batches_of(monkeypatch: pytest.MonkeyPatch, spans: int) -> None:
    """Let a batch be full with so many spans."""
    monkeypatch.setattr(stock_module, "BATCH_SPANS", spans)
    monkeypatch.setattr(outbox_module, "BATCH_SPANS", spans)


@pytest.mark.usefixtures("patient")
def test_spans_go_in_batches_and_in_order(box: MakeBox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full batch goes at once, the rest when it is flushed, all in the order in which they ended."""
    batches_of(monkeypatch, 3)
    sink = SteeredSink()
    outbox = box(sink)
    submit(outbox, *"abcdefg")
    sink.wait_for(2)
    assert sink.names == list("abcdef")
    assert outbox.flush(PATIENCE) is True
    assert sink.batches == [["a", "b", "c"], ["d", "e", "f"], ["g"]]
    assert outbox.counters() == Counters(delivered=7)
    assert outbox.close(PATIENCE) is True


@pytest.mark.usefixtures("patient")
def test_batches_are_bounded_in_bytes(box: MakeBox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Large spans go in smaller batches; one that is too large for any goes alone."""
    monkeypatch.setattr(stock_module, "BATCH_BYTES", 50_000)
    sink = SteeredSink()
    outbox = box(sink)
    for name, size in (("a", 20_000), ("b", 20_000), ("c", 200_000), ("d", 20_000), ("e", 1)):
        outbox.submit(ended_span(name, {"text": "x" * size}))
    assert outbox.flush(PATIENCE) is True
    assert sink.names == ["a", "b", "c", "d", "e"]
    assert ["c"] in sink.batches


@pytest.mark.usefixtures("hasty")
def test_a_batch_goes_when_it_is_old_enough(box: MakeBox) -> None:
    """Without any flush a span is on its way after the time of a batch."""
    sink = SteeredSink()
    outbox = box(sink)
    submit(outbox, "a")
    sink.wait_for(1)
    assert sink.batches == [["a"]]


def test_the_caller_never_waits(box: MakeBox) -> None:
    """Submitting returns at once while a request hangs."""
    sink = SteeredSink(gated=True)
    outbox = box(sink)
    outbox.submit(ended_span("a"), Receipt())
    sink.wait_for(1)
    spans = [bare_span(str(number)) for number in range(1_000)]
    began = time.monotonic()
    for span in spans:
        outbox.submit(span)
    assert time.monotonic() - began < 1.0
    assert counts(outbox) == (0, 1_001, {})
    sink.gate.set()
    assert outbox.close(PATIENCE) is True
    assert counts(outbox) == (1_001, 0, {})


def test_the_caller_never_waits_for_packing_or_the_disk(box: MakeBox, tmp_path: Path) -> None:
    """Submitting and counting return at once while the encoder is busy, or its disk hangs."""
    spool = SteeredSpool(tmp_path / "spool")
    sink = SteeredSink(LATER)
    outbox = box(sink, spool)
    spool.before.clear()
    outbox.submit(bare_span("a"), Receipt())
    spool.wait_for_begun(1)
    began = time.monotonic()
    submit(outbox, *"bcd")
    assert outbox.counters().pending == 4
    assert time.monotonic() - began < 1.0
    spool.release()
    until(outbox, lambda counters: counters.spooled == 4)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_what_failed_for_now_is_delivered_once(box: MakeBox, status: int) -> None:
    """After an answer that asks for another try the same spans go again, arrive once, and nothing is lost."""
    with LoopbackServer(Answer(status), Answer(status), Answer(200)) as server:
        outbox = box(collector_sink(server.url))
        submit(outbox, "a", "b")
        assert outbox.flush(PATIENCE) is True
        assert [request.span_names for request in server.requests] == [["a", "b"]] * 3
        assert counts(outbox) == (2, 0, {})
        assert outbox.close(PATIENCE) is True
        assert len(server.requests) == 3


def test_order_survives_a_retry(box: MakeBox, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is put back goes before what came later."""
    batches_of(monkeypatch, 2)
    sink = SteeredSink(LATER, DELIVERED, gated=True)
    outbox = box(sink)
    submit(outbox, "a", "b")
    sink.wait_for(1)
    submit(outbox, "c", "d")
    sink.gate.set()
    assert outbox.flush(PATIENCE) is True
    assert sink.batches == [["a", "b"], ["a", "b"], ["c", "d"]]


def test_a_collector_that_comes_back_gets_everything(box: MakeBox, caplog: pytest.LogCaptureFixture) -> None:
    """Spans of an outage wait; once the collector is back they arrive, and both changes are said once."""
    with Collector() as collector:
        url, port = collector.url, collector.port
    outbox = box(collector_sink(url))
    submit(outbox, *"abc")
    assert outbox.flush(0.2) is False
    assert outbox.flush(0.2) is False
    assert counts(outbox) == (0, 3, {})
    assert outbox.counters().last_error is not None
    with Collector(port=port) as collector:
        assert outbox.flush(PATIENCE) is True
        assert [span.name for span in collector.store.spans()] == ["a", "b", "c"]
    assert counts(outbox) == (3, 0, {})
    sender = outbox._sender.thread
    outbox.close(PATIENCE)
    join(sender)  # it speaks after it has delivered
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(said) == 2
    assert "begins to fail" in said[0]
    assert "works again" in said[1]


def test_what_is_rejected_is_counted(box: MakeBox) -> None:
    """A final refusal loses the batch, counts it, keeps the reason, and the next batch has its own chance."""
    sink = SteeredSink(sinks.REJECTED, DELIVERED)
    outbox = box(sink)
    submit(outbox, "a", "b")
    assert outbox.flush(PATIENCE) is True
    assert outbox.counters() == Counters(dropped=Counter({REJECTED: 2}), last_error="refused")
    submit(outbox, "c")
    assert outbox.flush(PATIENCE) is True
    assert counts(outbox) == (1, 0, {REJECTED: 2})


def test_partial_success_is_counted(box: MakeBox) -> None:
    """Spans that a collector refused of a batch it took are counted apart from the delivered ones."""
    outbox = box(SteeredSink(Outcome(Verdict.DELIVERED, "refused 2 spans", 2)))
    submit(outbox, *"abc")
    assert outbox.flush(PATIENCE) is True
    assert outbox.counters() == Counters(
        delivered=1, dropped=Counter({REFUSED: 2}), last_error="refused 2 spans"
    )


@pytest.mark.parametrize("where", ["pack", "send"])
def test_a_sink_that_raises_loses_no_thread(
    box: MakeBox, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """An error inside a sink is kept from the application and counted; the next batch is delivered."""
    monkeypatch.setattr(guard, "strict", False)
    sink = SteeredSink()

    def fail(name: str) -> None:
        if name == where:
            sink.on_call = str
            raise RuntimeError("a bug")

    sink.on_call = fail
    outbox = box(sink)
    submit(outbox, "a")
    assert outbox.flush(PATIENCE) is True
    submit(outbox, "b")
    assert outbox.flush(PATIENCE) is True
    assert counts(outbox) == (1, 0, {INTERNAL_ERROR: 1})
    assert sink.names == ["b"]
    assert guard.errors == 1


@pytest.mark.usefixtures("patient")
def test_the_oldest_goes_when_there_are_too_many(
    box: MakeBox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Past the bound the oldest spans are dropped and counted, and one warning says so."""
    monkeypatch.setattr(stock_module, "MOST_SPANS", 4)
    sink = SteeredSink()
    outbox = box(sink)
    submit(outbox, *"abcdefg")
    assert counts(outbox) == (0, 4, {"outbox full": 3})
    assert outbox.flush(PATIENCE) is True
    assert sink.batches == [["d", "e", "f", "g"]]
    assert counts(outbox) == (4, 0, {"outbox full": 3})
    assert [record.levelname for record in caplog.records] == ["WARNING"]


@pytest.mark.parametrize("has_disk", [False, True])
def test_memory_is_bounded_while_the_collector_is_down(
    box: MakeBox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, has_disk: bool
) -> None:
    """However much ends, no more than the bound is held; nothing is lost that the disk could hold."""
    monkeypatch.setattr(stock_module, "MOST_BYTES", 1 << 20)
    outbox = box(SteeredSink(LATER), SteeredSpool(tmp_path / "spool") if has_disk else None)
    for number in range(100):
        outbox.submit(bare_span(str(number), "x" * 64_000))
        if has_disk and number % 10 == 9:
            outbox.hurry()
            until(outbox, lambda counters, kept=number + 1: counters.spooled == kept)  # type: ignore[misc]
    counters = outbox.counters()
    assert total(counters) == 100
    assert counters.pending <= (1 << 20) // 64_000
    assert counters.dropped.total() == (0 if has_disk else 100 - counters.pending)


@pytest.mark.usefixtures("hasty")
def test_the_threads_are_lazy_and_leave(box: MakeBox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first span starts the threads, idleness ends them, and the next span starts others."""
    monkeypatch.setattr(worker_module, "_IDLE_SECONDS", 0.05)
    sink = SteeredSink(gated=True)
    outbox = box(sink)
    workers = outbox._encoder, outbox._sender
    assert [worker.thread for worker in workers] == [None, None]
    submit(outbox, "a")
    sink.wait_for(1)
    sender = thread_of(outbox._sender)
    assert sender.daemon
    sink.gate.set()
    join(sender)
    join(outbox._encoder.thread)
    assert [worker.thread for worker in workers] == [None, None]
    submit(outbox, "b")
    sink.wait_for(2)
    assert sink.batches == [["a"], ["b"]]
    assert outbox.close(PATIENCE) is True
    assert counts(outbox) == (2, 0, {})


def test_a_fork_starts_empty(box: MakeBox, exiting: Exiting) -> None:
    """What waited before a fork belongs to the parent; the child begins empty, with a fresh sink."""
    sink = SteeredSink()
    outbox = box(sink)
    span = ended_span("of the parent")
    with exiting():  # no thread comes along into a forked child
        outbox.submit(span)
    outbox.renew_after_fork()
    assert outbox.counters() == Counters()
    assert sink.renewed == 1
    submit(outbox, "of the child")
    assert outbox.close(PATIENCE) is True
    assert sink.batches == [["of the child"]]
    assert counts(outbox) == (1, 0, {})


def test_a_fork_while_the_lock_is_held(box: MakeBox, exiting: Exiting) -> None:
    """A child works although the parent held the lock in another thread when it forked."""
    sink = SteeredSink()
    outbox = box(sink)
    held = outbox._desk.changed
    with held, exiting():
        outbox.renew_after_fork()
    submit(outbox, "of the child")
    assert outbox.flush(PATIENCE) is True
    assert sink.batches == [["of the child"]]


def test_a_log_handler_may_call_back(
    box: MakeBox, calling_back: Callable[[Callable[[str], object]], None]
) -> None:
    """A handler that asks for counts, or ends a span of its own, gets an answer and no deadlock."""
    sink = SteeredSink(LATER, DELIVERED)
    outbox = box(sink)
    seen: list[tuple[str, int, bool]] = []

    def handle(line: str) -> None:
        seen.append((line, total(outbox.counters()), holds_lock(outbox._desk)))
        if len(seen) == 1:
            outbox.submit(bare_span("of the handler"))
            outbox.hurry()

    calling_back(handle)
    submit(outbox, "a")
    assert outbox.flush(PATIENCE) is True
    until(outbox, lambda counters: counters.delivered == 2)
    assert ["begins to fail" in seen[0][0], "works again" in seen[1][0]] == [True, True]
    assert [held for _, _, held in seen] == [False, False]
    assert sorted(set(sink.names)) == ["a", "of the handler"]


@pytest.mark.usefixtures("hasty")
def test_nothing_slow_is_done_with_the_lock(box: MakeBox, tmp_path: Path) -> None:
    """Packing, sending, asking and every touch of the disk happen while others may use the outbox."""
    spool = SteeredSpool(tmp_path / "spool")
    sink = SteeredSink(judge=lambda names, size: LATER if len(sink.batches) < 4 else DELIVERED)
    outbox = box(sink, spool)
    calls: list[tuple[str, bool]] = []

    def note(name: str) -> None:
        calls.append((name, holds_lock(outbox._desk)))

    sink.on_call = spool.on_call = note
    submit(outbox, *"abc")
    until(outbox, lambda counters: counters.spooled == 3)
    submit(outbox, *"def")
    assert outbox.flush(PATIENCE) is True
    submit(outbox, "g")
    assert outbox.close(PATIENCE) is True
    submit(outbox, "late")
    outbox.counters()
    assert [name for name, held in calls if held] == []
    assert {name for name, _ in calls} >= {
        "pack",
        "send",
        "close",
        "write",
        "read",
        "remove",
        "names",
        "exists",
    }


def test_the_implicit_destination_gets_what_waited(box: MakeBox, caplog: pytest.LogCaptureFixture) -> None:
    """Spans wait in memory until the collector of this package is there; one quiet line says so."""
    caplog.set_level(logging.INFO, "contextcompany")
    sink = SteeredSink(unknown=True)
    sink.is_there = False
    outbox = box(sink)
    submit(outbox, "a", "b")
    began = time.monotonic()
    assert outbox.flush(PATIENCE) is False
    assert time.monotonic() - began < PATIENCE / 2
    assert counts(outbox) == (0, 2, {})
    sink.is_there = True
    assert outbox.flush(PATIENCE) is True
    assert sink.batches == [["a", "b"]]
    assert [record.levelname for record in caplog.records] == ["INFO"]


def test_counts_can_be_taken_over(box: MakeBox) -> None:
    """Who replaces an outbox takes its counts when nothing is left in it, once; else it gets nothing."""
    sink = SteeredSink(gated=True)
    outbox = box(sink)
    outbox.submit(bare_span("a"), Receipt())
    sink.wait_for(1)
    assert outbox.take_counters() is None
    sink.gate.set()
    assert outbox.flush(PATIENCE) is True
    assert outbox.take_counters() == Counters(delivered=1)
    assert outbox.take_counters() == Counters()


def test_the_repr_has_the_counts(box: MakeBox) -> None:
    """A debugger shows where an outbox sends and how it stands."""
    outbox = box(SteeredSink())
    assert repr(outbox) == "Outbox(steered, pending=0, delivered=0)"
    submit(outbox, "a")
    outbox.flush(PATIENCE)
    assert repr(outbox) == "Outbox(steered, pending=0, delivered=1)"
