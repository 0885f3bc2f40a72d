"""Agents that call agents: one trace, the right parents, the query kept and the task their own."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

import contextcompany as tcc
from contextcompany.agents import Agent, ModelReply, ScriptedModel, ToolRequest
from contextcompany.interceptors import (
    Budget,
    InterceptContext,
    Interceptor,
    InterceptResult,
    Phase,
    StopExecution,
)
from tests.agents.shape import ordered, shape, shapes, span_id, tree
from tests.recording.rows import assistant, user

if TYPE_CHECKING:
    from contextcompany.testing import Captured


@dataclass
class App(tcc.RunContext):
    """A context with identity and session."""

    user_id: str
    org_id: str = "acme"
    session: str | None = None
    recorded = {  # noqa: RUF012  (as a user writes it)
        "user_id": "tcc.userId",
        "org_id": "tcc.orgId",
        "session": "session",
    }


def calls(*requests: tuple[str, Any]) -> ModelReply:
    """Return a reply that asks for tools, each a name and its arguments."""
    return ModelReply(
        tool_calls=tuple(
            ToolRequest(f"call-{number}", *request) for number, request in enumerate(requests, 1)
        )
    )


def delegate(*pairs: tuple[str, str]) -> ModelReply:
    """Return a reply that delegates tasks, each an agent's name and its task."""
    return calls(*((name, {"task": task}) for name, task in pairs))


def agent_of(name: str, *replies: Any, **options: Any) -> Agent:
    """Return an agent that plays a script; its model is named after it."""
    return Agent(name=name, model=ScriptedModel(replies, name=f"{name}-model"), **options)


def asked(agent: Agent, request: int = 0) -> Any:
    """Return what an agent's model was asked."""
    model: Any = agent.model
    return model.requests[request]


async def test_three_levels_with_concurrent_tools_are_one_trace(captured: Captured) -> None:
    """Each run, step and call hangs where it was made; query, session and identity stay the same."""
    all_four = asyncio.Barrier(4)
    seen: dict[str, Any] = {}

    @tcc.tool
    async def measure(place: str, ctx: App) -> str:
        """Measure a place."""
        async with asyncio.timeout(20):
            await all_four.wait()
        seen[place] = (ctx.query, ctx.user_id, ctx.agent.name if ctx.agent else None)
        return f"{place} measured"

    def surveyor(number: int) -> Agent:
        both = [("measure", {"place": f"{number}-{side}"}) for side in ("left", "right")]
        return agent_of(f"surveyor-{number}", calls(*both), f"surveyed {number}", tools=[measure])

    planners = [
        agent_of(
            f"planner-{number}",
            delegate((f"surveyor-{number}", f"survey {number}")),
            f"planned {number}",
            subagents=[surveyor(number)],
        )
        for number in (1, 2)
    ]
    architect = agent_of(
        "architect",
        delegate(("planner-1", "plan 1"), ("planner-2", "plan 2")),
        "built",
        subagents=planners,
    )
    result = await architect.run("Build a house", App("user-1"), session_id="session-1", run_id="run-1")
    assert result.output == "built"
    assert seen == {
        f"{number}-{side}": ("Build a house", "user-1", f"surveyor-{number}")
        for number in (1, 2)
        for side in ("left", "right")
    }

    def branch(number: int) -> list[Any]:
        surveyor_model, planner_model = [f"chat surveyor-{number}-model"], [f"chat planner-{number}-model"]
        run = [
            f"invoke_agent surveyor-{number}",
            surveyor_model,
            ["execute_tool measure"],
            ["execute_tool measure"],
            surveyor_model,
        ]
        return [
            f"execute_tool planner-{number}",
            [
                f"invoke_agent planner-{number}",
                planner_model,
                [f"execute_tool surveyor-{number}", run],
                planner_model,
            ],
        ]

    assert tree(captured) == [
        ["invoke_agent architect", ["chat architect-model"], branch(1), branch(2), ["chat architect-model"]]
    ]
    spans = captured.spans
    assert len({span.context.trace_id for span in spans if span.context}) == 1
    for span in spans:
        assert span.attributes is not None
        assert {
            key: span.attributes[key]
            for key in ("tcc.sessionId", "gen_ai.conversation.id", "tcc.userId", "user.id", "tcc.orgId")
        } == {
            "tcc.sessionId": "session-1",
            "gen_ai.conversation.id": "session-1",
            "tcc.userId": "user-1",
            "user.id": "user-1",
            "tcc.orgId": "acme",
        }
    runs = {one["name"].split()[1]: one["attributes"] for one in shapes(captured) if "invoke" in one["name"]}
    assert {name: one["tcc.agent"] for name, one in runs.items()} == {name: name for name in runs}
    prompts = {name: one["gen_ai.input.messages"] for name, one in runs.items()}
    assert prompts == {
        "architect": user("Build a house"),
        **{f"planner-{number}": user(f"plan {number}") for number in (1, 2)},
        **{f"surveyor-{number}": user(f"survey {number}") for number in (1, 2)},
    }
    assert {name: one.get("tcc.parentRunId") for name, one in runs.items()} == {
        "architect": None,
        **{f"planner-{number}": "run-1" for number in (1, 2)},
        **{f"surveyor-{number}": runs[f"planner-{number}"]["tcc.runId"] for number in (1, 2)},
    }
    # Every step and call belongs to the run that is its nearest.
    by_id = {span_id(span): span for span in spans}
    for span in ordered(spans):
        assert span.attributes is not None
        nearest = span
        while not nearest.name.startswith("invoke_agent"):
            assert nearest.parent is not None
            nearest = by_id[nearest.parent.span_id]
        assert nearest.attributes is not None
        assert span.attributes["tcc.runId"] == nearest.attributes["tcc.runId"]


async def test_a_delegation_is_recorded_whole(captured: Captured) -> None:
    """The delegating call has task and answer; the run below has its own agent and its parent's id."""
    clerk = agent_of("clerk", "yes", instructions="Answers questions about the law.")
    boss = agent_of("boss", delegate(("clerk", "is it legal?")), "It is.", subagents=[clerk])
    result = await boss.run("May I?", App("user-1"), run_id="run-1")
    below = shape(captured, "invoke_agent clerk")
    identity = {
        "tcc.userId": "user-1",
        "user.id": "user-1",
        "tcc.orgId": "acme",
    }
    assert shape(captured, "execute_tool clerk") == {
        "name": "execute_tool clerk",
        "kind": "INTERNAL",
        "parent": "invoke_agent boss",
        "status": ("UNSET", None),
        "attributes": {
            **identity,
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.agent.name": "boss",
            "gen_ai.tool.name": "clerk",
            "gen_ai.tool.type": "function",
            "gen_ai.tool.call.id": "call-1",
            "gen_ai.tool.call.arguments": {"task": "is it legal?"},
            "gen_ai.tool.call.result": {"value": "yes"},
            "tcc.agent": "boss",
            "tcc.runId": "run-1",
            "tcc.statusCode": 0,
        },
        "events": [],
        "links": [],
    }
    assert below == {
        "name": "invoke_agent clerk",
        "kind": "INTERNAL",
        "parent": "execute_tool clerk",
        "status": ("UNSET", None),
        "attributes": {
            **identity,
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": "clerk",
            "gen_ai.input.messages": user("is it legal?"),
            "gen_ai.system_instructions": [{"type": "text", "content": "Answers questions about the law."}],
            "gen_ai.output.messages": assistant("yes"),
            "tcc.agent": "clerk",
            "tcc.runId": below["attributes"]["tcc.runId"],
            "tcc.parentRunId": "run-1",
            "tcc.statusCode": 0,
        },
        "events": [],
        "links": [],
    }
    assert below["attributes"]["tcc.runId"] != "run-1"
    (definition,) = shapes(captured)[1]["attributes"]["gen_ai.tool.definitions"]
    assert definition["name"] == "clerk"
    assert "Answers questions about the law." in definition["description"]
    assert definition["parameters"]["required"] == ["task"]
    assert definition["parameters"]["properties"]["task"]["type"] == "string"
    assert result.usage.model_calls == 2
    assert asked(boss, 1)[-1] == {"role": "tool", "tool_call_id": "call-1", "content": "yes"}
    system = {"role": "system", "content": "Answers questions about the law."}
    assert asked(clerk) == [system, {"role": "user", "content": "is it legal?"}]


async def test_a_dict_names_the_subagents(captured: Captured) -> None:
    """The model calls an agent by the key; its run still bears its own name."""
    clerk = agent_of("clerk", "one", "two")
    reply = delegate(("law", "first"), ("tax", "second"))
    boss = agent_of("boss", reply, "done", subagents={"law": clerk, "tax": clerk})
    await boss.run("q")
    inner = ["invoke_agent clerk", ["chat clerk-model"]]
    assert tree(captured) == [
        [
            "invoke_agent boss",
            ["chat boss-model"],
            ["execute_tool law", inner],
            ["execute_tool tax", inner],
            ["chat boss-model"],
        ]
    ]
    below = [one for one in shapes(captured) if one["name"] == "invoke_agent clerk"]
    assert [one["attributes"]["tcc.agent"] for one in below] == ["clerk", "clerk"]


@pytest.mark.parametrize(
    "context", [None, {"tenant": "acme"}, App("user-1"), App("user-1", query="asked before")]
)
async def test_the_query_stays_and_the_task_changes(captured: Captured, context: Any) -> None:
    """Below a delegation `query` is what the user asked first, or what the caller set."""
    seen: list[Any] = []

    class Watching(Interceptor):
        async def intercept(self, phase: Phase, context: InterceptContext) -> InterceptResult:
            if phase is Phase.PRE_RUN:
                seen.append((context.agent.name, context.task, context.run_context.query))
            return InterceptResult.continue_()

    clerk = agent_of("clerk", "yes", interceptors=[Watching()])
    boss = agent_of(
        "boss", delegate(("clerk", "sub-task")), "done", subagents=[clerk], interceptors=[Watching()]
    )
    await boss.run("the question", context)
    query = (context.query if isinstance(context, App) else "") or "the question"
    assert seen == [("boss", "the question", query), ("clerk", "sub-task", query)]


async def test_no_agent_writes_to_the_context_of_another(captured: Captured) -> None:
    """Each agent has its own copy with itself in it; the one that was given is as it was."""
    copies: list[Any] = []

    @tcc.tool
    def keep(ctx: App) -> str:
        """Keep the context."""
        copies.append(ctx)
        return "kept"

    clerk = agent_of("clerk", calls(("keep", {})), "yes", tools=[keep])
    boss = agent_of(
        "boss", calls(("keep", {}), ("clerk", {"task": "t"})), "done", tools=[keep], subagents=[clerk]
    )
    given = App("user-1")
    result = await boss.run("q", given)
    assert (given.query, given.agent) == ("", None)
    names = sorted(one.agent.name for one in copies)
    assert names == ["boss", "clerk"]
    assert result.context.agent is boss
    assert all(one.metadata is given.metadata for one in copies)


async def test_session_and_identity_of_the_run_win_below(captured: Captured) -> None:
    """What was given to `run()` for session and user holds for every agent below."""
    clerk = agent_of("clerk", "yes")
    boss = agent_of("boss", delegate(("clerk", "t")), "done", subagents=[clerk])
    context = App("user-of-context", session="session-of-context")
    await boss.run("q", context, session_id="session-1", metadata={"tcc.userId": "user-1", "channel": "web"})
    for one in shapes(captured):
        attributes = one["attributes"]
        assert (one["name"], attributes["tcc.sessionId"]) == (one["name"], "session-1")
        assert (one["name"], attributes["tcc.userId"]) == (one["name"], "user-1")
    assert "tcc.metadata.channel" not in shape(captured, "invoke_agent clerk")["attributes"]


async def test_session_and_identity_come_from_the_context(captured: Captured) -> None:
    """Without arguments, what the context's class records is the session and identity of every run."""
    clerk = agent_of("clerk", "yes")
    boss = agent_of("boss", delegate(("clerk", "t")), "done", subagents=[clerk])
    await boss.run("q", App("user-1", session="session-1"))
    for one in shapes(captured):
        assert one["attributes"]["tcc.sessionId"] == "session-1"
        assert one["attributes"]["tcc.userId"] == "user-1"


async def test_a_delegation_by_hand_is_nested_too(captured: Captured) -> None:
    """A tool that runs another agent with another context has it below itself, with the query it passes."""
    clerk = agent_of("clerk", "yes")

    @tcc.tool
    async def pass_on(task: str, ctx: App) -> str:
        """Pass a task on."""
        result = await clerk.run(task, context=App(ctx.user_id, org_id="other", query=ctx.query))
        assert (result.context.query, result.context.agent) == ("q", clerk)
        return result.output

    boss = agent_of("boss", calls(("pass_on", {"task": "t"})), "done", tools=[pass_on])
    await boss.run("q", App("user-1"), session_id="session-1", run_id="run-1")
    attributes = shape(captured, "invoke_agent clerk")["attributes"]
    assert shape(captured, "invoke_agent clerk")["parent"] == "execute_tool pass_on"
    assert (attributes["tcc.parentRunId"], attributes["tcc.sessionId"]) == ("run-1", "session-1")


async def test_a_failing_subagent_is_a_failing_tool(captured: Captured) -> None:
    """The error goes back to the delegating model; run, step and call below say so, the rest is well."""
    clerk = agent_of("clerk", ConnectionError("no route"))
    boss = agent_of("boss", delegate(("clerk", "t")), "I could not ask.", subagents=[clerk])
    result = await boss.run("q")
    assert (result.output, result.stopped) == ("I could not ask.", None)
    assert asked(boss, 1)[-1]["content"] == "error: ConnectionError: no route"
    assert [(one["name"], one["status"][0], len(one["events"])) for one in shapes(captured)] == [
        ("invoke_agent boss", "UNSET", 0),
        ("chat boss-model", "UNSET", 0),
        ("execute_tool clerk", "ERROR", 0),
        ("invoke_agent clerk", "ERROR", 0),
        ("chat clerk-model", "ERROR", 1),
        ("chat boss-model", "UNSET", 0),
    ]


async def test_a_stopped_subagent_gives_its_response(captured: Captured) -> None:
    """A stop below ends the run below; the delegating agent gets its response and goes on."""

    @tcc.tool
    def give_up() -> str:
        """Give up."""
        raise StopExecution("ask a person")

    clerk = agent_of("clerk", calls(("give_up", {})), tools=[give_up])
    strict = agent_of("strict", interceptors=[Budget(model_calls=0, response="no budget")])
    boss = agent_of("boss", delegate(("clerk", "t"), ("strict", "t")), "done", subagents=[clerk, strict])
    result = await boss.run("q")
    assert (result.output, result.stopped) == ("done", None)
    assert [one["content"] for one in asked(boss, 1)[-2:]] == ["ask a person", "no budget"]
    assert shape(captured, "invoke_agent boss")["attributes"]["tcc.statusCode"] == 0
    for name, by in (("clerk", "StopExecution"), ("strict", "Budget")):
        attributes = shape(captured, f"invoke_agent {name}")["attributes"]
        assert (attributes["tcc.statusCode"], attributes["tcc.statusMessage"]) == (1, f"stopped by {by}")


async def test_a_wrong_context_below_raises_from_the_top(captured: Captured) -> None:
    """A mistake of the program in a sub-agent's tools is told to no model: the first `run()` raises it."""

    @tcc.tool
    def need(ctx: App) -> str:
        """Need a context."""
        return ctx.user_id

    clerk = agent_of("clerk", calls(("need", {})), "never", tools=[need])
    boss = agent_of("boss", delegate(("clerk", "t")), "never", subagents=[clerk])
    with pytest.raises(TypeError, match=r"need.*expected App"):
        await boss.run("q", {"user_id": "user-1"})
    assert shape(captured, "invoke_agent boss")["status"][0] == "ERROR"


@pytest.mark.parametrize("max_depth", [1, 3])
async def test_depth_is_bounded(captured: Captured, max_depth: int) -> None:
    """An agent that calls itself stops at its depth: the refusal goes to the model and is no run."""

    def answer(messages: Any) -> ModelReply | str:
        last = messages[-1]
        return delegate(("clerk", "again")) if last["role"] == "user" else last["content"]

    clerk = agent_of("clerk", *[answer] * 20, max_depth=max_depth)
    # An agent cannot be its own sub-agent by the constructor; through another one it can.
    loop = Agent(name="loop", model=clerk.model, subagents=[clerk], max_depth=max_depth)
    clerk.callables = loop.callables
    result = await loop.run("q")
    assert result.output.startswith("error: RuntimeError: agent clerk would be")
    assert f"got max_depth={max_depth}" in result.output
    assert len([one for one in shapes(captured) if "invoke_agent" in one["name"]]) == max_depth
    refused = [one for one in shapes(captured) if one["status"][0] == "ERROR"]
    assert [one["name"] for one in refused] == ["execute_tool clerk"]
    # The depth is back where it was: the next run may go as deep again.
    again = await loop.run("q")
    assert again.output == result.output


def test_depth_is_bounded_through_threads(captured: Captured) -> None:
    """Synchronous tools that run agents by `.output` count as levels too."""
    levels: list[int] = []

    @tcc.tool
    def deeper(ctx: tcc.RunContext) -> str:
        """Go deeper."""
        levels.append(1)
        return agent.run("again", context=ctx).output

    def answer(messages: Any) -> ModelReply | str:
        return calls(("deeper", {})) if messages[-1]["role"] == "user" else messages[-1]["content"]

    agent = agent_of("diver", *[answer] * 20, tools=[deeper], max_depth=3)
    assert "would be 4 agents deep" in agent.run("q").output
    assert len(levels) == 3


async def test_one_context_for_two_concurrent_runs_mixes_nothing(captured: Captured) -> None:
    """One object shared by two runs at once: each sees its own query and agent at every level."""
    turns = asyncio.Barrier(2)
    seen: list[Any] = []

    @tcc.tool
    async def look(ctx: App) -> str:
        """Look at the context."""
        for _ in range(3):
            await turns.wait()
            current = tcc.current_context()
            run = tcc.current_run()
            assert current is not None
            assert run is not None
            assert ctx.agent is not None
            seen.append((ctx.query, current.query, ctx.agent.name))
        return f"{ctx.query} of {ctx.user_id}"

    def pair(number: int) -> Agent:
        clerk = agent_of(f"clerk-{number}", calls(("look", {})), _last_content, tools=[look])
        return agent_of(
            f"boss-{number}", delegate((f"clerk-{number}", "t")), _last_content, subagents=[clerk]
        )

    shared = App("user-1")
    results = await asyncio.gather(
        *(pair(n).run(f"question {n}", shared, run_id=f"run-{n}", session_id=f"session-{n}") for n in (1, 2))
    )
    assert [one.output for one in results] == ["question 1 of user-1", "question 2 of user-1"]
    expected = [(f"question {n}", f"question {n}", f"clerk-{n}") for n in (1, 2)]
    assert sorted(seen) == sorted(expected * 3)
    assert (shared.query, shared.agent) == ("", None)
    by_trace: dict[int, set[Any]] = {}
    for span in captured.spans:
        assert span.context is not None
        assert span.attributes is not None
        by_trace.setdefault(span.context.trace_id, set()).add(span.attributes["tcc.sessionId"])
    assert sorted(map(list, by_trace.values())) == [["session-1"], ["session-2"]]


async def test_one_subagent_may_work_for_two_at_once(captured: Captured) -> None:
    """An agent that is asked twice in one reply does both, each as a run of its own."""
    both = asyncio.Barrier(2)

    async def answer(messages: Any) -> str:
        async with asyncio.timeout(20):
            await both.wait()
        return f"{messages[-1]['content']}!"

    clerk = agent_of("clerk", answer, answer)
    boss = agent_of("boss", delegate(("clerk", "a"), ("clerk", "b")), "done", subagents=[clerk])
    await boss.run("q")
    assert [one["content"] for one in asked(boss, 1)[-2:]] == ["a!", "b!"]
    below = [one["attributes"] for one in shapes(captured) if one["name"] == "invoke_agent clerk"]
    assert len({one["tcc.runId"] for one in below}) == 2


def _last_content(messages: Any) -> Any:
    return messages[-1]["content"]


async def test_a_sub_agent_is_described_by_the_instructions_it_has_now(captured: Captured) -> None:
    """What a model is told of a sub-agent is made once, and again where its instructions change."""
    expert = agent_of("expert", "42", instructions="Knows numbers.")
    clerk = Agent(name="clerk", model=ScriptedModel(["a", "b", "c"]), subagents=[expert])
    found: list[Any] = []
    for instructions in ("Knows numbers.", "Knows numbers.", "Knows the law."):
        expert.instructions = instructions
        found.append(clerk.callables.schemas(["expert"])[0])
    assert found[0] is found[1]
    assert [
        one.description.endswith(f"expert. {text}")
        for one, text in zip(found, ("Knows numbers.", "Knows numbers.", "Knows the law."), strict=True)
    ] == [True] * 3
