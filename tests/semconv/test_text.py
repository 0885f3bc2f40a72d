"""Any object as valid, bounded text."""

from __future__ import annotations

import functools
import json
from collections import UserString
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextcompany.semconv.text import byte_size, class_name, clean_text, number_text, quoted, text_of
from tests.semconv import hostile

TEXTS = st.one_of(
    st.text(st.characters(), max_size=400),
    st.text(st.characters(categories=["Cs", "Cc", "Ll"]), max_size=60),
)


@pytest.mark.parametrize(
    ("value", "expected"),
    hostile.rows(
        [
            ("plain", "plain"),
            ("", ""),
            ("héllo 漢字 😀", "héllo 漢字 😀"),
            ("a\0b", "a\ufffdb"),
            ("a\ud800b", "a\ufffdb"),
            ("\ud83d\ude00", "😀"),
            ("\udc00\ud800", "\ufffd\ufffd"),
            (hostile.HostileText("plain"), "plain"),
            (hostile.ReturnsHostileText(), "inner"),
            (hostile.Mode.FAST, "fast"),
            (hostile.Colour.RED, "red"),
            (hostile.Level.HIGH, "3"),
            (b"bytes \xff", "bytes \ufffd"),
            (None, "None"),
            (True, "True"),
            (12, "12"),
            (1.5, "1.5"),
            (10**30, str(10**30)),
            (10**5000, "<int of 16610 bits>"),
            (hostile.RaisesEverywhere(), "<unprintable RaisesEverywhere>"),
            (hostile.Nameless(), "<unprintable Nameless>"),
            (hostile.Deep(), "<unprintable Deep>"),
            (object(), "<object>"),
            (print, "print"),
            (functools.cache, "cache"),
            ("x".upper, "upper"),
            (iter([1]), "<list_iterator>"),
            (UserString("user"), "user"),
            (SimpleNamespace(a=1), "namespace(a=1)"),
        ]
    ),
)
def test_any_object_becomes_valid_text(value: Any, expected: str) -> None:
    """Every object has a text, an exact str without surrogates, NUL and memory addresses."""
    text, cut = clean_text(value)
    assert (text, cut, type(text)) == (expected, False, str)


@pytest.mark.parametrize(
    ("value", "limit", "expected"),
    [
        ("x" * 100, 100, ("x" * 100, False)),
        ("x" * 101, 100, ("x" * 77 + "...[24 characters cut]", True)),
        ("x" * 1000, 40, ("x" * 16 + "...[984 characters cut]", True)),
        ("é" * 100, 100, ("é" * 38 + "...[62 characters cut]", True)),
        ("漢" * 10, 10, ("漢漢漢", True)),
        ("x" * 100, 10, ("x" * 10, True)),
        ("x", 0, ("", True)),
        ("", 0, ("", False)),
        ("x", -5, ("", True)),
    ],
)
def test_long_text_is_cut_at_a_character_and_says_so(
    value: str, limit: int, expected: tuple[str, bool]
) -> None:
    """Text over the limit ends with how much of it was cut, where there is room for that."""
    assert clean_text(value, limit) == expected


def test_text_cut_twice_says_how_much_was_cut_in_all() -> None:
    """A text that is cut again counts on from what its marker says."""
    once, _ = clean_text("x" * 10_000, 1000)
    twice, cut = clean_text(once, 100)
    kept = len(twice) - len("...[0000 characters cut]")
    assert (twice, cut) == ("x" * kept + f"...[{10_000 - kept} characters cut]", True)


@given(TEXTS, st.integers(-1, 500))
def test_no_text_is_over_its_limit_or_invalid(text: str, limit: int) -> None:
    """Whatever the text and the limit, the result keeps to the limit and can be encoded."""
    cleaned, cut = clean_text(text, limit)
    assert byte_size(cleaned) == len(cleaned.encode()) <= max(limit, 0)
    assert "\0" not in cleaned
    assert cut == (len(clean_text(text)[0].encode()) > max(limit, 0))


@given(hostile.VALUES)
def test_no_object_makes_text_raise(value: object) -> None:
    """Wild objects become text that can be encoded."""
    clean_text(value)[0].encode()


def test_what_stops_a_program_is_not_held_up() -> None:
    """Only exceptions of the object are caught, not the user's interrupt."""

    class Interrupts:
        def __str__(self) -> str:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        text_of(Interrupts())


def test_names_of_classes_are_bounded() -> None:
    """The name of a class is at most 200 characters."""
    assert class_name(type("N" * 1000, (), {})()) == "N" * 200


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (float("nan"), "NaN"),
        (float("inf"), "Infinity"),
        (float("-inf"), "-Infinity"),
        (0.1, "0.1"),
        (1 << 70, "1180591620717411303424"),
    ],
)
def test_numbers_that_json_lacks_have_a_name(value: float, expected: str) -> None:
    """Non-finite and huge numbers become text that says what they were."""
    assert number_text(value) == expected


@given(st.text(st.characters(exclude_categories=["Cs"])) | st.text('a"\\\n\r\t\b\f\0\x1f\x7fé'))
def test_a_quoted_text_is_what_json_says(text: str) -> None:
    """Whatever a text holds, it is quoted and escaped exactly as the JSON encoder does it."""
    assert quoted(text) == json.dumps(text, ensure_ascii=False)
