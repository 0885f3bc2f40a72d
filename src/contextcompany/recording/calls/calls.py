"""One wrapper for every kind of decorated function: plain, async, generator and async generator."""

from __future__ import annotations

import copy
import inspect
from abc import ABC, abstractmethod
from contextvars import copy_context
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import wrapt

from contextcompany.diagnostics import guard
from contextcompany.recording.calls import generators
from contextcompany.runtime.process import process

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import ContextVar

    from contextcompany.recording.calls.capture import Capture
    from contextcompany.recording.handles.handle import Handle
    from contextcompany.runtime.process import CurrentRecording

    _FunctionWrapper = wrapt.FunctionWrapper[..., Any]
    _BoundFunctionWrapper = wrapt.BoundFunctionWrapper[..., Any]
else:
    # Generic for type checkers only, before wrapt 2.
    _FunctionWrapper, _BoundFunctionWrapper = wrapt.FunctionWrapper, wrapt.BoundFunctionWrapper

H = TypeVar("H", bound="Handle")


class Kind(Enum):
    """What calling a function gives."""

    FUNCTION = "function"
    COROUTINE = "coroutine function"
    GENERATOR = "generator function"
    ASYNC_GENERATOR = "async generator function"


def kind_of(function: Callable[..., Any]) -> Kind:
    """Return the kind of a function: its own, else that of what it wraps by `functools.wraps`."""
    return _own_kind(function) or _own_kind(inspect.unwrap(function)) or Kind.FUNCTION


def _own_kind(function: Callable[..., Any]) -> Kind | None:
    """Return what a function, or an object that is called like one, is by itself; None for a plain one."""
    for called in (function, getattr(function, "__call__", None)):  # noqa: B004  (not whether it can be)
        if inspect.iscoroutinefunction(called):
            return Kind.COROUTINE
        if inspect.isgeneratorfunction(called):
            return Kind.GENERATOR
        if inspect.isasyncgenfunction(called):
            return Kind.ASYNC_GENERATOR
    return None


class Call(ABC, Generic[H]):
    """One call of a decorated function; made when the function is called.

    Attributes:
        args: the positional arguments for the function, without `self`.
        kwargs: the keyword arguments for it.
        carried: what else belongs to the inside of the call, beside the current handle.
        has_inside: whether `enter` and `leave` do anything.
    """

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    carried: ContextVar[Any]
    has_inside = False

    @property
    @abstractmethod
    def capture(self) -> Capture:
        """Return what of the arguments and the result is recorded."""

    @abstractmethod
    def is_recorded(self) -> bool:
        """Return whether `start`, here and now, would start a handle; asked for generators."""

    @abstractmethod
    def start(self) -> H | None:
        """Start the handle and tell it the arguments; None where there is nothing to be recorded."""

    @abstractmethod
    def finish(self, handle: H, result: object) -> None:
        """Tell the handle the result."""

    def enter(self) -> None:
        """Make current what belongs to the inside of the call, in this context."""

    def leave(self) -> None:
        """Bring back what `enter` replaced, in this context."""

    def started(self) -> H | None:
        """Return the started handle; None after an error of ours, which is kept from the application."""
        # Here and below without a guard around: what every call would pay for.
        try:
            return self.start()
        except Exception:
            with guard:
                raise
        return None

    def finished(self, handle: H, recording: CurrentRecording | None, result: object) -> None:
        """Tell the handle the result, unless the function ended the handle itself."""
        try:
            if recording is not None and recording.is_open:
                self.finish(handle, result)
        except Exception:
            with guard:
                raise


class _Bound(_BoundFunctionWrapper):
    """A decorated method, got from an object or a class; copied and pickled as a plain one is."""

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        owner = getattr(self, "__self__", None)
        return self if owner is None else getattr(copy.deepcopy(owner, memo), self.__name__)

    def __reduce_ex__(self, protocol: object) -> Any:
        owner = getattr(self, "__self__", None)
        return self.__qualname__ if owner is None else (getattr, (owner, self.__name__))


class _Wrapper(_FunctionWrapper):
    """A function decorated by this package; copied and pickled as a plain one is: by its name."""

    __bound_function_wrapper__ = _Bound

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: object) -> Any:
        return self

    def __reduce_ex__(self, protocol: object) -> Any:
        return self.__qualname__


def wrapped_function(function: Callable[..., Any], prepare: Callable[..., Call[Any]]) -> Any:
    """Return a function with every call recorded; for `inspect` and for type checkers it stays what it was.

    Args:
        function: a function or method of any kind.
        prepare: called with the positional arguments, the keyword arguments and whether the call is one
            of a method; returns the call. What it raises, the caller gets.
    """
    kind = kind_of(function)
    # What a plain function makes of a coroutine function below it, only its call can tell.
    is_open = kind is Kind.COROUTINE and _own_kind(function) is None
    perform = _either if is_open else _PERFORM[kind]
    is_bound = inspect.ismethod(function)  # its signature is without `self`

    def wrapper(
        wrapped: Callable[..., Any], instance: object, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        return perform(wrapped, prepare(args, kwargs, instance is not None and not is_bound))

    return _Wrapper(function, wrapper)


def require_function(candidate: object, decorator: str) -> None:
    """Raise TypeError for what cannot be decorated, with what to do instead."""
    if isinstance(candidate, (staticmethod, classmethod)):
        kind = "staticmethod" if isinstance(candidate, staticmethod) else "classmethod"
        raise TypeError(f"@{decorator} goes below @{kind}: got the {kind} object; swap the two decorators")
    if isinstance(candidate, str):
        raise TypeError(
            f"@{decorator} takes a name by keyword only: got {candidate!r}; write @{decorator}(name=…)"
        )
    if not callable(candidate) or isinstance(candidate, type):
        raise TypeError(
            f"@{decorator} decorates functions and methods: got {candidate!r}; put it above a `def`"
        )


def _function(wrapped: Callable[..., Any], call: Call[Any]) -> Any:
    try:  # what `started` does, without a further call: this is paid for each call
        handle = call.start()
    except Exception:
        handle = None
        with guard:
            raise
    if handle is None:
        return wrapped(*call.args, **call.kwargs)
    with handle:
        recording = process.current.innermost()
        result = _inside(wrapped, call) if call.has_inside else wrapped(*call.args, **call.kwargs)
        try:  # as `finished` does
            if recording is not None and recording.is_open:
                call.finish(handle, result)
        except Exception:
            with guard:
                raise
        return result


def _coroutine(wrapped: Callable[..., Any], call: Call[Any]) -> Any:
    return generators.named(_awaited(wrapped, call), wrapped)


def _either(wrapped: Callable[..., Any], call: Call[Any]) -> Any:
    handle = call.started()
    if handle is None:
        return wrapped(*call.args, **call.kwargs)
    try:
        result = handle.wrap(_inside)(wrapped, call)
    except BaseException:
        with handle:
            raise
    if inspect.iscoroutine(result):
        return generators.named(_awaited(lambda *_, **__: result, call, handle), result)
    with handle:
        call.finished(handle, process.current.innermost(), result)
    return result


def _inside(wrapped: Callable[..., Any], call: Call[Any]) -> Any:
    call.enter()
    try:
        return wrapped(*call.args, **call.kwargs)
    finally:
        call.leave()


async def _awaited(wrapped: Callable[..., Any], call: Call[Any], started: Handle | None = None) -> Any:
    handle = started or call.started()
    if handle is None:
        return await wrapped(*call.args, **call.kwargs)
    with handle:
        recording = process.current.innermost()
        call.enter()
        try:
            result = await wrapped(*call.args, **call.kwargs)
        finally:
            call.leave()
        call.finished(handle, recording, result)
        return result


def _generator(wrapped: Callable[..., Any], call: Call[Any]) -> Any:
    if not call.is_recorded():
        return wrapped(*call.args, **call.kwargs)
    if _records(wrapped):
        made = partial(wrapped, *call.args, **call.kwargs)
        return generators.named(generators.drive(made, call, copy_context()), wrapped)
    body = wrapped(*call.args, **call.kwargs)
    if not inspect.isgenerator(body):
        return body
    return generators.named(generators.drive(lambda: body, call, copy_context()), body)


def _async_generator(wrapped: Callable[..., Any], call: Call[Any]) -> Any:
    if not call.is_recorded():
        return wrapped(*call.args, **call.kwargs)
    if _records(wrapped):
        made = partial(wrapped, *call.args, **call.kwargs)
        return generators.named(generators.drive_async(made, call, copy_context()), wrapped)
    body = wrapped(*call.args, **call.kwargs)
    if not inspect.isasyncgen(body):
        return body
    return generators.named(generators.drive_async(lambda: body, call, copy_context()), body)


def _records(wrapped: Callable[..., Any]) -> bool:
    """Return whether a function is decorated by this package: it takes its parent where it is called."""
    kept = wrapped if isinstance(wrapped, _Wrapper) else getattr(wrapped, "_self_parent", None)
    return isinstance(kept, _Wrapper)


_PERFORM = {
    Kind.FUNCTION: _function,
    Kind.COROUTINE: _coroutine,
    Kind.GENERATOR: _generator,
    Kind.ASYNC_GENERATOR: _async_generator,
}
