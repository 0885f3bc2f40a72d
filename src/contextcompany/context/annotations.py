"""The annotations of a function as objects, also where they stand as text."""

from __future__ import annotations

import inspect
import sys
import typing
from typing import TYPE_CHECKING, Any, Final, get_args

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_MODULE: Final = "<module>"


def raw_annotations(owner: Any) -> dict[str, Any]:
    """Return the annotations of a function or class as they stand, names that are not there yet included."""
    if sys.version_info >= (3, 14):
        import annotationlib

        lib: Any = annotationlib
        found: dict[str, Any] = lib.get_annotations(owner, format=lib.Format.FORWARDREF)
        return found
    return dict(inspect.get_annotations(owner))


def signature_of(function: Callable[..., Any]) -> inspect.Signature:
    """Return the signature of a function, of which an annotation may name what is not there yet."""
    if sys.version_info >= (3, 14):
        import annotationlib

        lib: Any = annotationlib
        read: Any = inspect.signature
        found: inspect.Signature = read(function, annotation_format=lib.Format.FORWARDREF)
        return found
    return inspect.signature(function)


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
        wanted = {name for text in _texts(raw_annotations(self._function).values()) for name in _names(text)}
        self._local = {**_names_around(self._function, wanted), **_closure(self._function)} if wanted else {}
        self.are_known = False

    def read(self) -> dict[str, Any]:
        """Return the annotations by parameter name, evaluated where they can be, else as text."""
        try:
            found = typing.get_type_hints(self._function, localns=self._local or None, include_extras=True)
        except Exception:  # noqa: BLE001  (an annotation may name what exists for type checkers only)
            found = {name: self._evaluated(value) for name, value in raw_annotations(self._function).items()}
        self.are_known = not any(map(_is_open, found.values()))
        return found

    def _evaluated(self, annotation: Any) -> Any:
        text = annotation.__forward_arg__ if isinstance(annotation, typing.ForwardRef) else annotation
        if not isinstance(text, str):
            return annotation
        try:
            return eval(text, getattr(self._function, "__globals__", {}), self._local)  # noqa: S307  (the function's own source)
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
            found = {**{key: frame.f_locals[key] for key in wanted if key in frame.f_locals}, **found}
        frame = frame.f_back
    return found
