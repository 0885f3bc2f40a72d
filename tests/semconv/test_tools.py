"""Tool definitions, arguments and results."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from contextcompany.semconv.tools import tool_definitions, tool_payload, without_descriptions
from contextcompany.semconv.values import freeze, to_json
from tests.semconv import hostile
from tests.semconv.shapes import needs_official, official_problems, problems

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL = {"type": "function", "name": "weather", "description": "Tells it.", "parameters": SCHEMA}
GENERIC = {"type": "generic", "name": "tool_definitions"}

DEFINITIONS: dict[str, tuple[Any, list[Any]]] = {
    "OpenAI": (
        [
            {
                "type": "function",
                "function": {"name": "weather", "description": "Tells it.", "parameters": SCHEMA},
            }
        ],
        [TOOL],
    ),
    "OpenAI strict": (
        [{"type": "function", "function": {"name": "weather", "strict": True, "parameters": SCHEMA}}],
        [{"type": "function", "name": "weather", "strict": True, "parameters": SCHEMA}],
    ),
    "Responses": ([{**TOOL, "strict": None}], [TOOL]),
    "Responses server tool": ([{"type": "web_search"}], [{"type": "web_search", "name": "web_search"}]),
    "Responses MCP": (
        [{"type": "mcp", "server_label": "docs", "server_url": "https://e.org"}],
        [{"type": "mcp", "name": "docs", "server_label": "docs", "server_url": "https://e.org"}],
    ),
    "OpenAI custom": (
        [{"type": "custom", "custom": {"name": "sql", "format": {"type": "text"}}}],
        [{"type": "custom", "name": "sql", "format": {"type": "text"}}],
    ),
    "Anthropic": ([{"name": "weather", "description": "Tells it.", "input_schema": SCHEMA}], [TOOL]),
    "Anthropic custom": (
        [{"type": "custom", "name": "weather", "description": "Tells it.", "input_schema": SCHEMA}],
        [TOOL],
    ),
    "Anthropic server tool": (
        [{"type": "web_search_20250305", "name": "web_search", "max_uses": 3}],
        [{"type": "web_search_20250305", "name": "web_search", "max_uses": 3}],
    ),
    "MCP": ([{"name": "weather", "description": "Tells it.", "inputSchema": SCHEMA}], [TOOL]),
    "Bedrock": (
        [{"toolSpec": {"name": "weather", "description": "Tells it.", "inputSchema": {"json": SCHEMA}}}],
        [TOOL],
    ),
    "Google": (
        [{"function_declarations": [{"name": "weather", "description": "Tells it.", "parameters": SCHEMA}]}],
        [TOOL],
    ),
    "one tool": ({"name": "weather", "description": "Tells it.", "input_schema": SCHEMA}, [TOOL]),
    "names": (
        ["weather", "time"],
        [{"type": "function", "name": "weather"}, {"type": "function", "name": "time"}],
    ),
    "JSON list": (json.dumps([TOOL]), [TOOL]),
    "JSON tool": (json.dumps({"type": "function", "function": TOOL}), [TOOL]),
    "JSON of the documentation": (
        '[{"name": "get_weather", "description": "Get the weather for a location"}]',
        [{"type": "function", "name": "get_weather", "description": "Get the weather for a location"}],
    ),
    "text": ("weather(city): tells it", [{**GENERIC, "content": "weather(city): tells it"}]),
    "JSON that is no list": ("3", [{**GENERIC, "content": "3"}]),
    "JSON object that is no tool": ('{"a": 1}', [{**GENERIC, "content": '{"a": 1}'}]),
    "object that is no tool": ({"a": 1}, [{**GENERIC, "content": '{"a":1}'}]),
    "list of other data": ([3, {"a": 1}], [{**GENERIC, "content": "3"}, {**GENERIC, "content": '{"a":1}'}]),
    "schema as text": (
        [{"name": "weather", "parameters": json.dumps(SCHEMA)}],
        [{"type": "function", "name": "weather", "parameters": SCHEMA}],
    ),
    "schema that is none": (
        [{"name": "weather", "parameters": "a city"}],
        [{"type": "function", "name": "weather", "parameters_text": "a city"}],
    ),
    "function by name": (
        [{"type": "function", "function": "weather"}],
        [{"type": "function", "name": "weather"}],
    ),
    "description that is no text": (
        [{"name": "weather", "description": ["Tells", "it"]}],
        [{"type": "function", "name": "weather", "description": '["Tells","it"]'}],
    ),
    "no tools": ([], []),
    "nothing": (None, []),
    "empty text": ("", []),
}


@pytest.mark.parametrize(("value", "expected"), DEFINITIONS.values(), ids=DEFINITIONS)
def test_tools_of_every_shape_have_one_form(value: Any, expected: list[Any]) -> None:
    """Wrappers are taken off, schemas are called parameters, and nothing else is lost."""
    found = tool_definitions(freeze(value)[0])
    assert found == expected
    assert problems("tool-definitions", found) == []
    assert tool_definitions(freeze(found)[0]) == found


def test_without_content_only_type_and_name_are_left() -> None:
    """Descriptions, parameters and texts that could not be read are content."""
    value = [*tool_definitions(freeze([TOOL])[0]), *tool_definitions("secret")]
    assert without_descriptions(value) == [{"type": "function", "name": "weather"}, GENERIC]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": 1}, {"a": 1}),
        ('{"a": 1}', {"a": 1}),
        ("[1, 2]", {"value": [1, 2]}),
        ("42", {"value": 42}),
        ('"quoted"', {"value": "quoted"}),
        ("sunny", {"value": "sunny"}),
        ("007", {"value": "007"}),
        ("NaN", {"value": "NaN"}),
        ("", {"value": ""}),
        (None, {"value": None}),
        (15, {"value": 15}),
        ([1], {"value": [1]}),
        (True, {"value": True}),
    ],
)
def test_arguments_and_results_are_objects(value: Any, expected: object) -> None:
    """JSON text is read, and what is no object stands under value."""
    assert tool_payload(value) == expected


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(hostile.CHATS)
def test_any_value_gives_definitions_and_payloads_by_our_schemas(value: Any) -> None:
    """Whatever a setter was given satisfies our own schemas."""
    for plain in (freeze(value)[0], freeze(json.dumps(value, default=str))[0]):
        found = tool_definitions(plain)
        assert problems("tool-definitions", json.loads(to_json(found)[0])) == []
        assert problems("tool-definitions", without_descriptions(found)) == []
        assert problems("tool-call-arguments", json.loads(to_json(tool_payload(plain))[0])) == []


@needs_official
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(hostile.CHATS)
def test_any_value_gives_definitions_and_payloads_by_the_official_schemas(value: Any) -> None:
    """Whatever a setter was given satisfies the schemas of the conventions."""
    plain, _ = freeze(value)
    found = tool_definitions(plain)
    assert official_problems("tool-definitions", json.loads(to_json(found)[0])) == []
    assert official_problems("tool-definitions", without_descriptions(found)) == []
    assert official_problems("tool-call-result", json.loads(to_json(tool_payload(plain))[0])) == []


@needs_official
@pytest.mark.parametrize("expected", [case[1] for case in DEFINITIONS.values()], ids=DEFINITIONS)
def test_tools_satisfy_the_official_schema(expected: list[Any]) -> None:
    """The form of every known shape is one of the conventions."""
    assert official_problems("tool-definitions", expected) == []
