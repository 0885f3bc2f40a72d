"""Where a spool is: found out at the first use, made at the first write."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

from contextcompany.delivery.spool.lock import LOCK_NAME
from contextcompany.delivery.spool.ownership import check_private, make_private, open_private
from contextcompany.diagnostics import warn_once

if TYPE_CHECKING:
    from pathlib import Path


class Folder(Protocol):
    """Name the folder of a spool, or None where there is no place for one."""

    def __call__(self, *, create: bool) -> Path | None:
        """Return the folder, made with `create`; raise OSError where it cannot be used."""
        ...


class Place:
    """Remember the folder of a spool once it is known."""

    def __init__(self, folder: Path | Folder) -> None:
        self._find = folder if callable(folder) else _fixed(folder)
        self._folder: Path | None = None
        self._is_made = False

    def made(self) -> Path:
        """Return the folder, which is made if it does not exist.

        Raises:
            OSError: where there is no place for one, or it cannot be used.
        """
        if self._folder is not None and self._is_made:
            return self._folder
        folder = self._find(create=True)
        if folder is None:
            raise OSError(
                "no place for spans on disk: this user has no home folder; name a folder with TCC_SPOOL_DIR"
            )
        # Made now: on a disk that is full by then, nobody could lock what waits, nor send it.
        os.close(open_private(folder / LOCK_NAME, os.O_RDWR))
        self._folder, self._is_made = folder, True
        return folder

    def existing(self) -> Path | None:
        """Return where the folder is if that is known, or None; nothing is made."""
        if self._folder is None:
            try:
                self._folder = self._find(create=False)
            except OSError as error:
                say("place", None, "cannot be used, so what waits there is not sent", error)
        return self._folder

    def lost(self) -> None:
        """Note that somebody removed the folder."""
        self._is_made = False


def say(what: str, folder: Path | None, message: str, problem: Exception | None = None) -> None:
    """Warn, once for each folder and kind of trouble."""
    where = "the spool" if folder is None else f"the spool {folder}"
    because = "" if problem is None else f" ({problem})"
    warn_once(("spool", what, folder), "%s %s%s", where, message, because)


def _fixed(folder: Path) -> Folder:
    def find(*, create: bool) -> Path | None:
        if create:
            folder.parent.mkdir(parents=True, exist_ok=True)
            make_private(folder)
        elif folder.exists() or folder.is_symlink():
            check_private(folder)
        return folder

    return find
