"""The life of the process: configure, flush, shutdown, stats."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace

import contextcompany as tcc
from contextcompany.delivery.outbox import encoder
from contextcompany.local.embedded.collector import Collector
from contextcompany.runtime.process import process
from contextcompany.runtime.results import FlushResult, Stats
from contextcompany.testing import capture
from tests.loopback import PATIENCE, Answer, LoopbackServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from contextcompany.local.otlp.spans import SpanRecord


def by_run(collector: Collector) -> list[tuple[str, str]]:
    """Return name and run id of the spans that arrived, in order."""
    return [(span.name, str(span.attributes["tcc.runId"])) for span in collector.store.spans()]


def recorded(run_id: str, *, tcc_url: str | None = None, api_key: str | None = None) -> None:
    """Record a short run."""
    tcc.run(run_id, tcc_url=tcc_url, api_key=api_key).prompt("hi").end()


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let spans go only when they are flushed, so that what is pending is known."""
    monkeypatch.setattr(encoder, "BATCH_SECONDS", 3_600.0)


# Configure


def test_the_first_use_reads_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any call of configure a run goes where the environment says."""
    with Collector() as collector:
        monkeypatch.setenv("TCC_URL", collector.url)
        recorded("run-1")
        assert tcc.flush(PATIENCE)
        assert by_run(collector) == [("invoke_agent", "run-1")]


def test_open_runs_keep_their_destination() -> None:
    """After another configure new runs go to the new place, open ones with all their children to the old."""
    with Collector() as first, Collector() as second:
        tcc.configure(tcc_url=first.url)
        old = tcc.run("old").prompt("hi")
        tcc.configure(tcc_url=second.url)
        new = tcc.run("new").prompt("hi")
        for handle in (old, new):
            handle.step().prompt("hi").response("hello").end()
            handle.end()
        tcc.step("old").prompt("hi").response("hello").end()
        assert tcc.flush(PATIENCE)
        assert by_run(first) == [("chat", "old"), ("invoke_agent", "old"), ("chat", "old")]
        assert by_run(second) == [("chat", "new"), ("invoke_agent", "new")]


def test_each_configure_states_the_whole() -> None:
    """What a later call leaves out is back at its default."""
    with Collector() as collector:
        tcc.configure(tcc_url=collector.url, capture_content=False, disabled=True)
        recorded("unseen")
        tcc.configure(tcc_url=collector.url)
        recorded("seen")
        assert tcc.flush(PATIENCE)
        (span,) = collector.store.spans()
        assert span.attributes["tcc.runId"] == "seen"
        assert "gen_ai.input.messages" in span.attributes


def test_a_configure_that_raises_changes_nothing() -> None:
    """Misuse raises, and what was configured before stays in force."""
    with Collector() as collector:
        tcc.configure(tcc_url=collector.url)
        with pytest.raises(ValueError, match="tcc_url"):
            tcc.configure(tcc_url="nowhere")
        recorded("run-1")
        assert tcc.flush(PATIENCE)
        assert len(collector.store) == 1


def test_a_run_may_have_its_own_destination() -> None:
    """Per-run URL and key are for that run and its children; the configured key does not go with them."""
    with Collector(record_requests=True) as first, Collector(record_requests=True) as second:
        tcc.configure(tcc_url=first.url, api_key="key-of-first")
        recorded("run-1")
        with tcc.run("run-2", tcc_url=second.url) as elsewhere:
            elsewhere.prompt("hi").step().prompt("hi").response("hello").end()
        recorded("run-3", tcc_url=second.url, api_key="key-of-second")
        assert tcc.flush(PATIENCE)
        assert by_run(first) == [("invoke_agent", "run-1")]
        assert sorted(by_run(second)) == [
            ("chat", "run-2"),
            ("invoke_agent", "run-2"),
            ("invoke_agent", "run-3"),
        ]
        assert [request.headers.get("authorization") for request in first.requests] == ["Bearer key-of-first"]
        assert {request.headers.get("authorization") for request in second.requests} == {
            None,
            "Bearer key-of-second",
        }


def test_capturing_is_for_its_block_only() -> None:
    """After a capture block what was configured before is in force again."""
    with Collector() as collector:
        tcc.configure(tcc_url=collector.url)
        with capture() as captured:
            recorded("inside")
            assert len(captured.spans) == 1
        recorded("outside")
        assert tcc.flush(PATIENCE)
        assert by_run(collector) == [("invoke_agent", "outside")]


# Flush and stats


def test_flush_of_nothing() -> None:
    """A process that recorded nothing is flushed."""
    assert tcc.flush(0.0) == FlushResult(complete=True, delivered=0, pending=0)
    assert tcc.stats() == Stats(delivered=0, pending=0)


def test_flush_tells_what_was_delivered() -> None:
    """A full flush is true and counts; stats count open handles, pending and delivered spans."""
    with Collector() as collector:
        tcc.configure(tcc_url=collector.url)
        recorded("run-1")
        still_open = tcc.run("run-2").prompt("hi")
        assert tcc.stats() == Stats(delivered=0, pending=1, open_handles=1)
        result = tcc.flush(PATIENCE)
        assert result == FlushResult(complete=True, delivered=1, pending=0)
        assert bool(result) is True
        assert tcc.stats() == Stats(delivered=1, pending=0, open_handles=1)
        still_open.end()
        assert tcc.stats() == Stats(delivered=1, pending=1)


def test_flush_tells_what_is_pending() -> None:
    """With nobody listening a flush is false, in time, and says what waits where; later it is true."""
    with Collector() as collector:
        url, port = collector.url, collector.port
    tcc.configure(tcc_url=url)
    recorded("run-1")
    began = time.monotonic()
    result = tcc.flush(0.2)
    assert time.monotonic() - began < 2.0
    assert (bool(result), result.delivered, dict(result.dropped)) == (False, 0, {})
    assert (result.pending, result.spooled) in {(1, 0), (0, 1)}  # on its way to the disk, or there
    assert url in str(result.last_error)
    with Collector(port=port) as collector:
        assert tcc.flush(PATIENCE)
        assert by_run(collector) == [("invoke_agent", "run-1")]


def test_flush_tells_what_was_lost() -> None:
    """A flush during which spans were lost is false; the next one, with nothing lost, is true."""
    partial = Answer(
        body=b'{"partialSuccess": {"rejectedSpans": "1"}}', headers=(("Content-Type", "application/json"),)
    )
    lost = {"refused by the collector": 1}
    with LoopbackServer(partial, Answer(200)) as server:
        tcc.configure(tcc_url=server.url)
        recorded("run-1")
        result = tcc.flush(PATIENCE)
        assert result == FlushResult(False, 0, 0, 0, 0, lost, result.last_error)
        assert "refused 1" in str(result.last_error)
        recorded("run-2")
        result = tcc.flush(PATIENCE)
        assert (bool(result), result.delivered, dict(result.dropped)) == (True, 1, lost)


@pytest.mark.parametrize("finish", [tcc.flush, tcc.shutdown], ids=["flush", "shutdown"])
def test_a_hanging_destination_takes_nothing_from_another(finish: Callable[[float], FlushResult]) -> None:
    """Destinations share the time, but one that hangs does not use up the time of a healthy one."""
    with LoopbackServer(Answer(hangs=True)) as hanging, Collector() as healthy:
        tcc.configure(tcc_url=hanging.url)
        recorded("run-1")
        recorded("run-2", tcc_url=healthy.url)
        tcc.configure(tcc_url=healthy.url)
        recorded("run-3")
        began = time.monotonic()
        result = finish(1.0)
        assert time.monotonic() - began < 3.0
        assert sorted(by_run(healthy)) == [("invoke_agent", "run-2"), ("invoke_agent", "run-3")]
        assert (bool(result), result.delivered) == (False, 2)


@pytest.mark.parametrize("finish", [tcc.flush, tcc.shutdown], ids=["flush", "shutdown"])
def test_time_limits_beyond_any_clock(finish: Callable[[float], FlushResult]) -> None:
    """A limit of centuries is as good as none: what there is to do is done."""
    with Collector() as collector:
        tcc.configure(tcc_url=collector.url)
        recorded("run-1")
        assert tcc.submit_feedback("run-1", "thumbs_up", timeout=1e12) is True
        recorded("run-2")
        assert finish(1e12)
        assert len(collector.store) == 3


@pytest.mark.parametrize("finish", [tcc.flush, tcc.shutdown], ids=["flush", "shutdown"])
@pytest.mark.parametrize("wrong", ["5", None, float("nan"), [1]])
def test_what_is_no_time_limit(finish: Callable[[Any], FlushResult], wrong: object) -> None:
    """Anything but seconds raises at once, and says which argument it is about."""
    with pytest.raises((TypeError, ValueError), match="timeout"):
        finish(wrong)


# Shutdown


def test_shutdown_ends_what_is_open() -> None:
    """Open handles arrive as abandoned, children first, with what was set on them."""
    with Collector() as collector:
        tcc.configure(tcc_url=collector.url)
        r = tcc.run("run-1").prompt("hi")
        s = r.step("step-1").prompt("hi")
        result = tcc.shutdown(PATIENCE)
        assert result == FlushResult(complete=True, delivered=2, pending=0)
        spans = collector.store.spans()
        assert [span.name for span in spans] == ["chat", "invoke_agent"]
        assert {ending(span) for span in spans} == {("ERROR", "tcc.abandoned", 2)}
        assert tcc.stats().open_handles == 0
        assert s.step_id == "step-1"


def ending(span: SpanRecord) -> tuple[object, ...]:
    """Return how a span ended."""
    return span.status_code, span.attributes["error.type"], span.attributes["tcc.statusCode"]


def test_handles_that_shutdown_closed_never_raise(caplog: pytest.LogCaptureFixture) -> None:
    """Their setters return them, end and error do nothing, and one warning each says when and why."""
    with capture():
        r = tcc.run("run-1").prompt("hi")
        tcc.shutdown(1.0)
        assert r.response("late").metadata(late=True).status(1) is r
        r.end()
        r.error("late")
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(said) == 1
    assert "shutdown" in said[0]


def test_after_shutdown_nothing_is_recorded() -> None:
    """The API goes on to work: ids are given, misuse raises, nothing is recorded; configure begins anew."""
    with Collector() as collector:
        tcc.configure(tcc_url=collector.url)
        tcc.shutdown(1.0)
        with tcc.run("run-1").prompt("hi") as r:
            assert r.run_id == "run-1"
            assert r.step().step_id
            with pytest.raises(ValueError, match="status"):
                r.status(7)
        assert tcc.submit_feedback("run-1", "thumbs_up") is False
        assert tcc.shutdown(1.0)
        assert tcc.flush(1.0)
        tcc.configure(tcc_url=collector.url)
        recorded("run-2")
        assert tcc.flush(PATIENCE)
        assert by_run(collector) == [("invoke_agent", "run-2")]


def test_shutdown_keeps_its_deadline() -> None:
    """With a server that never answers shutdown ends in time and tells the truth."""
    with LoopbackServer(Answer(hangs=True)) as server:
        tcc.configure(tcc_url=server.url)
        recorded("run-1")
        began = time.monotonic()
        result = tcc.shutdown(0.3)
        assert time.monotonic() - began < 2.0
        assert (bool(result), result.delivered) == (False, 0)


def test_shutdown_leaves_the_application_alone(
    application: tuple[trace.TracerProvider, InMemorySpanExporter],
) -> None:
    """The provider of the application goes on to record after our shutdown."""
    _, exporter = application
    with capture():
        recorded("run-1")
        tcc.shutdown(1.0)
    trace.get_tracer("app").start_span("later").end()
    assert [span.name for span in exporter.get_finished_spans()] == ["later"]


def test_reset_is_a_new_beginning() -> None:
    """After a reset nothing of before is known."""
    with capture():
        recorded("run-1")
    process.reset(0.0)
    assert tcc.stats() == Stats(delivered=0, pending=0)
    assert len(process.places) == 0
    assert tcc.current_run() is None


def test_replaced_configurations_step_aside_and_come_back() -> None:
    """Configuring again and again keeps nothing; the counts stay, and late spans still arrive."""
    with Collector() as collector:
        tcc.configure(tcc_url=collector.url)
        first = tcc.run("run-0").prompt("hi")
        for number in range(1, 21):
            tcc.configure(tcc_url=collector.url)
            recorded(f"run-{number}")
            assert tcc.flush(PATIENCE)
        assert len(process._instances) <= 2
        assert tcc.stats().delivered == 20
        first.step().prompt("q").response("a").end()
        first.end()
        assert tcc.flush(PATIENCE)
        assert tcc.stats().delivered == 22
        assert len(collector.store) == 22
