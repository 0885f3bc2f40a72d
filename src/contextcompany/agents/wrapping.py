"""`@agent`: an agent function of anyone's own, recorded as a run, with the context injected."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, overload

from contextcompany.context.current import VARIABLE, current_context
from contextcompany.context.recorded import record_context
from contextcompany.context.run_context import for_call
from contextcompany.context.tool import SpecCall, ToolDecorator, ToolSpec
from contextcompany.recording.calls.calls import wrapped_function
from contextcompany.recording.calls.capture import or_empty
from contextcompany.recording.handles.runs import run as start_run
from contextcompany.semconv import attributes as names

if TYPE_CHECKING:
    from collections.abc import Callable

    from contextcompany.context.injection import Parameter
    from contextcompany.context.run_context import RunContext
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


class _Call(SpecCall["Run", ToolSpec]):
    """One call: a run, with the context put into the arguments."""

    has_inside = True

    def __init__(self, spec: ToolSpec, args: tuple[Any, ...], kwargs: dict[str, Any], bound: bool) -> None:
        self._spec = spec
        arguments = spec.arguments(bound)
        self._shown = arguments.by_name(args, kwargs)
        self._prompt = prompt = arguments.first(self._shown)
        self._before: RunContext | None = None
        text = prompt if isinstance(prompt, str) else ""
        parameter = spec.parameter
        if parameter is None:
            self._context = for_call(current_context(), text)
            self.args, self.kwargs = args, kwargs
        else:
            given, args, kwargs = _taken(parameter, args, kwargs, bound=bound)
            self._context = for_call(given, text)
            self.args, self.kwargs = spec.injected(args, kwargs, bound=bound, fallback=self._context)

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


def _taken(
    parameter: Parameter, args: tuple[Any, ...], kwargs: dict[str, Any], *, bound: bool
) -> tuple[object, tuple[Any, ...], dict[str, Any]]:
    """Return the context of a call, the current one where none was passed, and the arguments without it.

    It leaves None where it stood among the positional ones, so that the agent's copy goes in.
    """
    given: object = kwargs.get(parameter.name)
    index = None if parameter.position is None else parameter.position - bound
    if index is not None and index < len(args):
        given = args[index] if given is None else given
        args = (*args[:index], None, *args[index + 1 :])
    rest = {key: value for key, value in kwargs.items() if key != parameter.name}
    return current_context() if given is None else given, args, rest
