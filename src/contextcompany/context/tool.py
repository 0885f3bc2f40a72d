"""`@tool`: a function that gets the context injected and whose calls are recorded.

The decorated function stays the function it was, for callers, for `inspect` and for type checkers.
"""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar, overload

from contextcompany.context.annotations import Annotations, signature_of
from contextcompany.context.arguments import Arguments
from contextcompany.context.current import VARIABLE
from contextcompany.context.injection import Parameter, context_for, context_parameter
from contextcompany.context.schema import Schema, schema_of
from contextcompany.recording.calls.calls import Call, H, kind_of, require_function, wrapped_function
from contextcompany.recording.calls.capture import NOTHING, Capture
from contextcompany.recording.handles.tool_call import ToolCall
from contextcompany.recording.handles.tool_calls import new_tool_call
from contextcompany.runtime.process import process

if TYPE_CHECKING:
    import inspect
    from collections.abc import Callable, Mapping

    from contextcompany.context.run_context import RunContext
    from contextcompany.recording.calls.capture import CaptureArgs, CaptureResult

F = TypeVar("F", bound="Callable[..., Any]")

_TOOL: Final = "_self_tool"


class ToolSpec:
    """What `@tool` knows of a function.

    Attributes:
        function: the plain function.
        name: the name that models and spans see.
        description: the description given to `@tool`, or None for the docstring's.
        kind: what a call gives: a result, an awaitable, a generator or an async generator.
        capture: what of the arguments and the result is recorded.
        parameters: the function's parameters by name, `self` and the context included.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        name: str | None,
        description: str | None,
        *,
        decorator: str = "tool",
        capture_args: CaptureArgs = True,
        capture_result: CaptureResult = True,
    ) -> None:
        require_function(function, decorator=decorator)
        self.function = function
        self.name = name or _name_of(function, decorator)
        self._owner = f"{decorator} {self.name}"
        self.capture = Capture(self._owner, capture_args, capture_result)
        self.description = description
        self.parameters = _parameters_of(function, decorator)
        self._annotations = Annotations(function)
        self._at_decoration = context_parameter(function, self._annotations.read())
        self._is_settled = self._annotations.are_known
        self.kind = kind_of(function)
        self._arguments: list[Arguments | None] = [None, None]  # of functions, of methods

    def __repr__(self) -> str:
        """Return the tool with its name."""
        return f"ToolSpec({self.name!r})"

    @property
    def parameter(self) -> Parameter | None:
        """Return the parameter that takes the context, or None."""
        return self._at_decoration if self._is_settled else self._at_first_use

    @cached_property
    def _at_first_use(self) -> Parameter | None:
        # An annotation may name a class that its module makes further down.
        return context_parameter(self.function, self._annotations.read())

    @cached_property
    def schema(self) -> Schema:
        """Return what a model needs to know of the tool; needs the extra `agents`."""
        hidden = self.parameter.name if self.parameter is not None else None
        hints = self._annotations.read()
        return schema_of(self.function, hints, name=self.name, description=self.description, hidden=hidden)

    def injected(
        self,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *,
        bound: bool,
        fallback: RunContext | None = None,
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the arguments of a call with the context put in.

        Args:
            args: the positional arguments, without `self`.
            kwargs: the keyword arguments.
            bound: whether the call is one of a method, so that `args` begin after `self`.
            fallback: the context where none was passed, else the current one.

        Raises:
            TypeError: where there is no context and no default, or one of another class.
        """
        parameter = self.parameter
        if parameter is None:
            return args, kwargs
        filled = dict(kwargs)
        index = None if parameter.position is None else parameter.position - bound
        if index is not None and index < len(args):
            context = context_for(parameter, self._owner, args[index], fallback)
            return (*args[:index], context, *args[index + 1 :]), filled
        context = context_for(parameter, self._owner, filled.get(parameter.name), fallback)
        if context is None and parameter.has_default:
            return args, filled
        if parameter.by_position and index == len(args):
            return (*args, context), filled
        filled[parameter.name] = context
        return args, filled

    def arguments(self, bound: bool) -> Arguments:
        """Return how the arguments of a call become what is recorded.

        Args:
            bound: whether the call is one of a method.
        """
        found = self._arguments[bound]
        if found is None:
            context = None if self.parameter is None else self.parameter.name
            found = self._arguments[bound] = Arguments(self.parameters, context, bound=bound)
        return found


S = TypeVar("S", bound=ToolSpec)


class ToolDecorator(Protocol):
    """What `@tool(…)` returns: it keeps the type of what it decorates."""

    def __call__(self, function: F, /) -> F:
        """Decorate a function."""
        ...


@overload
def tool(function: F, /) -> F: ...
@overload
def tool(
    *,
    name: str | None = None,
    description: str | None = None,
    capture_args: CaptureArgs = True,
    capture_result: CaptureResult = True,
) -> ToolDecorator: ...
def tool(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    capture_args: CaptureArgs = True,
    capture_result: CaptureResult = True,
) -> Any:
    """Make a function or method a tool: the context is injected, and every call inside a run is recorded.

    The context goes into the parameter annotated with `RunContext` or a subclass, else into an
    unannotated one named `ctx`. It is found among the arguments first, then as the current context.
    A call outside of any run is the plain call. What a generator yields is its result.

    Args:
        function: the function, plain, async, a generator or an async generator.
        name: the name that models and spans see, else the function's own.
        description: what models are told, else the docstring.
        capture_args: False to record no arguments, or a function from the arguments by name to what
            is recorded.
        capture_result: False to record no result, or a function from the result (of a generator: the
            list of what it yielded) to what is recorded.

    Raises:
        TypeError: where two parameters are annotated with a context; and, at the call, where there is
            no context and no default, or one of another class.
    """
    decorate = partial(
        tool_of, name=name, description=description, capture_args=capture_args, capture_result=capture_result
    )
    return decorate if function is None else decorate(function)


def tool_of(
    function: Callable[..., Any],
    name: str | None,
    description: str | None,
    *,
    capture_args: CaptureArgs = True,
    capture_result: CaptureResult = True,
) -> Any:
    """Wrap a function as a tool."""
    spec = ToolSpec(function, name, description, capture_args=capture_args, capture_result=capture_result)
    made = wrapped_function(function, partial(_RecordedCall, spec))
    setattr(made, _TOOL, spec)
    return made


def spec_of(candidate: object) -> ToolSpec | None:
    """Return what `@tool` knows of a function, None for one that is no tool."""
    found = getattr(candidate, _TOOL, None)
    if found is None:
        parent = getattr(candidate, "_self_parent", None)
        found = getattr(parent, _TOOL, None)
    return found if isinstance(found, ToolSpec) else None


class SpecCall(Call[H], Generic[H, S]):
    """One call of a function with a `ToolSpec`: what its decorators share."""

    carried = VARIABLE

    def __init__(self, spec: S, args: tuple[Any, ...], kwargs: dict[str, Any], bound: bool) -> None:
        self._spec = spec
        self._bound = bound
        if spec.parameter is None:
            self.args, self.kwargs = args, kwargs
        else:
            self.args, self.kwargs = spec.injected(args, kwargs, bound=bound)

    def is_recorded(self) -> bool:
        """Return whether there is a run here of which anything is recorded."""
        return process.is_recording_here()

    @property
    def capture(self) -> Capture:
        """Return what of the arguments and the result is recorded."""
        return self._spec.capture


class _RecordedCall(SpecCall[ToolCall, ToolSpec]):
    """One call of a tool: a tool call of the run that is current."""

    def start(self) -> ToolCall | None:
        place = process.current_place()
        if place is None or place.is_off:
            return None
        spec = self._spec
        call = new_tool_call(place, None, spec.name)
        shown = spec.arguments(self._bound).by_name(self.args, self.kwargs)
        captured = spec.capture.of_args(shown, shown)
        return call if captured is NOTHING else call.args(captured)

    def finish(self, handle: ToolCall, result: object) -> None:
        captured = self._spec.capture.of_result(result)
        if captured is not NOTHING:
            handle.result(captured)


def _name_of(function: Callable[..., Any], decorator: str) -> str:
    named: Callable[..., Any] = function
    while isinstance(named, partial):
        named = named.func
    name: object = getattr(named, "__name__", None)
    if not isinstance(name, str):
        raise TypeError(
            f"@{decorator} needs the name of what it decorates: got {type(function).__name__}, "
            "which has none; pass name="
        )
    return name


def _parameters_of(function: Callable[..., Any], decorator: str) -> Mapping[str, inspect.Parameter]:
    try:
        return signature_of(function).parameters
    except ValueError:  # some functions that are written in C
        raise TypeError(
            f"@{decorator} needs a function with a signature: got {function!r}; write a `def` that calls it"
        ) from None
