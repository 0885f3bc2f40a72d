"""Handles and contexts in threads, tasks and pools."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

import contextcompany as tcc
from contextcompany.local.embedded.collector import Collector
from tests.recording.rows import parent_id, parsed, span_id, trace_id_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from contextcompany.testing import Captured

THREADS = 8
ROUNDS = 40


def in_threads(work: Callable[[int], object]) -> list[object]:
    """Run work in threads that start together; return what each returned, or the exception it raised."""
    gate = threading.Barrier(THREADS)

    def behind_gate(number: int) -> object:
        gate.wait(20)
        try:
            return work(number)
        except Exception as error:  # noqa: BLE001  (the tests look at it)
            return error

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(behind_gate, range(THREADS)))


def test_one_run_is_used_from_many_threads(captured: Captured) -> None:
    """Rule 13: steps, tool calls and metadata from eight threads all land in the run, none lost."""
    r = tcc.run("run-1").prompt("p")

    def work(number: int) -> None:
        for turn in range(ROUNDS):
            r.metadata({f"key-{number}-{turn}": turn})
            with r.step(f"{number}-{turn}") as s:
                s.prompt("q").response("a")
                tcc.tool_call("run-1", tool_name="t").end()

    assert in_threads(work) == [None] * THREADS
    r.end()
    *children, run_span = captured.spans
    steps = {span.context.span_id for span in children if span.name == "chat" and span.context}
    tools = [span for span in children if span.name == "execute_tool t"]
    assert (len(steps), len(tools)) == (THREADS * ROUNDS, THREADS * ROUNDS)
    assert {parent_id(span) for span in children if span.name == "chat"} == {span_id(r)}
    assert {parent_id(span) for span in tools} == steps
    assert {trace_id_of(span) for span in children} == {r.trace_id}
    kept = {key for key in parsed(run_span) if key.startswith("tcc.metadata.")}
    assert kept == {f"tcc.metadata.key-{n}-{turn}" for n in range(THREADS) for turn in range(ROUNDS)}


@pytest.mark.parametrize("end", ["end", "error"])
def test_only_one_of_many_ends_wins(captured: Captured, end: str) -> None:
    """Rule 13: of eight threads that end a handle at once one does, seven are told, one span is sent."""
    for _ in range(ROUNDS):
        r = tcc.run().prompt("p")
        outcomes = in_threads(lambda _, r=r: getattr(r, end)())  # type: ignore[misc]
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType"] + ["RuntimeError"] * 7
    assert len(captured.spans) == ROUNDS


def test_setters_and_an_end_at_once_do_no_harm(captured: Captured) -> None:
    """Rule 13: a setter that comes too late raises RuntimeError and nothing else happens."""
    for _ in range(ROUNDS):
        s = tcc.step("run-1").prompt("q").response("a")

        def work(number: int, s: Any = s) -> None:
            if number == 0:
                s.end()
            else:
                s.attributes({f"app.{number}": number}).response(f"answer {number}")

        outcomes = in_threads(work)
        assert {type(outcome) for outcome in outcomes} <= {type(None), RuntimeError}
        assert outcomes[0] is None
    assert {span.status.status_code.name for span in captured.spans} == {"UNSET"}
    assert len(captured.spans) == ROUNDS


def test_runs_of_one_id_at_once_are_runs_of_their_own(captured: Captured) -> None:
    """Rule 13: eight threads that start a run of one id at once get eight traces."""
    runs = in_threads(lambda _: tcc.run("same").prompt("p"))
    assert all(isinstance(made, tcc.Run) for made in runs), runs
    handles = [made for made in runs if isinstance(made, tcc.Run)]
    assert len({handle.trace_id for handle in handles}) == THREADS
    for handle in handles:
        handle.end()
    assert len(captured.spans) == THREADS


async def test_tasks_do_not_see_each_others_run(captured: Captured) -> None:
    """Promise 5: of tasks that take turns, each one's steps land in its own run."""
    barrier = asyncio.Barrier(THREADS)

    async def agent(number: int) -> None:
        async with tcc.run(f"run-{number}") as r:
            r.prompt("p")
            for turn in range(3):
                await barrier.wait()
                async with tcc.step(step_id=f"{number}-{turn}") as s:
                    await barrier.wait()
                    s.prompt("q").response("a")
                    tcc.tool_call(tool_call_id=f"{number}-{turn}", tool_name="t").end()
                assert tcc.current_run() is r

    async with asyncio.TaskGroup() as group:
        for number in range(THREADS):
            group.create_task(agent(number))
    assert tcc.current_run() is None
    spans = {span.context.span_id: span for span in captured.spans if span.context}
    assert len(spans) == THREADS * 7
    for span in spans.values():
        attributes = parsed(span)
        inner = attributes.get("tcc.stepId") or attributes.get("gen_ai.tool.call.id")
        parent = spans.get(parent_id(span) or 0)
        if inner is None:
            assert parent is None
            continue
        assert attributes["tcc.runId"] == f"run-{inner[0]}"
        assert parent is not None
        assert parsed(parent)["tcc.runId"] == attributes["tcc.runId"]
        assert parsed(parent).get("tcc.stepId") == (None if span.name == "chat" else inner)


async def test_a_child_task_inherits_the_run_around_it(captured: Captured) -> None:
    """Promise 5: tasks, task groups and `to_thread` see the handle in whose block they were started."""

    def tool(name: str) -> None:
        tcc.tool_call(tool_name=name).end()

    async def task(name: str) -> None:
        tool(name)

    async with tcc.run() as r:
        r.prompt("p")
        async with r.step() as s:
            s.prompt("q").response("a")
            await asyncio.to_thread(tool, "to_thread")
            await asyncio.create_task(task("task"))
            async with asyncio.TaskGroup() as group:
                group.create_task(task("group"))
            await asyncio.get_running_loop().run_in_executor(
                None, contextvars.copy_context().run, tool, "executor"
            )
    tools = {span.name: parent_id(span) for span in captured.spans if "execute_tool" in span.name}
    names = ("to_thread", "task", "group", "executor")
    assert tools == {f"execute_tool {name}": span_id(s) for name in names}


async def test_a_task_that_outlives_its_block_still_lands_in_the_run(captured: Captured) -> None:
    """Promise 5: a background task started inside a run's block belongs to the run after the block too."""
    left = asyncio.Event()

    async def background() -> None:
        await left.wait()
        tcc.step().prompt("q").response("a").end()

    async with tcc.run("run-1") as r:
        r.prompt("p")
        task = asyncio.create_task(background())
    left.set()
    await task
    (span,) = captured.named("chat")
    assert (parsed(span)["tcc.runId"], parent_id(span)) == ("run-1", span_id(r))


def test_a_bare_thread_uses_the_handle_it_is_given(captured: Captured) -> None:
    """Rule 13: in a thread without our context a handle or a run id still finds the run."""
    with tcc.run("run-1") as r:
        r.prompt("p")

        def work() -> None:
            r.tool_call("by-handle").end()
            tcc.tool_call("run-1", tool_name="by-id").end()

        thread = threading.Thread(target=lambda: contextvars.Context().run(work))
        thread.start()
        thread.join(20)
    tools = {span.name: parent_id(span) for span in captured.spans if "execute_tool" in span.name}
    assert tools == {"execute_tool by-handle": span_id(r), "execute_tool by-id": span_id(r)}


def test_configure_again_leaves_open_runs_where_they_are() -> None:
    """Rule 13: after a second `configure` open runs and their children keep their destination."""
    with Collector() as first, Collector() as second:
        tcc.configure(tcc_url=first.url)
        r = tcc.run("old").prompt("p")
        s = r.step().prompt("q").response("a")
        tcc.configure(tcc_url=second.url)
        tcc.run("new").prompt("p").end()
        s.end()
        r.tool_call("t").end()
        tcc.tool_call("old", tool_name="by-id").end()
        assert r.feedback("thumbs_up") is True
        r.end()
        assert tcc.submit_feedback("old", "thumbs_down") is True
        assert bool(tcc.flush(20)) is True
        assert [span.attributes["tcc.runId"] for span in second.store.spans()] == ["new"]
        assert sorted(span.name for span in first.store.spans()) == [
            "chat",
            "execute_tool by-id",
            "execute_tool t",
            "invoke_agent",
            "tcc.feedback",
            "tcc.feedback",
        ]


def test_configure_from_many_threads_loses_no_run() -> None:
    """Rule 13: runs that are recorded while others configure all arrive."""
    with Collector() as collector:
        tcc.configure(tcc_url=collector.url)

        def work(number: int) -> None:
            for turn in range(5):
                if number == 0:
                    tcc.configure(tcc_url=collector.url)
                tcc.run(f"{number}-{turn}").prompt("p").end()

        assert in_threads(work) == [None] * THREADS
        assert bool(tcc.flush(20)) is True
        ids = {span.attributes["tcc.runId"] for span in collector.store.spans()}
        assert ids == {f"{number}-{turn}" for number in range(THREADS) for turn in range(5)}
