"""Fields of JSON are what they must be, or are refused with their name."""

from __future__ import annotations

import pytest

from contextcompany.local.otlp import fields
from contextcompany.local.otlp.fields import (
    Object,
    as_text,
    child,
    hexadecimal,
    items,
    objects,
    read_document,
    text,
)
from contextcompany.local.otlp.spans import MalformedBodyError


def test_what_is_absent_or_null_is_empty() -> None:
    """No field and null are the same, as protobuf has it."""
    holders: tuple[Object, ...] = ({}, {"f": None})
    for holder in holders:
        assert (child(holder, "f"), items(holder, "f"), objects(holder, "f")) == ({}, [], [])
        assert (text(holder, "f"), hexadecimal(holder, "f")) == ("", b"")


@pytest.mark.parametrize(
    ("read", "reason"),
    [
        (lambda: child({"f": 1}, "f"), "f must be an object, got int '1'"),
        (lambda: items({"f": "x"}, "f"), "f must be a list, got str 'x'"),
        (lambda: objects({"f": [{}, 1]}, "f"), "an item of f must be an object, got int '1'"),
        (lambda: text({"f": ["x"]}, "f"), "f must be a string, got list"),
        (lambda: hexadecimal({"f": "xyz"}, "f"), "f must be hexadecimal digits, got str 'xyz'"),
        (lambda: text({"f": 10**100}, "f"), f"f must be a string, got int '{10**59}'"),
    ],
)
def test_what_is_of_another_type_is_refused_by_name(read: object, reason: str) -> None:
    """The message is short, whatever the value is."""
    with pytest.raises(MalformedBodyError) as caught:
        read()  # type: ignore[operator]
    assert str(caught.value) == reason


def test_text_can_be_encoded() -> None:
    """Halves of surrogate pairs are mended, whole pairs are joined."""
    assert as_text("\ud83d!", "f") == "\ufffd!"
    assert as_text("\ud83d\ude00", "f") == "\U0001f600"


def test_values_are_counted_before_they_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """A document at the bound is read, one beyond it is not."""
    monkeypatch.setattr(fields, "MOST_VALUES", 10)
    assert read_document(b"[" + b"1," * 9 + b"1]") == [1] * 10
    with pytest.raises(MalformedBodyError, match="the body holds more than 10 values; send smaller batches"):
        read_document(b"[" + b"1," * 10 + b"1]")


def test_only_what_stands_outside_of_texts_counts_as_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prose is full of commas, and a document of prose may be long."""
    monkeypatch.setattr(fields, "MOST_VALUES", 4)
    assert read_document(b'["a,b,c,[{", "\\",,,,\\\\", "{{{"]') == ["a,b,c,[{", '",,,,\\', "{{{"]
    for body in (b'["a", "b", "c", "d", "e"]', b'[1, 2, 3, 4, 5, "a"]', b'["a", 1, 2, 3, 4, "b'):
        with pytest.raises(MalformedBodyError, match="more than 4 values"):
            read_document(body)


def test_a_document_has_a_largest_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read, a single sign of another alphabet makes four bytes of each character."""
    monkeypatch.setattr(fields, "MOST_BYTES", 1024 * 1024)
    with pytest.raises(MalformedBodyError, match="larger than 1 MiB"):
        read_document(b'"' + b"a" * 1024 * 1024 + b'"')
