"""The outbox: ended spans wait here for their collector, and the application never does.

One outbox per destination, with two lazy daemon threads: one encodes and keeps on disk what is not
delivered at once, one sends. A request that hangs never stops the first.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Final

from contextcompany.delivery.outbox.desk import NEVER, Desk
from contextcompany.delivery.outbox.encoder import DOUBT_SECONDS, Encoder
from contextcompany.delivery.outbox.entry import Entry
from contextcompany.delivery.outbox.sender import Sender
from contextcompany.delivery.outbox.stock import AT_SHUTDOWN, BATCH_SPANS, NOT_WRITTEN
from contextcompany.delivery.outbox.worker import WorkerThread
from contextcompany.diagnostics import guard

if TYPE_CHECKING:
    from contextcompany.delivery.outbox.counters import Counters
    from contextcompany.delivery.outbox.entry import Prepare, Receipt
    from contextcompany.delivery.outbox.parcel import Parcel
    from contextcompany.delivery.outbox.shelf import Shelf
    from contextcompany.delivery.outbox.sinks import Sink
    from contextcompany.delivery.outbox.worker import Task
    from contextcompany.sdk import ReadableSpan

AFTER_SHUTDOWN: Final = "ended after shutdown"

# What a caller waits at most where the encoder falls behind: ten turns of the interpreter's own length.
_MOST_TURNS: Final = 10
_TURN_SECONDS: Final = 0.001
# What closing keeps of its time to bring the rest to disk.
_MOST_RESERVE: Final = 0.5
_LEAST_SECONDS: Final = 0.1
# So long closing waits for an answer where nothing of this process is left.
_ANSWER_SECONDS: Final = 0.25
# So long a flush waits for a collector that has not answered before.
_PATIENT_SECONDS: Final = 1.0
# So many attempts have failed that a flush goes home, if all is safe on disk.
_ENOUGH_ATTEMPTS: Final = 3


class Outbox:
    """Hold ended spans within a bound and bring them to one sink.

    Args:
        sink: what packs and sends them.
        shelf: where they go that cannot be sent; None keeps them in memory.
        timeout: seconds that one request may take.
    """

    def __init__(self, sink: Sink, *, shelf: Shelf | None = None, timeout: float = 10.0) -> None:
        self._sink = sink
        self._desk = Desk(sink.name, shelf)
        self._sender = Sender(self._desk, sink, timeout)
        self._encoder = Encoder(self._desk, sink, self._sender.ensure)

    def __repr__(self) -> str:
        """Return the outbox with its counts."""
        counters = self.counters()
        return f"Outbox({self._sink.name}, pending={counters.pending}, delivered={counters.delivered})"

    def submit(
        self, span: ReadableSpan, receipt: Receipt | None = None, prepare: Prepare | None = None
    ) -> None:
        """Take an ended span; returns at once, or within 10 ms while half of the room is taken.

        Args:
            span: the span.
            receipt: told of the span's fate; such a span is sent without waiting for a batch.
            prepare: what happens to it before it leaves, in the background.
        """
        entry = Entry(span, receipt, prepare)
        desk = self._desk
        with desk.lock:
            is_late = desk.closed
            if not is_late:
                count = desk.stock.put(entry)
                if count > 1 and count % BATCH_SPANS and receipt is None and self._encoder.thread is not None:
                    return
                self._take_in(entry, is_in=count > 0)
            gives_way = desk.stock.is_crowded and self._is_moving()
            if gives_way:
                desk.changed.notify_all()  # few large spans fill it before a batch is due
        if is_late:
            self._keep_late(entry)
        elif gives_way:
            self._give_way()
        if desk.has_lines:
            desk.speak()

    def counters(self) -> Counters:
        """Return a snapshot of the counts."""
        self._look_after_files()
        with self._desk.changed:
            return self._desk.counters()

    def take_counters(self) -> Counters | None:
        """Return the counts, if nothing is pending, and begin anew; else None. For one without a shelf."""
        desk = self._desk
        with desk.changed:
            if self._is_unsettled():
                return None
            taken = desk.counters()
            desk.stock.begin_counts_anew()
            return taken

    def hurry(self) -> None:
        """Begin to send what waits, without waiting for it."""
        with self._desk.changed:
            self._hurry()

    def recover(self) -> None:
        """Begin to send what earlier processes left on disk, if there is something."""
        desk = self._desk
        if desk.shelf is not None and desk.shelf.may_hold_something():
            with desk.changed:
                desk.drain_at = 0.0
                desk.schedule.hurry()
                self._sender.ensure()
                desk.changed.notify_all()

    def flush(self, timeout: float) -> bool:
        """Send what waits, and return whether nothing is left after so many seconds."""
        deadline = time.monotonic() + timeout
        self._look_after_files()
        return self._push(deadline, to_disk=False)

    def save(self, timeout: float) -> bool:
        """Send what waits within so many seconds, keep the rest on disk, and go on.

        Returns:
            Whether nothing is left, in memory or on disk.
        """
        deadline = time.monotonic() + timeout
        done = self._push(deadline - min(timeout / 4, _MOST_RESERVE), to_disk=True)
        if not done:
            self._keep_rest(deadline)
            self._desk.speak()
        return done

    def close(self, timeout: float) -> bool:
        """Send what waits within so many seconds, keep the rest on disk, and stop.

        Works where no thread can be started any more: it then sends in the calling thread.

        Returns:
            Whether nothing is left, in memory or on disk.
        """
        desk = self._desk
        deadline = time.monotonic() + timeout
        keep_from = deadline - min(timeout / 4, _MOST_RESERVE)
        with desk.changed:
            if desk.closed:
                return not self._is_unsettled()
            desk.closing = True
            desk.deadline = keep_from
        done = self._push(keep_from, to_disk=True)
        with desk.changed:
            desk.closed = True
            desk.changed.notify_all()
        if done:
            self._await_answer(min(deadline, time.monotonic() + _ANSWER_SECONDS))
        else:
            self._keep_rest(max(deadline, time.monotonic() + _LEAST_SECONDS))
        with desk.changed:
            reason = NOT_WRITTEN if desk.shelf is not None and not desk.can_keep else AT_SHUTDOWN
            lost = desk.stock.give_up(reason)
            if lost:
                level = logging.INFO if desk.probes_failed else logging.WARNING
                desk.say(level, "%d spans are lost: %s (%s)", lost, reason, desk.name)
        desk.speak()
        self._sink.close()
        return done

    def reopen(self) -> None:
        """Take spans again after `close`; counts, and what is on disk, are those of before."""
        desk = self._desk
        if not desk.closed:
            return
        self._sink.renew()
        with desk.changed:
            desk.closing = desk.closed = False
            desk.deadline = NEVER
            if desk.spooled:
                desk.drain_at = 0.0

    def renew_after_fork(self) -> None:
        """Start empty in a forked child: what waited belongs to the parent process."""
        self._sink.renew()
        if self._desk.shelf is not None:
            self._desk.shelf.renew_after_fork()
        self._desk.start_afresh()
        self._encoder.renew_after_fork()
        self._sender.renew_after_fork()

    # With the lock held.

    def _take_in(self, entry: Entry, *, is_in: bool) -> None:
        desk = self._desk
        stock = desk.stock
        lost = [] if is_in else stock.add(entry)
        was_empty = len(stock) == 1
        if lost:
            desk.say_lost(lost)
        if was_empty:
            desk.oldest_at = time.monotonic()
        if entry.receipt is not None:
            desk.urgent = True
        if not self._encoder.is_running:
            self._encoder.ensure()
        elif was_empty or desk.urgent or len(stock) % BATCH_SPANS == 0:
            desk.changed.notify_all()

    def _is_moving(self) -> bool:
        """Return whether what waits becomes less within milliseconds, if nothing is added."""
        desk = self._desk
        if desk.closing or self._sink.must_identify:
            return False
        if desk.can_keep:
            return True
        way = desk.stock.on_the_way
        is_quick = way is None or time.monotonic() - way.born < DOUBT_SECONDS
        return is_quick and not desk.schedule.is_failing

    def _is_unsettled(self, newest: float = NEVER) -> bool:
        """Return whether something is in memory or on disk, up to a number of what was added."""
        stock, shelf = self._desk.stock, self._desk.shelf
        if stock.pending == 0 and self._desk.spooled == 0:
            return False
        return min(stock.oldest, NEVER if shelf is None else shelf.oldest) <= newest

    def _hurry(self) -> None:
        desk = self._desk
        if desk.closed or not self._is_unsettled():
            return
        desk.urgent = len(desk.stock) > 0
        desk.schedule.hurry()
        desk.probe_at = 0.0
        if desk.spooled:
            desk.drain_at = 0.0
            self._sender.ensure()
        if desk.stock.pending:
            self._encoder.ensure()
        desk.changed.notify_all()

    def _is_hopeless(self, failed: int, *, to_disk: bool) -> bool:
        """Return whether further attempts would not help, after those that had failed before."""
        desk = self._desk
        attempts = desk.schedule.attempts_failed - failed
        if not attempts:
            return False
        if desk.can_keep and desk.stock.pending:
            return False  # the encoder is bringing it to disk
        is_safe = desk.stock.pending == 0 and attempts >= _ENOUGH_ATTEMPTS
        return desk.schedule.is_stuck or is_safe or (to_disk and desk.can_keep)

    def _own_task(self, now: float) -> Task | float:
        """Return what this thread has to do itself, because a worker cannot be started any more."""
        wait = NEVER
        for worker in (self._encoder, self._sender):
            if not worker.ensure():
                found = worker.look(now)
                if callable(found):
                    return found
                wait = min(wait, found)
        return wait

    # Without the lock.

    def _give_way(self) -> None:
        """Let the encoder have the processor for a moment, where it would lose spans for want of it.

        Many threads that record as fast as they can leave it too small a share of the interpreter.
        """
        if isinstance(threading.current_thread(), WorkerThread):
            return  # it would wait for itself
        for _ in range(_MOST_TURNS):
            time.sleep(_TURN_SECONDS)
            with self._desk.lock:
                if not self._desk.stock.is_crowded or not self._is_moving():
                    return

    def _push(self, deadline: float, *, to_disk: bool) -> bool:
        """Have everything sent; returns whether nothing is left.

        Ends early where waiting would not help: nobody listens, the collector refuses for good or
        asks for a longer pause, or an attempt failed and the rest may go `to_disk`.
        """
        desk = self._desk
        with desk.changed:
            failed, probed = desk.schedule.attempts_failed, desk.probes_failed
            was_failing = desk.schedule.is_failing
            patient_until = time.monotonic() + _PATIENT_SECONDS
            # What others add meanwhile is not waited for, unless this is the end.
            newest = NEVER if to_disk else desk.stock.added
            self._hurry()
        while True:
            with desk.changed:
                now = time.monotonic()
                if not self._is_unsettled(newest) or now >= deadline or desk.closed:
                    break
                if desk.probes_failed > probed or self._is_hopeless(failed, to_disk=to_disk):
                    break
                is_idle = desk.stock.on_the_way is None and not (desk.can_keep and desk.stock.pending)
                if is_idle and desk.schedule.wait(now) > deadline - now:
                    break
                if was_failing and desk.stock.pending == 0 and now >= patient_until and not to_disk:
                    break  # all is on disk, and the collector has been silent since before
                task = self._own_task(now)
                if not callable(task):
                    desk.changed.wait(min(task, deadline - now))
                    continue
                desk.deadline = min(desk.deadline, deadline)
            task()
            desk.speak()
        desk.speak()
        with desk.changed:
            if not desk.closing:
                desk.deadline = NEVER
            return not self._is_unsettled(newest)

    def _await_answer(self, deadline: float) -> None:
        """Wait for what becomes of spans of other processes that are being sent.

        They are safe on disk; without the answer they would be sent again.
        """
        desk = self._desk
        with desk.changed:
            while desk.stock.on_the_way is not None:
                if not desk.changed.wait(max(deadline - time.monotonic(), 0)):
                    return

    def _keep_rest(self, deadline: float) -> None:
        """Bring what is in memory to disk, after the workers have put down what they had in hand."""
        desk = self._desk
        with desk.changed:
            while desk.stock.is_worked_on or desk.doubting is not None:
                if not desk.changed.wait(max(deadline - time.monotonic(), 0)):
                    return  # the one that works on it is stuck
        while True:
            with desk.changed:
                if not desk.can_keep:
                    return
                # What is packed is written whatever the time: that is the shorter part.
                task = self._encoder.look_to_keep()
                is_over = task is not None or time.monotonic() >= deadline
                batch = [] if is_over else self._encoder.take_batch(0.0)
            if task is not None:
                task()
            elif batch:
                self._encoder.pack(batch)
            else:
                return

    def _keep_late(self, entry: Entry) -> None:
        """Bring a span that ended after closing straight to disk."""
        desk, shelf = self._desk, self._desk.shelf
        parcels: list[Parcel] = []
        lost = Counter({AFTER_SHUTDOWN: 1})
        if shelf is not None:
            with guard:
                parcels, lost = self._sink.pack([entry], self._sink.prepared([entry]))
        for parcel in parcels:
            written = None if shelf is None else shelf.write(parcel)
            with desk.changed:
                if written is None:
                    lost[AFTER_SHUTDOWN] += parcel.spans
                else:
                    desk.enter(parcel, written)
        with desk.changed:
            desk.lose(lost)
        entry.settle(delivered=False)

    def _look_after_files(self) -> None:
        desk, shelf = self._desk, self._desk.shelf
        if shelf is None:
            return
        with desk.changed:
            has_files = shelf.spans > 0
        gone = shelf.gone() if has_files else {}
        if gone:
            with desk.changed:
                desk.lose(shelf.note_gone(gone))
                desk.changed.notify_all()
