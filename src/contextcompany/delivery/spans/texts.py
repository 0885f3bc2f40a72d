"""Which attributes of a span are texts that have to pass the redaction, and which make its structure."""

from __future__ import annotations

from typing import Final

from contextcompany.semconv import attributes as names

STRUCTURAL_KEYS: Final = frozenset(
    {
        names.GEN_AI_OPERATION_NAME,
        names.GEN_AI_CONVERSATION_ID,
        names.GEN_AI_AGENT_NAME,
        names.GEN_AI_PROVIDER_NAME,
        names.GEN_AI_REQUEST_MODEL,
        names.GEN_AI_REQUEST_STREAM,
        names.GEN_AI_RESPONSE_MODEL,
        names.GEN_AI_RESPONSE_ID,
        names.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK,
        names.GEN_AI_RESPONSE_FINISH_REASONS,
        names.GEN_AI_USAGE_INPUT_TOKENS,
        names.GEN_AI_USAGE_OUTPUT_TOKENS,
        names.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS,
        names.GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS,
        names.GEN_AI_USAGE_REASONING_OUTPUT_TOKENS,
        names.GEN_AI_TOOL_NAME,
        names.GEN_AI_TOOL_CALL_ID,
        names.GEN_AI_TOOL_TYPE,
        names.GEN_AI_EVALUATION_NAME,
        names.GEN_AI_EVALUATION_SCORE_LABEL,
        names.GEN_AI_EVALUATION_SCORE_VALUE,
        names.USER_ID,
        names.ERROR_TYPE,
        names.EXCEPTION_TYPE,
        names.EXCEPTION_ESCAPED,
        names.TCC_RUN_ID,
        names.TCC_SESSION_ID,
        names.TCC_CONVERSATIONAL,
        names.TCC_STATUS_CODE,
        names.TCC_AGENT,
        names.TCC_USER_ID,
        names.TCC_ORG_ID,
        names.TCC_STEP_ID,
        names.TCC_COST,
        names.TCC_COST_SOURCE,
        names.TCC_PARENT_RUN_ID,
        names.TCC_SAMPLE_RATE,
        names.TCC_KEPT_FOR_ERROR,
        names.TCC_RESUMED,
        names.TCC_VIOLATIONS,
        names.TCC_TRUNCATED,
        names.TCC_CONTENT_CAPTURED,
        names.TCC_COLLECTED,
    }
)
"""Attributes that pass untouched: ids, models, codes, counts, the names of agents and tools."""

JSON_KEYS: Final = frozenset(
    {
        names.GEN_AI_INPUT_MESSAGES,
        names.GEN_AI_OUTPUT_MESSAGES,
        names.GEN_AI_SYSTEM_INSTRUCTIONS,
        names.GEN_AI_TOOL_DEFINITIONS,
        names.GEN_AI_TOOL_CALL_ARGUMENTS,
        names.GEN_AI_TOOL_CALL_RESULT,
    }
)
"""Attributes that are JSON: the texts inside pass one by one."""

TEXT_KEYS: Final = frozenset(
    {
        names.GEN_AI_EVALUATION_EXPLANATION,
        names.USER_NAME,
        names.EXCEPTION_MESSAGE,
        names.EXCEPTION_STACKTRACE,
        names.TCC_STATUS_MESSAGE,
        names.TCC_USER_NAME,
        names.TCC_ORG_NAME,
    }
)
"""Attributes that are texts, also where one happens to be JSON."""

NAME_KEYS: Final = (
    names.GEN_AI_REQUEST_MODEL,
    names.GEN_AI_TOOL_NAME,
    names.TCC_AGENT,
    names.GEN_AI_AGENT_NAME,
)
"""Structural attributes that stand in names of spans, behind the operation."""
