"""Functions that run with a handle current, in whatever thread or task they are called."""

from __future__ import annotations

import inspect
import weakref
from functools import wraps
from typing import TYPE_CHECKING, Any

from contextcompany.diagnostics import guard
from contextcompany.recording.places.entering import leave
from contextcompany.runtime.process import process

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CoroutineType

    from contextcompany.propagation.current import Node
    from contextcompany.runtime.process import CurrentRecording


def wrapped(function: Callable[..., Any], begin: Callable[[], Node[CurrentRecording]]) -> Callable[..., Any]:
    """Return a function that does what another does, with a handle current; never ends the handle.

    Args:
        function: a function, or a coroutine function; also a function that returns a coroutine.
        begin: makes the handle current; a method of the handle, which keeps it alive.

    Raises:
        TypeError: for what cannot be called, and for generator functions.
    """
    if not callable(function):
        raise TypeError(f"wrap() needs a function: got {type(function).__name__}; pass what is to be called")
    if _is(inspect.isgeneratorfunction, function) or _is(inspect.isasyncgenfunction, function):
        raise TypeError(
            "wrap() takes no generator function, whose body runs whenever its reader takes the next item: "
            f"got {getattr(function, '__name__', type(function).__name__)}; "
            "wrap the function that reads it, or start steps in it from the handle itself"
        )
    if _is(inspect.iscoroutinefunction, function):

        @wraps(function)
        async def call_async(*args: Any, **kwargs: Any) -> Any:
            node = begin()
            try:
                return await function(*args, **kwargs)
            finally:
                with guard:
                    leave(process.current, node)

        return call_async

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        node = begin()
        try:
            result = function(*args, **kwargs)
        finally:
            with guard:
                leave(process.current, node)
        return _carried(result, begin) if inspect.iscoroutine(result) else result

    return call


def _carried(coroutine: CoroutineType[Any, Any, Any], begin: Callable[[], Node[CurrentRecording]]) -> Any:
    """Return a coroutine that does what another does, which a lambda or a decorated function has made."""

    async def carried() -> Any:
        node = begin()
        try:
            return await coroutine
        finally:
            with guard:
                leave(process.current, node)

    carried.__name__, carried.__qualname__ = coroutine.__name__, coroutine.__qualname__
    made = carried()
    # One that is never begun, as in a task that is cancelled at once, would leave the other to a warning.
    weakref.finalize(made, coroutine.close).atexit = False
    return made


def _is(kind: Callable[[object], bool], function: object) -> bool:
    """Return whether a function, or an object that is called like one, is of a kind."""
    return kind(function) or kind(getattr(function, "__call__", None))  # noqa: B004  (not whether it can be)
