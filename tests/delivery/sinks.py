"""Sinks that a test steers: they keep what they got, and answer when and as they are told."""

from __future__ import annotations

import threading
import time
from collections import Counter
from itertools import count
from typing import TYPE_CHECKING, Protocol

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, TraceFlags

from contextcompany.delivery.outbox.parcel import Parcel
from contextcompany.delivery.outbox.sinks import CollectorSink
from contextcompany.delivery.spans.requests import halves, span_ids
from contextcompany.delivery.spans.shortening import shortened
from contextcompany.delivery.wire.outcomes import Outcome, Verdict
from contextcompany.settings.destination import Destination, Source
from tests.delivery.spans.whole import encode
from tests.delivery.spool.otlp import names_in
from tests.handmade import ended_span
from tests.loopback import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from contextcompany.delivery.outbox.counters import Counters
    from contextcompany.delivery.outbox.desk import Desk
    from contextcompany.delivery.outbox.entry import Entry, Receipt
    from contextcompany.delivery.outbox.outbox import Outbox
    from contextcompany.delivery.outbox.sinks import Packed, Sink
    from contextcompany.delivery.outbox.worker import Worker
    from contextcompany.delivery.spool.spool import Spool

    Judge = Callable[[list[str], int], Outcome]

DELIVERED = Outcome(Verdict.DELIVERED)
LATER = Outcome(Verdict.LATER, "busy")
STAYS = Outcome(Verdict.STAYS, "the key was refused")
MALFORMED = Outcome(Verdict.MALFORMED, "unreadable")
TOO_LARGE = Outcome(Verdict.TOO_LARGE, "too large")
REJECTED = Outcome(Verdict.REJECTED, "refused")

_RESOURCE = Resource({"service.name": "by-hand"})
_SCOPE = InstrumentationScope("by-hand", "1.2")
_ids = count(1)


class MakeBox(Protocol):
    """Make an outbox that is closed, and whose threads have ended, when the test is over."""

    def __call__(self, sink: Sink, spool: Spool | None = None, *, timeout: float = 10.0) -> Outbox:
        """Return an outbox for a sink, with a shelf on a spool if one is given."""
        ...


def packed_by(sink: Sink, batch: Sequence[Entry]) -> Packed:
    """Return what a sink makes of a batch, prepared by itself."""
    return sink.pack(batch, sink.prepared(batch))


class SteeredSink:
    """Answer the first request with the first outcome, and so on; the last outcome stays.

    Packs, halves and shortens as the sink for collectors does.

    Args:
        *outcomes: the script; delivered if there is none.
        gated: whether every request waits until the gate is opened.
        judge: answers by the names and the number of bytes in a request, instead of the script.
        unknown: whether it must identify itself first.
    """

    def __init__(
        self, *outcomes: Outcome, gated: bool = False, judge: Judge | None = None, unknown: bool = False
    ) -> None:
        self.name = "steered"
        self.acceptances = 0
        self.must_identify = unknown
        self.is_there = True
        self.probes = 0
        self.outcomes = list(outcomes) or [DELIVERED]
        self.judge = judge
        self.batches: list[list[str]] = []
        self.timeouts: list[float] = []
        self.threads: list[str] = []
        self.renewed = self.closed = self.packed = 0
        self.gate = threading.Event()
        self.pack_gate = threading.Event()
        self.pack_gate.set()
        self.on_call: Callable[[str], object] = str
        self._arrived = threading.Condition()
        if not gated:
            self.gate.set()

    @property
    def names(self) -> list[str]:
        """Return the names of all spans that were sent, in their order."""
        return [name for batch in self.batches for name in batch]

    def identify(self) -> bool:
        """Say who is there."""
        self.on_call("identify")
        with self._arrived:
            self.probes += 1
            self._arrived.notify_all()
        self.must_identify = not self.is_there
        return self.is_there

    def prepared(self, batch: Sequence[Entry]) -> list[ReadableSpan]:
        """Change nothing."""
        return [entry.span for entry in batch]

    def pack(self, batch: Sequence[Entry], spans: Sequence[ReadableSpan]) -> Packed:
        """Encode a batch, once the gate for that is open."""
        self.on_call("pack")
        with self._arrived:
            self.packed += 1
            self._arrived.notify_all()
        assert self.pack_gate.wait(PATIENCE)
        receipts = {
            entry.span.context.span_id: entry.receipt
            for entry in batch
            if entry.receipt is not None and entry.span.context is not None
        }
        return [parcel_of(encode(spans).body, receipts)], Counter()

    def send(self, parcel: Parcel, *, timeout: float) -> Outcome:
        """Keep a request, wait for the gate, and answer by the judge or the script."""
        self.on_call("send")
        names = names_in(parcel.body)
        with self._arrived:
            self.batches.append(names)
            self.timeouts.append(timeout)
            self.threads.append(threading.current_thread().name)
            outcome = self.outcomes[min(len(self.batches), len(self.outcomes)) - 1]
            self._arrived.notify_all()
        assert self.gate.wait(PATIENCE)
        return outcome if self.judge is None else self.judge(names, len(parcel.body))

    def halves(self, parcel: Parcel) -> tuple[Parcel, Parcel] | None:
        """Return two halves, or None."""
        self.on_call("halves")
        bodies = halves(parcel.body)
        return None if bodies is None else (_part(parcel, bodies[0]), _part(parcel, bodies[1]))

    def shortened(self, parcel: Parcel) -> Parcel | None:
        """Return a shorter parcel, or None."""
        self.on_call("shortened")
        body = shortened(parcel.body)
        return None if body is None else _part(parcel, body)

    def warm_up(self) -> None:
        """Have everything."""

    def renew(self) -> None:
        """Count."""
        self.renewed += 1

    def close(self) -> None:
        """Count."""
        self.on_call("close")
        self.closed += 1

    def release(self) -> None:
        """Open the gates."""
        self.gate.set()
        self.pack_gate.set()

    def wait_for(self, batches: int) -> None:
        """Wait until so many requests have begun to be sent."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.batches) >= batches, PATIENCE)

    def wait_for_packing(self, batches: int) -> None:
        """Wait until so many batches have begun to be packed."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: self.packed >= batches, PATIENCE)

    def wait_for_probes(self, probes: int) -> None:
        """Wait until it was asked so often who it is."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: self.probes >= probes, PATIENCE)


def parcel_of(body: bytes, receipts: Mapping[int, Receipt] | None = None) -> Parcel:
    """Return a parcel with a request, and with those of the receipts that are for spans in it."""
    ids = span_ids(body)
    held = {span_id: receipt for span_id, receipt in (receipts or {}).items() if span_id in ids}
    return Parcel(spans=len(ids), size=len(body), body=body, receipts=held, born=time.monotonic())


def parcel(*names: str, receipts: Mapping[str, Receipt] | None = None, text: str = "") -> Parcel:
    """Return a parcel with spans of these names, the receipts by name, and a text in each span."""
    spans = [bare_span(name, text) for name in names]
    held: dict[int, Receipt] = {}
    for span in spans:
        if span.name in (receipts or {}) and span.context is not None:
            held[span.context.span_id] = (receipts or {})[span.name]
    return parcel_of(encode(spans).body, held)


def _part(whole: Parcel, body: bytes) -> Parcel:
    part = parcel_of(body, whole.receipts)
    part.is_own = whole.is_own
    part.refused_at = whole.refused_at
    return part


def bare_span(name: str, text: str = "") -> ReadableSpan:
    """Return an ended span with an id of its own; cheaper than a span of a provider."""
    return ReadableSpan(
        name,
        context=SpanContext(1, next(_ids), is_remote=False, trace_flags=TraceFlags(1)),
        resource=_RESOURCE,
        attributes={"text": text} if text else None,
        start_time=1_000,
        end_time=2_000,
        instrumentation_scope=_SCOPE,
    )


def join(thread: threading.Thread | None) -> None:
    """Wait for the end of a thread, if there is one."""
    if thread is not None:
        thread.join(PATIENCE)
        assert not thread.is_alive()


def thread_of(worker: Worker) -> threading.Thread:
    """Return the thread of a worker, which must have one."""
    thread = worker.thread
    assert thread is not None
    return thread


def holds_lock(desk: Desk) -> bool:
    """Return whether the calling thread holds the lock of a desk."""
    return bool(desk.changed._is_owned())  # type: ignore[attr-defined]


def until(outbox: Outbox, holds: Callable[[Counters], bool]) -> Counters:
    """Wait until the counts of an outbox are as wanted, and return them."""
    desk = outbox._desk
    with desk.changed:
        assert desk.changed.wait_for(lambda: holds(desk.counters()), PATIENCE), desk.counters()
        return desk.counters()


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


def total(counters: Counters) -> int:
    """Return how many spans of this process the counts speak of."""
    kept = counters.pending + counters.spooled + counters.handed_over
    return counters.delivered + kept + counters.dropped.total()
