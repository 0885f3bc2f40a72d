"""Parts of messages as a page shows them."""

from __future__ import annotations

from typing import Any

import pytest

from contextcompany.local.reading.conversation import Part
from contextcompany.local.reading.parts import part_of


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ({"type": "text", "content": "hi"}, Part("text", "hi")),
        ({"type": "text", "content": {"a": 1}}, Part("text", '{\n  "a": 1\n}')),
        ({"type": "text"}, Part("text")),
        ({"type": "reasoning", "content": "hmm"}, Part("reasoning", "hmm")),
        (
            {"type": "tool_call", "id": 7, "name": "find", "arguments": '{"id":1}'},
            Part("call", '{\n  "id": 1\n}', "find", "7"),
        ),
        ({"type": "tool_call", "name": "now"}, Part("call", "", "now")),
        ({"type": "tool_call", "name": "odd", "arguments": "free"}, Part("call", "free", "odd")),
        ({"type": "tool_call_response", "id": "1", "response": "[1]"}, Part("result", "[\n  1\n]", "", "1")),
        ({"type": "tool_call_response", "result": "old"}, Part("result", "old")),
        (
            {"type": "server_tool_call", "name": "web", "server_tool_call": {"q": 1}},
            Part("call", '{\n  "q": 1\n}', "web"),
        ),
        ({"type": "uri", "uri": "a.png", "modality": "image"}, Part("media", "a.png", "image")),
        ({"type": "file", "file_id": "f-1"}, Part("media", "f-1", "file")),
        (
            {"type": "blob", "mime_type": "image/png", "modality": "image", "content": "A" * 4_000},
            Part("media", "image/png 4,000 characters", "image"),
        ),
        ({"type": "blob", "content": "<12 bytes>"}, Part("media", "<12 bytes>", "blob")),
        ({"type": "refusal", "content": "no"}, Part("other", "no", "refusal")),
        ({"type": "new", "a": 1}, Part("other", '{\n  "a": 1\n}', "new")),
        ({}, Part("other", "{}")),
        ({"type": ["odd"], "content": "x\ud83d"}, Part("other", "x\ufffd", '["odd"]')),
    ],
)
def test_each_kind_of_part_has_its_form(given: dict[str, Any], part: Part) -> None:
    """Words as words, data as indented JSON, media by where or how large they are."""
    assert part_of(given) == part
