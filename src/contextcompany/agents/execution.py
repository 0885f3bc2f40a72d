"""A run of an agent that is under way: awaited in async code, read by `.output` elsewhere."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading
import warnings
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from contextcompany.agents.result import AgentResult
from contextcompany.agents.threads import run_with_own_loop

if TYPE_CHECKING:
    from contextcompany.context.run_context import RunContext
    from contextcompany.interceptors.interceptor import Usage

Work = Callable[[], Coroutine[Any, Any, AgentResult]]


class AgentRun(Coroutine[Any, Any, AgentResult]):
    """The run that `Agent.run` returns.

    Called in a running event loop, it starts when it is awaited, as a coroutine does. Called
    without one, it starts at once in a worker thread, and `.output` waits for it.
    """

    def __init__(self, name: str, work: Work) -> None:
        self._name = name
        self._work = work
        self._observed = False
        self._inner: Coroutine[Any, Any, AgentResult] | None = None
        self._future: Future[AgentResult] = Future()
        self._threaded = not _loop_is_running()
        if self._threaded:
            context = contextvars.copy_context()
            # A thread of its own and not a pool: runs that wait for runs would exhaust a pool.
            threading.Thread(
                target=context.run,
                args=(_run_in_thread, work, self._future),
                name=f"contextcompany-agent-{name}",
                daemon=True,
            ).start()

    def __repr__(self) -> str:
        """Return the run with its agent and whether it is done."""
        return f"AgentRun({self._name!r}, {'done' if self._future.done() else 'pending'})"

    @property
    def output(self) -> str:
        """Wait for the run and return its final answer.

        Raises:
            RuntimeError: on a thread whose own event loop is running; await the run there.
        """
        return self.result().output

    @property
    def messages(self) -> list[dict[str, Any]]:
        """Wait for the run and return its conversation."""
        return self.result().messages

    @property
    def usage(self) -> Usage:
        """Wait for the run and return its counts."""
        return self.result().usage

    @property
    def run_id(self) -> str:
        """Wait for the run and return its id."""
        return self.result().run_id

    @property
    def context(self) -> RunContext:
        """Wait for the run and return the context it worked with."""
        return self.result().context

    @property
    def stopped(self) -> str | None:
        """Wait for the run and return what stopped it, or None."""
        return self.result().stopped

    def result(self, timeout: float | None = None) -> AgentResult:
        """Wait for the run and return its result, or raise what it raised.

        Args:
            timeout: seconds to wait at most, or None.

        Raises:
            RuntimeError: on a thread whose own event loop is running; await the run there.
            TimeoutError: where the time is up.
        """
        if not self._future.done() and (_loop_is_running() or not self._threaded):
            raise RuntimeError(
                f"the run of agent {self._name} was started in an event loop, or one runs on this thread: "
                "use `result = await agent.run(…)` there"
            )
        self._observed = True
        return self._future.result(timeout)

    async def _observe(self) -> AgentResult:
        if self._threaded:
            return await asyncio.wrap_future(self._future)
        if self._future.done():
            return self._future.result()
        if self._future.running():
            return await asyncio.wrap_future(self._future)
        self._future.set_running_or_notify_cancel()
        try:
            result = await self._work()
        except BaseException as error:
            self._future.set_exception(error)
            raise
        self._future.set_result(result)
        return result

    def _coroutine(self) -> Coroutine[Any, Any, AgentResult]:
        self._observed = True
        if self._inner is None or inspect.getcoroutinestate(self._inner) == inspect.CORO_CLOSED:
            self._inner = self._observe()
        return self._inner

    def __await__(self) -> Generator[Any, None, AgentResult]:
        """Wait for the run in async code."""
        self._observed = True
        return self._observe().__await__()

    def send(self, value: Any, /) -> Any:
        """Drive the run, as a coroutine is driven by its task."""
        return self._coroutine().send(value)

    def throw(self, *args: Any) -> Any:
        """Throw into the run, as a task does to cancel it."""
        return self._coroutine().throw(*args)

    def close(self) -> None:
        """Close the run without waiting for it."""
        self._observed = True
        if self._inner is not None:
            self._inner.close()

    def __del__(self) -> None:
        if not self._observed:
            warnings.warn(
                f"the run of agent {self._name} was never awaited, and its result never read",
                RuntimeWarning,
                stacklevel=2,
                source=self,
            )


def _loop_is_running() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _run_in_thread(work: Work, future: Future[AgentResult]) -> None:
    future.set_running_or_notify_cancel()
    try:
        future.set_result(run_with_own_loop(work))
    except BaseException as error:  # noqa: BLE001  (it belongs to the one who waits)
        future.set_exception(error)
