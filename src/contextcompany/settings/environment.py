"""Read environment variables: a bad value is one warning and the default, never an exception."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote

from contextcompany.diagnostics import warn_once

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")
D = TypeVar("D")
W = TypeVar("W", bound=str)

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


def text(name: str) -> str | None:
    """Return a variable's value without surrounding white space, or None when unset or empty."""
    value = os.environ.get(name, "").strip()
    return value or None


def flag(name: str, *, default: bool, doubtful: bool | None = None) -> bool:
    """Return a variable read as yes or no (`1/true/yes/on`, `0/false/no/off`, any case).

    Args:
        name: the variable.
        default: what holds where it is not set.
        doubtful: what holds where its value is none of these words, else the default.
    """
    value = text(name)
    if value is None:
        return default
    lowered = value.lower()
    if lowered in _TRUE:
        return True
    if lowered in _FALSE:
        return False
    chosen = default if doubtful is None else doubtful
    warn_once(
        ("environment", name),
        "%s is neither true nor false; %s is used: set it to true or false",
        name,
        str(chosen).lower(),
    )
    return chosen


def word(name: str, words: Sequence[W], *, default: W, doubtful: W) -> W:
    """Return a variable that holds one of these lower-case words, in any case.

    Args:
        name: the variable.
        words: what it may hold.
        default: what holds where it is not set.
        doubtful: what holds where its value is none of these words.
    """
    value = text(name)
    if value is None:
        return default
    for known in words:
        if value.lower() == known:
            return known
    warn_once(
        ("environment", name),
        "%s is none of %s; %s is used: set it to one of them",
        name,
        ", ".join(words),
        doubtful,
    )
    return doubtful


def headers(name: str) -> tuple[tuple[str, str], ...]:
    """Return a variable of the form `name=value,name2=value2` (values percent-encoded) as pairs.

    The form is the one of `OTEL_EXPORTER_OTLP_HEADERS`, from the OpenTelemetry specification.
    """
    pairs: list[tuple[str, str]] = []
    for part in (text(name) or "").split(","):
        if not part.strip():
            continue
        key, found, value = part.partition("=")
        key, value = unquote(key).strip().lower(), unquote(value).strip()
        if not found or not is_header(key, value):
            # Neither the name nor the value is said: either may be a key in the wrong place.
            warn_once(
                ("environment", name), "%s has a part that is no name=value pair; the part is left out", name
            )
            continue
        pairs.append((key, value))
    return tuple(pairs)


def is_header(key: str, value: str) -> bool:
    """Return whether a name and a value may stand in an HTTP request."""
    return (
        bool(key)
        and all(char.isalnum() or char in "!#$%&'*+-.^_`|~" for char in key)
        and key.isascii()
        and value.isascii()
        and value == value.strip()
        and all(char == "\t" or " " <= char != "\x7f" for char in value)
    )


def checked(name: str, parse: Callable[[str], T], default: D) -> T | D:
    """Return a variable read by `parse`; a ValueError of it is one warning and the default."""
    value = text(name)
    if value is None:
        return default
    try:
        return parse(value)
    except ValueError as error:
        warn_once(("environment", name), "%s is not used: %s", name, error)
        return default
