"""Folders and files that only their owner may look into, whatever the umask is."""

from __future__ import annotations

import os
import stat
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_FOLDER_MODE: Final = 0o700
_FILE_MODE: Final = 0o600
_ANYONE_ELSE: Final = 0o077
_OTHERS_WRITE: Final = 0o022

# Windows needs to be told that bytes are bytes, and knows no links to refuse here.
PLAIN: Final[int] = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)


def make_private(folder: Path) -> None:
    """Make a folder that only this user may enter, in a folder that exists.

    Raises:
        OSError: where it cannot be made, or what is there is no folder of this user's own.
    """
    try:
        folder.mkdir(_FOLDER_MODE)
    except FileExistsError:
        pass
    else:
        folder.chmod(_FOLDER_MODE)
    check_private(folder)


def check_private(folder: Path) -> None:
    """Check that an existing folder is this user's own, and close it to all others.

    Raises:
        OSError: for a folder of another user, a link that another user may have placed, or a folder
            that stays open to others.
    """
    if folder.is_symlink() and not _only_we_write(folder.parent):
        raise OSError(
            f"refuse to follow the link {folder}: other users may write where it stands; "
            "remove it, or name another folder with TCC_SPOOL_DIR"
        )
    found = folder.stat()
    if not stat.S_ISDIR(found.st_mode):
        raise OSError(f"{folder} is no folder: remove it, or name another place with TCC_SPOOL_DIR")
    if sys.platform == "win32":
        return  # the user's own folder is closed to others by its access list, not by modes
    if found.st_uid != os.geteuid():
        raise OSError(
            f"refuse to use {folder}: it belongs to user {found.st_uid} and this process is user "
            f"{os.geteuid()}; remove it, or name another folder with TCC_SPOOL_DIR"
        )
    if found.st_mode & _ANYONE_ELSE:
        folder.chmod(_FOLDER_MODE)
        if folder.stat().st_mode & _ANYONE_ELSE:
            raise OSError(
                f"refuse to use {folder}: other users may read it and its mode cannot be changed; "
                "name a folder on another file system with TCC_SPOOL_DIR"
            )


def open_private(path: Path, flags: int) -> int:
    """Open a file, made if there is none, that only this user may read; links are not followed.

    Args:
        path: the file.
        flags: those of `os.open` beyond `O_CREAT`.

    Returns:
        The descriptor; not inherited by programs that the process starts.

    Raises:
        OSError: as `os.open` does.
    """
    descriptor = os.open(path, flags | os.O_CREAT | PLAIN, _FILE_MODE)
    if sys.platform != "win32":
        try:
            if stat.S_IMODE(os.fstat(descriptor).st_mode) != _FILE_MODE:
                os.fchmod(descriptor, _FILE_MODE)
        except OSError:
            os.close(descriptor)
            raise
    return descriptor


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only this user may read; a failed one leaves nothing behind.

    Raises:
        OSError: where it cannot be written whole: a full disk, a quota, a read-only folder.
    """
    descriptor = open_private(path, os.O_WRONLY | os.O_TRUNC)
    try:
        try:
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
        finally:
            os.close(descriptor)  # quotas and network file systems may refuse only here
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _only_we_write(folder: Path) -> bool:
    if sys.platform == "win32":
        return True
    found = folder.stat()
    return found.st_uid in (os.geteuid(), 0) and not found.st_mode & _OTHERS_WRITE
