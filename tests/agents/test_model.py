"""The protocol between agent and model, and the model that plays a script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from contextcompany.agents import Agent, Model, ModelReply, ModelUsage, ScriptedModel, ToolRequest

if TYPE_CHECKING:
    from contextcompany.testing import Captured

QUESTION: list[dict[str, Any]] = [{"role": "user", "content": "q"}]


async def test_a_script_is_played_in_order() -> None:
    """Texts and replies come one after the other; a text is a reply that ended well."""
    reply = ModelReply(tool_calls=(ToolRequest("call-1", "t"),), usage=ModelUsage(completion=3))
    model = ScriptedModel(["one", reply, "two"])
    assert await model.reply(QUESTION, []) == ModelReply(text="one", finish_reason="stop")
    assert await model.reply(QUESTION, []) is reply
    assert await model.reply(QUESTION, []) == ModelReply(text="two", finish_reason="stop")


async def test_a_script_may_compute_its_replies() -> None:
    """A callable, sync or async, gets the messages and returns a text, a reply or an error."""

    async def later(messages: Any) -> ModelReply:
        return ModelReply(f"later: {messages[-1]['content']}")

    model = ScriptedModel([lambda messages: messages[-1]["content"].upper(), later, lambda _: KeyError("k")])
    assert (await model.reply(QUESTION, [])).text == "Q"
    assert (await model.reply(QUESTION, [])).text == "later: q"
    with pytest.raises(KeyError, match="k"):
        await model.reply(QUESTION, [])


async def test_a_script_may_raise() -> None:
    """An exception in the script is raised as a client would raise it."""
    error = ConnectionError("no route")
    with pytest.raises(ConnectionError) as caught:
        await ScriptedModel([error]).reply(QUESTION, [])
    assert caught.value is error


async def test_the_end_of_a_script_is_an_error_that_says_so() -> None:
    """One request too many names its number, and the requests are all there to look at."""
    model = ScriptedModel(["one"])
    await model.reply(QUESTION, [])
    with pytest.raises(RuntimeError, match="the script has no reply for request 2; add one"):
        await model.reply(QUESTION, [])
    assert model.requests == [QUESTION, QUESTION]


async def test_requests_are_kept_as_they_were() -> None:
    """A conversation that goes on does not change what an earlier request is remembered as."""
    model = ScriptedModel(["one"])
    messages = [dict(one) for one in QUESTION]
    await model.reply(messages, [])
    messages[0]["content"] = "changed"
    messages.append({"role": "assistant", "content": "one"})
    assert model.requests == [QUESTION]


def test_a_scripted_model_has_a_name() -> None:
    """The name is what steps record as the requested model."""
    assert ScriptedModel([]).name == "scripted"
    assert ScriptedModel([], name="gpt-5").name == "gpt-5"
    assert isinstance(ScriptedModel([]), Model)


async def test_a_model_of_ones_own_needs_two_members(captured: Captured) -> None:
    """Any object with a name and an async `reply` is a model; it derives from nothing of ours."""

    class Echo:
        name = "echo"

        async def reply(self, messages: Any, tools: Any) -> ModelReply:
            return ModelReply(text=f"{messages[-1]['content']} with {[tool.name for tool in tools]}")

    assert isinstance(Echo(), Model)
    result = await Agent(name="parrot", model=Echo()).run("hello")
    assert result.output == "hello with []"


def test_a_reply_says_nothing_by_itself() -> None:
    """All that a provider does not tell is absent, not zero."""
    assert ModelReply() == ModelReply(
        text=None, tool_calls=(), usage=ModelUsage(), model=None, finish_reason=None
    )
    assert ModelUsage() == ModelUsage(None, None, None, None, None, None)
    assert ToolRequest("call-1", "t").arguments == "{}"
