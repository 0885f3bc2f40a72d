"""Parts that stand for calls of tools."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contextcompany.semconv.calls import client_call, server_response, server_use, tool_call, tool_response

if TYPE_CHECKING:
    from contextcompany.semconv.plain import Plain


def test_a_call_is_known_by_the_id_its_result_names() -> None:
    """Of an item's two ids the one that the result comes back with is taken."""
    assert tool_call({"id": "item", "call_id": "call", "name": "f"}) == {
        "type": "tool_call",
        "id": "call",
        "name": "f",
    }


def test_ids_and_names_are_text() -> None:
    """Ids and names that are none become text, as the form wants it."""
    assert tool_call({"id": 7, "name": ["f"], "arguments": 3}) == {
        "type": "tool_call",
        "id": "7",
        "name": '["f"]',
        "arguments": 3,
    }


def test_calls_named_by_their_type_keep_what_is_asked_for() -> None:
    """All that is not bookkeeping is the arguments of the call."""
    item: dict[str, Plain] = {
        "type": "local_shell_call",
        "id": "i",
        "call_id": "c",
        "status": "completed",
        "action": {"a": 1},
    }
    assert client_call(item, "local_shell_call") == {
        "type": "tool_call",
        "id": "c",
        "name": "local_shell",
        "arguments": {"action": {"a": 1}},
    }


def test_calls_of_the_provider_have_a_name_and_a_type() -> None:
    """A server tool without a name is unknown, and its result is known by its type."""
    assert server_use({"type": "server_tool_use", "id": "s"}) == {
        "type": "server_tool_call",
        "id": "s",
        "name": "unknown",
        "server_tool_call": {"type": "unknown"},
    }
    assert server_response({"tool_use_id": "s", "content": None}, "web_fetch_tool_result") == {
        "type": "server_tool_call_response",
        "id": "s",
        "server_tool_call_response": {"type": "web_fetch"},
    }


def test_only_true_makes_a_result_an_error() -> None:
    """A result is marked as an error by `is_error` being true."""
    assert tool_response({"is_error": True}, "no") == {
        "type": "tool_call_response",
        "response": {"is_error": True, "content": "no"},
    }
    assert tool_response({"is_error": "no"}, "yes") == {"type": "tool_call_response", "response": "yes"}
