"""Recorded values as data and as text."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextcompany.local.reading.values import (
    as_object,
    bounded,
    compact,
    indented,
    read_container,
    read_json,
)
from contextcompany.semconv.text import valid_text

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


@given(st.text(alphabet=st.characters(), max_size=30) | st.text(alphabet="\ud83d\udc4b\0aü", max_size=9))
def test_a_clean_text_can_be_stored_and_differs_only_where_it_could_not(text: str) -> None:
    """Good text stays as it is; of bad text the good remains, and surrogates that belong together unite."""
    cleaned = valid_text(text)
    cleaned.encode()
    assert "\0" not in cleaned
    try:
        text.encode()
    except UnicodeEncodeError:
        assert "\ufffd" in cleaned or "👋" in cleaned
    else:
        assert cleaned == text.replace("\0", "\ufffd")


@given(_JSON, st.sampled_from(["", " ", "\r\n\t "]))
def test_json_is_read_as_the_library_does(value: Any, around: str) -> None:
    """White space around it does not matter."""
    assert read_json(around + json.dumps(value) + around) == value


@pytest.mark.parametrize(
    "value", ["", "no", "{} x", '{"a"', "\ufeff[]", "[" * 100_000, "9" * 5_000, b"[]", 7, None]
)
def test_what_is_no_json_stays_what_it_is(value: Any) -> None:
    """However it is broken."""
    assert read_json(value) is value


def test_json_of_more_values_than_can_be_held_stays_text() -> None:
    """Text without end that is prose is read, lists without end are not."""
    prose = json.dumps(['word, [not] {a} list, \\ " ' * 400_000])
    assert read_json(prose) == json.loads(prose)
    flood = "[" + "[]," * 1_000_001 + "[]]"
    assert read_json(flood) is flood
    long = '["' + "x" * (64 << 20) + '"]'
    assert read_json(long) is long


@pytest.mark.parametrize(
    ("text", "value"),
    [(' {"a": 1}', {"a": 1}), ("[1]", [1]), ('"a"', "a"), ("12", "12"), ("null", "null"), ("{a}", "{a}")],
)
def test_a_bare_number_or_word_stays_text(text: str, value: Any) -> None:
    """Only what is plainly data is taken for data."""
    assert read_container(text) == value


@given(_JSON)
def test_values_within_the_bounds_are_shown_whole(value: Any) -> None:
    """What people read is what was recorded."""
    assert bounded(value) == value
    if not isinstance(value, str):
        assert json.loads(indented(value)) == value
        assert json.loads(compact(value)) == value
    assert as_object(value) == (value if isinstance(value, dict) else None)


def test_attributes_that_json_cannot_say_are_said_otherwise() -> None:
    """Tuples are lists, bytes their number, anything else its name."""
    assert bounded(({"a": b"123"}, {1})) == [{"a": "(3 bytes)"}, "{1}"]


def test_what_is_beyond_the_bounds_is_counted() -> None:
    """In lists and in objects, and in what is too deep."""
    assert bounded([0] * 30_000)[-1] == "… 10,001 more"  # type: ignore[index]
    wide = bounded({str(n): n for n in range(30_000)})
    assert isinstance(wide, dict)
    assert wide["…"] == "10,001 more"
    deep: Any = 1
    for _ in range(100):
        deep = [deep]
    text = indented(deep)
    assert "too deep" in text
    assert len(text) < 2_000
    for _ in range(100_000):
        deep = [deep]
    assert "too deep" in compact(deep)


def test_an_open_string_is_not_looked_through_again_from_each_quote() -> None:
    """A long text that is no JSON is known to be none within a moment."""
    text = "[" + "1," * 1_100_000 + '"' + '\\"' * 50_000
    begun = time.process_time()
    assert read_json(text) is text
    assert time.process_time() - begun < 2
