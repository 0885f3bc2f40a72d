"""Which spans were made by instrumentation of GenAI, and which of them stand for a request to a model."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from contextcompany.semconv import attributes as names
from contextcompany.semconv import foreign

if TYPE_CHECKING:
    from collections.abc import Mapping

_STREAM: Final = re.compile(r'"stream"\s*:\s*(true|false)\b')
_OPENINFERENCE: Final = "openinference."
_INSTRUMENTATION: Final = "opentelemetry.instrumentation."
_MARKS: Final = ("genai", "gen_ai")
_LIBRARIES: Final = frozenset(
    {
        "agno",
        "alephalpha",
        "anthropic",
        "bedrock",
        "cohere",
        "crewai",
        "google_generativeai",
        "groq",
        "haystack",
        "langchain",
        "llamaindex",
        "mcp",
        "mistralai",
        "ollama",
        "openai",
        "openai_agents",
        "openai_v2",
        "replicate",
        "sagemaker",
        "together",
        "transformers",
        "vertexai",
        "voyageai",
        "watsonx",
        "writer",
    }
)
"""What OpenLLMetry, and OpenTelemetry itself, have instrumentation of GenAI for, as in their scopes."""


@lru_cache(maxsize=1_024)
def is_genai_scope(name: str) -> bool:
    """Return whether the name of an instrumentation scope is one of instrumentation of GenAI."""
    if name.startswith(_OPENINFERENCE):
        return True
    if not name.startswith(_INSTRUMENTATION):
        return False
    library = name[len(_INSTRUMENTATION) :]
    return library.partition(".")[0] in _LIBRARIES or any(mark in library for mark in _MARKS)


def has_genai_keys(attributes: Mapping[str, object]) -> bool:
    """Return whether a span has an attribute that only instrumentation of GenAI sets."""
    return any(key.startswith(foreign.NAMESPACES) for key in attributes)


def is_model_request(attributes: Mapping[str, object]) -> bool:
    """Return whether a span stands for one request to a model that answers."""
    kind = attributes.get(foreign.KIND)
    if kind is not None:
        return kind == foreign.KIND_LLM
    operation = attributes.get(names.GEN_AI_OPERATION_NAME)
    if operation is not None:
        return operation in foreign.OPERATIONS
    return attributes.get(foreign.REQUEST_TYPE) in foreign.REQUEST_TYPES


def says_stream(attributes: Mapping[str, object]) -> bool | None:
    """Return whether a span says of its request that the answer is to come as a stream; None for no word."""
    for key in foreign.IS_STREAM:
        said = attributes.get(key)
        if isinstance(said, bool):
            return said
    parameters = attributes.get(foreign.INVOCATION_PARAMETERS)
    found = _STREAM.search(parameters) if isinstance(parameters, str) else None
    return None if found is None else found[1] == "true"
