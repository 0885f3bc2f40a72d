"""The second thread of an outbox: sends parcels, first those in memory, then those on disk."""

from __future__ import annotations

import logging
import time
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Final

from contextcompany.delivery.outbox.desk import NEVER
from contextcompany.delivery.outbox.dispatch import REFUSED, Dispatched, dispatch
from contextcompany.delivery.outbox.encoder import INTERNAL_ERROR
from contextcompany.delivery.outbox.stock import AT_SHUTDOWN
from contextcompany.delivery.outbox.worker import Worker
from contextcompany.delivery.wire.outcomes import Outcome, Verdict
from contextcompany.diagnostics import guard

if TYPE_CHECKING:
    from contextcompany.delivery.outbox.desk import Desk
    from contextcompany.delivery.outbox.parcel import Parcel
    from contextcompany.delivery.outbox.shelf import Shelf
    from contextcompany.delivery.outbox.sinks import Sink
    from contextcompany.delivery.outbox.worker import Task
    from contextcompany.delivery.spool.spool import Written

_BUSY_SECONDS: Final = 0.25
_LOOK_SECONDS: Final = 60.0
_SAY_SECONDS: Final = 60.0
_LEAST_TIMEOUT: Final = 0.05


class Sender(Worker):
    """Send parcels and settle what became of them.

    Args:
        desk: what it shares with the other threads.
        sink: what sends.
        timeout: seconds that one request may take.
    """

    _name = "sender"

    def __init__(self, desk: Desk, sink: Sink, timeout: float) -> None:
        super().__init__(desk)
        self._sink = sink
        self._timeout = timeout
        self._looked_at = -NEVER
        self._said_at = -NEVER
        self._has_said_failing = False

    def look(self, now: float) -> Task | float:
        """Return the next task, or the seconds until there may be one; with the lock held."""
        desk = self._desk
        if self._sink.must_identify:
            return NEVER  # the encoder sees to that, and calls
        wait = desk.schedule.wait(now)
        if desk.stock.parcels:
            return partial(self._deliver, self._set_out(desk.stock.take_parcel())) if wait <= 0 else wait
        if desk.shelf is None or desk.drain_at == NEVER:
            return NEVER
        wait = max(wait, desk.drain_at - now)
        return partial(self._drain, desk.shelf) if wait <= 0 else wait

    def _set_out(self, parcel: Parcel) -> Parcel:
        parcel.born = time.monotonic()
        self._desk.stock.on_the_way = parcel
        self._desk.changed.notify_all()  # the encoder looks after what is on its way for too long
        return parcel

    def _deliver(self, parcel: Parcel) -> None:
        limit = max(min(self._timeout, self._desk.deadline - time.monotonic()), _LEAST_TIMEOUT)
        result: Dispatched | None = None
        stock = self._desk.stock
        try:
            with guard:
                result = dispatch(parcel, self._sink, timeout=limit)
        except BaseException:  # the keyboard, while the calling thread sends at the end of the process
            with self._desk.changed:
                stock.bring_back()
            raise
        if result is None:
            parcel.settle(delivered=False)
            failure = Outcome(Verdict.REJECTED, INTERNAL_ERROR)
            result = Dispatched(failure, lost=Counter({INTERNAL_ERROR: parcel.spans}))
        self._settle(parcel, result)

    def _settle(self, parcel: Parcel, result: Dispatched) -> None:
        desk, shelf, stock = self._desk, self._desk.shelf, self._desk.stock
        if stock.on_the_way is not parcel:
            return  # a greenlet that lives on in a forked child: the parent settles it
        with desk.changed:
            while desk.doubting is parcel:
                desk.changed.wait()
            file = parcel.file
        stays = file is not None and len(result.rest) == 1 and result.rest[0] is parcel
        # Parts are on disk before the whole goes: whatever happens in between, nothing is lost.
        kept = [] if stays or (file is None and not desk.closed) else self._write(result.rest)
        if shelf is not None and file is not None and not stays:
            shelf.delete(file)
        with desk.changed:
            desk.say_lost(stock.settle(parcel, result))
            for part, written in kept:
                desk.enter(part, written)
            if shelf is not None and file is not None:
                shelf.doubt(parcel) if stays else shelf.leave(file)
            # Also a parcel whose file had to go meanwhile.
            loose = [part for part in result.rest if part.file is None]
            was_closed = desk.closed
            if not was_closed:
                self._put_back(loose)
            self._reschedule(result, time.monotonic())
            desk.changed.notify_all()
        if was_closed:
            self._keep_or_lose(loose)
        if shelf is not None and result.rest:
            expired = shelf.expire()
            with desk.changed:
                desk.lose(shelf.note_expired(expired))

    def _write(self, rest: list[Parcel]) -> list[tuple[Parcel, Written]]:
        """Write parcels that are not on disk; returns those with which that went well."""
        shelf = self._desk.shelf
        if shelf is None:
            return []
        tried = [(part, shelf.write(part, merge=False)) for part in rest if part.file is None]
        return [(part, written) for part, written in tried if written is not None]

    def _keep_or_lose(self, rest: list[Parcel]) -> None:
        """Bring to disk what came back after the outbox was closed."""
        desk = self._desk
        kept = self._write(rest)
        with desk.changed:
            for part, written in kept:
                desk.enter(part, written)
            for part in rest:
                if part.file is None:
                    part.settle(delivered=False)
                    desk.lose(Counter({AT_SHUTDOWN: part.spans}))

    def _put_back(self, rest: list[Parcel]) -> None:
        desk = self._desk
        # What was refused as malformed lets the others go first.
        for part in reversed(rest):
            desk.stock.put_back(part, at_front=part.refused_at is None)

    def _reschedule(self, result: Dispatched, now: float) -> None:
        desk, schedule, outcome = self._desk, self._desk.schedule, result.outcome
        if result.accepted:
            if schedule.succeeded():
                self._say_recovered(result.delivered, now)
            if now >= self._looked_at + _LOOK_SECONDS or desk.drain_at < NEVER:
                desk.drain_at = now
            if result.lost[REFUSED] and outcome.reason:
                desk.say_once(logging.WARNING, "%s; tcc.stats() counts them", outcome.reason)
        if not result.rest:
            return
        if desk.shelf is not None:
            desk.drain_at = now
        if result.accepted and outcome.verdict is Verdict.MALFORMED:
            return  # the collector works, and what it refused has its turn again
        if outcome.verdict is Verdict.STAYS:
            desk.stock.settle_receipts(delivered=False)
        if schedule.failed(outcome, now) and not desk.closed:
            self._say_failing(outcome, now)

    def _say_failing(self, outcome: Outcome, now: float) -> None:
        desk = self._desk
        # One that comes and goes would fill the log.
        self._has_said_failing = now >= self._said_at + _SAY_SECONDS
        if self._has_said_failing:
            self._said_at = now
            said = "delivery begins to fail: %s; spans wait, nothing is lost so far"
            desk.say(logging.WARNING, said, outcome.reason or desk.name)

    def _say_recovered(self, delivered: int, now: float) -> None:
        desk = self._desk
        if self._has_said_failing:
            self._has_said_failing = False
            self._said_at = now
            saved = delivered + desk.stock.pending + desk.spooled
            said = "delivery to %s works again, with %d spans that waited"
            desk.say(logging.WARNING, said, desk.name, saved)

    def _drain(self, shelf: Shelf) -> None:
        """Send what is on disk, oldest first, while this process alone may do so."""
        desk = self._desk
        self._looked_at = time.monotonic()
        with desk.changed:
            desk.drain_at = NEVER  # the encoder sets it again for what it writes from now on
        with shelf.exclusive() as may_send:
            again = self._send_files(shelf) if may_send else _BUSY_SECONDS
            if again == NEVER:
                shelf.sweep()
        gone = shelf.gone()
        with desk.changed:
            desk.lose(shelf.note_gone(gone))
            if again < NEVER and (may_send or shelf.spans):
                desk.drain_at = min(desk.drain_at, time.monotonic() + again)
            elif shelf.spans:
                desk.drain_at = min(desk.drain_at, time.monotonic() + _LOOK_SECONDS)
            desk.changed.notify_all()

    def _send_files(self, shelf: Shelf) -> float:
        """Send files one by one; returns the seconds after which to come back for the rest."""
        desk = self._desk
        with desk.changed:
            # What the encoder has just added to a file is not known of yet.
            while desk.stock.in_hand is not None or desk.doubting is not None:
                desk.changed.wait()
        for name in shelf.names():
            with desk.changed:
                if desk.closed or desk.stock.parcels or desk.schedule.wait(time.monotonic()) > 0:
                    return 0.0
            parcel = shelf.read(name)
            if parcel is None:
                continue
            with desk.changed:
                self._set_out(parcel)
            self._deliver(parcel)
            desk.speak()
            if desk.schedule.is_failing:
                return 0.0  # the schedule says when
        return NEVER
