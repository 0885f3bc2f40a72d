"""The current context is found anywhere below an agent: in tasks, threads and pools, each its own."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import contextcompany as tcc
from contextcompany import ContextThreadPoolExecutor, RunContext, current_context, tool
from contextcompany.agents import ModelReply, ToolRequest
from contextcompany.context.current import using_context
from tests.context.contexts import Plain, agent

SECONDS = 20.0


def seen() -> str | None:
    """Return whose context is current."""
    found = current_context()
    return found.user_id if isinstance(found, Plain) else None


def calling(name: str) -> ModelReply:
    """Return a reply that asks for a tool without arguments."""
    return ModelReply(tool_calls=(ToolRequest("call-1", name),))


def test_outside_of_an_agent_there_is_none() -> None:
    """Where no agent runs, there is no current context."""
    assert current_context() is None


def test_a_block_puts_back_what_was_before() -> None:
    """A context is current for the length of its block, also where blocks are nested or raise."""
    outer, inner = Plain("outer"), Plain("inner")
    with using_context(outer):
        with contextlib.suppress(LookupError), using_context(inner):
            assert current_context() is inner
            raise LookupError
        assert current_context() is outer
    assert current_context() is None


def test_a_block_left_elsewhere_changes_nothing_there() -> None:
    """A block that is left in another context than it was entered in leaves that context alone."""
    block = using_context(Plain("entered elsewhere"))
    contextvars.copy_context().run(block.__enter__)
    here = Plain("here")
    with using_context(here):
        block.__exit__(None, None, None)
        assert current_context() is here


async def test_a_synchronous_tool_sees_the_context_of_its_run() -> None:
    """A synchronous tool of an agent runs in a worker thread and finds the context there."""
    found: list[Any] = []

    @tool
    def look() -> str:
        found.extend((seen(), threading.current_thread() is threading.main_thread()))
        return "seen"

    result = await agent(calling("look"), "done", tools=[look]).run("asked", context=Plain("123"))
    assert found == ["123", False]
    assert result.output == "done"
    assert current_context() is None


async def test_tasks_threads_and_pools_below_a_tool_see_the_context() -> None:
    """A task, a task group, `to_thread` and a ContextThreadPoolExecutor carry the context of a tool."""
    found: dict[str, str | None] = {}

    async def note(place: str) -> None:
        await asyncio.sleep(0)
        found[place] = seen()

    @tool
    async def look() -> str:
        found["tool"] = seen()
        await asyncio.create_task(note("task"))
        async with asyncio.TaskGroup() as group:
            group.create_task(note("group 1"))
            group.create_task(note("group 2"))
        found["to_thread"] = await asyncio.to_thread(seen)
        with ContextThreadPoolExecutor(max_workers=1) as pool:
            found["submit"] = pool.submit(seen).result(SECONDS)
            (found["map"],) = pool.map(lambda _: seen(), [None], timeout=SECONDS)
            loop = asyncio.get_running_loop()
            found["run_in_executor"] = await loop.run_in_executor(pool, seen)
        return "seen"

    await agent(calling("look"), "done", tools=[look]).run("asked", context=Plain("123"))
    assert found == dict.fromkeys(
        ("tool", "task", "group 1", "group 2", "to_thread", "submit", "map", "run_in_executor"), "123"
    )


async def test_the_current_context_is_the_copy_of_the_agent() -> None:
    """What is current is what was injected: the agent's copy, with query and agent."""
    found: list[RunContext | None] = []

    @tool
    async def look(ctx: Plain) -> str:
        found.extend((ctx, current_context()))
        return "seen"

    asker = agent(calling("look"), "done", tools=[look])
    result = await asker.run("asked", context=Plain("123"))
    assert found[0] is found[1]
    assert found[0] is result.context
    assert found[0] is not None
    assert (found[0].query, found[0].agent) == ("asked", asker)


async def test_concurrent_runs_each_see_their_own() -> None:
    """Runs of one agent at the same time find their own contexts, and so does every task of theirs."""
    met = asyncio.Barrier(5)
    found: list[tuple[str, str | None]] = []

    @tool
    async def look(ctx: Plain) -> str:
        await asyncio.wait_for(met.wait(), SECONDS)
        found.append((ctx.user_id, await asyncio.to_thread(seen)))
        return "seen"

    await asyncio.gather(
        *(
            agent(calling("look"), "done", tools=[look]).run("asked", context=Plain(str(number)))
            for number in range(5)
        )
    )
    assert sorted(found) == [(str(number), str(number)) for number in range(5)]


async def test_a_task_that_outlives_the_run_keeps_its_context() -> None:
    """A task started by a tool still finds the context after the run has ended."""
    ended = asyncio.Event()
    tasks: list[asyncio.Task[str | None]] = []

    async def late() -> str | None:
        await asyncio.wait_for(ended.wait(), SECONDS)
        return seen()

    @tool
    async def start() -> str:
        tasks.append(asyncio.create_task(late()))
        return "started"

    await agent(calling("start"), "done", tools=[start]).run("asked", context=Plain("123"))
    ended.set()
    assert (current_context(), await tasks[0]) == (None, "123")


def test_a_pool_carries_the_context_of_each_submission() -> None:
    """One worker thread sees for each piece of work the context that was current when it was submitted."""
    with ContextThreadPoolExecutor(max_workers=1) as pool:
        futures = []
        for user_id in ("1", "2"):
            with using_context(Plain(user_id)):
                futures.append(pool.submit(seen))
        futures.append(pool.submit(seen))
        assert [future.result(SECONDS) for future in futures] == ["1", "2", None]


def test_a_plain_pool_carries_nothing() -> None:
    """The standard library's pool starts from nothing: this is why there is one of ours."""
    with using_context(Plain("1")), ThreadPoolExecutor(max_workers=1) as pool:
        assert pool.submit(seen).result(SECONDS) is None


def test_a_pool_carries_the_run_too(captured: Any) -> None:
    """A step that work in a ContextThreadPoolExecutor records lands in the run of its caller."""

    def work(question: str) -> None:
        with tcc.step() as step:
            step.prompt(question).response("a")

    with ContextThreadPoolExecutor(max_workers=2) as pool, tcc.run("run-1") as run:
        run.prompt("p")
        list(pool.map(work, ["1", "2", "3"], timeout=SECONDS))
    assert [span.attributes["tcc.runId"] for span in captured.spans] == ["run-1"] * 4


def test_a_pool_passes_arguments_results_and_failures() -> None:
    """Arguments and results pass a ContextThreadPoolExecutor unchanged, and so does what is raised."""

    def divide(dividend: int, *, by: int) -> int:
        return dividend // by

    with ContextThreadPoolExecutor(max_workers=1) as pool:
        assert pool.submit(divide, 6, by=3).result(SECONDS) == 2
        assert isinstance(pool.submit(divide, 6, by=0).exception(SECONDS), ZeroDivisionError)
