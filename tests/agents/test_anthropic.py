"""The real `anthropic` client against a server that speaks the messages protocol."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anthropic
import pytest

from contextcompany.agents import Agent, ModelReply, ScriptedModel, ToolRequest
from contextcompany.agents.anthropic import AnthropicModel
from contextcompany.interceptors import InterceptResult, Phase, Usage
from tests.agents.provider import INSTRUCTIONS, PARAMETERS, TASK, answer, bodies, clerk, weather
from tests.agents.shape import shape, shapes, tree
from tests.interceptors.answering import Answering
from tests.loopback import Answer, LoopbackServer
from tests.recording.rows import assistant, user

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from contextcompany.testing import Captured

MODEL = "claude-sonnet-4-6"


def message(content: list[dict[str, Any]], reason: str, **usage: int | None) -> Answer:
    """Return a message as Anthropic sends it."""
    return answer(
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "claude-sonnet-4-6",
            "content": content,
            "stop_reason": reason,
            "stop_sequence": None,
            "usage": usage,
        }
    )


def tool_use(number: int, **arguments: Any) -> dict[str, Any]:
    """Return a call of the weather tool as Anthropic sends it."""
    return {"type": "tool_use", "id": f"toolu_{number}", "name": "weather", "input": arguments}


ASKED = message(
    [{"type": "text", "text": "Let me see."}, tool_use(1, city="Oslo"), tool_use(2, city="Rome", days=3)],
    "tool_use",
    input_tokens=10,
    cache_creation_input_tokens=30,
    cache_read_input_tokens=60,
    output_tokens=20,
)
TOLD = message([{"type": "text", "text": "Clear in both."}], "end_turn", input_tokens=150, output_tokens=5)
FAILED = answer({"type": "error", "error": {"type": "api_error", "message": "Internal server error"}}, 500)


@asynccontextmanager
async def async_client(server: LoopbackServer) -> AsyncIterator[Any]:
    """Open the client for async code."""
    async with anthropic.AsyncAnthropic(base_url=server.url, api_key="sk-test", max_retries=0) as client:
        yield client


@asynccontextmanager
async def sync_client(server: LoopbackServer) -> AsyncIterator[Any]:
    """Open the client for synchronous code."""
    with anthropic.Anthropic(base_url=server.url, api_key="sk-test", max_retries=0) as client:
        yield client


EITHER = pytest.mark.parametrize("opened", [async_client, sync_client], ids=["async", "sync"])


@EITHER
async def test_a_conversation_with_tools(
    captured: Captured, opened: Callable[[LoopbackServer], AbstractAsyncContextManager[Any]]
) -> None:
    """The server gets system, turns and tools in its own shape; the steps have all that it told."""
    with LoopbackServer(ASKED, TOLD) as server:
        async with opened(server) as client:
            result = await clerk(AnthropicModel(client, MODEL, stop_sequences=["END"])).run(
                TASK, run_id="run-1"
            )
        first, second = server.requests
    assert {request.path for request in (first, second)} == {"/v1/messages"}
    assert {request.headers["authorization"] for request in (first, second)} == {"Bearer sk-test"}
    common = {
        "model": MODEL,
        "max_tokens": 4096,
        "stop_sequences": ["END"],
        "system": INSTRUCTIONS,
        "tools": [
            {"name": "weather", "description": "Look up the weather of a city.", "input_schema": PARAMETERS}
        ],
    }
    question = {"role": "user", "content": [{"type": "text", "text": TASK}]}
    assert bodies(server) == [
        {**common, "messages": [question]},
        {
            **common,
            "messages": [
                question,
                {
                    "role": "assistant",
                    "content": [
                        {"type": "text", "text": "Let me see."},
                        tool_use(1, city="Oslo"),
                        tool_use(2, city="Rome", days=3),
                    ],
                },
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "tool_result",
                            "tool_use_id": "toolu_1",
                            "content": '{"city":"Oslo","days":1,"sky":"clear"}',
                        },
                        {
                            "type": "tool_result",
                            "tool_use_id": "toolu_2",
                            "content": '{"city":"Rome","days":3,"sky":"clear"}',
                        },
                    ],
                },
            ],
        },
    ]
    assert (result.output, result.stopped) == ("Clear in both.", None)
    assert result.usage == Usage(
        model_calls=2, tool_calls=2, input_tokens=250, cached_tokens=60, output_tokens=25
    )
    assert tree(captured) == [
        [
            "invoke_agent clerk",
            [f"chat {MODEL}"],
            ["execute_tool weather"],
            ["execute_tool weather"],
            [f"chat {MODEL}"],
        ]
    ]
    found = [one for one in shapes(captured) if one["name"] == f"chat {MODEL}"]
    system = {"role": "system", "parts": [{"type": "text", "content": INSTRUCTIONS}]}
    asked = [
        {"type": "text", "content": "Let me see."},
        {"type": "tool_call", "id": "toolu_1", "name": "weather", "arguments": {"city": "Oslo"}},
        {"type": "tool_call", "id": "toolu_2", "name": "weather", "arguments": {"city": "Rome", "days": 3}},
    ]
    told = [
        {"type": "tool_call_response", "id": f"toolu_{number}", "response": response}
        for number, response in (
            (1, {"city": "Oslo", "days": 1, "sky": "clear"}),
            (2, {"city": "Rome", "days": 3, "sky": "clear"}),
        )
    ]
    step = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.request.model": MODEL,
        "gen_ai.response.model": "claude-sonnet-4-6",
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
            "gen_ai.output.messages": [{"role": "assistant", "parts": asked, "finish_reason": "tool_use"}],
            "gen_ai.response.finish_reasons": ["tool_use"],
            "gen_ai.usage.input_tokens": 100,
            "gen_ai.usage.cache_read.input_tokens": 60,
            "gen_ai.usage.cache_write.input_tokens": 30,
            "gen_ai.usage.output_tokens": 20,
        },
        {
            **step,
            "gen_ai.input.messages": [
                system,
                *user(TASK),
                {"role": "assistant", "parts": asked},
                *({"role": "tool", "parts": [one]} for one in told),
            ],
            "gen_ai.output.messages": assistant("Clear in both.", "end_turn"),
            "gen_ai.response.finish_reasons": ["end_turn"],
            "gen_ai.usage.input_tokens": 150,
            "gen_ai.usage.output_tokens": 5,
        },
    ]


@EITHER
async def test_an_error_of_the_server_fails_the_run(
    captured: Captured, opened: Callable[[LoopbackServer], AbstractAsyncContextManager[Any]]
) -> None:
    """A 500 is raised as the client raises it; step and run fail with its class and words."""
    with LoopbackServer(FAILED) as server:
        async with opened(server) as client:
            with pytest.raises(anthropic.InternalServerError) as caught:
                await clerk(AnthropicModel(client, MODEL)).run(TASK)
        assert len(server.requests) == 1
    assert caught.value.status_code == 500
    for name in (f"chat {MODEL}", "invoke_agent clerk"):
        found = shape(captured, name)
        assert found["status"] == ("ERROR", str(caught.value))
        assert found["attributes"]["error.type"].endswith(".InternalServerError")
        assert "Internal server error" in found["attributes"]["tcc.statusMessage"]


async def test_mistakes_of_the_model_go_back_over_the_wire(captured: Captured) -> None:
    """Arguments that do not fit and a city that is none are results that say so, in one turn of the user."""
    mistaken = message(
        [tool_use(1, place="Oslo"), tool_use(2, city="Atlantis")], "tool_use", input_tokens=1, output_tokens=1
    )
    with LoopbackServer(mistaken, TOLD) as server:
        async with async_client(server) as client:
            result = await clerk(AnthropicModel(client, MODEL)).run(TASK)
    assert result.output == "Clear in both."
    turns = bodies(server)[1]["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]
    first, second = turns[2]["content"]
    assert first["content"].startswith("error: ArgumentError: the arguments do not fit weather: ")
    assert second["content"] == "error: LookupError: no such city"


async def test_an_agent_without_tools_and_instructions_sends_neither(captured: Captured) -> None:
    """Empty lists and texts are errors to the server, so they are not in the request."""
    with LoopbackServer(TOLD) as server:
        async with async_client(server) as client:
            agent = Agent(name="clerk", model=AnthropicModel(client, MODEL, max_tokens=100))
            await agent.run("hello")
    question = {"role": "user", "content": [{"type": "text", "text": "hello"}]}
    assert bodies(server) == [{"model": MODEL, "max_tokens": 100, "messages": [question]}]


async def test_a_conversation_of_other_shapes_is_told_in_turns(captured: Captured) -> None:
    """Messages that an interceptor adds become turns that alternate, and all system texts one."""
    history: list[dict[str, Any]] = [
        {"role": "system", "content": "One."},
        {"role": "developer", "content": "Two."},
        {"role": "user", "content": "first"},
        {"role": "user", "content": [{"type": "text", "text": "second"}]},
        {"role": "assistant", "content": ""},
        {"role": "assistant", "content": None},
        {"role": "user", "content": "third"},
    ]
    with LoopbackServer(TOLD) as server:
        async with async_client(server) as client:
            interceptor = Answering({Phase.PRE_RUN: InterceptResult.modify(messages=history)})
            model = AnthropicModel(client, MODEL)
            await Agent(name="clerk", model=model, interceptors=[interceptor]).run("hello")
    (body,) = bodies(server)
    assert body["system"] == "One.\n\nTwo."
    texts = [{"type": "text", "text": text} for text in ("first", "second", "third")]
    assert body["messages"] == [{"role": "user", "content": texts}]


async def test_calls_that_another_model_got_wrong_can_be_told(captured: Captured) -> None:
    """Where the model changes in the midst of a run, arguments that are no object are wrapped into one."""
    other = ScriptedModel(
        [
            ModelReply(
                tool_calls=(
                    ToolRequest("call-1", "weather", '{"city'),
                    ToolRequest("call-2", "weather", "[1]"),
                )
            )
        ]
    )
    first = iter([InterceptResult.modify(model=other)])
    interceptor = Answering({Phase.PRE_THINK: lambda _: next(first, None)})
    with LoopbackServer(TOLD) as server:
        async with async_client(server) as client:
            model = AnthropicModel(client, MODEL)
            agent = Agent(name="clerk", model=model, tools=[weather], interceptors=[interceptor])
            assert (await agent.run("hello")).output == "Clear in both."
    (body,) = bodies(server)
    assert [block["input"] for block in body["messages"][1]["content"]] == [
        {"value": '{"city'},
        {"value": [1]},
    ]


async def test_thinking_is_no_text(captured: Captured) -> None:
    """Blocks of other kinds, such as thinking, are not part of the answer; several texts are one."""
    told = message(
        [
            {"type": "thinking", "thinking": "hm", "signature": "s"},
            {"type": "text", "text": "Clear "},
            {"type": "text", "text": "in both."},
        ],
        "end_turn",
        input_tokens=1,
        output_tokens=1,
    )
    with LoopbackServer(told) as server:
        async with async_client(server) as client:
            result = await Agent(name="clerk", model=AnthropicModel(client, MODEL)).run("hello")
    assert result.output == "Clear in both."
