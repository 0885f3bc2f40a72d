"""What the threads of one outbox share. Everything here is used with `changed` held, but `speak`."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Final

from contextcompany.delivery.outbox.schedule import Schedule
from contextcompany.delivery.outbox.stock import Stock
from contextcompany.diagnostics import guard, logger

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable

    from contextcompany.delivery.outbox.counters import Counters
    from contextcompany.delivery.outbox.parcel import Parcel
    from contextcompany.delivery.outbox.shelf import Shelf
    from contextcompany.delivery.spool.spool import Written

NEVER: Final = float("inf")

_LONG_SECONDS: Final = 1.0


class Desk:
    """The state of an outbox.

    Attributes:
        name: the destination, as it may be logged.
        shelf: what is on disk, or None where nothing may be.
        lock: the lock of all of this.
        changed: the same lock with the bell for those who wait.
        stock: what is in memory.
        schedule: when the next attempt may be made.
        urgent: whether somebody waits for what is in memory.
        closing: whether the outbox is being closed; then everything is urgent.
        closed: whether its threads end.
        deadline: when requests must be over, in `time.monotonic()` seconds.
        oldest_at: when the oldest waiting entry came.
        drain_at: when to look into the spool.
        probe_at: when to look again for somebody at the implicit destination.
        probes_failed: how often nobody was there.
        doubting: the parcel on its way of which a copy is being written.
    """

    def __init__(self, name: str, shelf: Shelf | None) -> None:
        self.name = name
        self.shelf = shelf
        self.start_afresh()

    def start_afresh(self) -> None:
        """Begin empty, with a lock that nobody holds."""
        # Reentrant: garbage collection may run in here, and a finalizer of the application end a run.
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.stock = Stock()
        self.schedule = Schedule()
        self.urgent = False
        self.closing = False
        self.closed = False
        self.deadline = NEVER
        self.oldest_at = 0.0
        self.drain_at = NEVER
        self.probe_at = 0.0
        self.probes_failed = 0
        self.doubting: Parcel | None = None
        self._said: set[str] = set()
        self._lines: list[tuple[int, str, tuple[object, ...]]] = []

    @property
    def spooled(self) -> int:
        """Return how many spans of this process are on disk."""
        return 0 if self.shelf is None else self.shelf.spans

    @property
    def can_keep(self) -> bool:
        """Return whether parcels can be kept on disk now."""
        return self.shelf is not None and self.shelf.is_usable

    def counters(self) -> Counters:
        """Return a snapshot of the counts."""
        counters = self.stock.counters()
        way = self.stock.on_the_way
        if way is not None and time.monotonic() - way.born > _LONG_SECONDS:
            counters.last_error = f"{self.name} has not answered yet"
        if self.shelf is not None:
            counters.spooled = self.shelf.spans
            counters.handed_over = self.shelf.handed_over
        return counters

    def enter(self, parcel: Parcel, written: Written) -> None:
        """Take note of a parcel that was written to disk, and of what had to go for it."""
        if self.shelf is not None:
            self.stock.reclaim(parcel)
            self.lose(self.shelf.enter(parcel, written, flying=self.stock.on_the_way))

    def lose(self, lost: Counter[str]) -> None:
        """Count spans as lost, and have that logged for each new reason."""
        self.say_lost(self.stock.lose(lost))

    def say_once(self, level: int, message: str, *args: object) -> None:
        """Have a line logged unless one of the same form was logged before."""
        if message not in self._said:
            self._said.add(message)
            self.say(level, message, *args)

    def say(self, level: int, message: str, *args: object) -> None:
        """Have a line logged as soon as the lock is free: a log handler may be slow, or call us."""
        self._lines.append((level, message, args))

    def say_lost(self, reasons: Iterable[str]) -> None:
        """Have a line logged for each new reason of loss."""
        # Nobody asked for delivery where nothing is configured, so nobody is warned of its lack.
        level = logging.INFO if self.probes_failed else logging.WARNING
        for reason in reasons:
            self.say(level, "spans are lost: %s (%s); tcc.stats() counts them", reason, self.name)

    @property
    def has_lines(self) -> bool:
        """Return whether something is to be logged."""
        return bool(self._lines)

    def speak(self) -> None:
        """Log what was said; without the lock."""
        if self._lines:
            with self.changed:
                lines, self._lines = self._lines, []
            for level, message, args in lines:
                with guard:  # a filter of the application may raise
                    logger.log(level, message, *args)
