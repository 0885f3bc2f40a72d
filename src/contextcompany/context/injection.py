"""Injection: which parameter of a function takes the context, and what is put there."""

from __future__ import annotations

import inspect
import types
import typing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final, Union, get_args, get_origin

from contextcompany.context.current import current_context
from contextcompany.context.run_context import RunContext

if TYPE_CHECKING:
    from collections.abc import Callable

CONVENTIONAL_NAME: Final = "ctx"


@dataclass(frozen=True, slots=True)
class Parameter:
    """The parameter that takes the context.

    Attributes:
        name: its name.
        position: its index among the positional parameters, or None if it is keyword-only.
        expected: the class that the context must have.
        has_default: whether the function can do without a context.
        accepts_none: whether None may be passed for it.
    """

    name: str
    position: int | None
    expected: type[Any]
    has_default: bool
    accepts_none: bool


def context_parameter(function: Callable[..., Any]) -> Parameter | None:
    """Return the parameter that takes the context, or None where there is none.

    It is the one annotated with `RunContext` or a subclass (also Optional, `X | None`, Annotated, or
    a string annotation), whatever its name; else an unannotated one named `ctx`.

    Raises:
        TypeError: where two parameters are annotated so.
    """
    signature = inspect.signature(function)
    hints = type_hints(function)
    found: list[Parameter] = []
    position = 0
    for name, parameter in signature.parameters.items():
        positional = parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        expected, optional = _context_class(hints.get(name))
        if expected is None and name == CONVENTIONAL_NAME and parameter.annotation is parameter.empty:
            expected, optional = RunContext, False
        if expected is not None and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            has_default = parameter.default is not parameter.empty
            found.append(
                Parameter(
                    name,
                    position if positional else None,
                    expected,
                    has_default,
                    optional or (has_default and parameter.default is None),
                )
            )
        position += positional
    annotated = [
        one for one in found if signature.parameters[one.name].annotation is not inspect.Parameter.empty
    ]
    if len(annotated) > 1:
        names = " and ".join(one.name for one in annotated)
        raise TypeError(
            f"tool {function.__qualname__} takes the context twice: got {names}; annotate only one of them"
        )
    return next(iter(annotated or found), None)


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
    context = given if given is not None else (fallback or current_context())
    if context is None:
        if parameter.has_default or parameter.accepts_none:
            return None
        raise TypeError(
            f"{taker} needs a context: expected {parameter.expected.__name__}, got none; "
            "run it by an agent with context=…, or pass it"
        )
    if not isinstance(context, parameter.expected):
        raise TypeError(
            f"{taker} needs another context: expected {parameter.expected.__name__}, "
            f"got {type(context).__name__}; pass a context of that class to agent.run()"
        )
    return context


def type_hints(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the annotations of a function, evaluated where they can be, else as they stand."""
    target = inspect.unwrap(function)
    try:
        return typing.get_type_hints(target, include_extras=True)
    except Exception:  # noqa: BLE001  (an annotation may name what exists for type checkers only)
        return {name: _evaluated(value, target) for name, value in _raw_annotations(target).items()}


def _raw_annotations(function: Callable[..., Any]) -> dict[str, Any]:
    return dict(getattr(function, "__annotations__", {}))


def _evaluated(annotation: Any, function: Callable[..., Any]) -> Any:
    if not isinstance(annotation, str):
        return annotation
    try:
        return eval(annotation, getattr(function, "__globals__", {}), _closure(function))  # noqa: S307  (the function's own source)
    except Exception:  # noqa: BLE001  (see above)
        return annotation


def _closure(function: Callable[..., Any]) -> dict[str, Any]:
    names = getattr(getattr(function, "__code__", None), "co_freevars", ())
    cells = getattr(function, "__closure__", None) or ()
    return {name: cell.cell_contents for name, cell in zip(names, cells, strict=False)}


def _context_class(hint: Any) -> tuple[type[Any] | None, bool]:
    """Return the context class that an annotation names, and whether it admits None."""
    origin = get_origin(hint)
    if origin is Annotated:
        return _context_class(get_args(hint)[0])
    if origin in (Union, types.UnionType):
        members = get_args(hint)
        found = [one for one, _ in map(_context_class, members) if one is not None]
        return (found[0] if found else None), type(None) in members
    if isinstance(hint, type) and issubclass(hint, RunContext):
        return hint, False
    return None, False
