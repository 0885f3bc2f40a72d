"""Requests on disk, in one process."""

from __future__ import annotations

import errno
import logging
import os
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextcompany.delivery.spool import clock as clock_module
from contextcompany.delivery.spool import lock as lock_module
from contextcompany.delivery.spool import segment
from contextcompany.delivery.spool.bounds import ASIDE
from contextcompany.delivery.spool.spool import Evicted, Spool, SpoolFull, Stored, Written
from tests.delivery.spool.otlp import names_in, request

if TYPE_CHECKING:
    from pathlib import Path

DAY = 86_400.0


def left(folder: Path) -> list[str]:
    """Return what is in a folder besides its lock, in order."""
    return sorted(path.name for path in folder.iterdir() if path.name != "lock")


def write(spool: Spool, *names: str, merge: bool = True, padding: int = 0) -> Written:
    """Write a request with spans of these names."""
    return spool.write(request(*names, padding=padding), len(names), merge=merge)


def content(spool: Spool) -> list[list[str]]:
    """Return the names of the spans in each file, oldest first."""
    found: list[list[str]] = []
    for name in spool.names():
        stored = spool.read(name)
        assert stored is not None
        assert stored.spans == len(names_in(stored.body))
        found.append(names_in(stored.body))
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that does not exist yet."""
    return tmp_path / "spool"


@pytest.fixture
def times(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Let a test set both clocks of the machine."""
    values = SimpleNamespace(wall=1_800_000_000.0, monotonic=50.0)
    machine = SimpleNamespace(time=lambda: values.wall, monotonic=lambda: values.monotonic)
    monkeypatch.setattr(clock_module, "time", machine)
    return values


class TestWrite:
    """Requests go to disk, small ones together."""

    def test_comes_back(self, folder: Path) -> None:
        """What was written is listed, read as it was, and gone when it is removed."""
        spool = Spool(folder)
        written = write(spool, "a", "b")
        assert written == Written(spool.names()[0], ())
        assert spool.read(written.name) == Stored(request("a", "b"), 2)
        assert (spool.exists(written.name), spool.is_empty()) == (True, False)
        assert (spool.remove(written.name), spool.remove(written.name)) == (True, False)
        assert (spool.exists(written.name), spool.is_empty(), spool.names()) == (False, True, [])
        assert spool.read(written.name) is None
        assert left(folder) == []

    def test_another_process_finds_it(self, folder: Path) -> None:
        """What one spool wrote another one on the same folder reads."""
        write(Spool(folder), "a")
        assert content(Spool(folder)) == [["a"]]

    def test_small_ones_are_merged(self, folder: Path) -> None:
        """Small requests become one valid request under one name, in order."""
        spool = Spool(folder)
        names = {write(spool, f"span {number}").name for number in range(20)}
        assert len(names) == 1
        assert content(spool) == [[f"span {number}" for number in range(20)]]

    def test_a_file_of_its_own(self, folder: Path) -> None:
        """Without `merge` a request stands alone, before and after others, and others go on together."""
        spool = Spool(folder)
        for name, merge in (("a", True), ("b", False), ("c", True), ("d", False), ("e", True)):
            write(spool, name, merge=merge)
        assert content(spool) == [["a", "c", "e"], ["b"], ["d"]]

    def test_a_file_grows_to_a_quarter_of_a_mebibyte(self, folder: Path) -> None:
        """A file that would grow beyond that is left, and the next one begun."""
        spool = Spool(folder)
        for number in range(6):
            write(spool, str(number), padding=100_000)
        assert content(spool) == [["0", "1"], ["2", "3"], ["4", "5"]]

    def test_a_large_one_stands_alone(self, folder: Path) -> None:
        """A request of that size has a file of its own, and small ones go on together."""
        spool = Spool(folder)
        write(spool, "a")
        write(spool, "large", padding=300_000)
        write(spool, "b")
        assert content(spool) == [["a", "b"], ["large"]]

    def test_nothing_is_merged_into_an_old_file(self, folder: Path, times: SimpleNamespace) -> None:
        """New spans do not get the age of a file that was begun long ago."""
        spool = Spool(folder)
        write(spool, "a")
        times.monotonic += 601.0
        write(spool, "b")
        assert content(spool) == [["a"], ["b"]]

    def test_nothing_is_merged_into_the_file_of_another(self, folder: Path) -> None:
        """Two processes write into files of their own."""
        one, other = Spool(folder), Spool(folder)
        for number in range(3):
            write(one, f"one {number}")
            write(other, f"other {number}")
        assert sorted(content(one)) == [
            ["one 0", "one 1", "one 2"],
            ["other 0", "other 1", "other 2"],
        ]

    def test_nothing_is_merged_while_somebody_sends(self, folder: Path) -> None:
        """A file that may be on its way gets nothing more, or that would be removed unsent."""
        one, other = Spool(folder), Spool(folder)
        write(one, "a")
        for sender in (one, other):
            with sender.exclusive() as mine:
                assert mine
                write(one, "b")
        write(one, "c")
        assert content(one) == [["a"], ["b"], ["b", "c"]]

    def test_nothing_is_merged_where_locks_are_unknown(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Where a lock keeps nobody out every request has its own file; sending goes on and says so."""

        def refuse(descriptor: int) -> None:
            raise OSError(errno.ENOLCK, "No locks available")

        monkeypatch.setattr(lock_module, "_lock_at_once", refuse)
        spool = Spool(folder)
        write(spool, "a")
        write(spool, "b")
        with caplog.at_level(logging.WARNING), spool.exclusive() as mine:
            assert mine
            assert content(spool) == [["a"], ["b"]]
        assert caplog.messages == [
            f"the spool {folder} has no locks: what waits there may be sent more than once"
        ]

    def test_a_file_that_was_delivered_is_not_continued(self, folder: Path) -> None:
        """When its last file is gone or torn a spool begins another one."""
        spool = Spool(folder)
        assert spool.remove(write(spool, "a").name)
        second = write(spool, "b").name
        (folder / second).write_bytes(b"")
        write(spool, "c")
        assert spool.read(second) is None
        assert content(spool) == [["c"]]

    def test_a_folder_that_somebody_removed(self, folder: Path) -> None:
        """A folder that disappears under our hands is made again."""
        spool = Spool(folder)
        for name in ("a", "b"):
            written = write(spool, name)
            assert content(spool) == [[name]]
            (folder / written.name).unlink()
            (folder / "lock").unlink()
            folder.rmdir()
        write(spool, "c", merge=False)
        assert content(spool) == [["c"]]

    @given(sizes=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 90_000)), max_size=12))
    def test_no_span_is_lost_or_doubled(
        self, tmp_path_factory: pytest.TempPathFactory, sizes: list[tuple[int, int]]
    ) -> None:
        """However requests are merged, the files hold each span of each write once, in order."""
        spool = Spool(tmp_path_factory.mktemp("merging") / "spool")
        expected: list[str] = []
        for place, (spans, padding) in enumerate(sizes):
            names = [f"{place}.{number}" for number in range(spans)]
            write(spool, *names, padding=padding)
            expected += names
        found = content(spool)
        large = {f"{place}.0" for place, (spans, padding) in enumerate(sizes) if spans * padding > 262_144}
        in_order = [name for names in found if names and names[0] not in large for name in names]
        assert sorted(name for names in found for name in names) == sorted(expected)
        assert in_order == [name for name in expected if f"{name.partition('.')[0]}.0" not in large]


class TestBounds:
    """So much and no more, so long and no longer."""

    def test_the_oldest_make_room(self, folder: Path) -> None:
        """A write tells what had to go for it, oldest first."""
        spool = Spool(folder, most_bytes=1_000)
        names = [write(spool, "a", "b", padding=100, merge=False).name for _ in range(3)]
        written = write(spool, "c", padding=500, merge=False)
        assert written.evicted == (Evicted(names[0], 2), Evicted(names[1], 2))
        assert spool.names() == [names[2], written.name]

    def test_a_request_beyond_the_bound(self, folder: Path) -> None:
        """One that alone is too large is refused, and nothing goes for it."""
        spool = Spool(folder, most_bytes=1_000)
        write(spool, "a")
        with pytest.raises(SpoolFull, match="is larger than the spool may be: got a bound of 1000"):
            write(spool, "b", padding=1_000)
        assert issubclass(SpoolFull, OSError)
        assert content(spool) == [["a"]]

    def test_merging_keeps_the_bound(self, folder: Path) -> None:
        """A file does not grow beyond the bound: the full one goes, the new one stays."""
        spool = Spool(folder, most_bytes=1_000)
        first = write(spool, "a", padding=500)
        second = write(spool, "b", padding=600)
        assert second.evicted == (Evicted(first.name, 1),)
        assert content(spool) == [["b"]]

    def test_what_is_being_sent_stays(self, folder: Path) -> None:
        """A file that was read to be sent is not evicted before that is over."""
        spool = Spool(folder, most_bytes=1_100)
        names = [write(spool, "a", padding=300, merge=False).name for _ in range(3)]
        with spool.exclusive() as mine:
            assert mine
            assert spool.read(names[0]) is not None
            assert write(spool, "b", padding=300).evicted == (Evicted(names[1], 1),)
        assert write(spool, "b", padding=300, merge=False).evicted == (Evicted(names[0], 1),)

    def test_a_failed_write_evicts_nothing(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """On a full disk nothing is thrown away for a request that cannot be written."""
        spool = Spool(folder, most_bytes=1_000)
        write(spool, "a", padding=700, merge=False)

        def fail(descriptor: int, data: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "write", fail)
            with pytest.raises(OSError, match="No space left"):
                write(spool, "b", padding=700)
        assert content(spool) == [["a"]]
        assert left(folder) == spool.names()

    def test_what_went_is_told_later_when_a_write_fails(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What was evicted for a write that fails at its very end is told by the next one."""
        spool = Spool(folder, most_bytes=1_000)
        first = write(spool, "a", padding=700, merge=False).name
        replace = type(folder).replace

        def fail(path: Path, target: Path) -> Path:
            raise OSError(errno.EIO, "Input/output error")

        monkeypatch.setattr(type(folder), "replace", fail)
        with pytest.raises(OSError, match="Input/output"):
            write(spool, "b", padding=700)
        assert left(folder) == []
        monkeypatch.setattr(type(folder), "replace", replace)
        assert write(spool, "c").evicted == (Evicted(first, 1),)
        assert write(spool, "d").evicted == ()

    def test_expire(self, folder: Path, times: SimpleNamespace) -> None:
        """What waited longer than allowed goes, with its spans told; the rest stays."""
        spool = Spool(folder, most_seconds=7 * DAY)
        first = write(spool, "a", "b").name
        times.monotonic += DAY
        second = write(spool, "c").name
        assert spool.expire() == ()
        times.monotonic += 6 * DAY + 1
        assert spool.expire() == (Evicted(first, 2),)
        assert spool.names() == [second]
        assert Spool(folder / "none").expire() == ()

    @pytest.mark.parametrize("jump", [-1e9, 1e9])
    def test_a_jump_of_the_clock_ages_nothing(
        self, folder: Path, times: SimpleNamespace, jump: float
    ) -> None:
        """A wall clock that is set while the process lives removes nothing and keeps the order."""
        spool = Spool(folder)
        write(spool, "a", merge=False)
        times.wall += jump
        write(spool, "b", merge=False)
        assert spool.expire() == ()
        assert content(spool) == [["a"], ["b"]]

    def test_files_from_the_future(self, folder: Path, times: SimpleNamespace) -> None:
        """Files of a process whose clock ran ahead have no age yet and are sent like others."""
        write(Spool(folder), "future")
        times.wall -= 30 * DAY
        spool = Spool(folder)
        assert spool.expire() == ()
        assert content(spool) == [["future"]]


class TestTrouble:
    """Nothing on disk is fatal."""

    def test_looking_makes_nothing(self, folder: Path) -> None:
        """Who only looks for what waits leaves no trace."""
        spool = Spool(folder)
        name = segment.Names().new(1.0)
        with spool.exclusive() as mine:
            assert not mine
        assert (spool.names(), spool.is_empty(), spool.exists(name)) == ([], True, False)
        assert (spool.read(name), spool.remove(name), spool.expire()) == (None, False, ())
        spool.renew_after_fork()
        assert not folder.exists()

    @pytest.mark.parametrize(
        ("bad", "problem"),
        [
            (b"", "torn: no whole header"),
            (segment.encoded(request("a"), 1)[:-1], "torn: length differs"),
            (b"something else", "foreign: no header of ours"),
            (b"contextcompany-spool 2 3 4\n", "newer: version 2"),
        ],
    )
    def test_set_aside(
        self, folder: Path, caplog: pytest.LogCaptureFixture, bad: bytes, problem: str
    ) -> None:
        """Torn, foreign and newer files are moved aside as they are, and that is said once."""
        spool = Spool(folder)
        names = [write(spool, "a", merge=False).name for _ in range(3)]
        for name in names[:2]:
            (folder / name).write_bytes(bad)
        with caplog.at_level(logging.WARNING):
            assert [spool.read(name) for name in names] == [None, None, Stored(request("a"), 1)]
        assert spool.names() == names[2:]
        assert {path.name: path.read_bytes() for path in (folder / ASIDE).iterdir()} == dict.fromkeys(
            names[:2], bad
        )
        assert caplog.messages == [
            f"the spool {folder} holds files that cannot be sent; they are kept in aside ({problem})"
        ]

    def test_aside_has_bounds_too(self, folder: Path, times: SimpleNamespace) -> None:
        """What was set aside makes room first and goes by its age, and is no loss of spans then."""
        spool = Spool(folder, most_bytes=1_000)
        for _ in range(2):
            bad = write(spool, "a", padding=300, merge=False).name
            (folder / bad).write_bytes(b"x" * 400)
            assert spool.read(bad) is None
        assert write(spool, "b", padding=300).evicted == ()
        assert len(left(folder / ASIDE)) == 1
        times.monotonic += 8 * DAY
        assert len(spool.expire()) == 1
        assert left(folder / ASIDE) == []

    def test_what_cannot_be_moved_is_not_tried_again(
        self, folder: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A bad file that stays where it is is not listed any more, so that nobody tries it for ever."""
        spool = Spool(folder)
        name = write(spool, "a").name
        (folder / name).write_bytes(b"bad")
        (folder / ASIDE).write_bytes(b"a file in the place of the folder")
        with caplog.at_level(logging.WARNING):
            assert spool.read(name) is None
        assert (spool.names(), spool.is_empty()) == ([], True)
        assert len(caplog.messages) == 2

    def test_a_file_that_cannot_be_read_now_stays(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """An application out of descriptors does not lose what waits."""
        spool = Spool(folder)
        name = write(spool, "a").name

        def fail(*arguments: object, **options: object) -> int:
            raise OSError(errno.EMFILE, "Too many open files")

        with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
            patch.setattr(os, "open", fail)
            assert spool.read(name) is None
            with spool.exclusive() as mine:
                assert not mine
        assert content(spool) == [["a"]]
        assert len(caplog.messages) == 2

    def test_other_files_are_not_listed(self, folder: Path) -> None:
        """Whatever else is in the folder, under whatever name, does not exist for us."""
        spool = Spool(folder)
        name = write(spool, "a").name
        (folder / "notes.otlp").write_bytes(b"x")
        (folder / segment.part_of(segment.Names().new(1.0))).write_bytes(b"x")
        (folder / segment.Names().new(1.0)).mkdir()
        (folder / segment.Names().new(1.0)).symlink_to(name)
        assert spool.names() == [name]
        assert spool.remove(name)
        assert spool.is_empty()

    @pytest.mark.parametrize("name", ["lock", "../salt", "", "aside"])
    def test_names_that_lead_elsewhere(self, folder: Path, name: str) -> None:
        """A name that is none of ours is refused, so that nothing else can be read or removed."""
        spool = Spool(folder)
        write(spool, "a")
        for method in (spool.read, spool.remove, spool.exists):
            with pytest.raises(ValueError, match="not a file of the spool"):
                method(name)

    def test_no_home(self) -> None:
        """Without a place for it nothing waits, and a write says what to do."""
        spool = Spool(lambda *, create: None)
        assert (spool.names(), spool.is_empty()) == ([], True)
        with pytest.raises(OSError, match="name a folder with TCC_SPOOL_DIR"):
            spool.write(b"", 0)

    def test_nothing_is_done_before_the_first_use(self) -> None:
        """Making a spool asks for no folder."""

        def unasked(*, create: bool) -> Path | None:
            raise AssertionError(create)

        Spool(unasked)


class TestExclusive:
    """One thread at a time."""

    def test_one_at_a_time(self, folder: Path) -> None:
        """While one sends no other may, in the same spool or another; afterwards anyone may."""
        one, other = Spool(folder), Spool(folder)
        write(one, "a")
        with one.exclusive() as first, one.exclusive() as second, other.exclusive() as third:
            assert (first, second, third) == (True, False, False)
        with other.exclusive() as mine, one.exclusive() as second:
            assert (mine, second) == (True, False)

    def test_an_error_inside_releases(self, folder: Path) -> None:
        """Whoever leaves the block by an error lets others in."""
        spool = Spool(folder)
        write(spool, "a")
        with pytest.raises(RuntimeError, match="inside"), spool.exclusive():
            raise RuntimeError("inside")
        with spool.exclusive() as mine:
            assert mine

    def test_write_while_another_thread_sends(self, folder: Path) -> None:
        """A thread that writes and one that sends at once lose and double nothing."""
        spool = Spool(folder)
        expected = [f"span {number}" for number in range(400)]
        writer = threading.Thread(target=lambda: [write(spool, name) for name in expected])
        sent: list[str] = []
        writer.start()
        while writer.is_alive() or not spool.is_empty():
            with spool.exclusive() as mine:
                for name in spool.names() if mine else ():
                    stored = spool.read(name)
                    assert stored is not None
                    sent += names_in(stored.body)
                    assert spool.remove(name)
        writer.join()
        assert sent == expected
