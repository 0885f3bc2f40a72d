"""Providers inferred from the names of models."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from genai_prices.data import providers as price_lists
from hypothesis import given
from hypothesis import strategies as st

from contextcompany.semconv.providers import GENAI_PRICES_PROVIDER, infer_provider
from tests.semconv.shapes import OFFICIAL, needs_official

NAMES = {
    "openai": """
        gpt-4 gpt-4-0613 gpt-4o gpt-5 gpt-5-2026-08-07 GPT-4o gpt-image-1 gpt-4o:extended o1 o3-mini
        o4-mini-2025-04-16 chatgpt-4o-latest text-embedding-3-small openai/gpt-5 openai:gpt-5
        ft:gpt-4o-mini:acme::id openrouter/openai/gpt-4o litellm_proxy/gpt-4o
    """,
    "anthropic": """
        claude-3-5-sonnet-20241022 claude-opus-4-1 anthropic/claude-sonnet-4-5
        anthropic:claude-sonnet-4-5 openrouter/anthropic/claude-3.5-sonnet claude-sonnet-4-5
    """,
    "gcp.gen_ai": """
        gemini-2.5-pro google/gemini-2.5-flash openrouter/google/gemini-2.5-pro
    """,
    "gcp.gemini": """
        gemini/gemini-2.5-pro models/gemini-2.5-pro google-gla:gemini-2.5-pro
    """,
    "gcp.vertex_ai": """
        vertex_ai/gemini-2.5-pro vertex_ai/claude-3-5-sonnet@20240620 claude-sonnet-4@20250514
        projects/p/locations/l/publishers/google/models/gemini-2.5-pro google-vertex:gemini-2.5-pro
        publishers/anthropic/models/claude-3-5-sonnet
    """,
    "aws.bedrock": """
        anthropic.claude-3-5-sonnet-20240620-v1:0 us.anthropic.claude-sonnet-4-20250514-v1:0
        global.anthropic.claude-opus-5 amazon.nova-pro-v1:0 amazon.titan-embed-text-v2:0
        meta.llama3-70b-instruct-v1:0 mistral.mistral-large-2402-v1:0 openai.gpt-oss-120b-1:0
        bedrock/anthropic.claude-v2:1 bedrock/us.amazon.nova-lite-v1:0 bedrock:amazon.nova-pro-v1:0
        arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-pro-v1:0
        arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/amazon.titan-text-lite-v1
    """,
    "azure.ai.openai": """
        azure/gpt-5 azure/my-deployment gpt-35-turbo azure_openai:gpt-4o
    """,
    "azure.ai.inference": """
        azure_ai/command-r-plus
    """,
    "ibm.watsonx.ai": """
        watsonx/ibm/granite-13b-chat-v2 ibm/granite-3-8b-instruct
    """,
    "mistral_ai": """
        mistral-large-latest open-mixtral-8x22b mixtral-8x7b codestral-2508 ministral-8b-latest
        magistral-medium-2509 mistral/mistral-small mistralai:mistral-large-latest mistral-nemo:free
    """,
    "groq": """
        groq/llama-3.3-70b-versatile groq/openai/gpt-oss-120b groq:llama-3.3-70b-versatile
    """,
    "deepseek": """
        deepseek-chat deepseek-reasoner deepseek/deepseek-r1:free
    """,
    "x_ai": """
        grok-4 xai/grok-3 x-ai/grok-4 openrouter/x-ai/grok-4
    """,
    "cohere": """
        command-r-plus command embed-english-v3.0 rerank-v3.5 cohere/command-a-03-2025
    """,
    "perplexity": """
        sonar sonar-pro perplexity/sonar-reasoning llama-3.1-sonar-small-128k-online
    """,
    "moonshot_ai": """
        kimi-k2-0905-preview moonshot-v1-8k moonshotai/kimi-k2
    """,
}

UNKNOWN = """
    llama-3.3-70b qwen3-32b my-model gpt-oss-120b openai/gpt-oss-120b gpt-neox-20b google/gemma-3-27b-it
    meta-llama/llama-4-scout ollama/llama3 ollama/mistral llama3:8b mistral:7b mistral:latest
    mistral:instruct mixtral:8x7b deepseek-r1:7b gpt-oss:20b together_ai/mistralai/mixtral-8x7b
    fireworks_ai/accounts/fireworks/models/deepseek-v3 huggingface/openai/gpt-2 openrouter/auto
    openrouter/ / : o o4o commander sonarqube
"""


@pytest.mark.parametrize(
    ("model", "provider"),
    [(model, provider) for provider, models in NAMES.items() for model in models.split()],
)
def test_known_names_tell_their_provider(model: str, provider: str) -> None:
    """A prefix, the form of an id, or a family names the provider."""
    assert infer_provider(model) == provider


@pytest.mark.parametrize("model", [None, "", " ", "gpt-4" * 100, *UNKNOWN.split()])
def test_what_many_may_host_has_no_provider(model: str | None) -> None:
    """Open weights, other hosts and unknown names are not guessed at."""
    assert infer_provider(model) is None


def test_case_and_space_around_a_name_do_not_matter() -> None:
    """Names are compared in lower case and without space around them."""
    assert infer_provider(" Claude-Sonnet-4-5\n") == "anthropic"


@given(st.text(max_size=300))
def test_no_name_makes_inference_raise(model: str) -> None:
    """Any text has a provider or none."""
    found = infer_provider(model)
    assert found is None or found in NAMES


def test_every_provider_has_a_price_list_or_a_reason() -> None:
    """Names of ours lead to lists of genai-prices that exist; IBM has none."""
    assert set(NAMES) - set(GENAI_PRICES_PROVIDER) == {"ibm.watsonx.ai"}
    assert set(GENAI_PRICES_PROVIDER.values()) <= {prices.id for prices in price_lists}


@needs_official
def test_providers_are_registered() -> None:
    """Every name that is inferred is a member of the official enum."""
    registry = yaml.safe_load(Path(OFFICIAL / "registry.yaml").read_text(encoding="utf-8"))
    attribute = next(item for item in registry["attributes"] if item["key"] == "gen_ai.provider.name")
    assert set(NAMES) <= {member["value"] for member in attribute["type"]["members"]}
