"""The outbox: ended spans wait here for their collector, and the application never does.

One outbox per destination, with one lazy daemon thread that prices, encodes and sends in batches.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import Counter, deque
from typing import TYPE_CHECKING, Final, Protocol

from contextcompany.delivery.outbox.counters import Counters
from contextcompany.delivery.outbox.entry import Entry, Receipt
from contextcompany.delivery.spans.pricing import priced
from contextcompany.delivery.wire.transport import Outcome, Verdict
from contextcompany.diagnostics import guard, logger

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from contextcompany.sdk import ReadableSpan

MOST_SPANS: Final = 50_000
MOST_BYTES: Final = 32 << 20
_BATCH_SPANS: Final = 512
_BATCH_BYTES: Final = 4 << 20
_BATCH_SECONDS: Final = 1.0
_IDLE_SECONDS: Final = 3.0
_AT_SHUTDOWN: Final = "undelivered at shutdown"
_FIRST_BACKOFF: Final = 0.1
_MOST_BACKOFF: Final = 30.0
_MOST_HELPLESS_BACKOFF: Final = 2.0


class Sink(Protocol):
    """Where an outbox sends its batches: a collector, or an exporter of the user."""

    name: str

    def send(self, spans: Sequence[ReadableSpan], *, timeout: float) -> Outcome:
        """Send a batch and tell its true outcome; never raises for a network reason."""
        ...

    def renew(self) -> None:
        """Forget what a fork must not share."""
        ...

    def close(self) -> None:
        """Release what is held."""
        ...


class Outbox:
    """Hold ended spans within a bound and bring them to one sink.

    Args:
        sink: where batches go.
        timeout: seconds that one request may take.
    """

    def __init__(self, sink: Sink, *, timeout: float = 10.0) -> None:
        self._sink = sink
        self._timeout = timeout
        self._start_afresh()

    def _start_afresh(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._waiting: deque[Entry] = deque()
        self._bytes = 0
        self._on_the_way = 0
        self._urgent = False
        self._thread: threading.Thread | None = None
        self._closed = False
        self._not_before = 0.0
        self._failures = 0
        self._said_failing = False
        self._helpless = False
        self._given_up = 0
        self._counters = Counters()

    def __repr__(self) -> str:
        """Return the outbox with its counts."""
        counters = self.counters()
        return f"Outbox({self._sink.name}, pending={counters.pending}, delivered={counters.delivered})"

    def submit(self, span: ReadableSpan, receipt: Receipt | None = None) -> None:
        """Take an ended span; returns at once.

        Args:
            span: the span.
            receipt: told of the span's fate; such a span is sent without waiting for a batch.
        """
        entry = Entry(span, receipt)
        with self._changed:
            if self._closed:
                self._drop(entry, "ended after shutdown")
                return
            while self._waiting and (
                len(self._waiting) >= MOST_SPANS or self._bytes + entry.size > MOST_BYTES
            ):
                oldest = self._waiting.popleft()
                self._bytes -= oldest.size
                self._drop(oldest, "outbox full")
            self._waiting.append(entry)
            self._bytes += entry.size
            self._urgent = self._urgent or receipt is not None
            if self._thread is None:
                self._start_thread()
            elif self._urgent or len(self._waiting) == 1 or len(self._waiting) >= _BATCH_SPANS:
                self._changed.notify_all()

    def counters(self) -> Counters:
        """Return a snapshot of the counts."""
        with self._changed:
            return self._snapshot()

    def take_counters(self) -> Counters | None:
        """Return the counts and begin them anew, if nothing is pending; else None."""
        with self._changed:
            if self._waiting or self._on_the_way:
                return None
            taken = self._snapshot()
            self._counters = Counters()
            return taken

    def hurry(self) -> None:
        """Begin to send what waits, without waiting for it."""
        with self._changed:
            if self._waiting and not self._closed:
                self._urgent = True
                self._not_before = 0.0
                if self._thread is None:
                    self._start_thread()
                self._changed.notify_all()

    def flush(self, timeout: float) -> bool:
        """Send what waits, and return whether nothing is left after so many seconds."""
        deadline = time.monotonic() + timeout
        with self._changed:
            self._not_before = 0.0
            failures = self._failures
            while self._waiting or self._on_the_way:
                self._urgent = True
                if self._thread is None and (self._closed or not self._start_thread()):
                    break
                self._changed.notify_all()
                if not self._changed.wait(max(deadline - time.monotonic(), 0)):
                    break
                if self._failures > failures and self._helpless:
                    break  # nothing listens at the implicit default: waiting would not help
            return not self._waiting and not self._on_the_way

    def close(self, timeout: float) -> bool:
        """Send what waits within so many seconds and stop; returns whether nothing is left.

        Works where no thread can be started any more: it then sends in the calling thread.
        """
        deadline = time.monotonic() + timeout
        done = self.flush(timeout) if self._thread is not None else False
        with self._changed:
            self._closed = True
            done = done or not (self._waiting or self._on_the_way)
            self._changed.notify_all()
            thread_is_busy = self._on_the_way > 0
        while not done and not thread_is_busy and time.monotonic() < deadline:
            with self._changed:
                batch = self._take_batch()
            if not batch:
                done = True
                break
            outcome = self._send(batch, timeout=max(deadline - time.monotonic(), 0.05))
            with self._changed:
                self._settle(batch, outcome)
            if outcome.verdict is Verdict.LATER:
                break
        with self._changed:
            thread_is_busy = self._on_the_way > 0
            self._give_up()
        if not thread_is_busy:
            self._sink.close()
        return done

    def renew_after_fork(self) -> None:
        """Start empty in a forked child: what waited belongs to the parent process."""
        self._sink.renew()
        self._start_afresh()

    # Below: with self._changed held, unless said otherwise.

    def _give_up(self) -> None:
        """Count what closing left behind; a request that still ends takes its spans out again."""
        lost = len(self._waiting) + self._on_the_way
        if not lost:
            return
        _tell(self._waiting, delivered=False)
        self._waiting.clear()
        self._bytes = 0
        self._given_up, self._on_the_way = self._on_the_way, 0
        self._counters.dropped[_AT_SHUTDOWN] += lost
        logger.log(self._level(), "%d spans are lost: %s (%s)", lost, _AT_SHUTDOWN, self._sink.name)

    def _level(self) -> int:
        # Nobody asked for delivery where nothing is configured, so nobody is warned of its lack.
        return logging.INFO if self._helpless else logging.WARNING

    def _snapshot(self) -> Counters:
        counters = self._counters
        return Counters(
            counters.delivered,
            len(self._waiting) + self._on_the_way,
            +Counter(counters.dropped),
            counters.last_error,
        )

    def _drop(self, entry: Entry, reason: str) -> None:
        self._counters.dropped[reason] += 1
        if self._counters.dropped[reason] == 1:
            logger.log(
                self._level(), "spans are lost: %s (%s); tcc.stats() counts them", reason, self._sink.name
            )
        if entry.receipt is not None:
            entry.receipt.settle(delivered=False)

    def _start_thread(self) -> bool:
        thread = threading.Thread(target=self._work, name="contextcompany-outbox", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no thread can be started while the interpreter exits
            return False
        self._thread = thread
        return True

    def _take_batch(self) -> list[Entry]:
        batch: list[Entry] = []
        size = 0
        while self._waiting and len(batch) < _BATCH_SPANS:
            size += self._waiting[0].size
            if batch and size > _BATCH_BYTES:
                break
            batch.append(self._waiting.popleft())
        self._bytes -= sum(entry.size for entry in batch)
        self._on_the_way = len(batch)
        if not self._waiting:
            self._urgent = False
        return batch

    def _settle(self, batch: list[Entry], outcome: Outcome) -> None:
        self._on_the_way = 0
        self._counters.dropped[_AT_SHUTDOWN] -= self._given_up
        self._given_up = 0
        self._counters.last_error = outcome.reason or self._counters.last_error
        if outcome.verdict is Verdict.DELIVERED:
            self._settle_delivered(batch, outcome)
        elif outcome.verdict is Verdict.LATER:
            self._settle_later(batch, outcome)
        else:
            if not self._counters.dropped["rejected"]:
                logger.warning("spans are lost: %s", outcome.reason)
            self._counters.dropped["rejected"] += len(batch)
            _tell(batch, delivered=False)
        self._changed.notify_all()

    def _settle_delivered(self, batch: list[Entry], outcome: Outcome) -> None:
        lost = min(outcome.refused_spans, len(batch))
        self._counters.delivered += len(batch) - lost
        if self._failures and self._said_failing:
            logger.warning("delivery to %s works again", self._sink.name)
        self._failures, self._not_before, self._said_failing = 0, 0.0, False
        if lost:
            self._counters.dropped["refused by the collector"] += lost
            logger.warning("%s", outcome.reason)
        _tell(batch, delivered=lost == 0)

    def _settle_later(self, batch: list[Entry], outcome: Outcome) -> None:
        if self._closed:
            self._counters.dropped[_AT_SHUTDOWN] += len(batch)
            _tell(batch, delivered=False)
            return
        for entry in reversed(batch):
            self._waiting.appendleft(entry)
            self._bytes += entry.size
        self._helpless = not outcome.reason
        most = _MOST_HELPLESS_BACKOFF if self._helpless else _MOST_BACKOFF
        backoff = min(_FIRST_BACKOFF * 2**self._failures, most)
        self._not_before = time.monotonic() + backoff * random.uniform(0.5, 1.0)  # noqa: S311  (jitter)
        self._failures = min(self._failures + 1, 32)
        if self._helpless:
            _tell(batch, delivered=False)  # nobody listens, and waiting would not change that
        if outcome.reason and not self._said_failing:
            self._said_failing = True
            logger.warning("delivery begins to fail: %s; spans wait in memory", outcome.reason)

    def _work(self) -> None:
        batch: list[Entry] | None = []
        try:
            while batch is not None:
                with self._changed:
                    batch = self._next_batch()
                if batch:
                    outcome = self._send(batch, timeout=self._timeout)
                    with self._changed:
                        self._settle(batch, outcome)
        finally:
            with self._changed:
                if self._thread is threading.current_thread():
                    self._thread = None  # the next span starts another one

    def _next_batch(self) -> list[Entry] | None:
        """Wait for a batch that is due; None ends the thread."""
        due: float | None = None
        while True:
            if self._closed:
                return None
            now = time.monotonic()
            if not self._waiting:
                due = None
                if not self._changed.wait(_IDLE_SECONDS) and not self._waiting:
                    self._thread = None
                    return None
                continue
            if due is None:
                due = now + _BATCH_SECONDS
            full = len(self._waiting) >= _BATCH_SPANS or self._bytes >= _BATCH_BYTES
            ready = self._not_before if (full or self._urgent) else max(due, self._not_before)
            if now >= ready:
                return self._take_batch()
            self._changed.wait(ready - now)

    def _send(self, batch: list[Entry], *, timeout: float) -> Outcome:
        # Without the lock: prices, encodes and talks to the network.
        with guard:
            return self._sink.send([priced(entry.span) for entry in batch], timeout=timeout)
        return Outcome(Verdict.REJECTED, "an internal error of this package")


def _tell(batch: Iterable[Entry], *, delivered: bool) -> None:
    for entry in batch:
        if entry.receipt is not None:
            entry.receipt.settle(delivered=delivered)
