"""Check what was passed to `configure`: a wrong argument raises at once and says what to do."""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from contextcompany.settings import environment

if TYPE_CHECKING:
    from contextcompany.settings.destination import Headers


def check_types(
    *,
    text: Mapping[str, object],
    flags: Mapping[str, object],
    mappings: Mapping[str, object],
    methods: Mapping[str, tuple[object, str]],
) -> None:
    """Raise TypeError for the first argument that is not what it must be; None is always allowed."""
    for group, kind, wanted in (
        (text, str, "text"),
        (flags, bool, "True, False"),
        (mappings, Mapping, "a dict"),
    ):
        for name, value in group.items():
            if value is not None and not isinstance(value, kind):
                raise TypeError(f"{name} must be {wanted} or None: got {type(value).__name__}; correct it")
    for name, (value, method) in methods.items():
        if value is not None and not callable(getattr(value, method, None)):
            raise TypeError(f"{name} must have {method}(): got {type(value).__name__}; pass such an object")


def check_word(name: str, value: object, words: Sequence[str]) -> None:
    """Raise ValueError for anything but one of these words."""
    if not (isinstance(value, str) and value in words):
        wanted = " or ".join(map(repr, words))
        raise ValueError(f"{name} must be {wanted}: got {value!r}; choose one")


def check_share(name: str, value: object) -> float:
    """Return a share of the whole as a float.

    Raises:
        TypeError: for anything but a number.
        ValueError: for a number outside of 0 to 1.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} must be a number from 0 to 1: got {type(value).__name__}; pass e.g. 0.1")
    if not 0 <= value <= 1:
        raise ValueError(f"{name} must be a number from 0 to 1: got {value!r}; pass e.g. 0.1")
    return float(value)


def check_function(name: str, value: object, form: str) -> None:
    """Raise TypeError for what cannot be called, or only awaited; None is allowed."""
    if value is None:
        return
    if not callable(value):
        raise TypeError(f"{name} must be a function {form}: got {type(value).__name__}; pass one or None")
    call: object = getattr(type(value), "__call__", None)  # noqa: B004  (its kind is asked for)
    if inspect.iscoroutinefunction(value) or inspect.iscoroutinefunction(call):
        raise TypeError(f"{name} must be a function {form}: got one that has to be awaited; pass a plain one")


def checked_headers(headers: Mapping[str, str]) -> Headers:
    """Return headers as pairs with names in lower case.

    Raises:
        ValueError: for a name or a value that cannot stand in an HTTP request.
    """
    pairs: list[tuple[str, str]] = []
    for key, value in headers.items():
        if not isinstance(key, str) or not isinstance(value, str) or not environment.is_header(key, value):
            # The value may be a key, so it is not said.
            raise ValueError(f"headers must be text without line breaks: got {key!r} with an unusable value")
        pairs.append((key.lower(), value))
    return tuple(pairs)


def path(name: str, value: str | os.PathLike[str] | None) -> str | None:
    """Return a path as absolute text, `~` resolved; nothing need be there.

    Raises:
        TypeError: for anything but text, a path object or None.
    """
    if value is None:
        return None
    found = os.fspath(value) if isinstance(value, (str, os.PathLike)) else value
    if not isinstance(found, str):
        raise TypeError(f"{name} must be text or a path: got {type(value).__name__}; pass one or None")
    found = os.path.expanduser(found)  # noqa: PTH111  (of text, which pathlib would rewrite)
    try:
        return os.path.abspath(found)  # noqa: PTH100  (see above)
    except FileNotFoundError:  # a relative path, and the working directory is gone
        return found


def existing(name: str, value: str) -> str:
    """Return the absolute path of a file or folder that is there.

    Raises:
        ValueError: where nothing is.
    """
    found = path(name, value)
    if found is None or not Path(found).exists():
        raise ValueError(f"{name} must name a file or folder: nothing is at {value!r}; correct it")
    return found
