"""Reading fields of frozen objects, where nothing is certain about what stands there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from contextcompany.semconv.plain import Plain
from contextcompany.semconv.values import read_json, to_json

Block: TypeAlias = Mapping[str, Plain]
"""A frozen object: a message, a part of one, a tool."""

Part: TypeAlias = dict[str, Plain]
"""One part of a message in the form of the GenAI conventions: `type` and what belongs to it."""


def as_text(value: Plain) -> str:
    """Return a frozen value as text: itself, nothing for None, else its JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else to_json(value)[0]


def as_read(value: Plain) -> Plain:
    """Return what a text says if it is JSON; anything else as it is."""
    if isinstance(value, str):
        found, is_json = read_json(value)
        return found if is_json else value
    return value


def first(block: Block, *keys: str) -> Plain:
    """Return the first value that is there and not None."""
    return next((block[key] for key in keys if block.get(key) is not None), None)


def text_of_field(block: Block, *keys: str) -> str | None:
    """Return the first value that is text and not empty."""
    return next((value for key in keys if isinstance(value := block.get(key), str) and value), None)


def inner(block: Block, key: str) -> dict[str, Plain] | None:
    """Return the object that stands under a key."""
    value = block.get(key)
    return value if isinstance(value, dict) else None


def without(block: Block, *keys: str) -> dict[str, Plain]:
    """Return an object without some keys, and without those that hold None."""
    return {key: value for key, value in block.items() if key not in keys and value is not None}
