"""Tests of the translation of what a person typed."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextcompany.local.store.sqlite.asking import search


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("refund", '"refund"*'),
        ("late refund", '"late" "refund"*'),
        ("re", '"re"'),
        ('"late refund"', '"late refund"'),
        ('"late refund" plea', '"late refund" "plea"*'),
        ('"late refund', '"late" "refund"*'),
        ("tool_name", '"tool name"*'),
        ("a-b:c*", '"a b c"'),
        ("NEAR(one two)", '"NEAR one" "two"*'),
        ("NOT refund OR", '"NOT" "refund" "OR"'),
        ("text:refund", '"text refund"*'),
        ("straße", '"straße"*'),
        ("", None),
        ('" * ( ^', None),
        ("\0", None),
    ],
)
def test_words_and_phrases_are_all_there_is(text: str, expected: str | None) -> None:
    """Words, "quoted words" and the beginning of the last word have a meaning, nothing else has."""
    assert search.expression(text) == expected


def test_beginnings_can_be_left_out() -> None:
    """The last word can be asked to be whole."""
    assert search.expression("late refund", beginnings=False) == '"late" "refund"'


def test_a_long_text_is_cut() -> None:
    """Of a text of very many words the first 32 are looked for."""
    found = search.expression("word " * 500)
    assert found is not None
    assert found.count('"word"') == 32


@given(text=st.text() | st.text(alphabet='"*():^-+{}ab NEARORNOT'))
def test_every_expression_is_one(text: str) -> None:
    """FTS5 takes whatever a text is translated to."""
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute("CREATE VIRTUAL TABLE words USING fts5 (text)")
        connection.execute("INSERT INTO words VALUES ('a b NEAR or')")
        found = search.expression(text)
        if found is not None:
            connection.execute("SELECT rowid FROM words WHERE words MATCH ?", (found,)).fetchall()
    finally:
        connection.close()
