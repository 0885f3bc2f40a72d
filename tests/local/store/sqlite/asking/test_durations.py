"""Tests of percentiles."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextcompany.local.store.sqlite.asking import durations


@pytest.mark.parametrize(
    ("ordered", "percent", "expected"),
    [([], 50, 0), ([7], 50, 7), ([1, 2], 50, 1), ([1, 2, 3], 50, 2), ([-5, -1], 95, 0), ([1, 9], 95, 9)],
)
def test_a_percentile_is_one_of_the_values(ordered: list[int], percent: int, expected: int) -> None:
    """The nearest rank is a value that was there; none is 0, and so is one below 0."""
    assert durations.nearest_rank(ordered, percent) == expected


@given(values=st.lists(st.integers(0, 2**63), min_size=1), percent=st.integers(1, 100))
def test_so_many_percent_do_not_exceed_it(values: list[int], percent: int) -> None:
    """At least so many percent of the values are at most the percentile, and fewer are below it."""
    found = durations.nearest_rank(sorted(values), percent)
    assert sum(value <= found for value in values) * 100 >= percent * len(values)
    assert sum(value < found for value in values) * 100 < percent * len(values)


@given(values=st.lists(st.integers(-(2**63), 2**63 - 1)))
def test_what_the_database_lists_is_read_exactly(values: list[int]) -> None:
    """No digit is lost between the database and the percentile."""
    assert durations.numbers(",".join(map(str, values))) == values
    assert durations.numbers(None) == []
