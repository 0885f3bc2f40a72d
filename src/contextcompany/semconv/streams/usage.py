"""Token counts as providers write them, by the names that `Step.tokens` has for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from contextcompany.semconv.streams.answer import fields_of
from contextcompany.semconv.values import count

if TYPE_CHECKING:
    from contextcompany.semconv.streams.answer import Fields


def chat_usage(usage: Fields) -> dict[str, object]:
    """Return the counts of a chat completion, whose prompt tokens include the cached ones."""
    prompt = _details(usage, "prompt_tokens_details")
    written = prompt.get("cache_write_tokens") or usage.get("cache_creation_input_tokens")
    return {
        **_prompt(usage.get("prompt_tokens"), prompt.get("cached_tokens"), written),
        "completion": usage.get("completion_tokens"),
        "reasoning": _details(usage, "completion_tokens_details").get("reasoning_tokens"),
    }


def response_usage(usage: Fields) -> dict[str, object]:
    """Return the counts of the Responses API, whose input tokens include the cached ones."""
    given = _details(usage, "input_tokens_details")
    return {
        **_prompt(usage.get("input_tokens"), given.get("cached_tokens"), given.get("cache_write_tokens")),
        "completion": usage.get("output_tokens"),
        "reasoning": _details(usage, "output_tokens_details").get("reasoning_tokens"),
    }


def message_usage(usage: Fields) -> dict[str, object]:
    """Return the counts of an Anthropic message, whose input tokens leave the cached ones out."""
    found = {
        "prompt_uncached": usage.get("input_tokens"),
        "prompt_cached": usage.get("cache_read_input_tokens"),
        "cache_write": usage.get("cache_creation_input_tokens"),
        "completion": usage.get("output_tokens"),
        "reasoning": _details(usage, "output_tokens_details").get("thinking_tokens"),
    }
    return {field: given for field, given in found.items() if given is not None}


def _prompt(total: Any, cached: Any, written: Any) -> dict[str, object]:
    whole, read, wrote = count(total), count(cached), count(written)
    if whole is None:
        return {"prompt_cached": read, "cache_write": wrote or None}
    # The parts together are what the provider said the whole is, or the cost would be of other tokens.
    read = None if read is None else min(read, whole)
    wrote = min(wrote or 0, whole - (read or 0))
    return {
        "prompt_uncached": whole - (read or 0) - wrote,
        "prompt_cached": read,
        "cache_write": wrote or None,
    }


def _details(usage: Fields, name: str) -> Fields:
    details = usage.get(name)
    return {} if details is None else fields_of(details)
