"""What the threads of one outbox share."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING

from contextcompany.delivery.outbox.counters import Counters
from contextcompany.delivery.outbox.desk import NEVER, Desk
from contextcompany.delivery.outbox.entry import Entry
from contextcompany.delivery.outbox.shelf import FULL, Shelf
from tests.delivery.outbox.spools import SteeredSpool
from tests.delivery.sinks import LATER, bare_span, holds_lock, parcel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest


def test_a_desk_begins_empty(tmp_path: Path) -> None:
    """Nothing waits, nothing is urgent, nobody has to hurry."""
    desk = Desk("there", Shelf(lambda: SteeredSpool(tmp_path / "spool")))
    assert (desk.urgent, desk.closing, desk.closed, desk.deadline) == (False, False, False, NEVER)
    assert (desk.drain_at, desk.spooled, desk.can_keep, desk.doubting) == (NEVER, 0, True, None)
    assert desk.counters() == Counters()


def test_the_counts_tell_what_is_on_disk(tmp_path: Path) -> None:
    """Spans in memory, on disk, and taken over by others are counted apart."""
    shelf = Shelf(lambda: SteeredSpool(tmp_path / "spool"))
    desk = Desk("there", shelf)
    one = parcel("a", "b")
    written = shelf.write(one)
    assert written is not None
    shelf.enter(one, written)
    shelf.handed_over = 3
    desk.stock.add(Entry(bare_span("c"), None))
    assert desk.counters() == Counters(pending=1, spooled=2, handed_over=3)
    assert desk.spooled == 2


def test_what_is_written_is_entered(tmp_path: Path) -> None:
    """A parcel on disk is counted there; what had to go for it is lost, counted and said."""
    one, two = (parcel(name, text="x" * 1_000) for name in ("old", "new"))
    spool = SteeredSpool(tmp_path / "spool", most_bytes=2 * len(one.body))
    shelf = Shelf(lambda: spool)
    desk = Desk("there", shelf)
    for each in (one, two):
        written = shelf.write(each, merge=False)
        assert written is not None
        desk.enter(each, written)
    assert desk.counters() == Counters(spooled=1, dropped=Counter({FULL: 1}))


def test_some_lines_are_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """A line of a form that was said before is not said again."""
    desk = Desk("there", None)
    for number in range(3):
        desk.say_once(logging.WARNING, "%d spans", number)
        desk.say_once(logging.WARNING, "%d files", number)
    desk.speak()
    assert [record.getMessage() for record in caplog.records] == ["0 spans", "0 files"]


def test_a_desk_without_a_shelf() -> None:
    """Nothing is on disk, and nothing can be kept there."""
    desk = Desk("there", None)
    assert (desk.spooled, desk.can_keep) == (0, False)


def test_a_disk_that_fails_keeps_nothing(tmp_path: Path) -> None:
    """After a failed write nothing can be kept for a while."""
    spool = SteeredSpool(tmp_path / "spool")
    desk = Desk("there", Shelf(lambda: spool))
    spool.write_error = OSError("full")
    assert desk.shelf is not None
    assert desk.shelf.write(parcel("a")) is None
    assert desk.can_keep is False


def test_lines_are_logged_without_the_lock(calling_back: Callable[[Callable[[str], object]], None]) -> None:
    """What is said with the lock held is logged once it is free, in order, and once."""
    desk = Desk("there", None)
    seen: list[tuple[str, bool]] = []
    calling_back(lambda line: seen.append((line, holds_lock(desk))))
    with desk.changed:
        desk.say(logging.WARNING, "%d spans", 1)
        desk.say(logging.WARNING, "%d spans", 2)
        assert seen == []
    desk.speak()
    desk.speak()
    assert seen == [("1 spans", False), ("2 spans", False)]


def test_a_log_handler_may_call_back(calling_back: Callable[[Callable[[str], object]], None]) -> None:
    """A handler that speaks again gets neither a deadlock nor an endless echo."""
    desk = Desk("there", None)
    seen: list[str] = []

    def again(line: str) -> None:
        seen.append(line)
        with desk.changed:
            if len(seen) < 3:
                desk.say(logging.WARNING, "echo %d", len(seen))
        desk.speak()

    calling_back(again)
    desk.say(logging.WARNING, "line")
    desk.speak()
    assert seen == ["line", "echo 1", "echo 2"]


def test_losses_are_said_with_their_reason(caplog: pytest.LogCaptureFixture) -> None:
    """Each new reason of loss is one warning with the reason and the destination."""
    desk = Desk("there", None)
    desk.say_lost(["outbox full", "spool full"])
    desk.speak()
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", f"spans are lost: {reason} (there); tcc.stats() counts them")
        for reason in ("outbox full", "spool full")
    ]


def test_losses_where_nobody_asked_for_delivery(caplog: pytest.LogCaptureFixture) -> None:
    """Where nobody is at the implicit destination nobody is warned."""
    caplog.set_level(logging.INFO, "contextcompany")
    desk = Desk("there", None)
    desk.probes_failed = 1
    desk.say_lost(["outbox full"])
    desk.speak()
    assert [record.levelname for record in caplog.records] == ["INFO"]


def test_a_forked_child_begins_empty() -> None:
    """It has a lock of its own, even if the parent's is held, and nothing of what was going on."""
    desk = Desk("there", None)
    desk.stock.add(Entry(bare_span("a"), None))
    desk.schedule.failed(LATER, 0.0)
    desk.closing = desk.closed = desk.urgent = True
    desk.probes_failed = 3
    desk.say(logging.WARNING, "of the parent")
    held = desk.changed
    with held:
        desk.start_afresh()
        assert desk.changed is not held
        assert holds_lock(desk) is False
    assert (desk.closing, desk.closed, desk.urgent, desk.probes_failed) == (False, False, False, 0)
    assert (desk.counters(), desk.schedule.is_failing) == (Counters(), False)
    desk.speak()
