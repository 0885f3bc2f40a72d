"""What a generator yielded: as it was then, one text or a list, and never more than so much."""

from __future__ import annotations

import itertools
import sys
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from contextcompany.recording.calls.yielded import MOST_ITEMS, Yielded, joined
from contextcompany.recording.spans.recording import Shortened

MEBIBYTE = 1 << 20


def result_of(items: Any, *, as_they_are: bool = False) -> Any:
    """Return what is kept of items."""
    yielded = Yielded(as_they_are=as_they_are)
    for item in items:
        yielded.add(item)
    return yielded.items if as_they_are else yielded.result


@given(st.lists(st.text()))
def test_texts_are_joined(texts: list[str]) -> None:
    """However a text was cut into pieces, it is the result."""
    assert result_of(texts) == "".join(texts)


@given(st.lists(st.one_of(st.text(), st.integers(0, 9), st.booleans(), st.none()), max_size=20))
def test_anything_else_is_a_list(items: list[Any]) -> None:
    """With one item that is no text the result is the list of all."""
    assert result_of([*items, 1]) == [*items, 1]
    assert result_of([1, *items]) == [1, *items]


def test_items_are_kept_as_they_were() -> None:
    """What the consumer does to an item later does not change what is kept; a mapping gets the items."""
    item = {"a": [1]}
    kept, mapped = Yielded(as_they_are=False), Yielded(as_they_are=True)
    kept.add(item)
    mapped.add(item)
    item["a"].append(2)
    assert kept.result == [{"a": [1]}]
    assert mapped.items[0] is item


def test_many_short_texts_are_all_kept() -> None:
    """A long answer of many tokens is not cut at their number."""
    assert result_of(itertools.repeat("ab", 50_000)) == "ab" * 50_000


def test_an_endless_generator_is_bounded() -> None:
    """Of texts about 1 MiB is kept, of other items so many; that it was cut is said."""
    texts = result_of(itertools.repeat("x" * 100, 100_000))
    assert type(texts) is Shortened
    assert MEBIBYTE < len(texts.value) <= MEBIBYTE + 100
    numbers = result_of(range(3 * MOST_ITEMS))
    assert numbers == Shortened(list(range(MOST_ITEMS)))
    large = result_of(itertools.repeat({"text": "x" * 100_000}, 1_000))
    assert type(large) is Shortened
    assert 10 < len(large.value) < 14


def test_what_a_mapping_gets_is_bounded() -> None:
    """The items themselves are bounded by their number and by what can be known of their size."""
    assert len(result_of(range(3 * MOST_ITEMS), as_they_are=True)) == MOST_ITEMS
    assert len(result_of(itertools.repeat("x", 3 * MOST_ITEMS), as_they_are=True)) == MOST_ITEMS
    assert len(result_of((bytes(100_000) for _ in range(100)), as_they_are=True)) == 11


def test_a_late_number_does_not_bring_back_the_pieces() -> None:
    """After more texts than a list may have, what is no text has no place in the list any more."""
    found = result_of([*itertools.repeat("x", MOST_ITEMS + 1), 1])
    assert found == ["x" * (MOST_ITEMS + 1), 1]


def test_an_item_without_a_size() -> None:
    """A `__sizeof__` that raises is nobody's problem."""

    class Sizeless:
        def __sizeof__(self) -> int:
            raise OSError

    item = Sizeless()
    assert result_of([item], as_they_are=True) == [item]
    assert sys.getsizeof([])


def test_nothing_is_empty_text() -> None:
    """A generator that yields nothing has an empty result."""
    assert (result_of([]), joined([]), joined(["a", "b"]), joined(["a", 1])) == ("", "", "ab", ["a", 1])
