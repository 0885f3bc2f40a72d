"""A provider of ours in the hands of instrumentation: inside runs, outside, and beside another one."""

from __future__ import annotations

import contextvars
import logging
import time
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.trace import StatusCode

import contextcompany as tcc
from contextcompany.local.embedded.collector import Collector
from contextcompany.propagation.ids import derived_ids
from contextcompany.runtime.process import process
from contextcompany.testing import capture
from tests.conftest import attributes_of
from tests.integrations.collecting.foreign_spans import (
    ANSWERED,
    CHAT,
    OPENINFERENCE,
    OPENTELEMETRY,
    tree,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from contextcompany.testing import Captured


@pytest.fixture
def tracer() -> Iterator[trace.Tracer]:
    """Return a tracer of instrumentation on our provider, which nobody has used before."""
    process.handed_out = None
    yield tcc.tracer_provider().get_tracer(OPENTELEMETRY)
    process.handed_out = None


def test_one_provider(tracer: trace.Tracer) -> None:
    """Every call returns the same provider."""
    assert tcc.tracer_provider() is tcc.tracer_provider()
    assert repr(tcc.tracer_provider()) == "HandedOutProvider(open=0)"
    with tracer.start_as_current_span("x"):
        assert repr(tcc.tracer_provider()) == "HandedOutProvider(open=1)"


def test_inside_a_run(tracer: trace.Tracer, captured: Captured) -> None:
    """Spans nest under the run and its steps with their own ids, and say whose they are from the start."""
    http = tcc.tracer_provider().get_tracer("http")
    with tcc.run("run-1", "session-1").prompt("hi") as r:
        with r.tool_call("ask"), tracer.start_as_current_span("agent") as agent:
            early = dict(getattr(agent, "attributes", None) or {})
            with http.start_as_current_span("POST"):
                pass
        with r.step(), tracer.start_as_current_span("chat gpt-5", attributes=CHAT) as chat:
            chat.set_attributes(ANSWERED)
    assert early == {
        "tcc.runId": "run-1",
        "tcc.sessionId": "session-1",
        "gen_ai.conversation.id": "session-1",
    }
    assert tree(captured.spans) == [
        "invoke_agent",
        "invoke_agent > chat gpt-5",
        "invoke_agent > execute_tool ask",
        "invoke_agent > execute_tool ask > agent",
        "invoke_agent > execute_tool ask > agent > POST",
    ]
    (copy,) = captured.named("agent")
    assert copy.context is not None
    assert copy.context.span_id == agent.get_span_context().span_id
    assert copy.context.trace_id == agent.get_span_context().trace_id


def test_a_run_of_its_own(tracer: trace.Tracer, captured: Captured) -> None:
    """A request outside of any run gets a run around it with what it tells, in the run's own trace."""
    with tracer.start_as_current_span("chat gpt-5", attributes=CHAT) as span:
        span.set_attributes(ANSWERED)
    assert tree(captured.spans) == ["invoke_agent", "invoke_agent > chat gpt-5"]
    (run,) = captured.named("invoke_agent")
    attributes = attributes_of(run)
    assert run.context is not None
    trace_id, span_id = derived_ids(attributes["tcc.runId"])
    assert (run.context.trace_id, run.context.span_id) == (trace_id, span_id)
    assert span.get_span_context().trace_id == trace_id
    assert attributes["gen_ai.input.messages"] == '[{"role":"user","parts":[{"type":"text","content":"hi"}]}]'
    assert '"content":"hello"' in attributes["gen_ai.output.messages"]
    assert run.status.status_code is StatusCode.UNSET
    assert tcc.stats().open_handles == 0


def test_an_agent_with_requests_below(tracer: trace.Tracer, captured: Captured) -> None:
    """All that begins below such a span is in the same run."""
    agents = tcc.tracer_provider().get_tracer(OPENINFERENCE)
    kind = {"openinference.span.kind": "AGENT", "input.value": "hi", "output.value": "hello"}
    with agents.start_as_current_span("agent", attributes=kind):
        with tracer.start_as_current_span("chat gpt-5", attributes=CHAT):
            pass
        with tracer.start_as_current_span("chat gpt-5", attributes=CHAT):
            pass
    assert tree(captured.spans) == [
        "invoke_agent",
        "invoke_agent > agent",
        "invoke_agent > agent > chat gpt-5",
        "invoke_agent > agent > chat gpt-5",
    ]


def test_a_failure(tracer: trace.Tracer, captured: Captured) -> None:
    """Where the request fails, its run fails with its message, and the error goes on unchanged."""
    error = RuntimeError("refused: api_key=abc123def")
    with pytest.raises(RuntimeError) as caught, tracer.start_as_current_span("chat gpt-5", attributes=CHAT):
        raise error
    assert caught.value is error
    (run,) = captured.named("invoke_agent")
    assert (run.status.status_code, run.status.description) == (
        StatusCode.ERROR,
        "RuntimeError: refused: api_key=[redacted]",
    )
    # The run's prompt is empty where the instrumentation told none: it is not broken.
    assert "tcc.violations" not in (run.attributes or {})


def test_other_spans_outside_of_runs(tracer: trace.Tracer, captured: Captured) -> None:
    """What is no GenAI goes nowhere by itself, and a request below it has a run that is a root."""
    http = tcc.tracer_provider().get_tracer("http")
    with http.start_as_current_span("GET /"), tracer.start_as_current_span("chat gpt-5", attributes=CHAT):
        pass
    assert tree(captured.spans) == ["invoke_agent", "invoke_agent > chat gpt-5"]


def test_switched_off(tracer: trace.Tracer, captured: Captured) -> None:
    """Nothing is recorded where recording is switched off, or over."""
    tcc.configure(disabled=True)
    with (
        tracer.start_as_current_span("chat gpt-5", attributes=CHAT),
        tcc.run().prompt("hi"),
        tracer.start_as_current_span("chat gpt-5", attributes=CHAT),
    ):
        pass
    tcc.shutdown()
    with tracer.start_as_current_span("chat gpt-5", attributes=CHAT):
        pass
    assert captured.spans == ()


def test_beside_another_provider(
    application: tuple[TracerProvider, InMemorySpanExporter],
    captured: Captured,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Beside the application's provider it works with one warning, and its blocks make nothing current."""
    process.handed_out = None
    with caplog.at_level(logging.WARNING):
        tracer = tcc.tracer_provider().get_tracer(OPENTELEMETRY)
        tcc.tracer_provider()
    assert [record.message for record in caplog.records] == [
        (
            "tcc.tracer_provider() is for programs without a tracer provider, and this one has its own: "
            "give that one to the instrumentation and call tcc.collect() instead"
        )
    ]
    shop = application[0].get_tracer("shop")
    with (
        shop.start_as_current_span("GET /") as outer,
        tcc.run().prompt("hi"),
        tracer.start_as_current_span("agent"),
    ):
        assert trace.get_current_span() is outer
        shop.start_span("SELECT").end()
    process.handed_out = None
    assert tree(captured.spans) == ["? > invoke_agent", "? > invoke_agent > agent"]
    assert tree(application[1].get_finished_spans()) == ["GET /", "GET / > SELECT"]


def test_errors_in_a_block_beside_another_provider(
    application: tuple[TracerProvider, InMemorySpanExporter], captured: Captured
) -> None:
    """There too a block that is left by an error fails its span, unless asked not to."""
    process.handed_out = None
    tracer = tcc.tracer_provider().get_tracer(OPENTELEMETRY)
    quiet: dict[str, Any] = {
        "record_exception": False,
        "set_status_on_exception": False,
        "end_on_exit": False,
    }
    with tcc.run().prompt("hi"):
        for more in ({}, quiet):
            with pytest.raises(RuntimeError), tracer.start_as_current_span("agent", **more) as span:
                raise RuntimeError("x")
        assert span.is_recording()
        span.end()
    process.handed_out = None
    failed, fine = captured.named("agent")
    assert (failed.status.status_code, [event.name for event in failed.events]) == (
        StatusCode.ERROR,
        ["exception"],
    )
    assert (fine.status.status_code, fine.events) == (StatusCode.UNSET, ())


def test_a_run_that_is_left_out(tracer: trace.Tracer) -> None:
    """All that begins below a span whose run is left out is left out with it, in other threads too."""
    openinference = tcc.tracer_provider().get_tracer(OPENINFERENCE)
    with capture(sample_rate=0.0) as captured:
        with openinference.start_as_current_span("chain") as chain:
            tcc.configure(exporter=captured)  # every run from here on is recorded
            with openinference.start_as_current_span("agent"), tracer.start_as_current_span("chat gpt-5"):
                pass
            below = trace.set_span_in_context(chain)
            contextvars.Context().run(tracer.start_span, "chat gpt-5", below).end()
            with tcc.run("run-1").prompt("hi"), tracer.start_as_current_span("chat gpt-5"):
                pass
        tracer.start_span("chat gpt-5").end()
        assert tree(captured.spans) == ["invoke_agent", "invoke_agent", *["invoke_agent > chat gpt-5"] * 2]
    assert tcc.stats().unsampled == 1


def test_below_a_run_that_is_left_out(tracer: trace.Tracer) -> None:
    """What begins below a span in a run of the caller's that is left out opens no run, wherever it runs."""
    with capture(sample_rate=0.0) as captured:
        with tcc.run().prompt("hi"), tracer.start_as_current_span("chat gpt-5") as span:
            tcc.configure(exporter=captured)
            below = trace.set_span_in_context(span)
            contextvars.Context().run(tracer.start_span, "chat gpt-5", below).end()
        assert captured.spans == ()


def test_two_runs_with_one_id(tracer: trace.Tracer) -> None:
    """Of two open runs with one id a span belongs to the current one, and goes where that goes."""
    with Collector(port=0) as first, Collector(port=0) as second:
        with tcc.run("same", tcc_url=first.url).prompt("hi"):
            other = contextvars.Context().run(tcc.run, "same", tcc_url=second.url)
            tracer.start_span("chat gpt-5").end()
        other.prompt("hi").end()
        assert tcc.flush()
        assert sorted(span.name for span in first.store.spans()) == ["chat gpt-5", "invoke_agent"]
        assert [span.name for span in second.store.spans()] == ["invoke_agent"]


def test_a_run_below_a_span_that_goes_nowhere(tracer: trace.Tracer, captured: Captured) -> None:
    """A run inside a span outside of runs is a root, in the trace that other processes derive from its id."""
    http = tcc.tracer_provider().get_tracer("http")
    with http.start_as_current_span("POST"), tcc.run("run-1").prompt("hi"):
        pass
    (run,) = captured.spans
    assert (run.parent, run.context and run.context.trace_id) == (None, derived_ids("run-1")[0])
    assert process.nowhere == {}


@pytest.mark.parametrize("fails", [False, True], ids=["well", "failed"])
def test_a_span_with_times_of_its_own(tracer: trace.Tracer, captured: Captured, fails: bool) -> None:
    """A run around a span that is told afterwards begins and ends with it, to the microsecond."""
    span = tracer.start_span("chat gpt-5", start_time=1_700_000_000_000_000_001)
    if fails:
        span.set_status(StatusCode.ERROR)
    span.end(1_700_000_004_000_000_001)
    _, run = captured.spans
    assert (run.start_time, run.end_time) == (1_700_000_000_000_000_000, 1_700_000_004_000_001_000)


def test_a_span_with_wild_times(tracer: trace.Tracer, captured: Captured) -> None:
    """A run around a span whose times cannot be meant has times of its own."""
    before = time.time_ns()
    tracer.start_span("chat gpt-5", start_time=-1).end(1 << 70)
    (run,) = captured.named("invoke_agent")
    assert before <= (run.start_time or 0) <= (run.end_time or 0) <= time.time_ns()
