"""Foreign objects taken apart one level deep."""

from __future__ import annotations

import datetime
import sqlite3
from array import array
from collections import ChainMap, Counter, OrderedDict, UserDict, UserList, deque
from types import MappingProxyType
from typing import Any

import attrs
import pydantic
import pytest

from contextcompany.semconv.objects import Items, Pairs, listed, unpacked
from tests.semconv import hostile


@attrs.define
class Job:
    """A class of attrs."""

    name: str
    key: str = attrs.field(default="secret", repr=False)


class Model(pydantic.BaseModel):
    """A model with a field that has a JSON form of its own, and one that is never dumped."""

    when: datetime.date
    raw: bytes = b""
    key: str = pydantic.Field(default="secret", exclude=True)


class Struct:
    """What a msgspec Struct looks like."""

    __struct_fields__ = ("a", "unset")
    a = 1


class Scalar:
    """What a numpy scalar looks like."""

    dtype = "int64"
    ndim = 0

    def __init__(self, item: object) -> None:
        self._item = item

    def item(self) -> object:
        """Return the number."""
        return self._item


class Array:
    """What a numpy array looks like."""

    dtype = "int64"
    ndim = 2

    def __init__(self, size: int) -> None:
        self.size = size

    def item(self) -> object:
        """Raise, as arrays of more than one item do."""
        raise ValueError("can only convert an array of size 1")

    def tolist(self) -> list[list[int]]:
        """Return the numbers."""
        return [[1, 2]]

    def __str__(self) -> str:
        return "[[1 2] ...]"


def row() -> sqlite3.Row:
    """Return a row of a database."""
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    try:
        found: sqlite3.Row = connection.execute("select 1 as a, 'x' as b").fetchone()
    finally:
        connection.close()
    return found


@pytest.mark.parametrize(
    ("value", "expected"),
    hostile.rows(
        [
            (OrderedDict(a=1), Pairs([("a", 1)])),
            (Counter("aa"), Pairs([("a", 2)])),
            (UserDict({"a": 1}), Pairs([("a", 1)])),
            (ChainMap({"a": 1}), Pairs([("a", 1)])),
            (MappingProxyType({"a": 1}), Pairs([("a", 1)])),
            (hostile.Point(1, [2]), Pairs([("x", 1), ("y", [2])])),
            (hostile.Account("ada", ["x"]), Pairs([("user", "ada"), ("tags", ["x"])])),
            (Job("a"), Pairs([("name", "a")])),
            (Struct(), Pairs([("a", 1)])),
            (Model(when=datetime.date(2026, 1, 2)), {"when": "2026-01-02", "raw": ""}),
            (
                Model(when=datetime.date(2026, 1, 2), raw=b"\xff"),
                {"when": datetime.date(2026, 1, 2), "raw": b"\xff"},
            ),
            (deque([1, 2]), [1, 2]),
            (frozenset([1]), [1]),
            ({"a": 1}.keys(), ["a"]),
            (hostile.Colour.RED, "red"),
            (hostile.Rights.WRITE, 2),
            (type("Sub", (int,), {})(3), 3),
            (type("Sub", (float,), {})(1.5), 1.5),
            (type("Sub", (str,), {})("x"), "x"),
            (type("Sub", (list,), {})([1]), [1]),
            (type("Sub", (tuple,), {})([1]), [1]),
            (datetime.datetime(2026, 1, 2, 3, tzinfo=datetime.UTC), "2026-01-02T03:00:00+00:00"),
            (datetime.date(2026, 1, 2), "2026-01-02"),
            (datetime.time(3), "03:00:00"),
            (ValueError("no"), "ValueError: no"),
            (KeyError(), "KeyError"),
            (Scalar(3), 3),
            (Scalar(Scalar(3)), "<Scalar>"),
            (Array(2), [[1, 2]]),
            (Array(1_000_000), "[[1 2] ...]"),
            (range(3), "range(0, 3)"),
            ((number for number in [1]), "<generator>"),
            (int, "<class 'int'>"),
            (object(), "<object>"),
        ]
    ),
)
def test_objects_are_known_by_what_their_class_offers(value: Any, expected: object) -> None:
    """Each kind of object is taken apart into what it holds."""
    found = unpacked(value, 100)
    assert (type(found), found) == (type(expected), expected)


def test_a_row_of_a_database_is_read_by_its_keys() -> None:
    """What has keys and items by key is a mapping, whatever it derives from."""
    assert unpacked(row(), 10) == Pairs([("a", 1), ("b", "x")])


@pytest.mark.parametrize("value", [UserList([1, 2, 3]), array("i", [1, 2, 3]), hostile.Endless()])
def test_sequences_are_read_while_they_are_copied(value: Any) -> None:
    """The items of a foreign sequence are asked for one by one, and only so many."""
    found = unpacked(value, 2)
    assert isinstance(found, Items)
    assert len(list(found.items)) == 2


@pytest.mark.parametrize("value", [b"abc", bytearray(b"abc"), memoryview(b"a-b-c")[::2]])
def test_bytes_are_viewed_as_they_lie(value: bytes) -> None:
    """All kinds of bytes come as one contiguous view."""
    found = unpacked(value, 10)
    assert isinstance(found, memoryview)
    assert (found.tobytes(), found.c_contiguous) == (b"abc", True)


def test_iterators_are_not_consumed() -> None:
    """What an iterator still has to give is left to its owner."""
    numbers = iter([1, 2, 3])
    assert unpacked(numbers, 10) == "<list_iterator>"
    assert list(numbers) == [1, 2, 3]


def test_a_container_that_changes_while_it_is_read_is_read_again() -> None:
    """Another thread's changes cost up to two more attempts, then the error shows."""
    failures = [RuntimeError("changed size during iteration")] * 2

    def items() -> list[int]:
        if failures:
            raise failures.pop()
        return [1, 2, 3]

    assert listed(items, 2) == [1, 2]
    failures += [RuntimeError("changed size during iteration")] * 3
    with pytest.raises(RuntimeError, match="changed size"):
        listed(items, 2)
