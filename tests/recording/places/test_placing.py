"""Where spans hang across processes: by run id alone, and by a carrier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace

import contextcompany as tcc
from tests.recording.processes import run_python
from tests.recording.rows import parent_id, parsed, span_id, trace_id_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from contextcompany.local.embedded.collector import Collector
    from contextcompany.testing import Captured

TRACE_ID, SPAN_ID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CARRIER = {"traceparent": f"00-{TRACE_ID}-{SPAN_ID}-01"}

MAKERS: list[Any] = [
    pytest.param(lambda **given: tcc.step("run-1", **given).prompt("q").response("a").end(), id="step"),
    pytest.param(lambda **given: tcc.tool_call("run-1", tool_name="t", **given).end(), id="tool_call"),
    pytest.param(lambda **given: tcc.submit_feedback("run-1", "thumbs_up", **given), id="feedback"),
]


def test_a_child_made_in_another_process_lands_in_its_run(collector: Collector) -> None:
    """A step and a tool call of another process that knows the run id are below the run's own span."""
    r = tcc.run("run-1").prompt("p")
    run_python(
        """
        import contextcompany as tcc
        with tcc.step("run-1", "worker-step") as s:
            s.prompt("q").response("a")
            tcc.tool_call("run-1", "inside", "t").end()
            s.tool_call("t", "of-step").end()
        tcc.tool_call("run-1", "beside", "t").end()
        assert tcc.flush(20)
        """,
        TCC_URL=collector.url,
    )
    r.end()
    assert bool(tcc.flush(20)) is True
    spans = collector.store.spans()
    assert {span.trace_id for span in spans} == {r.trace_id}
    own = {span.attributes.get("gen_ai.tool.call.id") or span.name: span for span in spans}
    run_span_id, step_span_id = f"{span_id(r):016x}", own["chat"].span_id
    assert {key: span.parent_span_id for key, span in own.items()} == {
        "inside": step_span_id,
        "of-step": step_span_id,
        "chat": run_span_id,
        "beside": run_span_id,
        "invoke_agent": None,
    }
    assert {span.attributes["tcc.runId"] for span in spans} == {"run-1"}
    assert own["invoke_agent"].span_id == run_span_id


def test_a_run_of_another_process_may_be_known_before_it_starts(collector: Collector) -> None:
    """The order of processes does not matter: a child that is recorded first is below the later run."""
    tcc.step("run-1").prompt("q").response("a").end()
    script = """
    import contextcompany as tcc
    tcc.run("run-1", flush=True).prompt("p").end()
    """
    run_python(script, TCC_URL=collector.url)
    assert bool(tcc.flush(20)) is True
    spans = {span.name: span for span in collector.store.spans()}
    assert spans["chat"].trace_id == spans["invoke_agent"].trace_id
    assert spans["chat"].parent_span_id == spans["invoke_agent"].span_id


def test_a_run_that_starts_after_its_child_keeps_its_ids(captured: Captured) -> None:
    """A child by run id does not count as a run of that id: the run that follows takes the derived ids."""
    early = tcc.step("run-1").prompt("q").response("a")
    r = tcc.run("run-1").prompt("p")
    early.end()
    r.end()
    step_span, run_span = captured.spans
    assert (parent_id(step_span), trace_id_of(step_span)) == (span_id(r), trace_id_of(run_span))


@pytest.mark.parametrize("make", MAKERS)
def test_a_carrier_names_the_parent(captured: Captured, make: Callable[..., object]) -> None:
    """With `carrier=` a span continues the trace of the carrier, below the carrier's span."""
    make(carrier=CARRIER)
    (span,) = captured.spans
    assert (trace_id_of(span), parent_id(span)) == (TRACE_ID, int(SPAN_ID, 16))
    assert parsed(span)["tcc.runId"] == "run-1"


@pytest.mark.parametrize("make", MAKERS)
def test_a_carrier_wins_over_what_is_current(captured: Captured, make: Callable[..., object]) -> None:
    """A carrier that is given is the parent also inside blocks, even for a run known here."""
    with tcc.run("run-1") as r:
        r.prompt("p")
        make(carrier=CARRIER)
    span, run_span = captured.spans
    assert (trace_id_of(span), parent_id(span)) == (TRACE_ID, int(SPAN_ID, 16))
    assert trace_id_of(run_span) == r.trace_id


@pytest.mark.parametrize(
    "carrier",
    [
        {},
        {"traceparent": "junk"},
        {"traceparent": f"00-{'0' * 32}-{SPAN_ID}-01"},
        {"traceparent": 5},
        {5: "x"},
        {"tracestate": "a=b"},
    ],
    ids=["empty", "junk", "zero trace", "number", "number as key", "no traceparent"],
)
@pytest.mark.parametrize("make", MAKERS)
def test_a_carrier_that_holds_nothing_is_passed_over(
    captured: Captured, make: Callable[..., object], carrier: Mapping[Any, Any]
) -> None:
    """Rule 9: a carrier is data from elsewhere; a broken one leaves the run id to decide."""
    r = tcc.run("run-1").prompt("p")
    r.end()
    make(carrier=carrier)
    span = captured.spans[-1]
    assert (trace_id_of(span), parent_id(span)) == (r.trace_id, span_id(r))


def test_children_below_a_child_with_a_carrier_stay_in_its_trace(captured: Captured) -> None:
    """What is made inside the block of a step with a carrier is below that step."""
    with tcc.step("run-1", carrier=CARRIER) as s:
        s.prompt("q").response("a")
        s.tool_call("of-step").end()
        tcc.tool_call("run-1", tool_name="by-id").end()
        tcc.tool_call(tool_name="by-context").end()
    assert {(span.name, trace_id_of(span), parent_id(span)) for span in captured.spans[:3]} == {
        (f"execute_tool {name}", TRACE_ID, span_id(s)) for name in ("of-step", "by-id", "by-context")
    }


def test_below_an_application_the_process_knows_the_place(
    captured: Captured, application: tuple[TracerProvider, InMemorySpanExporter]
) -> None:
    """A run below an application's span is found by its id in the same process, open or ended."""
    provider, _ = application
    with provider.get_tracer("app").start_as_current_span("request") as host:
        r = tcc.run("run-1").prompt("p")
    tcc.step("run-1").prompt("q").response("a").end()
    r.end()
    tcc.tool_call("run-1", tool_name="t").end()
    tcc.submit_feedback("run-1", "thumbs_up")
    assert r.trace_id == trace.format_trace_id(host.get_span_context().trace_id)
    spans = [span for span in captured.spans if not span.name.startswith("invoke_agent")]
    assert [(trace_id_of(span), parent_id(span)) for span in spans] == [(r.trace_id, span_id(r))] * 3


def test_elsewhere_a_run_id_alone_gives_the_runs_own_trace(collector: Collector) -> None:
    """Below an application's span in one process, another that has the run id only joins by `tcc.runId`."""
    script = """
    import contextcompany as tcc
    tcc.step("run-1", "worker").prompt("q").response("a").end()
    tcc.step("run-1", "carried", carrier={"traceparent": "%s"}).prompt("q").response("a").end()
    assert tcc.flush(20)
    """
    run_python(script % CARRIER["traceparent"], TCC_URL=collector.url)
    own = tcc.run("run-1")
    worker, carried = collector.store.spans()
    assert (worker.trace_id, worker.parent_span_id) == (own.trace_id, f"{span_id(own):016x}")
    assert (carried.trace_id, carried.parent_span_id) == (TRACE_ID, SPAN_ID)
    assert {span.attributes["tcc.runId"] for span in (worker, carried)} == {"run-1"}


def test_a_run_of_elsewhere_is_not_below_what_is_current(captured: Captured) -> None:
    """Rule 6: inside the block of another run, a child by run id goes to its own run."""
    with tcc.run("here") as here:
        here.prompt("p")
        with tcc.step("elsewhere", "s") as s:
            s.prompt("q").response("a")
            tcc.tool_call(tool_name="by-context").end()
            here.tool_call("of-here").end()
    elsewhere = tcc.run("elsewhere")
    spans = {span.name: span for span in captured.spans}
    assert {name: (trace_id_of(span), parent_id(span)) for name, span in spans.items()} == {
        "execute_tool by-context": (elsewhere.trace_id, span_id(s)),
        "execute_tool of-here": (here.trace_id, span_id(here)),
        "chat": (elsewhere.trace_id, span_id(elsewhere)),
        "invoke_agent": (here.trace_id, None),
    }
    assert parsed(spans["execute_tool by-context"])["tcc.runId"] == "elsewhere"


def test_children_by_run_id_belong_to_the_session(captured: Captured) -> None:
    """In the process of its run a child by run id carries the session as the run's own children do."""
    r = tcc.run("run-1", session_id="chat-1").prompt("p")
    tcc.step("run-1").prompt("q").response("a").end()
    r.end()
    tcc.tool_call("run-1", tool_name="t").end()
    sessions = [
        (parsed(span)["tcc.sessionId"], parsed(span)["gen_ai.conversation.id"]) for span in captured.spans
    ]
    assert sessions == [("chat-1", "chat-1")] * 3
