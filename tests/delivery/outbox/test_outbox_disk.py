"""The outbox with a disk: what cannot be delivered is there, and nothing is there twice or for ever."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from contextcompany.delivery.outbox import outbox as outbox_module
from contextcompany.delivery.outbox import stock as stock_module
from contextcompany.delivery.outbox.counters import Counters
from contextcompany.delivery.outbox.entry import Receipt
from contextcompany.delivery.outbox.shelf import FULL, Shelf
from contextcompany.delivery.spool.spool import Spool
from tests.delivery.outbox.spools import SteeredSpool, spans_on_disk
from tests.delivery.sinks import (
    DELIVERED,
    LATER,
    MALFORMED,
    STAYS,
    MakeBox,
    SteeredSink,
    bare_span,
    collector_sink,
    holds_lock,
    join,
    parcel,
    submit,
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


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Name a folder that does not exist yet."""
    return tmp_path / "spool"


def many(count: int, first: int = 0) -> list[str]:
    """Return names of spans."""
    return [str(number) for number in range(first, first + count)]


def end(names: list[str], submit_to: Callable[..., None]) -> None:
    """Let bare spans end."""
    for name in names:
        submit_to(bare_span(name))


@pytest.mark.usefixtures("hasty")
def test_a_healthy_collector_needs_no_disk(box: MakeBox, folder: Path) -> None:
    """Where everything is delivered at once no folder is made."""
    outbox = box(SteeredSink(), SteeredSpool(folder))
    submit(outbox, *"abc")
    assert outbox.flush(PATIENCE) is True
    assert outbox.close(PATIENCE) is True
    assert outbox.counters() == Counters(delivered=3)
    assert not folder.exists()


@pytest.mark.usefixtures("hasty")
def test_a_hanging_request_does_not_stop_the_spilling(box: MakeBox, folder: Path) -> None:
    """While one request hangs, it and all that ends meanwhile is on disk; memory is empty."""
    sink = SteeredSink(gated=True)
    outbox = box(sink, SteeredSpool(folder))
    submit(outbox, "hanging")
    sink.wait_for(1)
    for number in (1, 2, 3):
        end(many(200, 1_000 * number), outbox.submit)
        until(outbox, lambda counters, kept=1 + 200 * number: counters.spooled == kept)  # type: ignore[misc]
    assert outbox.counters() == Counters(spooled=601)
    on_disk = spans_on_disk(folder)
    assert len(on_disk) == len(set(on_disk)) == 601
    assert sink.batches == [["hanging"]]
    sink.gate.set()
    assert outbox.flush(PATIENCE) is True
    assert outbox.counters() == Counters(delivered=601)
    assert len(sink.names) == len(set(sink.names)) == 601
    outbox.close(PATIENCE)
    join(outbox._sender.thread)
    assert spans_on_disk(folder) == []


def test_what_takes_long_is_on_disk_until_it_is_delivered(box: MakeBox, folder: Path) -> None:
    """A request of more than 0.2 seconds has a copy on disk, which goes when the answer comes."""
    with LoopbackServer(Answer(hangs=True)) as server:
        outbox = box(collector_sink(server.url), SteeredSpool(folder))
        receipt = Receipt()
        outbox.submit(ended_span("a"), receipt)
        until(outbox, lambda counters: counters.spooled == 1)
        assert spans_on_disk(folder) == ["a"]
        server.release()
        assert receipt.wait(PATIENCE) is True
        assert outbox.close(PATIENCE) is True
        join(outbox._sender.thread)
        assert [request.span_names for request in server.requests] == [["a"]]
    assert outbox.counters() == Counters(delivered=1)
    assert spans_on_disk(folder) == []


@pytest.mark.usefixtures("hasty")
def test_an_outage_leaves_nothing_in_memory(box: MakeBox, folder: Path) -> None:
    """While a collector fails everything goes to disk; when it is back all arrives, in order, and once."""
    with LoopbackServer() as server:
        url, port = server.url, server.port
    outbox = box(collector_sink(url), SteeredSpool(folder))
    for number in range(3):
        end(many(100, 100 * number), outbox.submit)
        until(outbox, lambda counters, kept=100 * (number + 1): counters.spooled == kept)  # type: ignore[misc]
    counters = outbox.counters()
    assert (counters.pending, counters.spooled, counters.delivered, total(counters)) == (0, 300, 0, 300)
    with LoopbackServer(port=port) as server:
        assert outbox.flush(PATIENCE) is True
        assert [name for request in server.requests for name in request.span_names] == many(300)
    counters = outbox.counters()
    assert (counters.delivered, total(counters)) == (300, 300)


@pytest.mark.usefixtures("hasty")
def test_an_outage_ends_without_a_flush(box: MakeBox, folder: Path) -> None:
    """A collector that is back gets everything although no further span ends."""
    sink = SteeredSink(LATER, LATER, LATER, DELIVERED)
    outbox = box(sink, SteeredSpool(folder))
    submit(outbox, *"abc")
    until(outbox, lambda counters: counters.delivered == 3)
    assert outbox.counters() == Counters(delivered=3, last_error="busy")


def test_the_next_process_delivers_the_rest(box: MakeBox, folder: Path) -> None:
    """What one outbox leaves on disk the next one sends, once, and counts apart from its own."""
    first = box(SteeredSink(STAYS), SteeredSpool(folder))
    end(many(20), first.submit)
    assert first.close(PATIENCE) is False
    assert first.counters() == Counters(spooled=20, last_error="the key was refused")
    sink = SteeredSink()
    second = box(sink, SteeredSpool(folder))
    submit(second, "own")
    second.recover()
    until(second, lambda counters: counters.recovered == 20)
    assert second.flush(PATIENCE) is True
    assert second.counters() == Counters(delivered=1, recovered=20)
    assert sorted(sink.names) == sorted([*many(20), "own"])
    assert first.counters() == Counters(handed_over=20, last_error="the key was refused")


def test_recovering_nothing(box: MakeBox, folder: Path) -> None:
    """Where nobody left anything no thread is started and no folder made."""
    outbox = box(SteeredSink(), SteeredSpool(folder))
    outbox.recover()
    assert (outbox._encoder.thread, outbox._sender.thread) == (None, None)
    assert not folder.exists()


def test_recovery_needs_no_span(box: MakeBox, folder: Path) -> None:
    """What an earlier process left is sent although this one records nothing."""
    Spool(folder).write(parcel("left").body, 1)
    outbox = box(SteeredSink(), SteeredSpool(folder))
    outbox.recover()
    until(outbox, lambda counters: counters.recovered == 1)


def test_closing_awaits_the_answer_for_what_is_recovered(
    box: MakeBox, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another process left, and is being sent, is counted and off the disk when closing is done."""
    monkeypatch.setattr(outbox_module, "_ANSWER_SECONDS", PATIENCE)
    Spool(folder).write(parcel("left").body, 1)
    sink = SteeredSink(gated=True)
    outbox = box(sink, SteeredSpool(folder))
    outbox.recover()
    sink.wait_for(1)
    threading.Timer(0.05, sink.gate.set).start()
    assert outbox.close(PATIENCE) is True
    assert outbox.counters() == Counters(recovered=1)
    assert spans_on_disk(folder) == []


def test_another_process_takes_over(box: MakeBox, folder: Path) -> None:
    """Files that another process with the same key took are counted as handed over, and flush is done."""
    outbox = box(SteeredSink(STAYS), SteeredSpool(folder))
    end(many(5), outbox.submit)
    assert outbox.flush(PATIENCE) is False
    until(outbox, lambda counters: counters.spooled == 5)
    other = Spool(folder)
    with other.exclusive() as may_send:
        assert may_send is True
        for name in other.names():
            other.leave_word(name)
            other.remove(name)
    assert outbox.counters() == Counters(handed_over=5, last_error="the key was refused")
    assert outbox.flush(PATIENCE) is True


def test_flush_while_another_process_sends(box: MakeBox, folder: Path) -> None:
    """Flush waits while another process sends from the folder, and sends what that leaves."""
    sink = SteeredSink(STAYS, DELIVERED)
    outbox = box(sink, SteeredSpool(folder))
    submit(outbox, "a")
    assert outbox.flush(PATIENCE) is False
    until(outbox, lambda counters: counters.spooled == 1)
    with Spool(folder).exclusive():
        assert outbox.flush(0.3) is False
    assert outbox.flush(PATIENCE) is True
    assert sink.batches == [["a"], ["a"]]


def test_what_is_written_while_it_is_sent_counts_once(box: MakeBox, folder: Path) -> None:
    """A file that is delivered before the one who wrote it has said so is delivered, and nothing else."""
    sink, spool = SteeredSink(STAYS, DELIVERED), SteeredSpool(folder)
    outbox, receipt = box(sink, spool), Receipt()
    submit(outbox, "a")
    assert outbox.flush(PATIENCE) is False
    until(outbox, lambda counters: counters.spooled == 1)
    spool.after.clear()
    outbox.submit(bare_span("b"), receipt)
    spool.wait_for_written(2)
    outbox.hurry()
    with outbox._desk.changed:  # the file may be sent now, but need not
        outbox._desk.changed.wait_for(lambda: outbox._desk.counters().delivered > 0, 0.5)
    spool.release()
    assert outbox.flush(PATIENCE) is True
    assert sorted(sink.names) == ["a", "a", "b"]
    assert outbox.counters() == Counters(delivered=2, last_error="the key was refused")
    assert receipt.wait(PATIENCE) is True


def test_the_shelf_is_asked_with_the_lock(
    box: MakeBox, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is known of files is read with the lock held: another thread may be changing it."""
    plain: Callable[[Shelf], int] = vars(Shelf)["spans"].fget
    asked: list[bool] = []
    outbox = box(SteeredSink(LATER, DELIVERED), SteeredSpool(folder))

    def spans(shelf: Shelf) -> int:
        asked.append(holds_lock(outbox._desk))
        return plain(shelf)

    monkeypatch.setattr(Shelf, "spans", property(spans))
    submit(outbox, *"abc")
    assert outbox.flush(PATIENCE) is True
    outbox.counters()
    assert asked
    assert all(asked)


@pytest.mark.usefixtures("hasty")
def test_a_disk_that_is_full_loses_nothing(
    box: MakeBox, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Where nothing can be written spans wait in memory, one warning says so, and they arrive later."""
    sink, spool = SteeredSink(LATER, gated=True), SteeredSpool(folder)
    spool.write_error = OSError(28, "No space left on device")
    outbox = box(sink, spool)
    end(many(50), outbox.submit)
    sink.wait_for(1)
    sink.gate.set()
    said = (
        "spans cannot be kept on disk ([Errno 28] No space left on device): they wait in memory; "
        "TCC_SPOOL_DIR moves it"
    )

    def lines() -> list[str]:
        return [record.getMessage() for record in caplog.records if "cannot be kept" in record.getMessage()]

    # The disk is tried only while the collector is busy, and by another thread.
    until(outbox, lambda counters: counters.last_error == "busy" and bool(lines()))
    assert (outbox.counters().pending, outbox.counters().spooled) == (50, 0)
    sink.outcomes = [DELIVERED]
    assert outbox.flush(PATIENCE) is True
    assert outbox.counters() == Counters(delivered=50, last_error="busy")
    assert lines() == [said]


@pytest.mark.usefixtures("hasty")
def test_a_spool_that_is_full_drops_the_oldest(
    box: MakeBox, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over the bound of the disk the oldest files go, counted, and all others are still delivered."""
    monkeypatch.setattr(stock_module, "BATCH_SPANS", 1)
    monkeypatch.setattr(stock_module, "BATCH_BYTES", 1)  # each span has a file of its own
    sink = SteeredSink(STAYS)
    outbox = box(sink, SteeredSpool(folder, most_bytes=2_000_000))
    outbox.submit(bare_span("0", "x" * 300_000))
    # From here on nothing is sent: what comes back from its way has a younger file than it has age.
    until(outbox, lambda counters: counters.spooled == 1)
    for number in range(1, 10):
        outbox.submit(bare_span(str(number), "x" * 300_000))
    until(outbox, lambda counters: counters.pending == 0)
    counters = outbox.counters()
    assert (counters.spooled, dict(counters.dropped)) == (6, {FULL: 4})
    sink.outcomes = [DELIVERED]
    assert outbox.flush(PATIENCE) is True
    assert sorted(sink.names[-6:]) == many(6, 4)
    assert total(outbox.counters()) == 10


def test_a_collector_that_cannot_read_anything_loses_nothing(box: MakeBox, folder: Path) -> None:
    """Spans that a collector refuses as malformed, all of them, stay, and arrive when it is mended."""
    sink = SteeredSink(MALFORMED)
    outbox = box(sink, SteeredSpool(folder))
    end(many(100), outbox.submit)
    assert outbox.flush(0.5) is False
    counters = outbox.counters()
    assert (counters.pending + counters.spooled, total(counters)) == (100, 100)
    sink.outcomes = [DELIVERED]
    assert outbox.flush(PATIENCE) is True
    assert outbox.counters() == Counters(delivered=100, last_error="unreadable")


@pytest.mark.parametrize("poisoned", [["7"], ["0", "99"], ["3", "30", "60", "90"]])
def test_poisoned_spans_take_no_neighbours_along(box: MakeBox, folder: Path, poisoned: list[str]) -> None:
    """Spans that a collector cannot read are lost, all others delivered, also by way of the disk."""
    sink = SteeredSink(judge=lambda names, size: MALFORMED if set(poisoned) & set(names) else DELIVERED)
    outbox = box(sink, SteeredSpool(folder))
    end(many(100), outbox.submit)
    assert outbox.flush(PATIENCE) is True
    counters = outbox.counters()
    assert (counters.delivered, counters.dropped.total(), total(counters)) == (
        100 - len(poisoned),
        len(poisoned),
        100,
    )


def test_a_forked_child_leaves_the_parents_files_to_it(box: MakeBox, folder: Path, exiting: Exiting) -> None:
    """A child counts nothing of what the parent has on disk, and does not take it for its own."""
    sink = SteeredSink(STAYS)
    outbox = box(sink, SteeredSpool(folder))
    submit(outbox, "of the parent")
    assert outbox.flush(PATIENCE) is False
    until(outbox, lambda counters: counters.spooled == 1)
    outbox.close(0.1)
    join(outbox._encoder.thread)
    join(outbox._sender.thread)
    outbox.renew_after_fork()
    assert outbox.counters() == Counters()
    sink.outcomes = [DELIVERED]
    began = time.monotonic()
    submit(outbox, "of the child")
    assert outbox.flush(PATIENCE) is True
    assert time.monotonic() - began < PATIENCE / 2
    assert outbox.counters().delivered == 1
