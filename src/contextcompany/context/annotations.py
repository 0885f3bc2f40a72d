"""The annotations of a function as objects, also where they stand as text."""

from __future__ import annotations

import inspect
import typing
from typing import TYPE_CHECKING, Any, Final, get_args

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_MODULE: Final = "<module>"


class Annotations:
    """The annotations of one function.

    Args:
        function: the function, at its decoration: names that are local to the functions around it are
            looked up there and then, for the frames are gone later.

    Attributes:
        are_known: whether all of them could be evaluated when they were read last.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = inspect.unwrap(function)
        wanted = {name for text in _texts(self._raw().values()) for name in _names(text)}
        self._local = {**_names_around(self._function, wanted), **_closure(self._function)} if wanted else {}
        self.are_known = False

    def read(self) -> dict[str, Any]:
        """Return the annotations by parameter name, evaluated where they can be, else as text."""
        try:
            found = typing.get_type_hints(self._function, localns=self._local or None, include_extras=True)
        except Exception:  # noqa: BLE001  (an annotation may name what exists for type checkers only)
            found = {name: self._evaluated(value) for name, value in self._raw().items()}
        self.are_known = not any(map(_is_open, found.values()))
        return found

    def _raw(self) -> dict[str, Any]:
        return dict(getattr(self._function, "__annotations__", {}))

    def _evaluated(self, annotation: Any) -> Any:
        if not isinstance(annotation, str):
            return annotation
        try:
            return eval(annotation, getattr(self._function, "__globals__", {}), self._local)  # noqa: S307  (the function's own source)
        except Exception:  # noqa: BLE001  (see above)
            return annotation


def _texts(annotations: Any) -> Iterator[str]:
    for one in annotations:
        if isinstance(one, str):
            yield one
        elif isinstance(one, typing.ForwardRef):
            yield one.__forward_arg__
        else:
            yield from _texts(get_args(one))


def _is_open(annotation: Any) -> bool:
    return isinstance(annotation, (str, typing.ForwardRef)) or any(
        not isinstance(one, str) and _is_open(one) for one in get_args(annotation)
    )


def _names(text: str) -> tuple[str, ...]:
    try:
        return compile(text, "<annotation>", "eval").co_names
    except (SyntaxError, ValueError):
        return ()


def _closure(function: Callable[..., Any]) -> dict[str, Any]:
    names = getattr(getattr(function, "__code__", None), "co_freevars", ())
    found: dict[str, Any] = {}
    for name, cell in zip(names, getattr(function, "__closure__", None) or (), strict=False):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # a name that gets its value later
            continue
    return found


def _names_around(function: Callable[..., Any], wanted: set[str]) -> Mapping[str, Any]:
    """Return the wanted names that the functions and classes around a function have just now."""
    path = getattr(function, "__qualname__", "")
    module = getattr(function, "__globals__", None)
    found: dict[str, Any] = {}
    frame = inspect.currentframe()
    while frame is not None:
        name = frame.f_code.co_qualname
        if frame.f_globals is module and name != _MODULE and path.startswith(f"{name}."):
            # The innermost wins, as it does in the language.
            for key in wanted - found.keys() & frame.f_locals.keys():
                found[key] = frame.f_locals[key]
        frame = frame.f_back
    return found
