"""Tests of cursors."""

from __future__ import annotations

import base64
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextcompany.local.store.rows import BadCursorError
from contextcompany.local.store.sqlite.asking import cursors

ASKED = cursors.question("runs", (("agent", "a"),))
whole = st.integers(-(2**63) + 1, 2**63 - 1)


@given(key=whole | st.floats(allow_nan=False), number=whole)
def test_a_cursor_keeps_its_place(key: float, number: int) -> None:
    """What a cursor was written with it gives back, to the last digit, and it can stand in an address."""
    cursor = cursors.write(ASKED, (key, number))
    assert cursor.replace("-", "").replace("_", "").isalnum()
    assert cursors.read(ASKED, cursor, (float, int)) == [key, number]


@given(cursor=st.text() | st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_anything_else_is_refused(cursor: str) -> None:
    """Text of other origin is no cursor."""
    with pytest.raises(BadCursorError):
        cursors.read(ASKED, cursor, (int, int))


@pytest.mark.parametrize(
    "parts",
    [
        [ASKED, 1],
        [ASKED, 1, 2, 3],
        [ASKED, 1.5, 2],
        [ASKED, 2**63, 2],
        [ASKED, "1", 2],
        [ASKED, True, 2],
        [ASKED, None, 2],
        [ASKED, math.nan, 2],
        ["other", 1, 2],
        {"asked": ASKED},
        [],
        "[" * 300,
    ],
)
def test_a_forged_place_is_refused(parts: object) -> None:
    """A place must have the numbers that the list goes by."""
    text = parts if isinstance(parts, str) else json.dumps(parts)
    cursor = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
    with pytest.raises(BadCursorError):
        cursors.read(ASKED, cursor, (int, int))


def test_no_number_is_no_float() -> None:
    """A place of an order by cost is a number."""
    with pytest.raises(BadCursorError, match="none of this list"):
        cursors.read(ASKED, cursors.write(ASKED, (math.nan, 1)), (float, int))


def test_another_question_has_another_name() -> None:
    """Filters that differ in anything have cursors of their own."""
    assert cursors.question("a", "b") != cursors.question("ab")
    assert cursors.question("a", "\ud800") == cursors.question("a", "\ud800")
