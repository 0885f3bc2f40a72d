"""The second thread's decisions: what to send, and what becomes of it. Made here without a thread."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from contextcompany.delivery.outbox import sender as sender_module
from contextcompany.delivery.outbox.counters import Counters
from contextcompany.delivery.outbox.desk import NEVER, Desk
from contextcompany.delivery.outbox.dispatch import MALFORMED as AS_MALFORMED
from contextcompany.delivery.outbox.dispatch import REFUSED
from contextcompany.delivery.outbox.encoder import INTERNAL_ERROR
from contextcompany.delivery.outbox.entry import Receipt
from contextcompany.delivery.outbox.sender import Sender
from contextcompany.delivery.outbox.shelf import REMOVED, Shelf
from contextcompany.delivery.outbox.stock import AT_SHUTDOWN
from contextcompany.delivery.spool.spool import Spool
from contextcompany.delivery.wire.outcomes import Outcome, Verdict
from contextcompany.diagnostics import guard
from tests.delivery.outbox.spools import SteeredSpool, spans_on_disk
from tests.delivery.sinks import DELIVERED, LATER, MALFORMED, STAYS, TOO_LARGE, SteeredSink, parcel, total

if TYPE_CHECKING:
    from pathlib import Path

    from contextcompany.delivery.outbox.parcel import Parcel
    from contextcompany.delivery.outbox.worker import Task


class Stage:
    """A sender that nobody has started, with all that it works with."""

    def __init__(self, sink: SteeredSink, folder: Path | None = None, *, most_bytes: int = 512 << 20) -> None:
        self.sink = sink
        self.folder = folder
        self.spool = spool = None if folder is None else SteeredSpool(folder, most_bytes=most_bytes)
        self.desk = Desk("there", None if spool is None else Shelf(lambda: spool))
        self.sender = Sender(self.desk, sink, 3.0)

    @property
    def shelf(self) -> Shelf:
        """Return the shelf, which there must be."""
        assert self.desk.shelf is not None
        return self.desk.shelf

    def put(self, one: Parcel) -> Parcel:
        """Let a parcel wait in memory."""
        self.desk.stock.put_back(one, at_front=False)
        return one

    def keep(self, one: Parcel, *, merge: bool = False) -> Parcel:
        """Let a parcel wait on disk."""
        written = self.shelf.write(one, merge=merge)
        assert written is not None
        self.desk.enter(one, written)
        self.desk.drain_at = 0.0
        return one

    def look(self, later: float = 0.0) -> Task | float:
        """Ask for the next task, some seconds later."""
        with self.desk.changed:
            return self.sender.look(time.monotonic() + later)

    def do(self, later: float = 0.0) -> None:
        """Do the next task, which there must be."""
        task = self.look(later)
        assert callable(task), task
        task()
        self.desk.speak()

    def waits(self) -> float:
        """Return the seconds until the next task; there must be none now."""
        found = self.look()
        assert isinstance(found, float)
        return found

    def on_disk(self) -> list[str]:
        """Return the names of the spans on disk."""
        assert self.folder is not None
        return spans_on_disk(self.folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Name a folder that does not exist yet."""
    return tmp_path / "spool"


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the warnings so far."""
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_nothing_to_do(folder: Path) -> None:
    """Where nothing waits there is no task, ever, and no folder is made."""
    assert Stage(SteeredSink()).waits() == NEVER
    assert Stage(SteeredSink(), folder).waits() == NEVER
    assert not folder.exists()


def test_a_parcel_is_sent() -> None:
    """It is on its way and pending while it is sent, then delivered."""
    stage = Stage(SteeredSink())
    one = stage.put(parcel("a", "b"))
    task = stage.look()
    assert stage.desk.stock.on_the_way is one
    assert stage.desk.counters() == Counters(pending=2)
    assert callable(task)
    task()
    assert stage.desk.counters() == Counters(delivered=2)
    assert (stage.sink.timeouts, stage.waits()) == ([3.0], NEVER)


def test_an_unknown_destination_gets_nothing() -> None:
    """Nothing is sent before it is known who is there."""
    stage = Stage(SteeredSink(unknown=True))
    stage.put(parcel("a"))
    assert stage.waits() == NEVER


@pytest.mark.parametrize(("left", "limit"), [(1.0, 1.0), (100.0, 3.0), (-5.0, 0.05)])
def test_a_request_ends_with_the_time_of_closing(left: float, limit: float) -> None:
    """A request may take no longer than what is left, but is always tried."""
    stage = Stage(SteeredSink())
    stage.desk.deadline = time.monotonic() + left
    stage.put(parcel("a"))
    stage.do()
    assert stage.sink.timeouts[0] == pytest.approx(limit, abs=0.2 if left == 1.0 else 1e-6)


def test_what_failed_waits_its_turn_in_memory() -> None:
    """Without a disk it goes back to the front, and the schedule says when it may be tried again."""
    stage = Stage(SteeredSink(LATER, DELIVERED))
    first, second = stage.put(parcel("a")), stage.put(parcel("b"))
    stage.do()
    assert list(stage.desk.stock.parcels) == [first, second]
    assert 0.0 < stage.waits() <= 0.1
    stage.do(0.1)
    stage.do()
    assert stage.sink.batches == [["a"], ["a"], ["b"]]
    assert stage.desk.counters() == Counters(delivered=2, last_error="busy")


def test_files_go_after_parcels(folder: Path) -> None:
    """First what is in memory, then what is on disk, oldest first; what was sent is removed."""
    stage = Stage(SteeredSink(), folder)
    for name in "ab":
        stage.keep(parcel(name))
    stage.put(parcel("c"))
    stage.do()
    assert stage.desk.counters() == Counters(delivered=1, spooled=2)
    stage.do()
    assert stage.sink.batches == [["c"], ["a"], ["b"]]
    assert stage.desk.counters() == Counters(delivered=3)
    assert stage.on_disk() == []
    assert stage.waits() == NEVER


def test_while_failing_one_file_is_tried(folder: Path) -> None:
    """One request tells that a collector still fails; all files stay and the schedule decides."""
    stage = Stage(SteeredSink(LATER), folder)
    for name in "abc":
        stage.keep(parcel(name))
    stage.do()
    assert stage.sink.batches == [["a"]]
    assert stage.desk.counters() == Counters(spooled=3, last_error="busy")
    assert stage.on_disk() == ["a", "b", "c"]
    assert 0.0 < stage.waits() <= 0.1


def test_a_stuck_collector_is_left_alone(folder: Path) -> None:
    """After a refusal for good the next attempt is made in five minutes."""
    stage = Stage(SteeredSink(STAYS), folder)
    stage.keep(parcel("a"))
    stage.do()
    assert 290.0 < stage.waits() <= 300.0


def test_files_of_others_are_recovered(folder: Path) -> None:
    """What an earlier process left is sent, removed, and counted apart."""
    Spool(folder).write(parcel("left", "over").body, 2)
    stage = Stage(SteeredSink(), folder)
    stage.keep(parcel("own"))
    stage.do()
    assert sorted(stage.sink.batches) == [["left", "over"], ["own"]]
    assert stage.desk.counters() == Counters(delivered=1, recovered=2)
    assert stage.on_disk() == []


def test_files_that_others_took(folder: Path) -> None:
    """A file that another process delivers meanwhile is handed over."""
    stage = Stage(SteeredSink(), folder)
    file = stage.keep(parcel("a", "b")).file
    assert file is not None
    Spool(folder).leave_word(file)
    Spool(folder).remove(file)
    stage.do()
    assert stage.sink.batches == []
    assert stage.desk.counters() == Counters(handed_over=2)


def test_files_that_somebody_removed(folder: Path) -> None:
    """A file that is gone without a word is lost, not delivered by others."""
    stage = Stage(SteeredSink(), folder)
    file = stage.keep(parcel("a", "b")).file
    assert file is not None
    (folder / file).unlink()
    stage.do()
    assert stage.desk.counters() == Counters(dropped=Counter({REMOVED: 2}))


def test_one_process_at_a_time(folder: Path) -> None:
    """While another process sends from the folder this one waits, and comes back soon."""
    stage = Stage(SteeredSink(), folder)
    stage.keep(parcel("a"))
    with Spool(folder).exclusive() as other:
        assert other is True
        stage.do()
        assert stage.sink.batches == []
        assert 0.0 < stage.waits() <= 0.25
    stage.do(0.25)
    assert stage.desk.counters() == Counters(delivered=1)


def test_others_files_are_the_others_business(folder: Path) -> None:
    """Who has nothing of its own on disk does not wait for a process that sends."""
    Spool(folder).write(parcel("a").body, 1)
    stage = Stage(SteeredSink(), folder)
    stage.desk.drain_at = 0.0
    with Spool(folder).exclusive():
        stage.do()
    assert stage.waits() == NEVER


def test_a_copy_is_removed_when_its_parcel_is_delivered(folder: Path) -> None:
    """What was on its way for long and lies on disk is delivered once and then gone."""
    stage = Stage(SteeredSink(), folder)
    one = stage.put(parcel("a", "b"))
    task = stage.look()
    stage.keep(one)
    assert stage.desk.counters() == Counters(spooled=2)
    assert callable(task)
    task()
    assert stage.desk.counters() == Counters(delivered=2)
    assert (stage.on_disk(), stage.shelf.gone()) == ([], {})


def test_a_copy_stays_when_its_parcel_is_not_taken(folder: Path) -> None:
    """What is on disk already is not kept in memory too."""
    stage = Stage(SteeredSink(LATER), folder)
    one = stage.put(parcel("a", "b"))
    task = stage.look()
    stage.keep(one)
    assert callable(task)
    task()
    assert stage.desk.counters() == Counters(spooled=2, last_error="busy")
    assert (stage.on_disk(), list(stage.desk.stock.parcels)) == (["a", "b"], [])


def test_a_copy_that_had_to_go_is_not_lost(folder: Path) -> None:
    """A file that made room for others while its spans were on their way: they count once, as delivered."""
    one = parcel("a", text="x" * 1_000)
    stage = Stage(SteeredSink(), folder, most_bytes=2 * len(one.body))
    stage.put(one)
    task = stage.look()
    stage.keep(one)
    stage.keep(parcel("b", text="y" * 1_000))
    assert stage.on_disk() == ["b"]
    assert callable(task)
    task()
    counters = stage.desk.counters()
    assert (counters.delivered, counters.spooled, total(counters)) == (1, 1, 2)


def test_a_copy_that_has_to_go_when_the_answer_is_there(folder: Path) -> None:
    """A copy that makes room for others just before its failed request is settled: its spans stay."""
    one = parcel("a", text="x" * 1_000)
    stage = Stage(SteeredSink(LATER), folder, most_bytes=2 * len(one.body))
    stage.put(one)
    task = stage.look()
    stage.keep(one)
    later = [parcel("b", text="y" * 1_000)]

    class Entered(threading.Condition):
        """The lock of the desk, at which another thread is first when the answer is to be settled."""

        entered = 0

        def __enter__(self) -> bool:
            if stage.sink.batches and later:
                self.entered += 1
                if self.entered == 2:  # the first time is for a look at the file
                    stage.keep(later.pop())
            return super().__enter__()

    stage.desk.changed = Entered(threading.RLock())
    assert callable(task)
    task()
    counters = stage.desk.counters()
    assert (counters.pending, counters.spooled, total(counters)) == (1, 1, 2)


def test_parts_are_on_disk_before_the_whole_goes(folder: Path) -> None:
    """Whatever happens in between, nothing of a file that was taken in part is missing on disk."""
    stage = Stage(SteeredSink(TOO_LARGE, DELIVERED, LATER), folder)
    calls: list[str] = []
    stage.keep(parcel(*"abcd"))
    assert stage.spool is not None
    stage.spool.on_call = calls.append
    stage.do()
    assert [call for call in calls if call in {"write", "remove"}] == ["write", "remove"]
    assert stage.desk.counters() == Counters(delivered=2, spooled=2, last_error="busy")
    assert stage.on_disk() == ["c", "d"]


def test_parts_wait_in_memory_where_the_disk_fails(folder: Path) -> None:
    """What cannot be kept on disk any more is not lost."""
    stage = Stage(SteeredSink(TOO_LARGE, DELIVERED, LATER), folder)
    stage.keep(parcel(*"abcd"))
    assert stage.spool is not None
    stage.spool.write_error = OSError("full")
    stage.do()
    assert stage.desk.counters() == Counters(delivered=2, pending=2, last_error="busy")
    assert stage.on_disk() == []


def test_parts_on_disk_are_looked_after(folder: Path) -> None:
    """What is left of a file that was taken in part has its turn before long, without any further span."""
    stage = Stage(SteeredSink(), folder)
    stage.keep(parcel("before"))
    stage.do()
    sizes = {1: DELIVERED, 2: TOO_LARGE}
    stage.sink.judge = lambda names, size: MALFORMED if names == ["bad"] else sizes[len(names)]
    one = stage.put(parcel("good", "bad"))
    task = stage.look()
    stage.keep(one)
    stage.desk.drain_at = NEVER
    assert callable(task)
    task()
    assert stage.sink.batches == [["before"], ["good", "bad"], ["good"], ["bad"]]
    assert (stage.desk.counters().spooled, stage.on_disk()) == (1, ["bad"])
    task = stage.look(300.0)
    assert callable(task)


def test_a_file_that_cannot_be_removed_is_sent_once(folder: Path) -> None:
    """Where a delivered file cannot be removed this process delivers it once, counts it once, and goes on."""
    stage = Stage(SteeredSink(), folder)
    stage.keep(parcel("a"))
    assert stage.spool is not None
    stage.spool.remove_error = PermissionError(1, "Operation not permitted")
    stage.do()
    stage.keep(parcel("b"))
    stage.do()
    assert stage.sink.batches == [["a"], ["b"]]
    assert stage.desk.counters() == Counters(delivered=2)


def test_a_torn_file_is_no_obstacle(folder: Path) -> None:
    """What cannot be read is set aside, and the files behind it are sent."""
    stage = Stage(SteeredSink(), folder)
    file = stage.keep(parcel("torn")).file
    assert file is not None
    stage.keep(parcel("whole"))
    (folder / file).write_bytes(b"")
    stage.do()
    assert stage.sink.batches == [["whole"]]
    assert (folder / "aside" / file).exists()


def test_what_was_refused_lets_others_go_first() -> None:
    """A single span that may be bad waits behind the others, and is judged after they were taken."""
    stage = Stage(SteeredSink(judge=lambda names, size: MALFORMED if "bad" in names else DELIVERED))
    for name in ("bad", "b", "c"):
        stage.put(parcel(name))
    stage.do()
    stage.do(10.0)
    stage.do(10.0)
    stage.do(10.0)
    assert stage.sink.batches == [["bad"], ["b"], ["c"], ["bad"]]
    assert stage.desk.counters() == Counters(
        delivered=2, dropped=Counter({AS_MALFORMED: 1}), last_error="unreadable"
    )


def test_receipts_of_a_stuck_collector_are_told() -> None:
    """Who waits for spans that a collector refuses for good does not wait in vain."""
    stage, receipts = Stage(SteeredSink(STAYS)), [Receipt(), Receipt()]
    for name, receipt in zip("ab", receipts, strict=True):
        stage.put(parcel(name, receipts={name: receipt}))
    stage.do()
    assert [receipt._settled.is_set() for receipt in receipts] == [True, True]
    assert [receipt.delivered for receipt in receipts] == [False, False]


def test_receipts_survive_the_disk(folder: Path) -> None:
    """Who waits for a span that went to disk meanwhile is told when it is delivered."""
    stage, receipt = Stage(SteeredSink(), folder), Receipt()
    stage.keep(parcel("a", receipts={"a": receipt}))
    stage.do()
    assert receipt.wait(0.0) is True


def test_a_bug_while_sending_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The parcel is lost with a reason, those who wait are told, and the next one is sent."""
    monkeypatch.setattr(guard, "strict", False)
    stage, receipt = Stage(SteeredSink()), Receipt()
    receipt.delivered = True

    def fail(name: str) -> None:
        raise RuntimeError(name)

    stage.sink.on_call = fail
    stage.put(parcel("a", receipts={"a": receipt}))
    stage.do()
    assert stage.desk.counters() == Counters(dropped=Counter({INTERNAL_ERROR: 1}), last_error=INTERNAL_ERROR)
    assert receipt.delivered is False
    stage.sink.on_call = str
    stage.put(parcel("b"))
    stage.do()
    assert stage.desk.counters().delivered == 1


@pytest.mark.parametrize("has_disk", [True, False])
def test_what_comes_back_after_the_end(folder: Path, has_disk: bool) -> None:
    """A request that fails after the outbox was closed leaves its spans on disk, or lost and counted."""
    stage = Stage(SteeredSink(LATER), folder if has_disk else None)
    stage.put(parcel("a", "b"))
    task = stage.look()
    stage.desk.closed = True
    stage.desk.stock.give_up()
    assert callable(task)
    task()
    if has_disk:
        assert stage.desk.counters() == Counters(spooled=2, last_error="busy")
        assert stage.on_disk() == ["a", "b"]
    else:
        assert stage.desk.counters() == Counters(dropped=Counter({AT_SHUTDOWN: 2}), last_error="busy")


def test_failure_and_recovery_are_said_once(caplog: pytest.LogCaptureFixture, folder: Path) -> None:
    """One line when delivery begins to fail, with the reason and the place, one when it works again."""
    stage = Stage(SteeredSink(LATER, LATER, LATER, DELIVERED), folder)
    stage.keep(parcel("a"))
    stage.keep(parcel("b"))
    for _ in range(4):
        stage.desk.schedule.hurry()
        stage.do()
    while callable(stage.look()):
        stage.do()
    assert warnings(caplog) == [
        "delivery begins to fail: busy; spans wait, nothing is lost so far",
        "delivery to there works again, with 2 spans that waited",
    ]


def test_a_partial_success_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """A collector that refuses a span of every request fills the counts, not the log."""
    stage = Stage(SteeredSink(Outcome(Verdict.DELIVERED, "refused 1 spans of a request", 1)))
    lines: list[int] = []
    for _ in range(5):
        stage.put(parcel("a", "b"))
        stage.do()
        lines.append(len(warnings(caplog)))
    assert stage.desk.counters() == Counters(
        delivered=5, dropped=Counter({REFUSED: 5}), last_error="refused 1 spans of a request"
    )
    assert lines == [lines[0]] * 5
    assert 1 <= lines[0] <= 2


def test_a_collector_that_comes_and_goes_is_no_flood(caplog: pytest.LogCaptureFixture) -> None:
    """A collector that takes every second request does not fill the log with its ups and downs."""
    stage = Stage(SteeredSink(*[LATER, DELIVERED] * 50))
    for _ in range(50):
        stage.put(parcel("a"))
        stage.do()
        stage.do(1.0)
    assert stage.desk.counters() == Counters(delivered=50, last_error="busy")
    assert len(warnings(caplog)) <= 20


def test_others_are_looked_for_now_and_then(folder: Path) -> None:
    """After a success the spool is looked into, and again after a minute, for what other processes left."""
    stage = Stage(SteeredSink(), folder)
    Spool(folder).write(parcel("left").body, 1)
    stage.put(parcel("a"))
    stage.do()
    stage.do()
    assert stage.sink.batches == [["a"], ["left"]]
    Spool(folder).write(parcel("late").body, 1)
    stage.put(parcel("b"))
    stage.do()
    assert stage.waits() == NEVER
    stage.sender._looked_at -= sender_module._LOOK_SECONDS
    stage.put(parcel("c"))
    stage.do()
    stage.do()
    assert stage.sink.batches == [["a"], ["left"], ["b"], ["c"], ["late"]]
    assert stage.desk.counters() == Counters(delivered=3, recovered=2)
