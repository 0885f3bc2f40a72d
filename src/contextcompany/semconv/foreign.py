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

ENTITY_KIND: Final = "traceloop.span.kind"
"""OpenLLMetry: what a span of the application stands for, `workflow`, `task`, `agent` or `tool`."""

KIND_LLM: Final = "LLM"
KIND_TOOL: Final = "TOOL"
STEP_KINDS: Final = frozenset({KIND_LLM, "EMBEDDING", "RERANKER"})
STEP_TYPES: Final = frozenset({"chat", "completion", "embedding", "rerank"})
"""Values of the kind and the type of a request that stand for a request to a model, whatever it gives."""

REQUEST_TYPES: Final = frozenset({"chat", "completion"})
OPERATIONS: Final = frozenset({names.OPERATION_CHAT, "text_completion", "generate_content"})
"""Values of `gen_ai.operation.name` that stand for a request to a model which answers."""

OPERATION_OF_KIND: Final = {
    KIND_LLM: names.OPERATION_CHAT,
    "EMBEDDING": "embeddings",
    "TOOL": names.OPERATION_EXECUTE_TOOL,
}
OPERATION_OF_TYPE: Final = {"chat": names.OPERATION_CHAT, "completion": "text_completion"}

AGENT_KINDS: Final = frozenset({"AGENT"})
"""OpenInference: kinds that stand for an agent at work."""

AGENT_ENTITIES: Final = frozenset({"workflow", "agent"})
TOOL_ENTITY: Final = "tool"
"""OpenLLMetry: kinds that stand for an agent at work, and for a tool call."""

AGENT_OPERATIONS: Final = frozenset({names.OPERATION_INVOKE_AGENT, "invoke_workflow"})
EMBEDDING_OPERATIONS: Final = frozenset({"embeddings", "embedding"})
"""Values of `gen_ai.operation.name`; that of one request for embeddings is older."""

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

FIRST_ITEMS: Final = tuple(
    f"{beginning}0.{field}"
    for beginning, fields in (
        (PROMPTS, ("role", "content")),
        (COMPLETIONS, ("role", "content")),
        (INPUT_MESSAGES, ("message.role", "message.content")),
        (OUTPUT_MESSAGES, ("message.role", "message.content")),
    )
    for field in fields
)
"""Keys of which one is there if there is such a list."""

CONTENT_FIELDS: Final = ("content", "message.content")
PLAIN_FIELDS: Final = frozenset({*CONTENT_FIELDS, "role", "message.role", "finish_reason"})
"""Fields of an item that is nothing but text."""

PROMPT_TEXT: Final = ("gen_ai.prompt", "llm.prompts")
COMPLETION_TEXT: Final = ("gen_ai.completion", "llm.completions")
"""Where a whole conversation stood in one attribute."""

INPUT_EVENTS: Final = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
"""Events on a span that were one message each, with its role."""

OUTPUT_EVENT: Final = "gen_ai.choice"
"""An event on a span that was one answer."""

EVENT_BODY: Final = ("gen_ai.event.content", "event_body", "body")
"""Attributes of such events that hold the message as JSON text, where it does not stand in them openly."""

INPUT_VALUE: Final = ("input.value", "traceloop.entity.input")
OUTPUT_VALUE: Final = ("output.value", "traceloop.entity.output")
PARAMETERS: Final = "llm.invocation_parameters"
TOOL_PARAMETERS: Final = "tool.parameters"
QUERY: Final = ("gen_ai.retrieval.query.text", "reranker.query")

AGENT_NAME: Final = (names.GEN_AI_AGENT_NAME, "agent.name", "gen_ai.workflow.name")
ENTITY_NAME: Final = "traceloop.entity.name"
EMBEDDING_MODEL: Final = ("embedding.model_name", "reranker.model_name")
SESSION: Final = (
    names.GEN_AI_CONVERSATION_ID,
    "session.id",
    "traceloop.association.properties.session_id",
    "traceloop.association.properties.conversation_id",
    "traceloop.association.properties.thread_id",
)
USER: Final = (names.USER_ID, "enduser.id", "traceloop.association.properties.user_id")
USER_NAME: Final = (names.USER_NAME, "traceloop.association.properties.user_name")
ORG: Final = (
    "traceloop.association.properties.org_id",
    "traceloop.association.properties.organization_id",
    "traceloop.association.properties.tenant_id",
)
ORG_NAME: Final = (
    "traceloop.association.properties.org_name",
    "traceloop.association.properties.organization_name",
)
METADATA: Final = "metadata"
"""OpenInference: what the user attached, as JSON text of an object."""

ASSOCIATION_PREFIX: Final = "traceloop.association.properties."
"""OpenLLMetry: the beginning of the keys under which the user attached something."""

COST: Final = ("llm.cost.total", "gen_ai.usage.cost")
COST_PARTS: Final = ("llm.cost.prompt", "llm.cost.completion")
"""What a request cost in USD, whole or as the sum of what went in and what came out."""

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
