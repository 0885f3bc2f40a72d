"""The current context: a ContextVar, carried into tasks and worker threads."""

from __future__ import annotations

import contextvars
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from contextcompany.context.run_context import RunContext

P = ParamSpec("P")
T = TypeVar("T")

VARIABLE: Final[contextvars.ContextVar[RunContext | None]] = contextvars.ContextVar(
    "contextcompany-run-context", default=None
)
"""Holds the current context; for who carries it along by value."""


def current_context() -> RunContext | None:
    """Return the RunContext of the agent that runs here, or None outside of one.

    Found in tasks, in `asyncio.to_thread`, in the worker threads of an agent's tools, and in a
    `ContextThreadPoolExecutor`.
    """
    return VARIABLE.get()


@contextmanager
def using_context(context: RunContext) -> Generator[None]:
    """Make a context the current one for the length of a block."""
    before = VARIABLE.get()
    VARIABLE.set(context)
    try:
        yield
    finally:
        # By value, not by token: the block may be left in another contextvars.Context.
        if VARIABLE.get() is context:
            VARIABLE.set(before)


class ContextThreadPoolExecutor(ThreadPoolExecutor):
    """A thread pool whose work sees the context variables of the caller, each submission its own copy.

    The standard library's executor runs work in the empty context of the worker thread, where
    neither the current run nor the current RunContext is known.
    """

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Schedule a call in a copy of the caller's context; see `concurrent.futures.Executor`."""
        context = contextvars.copy_context()
        return super().submit(lambda: context.run(fn, *args, **kwargs))
