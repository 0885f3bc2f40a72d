"""The life of the process: the instance in force, flush, shutdown, fork and exit.

The only module state of the package beside ContextVars and the warnings already said.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol

from contextcompany.delivery.outbox.counters import Counters
from contextcompany.diagnostics import guard, log_debug_lines, logger, said
from contextcompany.imports import gate
from contextcompany.propagation.current import CurrentHandle
from contextcompany.runtime import workers
from contextcompany.runtime.crews import Crews
from contextcompany.runtime.holding import Holding
from contextcompany.runtime.instance import Instance
from contextcompany.runtime.outboxes import Outboxes
from contextcompany.runtime.places import Place, Places
from contextcompany.runtime.sigterm import SigtermDrain
from contextcompany.runtime.waiting import Waiting
from contextcompany.runtime.watch import Watch
from contextcompany.semconv import attributes as names
from contextcompany.settings import settings as settings_room

if TYPE_CHECKING:
    from collections.abc import Generator

    from opentelemetry import trace
    from opentelemetry.trace import Span

    from contextcompany.delivery.outbox.outbox import Outbox
    from contextcompany.runtime.results import FlushResult, Stats
    from contextcompany.settings.settings import Settings

_EXIT_SECONDS: Final = 2.0
_ENDING_SECONDS: Final = 0.25


class CurrentRecording(Protocol):
    """What the room above makes current: an open span with its place."""

    place: Place
    span: Span

    @property
    def is_open(self) -> bool:
        """Return whether it has been neither ended nor closed."""
        ...


class Attached(Protocol):
    """A span processor of ours on a provider of somebody else.

    Attributes:
        is_active: whether it takes anything.
    """

    is_active: bool

    def adopt_stream(self, step: CurrentRecording) -> None:
        """Let a step that is given a stream have the request that the stream answers, if one is known."""
        ...

    def renew_after_fork(self) -> None:
        """Forget in a forked child what belongs to the parent process."""
        ...


class Process:
    """What this process records with. One exists: `process`."""

    def __init__(self) -> None:
        self.watch = Watch(timeout_error=names.ERROR_TYPE_TIMEOUT, abandoned_error=names.ERROR_TYPE_ABANDONED)
        self.places = Places()
        self.holding = Holding()
        self.waiting = Waiting(self.watch)
        self.crews = Crews()
        # Ours on the providers of others, which take processors and never give them back.
        self.processors: weakref.WeakKeyDictionary[object, Attached] = weakref.WeakKeyDictionary()
        self.handed_out: trace.TracerProvider | None = None
        # Its open spans that are delivered to nobody; True for those in a run that is left out.
        self.nowhere: dict[int, bool] = {}
        self.has_collected = False  # or handed out a provider, ever: the code around steps counts on it
        self.current: CurrentHandle[CurrentRecording] = CurrentHandle("contextcompany-current")
        self._lock = threading.RLock()
        # The last one is in force; earlier ones deliver what runs that began under them still end.
        self._instances: list[Instance] = []
        self._outboxes = Outboxes()
        # Replaced ones with nothing to deliver; they come back should a run of theirs end a span.
        self._retired: weakref.WeakSet[Instance] = weakref.WeakSet()
        self._kept: set[Instance] = set()
        self._counted = Counters()
        self._hooked = False
        self.is_ready = False
        self._stopped = False
        self._sigterm = SigtermDrain(self._at_sigterm)

    @property
    def is_stopped(self) -> bool:
        """Return whether `shutdown` was called and no `configure` since."""
        return self._stopped

    def configure(self, settings: Settings) -> Instance:
        """Put settings in force for the runs that start from now on."""
        with self._lock:
            instance = self._installed(settings)
            self._retire_replaced()
        self._hurry()
        with guard:
            instance.recover()
        with guard:
            self._sigterm.install() if settings.on_sigterm else self._sigterm.remove()
        return instance

    def _installed(self, settings: Settings) -> Instance:
        with self._lock:
            self._hook()
            if settings.debug:
                log_debug_lines()
            logger.debug("configured: %r", settings)
            self._stopped = False
            instance = Instance(settings, self._outboxes, self.waiting)
            self._instances.append(instance)
            return instance

    def _retire_replaced(self) -> None:
        for replaced in self._instances[:-1]:
            counters = None if replaced in self._kept else replaced.retire(self._adopt)
            if counters is not None:
                self._counted = Counters.total((self._counted, counters))
                self._instances.remove(replaced)
                self._retired.add(replaced)

    def _adopt(self, instance: Instance) -> None:
        with self._lock:
            self._retired.discard(instance)
            self._instances.insert(0, instance)

    def instance(self) -> Instance:
        """Return the instance in force; the first call reads the environment."""
        if not self.is_ready:
            self.prepare_worker()
        if self._instances:
            return self._instances[-1]
        with self._lock:
            if self._instances:
                return self._instances[-1]
            # Nothing is read from the disk here: this is the way of the application's first run.
            return self._installed(settings_room.load())

    @contextmanager
    def temporarily(self, settings: Settings) -> Generator[Instance]:
        """Put settings in force for the length of a block."""
        stopped = self._stopped
        instance = self._installed(settings)
        self._kept.add(instance)
        try:
            yield instance
        finally:
            self.waiting.release()
            instance.close(_EXIT_SECONDS)
            with self._lock:
                self._kept.discard(instance)
                self._instances.remove(instance)
                self._stopped = stopped

    def flush(self, timeout: float) -> FlushResult:
        """Send everything that waits, within so many seconds."""
        before = self._counters()
        deadline = time.monotonic() + timeout
        self.waiting.release()
        self._hurry()
        emptied = [box.flush(max(deadline - time.monotonic(), 0)) for box in self._boxes()]
        return self._result(before, emptied=all(emptied))

    def shutdown(self, timeout: float, reason: str = "shutdown") -> FlushResult:
        """End what is open, send what waits within so many seconds, record nothing more."""
        deadline = time.monotonic() + timeout
        with self._lock:
            self._stopped = True
        before = self._counters()
        for recording in self.watch.recordings():
            with guard:
                recording.close(reason, names.ERROR_TYPE_ABANDONED)
        self.watch.wait_until_empty(min(timeout, _ENDING_SECONDS))
        self.waiting.release()
        with self._lock:
            for instance in self._instances:
                instance.closed = True
        self._hurry()
        emptied = [box.close(max(deadline - time.monotonic(), 0)) for box in self._boxes()]
        return self._result(before, emptied=all(emptied))

    def reset(self, timeout: float) -> None:
        """Shut down and forget everything, as if the process had just begun."""
        self.shutdown(timeout)
        with self._lock:
            self._instances.clear()
            self._outboxes.forget()
            self._counted = Counters()
            self.places.clear()
            self.holding.renew()
            self.current.clear()
            self._stopped = self.has_collected = False

    def stats(self) -> Stats:
        """Return the counts so far."""
        with gate:
            from contextcompany.runtime.results import Stats

        counters = self._counters()
        return Stats(
            delivered=counters.delivered,
            pending=counters.pending + len(self.waiting),
            spooled=counters.spooled,
            handed_over=counters.handed_over,
            recovered=counters.recovered,
            dropped=dict(counters.dropped),
            last_error=counters.last_error,
            open_handles=len(self.watch),
            internal_errors=guard.errors,
            unsampled=self.holding.unsampled,
        )

    def current_place(self) -> Place | None:
        """Return the run of the nearest open handle of this context, else of the nearest one."""
        nearest = self.current.innermost_open() or next(self.current.chain(), None)
        return None if nearest is None else nearest.place

    def is_recording_here(self) -> bool:
        """Return whether there is a current run, of which something is recorded."""
        place = self.current_place()
        return place is not None and not place.is_off

    def _hurry(self) -> None:
        # All destinations at once: one that hangs must not take the time of the others.
        for box in self._boxes():
            box.hurry()

    def _boxes(self) -> list[Outbox]:
        with self._lock:
            own = [instance.own_outbox for instance in self._instances]
        return [*self._outboxes.all(), *(box for box in own if box is not None)]

    def _counters(self) -> Counters:
        with self._lock:
            parts = [self._counted, self.holding.counters(), *(box.counters() for box in self._boxes())]
        return Counters.total(parts)

    def _result(self, before: Counters, *, emptied: bool) -> FlushResult:
        with gate:
            from contextcompany.runtime.results import FlushResult

        after = self._counters()
        is_complete = emptied and after.dropped.total() == before.dropped.total()
        return FlushResult(
            complete=is_complete,
            delivered=after.delivered,
            pending=after.pending,
            spooled=after.spooled,
            handed_over=after.handed_over,
            dropped=dict(after.dropped),
            last_error=None if is_complete else after.last_error,
        )

    def _hook(self) -> None:
        if self._hooked:
            return
        self._hooked = True
        atexit.register(self._at_exit)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._after_fork_in_child)

    def prepare_worker(self) -> None:
        """Deliver at the end of this process too if it is a worker, which runs no `atexit` function."""
        if not self.is_ready:
            self.is_ready = True
            workers.call_at_end(self._at_exit)

    def _at_exit(self) -> None:
        self._sigterm.finish(_EXIT_SECONDS)
        with guard:
            self.shutdown(_EXIT_SECONDS, "the end of the process")

    def _at_sigterm(self, ends: bool) -> None:
        if ends:
            self.shutdown(_EXIT_SECONDS, "SIGTERM")
            return
        deadline = time.monotonic() + _EXIT_SECONDS
        self.waiting.release()
        self._hurry()
        for box in self._boxes():
            box.save(max(deadline - time.monotonic(), 0))

    def _after_fork_in_child(self) -> None:
        self._lock = threading.RLock()
        self.is_ready = False
        said.renew_lock()
        self._sigterm.renew_after_fork()
        self.places.renew_lock()
        self.holding.renew()
        self.waiting.renew_after_fork()
        self.crews.renew_after_fork()
        for processor in list(self.processors.values()):
            processor.renew_after_fork()
        self.nowhere.clear()
        self._counted = Counters()
        self._outboxes.renew_after_fork()
        for instance in (*self._instances, *self._retired):
            instance.renew_after_fork()
        self.watch.renew_after_fork()


process: Final = Process()
