"""Handles that this package closes: at a time limit, at shutdown, at exit, after a fork, or when dropped."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

import contextcompany as tcc
from tests.recording.handles.test_handle import CALLS, ENDS, KINDS, OPERATIONS, open_handle
from tests.recording.processes import run_python
from tests.recording.rows import parsed, user

if TYPE_CHECKING:
    from collections.abc import Callable

    from contextcompany.local.embedded.collector import Collector
    from contextcompany.testing import Captured
    from tests.recording.conftest import Arrivals


@pytest.mark.parametrize(("kind", "call"), CALLS)
def test_a_closed_handle_ignores_setters(
    captured: Captured, kind: str, call: Callable[[Any], object]
) -> None:
    """Rule 5: the setters of a handle that this package closed return the handle and never raise."""
    handle = open_handle(kind)
    tcc.shutdown()
    assert call(handle) is handle


@pytest.mark.parametrize(("kind", "end"), ENDS)
def test_a_closed_handle_ignores_its_end(captured: Captured, kind: str, end: Callable[[Any], object]) -> None:
    """Rule 5: `end()` and `error()` of a handle that this package closed do nothing, fields or not."""
    handle = open_handle(kind)
    tcc.shutdown()
    assert end(handle) is None


def test_a_closed_handle_warns_once_when_and_why(
    captured: Captured, caplog: pytest.LogCaptureFixture
) -> None:
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


def test_a_block_that_outlasts_its_time_limit_is_left_quietly(arrivals: Arrivals) -> None:
    """Rule 5: a run closed by its limit inside its block goes on undisturbed, prompt or not, to its end."""
    with tcc.run(timeout=0.01) as r:
        (span,) = arrivals.wait_for(1)
        r.metadata(late=True)
        s = r.step().prompt("q").response("a")
        s.end()
    with pytest.raises(KeyError), tcc.run(timeout=0.01):  # noqa: PT012  (the block is what is tested)
        arrivals.wait_for(3)
        raise KeyError("goes on")
    assert bool(tcc.flush(20)) is True
    assert [found.name for found in arrivals.wait_for(3)] == ["invoke_agent", "chat", "invoke_agent"]
    assert parsed(span)["error.type"] == "timeout"


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
