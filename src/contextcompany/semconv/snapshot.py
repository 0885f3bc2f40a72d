"""A deep, bounded copy of any value into JSON types."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from contextcompany.semconv.binary import (
    HINT_KEYS,
    PAYLOAD_KEYS,
    Digester,
    blob_of_data_url,
    blob_of_field,
    without_payloads,
)
from contextcompany.semconv.objects import Items, Pairs, listed, unpacked
from contextcompany.semconv.plain import LARGEST_INT, MAX_DEPTH, SMALLEST_INT
from contextcompany.semconv.text import byte_size, class_name, class_of, clean_text, number_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from contextcompany.semconv.plain import Plain

CYCLE: Final = "<cycle>"
TOO_DEEP: Final = "<too deep>"

_SHORT: Final = 128
_BLOB_SIZE: Final = 200
# Most floats are longer, but to count the digits of each takes longer than all else done to it.
_FLOAT_SIZE: Final = 8
_FEW: Final = 64
_LONGEST_KEY: Final = 1024
# Far within the bounds of a value, so that nothing would be cut.
_PLAIN_SIZE: Final = 128 << 10
_PLAIN_ITEM: Final = _SHORT + 16
_PLAIN_DEPTH: Final = 8
_LONGEST_HINT: Final = 100


class Snapshot:
    """Copy one value within a budget of bytes.

    The budget is spent on structure first: while the value is walked each text counts with at most 128
    bytes, so that a long text takes no room from what comes after it. What is left is shared among the long
    texts, and the longest are cut first. Only where the structure alone is too big are items dropped, and
    then outer containers keep a reserve to be completed with: a list of messages loses messages, not roles.

    Attributes:
        cut: whether anything was cut or dropped.
    """

    __slots__ = (
        "_cap",
        "_digester",
        "_extra",
        "_limit",
        "_long",
        "_path",
        "_short",
        "_slice",
        "_soft",
        "_spent",
        "cut",
    )

    def __init__(self, limit: int) -> None:
        self.cut = False
        self._limit = limit
        reserve = limit >> 3
        self._short = min(_SHORT, reserve)
        self._slice = reserve // (MAX_DEPTH + 1)
        self._soft = limit - reserve
        self._spent = 0
        # Bytes beyond the first `_short` of the long texts kept so far, each of at most `_cap` bytes.
        self._extra = 0
        self._cap = limit
        # Where the long texts stand; Any is the index of a list or the key of a dict.
        self._long: list[tuple[Any, Any]] = []
        self._path: set[int] = set()
        self._digester = Digester()

    def take(self, value: object) -> Plain:
        """Return the copy. To be called once."""
        if type(value) is str and len(value) > self._limit:
            value = without_payloads(value, self._digester)
        plain = self._copy(value, 1)
        if type(plain) is not str and self._spent + self._extra > self._limit:
            self._shorten()
        return plain

    def _copy(self, value: object, depth: int) -> Plain:  # noqa: PLR0911 - one for each kind of value
        # Most texts are plain, with nothing to clean, and short, with nothing to cut.
        if type(value) is str:
            size = len(value)
            if size > self._short or not value.isascii() or "\0" in value or "data:" in value:
                return self._text(value)
            self._spent += size + 3
            return value
        if type(value) is int and SMALLEST_INT <= value <= LARGEST_INT:
            # One decimal digit for every 3.3 bits.
            self._spent += 2 + (value.bit_length() * 77 >> 8)
            return value
        if value is None or type(value) is bool:
            self._spent += 5
            return value
        if type(value) is float and math.isfinite(value):
            self._spent += _FLOAT_SIZE
            return value
        if type(value) is int or type(value) is float:
            return self._text(number_text(value))
        return self._container(value, depth)

    def _text(self, text: str) -> Plain:
        if text[:5] == "data:" and (found := blob_of_data_url(text, self._digester, certain=False)):
            self._spent += _BLOB_SIZE
            return found
        size = len(text)
        if not text.isascii() or size > self._cap or "\0" in text:
            text, cut = clean_text(text, self._cap)
            self.cut = self.cut or cut
            size = byte_size(text)
        if size > self._short:
            self._extra += size - self._short
            size = self._short
        self._spent += size + 3
        return text

    def _container(self, value: Any, depth: int) -> Plain:
        if depth > MAX_DEPTH:
            self.cut = True
            return self._text(TOO_DEEP)
        place = id(value)
        if place in self._path:
            return self._text(CYCLE)
        self._path.add(place)
        kind = class_of(value)
        try:
            if kind is dict:
                return self._dict(self._pairs_of(value), depth)
            if kind is list or kind is tuple:
                return self._list(value, depth)
            return self._foreign(value, depth)
        except Exception:  # noqa: BLE001 - whatever the object's own methods raise must not reach its owner
            return self._text(f"<unprintable {class_name(value)}>")
        finally:
            self._path.discard(place)

    def _foreign(self, value: object, depth: int) -> Plain:
        simple = unpacked(value, self._most())
        if type(simple) is Pairs:
            return self._dict(simple, depth)
        if type(simple) is Items:
            return self._list(simple.items, depth)
        if type(simple) is memoryview:
            measure = self._digester.measure(simple)
            self._spent += _BLOB_SIZE
            return {"type": "blob", "size": measure.size, "digest": measure.digest}
        # A model's dict or an array's list is the object itself; anything else is one level further in.
        return self._copy(simple, depth if type(simple) in {dict, list} else depth + 1)

    def _most(self) -> int:
        # No item costs less than two bytes; one more than fit tells that items were dropped.
        return max(self._limit - self._spent, 0) // 2 + 2

    def _pairs_of(self, value: dict[object, object]) -> list[tuple[object, object]]:
        if len(value) <= _FEW:
            try:
                return list(value.items())
            except RuntimeError:  # a finaliser or another thread has just written to it
                return listed(value.items, 2 * _FEW)
        # No key with its value costs less than five bytes.
        return listed(value.items, self._most() * 2 // 5 + 2)

    def _list(self, items: Iterable[object], depth: int) -> list[Plain]:
        self._spent += 2
        out: list[Plain] = []
        for item in items:
            if self._spent >= self._soft:
                self.cut = True
                break
            plain = self._copy(item, depth + 1)
            out.append(plain)
            if type(plain) is str and len(plain) > self._short:
                self._note(out, len(out) - 1)
        return out

    def _dict(self, pairs: Iterable[tuple[object, object]], depth: int) -> dict[str, Plain]:
        self._spent += 2
        stop = self._limit - self._slice * depth
        out: dict[str, Plain] = {}
        for key, item in pairs:
            if self._spent >= stop:
                self.cut = True
                break
            if type(key) is str and len(key) <= _SHORT and key.isascii() and "\0" not in key:
                name = key
            else:
                name = self._key(key)
            if name in out:
                self.cut = True
            self._spent += len(name) + 3
            if name in PAYLOAD_KEYS and type(item) is str and (found := self._field(name, item, pairs)):
                out[name] = found
                continue
            plain = self._copy(item, depth + 1)
            out[name] = plain
            if type(plain) is str and len(plain) > self._short:
                self._note(out, name)
        return out

    def _key(self, key: object) -> str:
        if key is None or type(key) is bool:
            return "null" if key is None else "true" if key else "false"
        name, cut = clean_text(key, _LONGEST_KEY)
        self.cut = self.cut or cut
        self._spent += byte_size(name) - len(name)
        return name

    def _field(self, key: str, text: str, pairs: Iterable[tuple[object, object]]) -> Plain:
        hints = {
            name: hint
            for name, hint in pairs
            if type(name) is str and name in HINT_KEYS and type(hint) is str and len(hint) <= _LONGEST_HINT
        }
        found = blob_of_field(key, text, hints, self._digester)
        if found:
            self._spent += _BLOB_SIZE
        return found

    def _note(self, container: list[Plain] | dict[str, Plain], place: int | str) -> None:
        self._long.append((container, place))
        # Without this a value of many long texts would be held whole until the end.
        if self._extra > 2 * self._limit:
            self._shorten()

    def _shorten(self) -> None:
        sizes = [byte_size(container[place]) for container, place in self._long]
        left = max(self._limit - self._spent, 0) + self._short * len(sizes)
        self._cap = min(self._cap, fair_share(sizes, left))
        self._extra = 0
        noted, self._long = self._long, []
        for (container, place), size in zip(noted, sizes, strict=True):
            if size > self._cap:
                container[place], _ = clean_text(container[place], self._cap)
                self.cut = True
            if size > self._short:
                self._extra += min(size, self._cap) - self._short
                self._long.append((container, place))


def fair_share(sizes: Sequence[int], budget: int) -> int:
    """Return the largest size that all can be cut to so that together they keep to a budget."""
    left = budget
    for position, size in enumerate(sorted(sizes)):
        share = left // (len(sizes) - position)
        if size > share:
            return max(share, 0)
        left -= size
    return max(sizes, default=0)


class _UnusualError(Exception):
    """Something in a value needs a closer look."""


def plain_copy(value: object) -> tuple[Plain, int] | None:
    """Return what a `Snapshot` makes of a dict or a list with its size, or None where only that can tell.

    Most arguments and messages are small dicts and lists of plain texts and numbers: nothing in them is to
    be cleaned, cut or unpacked, and telling that takes a third of the time. The size is about the bytes
    that the copy takes in memory.
    """
    left = [_PLAIN_SIZE]
    try:
        copied = _plain(value, left, 1)
        return copied, _PLAIN_SIZE - left[0]
    except (_UnusualError, RuntimeError):  # (changed while it is read, by another thread)
        return None


def _plain(value: Any, left: list[int], depth: int) -> Plain:
    kind: type[object] = class_of(value)
    if kind is str:
        left[0] -= len(value)
        is_plain = left[0] >= 0 and value.isascii() and "\0" not in value and "data:" not in value
    elif kind is int:
        is_plain = SMALLEST_INT <= value <= LARGEST_INT
    elif kind is dict or kind is list or kind is tuple:
        left[0] -= _PLAIN_ITEM * len(value)
        if depth > _PLAIN_DEPTH or left[0] < 0:  # a cycle, too, comes here
            raise _UnusualError
        if kind is dict:
            return {_plain_key(key, item): _plain(item, left, depth + 1) for key, item in value.items()}
        return [_plain(item, left, depth + 1) for item in value]
    else:
        is_plain = value is None or kind is bool or (kind is float and math.isfinite(value))
    if not is_plain:
        raise _UnusualError
    known: Plain = value
    return known


def _plain_key(key: object, item: object) -> str:
    if type(key) is not str or len(key) > _SHORT or not key.isascii() or "\0" in key:
        raise _UnusualError
    if key in PAYLOAD_KEYS and type(item) is str:
        raise _UnusualError
    return key
