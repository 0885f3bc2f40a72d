"""A folder of requests that could not be delivered yet.

Written by a rename, so a process that is killed at any point leaves whole files only. Nothing is
synced to the disk: a process needs no sync to survive its own death, and what a power failure tears
is seen by its checksum.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from contextcompany.delivery.spool import segment as segments
from contextcompany.delivery.spool.bounds import ASIDE, Bounds, Evicted
from contextcompany.delivery.spool.clock import AgeClock
from contextcompany.delivery.spool.lock import FolderLock
from contextcompany.delivery.spool.ownership import make_private, write_private
from contextcompany.delivery.spool.place import Place, say
from contextcompany.delivery.spool.segment import Stored
from contextcompany.delivery.spool.writers import is_running

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from contextcompany.delivery.spool.lock import Held
    from contextcompany.delivery.spool.place import Folder

__all__ = ["Evicted", "Spool", "SpoolFull", "Stored", "Written"]

_SEGMENT_BYTES: Final = 256 << 10
_SEGMENT_SECONDS: Final = 600.0
# Longer than a request of the process that wrote it may take.
_UNDER_WAY_SECONDS: Final = 15.0
# Another process that merges holds the lock for a millisecond; one that sends, for long.
_PAUSES: Final = (0.001, 0.004, 0.016)


class SpoolFull(OSError):  # noqa: N818  (the name of the contract)
    """One request alone is larger than all that may wait."""


class Written(NamedTuple):
    """What a write did.

    Attributes:
        name: the file that holds the request, alone or after earlier ones.
        evicted: what was removed undelivered to make room, oldest first.
    """

    name: str
    evicted: tuple[Evicted, ...]


class Spool:
    """Keep requests on disk until they are delivered.

    Its methods read and write files; they may be called from several threads of several processes.

    Args:
        folder: where, or how to find out; asked at the first use.
        most_bytes: the most that all files together may take; the oldest make room for new ones.
        most_seconds: the most that a request may wait.

    Attributes:
        set_aside: names of files that this process found damaged, foreign or of a newer version.
    """

    def __init__(
        self, folder: Path | Folder, *, most_bytes: int = 512 << 20, most_seconds: float = 7 * 86_400
    ) -> None:
        self._place = Place(folder)
        self._clock = AgeClock()
        self._bounds = Bounds(most_bytes=most_bytes, most_seconds=most_seconds, clock=self._clock)
        self._lock = FolderLock()
        self._segment: str | None = None
        self._segment_bytes = 0
        self._evicted: list[Evicted] = []
        self._begin()

    def write(self, body: bytes, spans: int, *, merge: bool = True) -> Written:
        """Write a request, small ones into the file that this process wrote last.

        Serialized OTLP requests that are joined are one valid request.

        Args:
            body: a serialized OTLP request, not compressed.
            spans: how many spans are in it.
            merge: False for a file of its own, into which nothing is merged later.

        Raises:
            SpoolFull: for a request that alone is larger than `most_bytes`.
            OSError: where there is no place, no room, or no permission to write; nothing is left behind.
        """
        with self._mutex:
            try:
                name = self._write(body, spans, merge=merge)
            except FileNotFoundError:
                # Somebody removed the folder, or the file while it was written, under our hands.
                self._place.lost()
                self._segment = None
                name = self._write(body, spans, merge=merge)
            evicted = tuple(self._evicted)
            self._evicted.clear()
        return Written(name, evicted)

    @contextmanager
    def exclusive(self) -> Generator[bool]:
        """Be the only one that sends what waits here, for the length of a block, if nobody else does.

        Yields:
            True if this thread may send; False while another thread or process does, and where no
            folder is. The kernel ends it with the process; a forked child does not have it.
        """
        folder = self._place.existing()
        held = None
        if folder is not None:
            try:
                held = self._lock.take(folder, pauses=_PAUSES)
            except FileNotFoundError:
                pass  # nothing was written yet
            except OSError as error:
                say("lock", folder, "cannot be locked, so what waits there is not sent", error)
            if held is not None and not held.is_real:
                say("unlocked", folder, "has no locks: what waits there may be sent more than once")
        if held is None:
            yield False
            return
        self._is_sending = True
        try:
            yield True
        finally:
            self._is_sending = False
            self._in_use.clear()
            held.release()

    def names(self) -> list[str]:
        """List the files that wait, oldest first.

        Without those that another living process wrote just now: it may be sending them itself.
        """
        return sorted(name for name in self._listed() if not self._is_under_way_elsewhere(name))

    def wrote(self, name: str) -> bool:
        """Return whether a file was written by this object."""
        return self._names.made(name)

    def is_empty(self) -> bool:
        """Return whether nothing waits."""
        return next(self._listed(), None) is None

    def exists(self, name: str) -> bool:
        """Return whether a file waits; True too where its folder cannot be looked into now.

        Raises:
            ValueError: for a name that has not the form of ours.
        """
        path = self._path(name)
        if path is None:
            return False
        try:
            path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            say("list", path.parent, "cannot be listed, so what waits there is not sent", error)
        return True

    def read(self, name: str) -> Stored | None:
        """Return what a file holds; to be called inside `exclusive()` by one who then removes it.

        Returns:
            None if it is gone, cannot be read now, or is torn, foreign or of a newer version; the
            latter are set aside, in a folder inside, and nobody tries them again.

        Raises:
            ValueError: for a name that has not the form of ours.
        """
        path = self._path(name)
        if path is None:
            return None
        if self._is_sending:
            self._in_use.add(name)
        try:
            return segments.load(path)
        except FileNotFoundError:
            return None
        except (segments.UnreadableError, PermissionError) as error:
            self._set_aside(path, error)
        except OSError as error:
            say("read", path.parent, "holds files that cannot be read now", error)
        return None

    def remove(self, name: str) -> bool:
        """Remove a file; inside `exclusive()`, for another thread may have merged more into it.

        Returns:
            Whether it was there: False if another process evicted or delivered it meanwhile.

        Raises:
            ValueError: for a name that has not the form of ours.
            OSError: where it cannot be removed.
        """
        path = self._path(name)
        if path is None:
            return False
        try:
            size = path.lstat().st_size
            path.unlink()
        except FileNotFoundError:
            return False
        finally:
            self._in_use.discard(name)
        self._bounds.added(-size, -1)
        return True

    def leave_word(self, name: str) -> None:
        """Tell the process that wrote a file, if it is still there, that this one has sent it.

        Raises:
            ValueError: for a name that has not the form of ours.
            OSError: where that cannot be written.
        """
        path = self._path(segments.word_of(name)) if is_running(name) else None
        if path is not None:
            write_private(path, b"")

    def take_word(self, name: str) -> bool:
        """Return whether another process has left word that it sent a file, and remove that."""
        path = self._path(segments.word_of(name))
        if path is None:
            return False
        try:
            path.unlink()
        except OSError:
            return False
        return True

    def expire(self) -> tuple[Evicted, ...]:
        """Remove what has waited too long, from the folders of earlier keys too.

        To be called after an attempt to deliver has failed, so that nothing goes untried.

        Returns:
            The requests removed from this folder.
        """
        folder = self._place.existing()
        if folder is None:
            return ()
        gone: list[Evicted] = []
        try:
            self._bounds.expire(folder, removed=gone.append)
            self._bounds.expire_beside(folder)
        except OSError as error:
            say("expire", folder, "holds files that are too old and cannot be removed", error)
        return tuple(sorted(gone))

    def is_removing(self, name: str) -> bool:
        """Return whether this process takes a file away for age or room, or took it and it is not counted."""
        return name in self._bounds.going

    def counted(self, name: str) -> None:
        """Take note that the loss of a file that `write()` or `expire()` removed is counted."""
        self._bounds.going.discard(name)

    def sweep(self) -> None:
        """Remove unfinished files whose writers are dead, and what is too old in folders of other keys."""
        folder = self._place.existing()
        if folder is not None:
            try:
                self._bounds.sweep(folder)
                self._bounds.expire_beside(folder)
            except OSError as error:
                say("sweep", folder, "holds unfinished files that cannot be removed", error)

    def renew_after_fork(self) -> None:
        """Begin anew in a forked child; the parent keeps its lock and its file."""
        self._evicted = []
        self._segment = None
        self._lock.renew_after_fork()
        self._bounds.renew_after_fork()
        self._begin()

    def _begin(self) -> None:
        self._mutex = threading.Lock()
        self._names = segments.Names()
        # Nothing is evicted from under the thread that sends it: it would count as dropped and delivered.
        self._is_sending = False
        self._in_use: set[str] = set()
        self._stuck: set[str] = set()
        self.set_aside: set[str] = set()

    def _write(self, body: bytes, spans: int, *, merge: bool) -> str:
        folder = self._place.made()
        content = segments.encoded(body, spans)
        most = self._bounds.most_bytes
        if len(content) > most:
            raise SpoolFull(
                f"a request of {len(content)} bytes is larger than the spool may be: "
                f"got a bound of {most} bytes; allow more, or record less per span"
            )
        mergeable = merge and len(body) < _SEGMENT_BYTES
        if mergeable:
            merged = self._merged(folder, body, spans)
            if merged is not None:
                return merged
        name = self._names.new(self._clock.now())
        self._put(folder, name, content, is_new=True)
        if mergeable:
            self._segment, self._segment_bytes = name, len(body)
        return name

    def _merged(self, folder: Path, body: bytes, spans: int) -> str | None:
        """Write a request behind those in this process's last file, while nobody sends that."""
        name = self._segment
        # Asked first of all: each call to the system may cost this thread its turn.
        if name is None or self._segment_bytes + len(body) > _SEGMENT_BYTES:
            return None
        if not self._may_grow(folder, name, len(body)):
            return None
        held = self._unless_sending(folder)
        if held is None:
            return None
        try:
            before = segments.load(folder / name)
            if len(before.body) + len(body) > _SEGMENT_BYTES:
                return None
            content = segments.encoded(before.body + body, before.spans + spans)
            self._put(folder, name, content, is_new=False)
        except (FileNotFoundError, segments.UnreadableError):
            return None  # delivered meanwhile, or torn, which the one who sends it will find
        finally:
            held.release()
        self._bounds.added(len(body), 0)
        self._segment_bytes += len(body)
        return name

    def _may_grow(self, folder: Path, name: str, size: int) -> bool:
        is_young = self._clock.age(segments.moment_of(name)) < _SEGMENT_SECONDS
        return is_young and self._bounds.has_room(folder, size, 0)

    def _unless_sending(self, folder: Path) -> Held | None:
        try:
            held = self._lock.take(folder)
        except OSError:
            return None  # a new file needs no lock; where nothing can be written, that will say so
        if held is not None and not held.is_real:
            held.release()
            return None
        return held

    def _put(self, folder: Path, name: str, content: bytes, *, is_new: bool) -> None:
        part = folder / segments.part_of(name)
        write_private(part, content)
        try:
            if is_new:
                # Only now, so that nothing is evicted for a request that cannot be written.
                self._bounds.make_room(
                    folder,
                    len(content),
                    writing=part.name,
                    spare=frozenset(self._in_use),
                    removed=self._evicted.append,
                )
            part.replace(folder / name)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        if is_new:
            self._bounds.added(len(content), 1)

    def _set_aside(self, path: Path, problem: Exception) -> None:
        self.set_aside.add(path.name)
        say("aside", path.parent, f"holds files that cannot be sent; they are kept in {ASIDE}", problem)
        try:
            make_private(path.parent / ASIDE)
            path.replace(path.parent / ASIDE / path.name)
        except FileNotFoundError:
            pass  # gone meanwhile
        except OSError as error:
            self._stuck.add(path.name)
            say("stuck", path.parent, "holds files that can be neither sent nor moved", error)

    def _listed(self) -> Iterator[str]:
        folder = self._place.existing()
        if folder is None:
            return
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if (
                        segments.is_name(entry.name)
                        and entry.name not in self._stuck
                        and entry.is_file(follow_symlinks=False)
                    ):
                        yield entry.name
        except FileNotFoundError:
            return
        except OSError as error:
            say("list", folder, "cannot be listed, so what waits there is not sent", error)

    def _is_under_way_elsewhere(self, name: str) -> bool:
        if segments.writer_of(name) == os.getpid():
            return False
        return self._clock.age(segments.moment_of(name)) <= _UNDER_WAY_SECONDS and is_running(name)

    def _path(self, name: str) -> Path | None:
        segments.moment_of(segments.whole_of(name))
        folder = self._place.existing()
        return None if folder is None else folder / name
