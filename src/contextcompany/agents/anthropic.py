"""A model behind the `anthropic` client."""

from __future__ import annotations

import asyncio
import inspect
import json
from typing import TYPE_CHECKING, Any, cast

from contextcompany.agents.model import ModelReply, ModelUsage, ToolRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contextcompany.agents.model import Message
    from contextcompany.context.schema import Schema


class AnthropicModel:
    """Ask a model by Anthropic's messages.

    Args:
        client: an `anthropic.AsyncAnthropic` or `anthropic.Anthropic`.
        name: the model.
        max_tokens: tokens of an answer at most; the protocol requires it.
        **options: further arguments of every request.
    """

    def __init__(self, client: Any, name: str, *, max_tokens: int = 4_096, **options: Any) -> None:
        self._client = client
        self._name = name
        self._options = {"max_tokens": max_tokens, **options}

    @property
    def name(self) -> str:
        """Return the model's name."""
        return self._name

    async def reply(self, messages: Sequence[Message], tools: Sequence[Schema]) -> ModelReply:
        """Answer a conversation.

        Raises:
            anthropic.AnthropicError: whatever the client raises.
        """
        system, turns = _turns(messages)
        arguments: dict[str, Any] = {"model": self._name, "messages": turns, **self._options}
        if system:
            arguments["system"] = system
        if tools:
            arguments["tools"] = [tool.anthropic() for tool in tools]
        create = self._client.messages.create
        if inspect.iscoroutinefunction(inspect.unwrap(create)):
            return _reply(await create(**arguments))
        return _reply(await asyncio.to_thread(create, **arguments))


def _turns(messages: Sequence[Message]) -> tuple[str, list[Message]]:
    """Return the system prompt, and the conversation in turns of blocks that alternate between roles."""
    system: list[str] = []
    turns: list[Message] = []
    for message in messages:
        role, content = message["role"], message.get("content")
        if role in ("system", "developer"):
            system.append(str(content))
            continue
        speaker, blocks = _blocks(message)
        if not blocks:
            continue
        if turns and turns[-1]["role"] == speaker:
            turns[-1]["content"].extend(blocks)
        else:
            turns.append({"role": speaker, "content": blocks})
    return "\n\n".join(system), turns


def _blocks(message: Message) -> tuple[str, list[dict[str, Any]]]:
    role, content = message["role"], message.get("content")
    if role == "tool":
        answer = {"type": "tool_result", "tool_use_id": message["tool_call_id"], "content": content or ""}
        return "user", [answer]
    blocks: list[dict[str, Any]] = list(cast("Any", content)) if isinstance(content, list) else []
    if isinstance(content, str) and content:
        blocks.append({"type": "text", "text": content})
    for call in message.get("tool_calls") or ():
        function = call["function"]
        arguments = _input(function["arguments"])
        blocks.append({"type": "tool_use", "id": call["id"], "name": function["name"], "input": arguments})
    return role, blocks


def _input(arguments: str) -> dict[str, Any]:
    """Return arguments as the object that the protocol demands, also those that another model got wrong."""
    try:
        parsed: Any = json.loads(arguments or "{}")
    except (ValueError, RecursionError):
        parsed = arguments
    return cast("dict[str, Any]", parsed) if isinstance(parsed, dict) else {"value": parsed}


def _reply(message: Any) -> ModelReply:
    usage = message.usage
    texts = [block.text for block in message.content if block.type == "text"]
    return ModelReply(
        text="".join(texts) if texts else None,
        tool_calls=tuple(
            ToolRequest(block.id, block.name, dict(block.input))
            for block in message.content
            if block.type == "tool_use"
        ),
        usage=ModelUsage(
            prompt_uncached=usage.input_tokens,
            prompt_cached=usage.cache_read_input_tokens,
            cache_write=usage.cache_creation_input_tokens,
            completion=usage.output_tokens,
        ),
        model=message.model,
        finish_reason=message.stop_reason,
    )
