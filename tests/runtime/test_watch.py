"""The watch over open handles: dropped ones, overdue ones, and those of a parent process."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import TYPE_CHECKING

import pytest

import contextcompany as tcc
from contextcompany.delivery.outbox import encoder
from contextcompany.delivery.spans.own import OwnSpan
from contextcompany.local.embedded.collector import Collector
from contextcompany.runtime.process import process
from contextcompany.runtime.watch import Watch
from tests.interpreter import python
from tests.loopback import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contextcompany.delivery.spans.origin import Content
    from contextcompany.local.otlp.spans import SpanRecord


class Handle:
    """What a caller holds; may be part of a cycle."""

    def __init__(self) -> None:
        self.me: Handle | None = None


class Recording:
    """What the watch ends; remembers how."""

    def __init__(self, order: list[Recording] | None = None) -> None:
        self.closed: list[tuple[str, str | None, str]] = []
        self.detached = 0
        self.order = [] if order is None else order
        self.done = threading.Event()

    def close(self, reason: str, error_type: str | None) -> None:
        """Keep reason, class and thread."""
        self.closed.append((reason, error_type, threading.current_thread().name))
        self.order.append(self)
        self.done.set()

    def detach_after_fork(self) -> None:
        """Count."""
        self.detached += 1


@pytest.fixture
def watch() -> Watch:
    """Give a test a watch of its own."""
    return Watch(timeout_error="late", abandoned_error="lost")


def test_it_starts_no_thread_until_it_is_needed(watch: Watch) -> None:
    """An empty watch costs nothing."""
    assert watch._thread is None
    assert len(watch) == 0
    assert watch.recordings() == []


def test_a_handle_that_is_held_is_left_alone(watch: Watch) -> None:
    """While somebody holds the handle its recording stays open, through any garbage collection."""
    handle, recording = Handle(), Recording()
    watch.add(handle, recording, None)
    gc.collect()
    other, marker = Handle(), Recording()
    watch.add(other, marker, None)
    del other
    assert marker.done.wait(PATIENCE)
    assert recording.closed == []
    assert watch.recordings()[-1] is recording
    assert handle.me is None


@pytest.mark.parametrize("cyclic", [False, True])
def test_a_handle_that_is_dropped_is_ended(watch: Watch, cyclic: bool) -> None:
    """A handle that nobody holds any more, alone or in a cycle, is ended by the watch's own thread."""
    handle, recording = Handle(), Recording()
    handle.me = handle if cyclic else None
    watch.add(handle, recording, None)
    del handle
    gc.collect()
    assert recording.done.wait(PATIENCE)
    assert [(error, thread) for _, error, thread in recording.closed] == [("lost", "contextcompany-watch")]


def test_a_handle_that_was_ended_is_forgotten(watch: Watch) -> None:
    """A recording that was removed is not closed when its handle goes, and nothing keeps it alive."""
    handle, recording = Handle(), Recording()
    watch.add(handle, recording, None)
    watch.remove(recording)
    watch.remove(recording)
    assert len(watch) == 0
    del handle
    gc.collect()
    other, marker = Handle(), Recording()
    watch.add(other, marker, None)
    del other
    assert marker.done.wait(PATIENCE)
    assert recording.closed == []
    gone = weakref.ref(recording)
    del recording
    gc.collect()
    assert gone() is None


def test_time_limits(watch: Watch) -> None:
    """Each recording is closed after its own limit, the shortest first, whatever the order of adding."""
    order: list[Recording] = []
    handles, recordings = [Handle() for _ in range(3)], [Recording(order) for _ in range(3)]
    for handle, recording, limit in zip(handles, recordings, (0.3, 0.01, 600.0), strict=True):
        watch.add(handle, recording, limit)
    assert recordings[0].done.wait(PATIENCE)
    assert order == [recordings[1], recordings[0]]
    assert [(error, thread) for _, error, thread in recordings[1].closed] == [
        ("late", "contextcompany-watch")
    ]
    assert recordings[2].closed == []


def test_a_limit_for_something_else(watch: Watch) -> None:
    """What is no handle is closed too when its time is up, and is not counted among the open ones."""
    waiting = Recording()
    watch.close_after(waiting, 0.01)
    assert waiting.done.wait(PATIENCE)
    assert waiting.closed == [("its time limit", "late", "contextcompany-watch")]
    assert len(watch) == 0


def test_a_limit_beyond_any_clock(watch: Watch) -> None:
    """A limit of centuries is as good as none, and the watch goes on to keep the others."""
    patient, recording = Handle(), Recording()
    watch.add(patient, recording, 1e11)
    handle, other = Handle(), Recording()
    watch.add(handle, other, 0.01)
    assert other.done.wait(PATIENCE)
    assert recording.closed == []
    del handle


def test_an_ended_recording_keeps_no_memory_until_its_limit(watch: Watch) -> None:
    """A recording that ended before its limit can be collected at once."""
    handle, recording = Handle(), Recording()
    watch.add(handle, recording, 600.0)
    watch.remove(recording)
    gone = weakref.ref(recording)
    del recording
    gc.collect()
    assert gone() is None
    assert handle.me is None


def test_the_youngest_comes_first(watch: Watch) -> None:
    """At shutdown children are closed before their parents."""
    handles, recordings = [Handle() for _ in range(3)], [Recording() for _ in range(3)]
    for handle, recording in zip(handles, recordings, strict=True):
        watch.add(handle, recording, None)
    assert watch.recordings() == recordings[::-1]


def test_a_fork_lets_go(watch: Watch) -> None:
    """In a forked child every recording is detached once and watched no more."""
    handle, recording = Handle(), Recording()
    watch.add(handle, recording, None)
    watch.renew_after_fork()
    assert (recording.detached, len(watch), recording.closed) == (1, 0, [])
    assert handle.me is None


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """Give a collector that spans reach without a flush."""
    monkeypatch.setattr(encoder, "BATCH_SECONDS", 0.01)
    with Collector() as running:
        tcc.configure(tcc_url=running.url)
        yield running
        tcc.shutdown(0.5)


def only_span(collector: Collector) -> SpanRecord:
    """Wait for the first span."""
    (span,) = collector.store.wait_for(lambda spans: len(spans) == 1, PATIENCE)
    return span


def ending(span: SpanRecord) -> tuple[object, ...]:
    """Return how a span ended."""
    return span.status_code, span.attributes["error.type"], span.attributes["tcc.statusCode"]


def test_a_dropped_run_arrives(collector: Collector) -> None:
    """A run that nobody holds and nobody ended arrives as abandoned, with what was set on it."""
    tcc.run("run-1").prompt("hi")
    gc.collect()
    span = only_span(collector)
    assert (span.name, ending(span)) == ("invoke_agent", ("ERROR", "tcc.abandoned", 2))
    assert "hi" in str(span.attributes["gen_ai.input.messages"])


def test_an_overdue_run_arrives(collector: Collector) -> None:
    """A run past its time limit arrives as timed out; its handle then does nothing, with one warning."""
    r = tcc.run("run-1", timeout=0.05).prompt("hi")
    span = only_span(collector)
    assert (span.name, ending(span)) == ("invoke_agent", ("ERROR", "timeout", 2))
    r.response("late").end()
    r.error("late")
    assert tcc.stats().open_handles == 0


def test_the_configured_limit_is_for_all_runs(collector: Collector) -> None:
    """`configure(run_timeout=…)` closes runs that name no limit of their own."""
    tcc.configure(tcc_url=collector.url, run_timeout=0.05)
    r = tcc.run("run-1").prompt("hi")
    assert ending(only_span(collector)) == ("ERROR", "timeout", 2)
    assert tcc.stats().open_handles == 0
    r.end()


def test_no_handle_leaks(collector: Collector) -> None:
    """Handles that were ended leave nothing behind: not in the watch, not in memory."""
    handles: list[weakref.ref[object]] = []
    for _ in range(20):
        with tcc.run().prompt("hi") as r:
            s = r.step().prompt("hi").response("hello")
            s.end()
        handles += [weakref.ref(r), weakref.ref(s)]
    del r, s
    gc.collect()
    assert len(process.watch) == 0
    assert [handle for handle in handles if handle() is not None] == []
    collector.store.wait_for(lambda spans: len(spans) == 40, PATIENCE)


def test_collection_in_any_thread_at_any_moment() -> None:
    """Handles dropped in cycles by many threads while collection runs all the time: no deadlock, no loss."""
    finished = python(
        """
        import gc, threading
        import contextcompany as tcc
        from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
        arrived = threading.Semaphore(0)
        class Count(SpanExporter):
            def export(self, spans):
                for span in spans:
                    assert span.attributes["error.type"] == "tcc.abandoned"
                    arrived.release()
                return SpanExportResult.SUCCESS
        tcc.configure(exporter=Count())
        gc.set_threshold(7)
        def work():
            for _ in range(250):
                holder = [tcc.run().prompt("hi")]
                holder.append(holder)
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        gc.collect()
        for _ in range(1000):
            assert arrived.acquire(timeout=20)
        print(tcc.stats().open_handles)
        """
    )
    assert (finished.code, finished.err, finished.out.strip()) == (0, "", "0")


def test_shutdown_waits_for_a_span_that_is_just_ending(monkeypatch: pytest.MonkeyPatch) -> None:
    """A handle that another thread is ending at that moment is delivered, not refused as too late."""
    entered, proceed = threading.Event(), threading.Event()
    with Collector() as collector:
        tcc.configure(tcc_url=collector.url)
        tcc.run("run-1").prompt("p").end()
        step = tcc.step("run-1").prompt("q").response("a")
        span = step.span
        assert isinstance(span, OwnSpan)
        original = span.finish

        def held(content: Content, end_time: int) -> None:
            entered.set()
            assert proceed.wait(PATIENCE)
            original(content, end_time)

        monkeypatch.setattr(span, "finish", held)
        ending = threading.Thread(target=step.end)
        ending.start()
        assert entered.wait(PATIENCE)
        threading.Timer(0.05, proceed.set).start()
        assert tcc.shutdown(PATIENCE)
        ending.join(PATIENCE)
        assert sorted(span.name for span in collector.store.spans()) == ["chat", "invoke_agent"]
