"""What the scripted servers of the providers' protocols answer, and the agent that asks them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import contextcompany as tcc
from contextcompany.agents import Agent
from tests.loopback import Answer

if TYPE_CHECKING:
    from contextcompany.agents import Model
    from tests.loopback import LoopbackServer

INSTRUCTIONS = "You are a weather clerk."
TASK = "How is the weather in Oslo and in Rome?"


@tcc.tool
def weather(city: str, days: int = 1) -> dict[str, Any]:
    """Look up the weather of a city.

    Args:
        city: the city's name.
        days: how many days from today.
    """
    if city == "Atlantis":
        raise LookupError("no such city")
    return {"city": city, "days": days, "sky": "clear"}


PARAMETERS = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "description": "the city's name."},
        "days": {"type": "integer", "default": 1, "description": "how many days from today."},
    },
    "required": ["city"],
    "additionalProperties": False,
}


def clerk(model: Model) -> Agent:
    """Return the agent of these tests."""
    return Agent(name="clerk", model=model, tools=[weather], instructions=INSTRUCTIONS)


def answer(body: Any, status: int = 200) -> Answer:
    """Return an answer of JSON."""
    return Answer(status, json.dumps(body).encode(), (("Content-Type", "application/json"),))


def bodies(server: LoopbackServer) -> list[dict[str, Any]]:
    """Return the JSON of all requests."""
    return [json.loads(request.body) for request in server.requests]


def completion(message: dict[str, Any], reason: str, usage: dict[str, Any]) -> Answer:
    """Return a chat completion as OpenAI sends it."""
    return answer(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1_760_000_000,
            "model": "gpt-5-2025-08-07",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "refusal": None, "annotations": [], **message},
                    "logprobs": None,
                    "finish_reason": reason,
                }
            ],
            "usage": usage,
            "service_tier": "default",
            "system_fingerprint": None,
        }
    )


def function_call(number: int, arguments: str) -> dict[str, Any]:
    """Return a call of the weather tool as OpenAI sends it."""
    function = {"name": "weather", "arguments": arguments}
    return {"id": f"call_{number}", "type": "function", "function": function}


ASKED_WEATHER = completion(
    {
        "content": None,
        "tool_calls": [
            function_call(1, '{"city": "Oslo"}'),
            function_call(2, '{"city": "Rome", "days": 3}'),
        ],
    },
    "tool_calls",
    {
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "total_tokens": 120,
        "prompt_tokens_details": {"cached_tokens": 64, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 7, "audio_tokens": 0},
    },
)

TOLD_WEATHER = completion(
    {"content": "Clear in both."},
    "stop",
    {
        "prompt_tokens": 150,
        "completion_tokens": 5,
        "total_tokens": 155,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    },
)

OPENAI_TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Look up the weather of a city.",
        "parameters": PARAMETERS,
    },
}

OPENAI_MESSAGES: list[dict[str, Any]] = [
    {"role": "system", "content": INSTRUCTIONS},
    {"role": "user", "content": TASK},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            function_call(1, '{"city": "Oslo"}'),
            function_call(2, '{"city": "Rome", "days": 3}'),
        ],
    },
    {"role": "tool", "tool_call_id": "call_1", "content": '{"city":"Oslo","days":1,"sky":"clear"}'},
    {"role": "tool", "tool_call_id": "call_2", "content": '{"city":"Rome","days":3,"sky":"clear"}'},
]

SERVER_ERROR = answer(
    {"error": {"message": "The server had an error.", "type": "server_error", "param": None, "code": None}},
    500,
)
