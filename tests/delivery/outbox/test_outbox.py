"""The outbox: what waits, in which order it goes, and what becomes of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import pytest

from contextcompany.delivery.outbox import outbox as outbox_module
from contextcompany.delivery.outbox.counters import Counters
from contextcompany.delivery.outbox.entry import Receipt
from contextcompany.delivery.outbox.outbox import Outbox, Sink
from contextcompany.delivery.wire.transport import Outcome, Verdict
from contextcompany.diagnostics import guard
from contextcompany.local.collector import Collector
from tests.delivery.sinks import (
    DELIVERED,
    LATER,
    REJECTED,
    SteeredSink,
    collector_sink,
    counts,
    join,
    submit,
    thread_of,
)
from tests.handmade import ended_span
from tests.loopback import PATIENCE, Answer, LoopbackServer

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

Make = Callable[[Sink], Outbox]
Exiting = Callable[[], AbstractContextManager[None]]


@pytest.mark.usefixtures("patient")
def test_spans_go_in_batches_and_in_order(box: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full batch goes at once, the rest when it is flushed, all in the order in which they ended."""
    monkeypatch.setattr(outbox_module, "_BATCH_SPANS", 3)
    sink = SteeredSink()
    outbox = box(sink)
    submit(outbox, *"abcdefg")
    sink.wait_for(2)
    assert sink.batches == [["a", "b", "c"], ["d", "e", "f"]]
    assert outbox.flush(PATIENCE) is True
    assert sink.batches == [["a", "b", "c"], ["d", "e", "f"], ["g"]]
    assert outbox.counters() == Counters(delivered=7)
    assert outbox.close(PATIENCE) is True


@pytest.mark.usefixtures("patient")
def test_batches_are_bounded_in_bytes(box: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Large spans go in smaller batches; one that is too large for any goes alone."""
    monkeypatch.setattr(outbox_module, "_BATCH_BYTES", 50_000)
    sink = SteeredSink(gated=True)
    outbox = box(sink)
    for name, size in (("a", 20_000), ("b", 20_000), ("c", 200_000), ("d", 20_000), ("e", 1)):
        outbox.submit(ended_span(name, {"text": "x" * size}))
    sink.gate.set()
    assert outbox.flush(PATIENCE) is True
    assert [name for batch in sink.batches for name in batch] == ["a", "b", "c", "d", "e"]
    assert ["c"] in sink.batches


def test_a_batch_goes_when_it_is_old_enough(box: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any flush a span is on its way after the time of a batch."""
    monkeypatch.setattr(outbox_module, "_BATCH_SECONDS", 0.01)
    sink = SteeredSink()
    outbox = box(sink)
    submit(outbox, "a")
    sink.wait_for(1)
    assert sink.batches == [["a"]]


def test_the_caller_never_waits(box: Make) -> None:
    """Submitting returns at once while a request hangs."""
    sink = SteeredSink(gated=True)
    outbox = box(sink)
    outbox.submit(ended_span("a"), Receipt())
    sink.wait_for(1)
    began = time.monotonic()
    submit(outbox, *[str(number) for number in range(100)])
    assert time.monotonic() - began < 1.0
    assert counts(outbox) == (0, 101, {})
    sink.gate.set()
    assert outbox.close(PATIENCE) is True
    assert counts(outbox) == (101, 0, {})


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_what_failed_for_now_is_delivered_once(box: Make, status: int) -> None:
    """After an answer that asks for another try the same spans go again, arrive once, and nothing is lost."""
    with LoopbackServer(Answer(status), Answer(status), Answer(200)) as server:
        outbox = box(collector_sink(server.url))
        submit(outbox, "a", "b")
        assert outbox.flush(PATIENCE) is True
        assert [request.span_names for request in server.requests] == [["a", "b"]] * 3
        assert counts(outbox) == (2, 0, {})
        assert outbox.close(PATIENCE) is True
        assert len(server.requests) == 3


def test_order_survives_a_retry(box: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is put back goes before what came later."""
    monkeypatch.setattr(outbox_module, "_BATCH_SPANS", 2)
    sink = SteeredSink(LATER, DELIVERED, gated=True)
    outbox = box(sink)
    submit(outbox, "a", "b")
    sink.wait_for(1)
    submit(outbox, "c", "d")
    sink.gate.set()
    assert outbox.flush(PATIENCE) is True
    assert sink.batches == [["a", "b"], ["a", "b"], ["c", "d"]]


def test_a_collector_that_comes_back_gets_everything(box: Make, caplog: pytest.LogCaptureFixture) -> None:
    """Spans of an outage wait; once the collector is back they arrive, and both changes are said once."""
    with Collector() as collector:
        url, port = collector.url, collector.port
    outbox = box(collector_sink(url))
    submit(outbox, *"abc")
    assert outbox.flush(0.2) is False
    assert outbox.flush(0.2) is False
    assert counts(outbox) == (0, 3, {})
    assert outbox.counters().last_error is not None
    with Collector(port=port) as collector:
        assert outbox.flush(PATIENCE) is True
        assert [span.name for span in collector.store.spans()] == ["a", "b", "c"]
    assert counts(outbox) == (3, 0, {})
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(said) == 2
    assert "begins to fail" in said[0]
    assert "works again" in said[1]


def test_what_is_rejected_is_counted(box: Make) -> None:
    """A final refusal loses the batch, counts it, keeps the reason, and the next batch has its own chance."""
    sink = SteeredSink(REJECTED, DELIVERED)
    outbox = box(sink)
    submit(outbox, "a", "b")
    assert outbox.flush(PATIENCE) is True
    assert outbox.counters().last_error == "refused"
    assert counts(outbox) == (0, 0, {"rejected": 2})
    submit(outbox, "c")
    assert outbox.flush(PATIENCE) is True
    assert counts(outbox) == (1, 0, {"rejected": 2})


def test_partial_success_is_counted(box: Make) -> None:
    """Spans that a collector refused of a batch it took are counted apart from the delivered ones."""
    outbox = box(SteeredSink(Outcome(Verdict.DELIVERED, "refused 2 spans", 2)))
    submit(outbox, *"abc")
    assert outbox.flush(PATIENCE) is True
    delivered, pending, dropped = counts(outbox)
    assert (delivered, pending, sum(dropped.values())) == (1, 0, 2)
    assert outbox.counters().last_error == "refused 2 spans"


def test_a_sink_that_raises_loses_no_thread(box: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error inside a sink is kept from the application and counted; the next batch is delivered."""
    monkeypatch.setattr(guard, "strict", False)

    class Raising(SteeredSink):
        def send(self, spans: object, *, timeout: float) -> Outcome:
            outcome = super().send(spans, timeout=timeout)  # type: ignore[arg-type]
            if len(self.batches) == 1:
                raise RuntimeError("a bug")
            return outcome

    sink = Raising()
    outbox = box(sink)
    submit(outbox, "a")
    outbox.flush(PATIENCE)
    submit(outbox, "b")
    assert outbox.flush(PATIENCE) is True
    delivered, pending, dropped = counts(outbox)
    assert (delivered, pending, sum(dropped.values())) == (1, 0, 1)
    assert guard.errors == 1


@pytest.mark.usefixtures("patient")
def test_the_oldest_goes_when_there_are_too_many(
    box: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Past the bound the oldest spans are dropped and counted, and one warning says so."""
    monkeypatch.setattr(outbox_module, "MOST_SPANS", 4)
    sink = SteeredSink()
    outbox = box(sink)
    submit(outbox, *"abcdefg")
    assert counts(outbox) == (0, 4, {"outbox full": 3})
    assert outbox.flush(PATIENCE) is True
    assert sink.batches == [["d", "e", "f", "g"]]
    assert counts(outbox) == (4, 0, {"outbox full": 3})
    assert [record.levelname for record in caplog.records] == ["WARNING"]


HEAVY = {
    "a text": ended_span("heavy", {"text": "x" * 64_000}),
    "a list of texts": ended_span("heavy", {"texts": ["x" * 640] * 100}),
    "an event": ended_span("heavy", events=[("exception", {"exception.stacktrace": "x" * 64_000})]),
    "many events": ended_span("heavy", events=[("exception", {"n": "x" * 640})] * 100),
    "a name": ended_span("x" * 64_000),
}


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("span", HEAVY.values(), ids=HEAVY.keys())
def test_memory_is_bounded_whatever_is_heavy(
    box: Make, monkeypatch: pytest.MonkeyPatch, span: ReadableSpan
) -> None:
    """The bound in bytes counts what weighs: attributes, lists, events and names."""
    monkeypatch.setattr(outbox_module, "MOST_BYTES", 1 << 20)
    outbox = box(SteeredSink())
    for _ in range(100):
        outbox.submit(span)
    _, pending, dropped = counts(outbox)
    assert pending + sum(dropped.values()) == 100
    assert pending <= (1 << 20) // 64_000
    assert outbox.close(PATIENCE) is True


def test_the_thread_is_lazy_and_leaves(box: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first span starts the thread, idleness ends it, and the next span starts another."""
    monkeypatch.setattr(outbox_module, "_IDLE_SECONDS", 0.05)
    monkeypatch.setattr(outbox_module, "_BATCH_SECONDS", 0.01)
    sink = SteeredSink()
    outbox = box(sink)
    assert outbox._thread is None
    submit(outbox, "a")
    first = thread_of(outbox)
    assert first.daemon
    join(first)
    assert outbox._thread is None
    submit(outbox, "b")
    sink.wait_for(2)
    assert sink.batches == [["a"], ["b"]]
    assert outbox.close(PATIENCE) is True
    assert counts(outbox) == (2, 0, {})


def test_a_fork_starts_empty(box: Make, exiting: Exiting) -> None:
    """What waited before a fork belongs to the parent; the child begins empty, with a fresh sink."""
    sink = SteeredSink()
    outbox = box(sink)
    span = ended_span("of the parent")
    with exiting():  # no thread comes along into a forked child
        outbox.submit(span)
    outbox.renew_after_fork()
    assert outbox.counters() == Counters()
    assert sink.renewed == 1
    submit(outbox, "of the child")
    assert outbox.close(PATIENCE) is True
    assert sink.batches == [["of the child"]]
    assert counts(outbox) == (1, 0, {})
