"""The real `litellm` against servers that speak the protocols of two providers."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import pytest

from contextcompany.agents.litellm import LiteLLMModel
from contextcompany.interceptors import Usage
from tests.agents.provider import (
    ASKED_WEATHER,
    INSTRUCTIONS,
    OPENAI_MESSAGES,
    OPENAI_TOOL,
    SERVER_ERROR,
    TASK,
    TOLD_WEATHER,
    answer,
    bodies,
    clerk,
)
from tests.agents.shape import shape, shapes, tree
from tests.loopback import LoopbackServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from types import ModuleType

    from contextcompany.testing import Captured

# Without it the import of litellm fetches a list of prices from another host.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
async def litellm() -> AsyncIterator[ModuleType]:
    """Import the client, keep it quiet, and let nothing of it outlive the loop of the test."""
    import litellm
    from litellm.litellm_core_utils.logging_worker import GLOBAL_LOGGING_WORKER

    litellm.suppress_debug_info = True
    yield litellm
    close: Any = getattr(litellm, "close_litellm_async_clients")  # noqa: B009  (litellm hides it from types)
    async with asyncio.timeout(20):
        await settled(GLOBAL_LOGGING_WORKER)
        await GLOBAL_LOGGING_WORKER.stop()
        await close()


async def settled(worker: Any) -> None:
    """Wait until litellm has logged its calls: its own `flush` does not wait for those under way."""
    while True:
        others = asyncio.all_tasks() - {asyncio.current_task(), worker._worker_task}
        if others:
            await asyncio.wait(others)
        elif worker._queue is None or worker._queue.empty():
            return
        else:
            await worker._queue.join()


async def test_a_conversation_with_tools(captured: Captured, litellm: ModuleType) -> None:
    """The server gets messages and tools; the run has the answer; the steps have what was told."""
    with LoopbackServer(ASKED_WEATHER, TOLD_WEATHER) as server:
        model = LiteLLMModel("openai/gpt-5", api_base=f"{server.url}/v1", api_key="sk-test", max_retries=0)
        result = await clerk(model).run(TASK, run_id="run-1")
        assert {request.path for request in server.requests} == {"/v1/chat/completions"}
        assert {request.headers["authorization"] for request in server.requests} == {"Bearer sk-test"}
    # An absent content is left out by litellm.
    messages = [{key: value for key, value in one.items() if value is not None} for one in OPENAI_MESSAGES]
    assert [(one["model"], one["tools"], one["messages"]) for one in bodies(server)] == [
        ("gpt-5", [OPENAI_TOOL], messages[:2]),
        ("gpt-5", [OPENAI_TOOL], messages),
    ]
    assert (result.output, result.stopped) == ("Clear in both.", None)
    assert result.usage == Usage(
        model_calls=2, tool_calls=2, input_tokens=250, cached_tokens=64, output_tokens=25
    )
    assert tree(captured) == [
        [
            "invoke_agent clerk",
            ["chat openai/gpt-5"],
            ["execute_tool weather"],
            ["execute_tool weather"],
            ["chat openai/gpt-5"],
        ]
    ]
    keys = (
        "gen_ai.provider.name",
        "gen_ai.request.model",
        "gen_ai.response.finish_reasons",
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.output_tokens",
    )
    steps = [one["attributes"] for one in shapes(captured) if one["name"].startswith("chat")]
    assert [[step.get(key) for key in keys] for step in steps] == [
        ["openai", "openai/gpt-5", ["tool_calls"], 100, 64, 20],
        ["openai", "openai/gpt-5", ["stop"], 150, 0, 5],
    ]


async def test_another_protocol_behind_the_same_model(captured: Captured, litellm: ModuleType) -> None:
    """A model of Anthropic is asked by its messages; cached tokens count once, apart from the uncached."""
    told = answer(
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "claude-sonnet-4-6",
            "content": [{"type": "text", "text": "Clear in both."}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": {
                "input_tokens": 10,
                "cache_creation_input_tokens": 30,
                "cache_read_input_tokens": 60,
                "output_tokens": 5,
            },
        }
    )
    name = "anthropic/claude-sonnet-4-6"
    with LoopbackServer(told) as server:
        result = await clerk(LiteLLMModel(name, api_base=server.url, api_key="sk-test")).run(TASK)
        assert [request.path for request in server.requests] == ["/v1/messages"]
    (body,) = bodies(server)
    assert (body["model"], body["messages"]) == (
        "claude-sonnet-4-6",
        [{"role": "user", "content": [{"type": "text", "text": TASK}]}],
    )
    assert INSTRUCTIONS in str(body["system"])
    assert body["tools"][0]["input_schema"]["required"] == ["city"]
    assert result.output == "Clear in both."
    assert result.usage == Usage(model_calls=1, input_tokens=100, cached_tokens=60, output_tokens=5)
    attributes = shape(captured, f"chat {name}")["attributes"]
    assert {key: value for key, value in attributes.items() if "usage" in key or "provider" in key} == {
        "gen_ai.provider.name": "anthropic",
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.cache_read.input_tokens": 60,
        "gen_ai.usage.cache_write.input_tokens": 30,
        "gen_ai.usage.output_tokens": 5,
        "gen_ai.usage.reasoning.output_tokens": 0,
    }


async def test_an_error_of_the_server_fails_the_run(captured: Captured, litellm: ModuleType) -> None:
    """A 500 is raised as litellm raises it; step and run fail with its class and words."""
    errors: Any = litellm
    with LoopbackServer(SERVER_ERROR) as server:
        model = LiteLLMModel("openai/gpt-5", api_base=f"{server.url}/v1", api_key="sk-test", max_retries=0)
        with pytest.raises(errors.InternalServerError, match=r"The server had an error\."):
            await clerk(model).run(TASK)
        assert len(server.requests) == 1
    for name in ("chat openai/gpt-5", "invoke_agent clerk"):
        found = shape(captured, name)
        assert found["status"][0] == "ERROR"
        assert found["attributes"]["error.type"] == "litellm.exceptions.InternalServerError"
        assert "The server had an error." in found["attributes"]["tcc.statusMessage"]


async def test_concurrent_runs_keep_apart(captured: Captured, litellm: ModuleType) -> None:
    """Runs that share litellm's module and its clients have each their own answer."""
    with LoopbackServer(TOLD_WEATHER) as server:
        model = LiteLLMModel("openai/gpt-5", api_base=f"{server.url}/v1", api_key="sk-test", max_retries=0)
        results = await asyncio.gather(*(clerk(model).run(f"question {number}") for number in range(5)))
    assert [one.output for one in results] == ["Clear in both."] * 5
    asked = sorted(body["messages"][-1]["content"] for body in bodies(server))
    assert asked == [f"question {number}" for number in range(5)]
