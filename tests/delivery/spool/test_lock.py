"""One thread of one process at a time."""

from __future__ import annotations

import errno
import os
import threading
from typing import TYPE_CHECKING

import pytest

from contextcompany.delivery.spool import lock as lock_module
from contextcompany.delivery.spool.lock import LOCK_NAME, FolderLock
from tests.interpreter import python

if TYPE_CHECKING:
    from pathlib import Path


def test_one_at_a_time(tmp_path: Path) -> None:
    """A lock that is held is not taken again, by the same object or another, until it is released."""
    one, other = FolderLock(), FolderLock()
    held = one.take(tmp_path)
    assert held is not None
    assert held.is_real
    assert (one.take(tmp_path), other.take(tmp_path)) == (None, None)
    held.release()
    held.release()
    again = other.take(tmp_path)
    assert again is not None
    assert one.take(tmp_path) is None
    again.release()


def test_a_short_wait_for_one_who_holds_it_shortly(tmp_path: Path) -> None:
    """Whoever may wait a little gets the lock that is released meanwhile."""
    lock = FolderLock()
    held = lock.take(tmp_path)
    assert held is not None
    timer = threading.Timer(0.0, held.release)
    timer.start()
    again = lock.take(tmp_path, pauses=(0.1,) * 100)
    timer.join()
    assert again is not None
    again.release()


def test_without_a_folder(tmp_path: Path) -> None:
    """A folder that does not exist is not made for its lock."""
    with pytest.raises(FileNotFoundError):
        FolderLock().take(tmp_path / "none")
    assert list(tmp_path.iterdir()) == []


def test_an_error_keeps_nobody_out(tmp_path: Path) -> None:
    """After an attempt that failed the lock can be taken where it works."""
    lock = FolderLock()
    with pytest.raises(FileNotFoundError):
        lock.take(tmp_path / "none")
    held = lock.take(tmp_path)
    assert held is not None
    held.release()


def test_a_lock_on_a_removed_file_counts_for_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever locks a file that was replaced in that moment does not take it for the lock."""
    lock_at_once = lock_module._lock_at_once

    def after_a_replacement(descriptor: int) -> None:
        (tmp_path / LOCK_NAME).unlink()
        (tmp_path / LOCK_NAME).touch(0o600)
        lock_at_once(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(lock_module, "_lock_at_once", after_a_replacement)
        assert FolderLock().take(tmp_path) is None
        patch.setattr(lock_module, "_lock_at_once", lambda descriptor: (tmp_path / LOCK_NAME).unlink())
        assert FolderLock().take(tmp_path) is None
    held = FolderLock().take(tmp_path)
    assert held is not None
    held.release()


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """Where locks are unknown one gets a lock that says so; threads are still kept apart."""

    def refuse(descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(lock_module, "_lock_at_once", refuse)
    lock = FolderLock()
    held = lock.take(tmp_path)
    assert held is not None
    assert not held.is_real
    assert lock.take(tmp_path) is None
    held.release()


def test_other_errors_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the disk is no sign that another process holds the lock."""

    def fail(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(lock_module, "_lock_at_once", fail)
    with pytest.raises(OSError, match="Input/output error"):
        FolderLock().take(tmp_path)


FORK = """
    import os, sys
    from pathlib import Path
    from contextcompany.delivery.spool.lock import FolderLock

    folder = Path(sys.argv[1])
    lock = FolderLock()
    held = lock.take(folder)
    descriptors = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    child = os.fork()
    if not child:
        lock.renew_after_fork()
        if descriptors:
            assert len(os.listdir("/proc/self/fd")) == descriptors - 1, "the copy is closed"
        assert lock.take(folder) is None, "the parent holds it"
        held.release()
        assert lock.take(folder) is None, "the child cannot release it"
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert FolderLock().take(folder) is None, "the parent still holds it"
    held.release()
    again = FolderLock().take(folder)
    assert again is not None
    again.release()
    print("good")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_fork_neither_inherits_nor_releases(tmp_path: Path) -> None:
    """A forked child has no lock, keeps no copy of the parent's, and cannot release it."""
    finished = python(FORK, str(tmp_path))
    assert (finished.out, finished.err) == ("good\n", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_child_that_knows_nothing_keeps_nobody_out(tmp_path: Path) -> None:
    """The parent's release counts even while a child that never renewed has a copy of the descriptor."""
    script = """
        import os, sys
        from pathlib import Path
        from contextcompany.delivery.spool.lock import FolderLock

        held = FolderLock().take(Path(sys.argv[1]))
        wait, go = os.pipe()
        child = os.fork()
        if not child:
            os.close(go)
            os.read(wait, 1)
            os._exit(0)
        held.release()
        print(FolderLock().take(Path(sys.argv[1])) is not None)
        os.close(go)
        os.waitpid(child, 0)
    """
    finished = python(script, str(tmp_path))
    assert (finished.out, finished.err) == ("True\n", "")


def test_the_lock_ends_with_its_process(tmp_path: Path) -> None:
    """A process that dies while it holds the lock leaves it to others."""
    script = """
        import os, sys
        from pathlib import Path
        from contextcompany.delivery.spool.lock import FolderLock

        assert FolderLock().take(Path(sys.argv[1])) is not None
        os.kill(os.getpid(), 9)
    """
    assert python(script, str(tmp_path)).code == -9
    held = FolderLock().take(tmp_path)
    assert held is not None
    held.release()
