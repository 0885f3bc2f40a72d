"""A model behind the `openai` client, or behind any server that speaks its protocol."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any

from contextcompany.agents.model import ModelReply, ModelUsage, ToolRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contextcompany.agents.model import Message
    from contextcompany.context.schema import Schema


class OpenAIModel:
    """Ask a model by chat completions.

    Args:
        client: an `openai.AsyncOpenAI` or `openai.OpenAI`; its `base_url` may be any compatible server.
        name: the model.
        **options: further arguments of every request, such as `temperature`.
    """

    def __init__(self, client: Any, name: str, **options: Any) -> None:
        self._client = client
        self._name = name
        self._options = options

    @property
    def name(self) -> str:
        """Return the model's name."""
        return self._name

    async def reply(self, messages: Sequence[Message], tools: Sequence[Schema]) -> ModelReply:
        """Answer a conversation.

        Raises:
            openai.OpenAIError: whatever the client raises.
        """
        arguments = {"model": self._name, "messages": list(messages), **self._options}
        if tools:
            arguments["tools"] = [tool.openai() for tool in tools]
        create = self._client.chat.completions.create
        if inspect.iscoroutinefunction(inspect.unwrap(create)):
            return completion_reply(await create(**arguments))
        return completion_reply(await asyncio.to_thread(create, **arguments))


def completion_reply(completion: Any) -> ModelReply:
    """Return a chat completion as a reply; its prompt tokens include the cached ones."""
    choice = completion.choices[0]
    message = choice.message
    return ModelReply(
        text=message.content,
        tool_calls=tuple(
            ToolRequest(one.id, one.function.name, one.function.arguments or "{}")
            for one in message.tool_calls or ()
            if getattr(one, "function", None) is not None
        ),
        usage=completion_usage(getattr(completion, "usage", None)),
        model=completion.model,
        finish_reason=choice.finish_reason,
    )


def completion_usage(usage: Any) -> ModelUsage:
    """Return the token counts of a chat completion, what is cached apart."""
    if usage is None:
        return ModelUsage()
    details = getattr(usage, "prompt_tokens_details", None)
    cached = getattr(details, "cached_tokens", None)
    prompt = usage.prompt_tokens
    written = getattr(usage, "cache_creation_input_tokens", None) or None
    return ModelUsage(
        prompt_uncached=None if prompt is None else max(prompt - (cached or 0) - (written or 0), 0),
        prompt_cached=cached,
        cache_write=written,
        completion=usage.completion_tokens,
        reasoning=getattr(getattr(usage, "completion_tokens_details", None), "reasoning_tokens", None),
    )
