"""Numbers and times as pages show them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextcompany.local.dashboard.frame.formatting import (
    NONE,
    age_text,
    cost_text,
    count_text,
    filter_time,
    iso_text,
    line_text,
    moment_text,
    rate_text,
)
from contextcompany.local.store.filters import RunFilter

_NOW = 1_800_000_000_000_000_000
_S = 1_000_000_000


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (9_999, "9,999"),
        (10_000, "10.0k"),
        (12_449, "12.4k"),
        (999_499, "999k"),
        (999_500, "1.00M"),
        (3_050_000, "3.05M"),
        (2**70, "1,180,591,621T"),
    ],
)
def test_a_count_is_short(number: int, text: str) -> None:
    """A count is written in full as long as that is short."""
    assert count_text(number) == text


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [(0, 0, NONE), (0, 5, "0%"), (1, 10_000, "<0.1%"), (1, 200, "0.5%"), (1, 8, "12%"), (3, 3, "100%")],
)
def test_a_share_tells_none_from_few(part: int, whole: int, text: str) -> None:
    """A share says so where there was nothing, and never rounds something down to nothing."""
    assert rate_text(part, whole) == text


@pytest.mark.parametrize(
    ("dollars", "text"),
    [
        (None, NONE),
        (0.0, "$0"),
        (0.00034, "$0.00034"),
        (0.001745, "$0.0017"),
        (0.0412, "$0.041"),
        (0.02, "$0.02"),
        (0.5603, "$0.56"),
        (12.3, "$12.30"),
        (45_600, "$45.6k"),
    ],
)
def test_a_cost_has_the_digits_that_matter(dollars: float | None, text: str) -> None:
    """A cost keeps its size readable from fractions of a cent to thousands."""
    assert cost_text(dollars) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "now"),
        (4, "now"),
        (40, "40 s ago"),
        (61, "1 min ago"),
        (7_300, "2 h ago"),
        (200_000, "2 d ago"),
        (700_000, "2027-01-07"),
        (-7_200, "2027-01-15"),
    ],
)
def test_an_age_becomes_a_date(seconds: int, text: str) -> None:
    """An age is told in one unit; beyond a week, or in a future that is no skew of clocks, it is a date."""
    assert age_text(_NOW - seconds * _S, _NOW) == text


@given(st.integers(-(2**63), 2**63 - 1))
def test_any_time_is_written_and_read_as_a_filter(nanoseconds: int) -> None:
    """Whatever time a span claims can be shown, and what is written is a bound that a filter takes."""
    assert moment_text(nanoseconds)
    assert age_text(nanoseconds, _NOW)
    for written in (iso_text(nanoseconds), filter_time(nanoseconds)):
        since, _ = RunFilter.of([("since", written)]).bounds_ns()
        assert since is not None
        if nanoseconds >= 0:
            assert abs(since - nanoseconds) < 1_000


@given(st.text())
def test_a_line_holds_nothing_that_a_page_would_obey(text: str) -> None:
    """Control and direction characters are written out, and the line ends."""
    line = line_text(text, 80)
    assert len(line) <= 80
    assert not set(line) & set("\n\r\t\x00\x1b\u202e\u2066\u2028")
