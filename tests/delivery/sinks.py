"""Sinks that a test steers: they keep what they got, and answer when and as they are told."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from contextcompany.delivery.outbox.sinks import CollectorSink
from contextcompany.delivery.wire.transport import Outcome, Verdict
from contextcompany.settings.destination import Destination, Source
from tests.handmade import ended_span
from tests.loopback import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from contextcompany.delivery.outbox.outbox import Outbox

DELIVERED = Outcome(Verdict.DELIVERED)
LATER = Outcome(Verdict.LATER, "busy")
REJECTED = Outcome(Verdict.REJECTED, "refused")


class SteeredSink:
    """Answer the first batch with the first outcome, and so on; the last outcome stays.

    Args:
        *outcomes: the script; delivered if there is none.
        gated: whether every batch waits until the gate is opened.
    """

    def __init__(self, *outcomes: Outcome, gated: bool = False) -> None:
        self.name = "steered"
        self.outcomes = list(outcomes) or [DELIVERED]
        self.batches: list[list[str]] = []
        self.spans: list[ReadableSpan] = []
        self.timeouts: list[float] = []
        self.threads: list[str] = []
        self.renewed = self.closed = 0
        self.gate = threading.Event()
        self._arrived = threading.Condition()
        if not gated:
            self.gate.set()

    def send(self, spans: Sequence[ReadableSpan], *, timeout: float) -> Outcome:
        """Keep a batch, wait for the gate, and answer by the script."""
        with self._arrived:
            self.batches.append([span.name for span in spans])
            self.spans.extend(spans)
            self.timeouts.append(timeout)
            self.threads.append(threading.current_thread().name)
            outcome = self.outcomes[min(len(self.batches), len(self.outcomes)) - 1]
            self._arrived.notify_all()
        assert self.gate.wait(PATIENCE)
        return outcome

    def renew(self) -> None:
        """Count."""
        self.renewed += 1

    def close(self) -> None:
        """Count."""
        self.closed += 1

    def wait_for(self, batches: int) -> None:
        """Wait until so many batches have begun to be sent."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.batches) >= batches, PATIENCE)


def thread_of(outbox: Outbox) -> threading.Thread:
    """Return the thread of an outbox, which must have one."""
    thread = outbox._thread
    assert thread is not None
    return thread


def join(thread: threading.Thread) -> None:
    """Wait for the end of a thread."""
    thread.join(PATIENCE)
    assert not thread.is_alive()


def collector_sink(url: str) -> CollectorSink:
    """Return a sink that posts to the collector at a base URL."""
    return CollectorSink(Destination(f"{url}/v1/traces", Source.OURS), user_agent="test")


def submit(outbox: Outbox, *names: str) -> None:
    """Submit spans with these names, which are none of ours."""
    for name in names:
        outbox.submit(ended_span(name))


def counts(outbox: Outbox) -> tuple[int, int, dict[str, int]]:
    """Return what was delivered, what is pending, and what was dropped."""
    counters = outbox.counters()
    return counters.delivered, counters.pending, dict(counters.dropped)
