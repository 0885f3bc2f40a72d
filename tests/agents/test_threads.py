"""Threads of tools: kept from run to run where runs have an event loop of their own, else the loop's."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import Any

import contextcompany as tcc
from contextcompany.agents import Agent, ModelReply, ScriptedModel, ToolRequest
from contextcompany.agents.threads import in_thread, run_with_own_loop
from contextcompany.interceptors import StopExecution

seen: ContextVar[str] = ContextVar("seen", default="nothing")


def _asked(*names: str) -> ModelReply:
    return ModelReply(tool_calls=tuple(ToolRequest(f"call-{name}", name) for name in names))


def _clerk(tool: Any) -> Agent:
    return Agent(name="clerk", model=ScriptedModel([_asked("look"), "done"] * 2), tools=[tool])


def test_runs_in_synchronous_code_keep_the_threads_of_their_tools() -> None:
    """The tools of one run after the other work in the same thread, which is none of a run's own."""
    where: list[threading.Thread] = []

    @tcc.tool
    def look() -> str:
        """Look it up."""
        where.append(threading.current_thread())
        return "clear"

    clerk = _clerk(look)
    assert [clerk.run("q").output for _ in range(2)] == ["done", "done"]
    assert len(set(where)) == 1
    assert where[0] != threading.current_thread()


async def test_tools_of_an_awaited_run_work_in_the_threads_of_the_loop() -> None:
    """An application that gives its event loop an executor finds the tools there."""
    where: list[str] = []

    @tcc.tool
    def look() -> str:
        """Look it up."""
        where.append(threading.current_thread().name)
        return "clear"

    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1, "application"))
    assert (await _clerk(look).run("q")).output == "done"
    assert where == ["application_0"]


def test_the_context_of_the_caller_is_seen_and_left_alone() -> None:
    """A function in a thread sees the context variables of its caller, and sets its own."""

    def change() -> str:
        before = seen.get()
        seen.set("changed")
        return before

    async def work() -> tuple[Any, str]:
        seen.set("given")
        return await in_thread(change), seen.get()

    assert run_with_own_loop(work) == ("given", "given")
    assert seen.get() == "nothing"


async def test_what_a_plain_tool_returns_to_be_awaited_sets_its_own_context() -> None:
    """A single call is no task; what it gives to be awaited puts nothing into the run's context."""

    async def later() -> str:
        seen.set("changed")
        return "clear"

    @tcc.tool
    def look() -> Any:
        """Look it up."""
        return later()

    told: list[str] = []

    def answer(messages: Any) -> str:
        told.extend([seen.get(), messages[-1]["content"]])
        return "done"

    clerk = Agent(name="clerk", model=ScriptedModel([_asked("look"), answer]), tools=[look])
    assert (await clerk.run("q")).output == "done"
    assert told == ["nothing", "clear"]


def test_a_run_that_gives_up_a_tool_waits_for_its_thread() -> None:
    """Where another tool ends the run, its result is there once the thread of the first is free."""
    begun, free = threading.Event(), threading.Event()
    done: list[str] = []

    @tcc.tool
    def slow() -> str:
        """Take its time."""
        begun.set()
        assert free.wait(20)
        done.append("slow")
        return "late"

    @tcc.tool
    async def stop() -> str:
        """Stop the run."""
        assert await asyncio.to_thread(begun.wait, 20)
        asyncio.get_running_loop().call_soon(free.set)
        raise StopExecution("stopped")

    clerk = Agent(name="clerk", model=ScriptedModel([_asked("slow", "stop")]), tools=[slow, stop])
    run = clerk.run("q")
    assert (run.output, done) == ("stopped", ["slow"])
