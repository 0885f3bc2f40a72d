"""Callers who outrun the encoder: they wait for a moment where that saves spans, and nowhere else."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from contextcompany.delivery.outbox import outbox as outbox_module
from contextcompany.delivery.outbox import stock as stock_module
from contextcompany.delivery.outbox import worker as worker_module
from contextcompany.delivery.outbox.entry import Receipt
from tests.delivery.outbox.spools import SteeredSpool
from tests.delivery.sinks import LATER, MakeBox, SteeredSink, bare_span, join, submit, total, until
from tests.loopback import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from contextcompany.delivery.outbox.outbox import Outbox
    from contextcompany.delivery.outbox.worker import Task

HALF = 4
"""So many spans may wait before half of the room is taken, where the room is small."""


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let few spans fill the outbox."""
    monkeypatch.setattr(stock_module, "MOST_SPANS", 2 * HALF)


def slept(monkeypatch: pytest.MonkeyPatch, rest: Callable[[], object] = int) -> list[float]:
    """Return the seconds of each wait of a caller; instead of waiting something else is done."""
    found: list[float] = []

    def sleep(seconds: float) -> None:
        found.append(seconds)
        rest()

    monkeypatch.setattr(outbox_module, "time", SimpleNamespace(monotonic=time.monotonic, sleep=sleep))
    return found


def room_in(outbox: Outbox) -> Callable[[], None]:
    """Return what waits until half of the room is free."""

    def wait() -> None:
        desk = outbox._desk
        with desk.changed:
            assert desk.changed.wait_for(lambda: not desk.stock.is_crowded, PATIENCE)

    return wait


def heavy(monkeypatch: pytest.MonkeyPatch) -> str:
    """Let a room of 2 MB hold all, and return a text of which some hundred fill it."""
    monkeypatch.setattr(stock_module, "MOST_BYTES", 2 << 20)
    monkeypatch.setattr(stock_module, "BATCH_BYTES", 64 << 10)
    return "x" * 8_000


@pytest.mark.parametrize("collector", ["hangs", "is busy"])
def test_many_who_record_at_once_lose_nothing_while_there_is_a_disk(
    box: MakeBox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, collector: str
) -> None:
    """Threads that record many times the room as fast as they can give way to the one that writes it down."""
    text = heavy(monkeypatch)
    sink = SteeredSink(LATER, gated=collector == "hangs")
    outbox = box(sink, SteeredSpool(tmp_path / "spool"))
    waited = slept(monkeypatch, room_in(outbox))

    def record() -> None:
        for number in range(200):
            outbox.submit(bare_span(str(number), text))

    threads = [threading.Thread(target=record) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        join(thread)
    counters = outbox.counters()
    assert (total(counters), counters.dropped) == (800, {})
    assert waited


@pytest.mark.usefixtures("patient")
def test_few_large_spans_wake_the_encoder(
    box: MakeBox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Spans that take half of the room long before a batch is due are encoded while the caller gives way."""
    text = heavy(monkeypatch) * 20
    monkeypatch.setattr(worker_module, "_IDLE_SECONDS", 3_600.0)
    monkeypatch.setattr(stock_module, "MOST_BYTES", 8 << 20)
    monkeypatch.setattr(stock_module, "BATCH_BYTES", 400 << 10)
    outbox = box(SteeredSink(), SteeredSpool(tmp_path / "spool"))
    submit(outbox, "first")
    assert outbox.flush(PATIENCE) is True
    encoder, changed = outbox._encoder, outbox._desk.changed
    original, looked = encoder.look, threading.Event()

    def look(now: float) -> Task | float:
        found = original(now)
        if len(outbox._desk.stock):
            looked.set()
        return found

    with changed:
        assert changed.wait_for(lambda: not encoder._is_warming, PATIENCE)
    monkeypatch.setattr(encoder, "look", look)
    waited = slept(monkeypatch, room_in(outbox))
    outbox.submit(bare_span("0", text))
    assert looked.wait(PATIENCE)  # it finds no full batch, and nothing else wakes it from then on
    for number in range(1, 60):
        outbox.submit(bare_span(str(number), text))
    counters = outbox.counters()
    assert (total(counters), counters.dropped) == (61, {})
    assert waited


@pytest.mark.usefixtures("_small", "patient")
def test_a_wait_is_bounded(box: MakeBox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where the encoder does not come forward a caller waits 10 ms in all, and its span is taken."""
    sink = SteeredSink()
    sink.pack_gate.clear()
    outbox = box(sink, SteeredSpool(tmp_path / "spool"))
    outbox.submit(bare_span("first"), Receipt())
    sink.wait_for_packing(1)
    waited = slept(monkeypatch)
    submit(outbox, *"abcd")
    assert waited == []
    submit(outbox, "e")
    assert waited == [0.001] * 10
    assert outbox.counters().pending == HALF + 2


@pytest.mark.usefixtures("_small", "patient")
def test_a_wait_ends_with_its_reason(box: MakeBox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A caller goes on as soon as there is room, or nobody can make any."""
    sink = SteeredSink()
    sink.pack_gate.clear()
    spool = SteeredSpool(tmp_path / "spool")
    outbox = box(sink, spool)
    outbox.submit(bare_span("first"), Receipt())
    sink.wait_for_packing(1)
    waited = slept(monkeypatch, lambda: monkeypatch.setattr(outbox._desk, "closing", True))
    submit(outbox, *"abcde")
    assert len(waited) == 1
    monkeypatch.setattr(outbox._desk, "closing", False)


def _hanging(box: MakeBox, monkeypatch: pytest.MonkeyPatch) -> Outbox:
    sink = SteeredSink(gated=True)
    outbox = box(sink)
    outbox.submit(bare_span("first"), Receipt())
    sink.wait_for(1)
    monkeypatch.setattr(outbox_module, "DOUBT_SECONDS", 0.0)
    return outbox


def _failing(box: MakeBox, _monkeypatch: pytest.MonkeyPatch) -> Outbox:
    outbox = box(SteeredSink(LATER))
    outbox.submit(bare_span("first"), Receipt())
    until(outbox, lambda counters: counters.last_error == "busy")
    return outbox


def _unheard(box: MakeBox, _monkeypatch: pytest.MonkeyPatch) -> Outbox:
    sink = SteeredSink(unknown=True)
    sink.is_there = False
    outbox = box(sink)
    submit(outbox, "first")
    sink.wait_for_probes(1)
    return outbox


@pytest.mark.usefixtures("_small", "patient")
@pytest.mark.parametrize("make", [_hanging, _failing, _unheard])
def test_nobody_waits_in_vain(
    box: MakeBox, monkeypatch: pytest.MonkeyPatch, make: Callable[[MakeBox, pytest.MonkeyPatch], Outbox]
) -> None:
    """Without a disk a collector that hangs, fails or is not there costs the caller no moment."""
    outbox = make(box, monkeypatch)
    waited = slept(monkeypatch)
    submit(outbox, *(str(number) for number in range(3 * HALF)))
    assert outbox.counters().dropped["outbox full"] > 0
    assert waited == []


@pytest.mark.usefixtures("_small", "patient")
def test_nobody_waits_while_it_is_closed(
    box: MakeBox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What ends while the outbox is being closed costs no moment of the time that is left."""
    sink = SteeredSink()
    sink.pack_gate.clear()
    outbox = box(sink, SteeredSpool(tmp_path / "spool"))
    submit(outbox, "first")
    closing = threading.Thread(target=outbox.close, args=(PATIENCE,))
    closing.start()
    sink.wait_for_packing(1)
    waited = slept(monkeypatch)
    submit(outbox, *"abcdef")
    sink.release()
    join(closing)
    assert waited == []
    assert total(outbox.counters()) == 7


@pytest.mark.usefixtures("_small", "patient")
@pytest.mark.parametrize("where", ["pack", "send"])
def test_what_is_recorded_on_the_way_waits_for_nobody(
    box: MakeBox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, where: str
) -> None:
    """A redaction or an exporter that records does so in a thread that cannot outwait itself."""
    sink = SteeredSink()
    outbox = box(sink, SteeredSpool(tmp_path / "spool"))
    done = threading.Event()

    def record(name: str) -> None:
        if name == where and not done.is_set():
            submit(outbox, *"abcdef")
            done.set()

    sink.on_call = record
    waited = slept(monkeypatch)
    outbox.submit(bare_span("first"), Receipt())
    assert done.wait(PATIENCE)
    assert waited == []
    assert outbox.flush(PATIENCE) is True
    assert outbox.counters().delivered == 7
