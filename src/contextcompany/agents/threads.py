"""Threads for tools that are plain functions: those of the event loop, or of a run with its own loop."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar, copy_context
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from contextcompany.runtime.crews import Crew
from contextcompany.runtime.process import process

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


class _Own(NamedTuple):
    """The event loop of a run, and the threads beside it."""

    loop: asyncio.AbstractEventLoop
    crew: Crew


# Of the run whose event loop this is: what a tool starts in its thread may have another one.
_own: Final[ContextVar[_Own | None]] = ContextVar("contextcompany-own-threads", default=None)


async def in_thread(function: Callable[..., Any], *args: Any) -> Any:
    """Call a function in a thread, in a copy of this context, as `asyncio.to_thread` does."""
    loop = asyncio.get_running_loop()
    work = partial(copy_context().run, function, *args)
    own = _own.get()
    if own is None or own.loop is not loop:
        return await loop.run_in_executor(None, work)
    future = own.crew.submit(work)
    try:
        return await asyncio.wrap_future(future, loop=loop)
    finally:
        if not future.done():
            own.crew.give_up(future)


def run_with_own_loop(work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Do what `asyncio.run` does, with worker threads that are kept for the next run."""
    crew = Crew(process.crews)
    try:
        with asyncio.Runner() as runner:
            _own.set(_Own(runner.get_loop(), crew))
            return runner.run(work(), context=copy_context())
    finally:
        crew.close()
