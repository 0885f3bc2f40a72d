"""Lists that stand in attributes item by item."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from contextcompany.semconv.flat import items, message


def test_items_come_in_the_order_of_their_numbers() -> None:
    """With their fields inside of each other, lists in lists too, and nothing of other keys."""
    found = {
        "m.10.role": "user",
        "m.2.role": "tool",
        "m.2.calls.1.name": "b",
        "m.2.calls.0.name": "a",
        "n.0.role": "other",
    }
    assert items(found, "m.") == [
        {"role": "tool", "calls": [{"name": "a"}, {"name": "b"}]},
        {"role": "user"},
    ]


def test_values_are_taken_as_the_caller_wants() -> None:
    """Recording freezes them, reading has bounds of its own."""
    assert items({"m.0.a": (1, 2)}, "m.", take=str) == [{"a": "(1, 2)"}]


def test_items_become_messages_of_one_shape() -> None:
    """Contents, images, calls of tools and functions, and what they answer."""
    given: dict[str, Any] = {
        "message": {
            "role": "assistant",
            "contents": [
                {"message_content": {"type": "text", "text": "hi"}},
                {"message_content": {"type": "image", "image": {"image": {"url": "a.png"}}}},
            ],
            "tool_calls": [{"tool_call": {"id": "1", "function": {"name": "f", "arguments": "{}"}}}],
            "function_call_name": "old",
            "function_call_arguments_json": "[]",
            "tool_call_id": "0",
        }
    }
    assert message(given) == {
        "role": "assistant",
        "content": [{"type": "text", "text": "hi"}, {"type": "image_url", "image_url": {"url": "a.png"}}],
        "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        "function_call": {"name": "old", "arguments": "[]"},
        "tool_call_id": "0",
    }
    assert message({"content": '["a"]'}) == {"role": "user", "content": ["a"]}


_PIECES = st.sampled_from(["0", "1", "٣", "²", "9" * 5_000, "", "role", "message", "tool_calls", "content"])
_VALUES = (
    st.none() | st.text(max_size=5) | st.lists(st.text(max_size=3), max_size=2) | st.just({"a": {"0": 1}})
)


@given(st.dictionaries(st.lists(_PIECES, max_size=12).map(lambda path: "m." + ".".join(path)), _VALUES))
def test_any_keys_are_some_list(found: dict[str, Any]) -> None:
    """Numbers that are none, numbers without end and paths that cross raise nothing."""
    for item in items(found, "m."):
        assert isinstance(message(item)["role"], str)
