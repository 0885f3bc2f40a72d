"""The life cycle that runs, steps and tool calls share: how they end, and what is left of them afterwards."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

import contextcompany as tcc
from contextcompany import Run, Step, ToolCall
from tests.recording.processes import run_python
from tests.recording.spans import parent_id, parsed, span_id, trace_id_of, user, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from contextcompany.local.collector import Collector
    from contextcompany.testing import Captured
    from tests.recording.conftest import Arrivals

Handle: TypeAlias = Run | Step | ToolCall

KINDS = ("run", "step", "tool_call")
OPERATIONS = {"run": "invoke_agent", "step": "chat", "tool_call": "execute_tool"}
SETTERS: dict[str, dict[str, Callable[[Any], object]]] = {
    "run": {
        "prompt": lambda r: r.prompt("x"),
        "response": lambda r: r.response("x"),
        "metadata": lambda r: r.metadata(a=1),
        "metadata of nothing": lambda r: r.metadata(),
        "metadata of identity": lambda r: r.metadata({"tcc.userId": "x"}),
    },
    "step": {
        "prompt": lambda s: s.prompt("x"),
        "response": lambda s: s.response("x"),
        "model": lambda s: s.model("x"),
        "model of nothing": lambda s: s.model(),
        "tokens": lambda s: s.tokens(1),
        "tokens of nothing": lambda s: s.tokens(),
        "tokens that are none": lambda s: s.tokens(-1),
        "cost": lambda s: s.cost(1.0),
        "cost that is none": lambda s: s.cost(-1.0),
        "finish_reason": lambda s: s.finish_reason("x"),
        "finish_reason of nothing": lambda s: s.finish_reason(None),
        "tool_definitions": lambda s: s.tool_definitions("[]"),
    },
    "tool_call": {
        "name": lambda tc: tc.name("x"),
        "args": lambda tc: tc.args("x"),
        "result": lambda tc: tc.result("x"),
    },
}
COMMON: dict[str, Callable[[Any], object]] = {
    "status": lambda h: h.status(1, "x"),
    "attributes": lambda h: h.attributes({"app.k": 1}),
}
CALLS = [
    pytest.param(kind, call, id=f"{kind}-{name}")
    for kind in KINDS
    for name, call in {**SETTERS[kind], **COMMON}.items()
]
ENDS = [
    pytest.param(kind, end, id=f"{kind}-{name}")
    for kind in KINDS
    for name, end in {"end": lambda h: h.end(), "error": lambda h: h.error("x")}.items()
]
MISSING = [
    pytest.param("run", lambda r: r.response("a"), ["prompt"], id="run-prompt"),
    pytest.param("step", lambda s: s, ["prompt", "response"], id="step-both"),
    pytest.param("step", lambda s: s.response("a"), ["prompt"], id="step-prompt"),
    pytest.param("step", lambda s: s.prompt("q"), ["response"], id="step-response"),
    pytest.param("tool_call", lambda tc: tc.args({}), ["name"], id="tool_call-name"),
]


def open_handle(kind: str) -> Handle:
    """Start a handle of a kind that has none of its fields."""
    r = tcc.run("run-1")
    return {"run": lambda: r, "step": lambda: r.step("step-1"), "tool_call": lambda: r.tool_call()}[kind]()


def complete(handle: Handle) -> Handle:
    """Give a handle the fields that it needs."""
    if isinstance(handle, Step):
        return handle.prompt("q").response("a")
    return handle.prompt("q") if isinstance(handle, Run) else handle.name("t")


@pytest.fixture(autouse=True)
def _recording(captured: Captured) -> Iterator[None]:
    """Record into memory in every test of this file, and end nothing but what the test ends."""
    yield
    assert tcc.stats().internal_errors == 0


@pytest.mark.parametrize("code", [0, 1, 2])
@pytest.mark.parametrize(("kind", "fill", "missing"), MISSING)
def test_end_needs_its_fields(
    captured: Captured, kind: str, fill: Callable[[Any], object], missing: list[str], code: int
) -> None:
    """Rule 4: `end()` without a required field raises whatever the status, and the handle stays open."""
    handle = open_handle(kind)
    fill(handle)
    handle.status(code)
    with pytest.raises(ValueError, match=" and ".join(missing)) as raised:
        handle.end()
    named = [f"{field}()" for field in ("prompt", "response", "name") if f"{field}()" in str(raised.value)]
    assert named == [f"{field}()" for field in missing]
    assert captured.spans == ()
    complete(handle).end()
    assert [parsed(span)["tcc.statusCode"] for span in captured.spans] == [code]


@pytest.mark.parametrize("kind", KINDS)
def test_error_needs_no_fields(captured: Captured, kind: str) -> None:
    """Rule 4: `error()` ends a handle that has none of its fields, as failed and with no rule broken."""
    handle = open_handle(kind)
    handle.error("it broke")
    (span,) = captured.spans
    assert (span.status.status_code.name, span.status.description) == ("ERROR", "it broke")
    own = {key: value for key, value in parsed(span).items() if key.startswith(("tcc.st", "tcc.v", "error"))}
    own.pop("tcc.stepId", None)
    assert own == {"tcc.statusCode": 2, "tcc.statusMessage": "it broke", "error.type": "_OTHER"}


@pytest.mark.parametrize("kind", KINDS)
def test_status_two_then_end_is_an_error(captured: Captured, kind: str) -> None:
    """Rule 4: a handle whose status says that it failed ends as ERROR with the message as description."""
    handle = complete(open_handle(kind))
    handle.status(2, "no luck").end()
    (span,) = captured.spans
    assert (span.status.status_code.name, span.status.description) == ("ERROR", "no luck")
    own = {key: parsed(span)[key] for key in ("tcc.statusCode", "tcc.statusMessage", "error.type")}
    assert own == {"tcc.statusCode": 2, "tcc.statusMessage": "no luck", "error.type": "_OTHER"}


@pytest.mark.parametrize("code", [0, 1])
def test_a_good_status_leaves_the_span_unset(captured: Captured, code: int) -> None:
    """Success and partial success are no ERROR and never OK; the message is an attribute."""
    tcc.run().prompt("p").status(code, "so so").end()
    (span,) = captured.spans
    assert (span.status.status_code.name, span.status.description) == ("UNSET", None)
    assert (parsed(span)["tcc.statusCode"], parsed(span)["tcc.statusMessage"]) == (code, "so so")


@pytest.mark.parametrize("kind", KINDS)
def test_error_overrides_a_status(captured: Captured, kind: str) -> None:
    """Rule 4: `error()` wins over a status that was set before, code and message."""
    handle = complete(open_handle(kind))
    handle.status(0, "all good").error("not at all")
    (span,) = captured.spans
    assert (span.status.status_code.name, span.status.description) == ("ERROR", "not at all")
    assert (parsed(span)["tcc.statusCode"], parsed(span)["tcc.statusMessage"]) == (2, "not at all")


@pytest.mark.parametrize("end", ["end", "error"])
@pytest.mark.parametrize(("kind", "call"), [*CALLS, *ENDS])
def test_after_the_end_of_the_caller_every_call_raises(
    captured: Captured, kind: str, call: Callable[[Any], object], end: str
) -> None:
    """Rule 5: after the caller's `end()` or `error()` a setter, `end()` or `error()` raises."""
    handle = complete(open_handle(kind))
    getattr(handle, end)()
    before = [whole(span) for span in captured.spans]
    with pytest.raises(RuntimeError, match=r"has ended .*: got .*; call it before"):
        call(handle)
    assert [whole(span) for span in captured.spans] == before


@pytest.mark.parametrize(("kind", "call"), CALLS)
def test_a_closed_handle_ignores_setters(kind: str, call: Callable[[Any], object]) -> None:
    """Rule 5: the setters of a handle that this package closed return the handle and never raise."""
    handle = open_handle(kind)
    tcc.shutdown()
    assert call(handle) is handle


@pytest.mark.parametrize(("kind", "end"), ENDS)
def test_a_closed_handle_ignores_its_end(kind: str, end: Callable[[Any], object]) -> None:
    """Rule 5: `end()` and `error()` of a handle that this package closed do nothing, fields or not."""
    handle = open_handle(kind)
    tcc.shutdown()
    assert end(handle) is None


def test_a_closed_handle_warns_once_when_and_why(caplog: pytest.LogCaptureFixture) -> None:
    """Rule 5: one warning says when and why the handle was closed, however many calls follow."""
    r = tcc.run()
    tcc.shutdown()
    with caplog.at_level(logging.WARNING, "contextcompany"):
        r.prompt("p").response("a").metadata(a=1)
        r.end()
        r.error("x")
    (said,) = [record.getMessage() for record in caplog.records if "closed" in record.getMessage()]
    assert "shutdown" in said
    assert "T" in said.partition("closed at 20")[2][:12], said


def test_a_run_over_its_time_limit_is_closed(arrivals: Arrivals) -> None:
    """Rule 12: `timeout` ends a run that was never ended as a failure of type `timeout`."""
    r = tcc.run("run-1", timeout=0.01).prompt("p")
    (span,) = arrivals.wait_for(1)
    attributes = parsed(span)
    assert "time" in attributes.pop("tcc.statusMessage")
    assert span.status.status_code.name == "ERROR"
    assert attributes == {
        "gen_ai.operation.name": "invoke_agent",
        "tcc.runId": "run-1",
        "gen_ai.input.messages": user("p"),
        "tcc.statusCode": 2,
        "error.type": "timeout",
    }
    assert r.response("late") is r
    r.end()


def test_the_configured_time_limit_holds_for_all_runs(arrivals: Arrivals) -> None:
    """Rule 12: `configure(run_timeout=…)` closes every run that names no limit of its own, and only those."""
    tcc.configure(exporter=arrivals, run_timeout=0.01)
    patient = tcc.run("patient", timeout=3600).prompt("p")
    hasty = tcc.run("hasty").prompt("p")
    (span,) = arrivals.wait_for(1)
    assert (parsed(span)["tcc.runId"], parsed(span)["error.type"]) == ("hasty", "timeout")
    hasty.end()
    patient.end()


@pytest.mark.parametrize("kind", KINDS)
def test_a_handle_dropped_without_an_end_is_abandoned(arrivals: Arrivals, kind: str) -> None:
    """Rule 8: a span whose handle nobody holds any more arrives as a failure of type `tcc.abandoned`."""
    r = tcc.run("run-1").prompt("p")
    if kind == "run":
        del r
    else:
        _ = r.step() if kind == "step" else r.tool_call()
        del _
    (span,) = arrivals.wait_for(1)
    assert parsed(span)["gen_ai.operation.name"] == OPERATIONS[kind]
    assert (span.status.status_code.name, parsed(span)["error.type"]) == ("ERROR", "tcc.abandoned")


def test_an_ended_run_still_takes_children_and_feedback(captured: Captured) -> None:
    """Rule 5: `step()`, `tool_call()` and `feedback()` of an ended run work and land in the run."""
    r = tcc.run("run-1").prompt("p")
    r.end()
    r.step().prompt("q").response("a").end()
    r.tool_call("t").end()
    assert r.feedback("thumbs_up") is True
    _, *children = captured.spans
    assert [span.name for span in children] == ["chat", "execute_tool t", "tcc.feedback"]
    assert {(parent_id(span), trace_id_of(span)) for span in children} == {(span_id(r), r.trace_id)}
    assert {parsed(span)["tcc.runId"] for span in children} == {"run-1"}


def test_a_run_may_end_before_its_children(captured: Captured) -> None:
    """Rule 6: steps and tool calls that are open when their run ends go on and end on their own."""
    r = tcc.run().prompt("p")
    s, tc = r.step().prompt("q"), r.tool_call("t")
    r.end()
    assert [span.name for span in captured.spans] == ["invoke_agent"]
    s.response("a").end()
    tc.result({"late": True}).end()
    assert [(span.name, span.status.status_code.name) for span in captured.spans] == [
        ("invoke_agent", "UNSET"),
        ("chat", "UNSET"),
        ("execute_tool t", "UNSET"),
    ]
    assert {parent_id(span) for span in captured.spans[1:]} == {span_id(r)}


def test_a_failed_child_leaves_its_run_alone(captured: Captured) -> None:
    """Rule 6: the run of a failed step and a failed tool call ends well."""
    r = tcc.run().prompt("p")
    r.step().error("no model")
    r.tool_call("t").error("no tool")
    r.end()
    (run_span,) = captured.named("invoke_agent")
    assert (run_span.status.status_code.name, parsed(run_span)["tcc.statusCode"]) == ("UNSET", 0)


def test_a_handle_closed_at_exit_never_raises(collector: Collector) -> None:
    """Rule 5: what still uses a handle after the exit of the process ended it goes on undisturbed."""
    said = run_python(
        """
        import atexit
        def late():
            r.prompt("p").response("a").metadata(a=1).end()
            print("undisturbed")
        atexit.register(late)
        import contextcompany as tcc
        r = tcc.run("left-open")
        """,
        TCC_URL=collector.url,
    )
    assert said == "undisturbed"
    (span,) = collector.store.spans()
    assert (span.status_code, span.attributes["error.type"]) == ("ERROR", "tcc.abandoned")


def test_a_handle_across_a_fork_ends_once_in_its_process(collector: Collector) -> None:
    """Rule 5: in a forked child an inherited handle does nothing and never raises; the parent ends it."""
    said = run_python(
        """
        import os, sys
        import contextcompany as tcc
        r = tcc.run("forked").prompt("p")
        s = r.step().prompt("q")
        child = os.fork()
        if child == 0:
            s.response("from the child").end()
            r.response("from the child").end()
            r.error("again")
            tcc.flush(10)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        s.response("from the parent").end()
        r.response("from the parent").end()
        print(bool(tcc.flush(10)))
        """,
        TCC_URL=collector.url,
    )
    assert said == "True"
    spans = collector.store.spans()
    assert [(span.name, span.status_code) for span in spans] == [("chat", "UNSET"), ("invoke_agent", "UNSET")]
    assert ["from the parent" in str(span.attributes["gen_ai.output.messages"]) for span in spans] == [
        True
    ] * 2
    assert collector.store.duplicates == 0
