"""A model behind `litellm`, which speaks the protocols of many providers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from contextcompany.agents.openai import completion_reply

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contextcompany.agents.model import Message, ModelReply
    from contextcompany.context.schema import Schema


class LiteLLMModel:
    """Ask a model by `litellm.acompletion`.

    Args:
        name: the model as litellm names it, such as `anthropic/claude-sonnet-4-6`.
        **options: further arguments of every request, such as `api_base` and `api_key`.
    """

    def __init__(self, name: str, **options: Any) -> None:
        self._name = name
        self._options = options

    @property
    def name(self) -> str:
        """Return the model's name."""
        return self._name

    async def reply(self, messages: Sequence[Message], tools: Sequence[Schema]) -> ModelReply:
        """Answer a conversation.

        Raises:
            Exception: whatever litellm raises.
        """
        from importlib import import_module

        # Its own annotations are incomplete, so that a plain import would pass for untyped.
        acompletion: Any = import_module("litellm").acompletion
        arguments: dict[str, Any] = {"model": self._name, "messages": list(messages), **self._options}
        if tools:
            arguments["tools"] = [tool.openai() for tool in tools]
        return completion_reply(await acompletion(**arguments))
