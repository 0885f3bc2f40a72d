"""SIGTERM, for those who ask for it: deliver what waits, then do what would have been done without us."""

from __future__ import annotations

import _thread
import os
import signal
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from contextcompany.diagnostics import guard, logger, warn_once

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

_GLANCE: Final = 0.001


class SigtermDrain:
    """Put a handler before the one that is there.

    The handler itself only starts a thread: it interrupts the main thread anywhere, also where that
    holds a lock that delivery needs. When the thread is done it sends the signal again, and only then
    the previous handler is called, or the process ends as it would have.

    Args:
        drain: delivers what waits, within its own budget; told whether the process ends afterwards.
    """

    def __init__(self, drain: Callable[[bool], object]) -> None:
        self._drain = drain
        self._previous: Any = None
        # What was there before an earlier installation, for a handler in between that calls ours.
        self._earlier: Any = signal.SIG_IGN
        self._is_passing_on = False
        self._was_removed = False
        self._is_installed = False
        self._is_draining = False
        self._is_done = False

    def install(self) -> None:
        """Take the signal over; only the main thread may."""
        if self._is_installed and signal.getsignal(signal.SIGTERM) == self._handle:
            return
        if threading.current_thread() is not threading.main_thread():
            warn_once("sigterm", "on_sigterm does nothing here: call configure() in the main thread")
            return
        previous = signal.getsignal(signal.SIGTERM)
        if previous is None:
            warn_once("sigterm", "on_sigterm does nothing: the handler of SIGTERM is not one of Python")
            return
        if self._is_installed:
            self._earlier = self._previous
        self._previous = previous
        self._is_installed = True
        self._was_removed = False
        signal.signal(signal.SIGTERM, self._handle)

    def remove(self) -> None:
        """Give the signal back, unless somebody else has taken it since."""
        if not self._is_installed or threading.current_thread() is not threading.main_thread():
            return
        if signal.getsignal(signal.SIGTERM) == self._handle:
            signal.signal(signal.SIGTERM, self._previous)
            self._is_installed = False
            self._was_removed = True

    def renew_after_fork(self) -> None:
        """Forget a drain that stayed in the parent process."""
        self._is_draining = False
        self._is_done = False

    def finish(self, timeout: float) -> None:
        """Wait for a drain under way, so that the signal still acts; for the main thread at exit."""
        deadline = time.monotonic() + timeout
        # A handler runs between two instructions of this thread, so it must not wait for a lock.
        while self._is_draining and time.monotonic() < deadline:
            time.sleep(_GLANCE)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._is_passing_on:
            self._act_as(self._earlier, number, frame)
        elif self._is_done:
            self._is_done = self._is_draining = False
            self._pass_on(number, frame)
        elif not self._is_draining:
            self._is_draining = True
            try:
                # Not by `Thread.start`, which waits for the thread: a handler must not wait.
                _thread.start_new_thread(self._work, ())
            except RuntimeError:  # the interpreter exits already, and drains on its own
                self._is_draining = False
                self._pass_on(number, frame)

    def _work(self) -> None:
        try:
            with guard:
                self._drain(self._previous == signal.SIG_DFL)
        finally:
            was_heard = _is_of_event_loop(self._previous)
            is_ours = not was_heard and signal.getsignal(signal.SIGTERM) == self._handle
            self._is_done = self._is_draining = is_ours
            # Given back meanwhile, it acts for whom it was given back to.
            if is_ours or (self._was_removed and not was_heard):
                os.kill(os.getpid(), signal.SIGTERM)

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        self._is_passing_on = True
        try:
            self._act_as(self._previous, number, frame)
        finally:
            self._is_passing_on = False

    def _act_as(self, handler: Any, number: int, frame: FrameType | None) -> None:
        if callable(handler):
            handler(number, frame)
        elif handler == signal.SIG_DFL:
            logger.debug("delivered at SIGTERM; the process ends")
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)


def _is_of_event_loop(handler: object) -> bool:
    """Return whether a handler does nothing itself, because asyncio hears of signals by another way.

    It has called the application's function already, and would call it again with the signal.
    """
    return getattr(handler, "__module__", "") == "asyncio.unix_events"
