"""Foreign objects taken apart, one level deep, into what JSON types can be built from.

Objects are known by what their class offers, never by importing the package they come from, and always
through the class: an instance may answer for any attribute, or raise.
"""

from __future__ import annotations

import dataclasses
from collections import UserString, deque
from collections.abc import ItemsView, KeysView, Mapping, Sequence, ValuesView
from collections.abc import Set as AbstractSet
from enum import Enum
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from contextcompany.semconv.text import class_name, class_of, is_consumed_by_reading, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Reader = Callable[[Any, int], object]

_ATTEMPTS: Final = 3
_MOST_ARRAY_ITEMS: Final = 10_000
_MISSING: Final = object()


class Pairs(list[tuple[object, object]]):
    """Hold the keys and values of a mapping or of an object with fields."""


class Items:
    """Hold items that are to be read while they are copied, since each may be large and made on demand."""

    __slots__ = ("items",)

    def __init__(self, items: Iterable[object]) -> None:
        self.items = items


def unpacked(value: object, most: int) -> object:
    """Return what an object holds: `Pairs`, `Items`, a list, a memoryview, a scalar, or its text.

    What it returns is not copied deeper, and may hold any object again. Raises whatever the object's own
    methods raise.

    Args:
        value: an object whose exact type is no JSON type.
        most: how many items to read at most.
    """
    cls: Any = type(value)
    reader: Reader = _reader_of(cls)
    return reader(value, most)


def listed(items: Callable[[], Iterable[Any]], most: int) -> list[Any]:
    """Return the first items of a container that other threads may change at the same time.

    Raises RuntimeError where it changed during each of three attempts.

    Args:
        items: gives a fresh iterable of the items.
        most: how many items to read at most.
    """
    for _ in range(_ATTEMPTS - 1):
        try:
            return list(islice(items(), most))
        except RuntimeError:  # changed size during iteration
            continue
    return list(islice(items(), most))


# Bounded, since programs may make classes without end; the key is the class, which tells all.
@lru_cache(maxsize=512)
def _reader_of(cls: Any) -> Reader:
    for bases, reader in _BY_BASE:
        if issubclass(cls, bases):
            return reader
    for names, reader in _BY_NAME:
        if all(hasattr(cls, name) for name in names):
            return reader
    if is_consumed_by_reading(cls):
        return _text
    return _sequence if issubclass(cls, Sequence) else _text


def _text(value: object, _most: int) -> str:
    return text_of(value)


def _exception(value: BaseException, _most: int) -> str:
    message = text_of(value)
    return f"{class_name(value)}: {message}" if message else class_name(value)


def _dict(value: dict[object, object], most: int) -> Pairs:
    return Pairs(listed(lambda: dict[object, object].items(value), most))


def _mapping(value: Mapping[object, object], most: int) -> Pairs:
    return Pairs(listed(value.items, most))


def _keyed(value: Any, most: int) -> Pairs:
    return Pairs([(key, value[key]) for key in islice(value.keys(), most)])


def _list(value: list[object], most: int) -> list[object]:
    return listed(lambda: list[object].__iter__(value), most)


def _tuple(value: tuple[object, ...], most: int) -> object:
    items = listed(lambda: tuple[object, ...].__iter__(value), most)
    names: tuple[object, ...] | None = getattr(class_of(value), "_fields", None)
    return items if names is None else Pairs(zip(names, items, strict=False))


def _items(value: Iterable[object], most: int) -> list[object]:
    return listed(lambda: value, most)


def _sequence(value: Iterable[object], most: int) -> Items:
    return Items(islice(value, most))


def _view(value: Any, _most: int) -> memoryview:
    view = memoryview(value)
    return view if view.c_contiguous else memoryview(view.tobytes())


def _model(value: Any, _most: int) -> object:
    dump = class_of(value).model_dump
    try:
        return dump(value, mode="json", warnings=False)
    except Exception:  # noqa: BLE001 - a field that has no JSON form; the plain form is read below
        return dump(value)


def _dataclass(value: Any, _most: int) -> Pairs:
    # What its class keeps out of repr() is kept out of logs, and out of here.
    return _fields(value, [field.name for field in dataclasses.fields(value) if field.repr])


def _attrs(value: Any, _most: int) -> Pairs:
    fields: Iterable[Any] = class_of(value).__attrs_attrs__
    return _fields(value, [field.name for field in fields if field.repr])


def _struct(value: Any, _most: int) -> Pairs:
    names: Iterable[str] = class_of(value).__struct_fields__
    return _fields(value, names)


def _fields(value: object, names: Iterable[str]) -> Pairs:
    found = ((name, getattr(value, name, _MISSING)) for name in names)
    return Pairs((name, item) for name, item in found if item is not _MISSING)


def _array(value: Any, _most: int) -> object:
    """Read the scalars and arrays of numpy and whatever looks like them."""
    if value.ndim == 0:
        item = value.item()
        return item if type(item) in {bool, int, float, str, bytes} else text_of(item)
    small = isinstance(value.size, int) and value.size <= _MOST_ARRAY_ITEMS
    return value.tolist() if small and hasattr(value, "tolist") else text_of(value)


_BY_BASE: Final[tuple[tuple[type | tuple[type, ...], Reader], ...]] = (
    (str, lambda value, _: str.__str__(value)),
    (Enum, lambda value, _: value._value_),
    (int, lambda value, _: int.__int__(value)),
    (float, lambda value, _: float.__float__(value)),
    (dict, _dict),
    (tuple, _tuple),
    (list, _list),
    ((bytearray, memoryview, bytes), _view),
    ((deque, AbstractSet, KeysView, ValuesView, ItemsView), _items),
    (BaseException, _exception),
    ((UserString, range, type), _text),
)

RECORDED_AS: Final = "__recorded_as__"
"""A method of a class whose objects must not be recorded field by field; it returns what is recorded."""

_BY_NAME: Final[tuple[tuple[tuple[str, ...], Reader], ...]] = (
    ((RECORDED_AS,), lambda value, _: getattr(class_of(value), RECORDED_AS)(value)),
    (("model_dump",), _model),
    (("__dataclass_fields__",), _dataclass),
    (("__attrs_attrs__",), _attrs),
    (("__struct_fields__",), _struct),
    (("isoformat",), lambda value, _: value.isoformat()),
    (("dtype", "item", "ndim"), _array),
    (("__getitem__", "items", "keys"), _mapping),
    (("__getitem__", "keys"), _keyed),
)
