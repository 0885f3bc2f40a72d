"""Token counts as providers write them."""

from __future__ import annotations

from contextcompany.semconv.streams.usage import chat_usage, message_usage, response_usage


def test_counts_of_a_chat_completion() -> None:
    """Prompt tokens include the cached ones; litellm names what was written as Anthropic does."""
    usage = {
        "prompt_tokens": 10,
        "prompt_tokens_details": {"cached_tokens": 3},
        "cache_creation_input_tokens": 2,
        "completion_tokens": 5,
        "completion_tokens_details": {"reasoning_tokens": 1},
    }
    assert chat_usage(usage) == {
        "prompt_uncached": 5,
        "prompt_cached": 3,
        "cache_write": 2,
        "completion": 5,
        "reasoning": 1,
    }


def test_counts_of_a_response() -> None:
    """Input tokens include the cached ones, and absent details are absent counts."""
    assert response_usage({"input_tokens": 10, "output_tokens": 5}) == {
        "prompt_uncached": 10,
        "prompt_cached": None,
        "cache_write": None,
        "completion": 5,
        "reasoning": None,
    }


def test_counts_of_a_message() -> None:
    """Input tokens leave the cached ones out, and only what is there is returned."""
    assert message_usage(
        {"input_tokens": 10, "cache_read_input_tokens": 4, "cache_creation_input_tokens": None}
    ) == {
        "prompt_uncached": 10,
        "prompt_cached": 4,
    }
