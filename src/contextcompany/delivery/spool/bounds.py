"""How much may wait on disk, and for how long."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from contextcompany.delivery.spool.location import FOLDER_NAME
from contextcompany.delivery.spool.segment import is_name, is_part, is_word, moment_of, spans_in, whole_of
from contextcompany.delivery.spool.writers import is_running
from contextcompany.diagnostics import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from contextcompany.delivery.spool.clock import AgeClock

ASIDE: Final = "aside"

# Each file takes a block of the disk and an entry in every listing, however small it is.
_MOST_FILES: Final = 20_000
_RECOUNT_SECONDS: Final = 30.0
# Writing a file takes milliseconds; after a minute its writer is dead.
_PART_SECONDS: Final = 60.0


class Evicted(NamedTuple):
    """A request that was removed undelivered: the name of its file, and how many spans were in it."""

    name: str
    spans: int


class _Found(NamedTuple):
    path: Path
    size: int
    moment: float
    is_worthless: bool  # debris, or set aside


class Bounds:
    """Hold a folder within its size and age.

    All processes write into the same folder, so the total is counted anew from time to time and
    before anything is evicted; between counts it is exceeded by what other processes write meanwhile.

    Args:
        most_bytes: the most that all files together may take.
        most_seconds: the most that a file may wait.
        clock: tells the age of files.

    Attributes:
        going: names of requests that this process is removing, or has removed, until somebody has counted
            them and takes the name out.
    """

    def __init__(self, *, most_bytes: int, most_seconds: float, clock: AgeClock) -> None:
        self.most_bytes = most_bytes
        self._most_seconds = most_seconds
        self._clock = clock
        self.renew_after_fork()

    def renew_after_fork(self) -> None:
        """Begin anew in a forked child: a new lock, and nothing counted."""
        # Never held during input or output.
        self._lock = threading.Lock()
        self.going: set[str] = set()
        self._bytes = self._files = 0
        self._counted: float | None = None

    def added(self, size: int, files: int) -> None:
        """Note that this process made the folder larger, or smaller."""
        with self._lock:
            self._bytes += size
            self._files += files

    def has_room(self, folder: Path, size: int, files: int) -> bool:
        """Return whether so much more fits, by what is known of the folder.

        Raises:
            OSError: where the folder cannot be listed.
        """
        if self._is_due():
            self._counted_anew(folder)
        with self._lock:
            return self._bytes + size <= self.most_bytes and self._files + files <= _MOST_FILES

    def make_room(
        self,
        folder: Path,
        size: int,
        *,
        writing: str,
        spare: Collection[str],
        removed: Callable[[Evicted], None],
    ) -> None:
        """Remove the oldest files until one more of a size fits.

        Args:
            folder: the folder.
            size: in bytes.
            writing: the name under which that one is there already.
            spare: names of files that are in use and stay.
            removed: told of each request that goes.

        Raises:
            OSError: where a file cannot be removed.
        """
        if self.has_room(folder, size, 1):
            return
        files = self._counted_anew(folder, writing)
        for found in sorted(files, key=lambda found: (not found.is_worthless, found.path.name)):
            if self.has_room(folder, size, 1):
                return
            if found.path.name not in spare:
                self._remove(found, removed)

    def expire(self, folder: Path, *, removed: Callable[[Evicted], None]) -> None:
        """Remove what is too old: requests, files set aside, and what dead processes began to write.

        Args:
            folder: the folder.
            removed: told of each request that goes.

        Raises:
            OSError: where the folder cannot be listed or a file cannot be removed.
        """
        for found in self._listed(folder):
            if (
                is_part(found.path.name)
                or is_word(found.path.name)
                or self._clock.age(found.moment) > self._most_seconds
            ):
                self._remove(found, removed)

    def sweep(self, folder: Path) -> None:
        """Remove what dead processes began to write.

        Raises:
            OSError: where the folder cannot be listed or a file cannot be removed.
        """
        for found in self._listed(folder):
            if is_part(found.path.name) or is_word(found.path.name):
                self._remove(found, _ignore)

    def expire_beside(self, folder: Path) -> None:
        """Remove what is too old from the folders of other keys, which perhaps nobody uses any more.

        Raises:
            OSError: where a folder cannot be listed or a file cannot be removed.
        """
        if FOLDER_NAME.fullmatch(folder.name) is None:
            return
        with os.scandir(folder.parent) as entries:
            names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        for name in names:
            if name != folder.name and FOLDER_NAME.fullmatch(name) is not None:
                beside = Bounds(
                    most_bytes=self.most_bytes, most_seconds=self._most_seconds, clock=self._clock
                )
                gone: list[Evicted] = []
                beside.expire(folder.parent / name, removed=gone.append)
                if gone:
                    logger.warning(
                        "%d spans for an earlier key or URL were not delivered in %.1f days and are removed",
                        sum(evicted.spans for evicted in gone),
                        self._most_seconds / 86_400,
                    )

    def _is_due(self) -> bool:
        with self._lock:
            return self._counted is None or time.monotonic() - self._counted > _RECOUNT_SECONDS

    def _counted_anew(self, folder: Path, writing: str = "") -> list[_Found]:
        files = [found for found in self._listed(folder) if found.path.name != writing]
        with self._lock:
            self._bytes, self._files = sum(found.size for found in files), len(files)
            self._counted = time.monotonic()
        return files

    def _remove(self, found: _Found, removed: Callable[[Evicted], None]) -> None:
        name = found.path.name
        spans = 0 if found.is_worthless else spans_in(found.path)
        # Said before it is done: whoever misses the file a moment later must know who took it.
        if not found.is_worthless and not self._claims(name):
            return  # another thread was first, and counts it
        try:
            found.path.unlink()
        except OSError as error:
            if not found.is_worthless:
                self.going.discard(name)
            if isinstance(error, FileNotFoundError):
                return  # another process was first, and counts it
            raise
        self.added(-found.size, -1)
        if not found.is_worthless:
            removed(Evicted(name, spans))

    def _claims(self, name: str) -> bool:
        with self._lock:
            is_first = name not in self.going
            self.going.add(name)
        return is_first

    def _listed(self, folder: Path) -> Iterator[_Found]:
        """List all files of ours in a folder, in no order, without those that are being written."""
        for place in (folder, folder / ASIDE):
            try:
                entries = os.scandir(place)
            except FileNotFoundError:
                continue
            with entries:
                for entry in entries:
                    debris = is_part(entry.name) or is_word(entry.name)
                    if (not debris and not is_name(entry.name)) or entry.is_dir(follow_symlinks=False):
                        continue
                    try:
                        found = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:
                        continue  # delivered or evicted by another process meanwhile
                    if debris and _may_be_finished(entry.name, found.st_mtime):
                        continue
                    moment = found.st_mtime if debris else moment_of(entry.name)
                    yield _Found(place / entry.name, found.st_size, moment, debris or place is not folder)


def _may_be_finished(name: str, moment: float) -> bool:
    # A word waits for its reader. The file system tells time by the wall clock, wherever that jumped.
    is_young = is_word(name) or time.time() - moment < _PART_SECONDS
    return is_young and is_running(whole_of(name))


def _ignore(_: Evicted) -> None:
    """Take no note: what was never finished is no request."""
