"""The provider of a model, inferred from the model's name."""

from __future__ import annotations

import re
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGEST_NAME: Final = 256

_OPENAI: Final = "openai"
_ANTHROPIC: Final = "anthropic"
_GOOGLE: Final = "gcp.gen_ai"
_GEMINI: Final = "gcp.gemini"
_VERTEX: Final = "gcp.vertex_ai"
_BEDROCK: Final = "aws.bedrock"
_AZURE_OPENAI: Final = "azure.ai.openai"
_AZURE_INFERENCE: Final = "azure.ai.inference"
_WATSONX: Final = "ibm.watsonx.ai"
_MISTRAL: Final = "mistral_ai"
_GROQ: Final = "groq"
_DEEPSEEK: Final = "deepseek"
_X_AI: Final = "x_ai"
_COHERE: Final = "cohere"
_PERPLEXITY: Final = "perplexity"
_MOONSHOT: Final = "moonshot_ai"

GENAI_PRICES_PROVIDER: Final[Mapping[str, str]] = MappingProxyType(
    {
        _OPENAI: "openai",
        _ANTHROPIC: "anthropic",
        _GOOGLE: "google",
        _GEMINI: "google",
        _VERTEX: "google",
        _BEDROCK: "aws",
        _AZURE_OPENAI: "azure",
        _AZURE_INFERENCE: "azure",
        _MISTRAL: "mistral",
        _GROQ: "groq",
        _DEEPSEEK: "deepseek",
        _X_AI: "x-ai",
        _COHERE: "cohere",
        _PERPLEXITY: "perplexity",
        _MOONSHOT: "moonshotai",
    }
)
"""Values of `gen_ai.provider.name` to the ids under which the genai-prices package lists their prices."""

_PREFIXES: Final = {
    "openai": _OPENAI,
    "azure": _AZURE_OPENAI,
    "azure_openai": _AZURE_OPENAI,
    "azure_ai": _AZURE_INFERENCE,
    "anthropic": _ANTHROPIC,
    "gemini": _GEMINI,
    "models": _GEMINI,
    "google-gla": _GEMINI,
    "google": _GOOGLE,
    "google_genai": _GOOGLE,
    "google-genai": _GOOGLE,
    "vertex": _VERTEX,
    "vertex_ai": _VERTEX,
    "vertexai": _VERTEX,
    "vertex_ai_beta": _VERTEX,
    "google_vertexai": _VERTEX,
    "google-vertex": _VERTEX,
    "amazon": _BEDROCK,
    "bedrock": _BEDROCK,
    "bedrock_converse": _BEDROCK,
    "watsonx": _WATSONX,
    "watsonx_text": _WATSONX,
    "ibm": _WATSONX,
    "mistral": _MISTRAL,
    "mistralai": _MISTRAL,
    "codestral": _MISTRAL,
    "groq": _GROQ,
    "deepseek": _DEEPSEEK,
    "xai": _X_AI,
    "x-ai": _X_AI,
    "x_ai": _X_AI,
    "grok": _X_AI,
    "cohere": _COHERE,
    "cohere_chat": _COHERE,
    "perplexity": _PERPLEXITY,
    "moonshot": _MOONSHOT,
    "moonshotai": _MOONSHOT,
}
"""What may stand before the slash or colon, as LiteLLM, OpenRouter, LangChain and Pydantic AI write it."""

_GATEWAYS: Final = frozenset(
    {
        "gateway",
        "helicone",
        "litellm",
        "litellm_proxy",
        "openrouter",
        "portkey",
        "vercel",
        "vercel_ai_gateway",
    }
)
"""Prefixes that only say who passes the request on; what follows names the provider."""

_BEDROCK_ID: Final = re.compile(
    r"arn:aws[a-z-]*:bedrock:"
    r"|(?:(?:us|us-gov|eu|apac|ap|au|ca|jp|sa|global)\.)?"
    r"(?:ai21|amazon|anthropic|cohere|deepseek|google|luma|meta|minimax|mistral|moonshot|moonshotai|nvidia"
    r"|openai|qwen|stability|twelvelabs|writer|zai)\.[a-z]"
)
_VERTEX_NAME: Final = re.compile(r"(?:projects|publishers)/.+/models/|[^/]+@(?:\d{3,8}|default|latest)\Z")
_FINE_TUNED: Final = re.compile(r"ft:([^:]+)")
# What stands behind the colon where a model runs on a machine of one's own, as Ollama writes it.
_LOCAL_TAG: Final = re.compile(
    r"(?:latest|instruct|chat|text)\Z|e?\d+(?:\.\d+)?[bm](?![a-z0-9])|\d+x\d+b(?![a-z0-9])"
)
# Families of open weights named like a provider's own: anyone may host them.
_OPEN_WEIGHTS: Final = re.compile(r"gpt-(?:oss|neo|j)|gemma")

_FAMILIES: Final = (
    (re.compile(r"gpt-35-"), _AZURE_OPENAI),
    (
        re.compile(
            r"gpt-|chatgpt-|codex-|o[1-9]\d*(?:-|\Z)|text-embedding-(?:3|ada)|text-moderation|omni-moderation"
            r"|text-davinci|davinci-|babbage-|dall-e-|whisper-1|tts-1|sora-|computer-use-preview"
        ),
        _OPENAI,
    ),
    (re.compile(r"claude-"), _ANTHROPIC),
    (re.compile(r"gemini-|learnlm-|imagen-|veo-"), _GOOGLE),
    (
        re.compile(r"(?:open-)?mi[sx]tral-|codestral-|ministral-|magistral-|devstral-|pixtral-|voxtral-"),
        _MISTRAL,
    ),
    (re.compile(r"command(?:-|\Z)|c4ai-|embed-(?:english|multilingual|v\d)|rerank-"), _COHERE),
    (re.compile(r"grok-"), _X_AI),
    (re.compile(r"deepseek-"), _DEEPSEEK),
    (re.compile(r"sonar(?:-|\Z)|pplx-|llama-3\.1-sonar-"), _PERPLEXITY),
    (re.compile(r"kimi-|moonshot-"), _MOONSHOT),
)


def infer_provider(model: str | None) -> str | None:
    """Return the provider that a model's name tells of, as a value of `gen_ai.provider.name`, or None.

    A prefix decides before the family does: `azure/gpt-5` is Azure's. Gateways such as `openrouter/` only
    pass requests on, so what follows them is looked at. Prefixes of other hosts (`together_ai/`,
    `ollama/`) give None, as do names of models that many host. A Gemini model alone tells neither Vertex AI
    nor AI Studio: that is `gcp.gen_ai`. The names are those of the registry of the GenAI conventions.

    Args:
        model: the name of a model as it was requested or used.
    """
    if not model or len(model) > _LONGEST_NAME:
        return None
    return _inferred(model.strip().lower())


@lru_cache(maxsize=1024)
def _inferred(name: str) -> str | None:
    if _BEDROCK_ID.match(name) or _VERTEX_NAME.match(name):
        return _BEDROCK if _BEDROCK_ID.match(name) else _VERTEX
    if fine_tuned := _FINE_TUNED.match(name):
        return _family(fine_tuned[1])
    prefix, slash, rest = name.partition("/")
    if slash:
        return _by_prefix(prefix, rest)
    prefix, colon, rest = name.partition(":")
    if colon and _LOCAL_TAG.match(rest):
        return None
    if colon and (prefix in _PREFIXES or prefix in _GATEWAYS):
        return _by_prefix(prefix, rest)
    return _family(prefix)


def _by_prefix(prefix: str, rest: str) -> str | None:
    if prefix in _GATEWAYS:
        return _inferred(rest)
    provider = _PREFIXES.get(prefix)
    return None if provider in {_OPENAI, _GOOGLE} and _OPEN_WEIGHTS.match(rest) else provider


def _family(name: str) -> str | None:
    if _OPEN_WEIGHTS.match(name):
        return None
    return next((provider for pattern, provider in _FAMILIES if pattern.match(name)), None)
