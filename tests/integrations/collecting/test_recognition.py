"""Which spans count as instrumentation of GenAI, and which as a request to a model."""

from __future__ import annotations

from typing import Any

import pytest

from contextcompany.integrations.collecting.recognition import (
    has_genai_keys,
    is_genai_scope,
    is_model_request,
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("openinference.instrumentation.openai", True),
        ("opentelemetry.instrumentation.openai.v1", True),
        ("opentelemetry.instrumentation.openai_v2", True),
        ("opentelemetry.instrumentation.google_genai", True),
        ("opentelemetry.instrumentation.genai.anthropic", True),
        ("opentelemetry.instrumentation.requests", False),
        ("opentelemetry.instrumentation.sqlalchemy", False),
        ("contextcompany", False),
        ("", False),
    ],
)
def test_scopes(name: str, expected: bool) -> None:
    """The scopes of the three kinds of instrumentation count, those of HTTP and databases do not."""
    assert is_genai_scope(name) is expected


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"gen_ai.operation.name": "chat"}, True),
        ({"http.request.method": "GET", "traceloop.span.kind": "tool"}, True),
        ({"openinference.span.kind": "CHAIN"}, True),
        ({"http.request.method": "GET"}, False),
        ({}, False),
    ],
)
def test_keys(attributes: dict[str, Any], expected: bool) -> None:
    """One attribute of GenAI is enough, whatever the scope is called."""
    assert has_genai_keys(attributes) is expected


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"openinference.span.kind": "LLM"}, True),
        ({"openinference.span.kind": "AGENT", "gen_ai.operation.name": "chat"}, False),
        ({"llm.request.type": "completion"}, True),
        ({"llm.request.type": "embedding"}, False),
        ({"gen_ai.operation.name": "generate_content"}, True),
        ({"gen_ai.operation.name": "embeddings"}, False),
        ({"gen_ai.operation.name": "invoke_agent"}, False),
        ({}, False),
    ],
)
def test_requests(attributes: dict[str, Any], expected: bool) -> None:
    """Requests that a model answers count; agents, tools and embeddings do not."""
    assert is_model_request(attributes) is expected
