"""Wrapped functions: they run with a handle current wherever they are called, and never end it."""

from __future__ import annotations

import asyncio
import functools
import gc
import inspect
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import baggage, context, trace

import contextcompany as tcc
from contextcompany import ContextThreadPoolExecutor
from contextcompany.testing import capture
from tests.recording.rows import parent_id, parsed, span_id

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Iterator

    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from contextcompany.testing import Captured

SECONDS = 20


def tool(name: str) -> str:
    """Record a tool call in the run that is current."""
    tcc.tool_call(tool_name=name).end()
    return name


def test_in_a_thread_of_anyones_pool(captured: Captured) -> None:
    """In a plain pool's thread, in a Timer's or a Thread's, the wrapped function is inside the handle."""
    with tcc.run("run-1") as r:
        r.prompt("p")
        with r.step() as s:
            s.prompt("q").response("a")
            with ThreadPoolExecutor(1) as pool:
                assert list(pool.map(s.wrap(tool), ["a", "b"])) == ["a", "b"]
                assert pool.submit(tcc.current_run).result(SECONDS) is None
        thread = threading.Thread(target=r.wrap(tool), args=("c",))
        thread.start()
        thread.join(SECONDS)
    tools = {span.name: parent_id(span) for span in captured.spans if span.name.startswith("execute")}
    assert tools == {
        "execute_tool a": span_id(s),
        "execute_tool b": span_id(s),
        "execute_tool c": span_id(r),
    }


def test_at_once_in_many_threads(captured: Captured) -> None:
    """One wrapped function may run in many threads at the same time, each left as it was found."""
    gate = threading.Barrier(8)

    def work(name: str) -> bool:
        gate.wait(SECONDS)
        tool(name)
        gate.wait(SECONDS)
        return True

    def outside(name: str) -> bool:
        return wrapped(name) and tcc.current_run() is None

    with tcc.run("run-1") as r:
        r.prompt("p")
        wrapped = r.wrap(work)
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(outside, map(str, range(8)))) == [True] * 8
    assert [parent_id(span) for span in captured.spans[:-1]] == [span_id(r)] * 8


async def test_coroutine_functions(captured: Captured) -> None:
    """A coroutine function gives one again, whose awaits run inside the handle, in any task."""

    async def work(name: str) -> str:
        await asyncio.sleep(0)
        return tool(name)

    r = tcc.run("run-1").prompt("p")
    wrapped = r.wrap(work)
    assert inspect.iscoroutinefunction(wrapped)
    assert list(await asyncio.gather(wrapped("a"), asyncio.create_task(wrapped("b")))) == ["a", "b"]
    assert await r.wrap(functools.partial(work, "c"))() == "c"
    assert tcc.current_run() is None
    r.end()
    assert [parent_id(span) for span in captured.spans] == [span_id(r)] * 3 + [None]


async def test_plain_functions_that_return_coroutines(captured: Captured) -> None:
    """What a lambda or a decorated method returns runs inside the handle too, in any task."""

    async def work(name: str) -> str:
        await asyncio.sleep(0)
        return tool(name)

    def plain(name: str) -> Coroutine[Any, Any, str]:
        return work(name)

    r = tcc.run("run-1").prompt("p")
    wrapped = r.wrap(plain)
    assert list(await asyncio.gather(wrapped("a"), asyncio.create_task(wrapped("b")))) == ["a", "b"]
    assert tcc.current_run() is None
    r.end()
    assert [parent_id(span) for span in captured.spans] == [span_id(r)] * 2 + [None]


async def test_a_returned_coroutine_that_is_never_begun() -> None:
    """A task that is cancelled before its first step leaves no warning of a coroutine behind."""

    async def work() -> None: ...

    def plain() -> Coroutine[Any, Any, None]:
        return work()

    r = tcc.run("run-1").prompt("p")
    task = asyncio.create_task(r.wrap(plain)())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    del task
    gc.collect()
    r.end()


def test_the_handle_stays_open_and_exceptions_go_on(captured: Captured) -> None:
    """The wrapped function's exception is its caller's business: the handle is neither ended nor failed."""

    def fail() -> None:
        raise LookupError

    r = tcc.run("run-1").prompt("p")
    for _ in range(2):
        with pytest.raises(LookupError):
            r.wrap(fail)()
    assert list(captured.spans) == []
    r.end()
    assert captured.spans[0].status.status_code.name == "UNSET"


def test_it_keeps_its_handle_alive(captured: Captured) -> None:
    """A handle that only a wrapped function knows is not given up."""
    wrapped = tcc.run("run-1").prompt("p").wrap(tool)
    gc.collect()
    wrapped("a")
    assert [span.name for span in captured.spans] == ["execute_tool a"]
    assert tcc.stats().open_handles == 1


def test_a_wrapped_function_looks_like_it_was() -> None:
    """Name, documentation and signature stay; methods and objects that can be called work too."""

    class Callable:
        """A class with methods."""

        def method(self, number: int) -> int:
            return number + 1

        def __call__(self) -> str:
            return "called"

    with capture():
        r = tcc.run().prompt("p")
        wrapped = r.wrap(tool)
        assert (wrapped.__name__, wrapped.__doc__) == (tool.__name__, tool.__doc__)
        assert inspect.signature(wrapped) == inspect.signature(tool)
        assert (r.wrap(Callable().method)(1), r.wrap(Callable())(), r.wrap(len)("abc")) == (2, "called", 3)
        r.end()


def test_inside_of_another_run(captured: Captured) -> None:
    """Called inside another run the function is in its own, and the other is current again after it."""
    r = tcc.run("run-1").prompt("p")
    with tcc.run("other") as other:
        other.prompt("p")
        r.wrap(tool)("a")
        tool("b")
    r.end()
    assert [parsed(span)["tcc.runId"] for span in captured.spans] == ["run-1", "other", "other", "run-1"]


def generator() -> Iterator[int]:
    """Yield once."""
    yield 1


async def async_generator() -> AsyncIterator[int]:
    """Yield once."""
    yield 1


@pytest.mark.parametrize("function", [generator, async_generator, functools.partial(generator)])
def test_generator_functions_are_refused(function: Any) -> None:
    """The body of a generator function runs elsewhere than its call, so wrapping the call is misuse."""
    with capture():
        r = tcc.run().prompt("p")
        with pytest.raises(TypeError, match="wrap\\(\\) takes no generator function"):
            r.wrap(function)
        with pytest.raises(TypeError, match="wrap\\(\\) needs a function: got int"):
            r.wrap(5)  # type: ignore[call-overload]  # what is tested
        r.end()


@pytest.mark.usefixtures("captured")
def test_opentelemetry_sees_it_where_we_are_alone() -> None:
    """Where the application has no provider the OpenTelemetry context is set inside, and put back."""
    with tcc.run("run-1") as r:
        r.prompt("p")

        def current() -> int:
            return trace.get_current_span().get_span_context().span_id

        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(r.wrap(current)).result(SECONDS) == span_id(r)
            assert pool.submit(current).result(SECONDS) == 0


def test_beside_the_application_its_context_is_not_written(
    captured: Captured, application: tuple[TracerProvider, InMemorySpanExporter]
) -> None:
    """Beside a provider of the application its own spans inside are what they would have been."""
    tracer = application[0].get_tracer("app")
    r = tcc.run("run-1").prompt("p")
    r.wrap(lambda: tracer.start_span("app").end())()
    r.end()
    (span,) = application[1].get_finished_spans()
    assert span.parent is None
    assert len(captured.spans) == 1


def test_of_what_is_off_and_of_what_has_ended(captured: Captured) -> None:
    """A handle that is off or has ended wraps too; an ended run still takes the children."""
    r = tcc.run("run-1").prompt("p")
    wrapped = r.wrap(tool)
    r.end()
    wrapped("late")
    with capture(disabled=True) as off:
        tcc.run().wrap(tool)("nowhere")
    assert off.spans == ()
    assert parent_id(captured.spans[-1]) == span_id(r)


def test_the_pool_of_ours_carries_everything(captured: Captured) -> None:
    """`ContextThreadPoolExecutor` carries our handle and the OpenTelemetry context, by submit and by map."""

    def seen(_: int) -> tuple[str | None, object, int]:
        run = tcc.current_run()
        name = None if run is None else run.run_id
        return name, baggage.get_baggage("a"), trace.get_current_span().get_span_context().span_id

    token = context.attach(baggage.set_baggage("a", "1"))
    with ContextThreadPoolExecutor(2) as pool:
        with tcc.run("run-1") as r:
            r.prompt("p")
            futures = [pool.submit(seen, 0)]
            mapped = list(pool.map(seen, [1, 2, 3], timeout=SECONDS))
        context.detach(token)
        assert [futures[0].result(SECONDS), *mapped] == [("run-1", "1", span_id(r))] * 4
        assert pool.submit(seen, 0).result(SECONDS) == (None, None, 0)
    assert len(captured.spans) == 1
