"""Injection: which parameter of a function takes the context, and what is put there."""

from __future__ import annotations

import types
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar, Union, get_args, get_origin

from contextcompany.context.annotations import signature_of
from contextcompany.context.current import current_context
from contextcompany.context.run_context import RunContext, stands_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CONVENTIONAL_NAME: Final = "ctx"


@dataclass(frozen=True, slots=True)
class Parameter:
    """The parameter that takes the context.

    Attributes:
        name: its name.
        position: its index among the positional parameters, or None if it is keyword-only.
        expected: the classes of which the context must have one.
        has_default: whether the function can do without a context.
        accepts_none: whether None may be passed for it.
        by_position: whether it cannot be passed by keyword.
    """

    name: str
    position: int | None
    expected: tuple[type[Any], ...]
    has_default: bool
    accepts_none: bool
    by_position: bool

    @property
    def expected_names(self) -> str:
        """Return the expected classes for an error message."""
        return " or ".join(kind.__name__ for kind in self.expected)


def context_parameter(function: Callable[..., Any], hints: Mapping[str, Any]) -> Parameter | None:
    """Return the parameter that takes the context, or None where there is none.

    It is the one annotated with `RunContext` or a subclass (also Optional, `X | None`, Annotated, or
    a string annotation), whatever its name; else one named `ctx` that has no annotation, or one that
    cannot be evaluated.

    Args:
        function: the function.
        hints: its annotations, see `Annotations`.

    Raises:
        TypeError: where two parameters are annotated so.
    """
    annotated: list[Parameter] = []
    conventional: Parameter | None = None
    position = 0
    for name, parameter in signature_of(function).parameters.items():
        positional = parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        hint = hints.get(name, parameter.annotation)
        expected, optional = _context_classes(hint)
        has_default = parameter.default is not parameter.empty
        found = Parameter(
            name,
            position if positional else None,
            expected or (RunContext,),
            has_default,
            optional or (has_default and parameter.default is None),
            parameter.kind is parameter.POSITIONAL_ONLY,
        )
        if positional or parameter.kind is parameter.KEYWORD_ONLY:
            if expected:
                annotated.append(found)
            elif name == CONVENTIONAL_NAME and (hint is parameter.empty or isinstance(hint, str)):
                conventional = found
        position += positional
    if len(annotated) > 1:
        names = " and ".join(one.name for one in annotated)
        raise TypeError(
            f"{function.__qualname__} takes the context twice: got {names}; annotate only one of them"
        )
    return annotated[0] if annotated else conventional


def context_for(
    parameter: Parameter, taker: str, given: object, fallback: RunContext | None = None
) -> object:
    """Return the context to pass: the given one, else the current one.

    Args:
        parameter: where it goes.
        taker: who takes it, such as `tool search`, for the error message.
        given: what the caller passed, or None.
        fallback: what is taken where the caller passed none, else the current context.

    Returns:
        The context, or None where the function has a default or takes None.

    Raises:
        TypeError: where there is none and no default, or it is of another class than the annotated one.
    """
    context = next((one for one in (given, fallback) if one is not None), None)
    if context is None:
        context = current_context()
    if given is None and stands_in(context):
        # It has a query and nothing more: good where any context will do, and none can be left out.
        optional = parameter.has_default or parameter.accepts_none
        context = context if isinstance(context, parameter.expected) and not optional else None
    if context is None:
        if parameter.has_default or parameter.accepts_none:
            return None
        raise TypeError(
            f"{taker} needs a context: expected {parameter.expected_names}, got none; "
            "run it by an agent with context=…, or pass it"
        )
    if not isinstance(context, parameter.expected):
        raise TypeError(
            f"{taker} needs another context: expected {parameter.expected_names}, "
            f"got {type(context).__name__}; pass a context of that class to agent.run()"
        )
    return context


def _context_classes(hint: Any) -> tuple[tuple[type[Any], ...], bool]:
    """Return the context classes that an annotation names, and whether it admits None."""
    origin = get_origin(hint)
    if origin is Annotated:
        return _context_classes(get_args(hint)[0])
    if origin in (Union, types.UnionType):
        members = get_args(hint)
        return tuple(kind for one in members for kind in _context_classes(one)[0]), type(None) in members
    if isinstance(hint, TypeVar):
        bounds = hint.__constraints__ or (hint.__bound__,)
        return tuple(kind for one in bounds for kind in _context_classes(one)[0]), False
    # A generic class with its parameters, such as `App[int]`, has the class as its origin.
    kind = hint if origin is None else origin
    if isinstance(kind, type) and issubclass(kind, RunContext):
        return (kind,), False
    return (), False
