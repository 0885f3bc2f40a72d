"""Stops around a tool call: the run ends, and the span of the tool does not count as failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import contextcompany as tcc
from contextcompany.agents import ModelReply, ScriptedModel, ToolRequest
from contextcompany.interceptors import InterceptResult, Phase, StopExecution
from tests.agents.shape import shape
from tests.interceptors.answering import Answering

if TYPE_CHECKING:
    from contextcompany.testing import Captured


@tcc.tool
def fetch(number: int) -> str:
    """Fetch a thing."""
    return f"thing {number}"


@tcc.tool
def stopping(number: int) -> str:
    """Stop the run."""
    raise StopExecution(f"enough at {number}")


@pytest.mark.parametrize(
    ("tool", "answers", "output", "result"),
    [
        (fetch, {Phase.PRE_ACT: InterceptResult.stop("no")}, "no", None),
        (fetch, {Phase.POST_ACT: InterceptResult.stop("seen")}, "seen", {"value": "thing 3"}),
        (stopping, {}, "enough at 3", None),
    ],
    ids=["before the call", "after the call", "by the tool"],
)
async def test_a_stop_around_a_call_is_no_failure_of_the_tool(
    captured: Captured, tool: Any, answers: Any, output: str, result: object
) -> None:
    """The call keeps its arguments and what it gave until then, with status 1; the run has the answer."""
    name = tool.__name__
    model = ScriptedModel([ModelReply(tool_calls=(ToolRequest("call-1", name, {"number": 3}),))])
    agent = tcc.Agent(name="clerk", model=model, tools=[tool], interceptors=[Answering(answers)])
    done = await agent.run("Fetch 3")
    assert (done.output, done.stopped is not None) == (output, True)
    call = shape(captured, f"execute_tool {name}")
    told = call["attributes"]
    assert told["gen_ai.tool.call.arguments"] == {"number": 3}
    assert told.get("gen_ai.tool.call.result") == result
    assert (told["tcc.statusCode"], told["tcc.statusMessage"]) == (1, "stopped")
    assert ("error.type" in told, call["events"]) == (False, [])
    assert shape(captured, "invoke_agent clerk")["attributes"]["tcc.statusCode"] == 1
