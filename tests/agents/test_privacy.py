"""What an agent must not let out: secrets in errors, and the fields of a context inside of other objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

import contextcompany as tcc
from contextcompany.agents import ModelReply, ScriptedModel, ToolRequest
from contextcompany.interceptors import InterceptResult, Phase
from tests.interceptors.answering import Answering
from tests.recording.rows import everything_said, parsed

if TYPE_CHECKING:
    from collections.abc import Callable

    from contextcompany.testing import Captured

KEY = "key-of-the-tenant"


@dataclass
class Tenant(tcc.RunContext):
    """A context with a field that nobody may see."""

    token: str


class Holder:
    """An object that shows what it holds."""

    def __init__(self, held: object) -> None:
        self._held = held

    def __repr__(self) -> str:
        return f"Holder({self._held!r})"


def asking(name: str, *, then: str = "done") -> ScriptedModel:
    """Return a model that asks for one tool and then answers."""
    return ScriptedModel([ModelReply(tool_calls=(ToolRequest("call-1", name, {}),)), then])


WAYS: dict[str, Callable[[Tenant], object]] = {
    "itself": lambda ctx: ctx,
    "in a list": lambda ctx: [ctx],
    "in an object": Holder,
    "in an exception": ValueError,
    "in an exception's list": lambda ctx: KeyError([ctx]),
}


@pytest.mark.parametrize("raised", [False, True], ids=["returned", "raised"])
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
async def test_no_field_of_a_context_leaves_inside_of_another_object(
    captured: Captured, way: Callable[[Tenant], object], raised: bool
) -> None:
    """Whatever shows a context in its text, no field of it is recorded, and none reaches the model."""

    @tcc.tool
    def leaking(ctx: Tenant) -> object:
        """Give out what must not be given out."""
        made = way(ctx)
        if raised:
            raise made if isinstance(made, Exception) else RuntimeError(made)
        return made

    model = asking("leaking")
    agent = tcc.Agent(name="clerk", model=model, tools=[leaking])
    await agent.run("Go", context=Tenant(KEY))
    assert KEY not in "".join(everything_said(span) for span in captured.spans)
    assert KEY not in str(model.requests)
    assert KEY in repr(Tenant(KEY))


async def test_secrets_of_a_tools_error_reach_neither_model_nor_record(captured: Captured) -> None:
    """The message of a failed tool is masked for the model too, for the next prompt is recorded."""

    @tcc.tool
    def broken() -> str:
        """Fail."""
        raise ConnectionError("postgres://app:hunter2@db refused")

    model = asking("broken")
    await tcc.Agent(name="clerk", model=model, tools=[broken]).run("Go")
    assert model.requests[1][-1]["content"] == "error: ConnectionError: postgres://[redacted]@db refused"
    assert "hunter2" not in "".join(everything_said(span) for span in captured.spans)


async def test_an_error_without_a_text_is_told(captured: Captured) -> None:
    """An exception whose text raises is a failed call like any other; the run goes on."""

    class Mute(Exception):  # noqa: N818
        def __str__(self) -> str:
            raise RuntimeError("no text")

    @tcc.tool
    def broken() -> str:
        """Fail without a word."""
        raise Mute

    model = asking("broken")
    result = await tcc.Agent(name="clerk", model=model, tools=[broken]).run("Go")
    assert (result.output, model.requests[1][-1]["content"]) == ("done", "error: Mute: <unprintable Mute>")
    assert len(captured.spans) == 4


async def test_a_result_may_be_skipped(captured: Captured) -> None:
    """A skip after the call puts its own value in the place of the result, for the model and on the span."""

    @tcc.tool
    def fetch() -> str:
        """Fetch."""
        return "raw"

    model = asking("fetch")
    gate: Any = Answering({Phase.POST_ACT: InterceptResult.skip("hidden")})
    await tcc.Agent(name="clerk", model=model, tools=[fetch], interceptors=[gate]).run("Go")
    assert model.requests[1][-1]["content"] == "hidden"
    assert "raw" not in "".join(everything_said(span) for span in captured.spans)


async def test_what_is_no_reply_is_named() -> None:
    """A model that answers with anything but a ModelReply fails the run by an error that says what to do."""
    for wrong in ({"text": "hi"}, 5):
        agent = tcc.Agent(name="clerk", model=ScriptedModel([wrong]))
        with pytest.raises(TypeError, match=r"must reply with a ModelReply: got (dict|int)"):
            await agent.run("Go")


async def test_what_a_tool_keeps_back_the_agent_keeps_back(captured: Captured) -> None:
    """Arguments and results that the decorator leaves out or maps are recorded so when an agent calls."""

    @tcc.tool(capture_args=False, capture_result=len)
    def fetch(secret: str) -> Any:
        yield "raw"
        yield secret

    @tcc.tool(capture_args=lambda arguments: {"letters": len(arguments["secret"])}, capture_result=False)
    async def afetch(secret: str) -> Any:
        yield "raw"
        yield secret

    requests = tuple(ToolRequest(name, name, {"secret": "key"}) for name in ("fetch", "afetch"))
    unread = ToolRequest("unread", "fetch", "key, not JSON")
    model = ScriptedModel([ModelReply(tool_calls=(*requests, unread)), "done"])
    result = await tcc.Agent(name="clerk", model=model, tools=[fetch, afetch]).run("Go")
    told = [one["content"] for one in result.messages if one["role"] == "tool"]
    assert told[:2] == ["rawkey", "rawkey"]
    calls = {
        span.attributes["gen_ai.tool.call.id"]: parsed(span)
        for span in captured.spans
        if span.name.startswith("execute_tool") and span.attributes
    }
    arguments, results = "gen_ai.tool.call.arguments", "gen_ai.tool.call.result"
    assert {name: (found.get(arguments), found.get(results)) for name, found in calls.items()} == {
        "fetch": (None, {"value": 6}),
        "afetch": ({"letters": 3}, None),
        "unread": (None, None),
    }
