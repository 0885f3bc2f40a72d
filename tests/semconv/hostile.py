"""Values that were made to break whatever copies, prints or counts them, and strategies that nest them."""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import pathlib
import uuid
from collections import OrderedDict, UserDict, UserList, UserString, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import pytest
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _pytest.mark import ParameterSet


def rows(cases: Iterable[tuple[Any, ...]]) -> list[ParameterSet]:
    """Name each case of a table by its number and the class of its first value, which may refuse to tell."""
    name_of = type.__dict__["__name__"].__get__
    return [
        pytest.param(*case, id=f"{number}-{name_of(type(case[0]))}") for number, case in enumerate(cases, 1)
    ]


class TroubleError(Exception):
    """Whatever a foreign object may raise."""


class RaisesEverywhere:
    """Raise from each method that copying or printing could call."""

    def _raise(self, *_args: object) -> NoReturn:
        raise TroubleError("no")

    __getattr__ = __str__ = __repr__ = __iter__ = __len__ = __getitem__ = __eq__ = _raise
    __hash__ = __bool__ = __int__ = __float__ = __index__ = __format__ = __contains__ = _raise
    items = keys = isoformat = _raise

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """Raise when asked what it is."""
        raise TroubleError("no")


class HostileName(type):
    """Hide the name of its classes, and refuse to hash and compare them."""

    @property
    def __name__(cls) -> NoReturn:  # type: ignore[override]
        """Raise when asked for the name."""
        raise TroubleError("no")

    def __hash__(cls) -> int:
        raise TroubleError("no")

    def __eq__(cls, other: object) -> bool:
        raise TroubleError("no")


class Nameless(metaclass=HostileName):
    """An object whose class cannot be named, hashed or compared."""


class HostileText(str):
    """Text whose own methods lie or raise."""

    __slots__ = ()

    def _raise(self, *_args: object) -> NoReturn:
        raise TroubleError("no")

    __str__ = __repr__ = __len__ = __iter__ = __getitem__ = __format__ = _raise
    encode = isascii = startswith = replace = _raise  # type: ignore[assignment]


class ReturnsHostileText:
    """Give text whose own methods raise."""

    def __str__(self) -> str:
        return HostileText("inner")


class Endless(Sequence[object]):
    """A sequence without end, of sequences without end."""

    def __len__(self) -> int:
        return 1 << 60

    def __getitem__(self, index: Any) -> Any:
        return Endless()

    def __iter__(self) -> Iterator[object]:
        while True:
            yield Endless()


class BrokenMapping(Mapping[str, object]):
    """A mapping that breaks off while it is read."""

    def __len__(self) -> int:
        return 2

    def __iter__(self) -> Iterator[str]:
        yield "first"
        raise TroubleError("no")

    def __getitem__(self, key: str) -> object:
        return 1


class SameKey:
    """Keys that differ and print the same."""

    def __str__(self) -> str:
        return "same"


class ReturnsItself:
    """A model that is its own dump."""

    def model_dump(self, **_options: object) -> object:
        """Return the model."""
        return self


class DumpRaises:
    """A model that cannot be dumped."""

    def model_dump(self, **_options: object) -> object:
        """Raise."""
        raise TroubleError("no")


class DumpsForever:
    """A model whose dump is another one."""

    def model_dump(self, **_options: object) -> object:
        """Return one more."""
        return {"next": DumpsForever()}


class Deep:
    """Recurse without end when printed."""

    def __str__(self) -> str:
        return f"{self}"


class Colour(enum.Enum):
    """An enum of texts."""

    RED = "red"


class Level(enum.IntEnum):
    """An enum of numbers."""

    HIGH = 3


class Rights(enum.Flag):
    """An enum of bits."""

    READ = 1
    WRITE = 2


class Mode(enum.StrEnum):
    """An enum that is text."""

    FAST = "fast"


class Point(NamedTuple):
    """A tuple with names."""

    x: int
    y: list[int]


@dataclass
class Account:
    """A class with fields, one of which is kept out of sight."""

    user: str
    tags: list[str]
    key: str = field(default="secret", repr=False)


def cycle() -> list[Any]:
    """Return a list that holds itself, through a dict and a tuple."""
    items: list[Any] = [1]
    items.append({"again": (items,)})
    return items


def nested(depth: int) -> list[Any]:
    """Return a list of so many lists inside each other."""
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


SINGLE: list[Any] = [
    RaisesEverywhere(),
    HostileText("a\ud800"),
    ReturnsHostileText(),
    Endless(),
    BrokenMapping(),
    {SameKey(): 1, SameKey(): 2},
    ReturnsItself(),
    DumpRaises(),
    DumpsForever(),
    Deep(),
    Colour.RED,
    Level.HIGH,
    Mode.FAST,
    Point(1, [2]),
    Account("ada", ["x"]),
    cycle(),
    nested(60),
    UserDict({"a": 1}),
    UserList([1]),
    UserString("text"),
    OrderedDict(a=1),
    deque([1, 2]),
    datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC),
    decimal.Decimal("1e999999"),
    decimal.Decimal("sNaN"),
    fractions.Fraction(1, 3),
    uuid.UUID(int=1),
    pathlib.PurePosixPath("a/b"),
    memoryview(b"abcdef")[::2],
    10**5000,
    -(1 << 63) - 1,
    float("nan"),
    float("-inf"),
    "\0\ud800\udc00\ud800",
    "data:image/png;base64,AAAA",
    "data:image/png;base64,not base64 at all",
    {"type": "base64", "media_type": "image/png", "data": "%%%"},
    (number for number in range(3)),
    ValueError("a\ud800"),
    type("Unused", (), {}),
]


def single(index: int) -> Any:
    """Return one of the awkward values; Hypothesis is given numbers, since it prints what it is given."""
    return SINGLE[index]


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters(), max_size=300),
    st.text(st.characters(categories=["Cs", "Cc", "L"]), max_size=20),
    st.binary(max_size=40),
    st.integers(0, len(SINGLE) - 1).map(single),
)

VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.tuples(inner, inner),
        st.dictionaries(
            st.one_of(st.text(max_size=8), st.integers(), st.none(), st.booleans()), inner, max_size=5
        ),
        st.builds(Account, st.text(max_size=5), inner),
    ),
    max_leaves=25,
)

_WORDS = st.sampled_from([
    "", "a", "user", "assistant", "tool", "developer", "text", "image", "image_url", "input_image", "file",
    "input_audio", "document", "tool_use", "tool_result", "function", "function_call", "tool_call", "blob",
    "function_call_output", "reasoning", "thinking", "server_tool_use", "web_search_tool_result", "uri",
    "web_search_call", "computer_call", "message", "custom", "base64", "refusal", "compaction", "response",
    "data:image/png;base64,AAAA", "data:,x", "data:text/plain;base64,####", '{"a":[1]}', '[{"role":"user"}]',
    "[]", "null", "server_tool_call", "tool_call_response", "audio", "\ud800",
])  # fmt: skip

_KEYS = st.sampled_from([
    "role", "content", "parts", "type", "text", "name", "id", "tool_calls", "function", "arguments", "input",
    "tool_call_id", "tool_use_id", "call_id", "output", "source", "data", "media_type", "url", "image_url",
    "file", "file_id", "file_data", "input_audio", "audio", "format", "transcript", "refusal", "summary",
    "thinking", "choices", "message", "finish_reason", "object", "is_error", "annotations", "modality", "uri",
    "mime_type", "size", "digest", "parameters", "input_schema", "description", "response", "value",
])  # fmt: skip

CHATS = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8), _WORDS, st.binary(max_size=4)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(_KEYS, inner, max_size=5)),
    max_leaves=30,
)
"""Values that look like messages and are none, or not quite."""
