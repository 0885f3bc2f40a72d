"""Watch over open handles: time limits, handles that were dropped without an end, forks.

A handle is only referred to weakly. When it is collected while open, its recording is put into a
queue (all that is safe from a garbage-collection callback) and a lazy thread ends it.
"""

from __future__ import annotations

import heapq
import threading
import time
import weakref
from itertools import count
from queue import Empty, SimpleQueue
from typing import Final, Protocol

from contextcompany.diagnostics import guard

LOST: Final = "the loss of its last reference, without an end"
"""Why a recording is closed whose handle was collected while it was open."""

_LONGEST_WAIT: Final = 3_600.0
_GLANCE: Final = 0.001


class Closable(Protocol):
    """What can be closed when its time is up."""

    def close(self, reason: str, error_type: str | None) -> None:
        """End the span for the given reason unless it has ended."""
        ...


class Watched(Closable, Protocol):
    """An open recording, as the watch needs it."""

    def detach_after_fork(self) -> None:
        """Forget the span in a forked child: the parent process ends it."""
        ...


class _Tether(weakref.ref[object]):
    __slots__ = ("recording",)
    recording: Watched


class Watch:
    """The open recordings of this process."""

    def __init__(self, *, timeout_error: str, abandoned_error: str) -> None:
        self._timeout_error = timeout_error
        self._abandoned_error = abandoned_error
        self._numbers = count()
        self._begin()

    def _begin(self) -> None:
        self._open: dict[int, _Tether] = {}
        self._wake: SimpleQueue[_Tether | None] = SimpleQueue()
        self._deadlines: list[tuple[float, int, weakref.ref[Closable]]] = []
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None

    def __len__(self) -> int:
        """Return how many handles are open."""
        return len(self._open)

    def add(self, handle: object, recording: Watched, timeout: float | None) -> None:
        """Watch over an open handle.

        Args:
            handle: what the caller holds; referred to weakly.
            recording: what is ended when the handle is gone.
            timeout: seconds after which the recording is closed, or None.
        """
        tether = _Tether(handle, self._wake.put)
        tether.recording = recording
        self._open[id(recording)] = tether
        if self._thread is None:
            self._start_thread()
        if timeout is not None:
            self.close_after(recording, timeout)

    def close_after(self, recording: Closable, timeout: float) -> None:
        """Close something after so many seconds, unless it is gone by then; referred to weakly."""
        if self._thread is None:
            self._start_thread()
        with self._lock:
            item = (time.monotonic() + timeout, next(self._numbers), weakref.ref(recording))
            heapq.heappush(self._deadlines, item)
        self._wake.put(None)

    def remove(self, recording: Watched) -> None:
        """Stop watching a recording that has ended."""
        self._open.pop(id(recording), None)

    def recordings(self) -> list[Watched]:
        """Return the open recordings, the innermost (youngest) first."""
        return [tether.recording for tether in reversed(list(self._open.values()))]

    def wait_until_empty(self, timeout: float) -> bool:
        """Wait for spans that other threads are just ending; returns whether none is left."""
        deadline = time.monotonic() + timeout
        # Ending a span is the hot path, so nobody is told of it; looking again costs only the one who waits.
        while self._open and time.monotonic() < deadline:
            time.sleep(_GLANCE)
        return not self._open

    def renew_after_fork(self) -> None:
        """Let go of all handles in a forked child: their spans belong to the parent process."""
        inherited = self.recordings()
        self._begin()
        for recording in inherited:
            recording.detach_after_fork()

    def _start_thread(self) -> None:
        with self._lock:
            if self._thread is not None:
                return
            thread = threading.Thread(target=self._work, name="contextcompany-watch", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # no thread can be started while the interpreter exits
                return
            self._thread = thread

    def _work(self) -> None:
        while True:
            with self._lock:
                wait = self._deadlines[0][0] - time.monotonic() if self._deadlines else _LONGEST_WAIT
            wait = min(max(wait, 0), _LONGEST_WAIT)
            try:
                tether = self._wake.get(timeout=wait)
            except Empty:
                tether = None
            with guard:
                if tether is not None:
                    tether.recording.close(LOST, self._abandoned_error)
                self._close_overdue()
            del tether

    def _close_overdue(self) -> None:
        while True:
            with self._lock:
                if not self._deadlines or self._deadlines[0][0] > time.monotonic():
                    return
                _, _, reference = heapq.heappop(self._deadlines)
            recording = reference()
            if recording is not None:
                recording.close("its time limit", self._timeout_error)
