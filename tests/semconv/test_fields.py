"""Reading fields of frozen objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contextcompany.semconv.fields import as_read, as_text, first, inner, text_of_field, without

if TYPE_CHECKING:
    from contextcompany.semconv.plain import Plain


def test_any_frozen_value_has_a_text() -> None:
    """Text is itself, nothing is no text, and anything else is its JSON."""
    values: list[Plain] = ["a", None, 1, [1, {"a": "é"}]]
    assert [as_text(value) for value in values] == ["a", "", "1", '[1,{"a":"é"}]']


def test_only_text_that_is_json_is_read() -> None:
    """What is no text, or no JSON, stays."""
    assert [as_read(value) for value in ('{"a": 1}', "words", 3, None)] == [{"a": 1}, "words", 3, None]


def test_fields_are_taken_as_what_they_should_be() -> None:
    """None counts as not there; a field of another type than asked for is passed over."""
    block: dict[str, Plain] = {"none": None, "empty": "", "zero": 0, "text": "a", "object": {"b": 1}}
    assert first(block, "none", "missing", "zero", "text") == 0
    assert text_of_field(block, "none", "empty", "zero", "object", "text") == "a"
    assert (inner(block, "object"), inner(block, "text"), inner(block, "missing")) == ({"b": 1}, None, None)
    assert without(block, "text", "object") == {"empty": "", "zero": 0}
