"""What one outbox keeps on disk: whose it is, who waits for it, and what is doubtful."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from contextcompany.delivery.outbox import shelf as shelf_module
from contextcompany.delivery.outbox.entry import Receipt
from contextcompany.delivery.outbox.shelf import FULL, REMOVED, TOO_OLD, Shelf
from contextcompany.delivery.spool.spool import Evicted, Spool
from tests.delivery.outbox.spools import SteeredSpool, spans_on_disk
from tests.delivery.sinks import parcel
from tests.delivery.spool.otlp import names_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from contextcompany.delivery.outbox.parcel import Parcel
    from contextcompany.delivery.spool.spool import Written

OTHERS = " (of another process)"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Name a folder that does not exist yet."""
    return tmp_path / "spool"


def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Stop the clock of the shelf; the test turns it."""
    clock = [1_000.0]
    monkeypatch.setattr(shelf_module, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    return clock


def put(shelf: Shelf, one: Parcel, *, merge: bool = True) -> Written:
    """Write a parcel and note it, which loses nothing."""
    written = shelf.write(one, merge=merge)
    assert written is not None
    assert shelf.enter(one, written) == Counter()
    return written


def test_an_empty_shelf_touches_no_disk(folder: Path) -> None:
    """Asking what is there makes no folder."""
    shelf = Shelf(lambda: Spool(folder))
    assert (shelf.spans, shelf.names(), shelf.may_hold_something(), shelf.gone()) == (0, [], False, {})
    with shelf.exclusive() as may_send:
        assert may_send is False
    assert not folder.exists()


def test_a_parcel_comes_back_as_it_was(folder: Path) -> None:
    """What was written is read as a parcel of this process with the same spans, and who waits for them."""
    shelf, receipt = Shelf(lambda: Spool(folder)), Receipt()
    one = parcel("a", "b", receipts={"b": receipt})
    name = put(shelf, one).name
    assert one.file == name
    assert (shelf.spans, shelf.names(), shelf.may_hold_something()) == (2, [name], True)
    read = shelf.read(name)
    assert read is not None
    assert (read.spans, read.body, read.size) == (2, one.body, len(one.body))
    assert (read.file, read.is_own, read.refused_at) == (name, True, None)
    assert list(read.receipts.values()) == [receipt]


def test_small_parcels_share_a_file(folder: Path) -> None:
    """Merged parcels are one parcel with all spans and all who wait."""
    shelf, receipts = Shelf(lambda: Spool(folder)), {name: Receipt() for name in "ab"}
    for name in "ab":
        put(shelf, parcel(name, receipts=receipts))
    assert shelf.spans == 2
    (file,) = shelf.names()
    read = shelf.read(file)
    assert read is not None
    assert (names_in(read.body), read.spans) == (["a", "b"], 2)
    assert list(read.receipts.values()) == list(receipts.values())


@pytest.mark.parametrize("refused_at", [None, 3])
def test_a_parcel_can_have_a_file_of_its_own(folder: Path, refused_at: int | None) -> None:
    """One that is on its way, or that was refused as malformed, shares no file."""
    shelf = Shelf(lambda: Spool(folder))
    put(shelf, parcel("a"))
    alone = parcel("b")
    alone.refused_at = refused_at
    put(shelf, alone, merge=refused_at is not None)
    put(shelf, parcel("c"), merge=False)
    assert len(shelf.names()) == 3
    assert shelf.spans == 3


def test_what_was_refused_goes_last(folder: Path) -> None:
    """Parcels that were refused as malformed let the others go first, and the refusal is remembered."""
    shelf = Shelf(lambda: Spool(folder))
    refused, *others = [parcel(name) for name in "abc"]
    refused.refused_at = 7
    names = [put(shelf, one, merge=False).name for one in (refused, *others)]
    assert shelf.names() == [*names[1:], names[0]]
    assert [one.refused_at for one in map(shelf.read, shelf.names()) if one] == [None, None, 7]
    others[0].refused_at = 8
    shelf.doubt(others[0])
    assert shelf.names() == [names[2], *names[:2]]
    shelf.leave(names[0])
    assert shelf.names() == [names[2], names[1]]  # what was left is on its way out


def test_files_of_others_are_not_ours(folder: Path) -> None:
    """What another process left can be read and sent, and is counted nowhere."""
    name = Spool(folder).write(parcel("left").body, 1).name
    shelf = Shelf(lambda: Spool(folder))
    assert (shelf.spans, shelf.names(), shelf.may_hold_something()) == (0, [name], True)
    read = shelf.read(name)
    assert read is not None
    assert (read.spans, read.is_own, read.file, dict(read.receipts)) == (1, False, name, {})
    shelf.delete(name)
    assert (shelf.names(), shelf.gone(), shelf.handed_over) == ([], {}, 0)


def test_what_has_left_is_forgotten(folder: Path) -> None:
    """A file that was delivered is neither counted nor missed."""
    shelf = Shelf(lambda: Spool(folder))
    name = put(shelf, parcel("a", "b")).name
    shelf.leave(name)
    shelf.delete(name)
    assert (shelf.spans, shelf.gone(), shelf.handed_over, spans_on_disk(folder)) == (0, {}, 0, [])


def test_files_that_others_took_are_handed_over(folder: Path) -> None:
    """A file that is gone was taken by another process; its spans are counted as handed over."""
    shelf = Shelf(lambda: Spool(folder))
    taken, kept = (put(shelf, parcel(*names), merge=False).name for names in ("ab", "c"))
    other = Shelf(lambda: Spool(folder))
    other.delete(taken)
    assert shelf.gone() == {taken: True}
    assert shelf.gone() == {taken: True}  # whoever asks next hears the same
    assert shelf.note_gone(shelf.gone()) == Counter()
    assert (shelf.spans, shelf.handed_over, shelf.gone(), shelf.names()) == (1, 2, {}, [kept])
    shelf.note_gone({taken: True})
    assert shelf.handed_over == 2


def test_files_that_somebody_removed_are_lost(folder: Path) -> None:
    """Nobody left word: what was in the file is counted as lost."""
    shelf = Shelf(lambda: Spool(folder))
    name = put(shelf, parcel("a", "b")).name
    (folder / name).unlink()
    assert shelf.note_gone(shelf.gone()) == Counter({REMOVED: 2})
    assert (shelf.spans, shelf.handed_over) == (0, 0)


def test_a_file_that_cannot_be_read_is_no_handing_over(folder: Path) -> None:
    """A file of ours that somebody tore is set aside: nobody took its spans to deliver them."""
    shelf = Shelf(lambda: Spool(folder))
    name = put(shelf, parcel("a", "b")).name
    (folder / name).write_bytes(b"contextcompany-spool")
    assert shelf.read(name) is None
    shelf.note_gone(shelf.gone())
    assert shelf.handed_over == 0


def filled(folder: Path, *, own: bool) -> tuple[Shelf, Receipt, int]:
    """Return a shelf that is full with one span, of this process or of another."""
    receipt = Receipt()
    receipt.delivered = True
    one = parcel("old", receipts={"old": receipt}, text="x" * 1_000)
    most = 2 * len(one.body)
    writer = Shelf(lambda: Spool(folder, most_bytes=most))
    put(writer, one, merge=False)
    return writer if own else Shelf(lambda: Spool(folder, most_bytes=most)), receipt, most


@pytest.mark.parametrize("own", [True, False])
def test_what_goes_for_others_is_lost(folder: Path, own: bool) -> None:
    """Where the disk is full the oldest goes, is counted as lost, and who waits for it is told."""
    shelf, receipt, _ = filled(folder, own=own)
    one = parcel("new", text="y" * 1_000)
    written = shelf.write(one, merge=False)
    assert written is not None
    assert shelf.enter(one, written) == Counter({FULL if own else FULL + OTHERS: 1})
    assert receipt.delivered is not own
    assert (shelf.spans, spans_on_disk(folder)) == (1, ["new"])


def test_what_goes_for_others_was_not_taken_by_others(folder: Path) -> None:
    """Somebody asks what is gone while a write has just made room: the spans are lost, not handed over."""
    shelf, _, _ = filled(folder, own=True)
    one = parcel("new", text="y" * 1_000)
    written = shelf.write(one, merge=False)
    shelf.note_gone(shelf.gone())
    assert written is not None
    assert shelf.enter(one, written) == Counter({FULL: 1})
    assert shelf.handed_over == 0


@pytest.fixture
def asked_in_between(monkeypatch: pytest.MonkeyPatch) -> Callable[[Shelf], list[Counter[str]]]:
    """Let somebody ask a shelf what is gone in the very instant in which a file has been removed."""

    def ask(shelf: Shelf) -> list[Counter[str]]:
        answers: list[Counter[str]] = []
        unlink = Path.unlink

        def observed(path: Path, *, missing_ok: bool = False) -> None:
            unlink(path, missing_ok=missing_ok)
            answers.append(shelf.note_gone(shelf.gone()))

        monkeypatch.setattr(Path, "unlink", observed)
        return answers

    return ask


def test_what_makes_room_is_missed_by_nobody(
    folder: Path, asked_in_between: Callable[[Shelf], list[Counter[str]]]
) -> None:
    """Who asks while the oldest file goes does not count its spans a second time, as removed by others."""
    shelf, receipt, _ = filled(folder, own=True)
    answers = asked_in_between(shelf)
    one = parcel("new", text="y" * 1_000)
    written = shelf.write(one, merge=False)
    assert Counter() in answers
    assert not any(answers)
    assert shelf.spans == 1
    assert written is not None
    assert shelf.enter(one, written) == Counter({FULL: 1})
    assert (shelf.spans, shelf.note_gone(shelf.gone()), receipt.delivered) == (1, Counter(), False)


def test_what_is_too_old_is_missed_by_nobody(
    folder: Path, asked_in_between: Callable[[Shelf], list[Counter[str]]]
) -> None:
    """Who asks while a file goes for its age does not count its spans a second time."""
    shelf = Shelf(lambda: Spool(folder, most_seconds=-1.0))
    put(shelf, parcel("a"))
    answers = asked_in_between(shelf)
    expired = shelf.expire()
    assert Counter() in answers
    assert not any(answers)
    assert shelf.note_expired(expired) == Counter({TOO_OLD: 1})
    assert (shelf.spans, shelf.gone()) == (0, {})


def test_a_parcel_larger_than_the_spool_is_not_written(folder: Path) -> None:
    """It waits in memory."""
    shelf, _, most = filled(folder, own=True)
    assert shelf.write(parcel("huge", text="x" * most)) is None
    assert spans_on_disk(folder) == ["old"]


def test_a_disk_that_fails_gets_a_rest(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """After a failed write there is no other for half a minute, and one warning says that spans wait."""
    clock = stopped_clock(monkeypatch)
    spool = SteeredSpool(folder)
    shelf = Shelf(lambda: spool)
    spool.write_error = OSError(28, "No space left on device")
    assert shelf.is_usable
    assert shelf.write(parcel("a")) is None
    assert not shelf.is_usable
    clock[0] += 29.0
    assert not shelf.is_usable
    clock[0] += 1.0
    assert shelf.is_usable
    assert shelf.write(parcel("a")) is None
    (line,) = [record.getMessage() for record in caplog.records]
    assert "cannot be kept on disk" in line
    assert "No space left on device" in line
    spool.write_error = None
    put(shelf, parcel("a"))
    assert shelf.spans == 1


def test_what_is_too_old_is_lost(folder: Path) -> None:
    """Expired spans are counted apart from those that had no room, and who waits for them is told."""
    shelf, receipt = Shelf(lambda: Spool(folder)), Receipt()
    receipt.delivered = True
    name = put(shelf, parcel("a", "b", receipts={"a": receipt})).name
    assert shelf.note_expired((Evicted(name, 2), Evicted("of others", 3))) == Counter(
        {TOO_OLD: 2, TOO_OLD + OTHERS: 3}
    )
    assert (shelf.spans, receipt.delivered) == (0, False)


def test_age_is_looked_at_once_a_minute(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that are too old are removed, with one look at the folder a minute."""
    clock = stopped_clock(monkeypatch)
    shelf = Shelf(lambda: Spool(folder, most_seconds=-1.0))
    first = put(shelf, parcel("a")).name
    assert shelf.expire() == (Evicted(first, 1),)
    shelf.leave(first)
    second = put(shelf, parcel("b")).name
    assert shelf.expire() == ()
    clock[0] += 60.0
    assert shelf.expire() == (Evicted(second, 1),)


def test_one_at_a_time_sends(folder: Path) -> None:
    """While one sends from a folder nobody else may."""
    first, second = (Shelf(lambda: Spool(folder)) for _ in range(2))
    put(first, parcel("a"))
    with first.exclusive() as may_send:
        assert may_send is True
        with second.exclusive() as may_send_too:
            assert may_send_too is False
    with second.exclusive() as may_send:
        assert may_send is True


def test_a_forked_child_owns_nothing(folder: Path) -> None:
    """What the parent wrote is not counted in the child; the files stay."""
    shelf = Shelf(lambda: Spool(folder))
    refused = parcel("a", "b")
    refused.refused_at = 1
    name = put(shelf, refused).name
    shelf.handed_over = 5
    shelf.renew_after_fork()
    assert (shelf.spans, shelf.handed_over, shelf.gone(), shelf.names()) == (0, 0, {}, [name])
    read = shelf.read(name)
    assert read is not None
    assert (read.is_own, read.refused_at) == (False, None)


def test_the_repr_tells_how_much_is_there(folder: Path) -> None:
    """A debugger shows files and spans."""
    shelf = Shelf(lambda: Spool(folder))
    put(shelf, parcel("a", "b"))
    assert repr(shelf) == "Shelf(1 files, 2 spans)"
