"""What processes with one folder tell each other: whose file it is, that it was sent, what is debris."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from contextcompany.delivery.spool import segment
from contextcompany.delivery.spool.spool import Spool
from tests.delivery.spool.otlp import request

if TYPE_CHECKING:
    from pathlib import Path

DAY = 86_400.0
KEY = "localhost-" + "a" * 32
OTHER_KEY = "localhost-" + "b" * 32

needs_signals = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows is not asked: each one counts as running"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that does not exist yet, called as the folder of a key."""
    return tmp_path / KEY


@pytest.fixture(scope="module")
def dead() -> int:
    """The number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


def name_by(writer: int, *, age: float = 0.0, number: int = 0) -> str:
    """Return the name of a file that a process wrote some seconds ago."""
    moment = int((time.time() - age) * 1_000)
    return f"{moment:015d}-{number:08x}-{writer:x}-0123456789abcdef.otlp"


def put(folder: Path, name: str, *, age: float = 0.0, spans: int = 1) -> Path:
    """Put a whole request under a name into a folder, as another process would."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes(segment.encoded(request(*(["a"] * spans)), spans))
    os.utime(path, times=(time.time() - age,) * 2)
    return path


def write(spool: Spool) -> str:
    """Write a request into a file of its own, and return its name."""
    return spool.write(request("a"), 1, merge=False).name


def left(folder: Path) -> list[str]:
    """Return what is in a folder besides its lock, in order."""
    return sorted(path.name for path in folder.iterdir() if path.name != "lock")


class TestWrote:
    """A spool knows its own files."""

    def test_own_files(self, folder: Path) -> None:
        """What this object wrote is its own, merged or alone, also after it is gone."""
        spool = Spool(folder)
        names = [write(spool), spool.write(request("b"), 1).name]
        assert [spool.wrote(name) for name in names] == [True, True]
        spool.remove(names[0])
        assert spool.wrote(names[0])

    def test_files_of_others(self, folder: Path) -> None:
        """What another object wrote, in this process or another one, is not."""
        spool, other = Spool(folder), Spool(folder)
        name = write(other)
        assert (spool.wrote(name), other.wrote(name)) == (False, True)
        assert not spool.wrote(put(folder, name_by(os.getppid())).name)
        assert not spool.wrote(put(folder, name_by(os.getpid())).name)

    def test_after_a_fork(self, folder: Path) -> None:
        """In a forked child the files of the parent are those of another."""
        spool = Spool(folder)
        of_parent = write(spool)
        spool.renew_after_fork()
        of_child = write(spool)
        assert [spool.wrote(of_parent), spool.wrote(of_child)] == [False, True]


class TestWord:
    """One who sends a file of another that is still there tells it so."""

    def test_is_left_and_taken(self, folder: Path) -> None:
        """The writer finds the word once, and then nothing of it is left."""
        writer, sender = Spool(folder), Spool(folder)
        name = write(writer)
        with sender.exclusive() as may_send:
            assert may_send
            assert sender.remove(name)
            sender.leave_word(name)
        assert [writer.take_word(name), writer.take_word(name)] == [True, False]
        assert left(folder) == []

    def test_is_for_one_file(self, folder: Path) -> None:
        """A word about one file says nothing of its neighbours."""
        writer, sender = Spool(folder), Spool(folder)
        first, second = write(writer), write(writer)
        sender.leave_word(first)
        assert not writer.take_word(second)
        assert writer.take_word(first)

    def test_twice_is_once(self, folder: Path) -> None:
        """A word that was left twice is one word."""
        writer, sender = Spool(folder), Spool(folder)
        name = write(writer)
        sender.leave_word(name)
        sender.leave_word(name)
        assert [writer.take_word(name), writer.take_word(name)] == [True, False]

    def test_is_empty_and_private(self, folder: Path) -> None:
        """The file holds nothing, and nobody else may read it, whatever the umask is."""
        writer = Spool(folder)
        name = write(writer)
        before = os.umask(0)
        try:
            Spool(folder).leave_word(name)
        finally:
            os.umask(before)
        assert left(folder) == sorted([name, segment.word_of(name)])
        found = (folder / segment.word_of(name)).stat()
        assert found.st_size == 0
        if sys.platform != "win32":
            assert stat.S_IMODE(found.st_mode) == 0o600

    def test_is_no_request(self, folder: Path) -> None:
        """A word is not listed, does not wait, and makes no folder look full."""
        writer = Spool(folder)
        name = write(writer)
        writer.remove(name)
        writer.leave_word(name)
        other = Spool(folder)
        assert (other.names(), other.is_empty(), other.exists(name)) == ([], True, False)
        assert other.expire() == ()

    def test_to_a_process_that_runs(self, folder: Path) -> None:
        """Another process that is still there gets its word."""
        spool = Spool(folder)
        name = put(folder, name_by(os.getppid())).name
        spool.leave_word(name)
        assert left(folder) == sorted([name, segment.word_of(name)])

    @needs_signals
    def test_not_to_a_dead_process(self, folder: Path, dead: int) -> None:
        """For a writer that has ended nobody would take the word, so none is left."""
        spool = Spool(folder)
        name = put(folder, name_by(dead)).name
        spool.leave_word(name)
        assert left(folder) == [name]
        assert not spool.take_word(name)

    def test_where_nothing_is(self, folder: Path) -> None:
        """Where no folder is there is no word to take."""
        spool = Spool(folder)
        assert not spool.take_word(name_by(os.getpid()))
        assert not folder.exists()

    def test_where_it_cannot_be_written(self, folder: Path) -> None:
        """An OSError tells that the word was not left."""
        spool = Spool(folder)
        name = write(spool)
        (folder / segment.word_of(name)).mkdir()
        with pytest.raises(OSError, match=KEY):
            spool.leave_word(name)

    @pytest.mark.parametrize("name", ["", "lock", "../lock", "words.otlp"])
    def test_names_of_another_form(self, folder: Path, name: str) -> None:
        """A name that is not one of ours never becomes a path."""
        spool = Spool(folder)
        write(spool)
        with pytest.raises(ValueError, match="not a file of the spool"):
            spool.leave_word(name)
        with pytest.raises(ValueError, match="not a file of the spool"):
            spool.take_word(name)


class TestSweep:
    """What the dead left unfinished goes, and nothing that waits."""

    def test_where_nothing_is(self, folder: Path) -> None:
        """Without a folder there is nothing to do, and none is made."""
        Spool(folder).sweep()
        assert not folder.exists()

    @needs_signals
    def test_debris_of_the_dead(self, folder: Path, dead: int) -> None:
        """Unfinished files and words for processes that have ended are removed; requests stay."""
        spool = Spool(folder)
        whole = put(folder, name_by(dead)).name
        put(folder, segment.part_of(name_by(dead, number=1)))
        put(folder, segment.word_of(name_by(dead, number=2)))
        spool.sweep()
        assert left(folder) == [whole]

    def test_what_is_in_use(self, folder: Path) -> None:
        """A young unfinished file, and a word however old, of a process that runs stay."""
        spool = Spool(folder)
        living = os.getppid()
        part = put(folder, segment.part_of(name_by(living))).name
        word = put(folder, segment.word_of(name_by(living, age=DAY, number=1)), age=DAY).name
        own = put(folder, segment.word_of(name_by(os.getpid(), number=2))).name
        spool.sweep()
        assert left(folder) == sorted([part, word, own])

    def test_an_unfinished_file_that_is_old(self, folder: Path) -> None:
        """Writing takes milliseconds, so an old unfinished file goes even if a process has that number."""
        spool = Spool(folder)
        put(folder, segment.part_of(name_by(os.getppid(), age=120)), age=120)
        spool.sweep()
        assert left(folder) == []

    def test_files_of_others(self, folder: Path) -> None:
        """What is not of ours is left alone, and so is a request that has waited long."""
        spool = Spool(folder, most_seconds=DAY)
        names = ["notes.part", "notes.sent", "notes"]
        for name in names:
            put(folder, name, age=2 * DAY)
        waiting = put(folder, name_by(os.getppid(), age=2 * DAY), age=2 * DAY).name
        spool.sweep()
        assert left(folder) == sorted([*names, waiting])

    def test_folders_of_other_keys(self, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
        """What is too old for another key goes, counted in the log, what is young stays."""
        spool = Spool(folder, most_seconds=DAY)
        write(spool)
        beside = folder.parent / OTHER_KEY
        put(beside, name_by(os.getpid(), age=2 * DAY), spans=3)
        young = put(beside, name_by(os.getpid(), age=DAY / 2)).name
        elsewhere = put(folder.parent / "photos", name_by(os.getpid(), age=2 * DAY)).name
        spool.sweep()
        assert left(beside) == [young]
        assert left(folder.parent / "photos") == [elsewhere]
        assert len(left(folder)) == 1
        assert caplog.messages == [
            "3 spans for an earlier key or URL were not delivered in 1.0 days and are removed"
        ]

    def test_what_cannot_be_removed(self, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
        """A folder that cannot be looked into is said once, and nothing is raised."""
        spool = Spool(folder)
        write(spool)
        (folder / "aside").write_text("a file where a folder should be")
        spool.sweep()
        spool.sweep()
        (message,) = caplog.messages
        assert "unfinished files that cannot be removed" in message
