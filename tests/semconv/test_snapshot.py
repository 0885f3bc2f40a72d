"""The bounded copy: what is kept, what is cut, and in which order."""

from __future__ import annotations

import json
import math
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextcompany.semconv.plain import MAX_DEPTH, MAX_VALUE_BYTES, Plain
from contextcompany.semconv.snapshot import Snapshot, fair_share, plain_copy
from tests.semconv import hostile


def take(value: object, limit: int = MAX_VALUE_BYTES) -> tuple[Plain, bool]:
    """Copy a value."""
    snapshot = Snapshot(limit)
    return snapshot.take(value), snapshot.cut


def innermost(value: Any) -> Any:
    """Follow the first items down to what is no list."""
    while isinstance(value, list):
        value = value[0] if value else None
    return value


@pytest.mark.parametrize(
    ("depth", "expected", "cut"), [(MAX_DEPTH, None, False), (MAX_DEPTH + 1, "<too deep>", True)]
)
def test_depth_is_bounded(depth: int, expected: str | None, cut: bool) -> None:
    """Twenty containers inside each other are kept; what is deeper is named and counts as cut."""
    found, was_cut = take(hostile.nested(depth))
    assert (innermost(found), was_cut) == (expected, cut)


def test_cycles_are_named() -> None:
    """A container inside itself is a cycle; one that stands in two places is copied twice."""
    shared = [1]
    value: dict[str, Any] = {"a": shared, "b": shared}
    value["self"] = [value]
    assert take(value) == ({"a": [1], "b": [1], "self": ["<cycle>"]}, False)


def test_a_long_text_takes_no_room_from_what_follows() -> None:
    """The longest texts are cut first, so that short ones and all keys stay whole."""
    value = {"long": "x" * 5000, "middle": "y" * 300, "role": "user", "list": [1, 2, 3]}
    found, cut = take(value, 1000)
    assert isinstance(found, dict)
    long = found.pop("long")
    assert isinstance(long, str)
    assert (found, cut) == ({"middle": "y" * 300, "role": "user", "list": [1, 2, 3]}, True)
    kept = len(long) - len("...[4000 characters cut]")
    assert long == "x" * kept + f"...[{5000 - kept} characters cut]"
    assert 550 < len(long) < 700


def test_messages_lose_messages_and_not_their_roles() -> None:
    """Where the structure alone is too big, items of the list are dropped whole from its end."""
    value = [{"number": number, "content": "word " * 20, "role": "user"} for number in range(1000)]
    found, cut = take(value, 10_000)
    assert cut
    assert isinstance(found, list)
    assert 50 < len(found) < 100
    assert found == value[: len(found)]


def test_what_stands_after_a_huge_list_is_kept() -> None:
    """Outer objects keep a reserve to be completed with when an inner list has spent the budget."""
    found, cut = take(
        {"huge": list(range(100_000)), "role": "user", "deep": {"huge": list(range(9)), "id": "a"}}, 10_000
    )
    assert isinstance(found, dict)
    assert (found["role"], cut) == ("user", True)


def test_keys_become_texts() -> None:
    """Keys are named as JSON names them, cleaned, cut and, where two are the same, counted as a cut."""
    assert take({None: 1, True: 2, 3: 4, (1, "a"): 5, "\ud800": 6, hostile.Colour.RED: 7}) == (
        {"null": 1, "true": 2, "3": 4, "(1, 'a')": 5, "\ufffd": 6, "red": 7},
        False,
    )
    assert take({1: "a", "1": "b"}) == ({"1": "b"}, True)
    found, cut = take({"k" * 2000: 1})
    assert isinstance(found, dict)
    assert ([len(key) for key in found], cut) == ([1024], True)


def test_the_owner_may_change_what_is_being_copied() -> None:
    """An item that changes its container while it is printed makes nothing raise."""
    value: dict[str, object] = {}

    class Grows:
        def __str__(self) -> str:
            value[f"new {len(value)}"] = 1
            return "grown"

    value |= {"a": Grows(), "b": Grows()}
    assert take(value) == ({"a": "grown", "b": "grown"}, False)


HUGE_TEXT = "x" * (8 << 20)
DIRTY_TEXT = "\0" + "x" * (1 << 20)


@pytest.mark.parametrize(
    "value",
    [
        [HUGE_TEXT] * 100_000,
        [DIRTY_TEXT] * 5_000,
        [None] * 3_000_000,
        {number: number for number in range(500_000)},
        hostile.Endless(),
        [[[[["x" * 100] * 100] * 100] * 100] * 100] * 100,
    ],
    ids=["texts", "texts to clean", "items", "keys", "endless", "shared"],
)
def test_huge_values_cost_bounded_memory(value: Any) -> None:
    """Copying a value of gigabytes takes a few times the limit, and leaves at most the limit."""
    tracemalloc.start()
    try:
        found, cut = take(value)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert cut
    assert len(json.dumps(found, separators=(",", ":"))) < 1.1 * MAX_VALUE_BYTES
    assert peak < 32 * MAX_VALUE_BYTES


@given(st.lists(st.integers(0, 1000), max_size=20), st.integers(0, 5000))
def test_a_share_is_fair_and_within_the_budget(sizes: list[int], budget: int) -> None:
    """Cut to their share, sizes keep to the budget, and one byte more for each would not."""
    share = fair_share(sizes, budget)
    if sum(sizes) <= budget:
        assert share == max(sizes, default=0)
    else:
        assert sum(min(size, share) for size in sizes) <= budget
        assert sum(min(size, share + 1) for size in sizes) > budget


ODD = st.sampled_from(
    [
        1 << 63,
        -(1 << 63),
        math.nan,
        "é",
        "a\0",
        "data:text/plain;base64,AAAA",
        "x" * 200,
        b"b",
        {1: 2},
        object(),
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=200) | ODD,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(
            st.sampled_from(["a", "data", "type", "result", "é", "k" * 200, ""]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(st.lists(VALUES, max_size=4) | st.dictionaries(st.text(max_size=9), VALUES, max_size=4))
def test_the_short_way_ends_where_the_long_one_does(value: Any) -> None:
    """A value that is copied without a closer look is copied as it would be with one."""
    found = plain_copy(value)
    assert found is None or (found[0], False) == take(value)


@pytest.mark.parametrize("value", [["x"] * 100, {"role": "user", "content": "x" * 10_000}, [{"a": (1, 2.5)}]])
def test_most_values_go_the_short_way(value: Any) -> None:
    """Chat messages and arguments as they usually are need no closer look."""
    found = plain_copy(value)
    assert found is not None
    assert found[0] == take(value)[0]
    assert len(json.dumps(value)) / 2 < found[1] < 300 * len(json.dumps(value))
