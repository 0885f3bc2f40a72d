"""The life cycle that runs, steps and tool calls share: how they end, and what is left of them afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

import contextcompany as tcc
from contextcompany import Run, Step, ToolCall
from tests.recording.rows import parent_id, parsed, span_id, trace_id_of, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from contextcompany.testing import Captured

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
    if kind == "run":
        return r
    return r.step("step-1") if kind == "step" else r.tool_call()


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
    assert list(captured.spans) == []
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
