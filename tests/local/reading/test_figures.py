"""Figures as people read them."""

from __future__ import annotations

import pytest

from contextcompany.local.reading.figures import duration_text, money_text, token_text


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (-5, "0.0 ms"),
        (0, "0.0 ms"),
        (40_000, "0.0 ms"),
        (420_000, "0.4 ms"),
        (9_940_000, "9.9 ms"),
        (9_960_000, "10 ms"),
        (412_300_000, "412 ms"),
        (999_600_000, "1.0 s"),
        (3_210_000_000, "3.2 s"),
        (59_960_000_000, "1 min 00 s"),
        (125_000_000_000, "2 min 05 s"),
        (3_599_700_000_000, "1 h 00 min"),
        (9_000_000_000_000, "2 h 30 min"),
    ],
)
def test_durations_have_the_precision_that_matters(nanoseconds: int, text: str) -> None:
    """Short ones in milliseconds, long ones in hours, and never 1000 of the smaller unit."""
    assert duration_text(nanoseconds) == text


def test_tokens_name_the_cached_part_of_the_input() -> None:
    """Cached tokens are part of what went in; no tokens are no text."""
    assert token_text(1_240, 512, 86) == "1,240 in (512 cached), 86 out"
    assert token_text(10, 0, 0) == "10 in, 0 out"
    assert token_text(0, 0, 0) == ""


@pytest.mark.parametrize(
    ("dollars", "text"),
    [
        (0.0, "$0"),
        (0.0000001, "<$0.000001"),
        (0.00034, "$0.00034"),
        (0.0003375, "$0.000338"),
        (0.0004375, "$0.000438"),
        (0.00043750000000000006, "$0.000438"),
        (0.000001, "$0.000001"),
        (0.99999999999, "$1.00"),
        (0.0412, "$0.0412"),
        (12.3, "$12.30"),
        (1234.5, "$1,234.50"),
    ],
)
def test_small_amounts_stay_distinguishable(dollars: float, text: str) -> None:
    """A request costs parts of a cent, a month costs thousands of dollars; both are readable."""
    assert money_text(dollars) == text
