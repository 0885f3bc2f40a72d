"""Recorded values as one safe line."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextcompany.local.reading.preview import (
    last_text,
    message_text,
    one_line,
    unwrapped_text,
    value_text,
)


def _said(role: str, *texts: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text} for text in texts]}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("plain", "plain"),
        ("  two\n\n\tlines \r\n", "two lines"),
        ("red \x1b[31mink\x1b[0m", "red \\x1b[31mink\\x1b[0m"),
        ("bell\x07 del\x7f csi\x9b", "bell\\x07 del\\x7f csi\\x9b"),
        ("right\u202eleft", "right\\u202eleft"),
        ("half \ud83d pair", "half \\ud83d pair"),
        ("a\u2028b", "a b"),
        ("[bold]x[/bold]", "[bold]x[/bold]"),
        ("👩\u200d🚀 Grüße 数", "👩\u200d🚀 Grüße 数"),
        ("", ""),
    ],
)
def test_what_a_terminal_would_obey_is_made_visible(text: str, line: str) -> None:
    """Control characters, changes of direction and halves of pairs become escapes, the rest stays."""
    assert one_line(text, 80) == line


def test_long_text_is_cut_with_a_mark() -> None:
    """The limit holds, and the mark says that there is more."""
    assert one_line("x" * 11, 10) == "x" * 9 + "…"
    assert one_line("x" * 10, 10) == "x" * 10
    assert one_line(" " * 1_000 + "x", 10) == "…"


@given(st.text(), st.integers(min_value=1, max_value=50))
def test_a_line_is_short_and_holds_nothing_unsafe(text: str, limit: int) -> None:
    """Whatever the text, the line has at most the limit and no control character."""
    line = one_line(text, limit)
    assert len(line) <= limit
    assert not any(unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in line)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ('{"sql":"SELECT 1"}', '{"sql": "SELECT 1"}'),
        ('{"value":"15 degrees"}', "15 degrees"),
        ('{"value":[1,2]}', "[1, 2]"),
        ('{"value":1,"unit":"C"}', '{"value": 1, "unit": "C"}'),
        ("no json", "no json"),
        ("[" * 100_000, "[" * 100_000),
        ({"inner": (1, "ü", b"\x00")}, '{"inner": [1, "ü", "b\'\\\\x00\'"]}'),
        (12.5, "12.5"),
        (None, "null"),
    ],
)
def test_values_are_compact_json_without_the_wrapping(value: Any, text: str) -> None:
    """What was wrapped to be an object is shown as what it was."""
    assert value_text(value) == text


def test_an_answer_names_the_tools_it_asks_for() -> None:
    """Tool calls look like calls; arguments may be text that is JSON; media are named."""
    parts = [
        {"type": "reasoning", "content": "hmm"},
        {"type": "text", "content": "I look."},
        {"type": "tool_call", "name": "search", "id": "1", "arguments": {"query": "late", "most": 3}},
        {"type": "tool_call", "name": "shop", "id": "2", "arguments": '{"sql": "SELECT 1"}'},
        {"type": "tool_call", "name": "now", "id": "3"},
        {"type": "tool_call", "name": "odd", "id": "4", "arguments": "free text"},
        {"type": "tool_call_response", "id": "1", "response": {"rows": 2}},
        {"type": "blob", "modality": "image"},
        {"type": "strange"},
    ]
    assert message_text({"role": "assistant", "parts": parts}) == (
        'I look. search(query="late", most=3) shop(sql="SELECT 1") now() odd(free text) {"rows": 2} '
        "[image] [strange]"
    )


@pytest.mark.parametrize(
    ("messages", "options", "text"),
    [
        ([_said("user", "a"), _said("user", "b")], {}, "b"),
        ([_said("user", "a"), _said("user", "b")], {"is_only": True}, None),
        ([_said("assistant", "a")], {"is_only": True}, "a"),
        ([_said("user", "a"), _said("tool", "b")], {"is_users": True}, None),
        ([_said("user", "a")], {"is_users": True}, "a"),
        ([_said("user", "a", "b")], {}, None),
        ([{"role": "user", "content": "a"}], {}, None),
        (["a"], {}, None),
        ([], {}, None),
        ({}, {}, None),
    ],
)
def test_the_last_text_is_had_at_little_cost(
    messages: Any, options: dict[str, bool], text: str | None
) -> None:
    """What is more than one text, or of another shape, is left to be read in full."""
    assert last_text(json.dumps(messages), **options) == text
    assert last_text((), **options) is None


@pytest.mark.parametrize(
    ("text", "unwrapped"),
    [
        ('{"value":"15 degrees"}', "15 degrees"),
        ('{"value":[1, {"a":"}"}]}', '[1, {"a":"}"}]'),
        ('{"value":1,"unit":"C"}', '{"value":1,"unit":"C"}'),
        ('{"value":1', '{"value":1'),
        ("plain", "plain"),
    ],
)
def test_compact_json_stays_as_it_stands_without_the_wrapping(text: str, unwrapped: str) -> None:
    """Nothing is written anew that reads well already."""
    assert unwrapped_text(text) == unwrapped


@pytest.mark.parametrize("parts", [None, "", "text", {}, [1], (None,), [[]]])
def test_what_is_no_list_of_parts_is_no_text(parts: Any) -> None:
    """Broken content shows nothing and raises nothing."""
    assert message_text({"role": "user", "parts": parts}) == ""


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["role", "parts", "type", "content", "name", "arguments"]), inner, max_size=3
        )
    ),
    max_leaves=12,
)


@given(_JSON)
def test_wild_content_raises_nothing(value: Any) -> None:
    """Whatever JSON stands in a content attribute, there is a text for it."""
    assert isinstance(value_text(json.dumps(value)), str)
    assert isinstance(message_text({"parts": value}), str)
    assert last_text(json.dumps(value)) is None or isinstance(value, list)
