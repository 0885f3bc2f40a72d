"""The texts inside of values: each is visited, and nothing else changes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextcompany.delivery.spans.leaves import MOST_LEVELS, Leaves, TooDeepError, numbered, read
from contextcompany.semconv import attributes as names
from contextcompany.semconv.messages import (
    input_messages,
    output_messages,
    system_instructions,
    tool_definitions,
)
from contextcompany.semconv.values import freeze

MARK = "\ue001"
STRUCTURE = {
    *("role", "finish_reason", "type", "id", "name", "modality", "mime_type", "size", "digest", "file_id"),
}
FRAMED = {
    names.GEN_AI_INPUT_MESSAGES: input_messages,
    names.GEN_AI_OUTPUT_MESSAGES: output_messages,
    names.GEN_AI_SYSTEM_INSTRUCTIONS: system_instructions,
    names.GEN_AI_TOOL_DEFINITIONS: tool_definitions,
}

TEXTS = st.text(st.characters(exclude_categories=["Cs", "Co"]), max_size=8)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXTS,
)
KEYS = st.one_of(
    TEXTS,
    st.sampled_from(
        [
            *("role", "type", "id", "name", "parts", "content", "text", "arguments", "input", "function"),
            *("tool_calls", "response", "description", "parameters", "input_schema", "source", "data"),
            *("url", "file_id", "tool_call_id", "finish_reason", "size", "digest", "mime_type", "modality"),
        ]
    ),
)
WORDS = st.sampled_from(
    [
        "user",
        "assistant",
        "tool",
        "text",
        "tool_call",
        "tool_use",
        "tool_result",
        "image",
        "blob",
        "uri",
        "x y",
    ]
)
VALUES = st.recursive(
    st.one_of(SCALARS, WORDS),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=30,
)


def mark(text: str, secret: bool) -> str:
    """Visit a text so that it can be seen later."""
    assert not secret
    return MARK + text


def marked(key: str, value: Any) -> Any:
    """Return a value all of whose texts were visited."""
    return Leaves(mark, "failed", names_tell=False).framed(key, value)


def unmarked(value: Any) -> Any:
    """Return a marked value as it was, but for the numbers, which are text."""
    if isinstance(value, str) and value.startswith(MARK):
        return value[1:]
    if isinstance(value, dict):
        return {unmarked(key): unmarked(item) for key, item in value.items()}
    return [unmarked(item) for item in value] if isinstance(value, list) else value


def spoken(value: Any) -> Any:
    """Return a value with its numbers as text."""
    if isinstance(value, dict):
        return {key: spoken(item) for key, item in value.items()}
    if isinstance(value, list):
        return [spoken(item) for item in value]
    return value if value is None or isinstance(value, (bool, str)) else repr(value)


def unvisited(value: Any, key: str = "") -> list[tuple[str, Any]]:
    """Return the texts and numbers that were not visited, with the keys they stand under."""
    if isinstance(value, dict):
        return [found for name, item in value.items() for found in unvisited(item, name)]
    if isinstance(value, list):
        return [found for item in value for found in unvisited(item, key)]
    if value is None or isinstance(value, bool) or (isinstance(value, str) and value.startswith(MARK)):
        return []
    return [(key, value)]


@given(VALUES)
def test_every_text_of_free_data_is_visited(value: Any) -> None:
    """In arguments, results and metadata each text, number and key is visited, and the structure stays."""
    after = marked(names.GEN_AI_TOOL_CALL_ARGUMENTS, value)
    assert unvisited(after) == []
    assert unmarked(after) == spoken(value)
    keys = [key for item in objects(after) for key in item]
    assert all(key.startswith(MARK) for key in keys)


def objects(value: Any) -> list[dict[str, Any]]:
    """Return all objects inside of a value."""
    if isinstance(value, dict):
        return [value, *(found for item in value.values() for found in objects(item))]
    return [found for item in value for found in objects(item)] if isinstance(value, list) else []


@pytest.mark.parametrize("key", FRAMED)
@given(VALUES)
def test_every_text_of_a_frame_is_visited(key: str, value: Any) -> None:
    """In messages and definitions all but short identifiers of the frame is visited."""
    before: Any = FRAMED[key](freeze(value)[0])
    after = marked(key, before)
    for name, left in unvisited(after):
        assert name in STRUCTURE
        assert isinstance(left, int) or " " not in left
    assert spoken(unmarked(after)) == spoken(before)


@pytest.mark.parametrize("key", FRAMED)
@given(VALUES)
def test_foreign_data_in_a_frame_is_visited(key: str, value: Any) -> None:
    """What stands under such a key without being made by us is visited too, whatever its shape."""
    after = marked(key, value)
    assert all(name in STRUCTURE for name, _ in unvisited(after))
    assert spoken(unmarked(after)) == spoken(value)


MESSAGES = [
    {
        "role": "user",
        "name": "ann",
        "parts": [{"type": "text", "content": "hi"}, {"type": "mine", "name": "ann"}],
    },
    {
        "role": "assistant",
        "finish_reason": "tool_calls",
        "parts": [
            {"type": "tool_call", "id": "call-1", "name": "search", "arguments": {"q": [1, True, None, "x"]}},
            {"type": "tool_call", "id": "the id of ann", "name": "ann@example.org", "arguments": "raw"},
            {"type": "reasoning", "content": "hm"},
        ],
    },
    {
        "role": "tool",
        "name": "search",
        "parts": [{"type": "tool_call_response", "id": "call-1", "response": {"n": 1.5}}],
    },
    {
        "role": "user",
        "parts": [
            {"type": "blob", "modality": "image", "mime_type": "image/png", "size": 3, "digest": "sha256:ab"},
            {"type": "uri", "modality": "image", "uri": "https://a.example/?sig=1"},
            {"type": "file", "modality": "document", "file_id": "file-1"},
            {"type": "tool_call_response", "id": "078-05-1120", "response": None},
        ],
    },
]


def test_a_conversation() -> None:
    """Roles, types, ids and names of tools stay; contents, arguments and names of people are visited."""
    visited = Leaves(lambda text, _: f"({text})", "failed", names_tell=False).framed(
        names.GEN_AI_INPUT_MESSAGES, MESSAGES
    )
    assert visited == [
        {
            "role": "user",
            "name": "(ann)",
            "parts": [{"type": "text", "content": "(hi)"}, {"type": "mine", "(name)": "(ann)"}],
        },
        {
            "role": "assistant",
            "finish_reason": "tool_calls",
            "parts": [
                {
                    "type": "tool_call",
                    "id": "call-1",
                    "name": "search",
                    "arguments": {"(q)": ["(1)", True, None, "(x)"]},
                },
                {
                    "type": "tool_call",
                    "id": "(the id of ann)",
                    "name": "(ann@example.org)",
                    "arguments": "(raw)",
                },
                {"type": "reasoning", "content": "(hm)"},
            ],
        },
        {
            "role": "tool",
            "name": "search",
            "parts": [{"type": "tool_call_response", "id": "call-1", "response": {"(n)": "(1.5)"}}],
        },
        {
            "role": "user",
            "parts": [
                {
                    "type": "blob",
                    "modality": "image",
                    "mime_type": "image/png",
                    "size": 3,
                    "digest": "sha256:ab",
                },
                {"type": "uri", "modality": "image", "uri": "(https://a.example/?sig=1)"},
                {"type": "file", "modality": "document", "file_id": "file-1"},
                {"type": "tool_call_response", "id": "(078-05-1120)", "response": None},
            ],
        },
    ]


def test_nothing_changes_where_the_visit_changes_nothing() -> None:
    """A visit that returns what it was given leaves the value and says so."""
    leaves = Leaves(lambda text, _: text, "failed", names_tell=True)
    assert leaves.framed(names.GEN_AI_INPUT_MESSAGES, MESSAGES) == MESSAGES
    assert leaves.is_changed is False


def test_names_tell_of_secrets() -> None:
    """What stands under a name that says so is a secret, in lists too, but not in objects of its own."""
    seen: dict[str, bool] = {}

    def look(text: str, secret: bool) -> str:
        seen[text] = secret
        return text

    value = {"password": ["a", 1], "q": "b", "token": {"count": "c"}, "api_key": "d"}
    Leaves(look, "failed", names_tell=True).free(value)
    assert [text for text, secret in seen.items() if secret] == ["a", "1", "d"]
    seen.clear()
    Leaves(look, "failed", names_tell=False).free(value)
    assert not any(seen.values())


def test_what_is_nested_too_deeply_is_replaced() -> None:
    """Below a hundred containers nothing is looked into, and nothing of it stays."""
    value: Any = "secret"
    for _ in range(MOST_LEVELS):
        value = [value]
    assert "secret" in json.dumps(Leaves(lambda text, _: text, "failed", names_tell=False).free(value))
    leaves = Leaves(lambda text, _: text, "failed", names_tell=False)
    assert json.dumps(leaves.free([value])) == "[" * MOST_LEVELS + '"failed"' + "]" * MOST_LEVELS
    assert leaves.is_changed is True


@given(VALUES)
def test_json_is_read(value: Any) -> None:
    """What JSON says is what was written."""
    assert read(json.dumps(value)) == (value, False)


@pytest.mark.parametrize(
    "text", ["", "{", "[1,]", "[NaN]", "[Infinity]", "[1e999]", "{'a': 1}", f"[{'1' * 5_000}]"]
)
def test_what_is_no_json(text: str) -> None:
    """What is no JSON, or cannot be said again in JSON, is not read."""
    assert read(text) is None


def test_json_that_is_nested_too_deeply() -> None:
    """Text that no reader can take in is refused, and does not end the process."""
    with pytest.raises(TooDeepError):
        read("[" * 200_000 + "]" * 200_000)


def test_a_key_that_is_said_twice() -> None:
    """Both values stay to be seen, under keys that differ."""
    assert read('{"a": 1, "a": {"b": 2, "b": 3}, "a": 4}') == (
        {"a": 1, "a (2)": {"b": 2, "b (2)": 3}, "a (3)": 4},
        True,
    )


@given(st.lists(st.tuples(st.sampled_from(["a", "a (2)", "a (3)", "b"]), st.integers())))
def test_numbering_loses_nothing(pairs: list[tuple[str, int]]) -> None:
    """However often keys occur, all values are kept in order."""
    assert list(numbered(pairs).values()) == [value for _, value in pairs]


def test_numbering_many_equal_keys_is_quick() -> None:
    """A hundred thousand equal keys behind as many that are taken cost no quadratic time."""
    taken = [(f"a ({number})", number) for number in range(2, 100_000)]
    assert len(numbered([*taken, *[("a", 0)] * 100_000])) == 199_998
