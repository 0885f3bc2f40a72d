"""Handles of which nothing is recorded: the code around them cannot tell them from the others."""

from __future__ import annotations

import asyncio
import copy
import pickle
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry import trace

import contextcompany as tcc
from contextcompany.recording.handles.off import OffHandle
from contextcompany.runtime.process import process
from contextcompany.testing import capture

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    Handle = Any
    Act = Callable[[Handle], object]

MODES: dict[str, dict[str, Any]] = {
    "recorded": {},
    "disabled": {"disabled": True},
    "sampled out": {"sample_rate": 0.0},
}
OFF = pytest.mark.parametrize("mode", ["disabled", "sampled out"])

STARTS: dict[str, Act] = {
    "run": lambda run: run,
    "step": lambda run: run.step("step-1"),
    "tool call": lambda run: run.tool_call(None, "call-1"),
    "step by id": lambda _: tcc.step("run-1", "step-1"),
    "tool call by id": lambda _: tcc.tool_call("run-1", "call-1"),
    "tool call of a step": lambda run: run.step("step-1").tool_call(None, "call-1"),
    "inner run": lambda _: tcc.run("run-2"),
}

# What may be called, rightly or wrongly. Most of it is not for each kind of handle.
ACTS: dict[str, Act] = {
    "prompt": lambda h: h.prompt("p"),
    "prompt and system": lambda h: h.prompt("p", "s"),
    "prompt None": lambda h: h.prompt(None),
    "response": lambda h: h.response("r"),
    "response of objects": lambda h: h.response([object()]),
    "name": lambda h: h.name("t"),
    "name None": lambda h: h.name(None),
    "model": lambda h: h.model("m", "n", provider="p"),
    "model of nothing": lambda h: h.model(),
    "tokens": lambda h: h.tokens(1, 2, 3, cache_write=4, reasoning=5),
    "tokens wrong": lambda h: h.tokens("many", -1),
    "cost": lambda h: h.cost(0.5),
    "cost wrong": lambda h: h.cost("much"),
    "finish reason": lambda h: h.finish_reason(None),
    "definitions": lambda h: h.tool_definitions("[]"),
    "args": lambda h: h.args({}),
    "result": lambda h: h.result(5),
    "metadata": lambda h: h.metadata({"a": 1}, b=2),
    "metadata of nothing": lambda h: h.metadata(),
    "metadata wrong": lambda h: h.metadata(5),
    "metadata of pairs": lambda h: h.metadata([("a", 1)]),
    "metadata of ours": lambda h: h.metadata({"tcc.userId": "u", "": 1, 5: 6}),
    "attributes": lambda h: h.attributes({"app.k": 1}),
    "attributes wrong": lambda h: h.attributes("text"),
    "status": lambda h: h.status(1, "partly"),
    "status failed": lambda h: h.status(2),
    "status wrong": lambda h: h.status(3),
    "status of text": lambda h: h.status("0"),
    "status of bool": lambda h: h.status(True),
    "end": lambda h: h.end(),
    "end at": lambda h: h.end(end_time=5.0),
    "end wrongly": lambda h: h.end(end_time="now"),
    "error": lambda h: h.error("failed"),
    "error of one": lambda h: h.error(ValueError("failed")),
    "error wrongly": lambda h: h.error("failed", end_time="now"),
    "wrap": lambda h: h.wrap(lambda: tcc.current_run() is not None)(),
    "wrap wrongly": lambda h: h.wrap(5),
    "wrap a generator": lambda h: h.wrap(_numbers),
    "stream": lambda h: list(h.stream(iter(["a", "b"]))),
    "stream left open": lambda h: list(h.stream(iter(["a"]), end=False)),
    "stream half": lambda h: next(iter(h.stream(iter(["a", "b"])))),
    "stream wrongly": lambda h: h.stream(5),
    "step": lambda h: h.step("step-2").run_id,
    "step of wrong id": lambda h: h.step(5),
    "step of wrong time": lambda h: h.step(start_time="now"),
    "tool call": lambda h: h.tool_call("t", "call-2").tool_call_id,
    "tool call of wrong id": lambda h: h.tool_call("t", 5),
    "nearest step": lambda _: tcc.step(step_id="step-3").run_id,
    "nearest tool call": lambda _: tcc.tool_call(tool_name="t").run_id,
    "wrong step": lambda _: tcc.step(5),  # type: ignore[arg-type]
    "wrong address": lambda _: tcc.step("run-1", tcc_url="nowhere"),
    "wrong run": lambda _: tcc.run(5),  # type: ignore[arg-type]
    "wrong run time": lambda _: tcc.run(start_time="now"),  # type: ignore[arg-type]
    "wrong limit": lambda _: tcc.run(timeout=-1),
    "wrongly conversational": lambda _: tcc.run(conversational=1),  # type: ignore[arg-type]
    "resumed without id": lambda _: tcc.run(resume=True),
    "current": lambda _: getattr(tcc.current_run(), "run_id", None),
    "feedback wrong": lambda h: h.feedback("up"),
    "feedback of nothing": lambda h: h.feedback(),
    "unknown": lambda h: h.nothing(),
    "raise": lambda _: (_ for _ in ()).throw(LookupError("of the application")),
}


def _numbers() -> Iterator[int]:
    yield 1


def told(act: Act, handle: Handle) -> tuple[str, str]:
    """Return what comes of an act: a value as it is, a handle as itself, an error by type and message."""
    try:
        found = act(handle)
    except Exception as error:  # noqa: BLE001  (whatever it is)
        return type(error).__name__, str(error).replace("Off", "")  # the interpreter names the class
    return "", "itself" if found is handle else repr(found)


def in_turn(handle: Handle, acts: list[str]) -> list[tuple[str, str]]:
    """Do one after the other."""
    return [told(ACTS[name], handle) for name in acts]


def in_block(handle: Handle, acts: list[str]) -> list[tuple[str, str]]:
    """Do all inside a block, and say how the block was left; what is raised last leaves it."""
    found: list[tuple[str, str]] = []

    def act(inner: Handle) -> object:
        with inner as entered:
            found.append(("", str(entered is inner)))
            found.extend(in_turn(inner, acts[:-1]))
            return None if not acts else ACTS[acts[-1]](inner) and None

    found.append(told(act, handle))
    return [*found, told(ACTS["current"], handle), told(ACTS["status"], handle), told(ACTS["end"], handle)]


def in_async_block(handle: Handle, acts: list[str]) -> list[tuple[str, str]]:
    """Do all inside an async block of a task."""
    found: list[tuple[str, str]] = []

    async def block() -> None:
        async with handle as entered:
            found.append(("", str(entered is handle)))
            found.extend(in_turn(handle, acts))
            await asyncio.sleep(0)
            found.append(told(ACTS["current"], handle))

    found.append(told(lambda _: asyncio.run(block()), handle))
    return [*found, told(ACTS["end"], handle)]


def in_generator(handle: Handle, acts: list[str]) -> list[tuple[str, str]]:
    """Do all inside a block of a generator, and look from its consumer what is current."""
    found: list[tuple[str, str]] = []

    def items() -> Iterator[int]:
        with handle:
            for name in acts:
                found.append(told(ACTS[name], handle))
                yield len(found)

    def consume(_: Handle) -> None:
        found.extend(told(ACTS["current"], handle) for _ in items())

    found.append(told(consume, handle))
    return [*found, told(ACTS["end"], handle)]


def in_async_generator(handle: Handle, acts: list[str]) -> list[tuple[str, str]]:
    """Do all inside a block of an async generator that is given up after its second item."""
    found: list[tuple[str, str]] = []

    async def items() -> AsyncIterator[int]:
        async with handle:
            for name in acts:
                found.append(told(ACTS[name], handle))
                yield len(found)

    async def consume() -> None:
        running: Any = items()
        for _ in range(2):
            if await anext(running, None) is None:
                break
            found.append(told(ACTS["current"], handle))
        await running.aclose()

    found.append(told(lambda _: asyncio.run(consume()), handle))
    return [*found, told(ACTS["end"], handle)]


WAYS = {
    "in turn": in_turn,
    "in a block": in_block,
    "in an async block": in_async_block,
    "in a generator": in_generator,
    "in an async generator": in_async_generator,
}


def all_modes(start: str, way: str, acts: list[str], *, around: bool) -> None:
    """See that the same comes of the same calls in each mode."""
    found: dict[str, list[tuple[str, str]]] = {}
    for mode, options in MODES.items():
        with capture(**options) as captured:
            run = tcc.run("run-1")
            with run.prompt("p") if around else nullcontext():
                found[mode] = WAYS[way](STARTS[start](run), acts)
            assert process.current.snapshot() is None
            if mode != "recorded":
                assert captured.spans == ()
        del run
        process.reset(0.0)
    assert found["disabled"] == found["recorded"]
    assert found["sampled out"] == found["recorded"]


@pytest.mark.unchecked
@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("start", ["run", "step", "tool call"])
def test_each_call_does_the_same(start: str, act: str) -> None:
    """Each call on each kind of handle, before its end and after, gives and raises what it always does."""
    all_modes(start, "in turn", [act, "end", act, "error", act], around=False)


@pytest.mark.unchecked
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(sorted(STARTS)),
    st.sampled_from(sorted(WAYS)),
    st.lists(st.sampled_from(sorted(ACTS)), max_size=5),
    st.booleans(),
)
def test_code_cannot_tell_them_from_the_others(start: str, way: str, acts: list[str], around: bool) -> None:
    """Any calls, in blocks, tasks and generators too, give and raise the same, recorded or not."""
    # Nobody keeps a table of runs that are left out: by its id alone one is known where it is current.
    all_modes(start, way, acts, around=around or start.endswith("by id"))


@OFF
def test_a_block_makes_its_run_current_and_sets_no_context(mode: str) -> None:
    """Inside of a block the run is found and steps land in it, and OpenTelemetry's context stays empty."""
    with capture(**MODES[mode]) as captured:
        with tcc.run("run-1").prompt("p") as r:
            assert isinstance(r, OffHandle)
            assert tcc.current_run() is r
            with tcc.step().prompt("p").response("r") as s:
                assert (s.run_id, tcc.current_run()) == ("run-1", r)
                assert tcc.tool_call(tool_name="t").run_id == "run-1"
                assert trace.get_current_span() is trace.INVALID_SPAN
            with tcc.run("run-2").prompt("p") as inner:
                assert tcc.current_run() is inner
            assert tcc.current_run() is r
        assert tcc.current_run() is None
        assert captured.spans == ()


@OFF
def test_ids_are_made_once_and_kept(mode: str) -> None:
    """An id that nobody gave is made when it is asked for, and stays; one that was given is given back."""
    with capture(**MODES[mode]):
        r = tcc.run()
        s, t = r.step(), r.tool_call("t")
        assert (s.step_id, t.tool_call_id) == (s.step_id, t.tool_call_id)
        assert len({r.run_id, s.step_id, t.tool_call_id, r.step().step_id}) == 4
        assert (r.step("a").step_id, r.tool_call("t", "b").tool_call_id) == ("a", "b")


@OFF
@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, lambda h: pickle.loads(pickle.dumps(h))], ids=["1", "2", "3"]
)
def test_a_copy_knows_its_ids_and_records_nothing(mode: str, duplicate: Callable[[Any], Any]) -> None:
    """A copy of any handle has its ids, takes all calls, and what is started from it is left out too."""
    with capture(**MODES[mode]) as captured:
        r = tcc.run("run-1", "session-1").prompt("p")
        s, t = r.step(), r.tool_call("t")
        for handle, own in ((r, "run_id"), (s, "step_id"), (t, "tool_call_id")):
            made = duplicate(handle)
            assert type(made) is type(handle)
            assert (made.run_id, getattr(made, own)) == ("run-1", getattr(handle, own))
            assert made.status(1).attributes({"app.k": 1}) is made
            made.end()
            with made:
                assert tcc.current_run() is not made
        child = duplicate(r).step("step-2").prompt("p").response("r")
        assert child.run_id == "run-1"
        child.end()
        s.prompt("p").response("r").end()
        t.end()
        r.end()
        assert captured.spans == ()


@OFF
def test_a_stream_passes_and_counts_as_the_answer(mode: str) -> None:
    """The chunks of a stream pass as they are, and a step whose answer it is needs no other."""
    with capture(**MODES[mode]) as captured:
        r = tcc.run("run-1").prompt("p")
        chunks = [object(), "b"]
        assert list(r.step().prompt("p").stream(chunks)) == chunks
        with r.step().prompt("p") as s:
            assert list(s.stream(iter(chunks))) == chunks
        r.end()
        assert captured.spans == ()
