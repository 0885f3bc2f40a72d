"""One process at a time: a lock on a folder that ends with the process that holds it."""

from __future__ import annotations

import errno
import os
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from contextcompany.delivery.spool.ownership import open_private

if TYPE_CHECKING:
    from pathlib import Path

LOCK_NAME: Final = "lock"

_UNSUPPORTED: Final = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL})


class Held:
    """A lock that this process holds.

    Attributes:
        is_real: False on a file system that knows no locks, where nobody is kept out.
    """

    def __init__(self, descriptor: int, mine: threading.Lock, *, is_real: bool) -> None:
        self._descriptor: int | None = descriptor
        self._mine = mine
        self.is_real = is_real

    def release(self) -> None:
        """Let others have it; harmless when called again."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        try:
            # Closing alone would not do while a forked child still has its copy.
            with suppress(OSError):
                _unlock(descriptor)
            os.close(descriptor)
        finally:
            self._mine.release()

    def abandon(self) -> None:
        """Close this process's copy and leave the lock to the parent that holds it."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


class FolderLock:
    """Keep all threads and processes but one out of a folder; the kernel ends it with the process."""

    def __init__(self) -> None:
        self._mine = threading.Lock()
        self._held: Held | None = None

    def take(self, folder: Path, *, pauses: tuple[float, ...] = ()) -> Held | None:
        """Take the lock, or return None where another thread or process holds it.

        Args:
            folder: an existing folder.
            pauses: seconds to wait before each further attempt.

        Raises:
            OSError: where the lock file cannot be opened.
        """
        for pause in (0.0, *pauses):
            if pause:
                time.sleep(pause)
            held = self._try(folder)
            if held is not None:
                return held
        return None

    def renew_after_fork(self) -> None:
        """Begin anew in a forked child: close the inherited copy, leave the lock to the parent."""
        self._mine = threading.Lock()
        held, self._held = self._held, None
        if held is not None:
            held.abandon()

    def _try(self, folder: Path) -> Held | None:
        mine = self._mine
        # Some network file systems lock by process, which keeps no thread out.
        if not mine.acquire(blocking=False):
            return None
        try:
            self._held = held = _lock_in(folder, mine)
        except BaseException:
            mine.release()
            raise
        if held is None:
            mine.release()
        return held


def _lock_in(folder: Path, mine: threading.Lock) -> Held | None:
    path = folder / LOCK_NAME
    descriptor = open_private(path, os.O_RDWR)
    taken: Held | None = None
    try:
        state = _lock(descriptor)
        # A lock on a file that was removed meanwhile keeps nobody out of its successor.
        if state is not None and os.path.samestat(os.fstat(descriptor), path.stat()):
            taken = Held(descriptor, mine, is_real=state)
    except FileNotFoundError:
        return None
    finally:
        if taken is None:
            os.close(descriptor)
    return taken


def _lock(descriptor: int) -> bool | None:
    """Lock without waiting: True if held, None if another holds it, False if locks are unknown here."""
    try:
        _lock_at_once(descriptor)
    except (BlockingIOError, PermissionError):
        return None
    except OSError as error:
        if error.errno in _UNSUPPORTED:
            return False
        raise
    return True


if sys.platform == "win32":
    import msvcrt

    def _lock_at_once(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    def _unlock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock_at_once(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
