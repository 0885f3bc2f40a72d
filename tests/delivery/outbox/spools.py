"""Spools on the real file system that a test holds up, or lets fail."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from contextcompany.delivery.spool.spool import Spool, Stored, Written
from tests.delivery.spool.otlp import names_in
from tests.loopback import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class SteeredSpool(Spool):
    """A spool whose writes wait where they are told to, and fail when they are told to.

    Attributes:
        before: a write waits for this before it begins.
        after: a write waits for this when the file is there, before anybody is told.
        removing: removing waits for this before it begins.
        write_error: what the next writes raise, if anything.
        remove_error: what removing raises, if anything.
        on_call: told of each call that may touch the disk.
    """

    def __init__(self, folder: Path, *, most_bytes: int = 512 << 20) -> None:
        super().__init__(folder, most_bytes=most_bytes)
        self.before = threading.Event()
        self.after = threading.Event()
        self.removing = threading.Event()
        self.release()
        self.write_error: OSError | None = None
        self.remove_error: OSError | None = None
        self.begun = self.written = 0
        self.on_call: Callable[[str], object] = str
        self._changed = threading.Condition()

    def release(self) -> None:
        """Hold nothing up any more."""
        self.before.set()
        self.after.set()
        self.removing.set()

    def write(self, body: bytes, spans: int, *, merge: bool = True) -> Written:
        """Write, as steered."""
        self.on_call("write")
        self._count("begun")
        assert self.before.wait(PATIENCE)
        if self.write_error is not None:
            raise self.write_error
        written = super().write(body, spans, merge=merge)
        self._count("written")
        assert self.after.wait(PATIENCE)
        return written

    def read(self, name: str) -> Stored | None:
        """Read."""
        self.on_call("read")
        return super().read(name)

    def remove(self, name: str) -> bool:
        """Remove, as steered."""
        self.on_call("remove")
        assert self.removing.wait(PATIENCE)
        if self.remove_error is not None:
            raise self.remove_error
        return super().remove(name)

    def exists(self, name: str) -> bool:
        """Look."""
        self.on_call("exists")
        return super().exists(name)

    def names(self) -> list[str]:
        """List."""
        self.on_call("names")
        return super().names()

    def wait_for_begun(self, writes: int) -> None:
        """Wait until so many writes have begun."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.begun >= writes, PATIENCE)

    def wait_for_written(self, writes: int) -> None:
        """Wait until so many writes have reached the disk."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.written >= writes, PATIENCE)

    def _count(self, what: str) -> None:
        with self._changed:
            setattr(self, what, getattr(self, what) + 1)
            self._changed.notify_all()


def spans_on_disk(folder: Path) -> list[str]:
    """Return the names of the spans in all files of a spool, oldest file first."""
    spool = Spool(folder)
    found = [spool.read(name) for name in spool.names()]
    return [name for stored in found if stored is not None for name in names_in(stored.body)]
