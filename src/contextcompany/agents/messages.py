"""Chat messages in the shape of OpenAI's chat completions, which agents keep their conversation in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from contextcompany.agents.model import ModelReply, ModelUsage
from contextcompany.delivery.spans.pricing import cost
from contextcompany.semconv import attributes as names
from contextcompany.semconv.values import freeze, to_json

if TYPE_CHECKING:
    from contextcompany.agents.model import ToolRequest
    from contextcompany.interceptors.interceptor import Usage


def opening(instructions: str | None, task: str) -> list[dict[str, Any]]:
    """Return the messages that a conversation begins with."""
    system = [{"role": "system", "content": instructions}] if instructions else []
    return [*system, {"role": "user", "content": task}]


def assistant(reply: ModelReply) -> dict[str, Any]:
    """Return a model's reply as a message."""
    message: dict[str, Any] = {"role": "assistant", "content": reply.text}
    if reply.tool_calls:
        message["tool_calls"] = [
            {
                "id": request.id,
                "type": "function",
                "function": {"name": request.name, "arguments": _text(request.arguments)},
            }
            for request in reply.tool_calls
        ]
    return message


def result(request: ToolRequest, value: object) -> dict[str, Any]:
    """Return the message that tells the model what a call gave: text as it is, else JSON."""
    text = value if isinstance(value, str) else to_json(freeze(value)[0])[0]
    return {"role": "tool", "tool_call_id": request.id, "content": text}


def check(reply: object, model: str) -> None:
    """Raise TypeError for what a model answered and is no ModelReply."""
    if not isinstance(reply, ModelReply) or not isinstance(reply.usage, ModelUsage):
        raise TypeError(
            f"model {model} must reply with a ModelReply: got {type(reply).__name__}; "
            "return ModelReply(text=…), with a ModelUsage or none"
        )


def count(usage: Usage, reply: ModelReply, model: str, *, price: bool) -> None:
    """Add a reply to the counts of a run.

    Args:
        usage: the counts.
        reply: the reply.
        model: the model that was asked.
        price: whether a cost that the model does not tell is looked up (extra `cost`).
    """
    used = reply.usage
    cached, written = used.prompt_cached or 0, used.cache_write or 0
    usage.model_calls += 1
    usage.input_tokens += (used.prompt_uncached or 0) + cached + written
    usage.cached_tokens += cached
    usage.output_tokens += used.completion or 0
    if used.cost is not None:
        usage.cost += used.cost
    elif price:
        usage.cost += (
            cost(
                {
                    names.GEN_AI_REQUEST_MODEL: model,
                    names.GEN_AI_RESPONSE_MODEL: reply.model,
                    names.GEN_AI_USAGE_INPUT_TOKENS: (used.prompt_uncached or 0) + cached + written,
                    names.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: cached,
                    names.GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS: written,
                    names.GEN_AI_USAGE_OUTPUT_TOKENS: used.completion or 0,
                },
                None,
            )
            or 0.0
        )


def _text(arguments: str | dict[str, Any]) -> str:
    return arguments if isinstance(arguments, str) else json.dumps(arguments)
