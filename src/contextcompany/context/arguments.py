"""How the arguments of a call become what is recorded: worked out once for a function, not at each call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import inspect
    from collections.abc import Mapping

_RECEIVERS: Final = ("self", "cls")
_NONE: Final = object()


class Arguments:
    """The parameters of one function, as its callers fill them.

    Args:
        parameters: the function's parameters by name, `self` and the context included.
        context: the name of the parameter that takes the context, or None.
        bound: whether calls are those of a method, so that positional arguments begin after `self`.
    """

    __slots__ = ("_default", "_first", "_hidden", "_names", "_rest")

    def __init__(
        self, parameters: Mapping[str, inspect.Parameter], context: str | None, *, bound: bool
    ) -> None:
        positional = _positional_names(parameters)
        self._names = positional[1:] if bound else positional
        self._rest = _rest_name(parameters)
        hidden = [] if context is None else [context]
        if self._names and self._names[0] in _RECEIVERS:
            # From Python 3.13 on a classmethod calls what it holds without binding it first.
            hidden.append(self._names[0])
        self._hidden = tuple(hidden)
        first = _first_parameter(parameters, context, bound=bound)
        self._first = "" if first is None else first.name
        self._default: object = _NONE
        if first is not None and first.default is not first.empty:
            self._default = first.default

    def by_name(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments of a call by parameter name, without the context and without defaults."""
        names = self._names
        shown: dict[str, Any] = dict(zip(names, args, strict=False)) if args else {}
        if len(args) > len(names):
            shown[self._rest] = list(args[len(names) :])
        if kwargs:
            shown.update(kwargs)
        for name in self._hidden:
            shown.pop(name, None)
        return shown

    def first(self, shown: Mapping[str, Any]) -> Any:
        """Return the value of the first parameter that is neither `self` nor the context.

        Args:
            shown: the arguments by name.
        """
        if self._first in shown:
            return shown[self._first]
        if self._default is not _NONE:
            return self._default
        return next(iter(shown.values()), "")


def _first_parameter(
    parameters: Mapping[str, inspect.Parameter], context: str | None, *, bound: bool
) -> inspect.Parameter | None:
    for position, (name, parameter) in enumerate(parameters.items()):
        if name != context and not (bound and position == 0):
            return parameter
    return None


def _positional_names(parameters: Mapping[str, inspect.Parameter]) -> tuple[str, ...]:
    return tuple(
        name
        for name, parameter in parameters.items()
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    )


def _rest_name(parameters: Mapping[str, inspect.Parameter]) -> str:
    """Return the name of `*args`; without one, further arguments are on their way to a TypeError."""
    return next((one.name for one in parameters.values() if one.kind is one.VAR_POSITIONAL), "args")
