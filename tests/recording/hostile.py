"""Values that recorders choke on, one by one and as strategies that build any nesting of them."""

from __future__ import annotations

import datetime
import decimal
import enum
import json
import math
import uuid
from collections import UserDict, namedtuple
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

MEBIBYTE: Final = 1 << 20
HUGE = 10**400


class Raising:
    """An object that raises at everything that is asked of it."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError("boom")

    def __str__(self) -> str:
        raise RuntimeError("boom")

    def __repr__(self) -> str:
        raise RuntimeError("boom")

    def __bool__(self) -> bool:
        raise RuntimeError("boom")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("boom")

    def __hash__(self) -> int:
        return 5

    def __iter__(self) -> Any:
        raise RuntimeError("boom")

    def __len__(self) -> int:
        raise RuntimeError("boom")

    def __float__(self) -> float:
        raise RuntimeError("boom")

    def __index__(self) -> int:
        raise RuntimeError("boom")


class RaisingDict(dict[str, Any]):
    """A dict whose views raise."""

    def items(self) -> Any:
        """Raise."""
        raise RuntimeError("boom")

    def __iter__(self) -> Any:
        raise RuntimeError("boom")


class LyingText(str):
    """Text whose methods do not do what text does."""

    __slots__ = ()

    def __str__(self) -> str:
        raise RuntimeError("boom")

    def encode(self, *args: Any, **kwargs: Any) -> bytes:
        """Raise."""
        raise RuntimeError("boom")

    def __len__(self) -> int:
        return -5  # noqa: PLE0303  (that is the lie)

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("boom")

    def __hash__(self) -> int:
        return 5


class Colour(enum.Enum):
    """An enumeration with an unusual member."""

    RED = ("\ud800", math.nan)


@dataclass
class Tree:
    """A dataclass that may hold itself."""

    name: str
    children: list[Any] = field(default_factory=list)


Point = namedtuple("Point", "x y")  # noqa: PYI024  (the untyped form is what is tested)


def cyclic_list() -> list[Any]:
    """Return a list that holds itself, also by way of a dict and a dataclass."""
    found: list[Any] = [1]
    tree = Tree("root", [found])
    tree.children.append(tree)
    found += [found, {"again": found, "tree": tree}]
    return found


def deep(levels: int) -> Any:
    """Return lists inside each other."""
    found: Any = "bottom"
    for _ in range(levels):
        found = [found]
    return found


def endless() -> Any:
    """Yield without an end."""
    while True:
        yield "x"


HOSTILE: dict[str, Callable[[], Any]] = {
    "raising object": Raising,
    "raising dict": lambda: RaisingDict(a=1),
    "raising inside": lambda: {"a": [Raising(), {"b": Raising()}]},
    "raising key": lambda: {Raising(): 1},
    "text that lies": lambda: LyingText("text"),
    "cycle": cyclic_list,
    "deep list": lambda: deep(5_000),
    "deep dict": lambda: {"a": {"b": deep(40)}},
    "lone surrogate": lambda: "a\ud800b\udfff",
    "surrogate key": lambda: {"\ud800": "\udfff"},
    "NUL": lambda: "a\0b",
    "NaN": lambda: math.nan,
    "infinity inside": lambda: [math.inf, -math.inf, {"n": math.nan}],
    "huge integer": lambda: HUGE,
    "negative huge integer": lambda: -(2**63) - 1,
    "largest integer": lambda: 2**63 - 1,
    "huge integers inside": lambda: [HUGE, {"n": -HUGE}],
    "negative": lambda: -1,
    "bool": lambda: True,
    "bytes": lambda: b"\xff\x00\xfe",
    "bytearray inside": lambda: {"a": bytearray(b"\xff")},
    "set": lambda: {1, "a", None},
    "keys of all kinds": lambda: {1: "a", None: "b", (1, 2): "c", 1.5: "d", False: "e", b"\xff": "f"},
    "empty key": lambda: {"": "value"},
    "decimal": lambda: decimal.Decimal("NaN"),
    "decimal that is signalling": lambda: decimal.Decimal("sNaN"),
    "dates": lambda: [datetime.datetime.max, datetime.date.min, datetime.timedelta.max],  # noqa: DTZ901  (naive)
    "uuid": lambda: uuid.UUID(int=5),
    "enum": lambda: Colour.RED,
    "dataclass": lambda: Tree("a", [Tree("b")]),
    "named tuple": lambda: Point(1, Raising()),
    "user dict": lambda: UserDict({"a": Raising()}),
    "class": lambda: Raising,
    "function": lambda: endless,
    "endless generator": endless,
    "lambda": lambda: lambda: None,
    "exception": lambda: ValueError(Raising()),
    "mixed list": lambda: [1, "a", None, True, 2.5],
    "list of none": lambda: [None, None],
    "long text": lambda: "é" * (2 * MEBIBYTE),
    "many items": lambda: list(range(300_000)),
    "many keys": lambda: {f"k{number}": "v" for number in range(3_000)},
    "JSON of the wrong kind": lambda: '{"role": 5}',
    "JSON with NaN": lambda: '[{"role": "user", "content": NaN}]',
    "deep JSON": lambda: "[" * 50_000,
    "messages of the wrong kinds": lambda: [
        {"role": None, "content": [5, None, {"type": 7}]},
        {"role": "user", "content": {"type": []}},
        {"role": ["a"], "tool_calls": "none"},
        {"role": "assistant", "tool_calls": [None, {"function": 5}, {"function": {"arguments": 7}}]},
        {"role": "tool", "tool_call_id": {}, "content": Raising()},
        7,
    ],
    "tools of the wrong kinds": lambda: [{"type": 5}, {"function": []}, {"name": {}}, None, "x", {}],
    "image": lambda: [
        {
            "role": "user",
            "content": [
                {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "QUJD" * 1_000}}
            ],
        }
    ],
}


def json_or_not(value: Any) -> Any:
    """Return JSON text of a value where there is one."""
    try:
        return json.dumps(value)
    except Exception:  # noqa: BLE001  (hostile values raise anything)
        return [value]


LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=2**62, max_value=2**70),
    st.floats(),
    st.text(alphabet=st.characters(codec=None, categories=None), max_size=30),
    st.binary(max_size=30),
    st.sampled_from(["data:image/png;base64,QUJD", "\ud800", "\0", '{"a": 1}', "[1, 2", "user", "text"]),
    st.builds(Raising),
    st.builds(LyingText, st.just("x")),
    st.builds(Tree, st.just("t")),
    st.builds(object),
    st.sampled_from([Colour.RED, Raising]),
    st.decimals(),
)
KEYS = st.one_of(
    st.sampled_from(["role", "content", "type", "text", "tool_calls", "function", "name", "arguments", "id"]),
    st.sampled_from(
        ["input", "image_url", "url", "source", "data", "parameters", "description", "tcc.agent"]
    ),
    st.text(alphabet=st.characters(codec=None, categories=None), max_size=5),
    st.integers(),
    st.none(),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(KEYS, inner, max_size=4),
        st.tuples(inner, inner),
        inner.map(lambda value: Tree("t", [value])),
        inner.map(json_or_not),
    ),
    max_leaves=12,
)
