"""What has passed the redaction: known again by its value, also where a provider cut it."""

from __future__ import annotations

from typing import Any

import pytest

from contextcompany.delivery.spans.written import Written, has_passed


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("text", "<a text>", True),
        ("text", "<a", True),
        ("text", "", True),
        ("text", "a text", False),
        ("text", "<a text> and more", False),
        ("text", 1, False),
        ("list", ("<a>", "<b>"), True),
        ("list", ("<a>",), False),
        ("number", 1, True),
        ("number", 2, False),
        ("number", "1", False),
        ("other", "<a text>", False),
    ],
)
def test_has_passed(key: str, value: Any, expected: bool) -> None:
    """A value has passed under its own key only, whole or as its beginning."""
    passed: dict[str, Any] = {"text": "<a text>", "list": ["<a>", "<b>"], "number": 1}
    assert has_passed(key, value, passed) is expected


def test_nothing_is_written_at_first() -> None:
    """A handle that wrote nothing leaves nothing out of the redaction."""
    assert Written() == ({}, None, {})
