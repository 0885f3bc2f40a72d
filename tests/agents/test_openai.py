"""The real `openai` client against a server that speaks chat completions."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import openai
import pytest

from contextcompany.agents import ModelUsage
from contextcompany.agents.openai import OpenAIModel, completion_reply, completion_usage
from contextcompany.interceptors import Usage
from tests.agents.provider import (
    ASKED_WEATHER,
    INSTRUCTIONS,
    OPENAI_MESSAGES,
    OPENAI_TOOL,
    PARAMETERS,
    SERVER_ERROR,
    TASK,
    TOLD_WEATHER,
    bodies,
    clerk,
    completion,
    function_call,
)
from tests.agents.shape import shape, shapes, tree
from tests.loopback import LoopbackServer
from tests.recording.rows import assistant, user

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from contextcompany.testing import Captured


@asynccontextmanager
async def async_client(server: LoopbackServer) -> AsyncIterator[Any]:
    """Open the client for async code."""
    async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="sk-test", max_retries=0) as client:
        yield client


@asynccontextmanager
async def sync_client(server: LoopbackServer) -> AsyncIterator[Any]:
    """Open the client for synchronous code."""
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="sk-test", max_retries=0) as client:
        yield client


EITHER = pytest.mark.parametrize("opened", [async_client, sync_client], ids=["async", "sync"])


@EITHER
async def test_a_conversation_with_tools(
    captured: Captured, opened: Callable[[LoopbackServer], AbstractAsyncContextManager[Any]]
) -> None:
    """The server gets messages, tools and options; the run has the answer; the steps have all it told."""
    with LoopbackServer(ASKED_WEATHER, TOLD_WEATHER) as server:
        async with opened(server) as client:
            result = await clerk(OpenAIModel(client, "gpt-5", temperature=0.5)).run(TASK, run_id="run-1")
        first, second = server.requests
    assert {request.path for request in (first, second)} == {"/v1/chat/completions"}
    assert {request.headers["authorization"] for request in (first, second)} == {"Bearer sk-test"}
    common = {"model": "gpt-5", "temperature": 0.5, "tools": [OPENAI_TOOL]}
    assert bodies(server) == [
        {**common, "messages": OPENAI_MESSAGES[:2]},
        {**common, "messages": OPENAI_MESSAGES},
    ]
    assert (result.output, result.stopped) == ("Clear in both.", None)
    assert result.usage == Usage(
        model_calls=2, tool_calls=2, input_tokens=250, cached_tokens=64, output_tokens=25
    )
    assert tree(captured) == [
        [
            "invoke_agent clerk",
            ["chat gpt-5"],
            ["execute_tool weather"],
            ["execute_tool weather"],
            ["chat gpt-5"],
        ]
    ]
    found = [one for one in shapes(captured) if one["name"] == "chat gpt-5"]
    system = {"role": "system", "parts": [{"type": "text", "content": INSTRUCTIONS}]}
    asked = [
        {"type": "tool_call", "id": "call_1", "name": "weather", "arguments": {"city": "Oslo"}},
        {"type": "tool_call", "id": "call_2", "name": "weather", "arguments": {"city": "Rome", "days": 3}},
    ]
    told = [
        {"type": "tool_call_response", "id": f"call_{number}", "response": response}
        for number, response in (
            (1, {"city": "Oslo", "days": 1, "sky": "clear"}),
            (2, {"city": "Rome", "days": 3, "sky": "clear"}),
        )
    ]
    step = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-5",
        "gen_ai.response.model": "gpt-5-2025-08-07",
        "gen_ai.tool.definitions": [
            {
                "type": "function",
                "name": "weather",
                "description": "Look up the weather of a city.",
                "parameters": PARAMETERS,
            }
        ],
        "tcc.costSource": "computed",
        "tcc.runId": "run-1",
        "tcc.statusCode": 0,
    }
    assert all(one["attributes"].pop("tcc.cost") > 0 for one in found)
    assert [one["attributes"] for one in found] == [
        {
            **step,
            "gen_ai.input.messages": [system, *user(TASK)],
            "gen_ai.output.messages": [{"role": "assistant", "parts": asked, "finish_reason": "tool_calls"}],
            "gen_ai.response.finish_reasons": ["tool_calls"],
            "gen_ai.usage.input_tokens": 100,
            "gen_ai.usage.cache_read.input_tokens": 64,
            "gen_ai.usage.output_tokens": 20,
            "gen_ai.usage.reasoning.output_tokens": 7,
        },
        {
            **step,
            "gen_ai.input.messages": [
                system,
                *user(TASK),
                {"role": "assistant", "parts": asked},
                *({"role": "tool", "parts": [one]} for one in told),
            ],
            "gen_ai.output.messages": assistant("Clear in both.", "stop"),
            "gen_ai.response.finish_reasons": ["stop"],
            "gen_ai.usage.input_tokens": 150,
            "gen_ai.usage.cache_read.input_tokens": 0,
            "gen_ai.usage.output_tokens": 5,
            "gen_ai.usage.reasoning.output_tokens": 0,
        },
    ]


@EITHER
async def test_an_error_of_the_server_fails_the_run(
    captured: Captured, opened: Callable[[LoopbackServer], AbstractAsyncContextManager[Any]]
) -> None:
    """A 500 is raised as the client raises it; step and run fail with its class and words."""
    with LoopbackServer(SERVER_ERROR) as server:
        async with opened(server) as client:
            with pytest.raises(openai.InternalServerError) as caught:
                await clerk(OpenAIModel(client, "gpt-5")).run(TASK)
        assert len(server.requests) == 1
    assert caught.value.status_code == 500
    for name in ("chat gpt-5", "invoke_agent clerk"):
        found = shape(captured, name)
        assert found["status"] == ("ERROR", str(caught.value))
        assert found["attributes"]["error.type"].endswith(".InternalServerError")
        assert "The server had an error." in found["attributes"]["tcc.statusMessage"]


async def test_a_refused_connection_fails_the_run(captured: Captured) -> None:
    """A server that is not there is an error of the client, and no run hangs or passes."""
    with LoopbackServer() as server:
        pass
    async with async_client(server) as client:
        with pytest.raises(openai.APIConnectionError):
            await clerk(OpenAIModel(client, "gpt-5")).run(TASK)
    assert shape(captured, "invoke_agent clerk")["status"][0] == "ERROR"


async def test_mistakes_of_the_model_go_back_over_the_wire(captured: Captured) -> None:
    """Arguments that are cut off and a city that is none are told to the model, which then answers."""
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    mistaken = completion(
        {
            "content": "Let me see.",
            "tool_calls": [function_call(1, '{"city": "Os'), function_call(2, '{"city": "Atlantis"}')],
        },
        "tool_calls",
        usage,
    )
    with LoopbackServer(mistaken, TOLD_WEATHER) as server:
        async with async_client(server) as client:
            result = await clerk(OpenAIModel(client, "gpt-5")).run(TASK)
    assert result.output == "Clear in both."
    said, first, second = bodies(server)[1]["messages"][2:]
    assert (said["content"], said["tool_calls"][0]["function"]["arguments"]) == (
        "Let me see.",
        '{"city": "Os',
    )
    assert first["content"].startswith("error: ArgumentError: the arguments of weather are no JSON")
    assert second["content"] == "error: LookupError: no such city"


async def test_an_agent_without_tools_sends_none(captured: Captured) -> None:
    """An empty list of tools is an error to some servers, so there is none in the request."""
    with LoopbackServer(TOLD_WEATHER) as server:
        async with async_client(server) as client:
            agent = clerk(OpenAIModel(client, "gpt-5"))
            agent = type(agent)(name="clerk", model=agent.model)
            await agent.run("hello")
    assert bodies(server) == [{"model": "gpt-5", "messages": [{"role": "user", "content": "hello"}]}]


async def test_a_server_that_tells_little(captured: Captured) -> None:
    """A compatible server may leave out usage and details: what it does not tell is absent, not zero."""
    body = (
        b'{"id": "1", "object": "chat.completion", "created": 1, "model": "local", "choices": '
        b'[{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}]}'
    )
    answer = type(TOLD_WEATHER)(200, body, TOLD_WEATHER.headers)
    with LoopbackServer(answer) as server:
        async with async_client(server) as client:
            result = await clerk(OpenAIModel(client, "local")).run("hello")
    assert (result.output, result.usage) == ("hi", Usage(model_calls=1))
    attributes = shape(captured, "chat local")["attributes"]
    assert [key for key in attributes if "usage" in key or "cost" in key] == []


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (None, ModelUsage()),
        (
            {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
            ModelUsage(prompt_uncached=10, completion=5),
        ),
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 5,
                "total_tokens": 15,
                "prompt_tokens_details": {"cached_tokens": 10},
            },
            ModelUsage(prompt_uncached=0, prompt_cached=10, completion=5),
        ),
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 5,
                "total_tokens": 15,
                "prompt_tokens_details": {"cached_tokens": 12},
            },
            ModelUsage(prompt_uncached=0, prompt_cached=12, completion=5),
        ),
    ],
    ids=["nothing", "plain", "all cached", "more cached than sent"],
)
def test_cached_tokens_are_told_apart(told: Any, expected: ModelUsage) -> None:
    """Prompt tokens include the cached ones at OpenAI; here they are counted once, and never below zero."""
    usage = None if told is None else openai.types.CompletionUsage.model_validate(told)
    assert completion_usage(usage) == expected


def test_calls_of_another_kind_are_left_alone() -> None:
    """A custom tool call has no function: it is no request to us."""
    told = {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "finish_reason": "tool_calls",
                "message": {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [{"id": "1", "type": "custom", "custom": {"name": "c", "input": "i"}}],
                },
            }
        ],
    }
    reply = completion_reply(openai.types.chat.ChatCompletion.model_validate(told))
    assert (reply.text, reply.tool_calls) == (None, ())
