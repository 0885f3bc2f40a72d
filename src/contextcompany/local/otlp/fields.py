"""Fields of JSON objects by their type; what is of another is refused with its name."""

from __future__ import annotations

import binascii
import json
import re
from typing import Final, NoReturn, TypeAlias, cast

from contextcompany.local.otlp.spans import MalformedBodyError

Object: TypeAlias = "dict[str, object]"

MOST_VALUES: Final = 300_000
"""So many values a document may hold; read they weigh up to thirty times their bytes."""

MOST_BYTES: Final = 16 * 1024 * 1024
"""The largest document; one sign that is not of the alphabet makes each of its characters four bytes."""

_STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)

_DIGITS: Final = re.compile(r"-?[0-9]{1,20}", re.ASCII)


def read_document(body: bytes) -> object:
    """Read JSON in UTF-8.

    Raises:
        MalformedBodyError: It is none, is larger than MOST_BYTES, or holds more values than MOST_VALUES.
    """
    if len(body) > MOST_BYTES:
        raise MalformedBodyError(
            f"the body is larger than {MOST_BYTES // (1024 * 1024)} MiB; send smaller batches"
        )
    if holds_more(body, MOST_VALUES):
        raise MalformedBodyError(f"the body holds more than {MOST_VALUES:,} values; send smaller batches")
    return read(body)


def read(body: bytes) -> object:
    """Read JSON in UTF-8 of any size; MalformedBodyError if it is none."""
    try:
        document: object = json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except MalformedBodyError:
        raise
    except (ValueError, RecursionError) as error:
        raise MalformedBodyError(f"the body is no JSON in UTF-8: {error}") from error
    return document


def holds_more(body: bytes, most: int) -> bool:
    """Tell whether JSON holds more than so many values; brackets and commas in texts do not count."""
    if _marks(body, 0, len(body)) <= most:
        return False
    count = end = 0
    for text in _STRING.finditer(body):
        count += _marks(body, end, text.start())
        if count > most:
            return True
        end = text.end()
    return count + _marks(body, end, len(body)) > most


def _marks(body: bytes, start: int, end: int) -> int:
    return body.count(b"{", start, end) + body.count(b"[", start, end) + body.count(b",", start, end)


def refuse(field: str, wanted: str, got: object) -> NoReturn:
    """Raise the MalformedBodyError that says what a field must be and what it is."""
    shown = f" {str(got)[:60]!r}" if isinstance(got, str | int | float) else ""
    raise MalformedBodyError(f"{field} must be {wanted}, got {type(got).__name__}{shown}")


def as_object(value: object, field: str) -> Object:
    """Return a value that must be an object."""
    return cast("Object", value) if isinstance(value, dict) else refuse(field, "an object", value)


def child(holder: Object, field: str) -> Object:
    """Return the object in a field, an empty one if there is none."""
    value = holder.get(field)
    return {} if value is None else as_object(value, field)


def items(holder: Object, field: str) -> list[object]:
    """Return the list in a field, an empty one if there is none."""
    value = holder.get(field)
    if value is None:
        return []
    return cast("list[object]", value) if isinstance(value, list) else refuse(field, "a list", value)


def objects(holder: Object, field: str, *, null_is_empty: bool = False) -> list[Object]:
    """Return the list of objects in a field, an empty one if there is none."""
    return [
        {} if item is None and null_is_empty else as_object(item, f"an item of {field}")
        for item in items(holder, field)
    ]


def text(holder: Object, field: str) -> str:
    """Return the text in a field, an empty one if there is none."""
    value = holder.get(field)
    return "" if value is None else as_text(value, field)


def as_text(value: object, field: str) -> str:
    """Return a value that must be a string; halves of surrogate pairs become U+FFFD."""
    if not isinstance(value, str):
        refuse(field, "a string", value)
    if value.isascii():
        return value
    # JSON can spell half a surrogate pair, which no encoder and no terminal takes.
    return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def as_integer(value: object, field: str, allowed: range) -> int:
    """Return a value that must be an integer of 64 bits, as a number or as a string of its digits."""
    number: int | None = None
    if (isinstance(value, str) and _DIGITS.fullmatch(value)) or (
        isinstance(value, float) and value.is_integer()
    ):
        number = int(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        number = value
    if number is None or number not in allowed:
        refuse(field, "an integer of 64 bits, or a string of its digits", value)
    return number


def hexadecimal(holder: Object, field: str) -> bytes:
    """Return the bytes that a field writes in hexadecimal digits, none if there is no such field."""
    value = text(holder, field)
    try:
        return binascii.unhexlify(value)
    except ValueError:
        refuse(field, "hexadecimal digits", value)


def enum_number(holder: Object, field: str) -> int:
    """Return the number of an enum, 0 if there is none."""
    value = holder.get(field)
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int):
        refuse(field, "the number of the enum", value)
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise MalformedBodyError(f"the body is no JSON: {name} stands there without quotes")
