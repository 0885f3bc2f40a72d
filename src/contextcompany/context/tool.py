"""`@tool`: a function that gets the context injected and whose calls are recorded.

The decorated function stays the function it was, for callers, for `inspect` and for type checkers.
"""

from __future__ import annotations

import inspect
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar, overload

import wrapt

from contextcompany.context.annotations import Annotations, signature_of
from contextcompany.context.injection import Parameter, context_for, context_parameter
from contextcompany.context.schema import Schema, schema_of
from contextcompany.recording.tool_call import new_tool_call
from contextcompany.runtime.process import process

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from contextcompany.context.run_context import RunContext

F = TypeVar("F", bound="Callable[..., Any]")

_TOOL: Final = "_self_tool"


class ToolSpec:
    """What `@tool` knows of a function.

    Attributes:
        function: the plain function.
        name: the name that models and spans see.
        description: the description given to `@tool`, or None for the docstring's.
        is_async: whether a call returns an awaitable.
    """

    def __init__(
        self, function: Callable[..., Any], name: str | None, description: str | None, *, kind: str = "tool"
    ) -> None:
        plain = inspect.unwrap(function)
        if inspect.isgeneratorfunction(plain) or inspect.isasyncgenfunction(plain):
            raise TypeError(
                f"{kind} {function.__qualname__} must return its result: got a generator function; "
                "return a list, or record what it yields by hand"
            )
        self._kind = kind
        self.function = function
        self.name = name or function.__name__
        self.description = description
        self._annotations = Annotations(function)
        self._at_decoration = context_parameter(function, self._annotations.read())
        self._is_settled = self._annotations.are_known
        self.is_async = inspect.iscoroutinefunction(inspect.unwrap(function))
        self._names = _positional_names(function)
        self._rest = _rest_name(function)

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
        kwargs: Mapping[str, Any],
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
        filled = dict(kwargs)
        parameter = self.parameter
        if parameter is None:
            return args, filled
        index = None if parameter.position is None else parameter.position - bound
        if index is not None and index < len(args):
            context = context_for(parameter, f"{self._kind} {self.name}", args[index], fallback)
            return (*args[:index], context, *args[index + 1 :]), filled
        context = context_for(parameter, f"{self._kind} {self.name}", filled.get(parameter.name), fallback)
        if context is None and parameter.has_default:
            return args, filled
        if parameter.by_position and index == len(args):
            return (*args, context), filled
        filled[parameter.name] = context
        return args, filled

    def recorded(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], *, bound: bool) -> dict[str, Any]:
        """Return the arguments of a call by parameter name, the context left out."""
        names = self._names[1:] if bound else self._names
        shown: dict[str, Any] = dict(zip(names, args, strict=False))
        if len(args) > len(names):
            shown[self._rest] = list(args[len(names) :])
        shown.update(kwargs)
        if self.parameter is not None:
            shown.pop(self.parameter.name, None)
        if names[:1] in (("self",), ("cls",)):
            # From Python 3.13 on a classmethod calls what it holds without binding it first.
            shown.pop(names[0], None)
        return shown


class ToolDecorator(Protocol):
    """What `@tool(…)` returns: it keeps the type of what it decorates."""

    def __call__(self, function: F, /) -> F:
        """Decorate a function."""
        ...


@overload
def tool(function: F, /) -> F: ...
@overload
def tool(*, name: str | None = None, description: str | None = None) -> ToolDecorator: ...
def tool(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
) -> Any:
    """Make a function or method a tool: the context is injected, and every call inside a run is recorded.

    The context goes into the parameter annotated with `RunContext` or a subclass, else into an
    unannotated one named `ctx`. It is found among the arguments first, then as the current context.
    A call outside of any run is the plain call.

    Args:
        function: the function, sync or async.
        name: the name that models and spans see, else the function's own.
        description: what models are told, else the docstring.

    Raises:
        TypeError: where two parameters are annotated with a context; and, at the call, where there is
            no context and no default, or one of another class.
    """
    if function is None:
        return partial(tool_of, name=name, description=description)
    return tool_of(function, name, description)


def tool_of(function: Callable[..., Any], name: str | None, description: str | None) -> Any:
    """Wrap a function as a tool."""
    if isinstance(function, (staticmethod, classmethod)):
        kind = "staticmethod" if isinstance(function, staticmethod) else "classmethod"
        raise TypeError(f"@tool goes below @{kind}: got the {kind} object; swap the two decorators")
    spec = ToolSpec(function, name, description)
    wrapper = _call_async if spec.is_async else _call
    made = wrapt.FunctionWrapper(function, wrapper(spec))
    setattr(made, _TOOL, spec)
    return made


def spec_of(candidate: object) -> ToolSpec | None:
    """Return what `@tool` knows of a function, None for one that is no tool."""
    found = getattr(candidate, _TOOL, None)
    if found is None:
        parent = getattr(candidate, "_self_parent", None)
        found = getattr(parent, _TOOL, None)
    return found if isinstance(found, ToolSpec) else None


def _call(spec: ToolSpec) -> Callable[..., Any]:
    def wrapper(
        wrapped: Callable[..., Any], instance: object, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        bound = instance is not None
        args, kwargs = spec.injected(args, kwargs, bound=bound)
        place = process.current_place()
        if place is None:
            return wrapped(*args, **kwargs)
        with new_tool_call(place, None, spec.name) as call:
            call.args(spec.recorded(args, kwargs, bound=bound))
            result = wrapped(*args, **kwargs)
            call.result(result)
            return result

    return wrapper


def _call_async(spec: ToolSpec) -> Callable[..., Any]:
    def wrapper(
        wrapped: Callable[..., Any], instance: object, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        bound = instance is not None
        args, kwargs = spec.injected(args, kwargs, bound=bound)

        async def call_tool() -> Any:
            place = process.current_place()
            if place is None:
                return await wrapped(*args, **kwargs)
            with new_tool_call(place, None, spec.name) as call:
                call.args(spec.recorded(args, kwargs, bound=bound))
                result = await wrapped(*args, **kwargs)
                call.result(result)
                return result

        return call_tool()

    return wrapper


def _positional_names(function: Callable[..., Any]) -> tuple[str, ...]:
    return tuple(
        name
        for name, parameter in signature_of(function).parameters.items()
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    )


def _rest_name(function: Callable[..., Any]) -> str:
    """Return the name of `*args`; without one, further arguments are on their way to a TypeError."""
    parameters = signature_of(function).parameters.values()
    return next((one.name for one in parameters if one.kind is one.VAR_POSITIONAL), "args")
