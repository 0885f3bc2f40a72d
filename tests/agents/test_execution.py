"""A run under way: awaited in async code, read by `.output` elsewhere."""

from __future__ import annotations

import asyncio
import gc
import threading
import warnings
from typing import TYPE_CHECKING, Any

import pytest

import contextcompany as tcc
from contextcompany.agents import Agent, AgentResult, ModelReply, ScriptedModel, ToolRequest
from contextcompany.interceptors import Usage
from tests.agents.shape import shape, tree

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from contextcompany.testing import Captured

SECONDS = 20.0

RUN_AND_STEP = ["invoke_agent clerk", ["chat gpt-5"]]


def clerk(*replies: Any, **options: Any) -> Agent:
    """Return an agent that plays a script."""
    return Agent(name="clerk", model=ScriptedModel(replies, name="gpt-5"), **options)


async def in_task(agent: Agent) -> AgentResult:
    """Run as a task."""
    return await asyncio.create_task(agent.run("q"))


async def in_gather(agent: Agent) -> AgentResult:
    """Run by gather."""
    (result,) = await asyncio.gather(agent.run("q"))
    return result


async def in_group(agent: Agent) -> AgentResult:
    """Run in a task group."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(agent.run("q"))
    return task.result()


async def in_wait_for(agent: Agent) -> AgentResult:
    """Run with a time limit."""
    return await asyncio.wait_for(agent.run("q"), SECONDS)


async def in_ensure_future(agent: Agent) -> AgentResult:
    """Run as a future."""
    return await asyncio.ensure_future(agent.run("q"))


async def directly(agent: Agent) -> AgentResult:
    """Await the run."""
    return await agent.run("q")


EVERY_WAY = [directly, in_task, in_gather, in_group, in_wait_for, in_ensure_future]


@pytest.mark.parametrize("way", EVERY_WAY, ids=lambda way: way.__name__)
async def test_a_run_is_awaited_in_every_usual_way(
    captured: Captured, way: Callable[[Agent], Awaitable[AgentResult]]
) -> None:
    """A run is a coroutine to asyncio: tasks, gather, groups and wait_for all take it."""
    result = await way(clerk("hi"))
    assert (result.output, result.stopped, result.usage) == ("hi", None, Usage(model_calls=1))
    assert tree(captured) == [RUN_AND_STEP]


@pytest.mark.parametrize("way", EVERY_WAY, ids=lambda way: way.__name__)
async def test_a_failed_run_raises_in_every_usual_way(
    captured: Captured, way: Callable[[Agent], Awaitable[AgentResult]]
) -> None:
    """What the model raised comes out, by itself or in the group of a task group."""
    with pytest.raises((ConnectionError, ExceptionGroup)) as caught:
        await way(clerk(ConnectionError("no route")))
    error: Any = caught.value
    while isinstance(error, ExceptionGroup):
        (error,) = error.exceptions
    assert (type(error), str(error)) == (ConnectionError, "no route")
    assert shape(captured, "invoke_agent clerk")["status"] == ("ERROR", "no route")


def test_the_loop_itself_takes_a_run(captured: Captured) -> None:
    """A run made where no loop runs is started already, and can be awaited later in one."""
    run = clerk("hi").run("q")

    async def wait() -> AgentResult:
        return await run

    assert asyncio.run(wait()).output == "hi"
    assert run.output == "hi"


def test_a_run_can_be_the_main_coroutine(captured: Captured) -> None:
    """`asyncio.run` takes a run as it takes a coroutine."""
    assert asyncio.run(clerk("hi").run("q")).output == "hi"
    assert tree(captured) == [RUN_AND_STEP]


async def test_in_a_loop_nothing_runs_before_it_is_awaited(captured: Captured) -> None:
    """A run in async code is lazy, as a coroutine is."""
    model = ScriptedModel(["hi"])
    run = Agent(name="clerk", model=model).run("q")
    await asyncio.sleep(0)
    assert model.requests == []
    assert repr(run) == "AgentRun('clerk', pending)"
    assert (await run).output == "hi"
    assert repr(run) == "AgentRun('clerk', done)"


async def test_an_awaited_run_can_be_read_afterwards(captured: Captured) -> None:
    """Once it is done, the run has the fields of its result, also on the loop's thread."""
    run = clerk("hi").run("q", run_id="run-1")
    result = await run
    assert (await run) is result
    assert run.result() is result
    assert (run.output, run.run_id, run.stopped) == ("hi", "run-1", None)
    assert (run.messages, run.usage, run.context) == (result.messages, result.usage, result.context)


def test_without_a_loop_a_run_starts_at_once(captured: Captured) -> None:
    """In synchronous code the model is asked before anybody reads, in another thread."""
    asked, free = threading.Event(), threading.Event()
    threads: list[int] = []

    def answer(messages: Any) -> str:
        threads.append(threading.get_ident())
        asked.set()
        assert free.wait(SECONDS)
        return "hi"

    run = clerk(answer).run("q")
    assert asked.wait(SECONDS)
    assert repr(run) == "AgentRun('clerk', pending)"
    with pytest.raises(TimeoutError):
        run.result(0.001)
    free.set()
    assert run.output == "hi"
    assert threads != [threading.get_ident()]
    assert tree(captured) == [RUN_AND_STEP]


def test_runs_started_in_synchronous_code_go_on_at_once(captured: Captured) -> None:
    """Several runs wait for each other: each has its own thread, none waits for a free one."""
    together = threading.Barrier(24)

    def answer(messages: Any) -> str:
        together.wait(SECONDS)
        return str(messages[-1]["content"])

    runs = [clerk(answer).run(f"question {number}") for number in range(24)]
    assert [run.output for run in runs] == [f"question {number}" for number in range(24)]


def test_every_field_of_the_result_can_be_read_from_the_run(captured: Captured) -> None:
    """What `await` gives, the run gives in synchronous code."""
    run = clerk("hi").run("q", {"tenant": "acme"}, run_id="run-1")
    assert (run.output, run.run_id, run.stopped) == ("hi", "run-1", None)
    assert run.messages == [{"role": "user", "content": "q"}, {"role": "assistant", "content": "hi"}]
    assert (run.usage, run.context.get("tenant")) == (Usage(model_calls=1), "acme")
    assert isinstance(run.result(), AgentResult)


def test_reading_a_failed_run_raises_what_it_raised(captured: Captured) -> None:
    """The exception of a worker thread comes out where the result is read, each time."""
    error = ConnectionError("no route")
    run = clerk(error).run("q")
    for _ in range(2):
        with pytest.raises(ConnectionError) as caught:
            _ = run.output
        assert caught.value is error


def test_a_run_in_a_thread_is_nested_where_it_was_started(captured: Captured) -> None:
    """The run current at the call is the parent, though another thread works."""
    with tcc.run("outer").prompt("p") as outer:
        outer.metadata({"tcc.agent": "manager"})
        assert clerk("hi").run("q", run_id="inner").output == "hi"
    assert tree(captured) == [["invoke_agent manager", RUN_AND_STEP]]
    assert shape(captured, "invoke_agent clerk")["attributes"]["tcc.parentRunId"] == "outer"


@pytest.mark.parametrize("name", ["output", "messages", "usage", "run_id", "context", "stopped"])
async def test_reading_a_run_on_a_running_loop_says_await(captured: Captured, name: str) -> None:
    """Waiting there would block the loop that the run needs: the error tells the way."""
    run = clerk("hi").run("q")
    with pytest.raises(RuntimeError, match=r"clerk.*await agent\.run"):
        getattr(run, name)
    assert (await run).output == "hi"


async def test_reading_a_running_task_says_await(captured: Captured) -> None:
    """A run under way on this loop cannot be waited for by blocking it either."""
    started = asyncio.Event()
    free = asyncio.Event()

    async def answer(messages: Any) -> str:
        started.set()
        await free.wait()
        return "hi"

    run = clerk(answer).run("q")
    task = asyncio.create_task(run)
    await started.wait()
    with pytest.raises(RuntimeError, match="await"):
        _ = run.output
    free.set()
    assert (await task).output == "hi"


async def test_a_run_of_another_thread_cannot_block_a_loop(captured: Captured) -> None:
    """A run started in synchronous code and handed to a loop's thread is awaited there too."""
    free = threading.Event()

    def answer(messages: Any) -> str:
        assert free.wait(SECONDS)
        return "hi"

    run = await asyncio.to_thread(lambda: clerk(answer).run("q"))
    with pytest.raises(RuntimeError, match="await"):
        _ = run.output
    free.set()
    assert (await run).output == "hi"


async def test_a_run_made_in_a_loop_cannot_be_read_in_another_thread_before(captured: Captured) -> None:
    """Nobody runs a run that was never awaited: reading it elsewhere raises instead of hanging."""
    run = clerk("hi").run("q")

    def read() -> str:
        return run.output

    with pytest.raises(RuntimeError, match="await"):
        await asyncio.to_thread(read)
    assert (await run).output == "hi"


def forget(agent: Agent, *, after: threading.Event | None = None) -> None:
    """Start a run and let go of it, at once or when something has happened."""
    run = agent.run("q")
    assert after is None or after.wait(SECONDS)
    del run
    gc.collect()


async def test_a_run_that_nobody_awaits_warns(captured: Captured) -> None:
    """A forgotten `await` is said as loudly as Python says it of a coroutine, and records nothing."""
    agent = clerk("hi")
    with pytest.warns(RuntimeWarning, match="the run of agent clerk was never awaited"):
        forget(agent)
    assert captured.spans == ()


def test_a_run_that_nobody_reads_warns(captured: Captured) -> None:
    """In synchronous code the run happens and is recorded; nobody having looked is said."""
    started = threading.Event()

    def answer(messages: Any) -> str:
        started.set()
        return "hi"

    agent = clerk(answer)
    with pytest.warns(RuntimeWarning, match="the run of agent clerk was never awaited"):
        forget(agent, after=started)


async def test_a_run_that_was_used_does_not_warn(captured: Captured) -> None:
    """Awaited, failed, cancelled or closed: who dealt with a run hears no warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        await clerk("hi").run("q")
        with pytest.raises(KeyError):
            await clerk(KeyError("k")).run("q")
        task = asyncio.create_task(clerk("hi").run("q"))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        clerk("hi").run("q").close()
        del task
        gc.collect()


async def test_a_cancelled_task_cancels_its_run(captured: Captured) -> None:
    """Cancelling reaches the model's request; the spans end as cancelled, and reading raises."""
    started = asyncio.Event()

    async def answer(messages: Any) -> str:
        started.set()
        await asyncio.Event().wait()
        return "never"

    run = clerk(answer).run("q")
    task = asyncio.create_task(run)
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert tree(captured) == [RUN_AND_STEP]
    for name in ("invoke_agent clerk", "chat gpt-5"):
        assert shape(captured, name)["attributes"]["error.type"] == "asyncio.exceptions.CancelledError"
    with pytest.raises(asyncio.CancelledError):
        _ = run.output


async def test_a_time_limit_ends_a_run(captured: Captured) -> None:
    """`wait_for` raises TimeoutError, and no span stays open."""

    async def answer(messages: Any) -> str:
        await asyncio.Event().wait()
        return "never"

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(clerk(answer).run("q"), 0.01)
    assert tree(captured) == [RUN_AND_STEP]


async def test_a_synchronous_tool_may_run_another_agent(captured: Captured) -> None:
    """In a tool's worker thread no loop runs, so `.output` waits; the run is nested under the call."""
    expert = Agent(name="expert", model=ScriptedModel(["42"], name="gpt-5-mini"))

    @tcc.tool
    def consult(question: str, ctx: tcc.RunContext) -> str:
        """Consult an expert."""
        return expert.run(question, context=ctx).output

    asked = ModelReply(tool_calls=(ToolRequest("call-1", "consult", '{"question": "6 * 7"}'),))
    result = await clerk(asked, "It is 42.", tools=[consult]).run("q")
    assert result.output == "It is 42."
    assert result.messages[-2]["content"] == "42"
    inner = ["invoke_agent expert", ["chat gpt-5-mini"]]
    assert tree(captured) == [
        ["invoke_agent clerk", ["chat gpt-5"], ["execute_tool consult", inner], ["chat gpt-5"]]
    ]


async def test_an_async_tool_must_await_another_agent(captured: Captured) -> None:
    """`.output` in an async tool is the error that says `await`, and goes back to the model."""
    expert = Agent(name="expert", model=ScriptedModel(["42"]))
    made: list[Any] = []

    @tcc.tool
    async def consult(ctx: tcc.RunContext) -> str:
        """Consult an expert."""
        made.append(expert.run("6 * 7", context=ctx))
        return str(made[0].output)

    asked = ModelReply(tool_calls=(ToolRequest("call-1", "consult"),))
    result = await clerk(asked, "No.", tools=[consult]).run("q")
    assert "await agent.run" in result.messages[-2]["content"]
    assert (await made[0]).output == "42"


async def test_two_tasks_may_wait_for_one_run() -> None:
    """A run that is under way can be awaited again, at once and after a wait for it was given up."""

    async def slowly(_messages: object) -> str:
        await asyncio.sleep(0.05)
        return "late"

    run = Agent(name="clerk", model=ScriptedModel([slowly])).run("Go")

    async def waiting() -> str:
        return (await run).output

    assert list(await asyncio.gather(waiting(), waiting(), waiting())) == ["late"] * 3
    assert await waiting() == "late"
