"""Ages and sizes as people type them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextcompany.cli.amounts import days, size, size_text
from contextcompany.cli.failures import CommandError


@pytest.mark.parametrize(
    ("text", "expected"),
    [("30d", 30.0), (" 12 h ", 0.5), ("8w", 56.0), ("1.5d", 1.5), ("90min", 0.0625), ("1Y", 365.0)],
)
def test_ages(text: str, expected: float) -> None:
    """An age is read as days."""
    assert days("--max-age", text) == expected


@pytest.mark.parametrize("text", ["", "30", "d", "-1d", "0d", "1e3d", "30 days", "٣d"])
def test_what_is_no_age_is_refused(text: str) -> None:
    """The error names the option and shows what it takes."""
    with pytest.raises(CommandError, match=r"^--max-age: must be an age such as 12h, 30d or 8w, got "):
        days("--max-age", text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2GB", 2_000_000_000),
        ("500 mb", 500_000_000),
        ("1.5g", 1_500_000_000),
        ("1GiB", 1_073_741_824),
        ("1000000", 1_000_000),
        ("1TB", 1_000_000_000_000),
    ],
)
def test_sizes(text: str, expected: int) -> None:
    """A size is read as bytes, in thousands unless it says otherwise."""
    assert size("--max-size", text) == expected


@pytest.mark.parametrize("text", ["", "2", "999kB", "-2GB", "2XB", "two", "GB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    """So is one in which nothing could be kept."""
    with pytest.raises(CommandError, match=r"^--max-size: must be a size such as 500MB or 2GB"):
        size("--max-size", text)


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1.0 kB"),
        (312_400, "312 kB"),
        (999_600, "1.0 MB"),
        (4_240_000, "4.2 MB"),
        (1_300_000_000, "1.3 GB"),
        (5 * 10**15, "5000 TB"),
    ],
)
def test_sizes_as_text(amount: int, expected: str) -> None:
    """Three digits are enough for people."""
    assert size_text(amount) == expected


@given(st.integers(0, 10**16))
def test_any_size_is_short(amount: int) -> None:
    """No size breaks a line apart."""
    assert re.fullmatch(r"\d{1,5}(\.\d)? [kMGT]?B", size_text(amount))
