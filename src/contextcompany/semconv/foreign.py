"""Attributes by which other libraries record requests to models, as far as they are read here.

Of the OpenTelemetry GenAI conventions with their earlier names, of OpenInference and of OpenLLMetry. They
are read from spans of others and never written anew.
"""

from __future__ import annotations

from typing import Final

from contextcompany.semconv import attributes as names

KIND: Final = "openinference.span.kind"
"""OpenInference: what a span stands for, `LLM`, `TOOL`, `AGENT` and others."""

REQUEST_TYPE: Final = "llm.request.type"
"""OpenLLMetry, earlier: what a request asks for, `chat`, `completion` and others."""

KIND_LLM: Final = "LLM"
REQUEST_TYPES: Final = frozenset({"chat", "completion"})
OPERATIONS: Final = frozenset({names.OPERATION_CHAT, "text_completion", "generate_content"})
"""Values of `gen_ai.operation.name` that stand for a request to a model which answers."""

OPERATION_OF_KIND: Final = {
    KIND_LLM: names.OPERATION_CHAT,
    "EMBEDDING": "embeddings",
    "TOOL": names.OPERATION_EXECUTE_TOOL,
}
OPERATION_OF_TYPE: Final = {"chat": names.OPERATION_CHAT, "completion": "text_completion"}

NAMESPACES: Final = ("gen_ai.", "llm.", "openinference.", "traceloop.")
"""A span with a key that begins so was made by instrumentation of GenAI."""

IS_STREAM: Final = (names.GEN_AI_REQUEST_STREAM, "gen_ai.is_streaming", "llm.is_streaming")
INVOCATION_PARAMETERS: Final = "llm.invocation_parameters"
"""OpenInference: the arguments of a request as JSON text, `stream` among them."""

PROVIDER: Final = (names.GEN_AI_PROVIDER_NAME, "gen_ai.system", "llm.provider", "llm.system")
REQUEST_MODEL: Final = (names.GEN_AI_REQUEST_MODEL, "llm.request.model_name", "llm.request.model")
RESPONSE_MODEL: Final = (
    names.GEN_AI_RESPONSE_MODEL,
    "llm.response.model_name",
    "llm.response.model",
    "llm.model_name",
)
RESPONSE_ID: Final = (names.GEN_AI_RESPONSE_ID,)
TOOL_NAME: Final = (names.GEN_AI_TOOL_NAME, "tool.name")
FINISH_REASON: Final = (
    names.GEN_AI_RESPONSE_FINISH_REASONS,
    "gen_ai.response.finish_reason",
    "gen_ai.response.stop_reason",
    "llm.finish_reason",
    "llm.response.finish_reason",
    "llm.response.stop_reason",
)
"""From the newest name to the oldest; the first that is there counts. So it is below."""

TOKENS: Final = {
    names.GEN_AI_USAGE_INPUT_TOKENS: (
        names.GEN_AI_USAGE_INPUT_TOKENS,
        "gen_ai.usage.prompt_tokens",
        "llm.usage.prompt_tokens",
        "llm.token_count.prompt",
    ),
    names.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: (
        names.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS,
        "gen_ai.usage.cache_read_input_tokens",
        "llm.token_count.prompt_details.cache_read",
    ),
    names.GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS: (
        names.GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS,
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
        "llm.token_count.prompt_details.cache_write",
    ),
    names.GEN_AI_USAGE_OUTPUT_TOKENS: (
        names.GEN_AI_USAGE_OUTPUT_TOKENS,
        "gen_ai.usage.completion_tokens",
        "llm.usage.completion_tokens",
        "llm.token_count.completion",
    ),
    names.GEN_AI_USAGE_REASONING_OUTPUT_TOKENS: (
        names.GEN_AI_USAGE_REASONING_OUTPUT_TOKENS,
        "gen_ai.usage.reasoning_tokens",
        "llm.usage.reasoning_tokens",
        "llm.token_count.completion_details.reasoning",
    ),
}
"""Where the counts stand that we write under the key."""

PROMPTS: Final = "gen_ai.prompt."
COMPLETIONS: Final = "gen_ai.completion."
INPUT_MESSAGES: Final = "llm.input_messages."
OUTPUT_MESSAGES: Final = "llm.output_messages."
TOOLS: Final = "llm.tools."
FUNCTIONS: Final = "llm.request.functions."
"""Beginnings of keys under which a list stands item by item, such as `llm.tools.0.tool.json_schema`."""

INPUT_VALUE: Final = ("input.value", "traceloop.entity.input")
OUTPUT_VALUE: Final = ("output.value", "traceloop.entity.output")
PARAMETERS: Final = "llm.invocation_parameters"

STRUCTURE: Final = frozenset(
    {
        *PROVIDER,
        *REQUEST_MODEL,
        *RESPONSE_MODEL,
        *RESPONSE_ID,
        *FINISH_REASON,
        *TOOL_NAME,
        KIND,
        REQUEST_TYPE,
        names.GEN_AI_OPERATION_NAME,
        names.GEN_AI_CONVERSATION_ID,
        names.GEN_AI_AGENT_NAME,
        names.GEN_AI_TOOL_CALL_ID,
        names.GEN_AI_TOOL_TYPE,
        "gen_ai.agent.id",
        "gen_ai.agent.version",
        "gen_ai.output.type",
        "gen_ai.token.type",
        "gen_ai.workflow.name",
        "gen_ai.request.encoding_formats",
        "openai.response.service_tier",
        "traceloop.span.kind",
        names.ERROR_TYPE,
        names.EXCEPTION_TYPE,
        names.EXCEPTION_ESCAPED,
        "server.address",
        "http.request.method",
        "http.method",
        "network.protocol.name",
        "network.protocol.version",
        "db.system",
        "db.system.name",
        "rpc.system",
    }
)
"""Texts that are no content: they pass where content is switched off, beside numbers and booleans."""

ERROR_PREFIXES: Final = ("error.", "exception.")
"""Beginnings of keys of texts that errors leave; secrets in them are masked."""
