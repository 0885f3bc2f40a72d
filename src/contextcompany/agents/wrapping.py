"""`@agent`: an agent function of anyone's own, recorded as a run, with the context injected."""

from __future__ import annotations

import inspect
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, overload

import wrapt

from contextcompany.context.current import current_context, using_context
from contextcompany.context.recorded import record_context
from contextcompany.context.run_context import RunContext, context_of, for_agent
from contextcompany.context.tool import ToolDecorator, ToolSpec
from contextcompany.recording.run import run as start_run
from contextcompany.semconv import attributes as names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from contextcompany.recording.run import Run

F = TypeVar("F", bound="Callable[..., Any]")


@overload
def agent(function: F, /) -> F: ...
@overload
def agent(*, name: str | None = None) -> ToolDecorator: ...


def agent(function: Callable[..., Any] | None = None, /, *, name: str | None = None) -> Any:
    """Record each call of a function as a run.

    Its first argument is the prompt, its return value the response. The context goes into the
    parameter annotated with `RunContext` or a subclass, else into an unannotated one named `ctx`, and
    is the current context inside of the call.

    Args:
        function: the function or method, sync or async.
        name: the agent's name on the run, else the function's own.

    Raises:
        TypeError: where two parameters are annotated with a context; and, at the call, where there is
            no context and no default, or one of another class.
    """
    if function is None:
        return partial(_wrapped, name=name)
    return _wrapped(function, name)


def _wrapped(function: Callable[..., Any], name: str | None) -> Any:
    spec = ToolSpec(function, name, None, kind="agent")

    async def call_async(
        wrapped: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], *, bound: bool
    ) -> Any:
        call = _Call(spec, args, kwargs, bound=bound)
        with call.run as run, using_context(call.context):
            result = await wrapped(*call.args, **call.kwargs)
            run.response(result)
            return result

    def wrapper(
        wrapped: Callable[..., Any], instance: object, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        bound = instance is not None
        if spec.is_async:
            return call_async(wrapped, args, kwargs, bound=bound)
        call = _Call(spec, args, kwargs, bound=bound)
        with call.run as run, using_context(call.context):
            result = wrapped(*call.args, **call.kwargs)
            run.response(result)
            return result

    return wrapt.FunctionWrapper(function, wrapper)


class _Call:
    """One call: its run, not yet entered, and its arguments with the context put in."""

    def __init__(
        self, spec: ToolSpec, args: tuple[Any, ...], kwargs: Mapping[str, Any], *, bound: bool
    ) -> None:
        prompt = _prompt(spec, spec.recorded(args, kwargs, bound=bound), bound=bound)
        given = self._given(spec, args, kwargs, bound=bound)
        text = prompt if isinstance(prompt, str) else ""
        self.context = for_agent(context_of(given), None, text)
        self.args, self.kwargs = spec.injected(
            *_without(spec, args, kwargs, bound=bound), bound=bound, fallback=self.context
        )
        recorded = record_context(self.context, None)
        self.run: Run = start_run(session_id=recorded.session_id)
        self.run.prompt(prompt).metadata({**recorded.metadata, names.TCC_AGENT: spec.name})

    @staticmethod
    def _given(
        spec: ToolSpec, args: tuple[Any, ...], kwargs: Mapping[str, Any], *, bound: bool
    ) -> RunContext | None:
        parameter = spec.parameter
        if parameter is not None:
            if kwargs.get(parameter.name) is not None:
                return context_of(kwargs[parameter.name])
            index = None if parameter.position is None else parameter.position - bound
            if index is not None and index < len(args) and args[index] is not None:
                return context_of(args[index])
        return current_context()


def _prompt(spec: ToolSpec, shown: Mapping[str, Any], *, bound: bool) -> Any:
    """Return the value of the first parameter that is neither `self` nor the context."""
    context = spec.parameter.name if spec.parameter is not None else None
    for position, (name, parameter) in enumerate(inspect.signature(spec.function).parameters.items()):
        if name == context or (bound and position == 0):
            continue
        if name in shown:
            return shown[name]
        if parameter.default is not parameter.empty:
            return parameter.default
        break
    return next(iter(shown.values()), "")


def _without(
    spec: ToolSpec, args: tuple[Any, ...], kwargs: Mapping[str, Any], *, bound: bool
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments with None in the place of the given context, so that the copy goes in."""
    parameter = spec.parameter
    if parameter is None:
        return args, dict(kwargs)
    index = None if parameter.position is None else parameter.position - bound
    if index is not None and index < len(args):
        args = (*args[:index], None, *args[index + 1 :])
    return args, {key: value for key, value in kwargs.items() if key != parameter.name}
