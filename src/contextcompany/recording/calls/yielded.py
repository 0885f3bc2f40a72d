"""What a generator yielded, as the result of its call: bounded, however long the generator runs."""

from __future__ import annotations

import sys
from typing import Any, Final, cast

from contextcompany.recording.spans.recording import Shortened
from contextcompany.semconv.values import MAX_VALUE_BYTES, freeze

MOST_ITEMS: Final = 10_000

_UNKNOWN_SIZE: Final = 64


class Yielded:
    """The items that a generator yielded so far.

    At most 10,000 items and about 1 MiB are kept; of texts alone, about 1 MiB however many they are.

    Args:
        as_they_are: keep the items themselves for a function that maps them, and not what they are now.
    """

    __slots__ = ("_as_they_are", "_is_cut", "_is_text", "_items", "_left")

    def __init__(self, *, as_they_are: bool) -> None:
        self._as_they_are = as_they_are
        self._items: list[Any] = []
        self._left = MAX_VALUE_BYTES
        self._is_text = True
        self._is_cut = False

    def add(self, item: object) -> None:
        """Keep an item as it is now."""
        if self._left < 0:
            self._is_cut = True
        elif type(item) is str:
            self._left -= len(item) or 1
            self._items.append(item)
            if len(self._items) > MOST_ITEMS:
                self._make_room()
        else:
            self._add_other(item)

    @property
    def items(self) -> list[Any]:
        """Return the items that were kept."""
        return self._items

    @property
    def result(self) -> object:
        """Return one text where all items are texts, else the list; `Shortened` where some were left out."""
        value = joined(self._items)
        return Shortened(value) if self._is_cut else value

    def _add_other(self, item: object) -> None:
        self._is_text = False
        if len(self._items) >= MOST_ITEMS:
            self._is_cut = True
        elif self._as_they_are:
            self._left -= _shallow_size(item)
            self._items.append(item)
        else:
            kept, was_cut = freeze(item, self._left)
            self._left -= _size(kept)
            self._is_cut = self._is_cut or was_cut
            self._items.append(kept)

    def _make_room(self) -> None:
        if self._is_text and not self._as_they_are:
            self._items = ["".join(self._items)]
        else:
            self._items.pop()
            self._is_cut = True


def joined(items: list[Any]) -> object:
    """Return one text where all items are texts, else the items."""
    if all(type(item) is str for item in items):
        return "".join(cast("list[str]", items))
    return items


def _shallow_size(item: object) -> int:
    """Return the size of an object without what it refers to; to know that costs as much as to copy it."""
    try:
        return sys.getsizeof(item, _UNKNOWN_SIZE)
    except Exception:  # noqa: BLE001  (a `__sizeof__` may raise anything)
        return _UNKNOWN_SIZE


def _size(plain: object) -> int:
    """Return about how many bytes a frozen value has as JSON."""
    if type(plain) is str:
        return len(plain) + 3
    if type(plain) is list:
        return 2 + sum(map(_size, cast("list[object]", plain)))
    if type(plain) is dict:
        return 2 + sum(len(key) + 4 + _size(value) for key, value in cast("dict[str, object]", plain).items())
    return 8
