"""The first thread of an outbox: encodes batches, and keeps on disk what is not delivered at once."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Final

from contextcompany.delivery.outbox.desk import NEVER
from contextcompany.delivery.outbox.worker import Worker
from contextcompany.diagnostics import guard

if TYPE_CHECKING:
    from collections.abc import Callable

    from contextcompany.delivery.outbox.desk import Desk
    from contextcompany.delivery.outbox.entry import Entry
    from contextcompany.delivery.outbox.parcel import Parcel
    from contextcompany.delivery.outbox.shelf import Shelf
    from contextcompany.delivery.outbox.sinks import Sink
    from contextcompany.delivery.outbox.worker import Task

# A process that is killed without warning loses at most the spans of its last second: what is older
# has been delivered, or lies on disk.
BATCH_SECONDS: Final = 0.5
DOUBT_SECONDS: Final = 0.2
PROBE_SECONDS: Final = 2.0
_WARMING_SECONDS: Final = 0.05
# An import and the application take turns at the interpreter, so its first run is let pass.
_UNDISTURBED_SECONDS: Final = 0.1
_LAST_SECONDS: Final = 0.75

INTERNAL_ERROR: Final = "an internal error of this package"


class Encoder(Worker):
    """Turn entries into parcels, and parcels into files where the collector does not take them.

    Args:
        desk: what it shares with the other threads.
        sink: what makes parcels.
        call_sender: starts the other thread; called with the lock held.
    """

    _name = "encoder"

    def __init__(self, desk: Desk, sink: Sink, call_sender: Callable[[], object]) -> None:
        super().__init__(desk)
        self._sink = sink
        self._call_sender = call_sender
        self._is_warming = False

    def look(self, now: float) -> Task | float:
        """Return the next task, or the seconds until there may be one; with the lock held."""
        desk = self._desk
        stock = desk.stock
        if self._sink.must_identify and (len(stock) or stock.parcels):
            return self._probe if now >= desk.probe_at else desk.probe_at - now
        to_keep = self._look_to_keep(now)
        if callable(to_keep) or not len(stock):
            return to_keep
        # A price is worth waiting for, a span is not worth losing for it.
        is_late = desk.closing and now >= desk.deadline - _LAST_SECONDS
        if self._is_warming and not stock.is_filling and not is_late:
            return min(_WARMING_SECONDS, to_keep)
        if stock.has_enough_parcels and not desk.can_keep:
            # Encoded or not they wait in memory, and each span would have taken its place there twice:
            # the system's allocator keeps what small objects leave behind.
            return to_keep
        due = desk.oldest_at + BATCH_SECONDS
        if desk.urgent or desk.closing or stock.has_full_batch or now >= due:
            return partial(self.pack, self.take_batch(now))
        return min(due - now, to_keep)

    def take_batch(self, now: float) -> list[Entry]:
        """Take a batch to pack; with the lock held."""
        batch = self._desk.stock.take_batch()
        self._desk.oldest_at = now
        if not len(self._desk.stock):
            self._desk.urgent = False
        return batch

    def pack(self, batch: list[Entry]) -> None:
        """Make parcels of a batch."""
        desk, stock = self._desk, self._desk.stock
        parcels: list[Parcel] = []
        taken = batch
        lost: Counter[str] | None = None
        try:
            with guard:
                spans = self._sink.prepared(batch)
                # A slow redaction leaves the rest for another time, so that what is done gets away.
                taken = batch[: len(spans)]
                parcels, lost = self._sink.pack(taken, spans)
        except BaseException:  # the keyboard, while the calling thread packs at the end of the process
            with desk.changed:
                stock.return_batch(batch)
            raise
        if lost is None:
            lost = Counter({INTERNAL_ERROR: len(taken)})
        if lost:
            for entry in taken:
                if not any(entry.receipt in parcel.receipts.values() for parcel in parcels):
                    entry.settle(delivered=False)
        with desk.changed:
            if len(taken) < len(batch):
                stock.return_batch(batch[len(taken) :])
            desk.say_lost(stock.put_packed(taken, parcels, lost))
            if parcels and stock is desk.stock:
                self._call_sender()
            desk.changed.notify_all()

    def _keep(self, shelf: Shelf, parcel: Parcel) -> None:
        """Write a parcel that was taken in hand to disk; where that fails, it waits in memory again."""
        desk, stock = self._desk, self._desk.stock
        written = shelf.write(parcel)
        with desk.changed:
            if stock is not desk.stock:
                return
            desk.stock.put_down(parcel, is_kept=written is not None)
            if written is not None:
                desk.enter(parcel, written)
                desk.drain_at = min(desk.drain_at, time.monotonic())
                self._call_sender()
            desk.changed.notify_all()

    def _doubt(self, shelf: Shelf, parcel: Parcel) -> None:
        """Write a copy of the parcel that is on its way, so that it survives this process."""
        desk, stock = self._desk, self._desk.stock
        written = shelf.write(parcel, merge=False)
        with desk.changed:
            if stock is not desk.stock:
                return
            desk.doubting = None
            if written is not None:
                desk.enter(parcel, written)
            desk.changed.notify_all()

    def look_to_keep(self) -> Task | None:
        """Return a task that keeps something of what is in memory, whatever its age, or None.

        With the lock held.
        """
        found = self._look_to_keep(NEVER)
        return found if callable(found) else None

    def _look_to_keep(self, now: float) -> Task | float:
        desk = self._desk
        stock = desk.stock
        shelf = desk.shelf
        if shelf is None:
            return NEVER
        if not shelf.is_usable:
            return shelf.rests_for(time.monotonic()) if stock.parcels else NEVER
        wait = NEVER
        if stock.parcels:
            at_once = desk.schedule.is_failing or stock.has_enough_parcels
            wait = 0.0 if at_once else stock.parcels[0].born + DOUBT_SECONDS - now
            if wait <= 0:
                stock.in_hand = stock.take_together()
                return partial(self._keep, shelf, stock.in_hand)
        way = stock.on_the_way
        if way is not None and way.file is None and desk.doubting is None:
            rest = way.born + DOUBT_SECONDS - now
            if rest <= 0:
                desk.doubting = way
                return partial(self._doubt, shelf, way)
            wait = min(wait, rest)
        return wait

    def renew_after_fork(self) -> None:
        """Forget the threads: they stayed in the parent process."""
        super().renew_after_fork()
        self._is_warming = False

    def begin(self) -> None:
        """Have loaded what packing needs while the first batch is still waiting for its age.

        By yet another thread, which ends with that: where much comes at once, it cannot be waited for.
        """
        # No thread can be started while the interpreter exits; things are then loaded when needed.
        self._is_warming = True
        try:
            threading.Thread(target=self._warm_up, name="contextcompany-warm-up", daemon=True).start()
        except RuntimeError:
            self._is_warming = False

    def _warm_up(self) -> None:
        desk = self._desk
        with desk.changed:
            desk.changed.wait_for(lambda: desk.urgent or desk.closing or desk.closed, _UNDISTURBED_SECONDS)
        try:
            with guard:
                # First of all: whoever has to write meanwhile does not wait for what takes long.
                if self._desk.shelf is not None:
                    self._desk.shelf.warm_up()
                self._sink.warm_up()
        finally:
            with self._desk.changed:
                self._is_warming = False
                self._desk.changed.notify_all()

    def _probe(self) -> None:
        """See whether what answers at the implicit destination is the local collector."""
        found = self._sink.identify()
        desk = self._desk
        with desk.changed:
            if found:
                desk.probes_failed = 0
                self._call_sender()
            else:
                desk.probe_at = time.monotonic() + PROBE_SECONDS
                if not desk.probes_failed:
                    desk.say(
                        logging.INFO,
                        "no destination is set and no local collector runs: spans stay in memory. "
                        "Set TCC_URL to your collector, or TCC_API_KEY for the platform",
                    )
                desk.probes_failed += 1
                desk.stock.settle_receipts(delivered=False)  # waiting would not change that
            desk.changed.notify_all()
