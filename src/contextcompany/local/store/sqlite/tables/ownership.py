"""One process at a time writes to a database: a locked file beside it, which says who and where."""

from __future__ import annotations

import errno
import json
import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from contextcompany.local.store.rows import StoreLockedError

if TYPE_CHECKING:
    from types import TracebackType

_SUFFIX: Final = ".lock"
# Beyond what is written: Windows keeps readers out of the bytes that are locked.
_LOCKED_BYTE: Final = 1 << 20
_MOST_BYTES: Final = 4096
_UNSUPPORTED: Final = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL})
# Whoever asks for the owner holds the lock for an instant.
_TRIES: Final = 5
_SECONDS_BETWEEN: Final = 0.01


class Ownership:
    """The right to write to a database; it ends with `release()` or with the process."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def announce(self, url: str) -> None:
        """Write down for others under which address this process serves the database."""
        if self._descriptor is None:
            return
        said = json.dumps({"pid": os.getpid(), "url": url}).encode()
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        os.write(self._descriptor, said[:_MOST_BYTES])
        os.ftruncate(self._descriptor, len(said))

    def release(self) -> None:
        """Let others have it; harmless when called again."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        try:
            with suppress(OSError):
                os.ftruncate(descriptor, 0)
            # Closing alone would not do while a forked child still has its copy.
            with suppress(OSError):
                _unlock(descriptor)
        finally:
            os.close(descriptor)

    def __enter__(self) -> None:
        """Hold it for a block, and let go of it only where the block fails."""

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if exc is not None:
            self.release()


def own(database: Path, url: str = "") -> Ownership:
    """Take the right to write to a database.

    Args:
        database: Path of the database.
        url: Under which address this process serves it, empty if under none.

    Raises:
        StoreLockedError: Another process has it, or another store of this one.
    """
    descriptor = os.open(_path(database), os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(_SECONDS_BETWEEN)
        if _try_lock(descriptor):
            owned = Ownership(descriptor)
            owned.announce(url)
            return owned
    found = _said(descriptor)
    os.close(descriptor)
    who = f"process {found['pid']}" if "pid" in found else "another process"
    where = f", which serves it at {found['url']}" if found.get("url") else ""
    raise StoreLockedError(
        f"{database} is written to by {who}{where}: stop it, or use another database with --db"
    )


def owner_url(database: Path | str) -> str | None:
    """Return the address under which a running process serves a database; None if none does."""
    try:
        descriptor = os.open(_path(Path(database)), os.O_RDWR)
    except OSError:
        return None
    try:
        if _try_lock(descriptor):
            _unlock(descriptor)
            return None
        return _said(descriptor).get("url") or None
    except OSError:
        return None
    finally:
        os.close(descriptor)


def _path(database: Path) -> Path:
    return database.with_name(database.name + _SUFFIX)


def _said(descriptor: int) -> dict[str, str]:
    os.lseek(descriptor, 0, os.SEEK_SET)
    try:
        found: object = json.loads(os.read(descriptor, _MOST_BYTES))
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {str(key): str(value) for key, value in cast("dict[object, object]", found).items()}


def _try_lock(descriptor: int) -> bool:
    """Lock without waiting; where a file system knows no locks, nobody is kept out."""
    try:
        _lock_at_once(descriptor)
    except (BlockingIOError, PermissionError):
        return False
    except OSError as error:
        return error.errno in _UNSUPPORTED
    return True


if sys.platform == "win32":
    import msvcrt

    def _lock_at_once(descriptor: int) -> None:
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    def _unlock(descriptor: int) -> None:
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock_at_once(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
