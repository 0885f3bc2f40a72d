"""The first thread's decisions: when to pack, what to keep on disk. Made here without a thread."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from contextcompany.delivery.outbox import encoder as encoder_module
from contextcompany.delivery.outbox import stock as stock_module
from contextcompany.delivery.outbox.counters import Counters
from contextcompany.delivery.outbox.desk import NEVER, Desk
from contextcompany.delivery.outbox.encoder import DOUBT_SECONDS, INTERNAL_ERROR, PROBE_SECONDS, Encoder
from contextcompany.delivery.outbox.entry import Entry, Receipt
from contextcompany.delivery.outbox.shelf import Shelf
from contextcompany.delivery.outbox.stock import AT_SHUTDOWN
from contextcompany.diagnostics import guard
from tests.delivery.outbox.spools import SteeredSpool, spans_on_disk
from tests.delivery.sinks import LATER, SteeredSink, bare_span, join, parcel, total
from tests.delivery.spool.otlp import names_in

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from contextcompany.delivery.outbox.parcel import Parcel
    from contextcompany.delivery.outbox.sinks import Packed
    from contextcompany.delivery.outbox.worker import Task
    from contextcompany.sdk import ReadableSpan


class Stage:
    """An encoder that nobody has started, with all that it works with."""

    def __init__(self, folder: Path | None = None, *, unknown: bool = False) -> None:
        self.sink = SteeredSink(unknown=unknown)
        self.spool = spool = None if folder is None else SteeredSpool(folder)
        self.desk = Desk("there", None if spool is None else Shelf(lambda: spool))
        self.called = 0
        self.encoder = Encoder(self.desk, self.sink, self._call)

    def _call(self) -> None:
        self.called += 1

    def add(self, *names: str, receipt: Receipt | None = None) -> None:
        """Let spans end just now."""
        self.desk.oldest_at = time.monotonic()
        for name in names:
            self.desk.stock.add(Entry(bare_span(name), receipt))

    def look(self, later: float = 0.0) -> Task | float:
        """Ask for the next task, some seconds later."""
        with self.desk.changed:
            return self.encoder.look(time.monotonic() + later)

    def do(self, later: float = 0.0) -> None:
        """Do the next task, which there must be."""
        task = self.look(later)
        assert callable(task), task
        task()

    def waits(self, later: float = 0.0) -> float:
        """Return the seconds until the next task; there must be none now."""
        found = self.look(later)
        assert isinstance(found, float)
        return found

    def way(self, one: Parcel) -> Parcel:
        """Let a parcel be on its way."""
        self.desk.stock.on_the_way = one
        return one

    def packed(self) -> list[list[str]]:
        """Return the names of the spans in the parcels that wait."""
        return [names_in(one.body) for one in self.desk.stock.parcels]


def test_nothing_to_do(tmp_path: Path) -> None:
    """An empty outbox has no task, ever."""
    assert Stage().waits() == NEVER
    assert Stage(tmp_path / "spool").waits() == NEVER


def test_young_spans_wait_for_company() -> None:
    """A batch that is not full goes when its oldest span is half a second old, and the sender is called."""
    stage = Stage()
    stage.add("a", "b")
    assert 0.3 < stage.waits() <= 0.5
    assert (stage.sink.packed, stage.called) == (0, 0)
    stage.do(0.5)
    assert (stage.packed(), stage.called, len(stage.desk.stock)) == ([["a", "b"]], 1, 0)
    assert stage.waits() == NEVER


@pytest.mark.parametrize("why", ["urgent", "closing", "full"])
def test_some_batches_do_not_wait(monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    """A full batch goes at once, and every batch while somebody waits or the outbox is being closed."""
    monkeypatch.setattr(stock_module, "BATCH_SPANS", 2)
    stage = Stage()
    stage.add("a", "b", "c")
    if why != "full":
        setattr(stage.desk, why, True)
    stage.do()
    assert stage.packed() == [["a", "b"]]
    if why == "full":
        assert 0.3 < stage.waits() <= 0.5
    else:
        stage.do()
        assert stage.packed() == [["a", "b"], ["c"]]
        assert stage.desk.urgent is False


def test_a_bug_while_packing_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The batch is lost with a reason, those who wait are told, and the next batch is packed."""
    monkeypatch.setattr(guard, "strict", False)
    stage, receipt = Stage(), Receipt()
    receipt.delivered = True

    def fail(name: str) -> None:
        raise RuntimeError(name)

    stage.sink.on_call = fail
    stage.add("a", "b", receipt=receipt)
    stage.do(1.0)
    assert stage.desk.counters() == Counters(dropped=Counter({INTERNAL_ERROR: 2}))
    assert receipt.delivered is False
    stage.sink.on_call = str
    stage.add("c")
    stage.do(1.0)
    assert stage.packed() == [["c"]]


def test_a_bug_after_a_slow_redaction_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what was prepared is lost with it; the rest waits, and is counted as nothing else."""
    monkeypatch.setattr(guard, "strict", False)
    stage = Stage()
    stage.add("a", "b", "c")
    stage.desk.urgent = True

    def first(batch: Sequence[Entry]) -> list[ReadableSpan]:
        return [batch[0].span]

    def broken(batch: Sequence[Entry], spans: Sequence[ReadableSpan]) -> Packed:
        raise LookupError("a bug")

    monkeypatch.setattr(stage.sink, "prepared", first)
    monkeypatch.setattr(stage.sink, "pack", broken)
    stage.do()
    assert stage.desk.counters() == Counters(pending=2, dropped=Counter({INTERNAL_ERROR: 1}))


def test_an_interruption_loses_nothing() -> None:
    """Who interrupts the program while it packs gets through, and the spans wait again, in order."""
    stage = Stage()

    def interrupt(name: str) -> None:
        raise KeyboardInterrupt

    stage.add("a", "b")
    stage.sink.on_call = interrupt
    with pytest.raises(KeyboardInterrupt):
        stage.do(1.0)
    stage.sink.on_call = str
    stage.add("c")
    assert stage.desk.counters() == Counters(pending=3)
    stage.do(1.0)
    assert stage.packed() == [["a", "b", "c"]]


def test_who_waits_for_what_is_packed_at_the_end_is_told() -> None:
    """A batch that is given up while it is packed is lost, and nobody waits for it any longer."""
    stage, receipt = Stage(), Receipt()
    stage.add("a", receipt=receipt)
    stage.sink.pack_gate.clear()
    packing = threading.Thread(target=stage.do, args=(1.0,))
    packing.start()
    stage.sink.wait_for_packing(1)
    with stage.desk.changed:
        stage.desk.closed = True
        stage.desk.stock.give_up()
    stage.sink.release()
    join(packing)
    assert stage.desk.counters() == Counters(dropped=Counter({AT_SHUTDOWN: 1}))
    assert receipt._settled.is_set()


def test_what_waits_too_long_is_kept(tmp_path: Path) -> None:
    """A parcel that nobody sends for 0.2 seconds goes to disk, and the sender is told to look there."""
    stage = Stage(tmp_path / "spool")
    stage.desk.stock.put_back(parcel("a", "b"), at_front=False)
    assert 0.1 < stage.waits() <= DOUBT_SECONDS
    stage.do(DOUBT_SECONDS)
    assert stage.desk.counters() == Counters(spooled=2)
    assert spans_on_disk(tmp_path / "spool") == ["a", "b"]
    assert stage.called == 1
    assert stage.desk.drain_at <= time.monotonic()
    assert stage.waits() == NEVER


def test_while_delivery_fails_everything_is_kept_at_once(tmp_path: Path) -> None:
    """Nothing stays in memory longer than it must, oldest first, and small parcels share a file."""
    stage = Stage(tmp_path / "spool")
    stage.desk.schedule.failed(LATER, time.monotonic())
    for name in "abc":
        stage.desk.stock.put_back(parcel(name), at_front=False)
    stage.do()
    assert stage.desk.counters() == Counters(spooled=3)
    assert spans_on_disk(tmp_path / "spool") == ["a", "b", "c"]
    assert stage.desk.shelf is not None
    assert len(stage.desk.shelf.names()) == 1


def test_keeping_goes_before_packing(tmp_path: Path) -> None:
    """What is packed is brought to disk before more is packed."""
    stage = Stage(tmp_path / "spool")
    stage.desk.schedule.failed(LATER, time.monotonic())
    stage.add("b")
    stage.desk.urgent = True
    stage.desk.stock.put_back(parcel("a"), at_front=False)
    stage.do()
    assert (stage.desk.counters(), stage.sink.packed) == (Counters(pending=1, spooled=1), 0)
    stage.do()
    assert stage.packed() == [["b"]]


def test_what_cannot_be_kept_waits_in_memory(tmp_path: Path) -> None:
    """Where the disk fails the parcel keeps its place, and the disk is left alone for a while."""
    stage = Stage(tmp_path / "spool")
    assert stage.spool is not None
    stage.spool.write_error = OSError("full")
    stage.desk.schedule.failed(LATER, time.monotonic())
    for name in "ab":
        stage.desk.stock.put_back(parcel(name), at_front=False)
    stage.do()
    assert (stage.packed(), stage.desk.counters()) == ([["a", "b"]], Counters(pending=2))
    assert 0 < stage.waits() <= 30
    assert stage.spool.begun == 1


def test_a_request_that_takes_long_is_doubted(tmp_path: Path) -> None:
    """What is on its way for 0.2 seconds is copied to a file of its own, once."""
    stage = Stage(tmp_path / "spool")
    stage.desk.schedule.failed(LATER, time.monotonic())
    stage.desk.stock.put_back(parcel("kept"), at_front=False)
    stage.do()
    way = stage.way(parcel("a", "b"))
    assert 0.1 < stage.waits() <= DOUBT_SECONDS
    assert stage.desk.counters() == Counters(pending=2, spooled=1)
    task = stage.look(DOUBT_SECONDS)
    assert stage.desk.doubting is way
    assert stage.waits(DOUBT_SECONDS) == NEVER
    assert callable(task)
    task()
    assert stage.desk.counters() == Counters(spooled=3)
    assert stage.desk.shelf is not None
    assert stage.desk.shelf.names()[-1] == way.file
    assert len(stage.desk.shelf.names()) == 2
    assert stage.waits(DOUBT_SECONDS) == NEVER


def test_what_came_from_disk_is_not_copied(tmp_path: Path) -> None:
    """A parcel that was read from a file needs no copy."""
    stage = Stage(tmp_path / "spool")
    stage.way(parcel("a")).file = "a file"
    assert stage.waits(10.0) == NEVER


def test_without_a_shelf_all_stays_in_memory() -> None:
    """Nothing is kept where nothing may be."""
    stage = Stage()
    stage.desk.schedule.failed(LATER, time.monotonic())
    stage.desk.stock.put_back(parcel("a"), at_front=False)
    stage.way(parcel("b"))
    assert stage.waits(10.0) == NEVER
    assert stage.encoder.look_to_keep() is None
    assert stage.desk.counters() == Counters(pending=2)


def test_at_the_end_everything_is_kept(tmp_path: Path) -> None:
    """Whatever its age, each parcel and a copy of what is on its way can be brought to disk."""
    stage = Stage(tmp_path / "spool")
    stage.desk.stock.put_back(parcel("a"), at_front=False)
    stage.way(parcel("b"))
    for _ in range(2):
        task = stage.encoder.look_to_keep()
        assert task is not None
        task()
    assert stage.encoder.look_to_keep() is None
    assert stage.desk.counters() == Counters(spooled=2)


def test_a_write_that_ends_after_the_end(tmp_path: Path) -> None:
    """What was being written when everything was given up is counted once, wherever it is then."""
    stage = Stage(tmp_path / "spool")
    assert stage.spool is not None
    stage.spool.after.clear()
    stage.desk.stock.put_back(parcel("a", "b"), at_front=False)
    writing = threading.Thread(target=stage.do, args=(1.0,))
    writing.start()
    stage.spool.wait_for_written(1)
    with stage.desk.changed:
        stage.desk.closed = True
        stage.desk.stock.give_up()
    stage.spool.release()
    join(writing)
    counters = stage.desk.counters()
    assert (counters.pending, total(counters)) == (0, 2)


def test_a_copy_that_is_written_after_the_end(tmp_path: Path) -> None:
    """What is on its way is not lost and on disk at once."""
    stage = Stage(tmp_path / "spool")
    assert stage.spool is not None
    stage.spool.after.clear()
    stage.way(parcel("a", "b"))
    writing = threading.Thread(target=stage.do, args=(1.0,))
    writing.start()
    stage.spool.wait_for_written(1)
    with stage.desk.changed:
        stage.desk.closed = True
        stage.desk.stock.give_up()
    stage.spool.release()
    join(writing)
    counters = stage.desk.counters()
    assert (counters.pending, total(counters)) == (0, 2)


def test_nobody_at_the_implicit_destination(caplog: pytest.LogCaptureFixture) -> None:
    """Spans wait unpacked, one quiet line says how to see them, and it is asked again every 2 seconds."""
    caplog.set_level(logging.INFO, "contextcompany")
    stage, receipt = Stage(unknown=True), Receipt()
    receipt.delivered = True
    stage.sink.is_there = False
    stage.add("a", receipt=receipt)
    for asked in (1, 2, 3):
        stage.do(PROBE_SECONDS * (asked - 1))
        assert PROBE_SECONDS - 0.5 < stage.waits() <= PROBE_SECONDS
        assert stage.sink.probes == asked
    stage.desk.speak()
    assert (stage.desk.counters(), stage.sink.packed, stage.called) == (Counters(pending=1), 0, 0)
    assert receipt.delivered is False
    (line,) = caplog.records
    assert (line.levelname, "TCC_URL" in line.getMessage()) == ("INFO", True)


def test_somebody_at_the_implicit_destination() -> None:
    """Once the collector of this package answers, what waits is packed and sent."""
    stage = Stage(unknown=True)
    stage.sink.is_there = False
    stage.add("a")
    stage.do()
    stage.sink.is_there = True
    stage.do(PROBE_SECONDS)
    assert (stage.desk.probes_failed, stage.called) == (0, 1)
    stage.do(PROBE_SECONDS)
    assert stage.packed() == [["a"]]


def test_nobody_is_asked_for_nothing() -> None:
    """Where no span waits nobody is asked who they are."""
    stage = Stage(unknown=True)
    assert stage.waits() == NEVER
    assert stage.sink.probes == 0


def test_a_second_covers_a_batch_and_a_doubt() -> None:
    """A process that is killed loses at most the spans of its last second."""
    assert encoder_module.BATCH_SECONDS + DOUBT_SECONDS < 1.0


def test_at_the_end_no_span_is_lost_for_its_price() -> None:
    """While the price list is loaded a batch waits for it, until the time for closing is nearly over."""
    stage = Stage()
    stage.encoder._is_warming = True
    stage.add("a")
    stage.desk.closing = True
    now = time.monotonic()
    stage.desk.deadline = now + 1.5
    assert stage.encoder.look(now) == pytest.approx(0.05)
    assert callable(stage.encoder.look(now + 0.8))
