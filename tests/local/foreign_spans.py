"""Attributes and events as the instrumentations of others write them, by hand after their conventions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from contextcompany.local.otlp.spans import EventRecord

if TYPE_CHECKING:
    from contextcompany.local.otlp.spans import AttributeValue

    Attributes = dict[str, AttributeValue]

OPENTELEMETRY_EARLY: Attributes = {
    "gen_ai.operation.name": "chat",
    "gen_ai.system": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "gen_ai.response.finish_reasons": ("stop",),
    "gen_ai.usage.prompt_tokens": 1_000,
    "gen_ai.usage.completion_tokens": 100,
}
"""A request of the first conventions; its messages are `OPENTELEMETRY_EVENTS`."""

OPENTELEMETRY_EVENTS = (
    EventRecord("gen_ai.system.message", 1, {"gen_ai.system": "openai", "content": "Be brief."}),
    EventRecord("gen_ai.user.message", 2, {"gen_ai.system": "openai", "content": "Where is order 1042?"}),
    EventRecord(
        "gen_ai.assistant.message",
        3,
        {
            "tool_calls": json.dumps(
                [{"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"id": 1042}'}}]
            )
        },
    ),
    EventRecord("gen_ai.tool.message", 4, {"id": "c1", "content": '{"state": "shipped"}'}),
    EventRecord(
        "gen_ai.choice",
        5,
        {
            "index": 0,
            "finish_reason": "stop",
            "message": '{"role": "assistant", "content": "It is on its way."}',
        },
    ),
)

OPENINFERENCE_AGENT: Attributes = {
    "openinference.span.kind": "AGENT",
    "agent.name": "support",
    "input.value": "Where is order 1042?",
    "input.mime_type": "text/plain",
    "output.value": "It is on its way.",
    "session.id": "s-1",
    "user.id": "u-7",
    "metadata": '{"channel": "chat", "tries": 2, "labels": ["a"]}',
}
OPENINFERENCE_GRAPH: Attributes = {
    "openinference.span.kind": "CHAIN",
    "input.value": json.dumps({"messages": [{"content": "Where is order 1042?", "type": "human"}]}),
    "input.mime_type": "application/json",
    "output.value": json.dumps(
        {
            "messages": [
                {"content": "Where is order 1042?", "type": "human", "id": "1"},
                {
                    "lc": 1,
                    "type": "constructor",
                    "id": ["langchain", "schema", "messages", "AIMessage"],
                    "kwargs": {"content": "It is on its way.", "type": "ai", "tool_calls": []},
                },
            ]
        }
    ),
    "output.mime_type": "application/json",
}
"""The state of a LangGraph graph, before and after."""

OPENINFERENCE_LLM: Attributes = {
    "openinference.span.kind": "LLM",
    "llm.system": "anthropic",
    "llm.model_name": "claude-sonnet-4-20250514",
    "llm.invocation_parameters": '{"model": "claude-sonnet-4-0", "max_tokens": 99}',
    "llm.input_messages.0.message.role": "system",
    "llm.input_messages.0.message.content": "Be brief.",
    "llm.input_messages.1.message.role": "user",
    "llm.input_messages.1.message.contents.0.message_content.type": "text",
    "llm.input_messages.1.message.contents.0.message_content.text": "What is this?",
    "llm.input_messages.1.message.contents.1.message_content.type": "image",
    "llm.input_messages.1.message.contents.1.message_content.image.image.url": "https://example.com/a.png",
    "llm.input_messages.2.message.role": "assistant",
    "llm.input_messages.2.message.tool_calls.0.tool_call.id": "c1",
    "llm.input_messages.2.message.tool_calls.0.tool_call.function.name": "look",
    "llm.input_messages.2.message.tool_calls.0.tool_call.function.arguments": '{"closely": true}',
    "llm.input_messages.10.message.role": "tool",
    "llm.input_messages.10.message.tool_call_id": "c1",
    "llm.input_messages.10.message.content": '{"value": "a cat"}',
    "llm.output_messages.0.message.role": "assistant",
    "llm.output_messages.0.message.content": "A cat.",
    "llm.finish_reason": "end_turn",
    "llm.tools.0.tool.json_schema": '{"type": "function", "function": {"name": "look"}}',
    "llm.token_count.prompt": 1_000,
    "llm.token_count.completion": 100,
    "llm.token_count.prompt_details.cache_read": 400,
    "llm.token_count.total": 1_100,
}
OPENINFERENCE_TOOL: Attributes = {
    "openinference.span.kind": "TOOL",
    "tool.name": "find",
    "tool.description": "Find an order.",
    "tool.parameters": '{"type": "object"}',
    "input.value": '{"id": 1042}',
    "input.mime_type": "application/json",
    "output.value": '{"content": "shipped", "type": "tool", "tool_call_id": "c1", "name": "find"}',
}
OPENINFERENCE_RETRIEVER: Attributes = {
    "openinference.span.kind": "RETRIEVER",
    "input.value": "orders",
    "retrieval.documents.0.document.content": "Order 1042",
}
OPENINFERENCE_EMBEDDING: Attributes = {
    "openinference.span.kind": "EMBEDDING",
    "embedding.model_name": "text-embedding-3-small",
    "embedding.embeddings.0.embedding.text": "orders",
    "llm.token_count.prompt": 1_000_000,
}

OPENLLMETRY_WORKFLOW: Attributes = {
    "traceloop.span.kind": "workflow",
    "traceloop.entity.name": "support",
    "traceloop.workflow.name": "support",
    "traceloop.entity.input": '{"args": ["Where is order 1042?"], "kwargs": {}}',
    "traceloop.entity.output": '"It is on its way."',
    "traceloop.association.properties.user_id": "u-7",
    "traceloop.association.properties.session_id": "s-1",
    "traceloop.association.properties.tier": "gold",
}
OPENLLMETRY_TASK: Attributes = {
    "traceloop.span.kind": "task",
    "traceloop.entity.name": "prepare",
    "traceloop.workflow.name": "support",
}
OPENLLMETRY_TOOL: Attributes = {
    "traceloop.span.kind": "tool",
    "traceloop.entity.name": "find",
    "traceloop.entity.input": '{"args": [], "kwargs": {"id": 1042}}',
    "traceloop.entity.output": '{"state": "shipped"}',
}
OPENLLMETRY_CHAT: Attributes = {
    "llm.request.type": "chat",
    "gen_ai.system": "OpenAI",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "gen_ai.usage.prompt_tokens": 1_000,
    "gen_ai.usage.completion_tokens": 100,
    "llm.usage.total_tokens": 1_100,
    "gen_ai.prompt.0.role": "system",
    "gen_ai.prompt.0.content": "Be brief.",
    "gen_ai.prompt.1.role": "user",
    "gen_ai.prompt.1.content": '[{"type": "text", "text": "Where is order 1042?"}]',
    "gen_ai.completion.0.role": "assistant",
    "gen_ai.completion.0.finish_reason": "tool_calls",
    "gen_ai.completion.0.tool_calls.0.id": "c1",
    "gen_ai.completion.0.tool_calls.0.name": "find",
    "gen_ai.completion.0.tool_calls.0.arguments": '{"id": 1042}',
    "llm.request.functions.0.name": "find",
    "llm.request.functions.0.parameters": '{"type": "object"}',
}

EVERY: dict[str, Attributes] = {
    name: value for name, value in globals().items() if name.isupper() and isinstance(value, dict)
}
"""All of the above by their names."""
