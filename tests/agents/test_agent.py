"""What an agent is made of, and what it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import contextcompany as tcc
from contextcompany.agents import Agent, ModelReply, ScriptedModel, ToolRequest
from contextcompany.interceptors import Budget
from tests.agents.shape import tree

if TYPE_CHECKING:
    from contextcompany.testing import Captured


@tcc.tool
def look_up(word: str) -> str:
    """Look up a word."""
    return word


@tcc.tool(name="look_up")
def look_up_too(word: str) -> str:
    """Look up a word elsewhere."""
    return word


def undecorated(word: str) -> str:
    """Be no tool."""
    return word


class NoReply:
    """A model by name only."""

    name = "gpt-5"


class NoName:
    """A model without a name."""

    async def reply(self, messages: Any, tools: Any) -> ModelReply:
        """Answer."""
        return ModelReply("hi")


def made(**changes: Any) -> Agent:
    """Return an agent with some arguments changed."""
    arguments: dict[str, Any] = {"name": "clerk", "model": ScriptedModel(["hi"], name="gpt-5"), **changes}
    return Agent(**arguments)


def named(name: str) -> Agent:
    """Return an agent of this name."""
    return made(name=name)


def test_an_agent_needs_a_name_and_a_model_only() -> None:
    """All else has a default, and nothing can be passed by position."""
    agent = made()
    assert (agent.name, agent.instructions, agent.interceptors) == ("clerk", None, ())
    assert (agent.max_steps, list(agent.callables)) == (10, [])
    assert repr(agent) == "Agent('clerk', model='gpt-5')"
    positional: Any = Agent
    with pytest.raises(TypeError):
        positional("clerk", ScriptedModel([]))


def test_what_an_agent_may_call_is_in_the_order_given() -> None:
    """Tools come first, then sub-agents, both in their order."""
    agent = made(tools=[look_up], subagents=[named("first"), named("second")])
    assert list(agent.callables) == ["look_up", "first", "second"]
    assert list(made(subagents={"b": named("first"), "a": named("second")}).callables) == ["b", "a"]


@pytest.mark.parametrize("name", ["", "a b", "ä", "a" * 65, "a.b", "a\n", None, 7], ids=repr)
def test_a_name_that_models_cannot_call_is_refused(name: Any) -> None:
    """Providers take letters, digits, `_` and `-`, at most 64; the error shows what was given."""
    with pytest.raises(ValueError, match="letters, digits, _ or -, at most 64: got"):
        made(name=name)


@pytest.mark.parametrize("name", ["a b", "", "ä" * 3])
def test_a_name_of_a_subagent_must_be_one_too(name: str) -> None:
    """A dict of sub-agents names them for the model, so the same rule holds."""
    with pytest.raises(ValueError, match="letters, digits, _ or -"):
        made(subagents={name: named("fine")})


@pytest.mark.parametrize("name", ["a b", "ä"])
def test_a_name_of_a_tool_must_be_one_too(name: str) -> None:
    """A tool that no provider would take is refused here and not by the provider's error 400 in a run."""
    with pytest.raises(ValueError, match="letters, digits, _ or -"):
        made(tools=[tcc.tool(name=name)(undecorated)])


@pytest.mark.parametrize(
    "model", [None, "gpt-5", NoReply(), NoName(), object()], ids=lambda m: type(m).__name__
)
def test_a_model_that_is_none_is_refused(model: Any) -> None:
    """A model has a name and a reply; the error says how a client becomes one."""
    with pytest.raises(TypeError, match=f"got {type(model).__name__}.*OpenAIModel"):
        made(model=model)


@pytest.mark.parametrize(
    "tool", [undecorated, print, "look_up", None, object()], ids=lambda one: type(one).__name__
)
def test_a_tool_that_is_none_is_refused(tool: Any) -> None:
    """What is not decorated with `@tool` has no schema and records nothing."""
    with pytest.raises(TypeError, match="tools must be decorated with @tool: got"):
        made(tools=[look_up, tool])


@pytest.mark.parametrize("one", [Budget, object(), None, lambda: None], ids=lambda one: type(one).__name__)
def test_an_interceptor_that_is_none_is_refused(one: Any) -> None:
    """Interceptors are objects of a class derived from Interceptor; a class itself is none."""
    with pytest.raises(TypeError, match="interceptors must derive from Interceptor: got"):
        made(interceptors=[one])


@pytest.mark.parametrize(
    "one", ["clerk", None, look_up, ScriptedModel([])], ids=lambda one: type(one).__name__
)
@pytest.mark.parametrize("by_name", [False, True], ids=["list", "dict"])
def test_a_subagent_that_is_none_is_refused(one: Any, by_name: bool) -> None:
    """Sub-agents are agents; the error says what was given."""
    with pytest.raises(TypeError, match="subagents must be agents: got"):
        made(subagents={"other": one} if by_name else [one])


@pytest.mark.parametrize(
    "both",
    [
        {"tools": [look_up, look_up]},
        {"tools": [look_up, look_up_too]},
        {"tools": [look_up], "subagents": [named("look_up")]},
        {"tools": [look_up], "subagents": {"look_up": named("other")}},
        {"subagents": [named("other"), named("other")]},
    ],
    ids=["same tool", "same name", "tool and subagent", "tool and key", "same subagent"],
)
def test_a_name_that_stands_for_two_is_refused(both: dict[str, Any]) -> None:
    """The model could not say which of the two it means."""
    with pytest.raises(ValueError, match=r"agent clerk has two callables named .*: rename one of them"):
        made(**both)


@pytest.mark.parametrize("limit", ["max_steps", "max_depth"])
@pytest.mark.parametrize("value", [0, -1])
def test_limits_begin_at_one(limit: str, value: int) -> None:
    """A loop of no step, or agents below no level, can do nothing."""
    with pytest.raises(ValueError, match=f"{limit} must be at least 1: got {value}"):
        made(**{limit: value})


@pytest.mark.parametrize(
    "context", ["App", 7, ["user"], object(), tcc.RunContext], ids=lambda c: type(c).__name__
)
async def test_a_context_that_is_none_is_refused_at_once(captured: Captured, context: Any) -> None:
    """A wrong context raises before anything is recorded."""
    agent = made()
    with pytest.raises(TypeError, match="context must be a RunContext, a mapping or None: got"):
        await agent.run("q", context)
    assert captured.spans == ()


async def test_a_mapping_is_the_metadata_of_a_context(captured: Captured) -> None:
    """A plain dict as context is given to tools as metadata, and is not written to."""
    seen: list[Any] = []

    @tcc.tool
    def note(ctx: tcc.RunContext) -> str:
        """Note the context."""
        seen.append((ctx.get("tenant"), ctx.query))
        return "noted"

    given = {"tenant": "acme"}
    reply = ModelReply(tool_calls=(ToolRequest("call-1", "note"),))
    result = await made(model=ScriptedModel([reply, "done"]), tools=[note]).run("q", given)
    assert (seen, given) == ([("acme", "q")], {"tenant": "acme"})
    assert result.context.metadata == {"tenant": "acme"}


async def test_a_method_is_a_tool_of_its_object(captured: Captured) -> None:
    """A bound method can be given as a tool; two objects of one class need two names."""

    class Shelf:
        def __init__(self, books: list[str]) -> None:
            self.books = books

        @tcc.tool
        def titles(self, start: str, ctx: tcc.RunContext) -> list[str]:
            """List titles."""
            assert ctx.query == "q"
            return [book for book in self.books if book.startswith(start)]

    reply = ModelReply(tool_calls=(ToolRequest("call-1", "titles", '{"start": "E"}'),))
    model = ScriptedModel([reply, "done"], name="gpt-5")
    shelf = Shelf(["Emma", "Ulysses", "Effi Briest"])
    await made(model=model, tools=[shelf.titles]).run("q")
    assert model.requests[1][-1]["content"] == '["Emma","Effi Briest"]'
    assert tree(captured) == [
        ["invoke_agent clerk", ["chat gpt-5"], ["execute_tool titles"], ["chat gpt-5"]],
    ]
    with pytest.raises(ValueError, match="two callables named titles"):
        made(tools=[shelf.titles, Shelf([]).titles])
