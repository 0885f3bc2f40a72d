"""Any Python data as bounded, valid attribute values. Nothing here raises for what the data is or does."""

from __future__ import annotations

import json
import math
import operator
from sys import getsizeof
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from contextcompany.semconv.plain import (
    LARGEST_INT,
    MAX_DEPTH,
    MAX_SPAN_BYTES,
    MAX_VALUE_BYTES,
    SMALLEST_INT,
    Plain,
)
from contextcompany.semconv.snapshot import Snapshot, plain_copy
from contextcompany.semconv.text import byte_size, class_name, class_of, clean_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "MAX_DEPTH",
    "MAX_SPAN_BYTES",
    "MAX_VALUE_BYTES",
    "AttributeValue",
    "Plain",
    "amount",
    "attribute_value",
    "clean_text",
    "count",
    "freeze",
    "read_json",
    "to_json",
    "weighed",
    "weight",
]

AttributeValue: TypeAlias = "str | bool | int | float | list[str] | list[bool] | list[int] | list[float]"

_SCALARS: Final = frozenset({str, bool, int, float})
_NUMPY_BOOLS: Final = frozenset({"bool", "bool_"})
_SMALLEST_JSON: Final = 2
_NUMBER_BYTES: Final = 30

# Frozen values have no cycles, and a NaN that slipped in is to be refused, not written.
_encode: Final = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, separators=(",", ":")
).encode


def freeze(value: object, limit: int = MAX_VALUE_BYTES) -> tuple[Plain, bool]:
    """Return a deep copy of a value in JSON types, and whether anything of it was cut.

    The copy shares nothing mutable with the value. Time and memory are bounded by the limit, whatever the
    value is: iterators are not consumed, cycles become `<cycle>`, what lies deeper than 20 containers
    `<too deep>`. Non-finite floats and integers beyond 64 bits become text; bytes and base64 payloads
    become their type, size and digest; models, dataclasses and mappings become objects; what is none of
    these becomes its text. Never raises for what the value does.

    Args:
        value: anything.
        limit: about the most bytes of the copy as JSON. Texts are cut, the longest first; then items are
            dropped.
    """
    if type(value) is str:
        if value.isascii() and len(value) <= limit and "\0" not in value and value[:5] != "data:":
            return value, False
    elif (
        value is None or type(value) is bool or (type(value) is int and SMALLEST_INT <= value <= LARGEST_INT)
    ):
        return value, False
    kind = class_of(value)
    if limit >= MAX_VALUE_BYTES and (kind is dict or kind is list):
        copied = plain_copy(value)
        if copied is not None:
            return copied[0], False
    try:
        snapshot = Snapshot(max(limit, 0))
        return snapshot.take(value), snapshot.cut
    except Exception:  # noqa: BLE001 - the caller's stack or memory is at its end, so nothing can be called
        return "<unprintable>", True


def weighed(value: object) -> tuple[tuple[Plain, bool], int]:
    """Return what `freeze` returns, and about the bytes that the copy takes in memory."""
    kind = class_of(value)
    if kind is dict or kind is list:
        copied = plain_copy(value)
        if copied is not None:
            return (copied[0], False), copied[1]
    frozen = freeze(value)
    return frozen, weight(frozen[0])


def weight(value: object) -> int:
    """Estimate what a value takes on the heap, in bytes."""
    kind = class_of(value)
    if kind is str:
        return getsizeof(value)
    found: Any = value
    if kind is tuple or kind is list:
        return sum(map(weight, found)) + _NUMBER_BYTES
    if kind is dict:
        return sum(map(weight, found)) + sum(map(weight, found.values())) + 2 * _NUMBER_BYTES
    return _NUMBER_BYTES


def to_json(
    plain: Plain | Sequence[Plain] | Mapping[str, Plain], limit: int = MAX_VALUE_BYTES
) -> tuple[str, bool]:
    """Return a frozen value as compact JSON text, and whether it had to be cut to keep to the limit.

    The text is always valid JSON. What is too long is frozen again with a smaller budget.

    Args:
        plain: a value as `freeze` gives it.
        limit: most UTF-8 bytes of the text, at least 2.
    """
    cut = False
    text = _encoded(plain)
    if text is None:
        plain, cut = freeze(plain, limit)
        text = _encoded(plain)
    if text is not None and byte_size(text) <= limit:
        return text, cut
    return _shrunk(plain, max(limit, _SMALLEST_JSON)), True


def _encoded(plain: object) -> str | None:
    """Encode, or return None for what is no frozen value after all."""
    try:
        text = _encode(plain)
        if not text.isascii():
            text.encode()
    except (TypeError, ValueError, RecursionError):
        return None
    return text


def _shrunk(plain: object, limit: int) -> str:
    budget = limit
    while budget > 0:
        smaller, _ = freeze(plain, budget)
        text = _encoded(smaller)
        size = byte_size(text) if text is not None else 2 * limit
        if text is not None and size <= limit:
            return text
        # Escapes make JSON longer than its texts, by a factor that the next budget takes into account.
        budget = min(budget * limit // size, budget * 15 // 16)
    return '""'


def read_json(text: str) -> tuple[Plain, bool]:
    """Return what JSON text says as a frozen value, and whether it is JSON that fits within the bounds.

    Constants that are no JSON (NaN, Infinity) and nesting deeper than values may have count as no JSON.
    """
    try:
        value: object = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None, False
    plain, cut = freeze(value, MAX_SPAN_BYTES)
    return (None, False) if cut else (plain, True)


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def attribute_value(value: object) -> tuple[AttributeValue | None, bool]:
    """Return a value as a span attribute can hold it, and whether anything of it was cut.

    str, bool, int, float and lists or tuples of one of them keep their type; None stays None. Dates, ids
    and other objects that are text once frozen become that text; anything else becomes JSON text.
    """
    if type(value) is str and value.isascii() and len(value) <= MAX_VALUE_BYTES and "data:" not in value:
        return (value, False) if "\0" not in value else clean_text(value)
    plain, cut = freeze(value)
    if plain is None or isinstance(plain, str | bool | int | float):
        return plain, cut
    if isinstance(plain, list) and _is_homogeneous(value, plain):
        items: Any = plain
        return items, cut
    text, cut_again = to_json(plain)
    return text, cut or cut_again


def _is_homogeneous(value: Any, plain: list[Plain]) -> bool:
    """Tell whether a list is of one type, both as it was given and as it was frozen."""
    if not issubclass(class_of(value), list | tuple):
        return False
    kinds = {type(item) for item in plain}
    if len(kinds) != 1 or not kinds <= _SCALARS:
        return not kinds
    # Text may stand for a NaN, a huge integer or any object: then it is no list of texts.
    pairs = zip(value, plain, strict=False)
    return str not in kinds or all(issubclass(class_of(item), str) for item, _ in pairs)


def count(value: object) -> int | None:
    """Return a whole number of at least 0 and within 64 bits, or None for anything else.

    Takes int, and float, Decimal, Fraction and numpy numbers without a fraction; bool and text are none.
    """
    if type(value) is int:
        return value if 0 <= value <= LARGEST_INT else None
    try:
        return _count(value)
    except Exception:  # noqa: BLE001 - a number that raises when it is compared is none
        return None


def _count(value: Any) -> int | None:
    if not _is_number(value) or not 0 <= value <= LARGEST_INT:
        return None
    whole = operator.index(value) if hasattr(class_of(value), "__index__") else int(value)
    # Compared before, so that no Decimal like 1e999999999 is written out.
    return int.__int__(whole) if whole == value and 0 <= whole <= LARGEST_INT else None


def amount(value: object) -> float | None:
    """Return a finite number of at least 0 as a float, or None for anything else.

    Takes int, float, Decimal, Fraction and numpy numbers; bool and text are none.
    """
    try:
        number = float.__float__(float(value)) if _is_number(value) else -1.0  # type: ignore[arg-type]
    except Exception:  # noqa: BLE001 - a number that raises when it is converted is none
        return None
    return number + 0.0 if math.isfinite(number) and number >= 0 else None


def _is_number(value: object) -> bool:
    cls = class_of(value)
    return hasattr(cls, "__float__") and cls is not bool and class_name(value) not in _NUMPY_BOOLS
