"""Copied and pickled handles: harmless, and what is started from them lands in the run."""

from __future__ import annotations

import copy
import gc
import json
import logging
import multiprocessing
import pickle
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

import contextcompany as tcc
from contextcompany.testing import capture
from tests.recording.processes import run_python
from tests.recording.rows import parent_id, parsed, span_id, trace_id_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from contextcompany.local.embedded.collector import Collector
    from contextcompany.testing import Captured

SECONDS = 40


def pickled(protocol: int) -> Callable[[Any], Any]:
    """Return what pickles and unpickles with a protocol."""
    return lambda handle: pickle.loads(pickle.dumps(handle, protocol))


WAYS: dict[str, Callable[[Any], Any]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{f"pickle {protocol}": pickled(protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)},
    "twice": lambda handle: pickle.loads(pickle.dumps(copy.copy(pickle.loads(pickle.dumps(handle))))),
}
ways = pytest.mark.parametrize("duplicate", WAYS.values(), ids=WAYS.keys())


@ways
@pytest.mark.parametrize("state", ["open", "ended", "closed", "off"])
def test_a_copy_is_harmless_and_knows_its_ids(
    duplicate: Callable[[Any], Any], state: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Of any handle in any state: same class and ids, setters and ends do nothing, with one warning."""
    with capture(disabled=state == "off") as captured:
        r = tcc.run("run-1").prompt("p")
        s = r.step("step-1").prompt("q").response("a")
        t = s.tool_call("name", "call-1")
        if state == "ended":
            t.end()
            s.end()
            r.end()
        elif state == "closed":
            for handle in (t, s, r):
                handle._recording.close("a test", None)
        before = len(captured.spans)
        for handle in (r, s, t):
            other = duplicate(handle)
            caplog.clear()
            assert type(other) is type(handle)
            assert (other.run_id, other.trace_id) == (handle.run_id, handle.trace_id) == ("run-1", r.trace_id)
            assert repr(other) == repr(handle).replace("open", "closed").replace("ended", "closed")
            assert other.status(1, "m").attributes({"a": 1}) is other
            other.end()
            other.error("no")
            assert [record.levelname for record in caplog.records] == ["WARNING"]
        other_run, other_step, other_call = duplicate(r), duplicate(s), duplicate(t)
        assert (other_step.step_id, other_call.tool_call_id) == ("step-1", "call-1")
        other_run.prompt("x", "y").response("z").metadata({"tcc.userId": "u-1"})
        other_step.prompt("x").response("y").model("m").tokens(1).cost(1).finish_reason("stop")
        other_step.tool_definitions([])
        other_call.name("x").args({}).result({})
        with other_run, other_step, other_call:
            pass
        assert len(captured.spans) == before
        for handle in (t, s, r):
            if state in ("open", "off"):
                handle.end()
        assert "tcc.userId" not in str([parsed(span) for span in captured.spans])
        assert len(captured.spans) == (0 if state == "off" else 3)


@ways
def test_what_is_started_from_a_copy_lands_in_the_run(
    captured: Captured, duplicate: Callable[[Any], Any]
) -> None:
    """Steps, tool calls and feedback of a copy have the parent that those of the original would have."""
    r = tcc.run("run-1", session_id="chat-1").prompt("p")
    s = r.step().prompt("q").response("a")
    other_run, other_step = duplicate(r), duplicate(s)
    other_run.step().prompt("q").response("a").end()
    other_run.tool_call("t").end()
    other_step.tool_call("u").end()
    s.end()
    r.end()
    other_run.tool_call("late").end()
    other_run.feedback("thumbs_up")
    found = [(span.name, parent_id(span)) for span in captured.spans]
    assert found == [
        ("chat", span_id(r)),
        ("execute_tool t", span_id(r)),
        ("execute_tool u", span_id(s)),
        ("chat", span_id(r)),
        ("invoke_agent", None),
        ("execute_tool late", span_id(r)),
        ("tcc.feedback", span_id(r)),
    ]
    assert {(trace_id_of(span), parsed(span)["tcc.sessionId"]) for span in captured.spans} == {
        (r.trace_id, "chat-1")
    }


@ways
def test_a_copy_is_nobodys_business(captured: Captured, duplicate: Callable[[Any], Any]) -> None:
    """A copy is no open handle, is not what is current, and its loss or its end ends nothing."""
    with tcc.run("run-1") as r:
        r.prompt("p")
        other = duplicate(r)
        assert tcc.stats().open_handles == 1
        assert tcc.current_run() is r
        del other
        gc.collect()
        assert tcc.current_run() is r
        with duplicate(r):
            assert tcc.current_run() is r
            tcc.tool_call(tool_name="t").end()
        assert captured.named("execute_tool t")
    assert tcc.stats().open_handles == 0
    assert [span.status.status_code.name for span in captured.spans] == ["UNSET"] * 2


@dataclass
class State:
    """What a graph of a framework hands from node to node."""

    messages: list[str]
    run: tcc.Run
    nested: dict[str, Any] = field(default_factory=dict)


@ways
def test_inside_of_a_frameworks_state(captured: Captured, duplicate: Callable[[Any], Any]) -> None:
    """Handles in dataclasses, dicts and lists are copied with them, also where they occur twice."""
    r = tcc.run("run-1").prompt("p")
    state = duplicate(State(["hello"], r, {"handles": [r, r.step("s").prompt("q").response("a")]}))
    assert isinstance(state.run, tcc.Run)
    state.nested["handles"][1].tool_call("t").end()
    state.run.tool_call("u").end()
    r.end()
    tool, other, *_ = captured.spans
    assert (trace_id_of(tool), parent_id(other)) == (r.trace_id, span_id(r))
    if duplicate is copy.deepcopy:
        assert state.nested["handles"][0] is state.run


SECRETS = ("Hush", "sk-key", "example.test", "u-1", "o-1", "Ada")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_holds_ids_and_nothing_else(protocol: int) -> None:
    """No content, metadata, identity, key, URL or destination is in the bytes."""
    identity = {"tcc.userId": "u-1", "tcc.userName": "Ada", "tcc.orgId": "o-1"}
    with capture():
        r = tcc.run("run-1", api_key="sk-key", tcc_url="https://example.test/v1/traces")
        r.prompt("Hush", "Hush").metadata(identity, hush="Hush").response("Hush").status(1, "Hush")
        r.attributes({"app.secret": "Hush"})
        s = r.step().prompt("Hush").response("Hush").model("Hush")
        t = s.tool_call("Hush").args({"Hush": "Hush"}).result("Hush")
        for handle in (r, s, t):
            data = pickle.dumps(handle, protocol)
            assert [secret for secret in SECRETS if secret.encode() in data] == []
            assert pickle.dumps(pickle.loads(data), protocol) == data
            handle.error()


def test_a_copy_keeps_the_destination_of_its_run(collector: Collector) -> None:
    """In the process of its run a copy sends to the run's own collector, which no pickle names."""
    with capture() as elsewhere:
        r = tcc.run("run-1", tcc_url=collector.url).prompt("p")
        for duplicate in WAYS.values():
            duplicate(r).tool_call("t").end()
        r.end()
        assert elsewhere.spans == ()
        assert tcc.flush(20)
    assert len(collector.store.spans()) == len(WAYS) + 1


def test_a_pickle_is_read_before_anything_is_configured() -> None:
    """Unpickling configures nothing and starts nothing; the settings in force later count."""
    with capture():
        r = tcc.run("run-1").prompt("p")
        data = pickle.dumps(r).hex()
        parent, trace_id = span_id(r), r.trace_id
        r.end()
    script = """
    import json, os, pickle, threading
    from contextcompany.runtime.process import process
    run = pickle.loads(bytes.fromhex(os.environ["DATA"]))
    assert (repr(run), threading.active_count(), process._instances) == ("Run(run_id='run-1', closed)", 1, [])
    from contextcompany.testing import capture
    with capture() as captured:
        run.tool_call("t").end()
        run.feedback("thumbs_up")
        found = [[span.parent.trace_id, span.parent.span_id] for span in captured.spans]
    print(json.dumps(found))
    """
    assert json.loads(run_python(script, DATA=data)) == [[int(trace_id, 16), parent]] * 2


def test_a_pickle_of_what_is_off_stays_off() -> None:
    """A run of a switched-off process is off wherever its copy is unpickled."""
    with capture(disabled=True):
        data = pickle.dumps(tcc.run("run-1"))
    with capture() as captured:
        run = pickle.loads(data)
        run.step().prompt("q").response("a").end()
        assert run.feedback("thumbs_up") is False
    assert (run.run_id, run.trace_id, captured.spans) == ("run-1", "0" * 32, ())


def in_child(handles: Any, url: str) -> None:
    """Record from handles that came from another process, and send it."""
    tcc.configure(tcc_url=url)
    run, step = handles
    step.tool_call("below the step").end()
    run.tool_call("below the run").end()
    assert tcc.flush(20)


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_in_processes_of_multiprocessing(collector: Collector, method: str) -> None:
    """Handles given to a process by spawn, fork or forkserver record into their run from there."""
    with tcc.run("run-1") as r, tcc.step() as s:
        r.prompt("p")
        s.prompt("q").response("a")
        processes: Any = multiprocessing.get_context(method)
        child = processes.Process(target=in_child, args=((r, s), collector.url))
        child.start()
        child.join(SECONDS)
        assert child.exitcode == 0
    assert tcc.flush(20)
    spans = {span.name: span for span in collector.store.spans()}
    assert {name: span.parent_span_id for name, span in spans.items()} == {
        "execute_tool below the step": f"{span_id(s):016x}",
        "execute_tool below the run": f"{span_id(r):016x}",
        "chat": f"{span_id(r):016x}",
        "invoke_agent": None,
    }


def test_a_copy_says_so_once(captured: Captured, caplog: pytest.LogCaptureFixture) -> None:
    """The warning of a copy names the setter and what to do."""
    caplog.set_level(logging.WARNING, "contextcompany")
    r = tcc.run("run-1").prompt("p")
    other = copy.copy(r)
    threads = [threading.Thread(target=other.prompt, args=("x",)) for _ in range(2)]
    for thread in threads:
        thread.start()
        thread.join(SECONDS)
    r.end()
    (record,) = caplog.records
    assert record.getMessage() == (
        "a run that was copied, or began in another process, is not recorded here: "
        "prompt() and later calls do nothing; use the original"
    )
    assert len(captured.spans) == 1
