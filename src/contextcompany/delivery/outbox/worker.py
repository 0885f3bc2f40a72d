"""A lazy daemon thread that does one task after the other, and ends when there is nothing to do."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from contextcompany.delivery.outbox.desk import NEVER

if TYPE_CHECKING:
    from contextcompany.delivery.outbox.desk import Desk

Task = Callable[[], None]

_IDLE_SECONDS: Final = 5.0
_LONGEST_WAIT: Final = 3_600.0


class WorkerThread(threading.Thread):
    """A thread of an outbox."""

    def _delete(self) -> None:
        # A greenlet that lives on in a forked child has been forgotten by `threading` when it ends.
        with suppress(KeyError):
            super()._delete()  # type: ignore[misc]


class Worker(ABC):
    """Look at the desk for the next task, in a thread of its own or in the one that asks.

    Attributes:
        thread: its thread while it has one.
    """

    _name = "worker"

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.thread: threading.Thread | None = None

    @abstractmethod
    def look(self, now: float) -> Task | float:
        """Return the next task, or the seconds until there may be one; with the lock held."""

    def begin(self) -> None:  # noqa: B027  (most have nothing to do)
        """Get ready, in the thread's own time."""

    @property
    def is_running(self) -> bool:
        """Return whether it has a thread; with the lock held."""
        return self.thread is not None

    def ensure(self) -> bool:
        """Start the thread unless it runs, and return whether it runs; with the lock held."""
        if self.thread is not None:
            return True
        thread = WorkerThread(target=self._work, name=f"contextcompany-{self._name}", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no thread can be started while the interpreter exits
            return False
        self.thread = thread
        return True

    def renew_after_fork(self) -> None:
        """Forget the thread: it stayed in the parent process."""
        self.thread = None

    def _work(self) -> None:
        desk = self._desk
        changed = desk.changed
        try:
            self.begin()
            while True:
                with changed:
                    task = self._await_task(changed)
                if task is None:
                    return
                task()
                del task  # the last batch need not stay while there is nothing to do
                desk.speak()
        finally:
            with changed:
                if changed is desk.changed and self.thread is threading.current_thread():
                    self.thread = None  # the next span starts another one
                changed.notify_all()

    def _await_task(self, changed: threading.Condition) -> Task | None:
        desk = self._desk
        idle_at = time.monotonic() + _IDLE_SECONDS
        while not desk.closed:
            if changed is not desk.changed:
                return None  # a greenlet that lives on in a forked child, where others took over
            now = time.monotonic()
            found = self.look(now)
            if callable(found):
                return found
            if found < NEVER:
                idle_at = now + _IDLE_SECONDS
            elif now >= idle_at:
                break
            changed.wait(min(found, idle_at - now, _LONGEST_WAIT))
        # In the same hold of the lock as the look, so that nobody counts on a thread that ends.
        self.thread = None
        return None
