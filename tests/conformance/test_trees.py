"""Spans as text."""

from __future__ import annotations

import pytest

from tests.conformance.trees import Span, parents, told

A = Span("a", "1", "a1", None)
B = Span("b", "1", "b1", "a1")
C = Span("c", "1", "c1", "b1")
D = Span("d", "1", "d1", "a1")
OTHER = Span("a", "2", "a1", None)


@pytest.mark.parametrize(
    ("spans", "elsewhere", "text"),
    [
        ([], [], "nothing"),
        ([A], [], "a"),
        ([C, B, A], [], "a(b(c))"),
        ([A, D, B], [], "a(b, d)"),
        ([A, OTHER], [], "a, a"),
        ([B], [], "?/b"),
        ([B, C], [A], "a/b(c)"),
        ([B], [OTHER], "?/b"),
        ([A, B, B], [], "a(b*2)"),
        ([A, A, B], [], "a*2(b)"),
    ],
)
def test_told(spans: list[Span], elsewhere: list[Span], text: str) -> None:
    """The text tells parents, roots, spans of the other backend, missing parents and repeated delivery."""
    assert told(spans, elsewhere) == text


def test_parents() -> None:
    """Parents are named from both backends, and a root and an unknown parent differ."""
    assert parents([B, C, OTHER], []) == {"a": "-", "b": "?", "c": "b"}
    assert parents([B, C], [A]) == {"b": "a", "c": "b"}
