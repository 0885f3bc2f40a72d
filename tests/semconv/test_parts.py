"""Blocks of every shape as parts of the conventions."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest

from contextcompany.semconv.parts import audio_parts, is_block, parts_of, response_part, text_part
from contextcompany.semconv.values import freeze
from tests.semconv.shapes import problems

PNG = b"\x89PNG\r\n"
BASE64 = base64.b64encode(PNG).decode()


def blob(modality: str, mime_type: str | None = None, data: bytes = PNG) -> dict[str, Any]:
    """Return the part that stands for data."""
    mime = {"mime_type": mime_type} if mime_type else {}
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    return {"type": "blob", "modality": modality, **mime, "content": "", "size": len(data), "digest": digest}


def text(content: str) -> dict[str, Any]:
    """Return the part that stands for text."""
    return {"type": "text", "content": content}


Cases = dict[str, tuple[Any, list[Any]]]

TEXTS: Cases = {
    "nothing": (None, []),
    "text": ("hello", [text("hello")]),
    "number": (3, [text("3")]),
    "list": (["a", {"type": "text", "text": "b"}, None], [text("a"), text("b")]),
    "OpenAI text": ({"type": "text", "text": "a"}, [text("a")]),
    "Responses input": ({"type": "input_text", "text": "a"}, [text("a")]),
    "Responses output": ({"type": "output_text", "text": "a", "annotations": []}, [text("a")]),
    "annotated": (
        {"type": "output_text", "text": "a", "annotations": [{"type": "url_citation", "url": "u"}]},
        [text("a"), {"type": "annotations", "annotations": [{"type": "url_citation", "url": "u"}]}],
    ),
    "cited": (
        {"type": "text", "text": "a", "citations": [{"cited_text": "b"}], "cache_control": None},
        [text("a"), {"type": "citations", "citations": [{"cited_text": "b"}]}],
    ),
    "conventions": ({"type": "text", "content": "a"}, [text("a")]),
    "wrapped": ({"type": "text", "text": {"value": "a", "annotations": []}}, [text("a")]),
    "no text": ({"type": "text"}, [text("")]),
    "other data": ({"type": "text", "lines": [1]}, [text('{"lines":[1]}')]),
    "no type": ({"text": "a"}, [text("a")]),
    "text that is data": (
        {"type": "text", "text": f"data:image/png;base64,{BASE64}"},
        [blob("image", "image/png")],
    ),
    "refusal": ({"type": "refusal", "refusal": "no"}, [{"type": "refusal", "content": "no"}]),
}

MEDIA: Cases = {
    "OpenAI image URL": (
        {"type": "image_url", "image_url": {"url": "https://e.org/a.png", "detail": "low"}},
        [{"type": "uri", "modality": "image", "uri": "https://e.org/a.png"}],
    ),
    "OpenAI image data": (
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{BASE64}"}},
        [blob("image", "image/png")],
    ),
    "image URL as text": (
        {"type": "image_url", "image_url": "https://e.org/a.png"},
        [{"type": "uri", "modality": "image", "uri": "https://e.org/a.png"}],
    ),
    "image data that is broken": (
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,%% %%"}},
        [blob("image", "image/png", b"%% %%")],
    ),
    "data URL without base64": (
        {"type": "image_url", "image_url": {"url": " data:image/svg+xml,%3Csvg/%3E"}},
        [blob("image", "image/svg+xml", b"<svg/>")],
    ),
    "data URL without a type": (
        {"type": "image_url", "image_url": {"url": f"data:;base64,{BASE64}"}},
        [blob("image")],
    ),
    "no data URL after all": (
        {"type": "image_url", "image_url": {"url": "data:nothing"}},
        [blob("image", None, b"data:nothing")],
    ),
    "Responses image": (
        {"type": "input_image", "image_url": "https://e.org/a.png", "detail": "auto", "file_id": None},
        [{"type": "uri", "modality": "image", "uri": "https://e.org/a.png"}],
    ),
    "Responses image file": (
        {"type": "input_image", "file_id": "file-1", "image_url": None},
        [{"type": "file", "modality": "image", "file_id": "file-1"}],
    ),
    "OpenAI audio": (
        {"type": "input_audio", "input_audio": {"data": BASE64, "format": "mp3"}},
        [blob("audio", "audio/mpeg")],
    ),
    "OpenAI audio that is broken": (
        {"type": "input_audio", "input_audio": {"data": "% %", "format": "wav"}},
        [blob("audio", "audio/wav", b"% %")],
    ),
    "OpenAI file id": (
        {"type": "file", "file": {"file_id": "file-1"}},
        [{"type": "file", "modality": "document", "file_id": "file-1"}],
    ),
    "OpenAI file data": (
        {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{BASE64}"}},
        [blob("document", "application/pdf")],
    ),
    "Responses file": (
        {"type": "input_file", "file_url": "https://e.org/a.pdf"},
        [{"type": "uri", "modality": "document", "uri": "https://e.org/a.pdf"}],
    ),
    "Responses file data": ({"type": "input_file", "filename": "a", "file_data": BASE64}, [blob("document")]),
    "Anthropic image": (
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": BASE64}},
        [blob("image", "image/png")],
    ),
    "Anthropic image that is broken": (
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "% %"}},
        [blob("image", "image/png", b"% %")],
    ),
    "Anthropic image URL": (
        {"type": "image", "source": {"type": "url", "url": "https://e.org/a.png"}},
        [{"type": "uri", "modality": "image", "uri": "https://e.org/a.png"}],
    ),
    "Anthropic image file": (
        {"type": "image", "source": {"type": "file", "file_id": "file_1"}},
        [{"type": "file", "modality": "image", "file_id": "file_1"}],
    ),
    "Anthropic document": (
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": BASE64}},
        [blob("document", "application/pdf")],
    ),
    "Anthropic text document": (
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "abcd"}},
        [text("abcd")],
    ),
    "Anthropic document of blocks": (
        {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "a"}]}},
        [text("a")],
    ),
    "Anthropic upload": (
        {"type": "container_upload", "file_id": "file_1"},
        [{"type": "file", "modality": "document", "file_id": "file_1"}],
    ),
    "MCP image": ({"type": "image", "data": BASE64, "mimeType": "image/png"}, [blob("image", "image/png")]),
    "MCP audio": ({"type": "audio", "data": BASE64, "mimeType": "audio/wav"}, [blob("audio", "audio/wav")]),
    "image of bytes": ({"type": "image", "source": PNG}, [blob("image")]),
    "bytes": (PNG, [blob("document")]),
    "blob of the conventions": (
        {"type": "blob", "modality": "image", "mime_type": "image/png", "content": BASE64},
        [blob("image", "image/png")],
    ),
    "blob of ours": (blob("video"), [blob("video")]),
    "uri of the conventions": (
        {"type": "uri", "modality": "video", "mime_type": "video/mp4", "uri": "gs://a/b"},
        [{"type": "uri", "modality": "video", "mime_type": "video/mp4", "uri": "gs://a/b"}],
    ),
    "file of the conventions": (
        {"type": "file", "modality": "audio", "mime_type": "audio/wav", "file_id": "f"},
        [{"type": "file", "modality": "audio", "mime_type": "audio/wav", "file_id": "f"}],
    ),
    "file without anything": ({"type": "file", "path": "a"}, [{"type": "unknown", "path": "a"}]),
    "image without anything": ({"type": "image", "alt": "a"}, [{"type": "image", "alt": "a"}]),
}

CALLS: Cases = {
    "OpenAI": (
        {"type": "function", "id": "c", "function": {"name": "f", "arguments": '{"a": [1]}'}},
        [{"type": "tool_call", "id": "c", "name": "f", "arguments": {"a": [1]}}],
    ),
    "OpenAI with broken arguments": (
        {"type": "function", "id": "c", "function": {"name": "f", "arguments": '{"a": '}},
        [{"type": "tool_call", "id": "c", "name": "f", "arguments": '{"a": '}],
    ),
    "OpenAI custom tool": (
        {"type": "custom", "id": "c", "custom": {"name": "f", "input": "[1]"}},
        [{"type": "tool_call", "id": "c", "name": "f", "arguments": "[1]"}],
    ),
    "Responses": (
        {
            "type": "function_call",
            "id": "fc",
            "call_id": "c",
            "name": "f",
            "arguments": "{}",
            "status": "completed",
        },
        [{"type": "tool_call", "id": "c", "name": "f", "arguments": {}}],
    ),
    "Responses computer": (
        {
            "type": "computer_call",
            "id": "i",
            "call_id": "c",
            "status": "completed",
            "action": {"type": "click", "x": 1},
            "pending_safety_checks": [],
        },
        [
            {
                "type": "tool_call",
                "id": "c",
                "name": "computer",
                "arguments": {"action": {"type": "click", "x": 1}},
            }
        ],
    ),
    "Responses web search": (
        {
            "type": "web_search_call",
            "id": "w",
            "status": "completed",
            "action": {"type": "search", "query": "q"},
        },
        [
            {
                "type": "server_tool_call",
                "id": "w",
                "name": "web_search",
                "server_tool_call": {"type": "web_search", "action": {"type": "search", "query": "q"}},
            }
        ],
    ),
    "Responses MCP": (
        {"type": "mcp_call", "id": "m", "name": "f", "server_label": "s", "arguments": "{}", "output": "x"},
        [
            {
                "type": "server_tool_call",
                "id": "m",
                "name": "f",
                "server_tool_call": {"type": "mcp", "server_label": "s", "arguments": "{}", "output": "x"},
            }
        ],
    ),
    "Anthropic": (
        {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
        [{"type": "tool_call", "id": "t", "name": "f", "arguments": {"a": 1}}],
    ),
    "Anthropic server tool": (
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}},
        [
            {
                "type": "server_tool_call",
                "id": "s",
                "name": "web_search",
                "server_tool_call": {"type": "web_search", "input": {"query": "q"}},
            }
        ],
    ),
    "Anthropic MCP": (
        {"type": "mcp_tool_use", "id": "s", "name": "f", "server_name": "n", "input": {}},
        [
            {
                "type": "server_tool_call",
                "id": "s",
                "name": "f",
                "server_tool_call": {"type": "mcp", "server_name": "n", "input": {}},
            }
        ],
    ),
    "conventions": (
        {"type": "tool_call", "id": "t", "name": "f", "arguments": {"a": 1}},
        [{"type": "tool_call", "id": "t", "name": "f", "arguments": {"a": 1}}],
    ),
    "server tool of the conventions": (
        {"type": "server_tool_call", "name": "f", "server_tool_call": {"type": "x"}},
        [{"type": "server_tool_call", "name": "f", "server_tool_call": {"type": "x"}}],
    ),
    "nothing known": ({"type": "tool_call"}, [{"type": "tool_call", "name": ""}]),
}

RESPONSES: Cases = {
    "Responses": (
        {"type": "function_call_output", "call_id": "c", "output": "sunny"},
        [{"type": "tool_call_response", "id": "c", "response": "sunny"}],
    ),
    "Responses with blocks": (
        {
            "type": "function_call_output",
            "call_id": "c",
            "output": [{"type": "input_text", "text": '{"a": 1}'}],
        },
        [{"type": "tool_call_response", "id": "c", "response": {"a": 1}}],
    ),
    "Responses computer": (
        {
            "type": "computer_call_output",
            "call_id": "c",
            "output": {"type": "computer_screenshot", "image_url": f"data:image/png;base64,{BASE64}"},
        },
        [
            {
                "type": "tool_call_response",
                "id": "c",
                "response": {"type": "computer_screenshot", "image_url": blob("image", "image/png")},
            }
        ],
    ),
    "Anthropic": (
        {"type": "tool_result", "tool_use_id": "t", "content": "15", "is_error": False},
        [{"type": "tool_call_response", "id": "t", "response": "15"}],
    ),
    "Anthropic error": (
        {"type": "tool_result", "tool_use_id": "t", "content": "no such city", "is_error": True},
        [
            {
                "type": "tool_call_response",
                "id": "t",
                "response": {"is_error": True, "content": "no such city"},
            }
        ],
    ),
    "Anthropic with blocks": (
        {
            "type": "tool_result",
            "tool_use_id": "t",
            "content": [
                {"type": "text", "text": "see"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": BASE64}},
            ],
        },
        [{"type": "tool_call_response", "id": "t", "response": [text("see"), blob("image", "image/png")]}],
    ),
    "Anthropic without content": (
        {"type": "tool_result", "tool_use_id": "t"},
        [{"type": "tool_call_response", "id": "t", "response": ""}],
    ),
    "a list that is data": (
        {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "dog", "age": 3}]},
        [{"type": "tool_call_response", "id": "t", "response": [{"type": "dog", "age": 3}]}],
    ),
    "Anthropic server tool": (
        {"type": "web_search_tool_result", "tool_use_id": "s", "content": [{"type": "web_search_result"}]},
        [
            {
                "type": "server_tool_call_response",
                "id": "s",
                "server_tool_call_response": {
                    "type": "web_search",
                    "content": [{"type": "web_search_result"}],
                },
            }
        ],
    ),
    "conventions": (
        {"type": "tool_call_response", "id": "t", "response": {"a": 1}},
        [{"type": "tool_call_response", "id": "t", "response": {"a": 1}}],
    ),
}

OTHERS: Cases = {
    "Anthropic thinking": (
        {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
        [{"type": "reasoning", "content": "hm"}],
    ),
    "Anthropic redacted thinking": (
        {"type": "redacted_thinking", "data": "c2VjcmV0"},
        [{"type": "reasoning", "content": ""}],
    ),
    "Responses reasoning": (
        {
            "type": "reasoning",
            "id": "r",
            "encrypted_content": "c2VjcmV0",
            "summary": [{"type": "summary_text", "text": "a"}, {"type": "summary_text", "text": "b"}],
            "content": [{"type": "reasoning_text", "text": "c"}],
        },
        [{"type": "reasoning", "content": "a\nb\nc"}],
    ),
    "reasoning of the conventions": (
        {"type": "reasoning", "content": "hm"},
        [{"type": "reasoning", "content": "hm"}],
    ),
    "compaction": (
        {"type": "compaction", "id": "c", "encrypted_content": "c2VjcmV0"},
        [{"type": "compaction", "id": "c"}],
    ),
    "unknown": (
        {
            "type": "search_result",
            "title": "t",
            "content": [{"type": "text", "text": "a"}],
            "citations": None,
        },
        [{"type": "search_result", "title": "t", "content": [{"type": "text", "text": "a"}]}],
    ),
    "without type": ({"a": 1, "type": ""}, [{"type": "unknown", "a": 1}]),
}

GROUPS = {"text": TEXTS, "media": MEDIA, "call": CALLS, "response": RESPONSES, "other": OTHERS}
CASES = {f"{group}: {name}": case for group, cases in GROUPS.items() for name, case in cases.items()}


@pytest.mark.parametrize(("value", "expected"), CASES.values(), ids=CASES)
def test_every_block_has_one_form(value: Any, expected: list[Any]) -> None:
    """Blocks of each provider become parts of the conventions, whole."""
    parts = parts_of(freeze(value)[0])
    assert parts == expected
    assert problems("input-messages", [{"role": "user", "parts": parts}]) == []


@pytest.mark.parametrize(("_value", "parts"), CASES.values(), ids=CASES)
def test_parts_of_the_conventions_stay_what_they_are(_value: object, parts: list[Any]) -> None:
    """What was converted before is not changed by being converted again."""
    assert parts_of(freeze(parts)[0]) == parts


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"a": 1}', {"a": 1}),
        (" [1, 2]", [1, 2]),
        ("15", "15"),
        ("true", "true"),
        ('{"a": ', '{"a": '),
        (None, ""),
        ({"a": 1}, {"a": 1}),
        ([], []),
        (3, 3),
    ],
)
def test_what_a_tool_gave_back_is_read_where_it_is_json(content: Any, expected: object) -> None:
    """Objects and lists are read from text; words and numbers stay text."""
    assert response_part({"tool_call_id": "c"}, content) == {
        "type": "tool_call_response",
        "id": "c",
        "response": expected,
    }


def test_sound_comes_with_its_transcript() -> None:
    """Sound of a model is its data or its id, and the text that was said."""
    said = freeze({"id": "a", "data": BASE64, "expires_at": 1, "transcript": "hello"})[0]
    assert isinstance(said, dict)
    assert audio_parts(said) == [blob("audio"), text_part("hello")]
    assert audio_parts({"id": "a"}) == [{"type": "file", "modality": "audio", "file_id": "a"}]


def test_blocks_are_told_from_other_data() -> None:
    """Only types that providers use make an object a block."""
    assert [is_block({"type": kind}) for kind in ("text", "web_search_tool_result", "dog", 3, None)] == [
        True,
        True,
        False,
        False,
        False,
    ]
