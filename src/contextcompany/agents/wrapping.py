"""`@agent`: an agent function of anyone's own, recorded as a run, with the context injected."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, overload

from contextcompany.context.current import VARIABLE, current_context
from contextcompany.context.recorded import record_context
from contextcompany.context.run_context import RunContext, context_of, for_agent
from contextcompany.context.tool import SpecCall, ToolDecorator, ToolSpec
from contextcompany.recording.calls.calls import wrapped_function
from contextcompany.recording.calls.capture import or_empty
from contextcompany.recording.handles.run import run as start_run
from contextcompany.semconv import attributes as names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from contextcompany.recording.calls.capture import CaptureArgs, CaptureResult
    from contextcompany.recording.handles.run import Run

F = TypeVar("F", bound="Callable[..., Any]")


@overload
def agent(function: F, /) -> F: ...
@overload
def agent(
    *, name: str | None = None, capture_args: CaptureArgs = True, capture_result: CaptureResult = True
) -> ToolDecorator: ...


def agent(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    capture_args: CaptureArgs = True,
    capture_result: CaptureResult = True,
) -> Any:
    """Record each call of a function as a run.

    Its first argument is the prompt, its return value (of a generator: what it yields) the response. The
    context goes into the parameter annotated with `RunContext` or a subclass, else into an unannotated
    one named `ctx`, and is the current context inside of the call.

    Args:
        function: the function or method, plain, async, a generator or an async generator.
        name: the agent's name on the run, else the function's own.
        capture_args: False to record no prompt, or a function from the arguments by name to the prompt
            that is recorded.
        capture_result: False to record no response, or a function from the result (of a generator: the
            list of what it yielded) to the response that is recorded.

    Raises:
        TypeError: where two parameters are annotated with a context; and, at the call, where there is
            no context and no default, or one of another class.
    """
    decorate = partial(_wrapped, name=name, capture_args=capture_args, capture_result=capture_result)
    return decorate if function is None else decorate(function)


def _wrapped(
    function: Callable[..., Any],
    *,
    name: str | None,
    capture_args: CaptureArgs,
    capture_result: CaptureResult,
) -> Any:
    spec = ToolSpec(
        function, name, None, decorator="agent", capture_args=capture_args, capture_result=capture_result
    )
    return wrapped_function(function, partial(_Call, spec))


class _Call(SpecCall["Run"]):
    """One call: a run, with the context put into the arguments."""

    def __init__(
        self, spec: ToolSpec, args: tuple[Any, ...], kwargs: Mapping[str, Any], *, bound: bool
    ) -> None:
        self._spec = spec
        self._shown = spec.recorded(args, kwargs, bound=bound)
        self._prompt = first_argument(spec, self._shown, bound=bound)
        given = self._given(spec, args, kwargs, bound=bound)
        text = self._prompt if isinstance(self._prompt, str) else ""
        self._context = for_agent(context_of(given), None, text)
        self._before: RunContext | None = None
        self.args, self.kwargs = spec.injected(
            *_without(spec, args, kwargs, bound=bound), bound=bound, fallback=self._context
        )

    def is_recorded(self) -> bool:
        return True

    def start(self) -> Run:
        recorded = record_context(self._context, None)
        run = start_run(session_id=recorded.session_id)
        run.prompt(or_empty(self._spec.capture.of_args(self._shown, self._prompt)))
        return run.metadata({**recorded.metadata, names.TCC_AGENT: self._spec.name})

    def finish(self, handle: Run, result: object) -> None:
        handle.response(or_empty(self._spec.capture.of_result(result)))

    def enter(self) -> None:
        self._before = VARIABLE.get()
        VARIABLE.set(self._context)

    def leave(self) -> None:
        # By value, not by token: the call may end in another context than it began in.
        if VARIABLE.get() is self._context:
            VARIABLE.set(self._before)

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


def first_argument(spec: ToolSpec, shown: Mapping[str, Any], *, bound: bool) -> Any:
    """Return the value of the first parameter that is neither `self` nor the context."""
    context = spec.parameter.name if spec.parameter is not None else None
    for position, (name, parameter) in enumerate(spec.parameters.items()):
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
