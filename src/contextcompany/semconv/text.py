"""Any object as valid, bounded text."""

from __future__ import annotations

import math
import re
import threading
from collections import UserString
from enum import Enum
from json.encoder import encode_basestring
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any, Final

from contextcompany.semconv.plain import MAX_VALUE_BYTES

_state = threading.local()
_LONGEST_NAME: Final = 200
# Python itself refuses to print longer integers (sys.int_info.default_max_str_digits is 4300 digits).
_PRINTABLE_BITS: Final = 14_000
_CUT: Final = re.compile(r"\.\.\.\[(\d{1,18}) characters cut\]\Z")
_LONGEST_MARKER: Final = 48
_RARELY_ESCAPED: Final = bytes(set(range(0x20)) - set(b"\n\t\r"))

# A metaclass can hide `__name__`; the slot of `type` cannot be hidden.
_name_of: Final[Any] = type.__dict__["__name__"].__get__


def clean_text(value: object, limit: int = MAX_VALUE_BYTES) -> tuple[str, bool]:
    """Return an object as text that every receiver can read, and whether it had to be cut.

    Lone surrogates and NUL become U+FFFD. Text that is too long ends at a character boundary with
    `...[123 characters cut]`, where there is room for that. Never raises for what the object does.

    Args:
        value: any object; what is no text becomes its `str()`, bytes are read as UTF-8, an enum member is
            its value, and what has no text of its own is `<ClassName>`.
        limit: most UTF-8 bytes of the text.
    """
    if type(value) is not str:
        value = text_of(value)
    # isascii() is a look at a flag: it says at no cost that there are no surrogates, and that len() is bytes.
    if value.isascii() and len(value) <= limit and "\0" not in value:
        return value, False
    return _bounded(value, max(limit, 0))


def quoted(text: str) -> str:
    """Return a valid text as JSON says it: in quotes, with what must be escaped and nothing more.

    Equal to what `json` makes of it, in a fraction of the time: most texts hold nothing to escape, or a few
    kinds of it, which is found out by searches that look at many characters at once.
    """
    data = text.encode()
    if len(data.translate(None, _RARELY_ESCAPED)) != len(data):
        return encode_basestring(text)
    if "\\" in text:  # first, since the others bring one
        text = text.replace("\\", "\\\\")
    if '"' in text:
        text = text.replace('"', '\\"')
    if "\n" in text:
        text = text.replace("\n", "\\n")
    if "\t" in text:
        text = text.replace("\t", "\\t")
    if "\r" in text:
        text = text.replace("\r", "\\r")
    return f'"{text}"'


def byte_size(text: str) -> int:
    """Return the UTF-8 size of a valid text in bytes."""
    return len(text) if text.isascii() else len(text.encode())


def text_of(value: object) -> str:
    """Return an object as an exact `str` that may still be invalid and of any length."""
    try:
        return _text_of(value)
    except Exception:  # noqa: BLE001 - whatever the object's own methods raise must not reach its owner
        return f"<unprintable {class_name(value)}>"


class recording:  # noqa: N801  (used as a function)
    """Say that texts made inside of the block are to be recorded.

    Objects whose fields must not be recorded ask `is_recording()` in their `__repr__`: they may stand
    inside of others, such as the arguments of an exception.
    """

    __slots__ = ()

    def __enter__(self) -> None:
        _state.depth = getattr(_state, "depth", 0) + 1

    def __exit__(self, *_exc: object) -> None:
        _state.depth -= 1


def is_recording() -> bool:
    """Return whether the text that is being made on this thread is to be recorded."""
    return bool(getattr(_state, "depth", 0))


def class_of(value: object) -> type[Any]:
    """Return the class an object really has: its `__class__` may say something else, or raise."""
    return type(value)


def class_name(value: object) -> str:
    """Return the name of an object's class, at most 200 characters, whatever the class does to hide it."""
    return str.__str__(_name_of(type(value)))[:_LONGEST_NAME]


def number_text(value: float) -> str:
    """Return a number as text: `NaN`, `Infinity` and `-Infinity` for what JSON cannot say."""
    if isinstance(value, int):
        bits = int.bit_length(value)
        return f"<int of {bits} bits>" if bits > _PRINTABLE_BITS else int.__repr__(value)
    if math.isfinite(value):
        return float.__repr__(value)
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _text_of(value: Any) -> str:  # noqa: PLR0911 - one for each kind of object
    cls = class_of(value)
    if issubclass(cls, str):
        return str.__str__(value)
    if issubclass(cls, Enum):
        return _text_of(value._value_)
    if cls is not bool and issubclass(cls, int | float):
        return number_text(value)
    if issubclass(cls, bytes | bytearray):
        return str(value, "utf-8", "replace")
    if issubclass(cls, FunctionType | BuiltinFunctionType | MethodType):
        return str.__str__(value.__name__)
    if _has_no_text(cls):
        return f"<{class_name(value)}>"
    # str() hands on what __str__ returned, which may be a subclass with methods of its own.
    with recording():
        return str.__str__(str(value))


def is_consumed_by_reading(cls: type[Any]) -> bool:
    """Tell whether reading an object of a class takes something from its owner: iterators, coroutines."""
    return any(hasattr(cls, name) for name in ("__next__", "__anext__", "__await__"))


def _has_no_text(cls: type[Any]) -> bool:
    if issubclass(cls, UserString):
        return False
    methods: tuple[Any, Any] = (cls.__str__, cls.__repr__)
    return methods == (object.__str__, object.__repr__) or is_consumed_by_reading(cls)


def _bounded(text: str, limit: int) -> tuple[str, bool]:
    head = valid_text(text[:limit])
    data = head.encode()
    if len(text) <= limit and len(data) <= limit:
        return head, False
    total = len(text)
    if earlier := _CUT.search(text[-_LONGEST_MARKER:]):
        # What was cut before is counted on, and the old marker is no text of the owner.
        total += int(earlier[1]) - len(earlier[0])
    room = limit - len(_marker(total))
    if room <= 0:
        return data[:limit].decode("utf-8", "ignore"), True
    kept = data[:room].decode("utf-8", "ignore")
    return kept + _marker(max(total - len(kept), 0)), True


def _marker(characters: int) -> str:
    return f"...[{characters} characters cut]"


def valid_text(text: str) -> str:
    """Return a text that can be encoded and stored: halves of surrogate pairs and NUL become U+FFFD."""
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        # By way of UTF-16 two surrogates that belong together become the character they stand for.
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
