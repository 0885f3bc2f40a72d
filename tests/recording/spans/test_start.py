"""Where spans hang and which ids they get, inside one process."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from hashlib import blake2b
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from opentelemetry import context as otel_context

import contextcompany as tcc
from contextcompany.local.embedded.collector import Collector
from tests.recording.rows import parent_id, parsed, span_id, trace_id_of

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan

    from contextcompany import Run, Step, ToolCall
    from contextcompany.testing import Captured

SOME_UUID = UUID("0b6f3d52-3d53-4e0e-9a0f-2f7e5ad1c001")


def derived(run_id: str) -> tuple[str, int]:
    """Return the trace id and the span id that a run id stands for."""
    digest = blake2b(run_id.encode(), digest_size=24).digest()
    return digest[:16].hex(), int.from_bytes(digest[16:], "big")


def ids_of(handle: Run | Step | ToolCall) -> tuple[str, int]:
    """Return the trace id and the span id of a handle."""
    return handle.trace_id, span_id(handle)


def complete(handle: Run | Step | ToolCall) -> None:
    """Give a handle its fields and end it."""
    for setter in ("prompt", "response", "name"):
        if hasattr(handle, setter):
            getattr(handle, setter)("x")
    handle.end()


def parents(captured: Captured) -> dict[str, int | None]:
    """Return the parent of each span by the id that its test gave it."""

    def own_id(span: ReadableSpan) -> str:
        attributes = parsed(span)
        found = attributes.get("tcc.stepId") or attributes.get("gen_ai.tool.call.id")
        return str(found or attributes["tcc.runId"])

    return {own_id(span): parent_id(span) for span in captured.spans}


@pytest.mark.parametrize("run_id", ["run-1", "läufer 🏃", str(SOME_UUID), "0" * 1000])
def test_a_root_run_takes_its_ids_from_its_run_id(captured: Captured, run_id: str) -> None:
    """The trace id and the span id of a root run follow from blake2b over its id."""
    assert ids_of(tcc.run(run_id)) == derived(run_id)


def test_the_ids_of_a_run_stay_the_same_in_every_release(captured: Captured) -> None:
    """Processes of different releases must agree, so the ids of a known run are written down here."""
    assert ids_of(tcc.run("run-1")) == ("6f74aa5c42df84bd58d770f4717d677e", 0x1AC4EC5C543BE575)


def test_a_uuid_is_hashed_as_its_text(captured: Captured) -> None:
    """A UUID gives the ids of its text: its raw bits would break samplers that go by ratio."""
    r = tcc.run(SOME_UUID)
    assert ids_of(r) == derived(str(SOME_UUID))
    assert r.trace_id != SOME_UUID.hex


def test_a_generated_run_id_decides_the_ids_too(captured: Captured) -> None:
    """A run whose id was generated can be found from another process like any other."""
    r = tcc.run()
    assert ids_of(r) == derived(r.run_id)


def test_a_second_run_with_the_same_id_gets_fresh_ids(captured: Captured) -> None:
    """Two runs of one id, live or one after the other, are two traces with the same `tcc.runId`."""
    first = tcc.run("same").prompt("p")
    second = tcc.run("same").prompt("p")
    first.end()
    second.end()
    third = tcc.run("same").prompt("p")
    third.end()
    assert ids_of(first) == derived("same")
    assert len({handle.trace_id for handle in (first, second, third)}) == 3
    assert len({span_id(handle) for handle in (first, second, third)}) == 3
    assert [(parsed(span)["tcc.runId"], parent_id(span)) for span in captured.spans] == [("same", None)] * 3


def test_the_ids_of_a_run_that_is_no_root_are_not_left_to_the_next(captured: Captured) -> None:
    """A nested run or a child leaves no pending id behind that the next root would take."""
    with tcc.run("outer") as outer:
        outer.prompt("p")
        nested = tcc.run("nested")
        outer.step()
    assert (nested.trace_id, span_id(nested) != derived("nested")[1]) == (outer.trace_id, True)
    assert ids_of(tcc.run("next")) == derived("next")


def test_children_of_a_run_hang_on_the_run(captured: Captured) -> None:
    """Rule 6: without a block around them, steps and tool calls of a run are its children."""
    r = tcc.run("run")
    for child in (r.step("s"), r.tool_call("t", "t"), tcc.step("run", "s2"), tcc.tool_call("run", "t2", "t")):
        assert child.trace_id == r.trace_id
        complete(child)
    assert parents(captured) == dict.fromkeys(("s", "t", "s2", "t2"), span_id(r))


def test_the_parent_is_the_nearest_open_handle_of_the_run(captured: Captured) -> None:
    """Rule 6: inside blocks the innermost open handle of the same run is the parent, by any way in."""
    with tcc.run("run") as r, r.step("s") as s:
        complete(r.tool_call("t", "of-run"))
        complete(tcc.tool_call(tool_call_id="by-context"))
        complete(tcc.tool_call("run", "by-id"))
        with s.tool_call("t", "tc") as tc:
            complete(r.step("deep"))
        complete(r.step("after"))
        r.prompt("p")
        s.prompt("q").response("a")
    assert parents(captured) == {
        "of-run": span_id(s),
        "by-context": span_id(s),
        "by-id": span_id(s),
        "tc": span_id(s),
        "deep": span_id(tc),
        "after": span_id(s),
        "s": span_id(r),
        "run": None,
    }


def test_a_handle_that_has_ended_is_no_parent(captured: Captured) -> None:
    """Rule 6: an ended handle is passed over, be it a step or the run itself."""
    with tcc.run("run") as r:
        with r.step("s") as s:
            complete(s)
            complete(r.tool_call("t", "after-step"))
        complete(r)
        complete(r.tool_call("t", "after-run"))
    assert parents(captured) == {
        "s": span_id(r),
        "after-step": span_id(r),
        "run": None,
        "after-run": span_id(r),
    }


def test_handles_of_another_run_are_no_parents(captured: Captured) -> None:
    """Rule 6: a child goes below the handles of its own run, whatever other run is nearer."""
    with tcc.run("a") as a, a.step("a-step") as a_step, tcc.run("b") as b, b.step("b-step") as b_step:
        complete(a.tool_call("t", "of-a"))
        complete(tcc.tool_call("a", "of-a-by-id", "t"))
        complete(b.tool_call("t", "of-b"))
        complete(tcc.tool_call(tool_call_id="of-nearest"))
        other = tcc.run("c")
        complete(other.tool_call("t", "inside"))
        complete(other)
        for handle in (a, b, a_step, b_step):
            complete(handle)
    found = parents(captured)
    assert {key: found[key] for key in ("of-a", "of-a-by-id", "of-b", "of-nearest", "inside", "c")} == {
        "of-a": span_id(a_step),
        "of-a-by-id": span_id(a_step),
        "of-b": span_id(b_step),
        "of-nearest": span_id(b_step),
        "inside": span_id(other),
        "c": span_id(b_step),
    }


def test_a_tool_call_of_a_step_has_the_step(captured: Captured) -> None:
    """Rule 6: `s.tool_call()` is below its step, whatever is current, and after the step's end too."""
    with tcc.run("run") as r:
        s = r.step("s")
        with r.step("other") as other, other.tool_call("t", "around"):
            complete(s.tool_call("t", "inside"))
            for handle in (r, other):
                complete(handle)
        complete(s)
        complete(s.tool_call("t", "late"))
    found = parents(captured)
    assert (found["inside"], found["late"]) == (span_id(s), span_id(s))


@pytest.mark.parametrize("around", ["run", "step", "tool_call"])
def test_a_run_inside_a_run_says_so(captured: Captured, around: str) -> None:
    """A run started inside another is below its nearest handle, in its trace, with `tcc.parentRunId`."""
    with tcc.run("outer") as outer:
        outer.prompt("p")
        handle = outer if around == "run" else outer.step() if around == "step" else outer.tool_call("t")
        with nullcontext() if handle is outer else handle:
            inner = tcc.run("inner").prompt("p")
            inner.end()
            complete(inner.tool_call("t", "below-inner"))
            if handle is not outer:
                complete(handle)
    runs = {parsed(span)["tcc.runId"]: span for span in captured.named("invoke_agent")}
    span = runs["inner"]
    assert (trace_id_of(span), parent_id(span)) == (outer.trace_id, span_id(handle))
    assert parsed(span)["tcc.parentRunId"] == "outer"
    assert parents(captured)["below-inner"] == span_id(inner)
    (outer_span,) = (found for found in captured.named("invoke_agent") if found.parent is None)
    assert "tcc.parentRunId" not in parsed(outer_span)


def test_a_run_beside_an_open_run_is_a_root(captured: Captured) -> None:
    """A run that is open but not current is no parent: two users at once have two traces."""
    first = tcc.run("first").prompt("p")
    second = tcc.run("second").prompt("p")
    second.end()
    first.end()
    assert [(parent_id(span), "tcc.parentRunId" in parsed(span)) for span in captured.spans] == [
        (None, False)
    ] * 2


def test_a_run_after_a_block_is_a_root(captured: Captured) -> None:
    """A block that was left, well or by an exception, is the parent of nothing that follows."""
    with tcc.run() as r:
        r.prompt("p")
    with pytest.raises(KeyError), tcc.run():
        raise KeyError("x")
    tcc.run("later").prompt("p").end()
    assert parents(captured)["later"] is None


def test_a_run_inside_a_run_goes_where_the_outer_run_goes(collector: Collector) -> None:
    """What a run with a destination of its own starts goes to that destination, sub-runs included."""
    with Collector() as own:
        tcc.configure(tcc_url=collector.url)
        with tcc.run("outer", tcc_url=own.url).prompt("p"):
            tcc.run("inner").prompt("p").end()
            tcc.run("elsewhere", tcc_url=collector.url).prompt("p").end()
        assert tcc.flush(20)
        assert {span.attributes["tcc.runId"] for span in own.store.spans()} == {"outer", "inner"}
        assert {span.attributes["tcc.runId"] for span in collector.store.spans()} == {"elsewhere"}


def test_a_run_below_a_span_of_a_run_belongs_to_it(collector: Collector) -> None:
    """Where only OpenTelemetry's context came along, the run's destination and session do too."""

    def sub_run(inside: Context) -> None:
        otel_context.attach(inside)
        tcc.run("inner").prompt("p").end()

    with Collector() as own:
        tcc.configure(tcc_url=collector.url)
        with tcc.run("outer", "chat-1", tcc_url=own.url).prompt("p"):
            thread = threading.Thread(target=sub_run, args=(otel_context.get_current(),))
            thread.start()
            thread.join()
        assert tcc.flush(20)
        inner, outer = own.store.spans()
        assert collector.store.spans() == ()
    assert (inner.trace_id, inner.parent_span_id) == (outer.trace_id, outer.span_id)
    assert (inner.attributes["tcc.parentRunId"], inner.attributes["tcc.sessionId"]) == ("outer", "chat-1")
