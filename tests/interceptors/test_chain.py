"""What interceptors see and change in the run of an agent."""

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
    Usage,
)
from contextcompany.interceptors.chain import Chain, Stopped
from tests.agents.shape import shape, shapes
from tests.interceptors.answering import Another, Answering
from tests.recording.rows import assistant, user

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contextcompany.testing import Captured


@dataclass
class App(tcc.RunContext):
    """A context with a field."""

    tenant: str = ""


@tcc.tool
def double(number: int) -> int:
    """Double a number."""
    return 2 * number


@tcc.tool
def shout(text: str) -> str:
    """Write a text in capitals."""
    return text.upper()


@tcc.tool
def fail() -> str:
    """Fail always."""
    raise LookupError("nothing there")


def calls(*requests: tuple[str, str]) -> ModelReply:
    """Return a reply that asks for tools, each a name and its arguments."""
    return ModelReply(
        tool_calls=tuple(
            ToolRequest(f"call-{number}", *request) for number, request in enumerate(requests, 1)
        ),
        finish_reason="tool_calls",
    )


DOUBLE_4 = calls(("double", '{"number": 4}'))

EVERY_PHASE = [
    "pre_run",
    "pre_think",
    "post_think",
    "pre_act double",
    "post_act double",
    "pre_think",
    "post_think",
    "post_run",
]


def agent_with(
    interceptors: Sequence[Interceptor], *replies: Any, tools: Any = (double, shout, fail), **options: Any
) -> tuple[Agent, ScriptedModel]:
    """Return an agent that plays a script, and its model."""
    model = ScriptedModel(replies, name="gpt-5")
    return Agent(name="clerk", model=model, tools=tools, interceptors=interceptors, **options), model


def plain_context(**fields: Any) -> InterceptContext:
    """Return what an interceptor is told outside of a run."""
    return InterceptContext(agent=None, phase=Phase.PRE_RUN, task="t", **fields)


async def test_phases_come_in_their_order(captured: Captured) -> None:
    """A run with one tool call asks in all phases, each interceptor at each."""
    one, two = Answering(), Another()
    agent, _ = agent_with([one, two], DOUBLE_4, "8")
    assert (await agent.run("2 * 4")).output == "8"
    assert (one.asked, two.asked) == (EVERY_PHASE, EVERY_PHASE)
    assert [one["name"] for one in shapes(captured)] == [
        "invoke_agent clerk",
        "chat gpt-5",
        "execute_tool double",
        "chat gpt-5",
    ]


async def test_interceptors_are_asked_in_the_order_given(captured: Captured) -> None:
    """At each phase the first of the list comes first."""
    order: list[str] = []
    named = [
        Answering({Phase.PRE_THINK: lambda _, name=name: order.append(name)})  # type: ignore[misc]
        for name in "abc"
    ]
    agent, _ = agent_with(named, "hi")
    await agent.run("q")
    assert order == ["a", "b", "c"]


async def test_all_of_a_phase_is_told(captured: Captured) -> None:
    """Each phase tells agent, task, messages, model, counts, and what belongs to it alone."""
    told: list[dict[str, Any]] = []

    def note(context: InterceptContext) -> None:
        told.append(
            {
                "phase": context.phase.value,
                "roles": [message["role"] for message in context.messages],
                "tool": (context.tool_name, context.tool_args, context.tool_result),
                "reply": context.model_response,
                "response": context.response,
                "counts": (context.usage.model_calls, context.usage.tool_calls),
            }
        )
        assert (context.agent, context.task, context.model) == (agent, "2 * 4", model)
        assert (context.tools, context.error) == (["double", "shout", "fail"], None)

    agent, model = agent_with([Answering(dict.fromkeys(Phase, note))], DOUBLE_4, "8", instructions="Count.")
    await agent.run("2 * 4")
    opening = ["system", "user"]
    none = (None, None, None)
    answer = ModelReply(text="8", finish_reason="stop")

    def row(*told: Any) -> dict[str, Any]:
        return dict(zip(("phase", "roles", "tool", "reply", "response", "counts"), told, strict=True))

    asked = [*opening, "assistant"]
    acted = [*asked, "tool"]
    assert told == [
        row("pre_run", [], none, None, None, (0, 0)),
        row("pre_think", opening, none, None, None, (0, 0)),
        row("post_think", asked, none, DOUBLE_4, None, (1, 0)),
        row("pre_act", asked, ("double", {"number": 4}, None), DOUBLE_4, None, (1, 0)),
        row("post_act", asked, ("double", {"number": 4}, 8), DOUBLE_4, None, (1, 1)),
        row("pre_think", acted, none, DOUBLE_4, None, (1, 1)),
        row("post_think", [*acted, "assistant"], none, answer, None, (2, 1)),
        row("post_run", [*acted, "assistant"], none, answer, "8", (2, 1)),
    ]


async def test_the_run_context_is_never_none(captured: Captured) -> None:
    """Without a context there is an empty one with the query; a given one comes as a copy of its class."""
    seen: list[Any] = []
    agent, _ = agent_with(
        [Answering(dict.fromkeys(Phase, lambda told: seen.append(told.run_context)))], *"ab"
    )
    await agent.run("first")
    assert {(type(one), one.query, one.agent) for one in seen} == {(type(tcc.RunContext()), "first", agent)}
    seen.clear()
    given = App(tenant="acme")
    await agent.run("second", given)
    assert {(type(one), one.query, one.tenant) for one in seen} == {(App, "second", "acme")}
    assert (given.query, given.agent) == ("", None)


async def test_changed_messages_reach_the_next_interceptor_and_the_model(captured: Captured) -> None:
    """Messages changed before a request are those the next sees, the model gets and the step records."""
    other = [{"role": "user", "content": "changed"}]
    seen: list[Any] = []
    agent, model = agent_with(
        [
            Answering({Phase.PRE_THINK: InterceptResult.modify(messages=other)}),
            Another({Phase.PRE_THINK: lambda told: seen.append(list(told.messages))}),
        ],
        "hi",
    )
    result = await agent.run("original")
    assert (seen, model.requests) == ([other], [other])
    assert result.messages == [*other, {"role": "assistant", "content": "hi"}]
    assert shape(captured, "chat gpt-5")["attributes"]["gen_ai.input.messages"] == user("changed")
    assert shape(captured, "invoke_agent clerk")["attributes"]["gen_ai.input.messages"] == user("original")


async def test_messages_changed_after_a_reply_stay_changed(captured: Captured) -> None:
    """What `POST_THINK` makes of the conversation is what the next request goes on with."""

    def redacted(told: InterceptContext) -> InterceptResult:
        *before, last = told.messages
        return InterceptResult.modify(messages=[*before, {**last, "content": "…"}])

    reply = ModelReply(text="secret", tool_calls=DOUBLE_4.tool_calls)
    agent, model = agent_with([Answering({Phase.POST_THINK: redacted})], reply, "8")
    await agent.run("q")
    assert [message.get("content") for message in model.requests[1]] == ["q", "…", "8"]


async def test_a_conversation_may_begin_with_messages_of_an_interceptor(captured: Captured) -> None:
    """Messages given in `PRE_RUN`, such as a history, take the place of the opening ones."""
    history = [{"role": "user", "content": "before"}, {"role": "assistant", "content": "yes"}]

    def remember(told: InterceptContext) -> InterceptResult:
        return InterceptResult.modify(messages=[*history, {"role": "user", "content": told.task}])

    agent, model = agent_with([Answering({Phase.PRE_RUN: remember})], "hi")
    await agent.run("now")
    assert model.requests == [[*history, {"role": "user", "content": "now"}]]


async def test_changed_arguments_reach_the_tool_and_its_span(captured: Captured) -> None:
    """Arguments changed in `PRE_ACT` are seen by the next interceptor, passed to the tool and recorded."""
    seen: list[Any] = []
    agent, model = agent_with(
        [
            Answering({Phase.PRE_ACT: InterceptResult.modify(tool_args={"number": 10})}),
            Another({Phase.PRE_ACT: lambda told: seen.append(told.tool_args)}),
        ],
        DOUBLE_4,
        "20",
    )
    await agent.run("q")
    assert seen == [{"number": 10}]
    assert model.requests[1][-1] == {"role": "tool", "tool_call_id": "call-1", "content": "20"}
    attributes = shape(captured, "execute_tool double")["attributes"]
    assert attributes["gen_ai.tool.call.arguments"] == {"number": 10}
    assert attributes["gen_ai.tool.call.result"] == {"value": 20}


async def test_changed_arguments_that_do_not_fit_are_an_error_result(captured: Captured) -> None:
    """An interceptor's arguments are checked like the model's."""
    agent, model = agent_with(
        [Answering({Phase.PRE_ACT: InterceptResult.modify(tool_args={"number": "many"})})], DOUBLE_4, "no"
    )
    assert (await agent.run("q")).output == "no"
    assert model.requests[1][-1]["content"].startswith("error: ArgumentError: ")
    assert shape(captured, "execute_tool double")["status"][0] == "ERROR"


async def test_a_changed_result_reaches_the_model_and_the_span(captured: Captured) -> None:
    """A result changed in `POST_ACT` is seen by the next interceptor, by the model and on the span."""
    seen: list[Any] = []
    agent, model = agent_with(
        [
            Answering({Phase.POST_ACT: InterceptResult.modify(tool_result="about 8")}),
            Another({Phase.POST_ACT: lambda told: seen.append(told.tool_result)}),
        ],
        DOUBLE_4,
        "8",
    )
    await agent.run("q")
    assert seen == ["about 8"]
    assert model.requests[1][-1]["content"] == "about 8"
    attributes = shape(captured, "execute_tool double")["attributes"]
    assert attributes["gen_ai.tool.call.result"] == {"value": "about 8"}


async def test_a_failed_tool_may_be_given_a_result(captured: Captured) -> None:
    """`POST_ACT` of a failed tool tells the error; a result given there goes to the model in its place."""
    seen: list[Any] = []

    def mend(told: InterceptContext) -> InterceptResult:
        seen.append((type(told.error), told.tool_result))
        return InterceptResult.modify(tool_result="from the cache")

    agent, model = agent_with([Answering({Phase.POST_ACT: mend})], calls(("fail", "{}")), "ok")
    await agent.run("q")
    assert seen == [(LookupError, None)]
    assert model.requests[1][-1]["content"] == "from the cache"
    assert shape(captured, "execute_tool fail")["status"] == ("ERROR", "nothing there")


async def test_fewer_tools_are_offered_and_no_other_can_be_called(captured: Captured) -> None:
    """Tools narrowed in `PRE_THINK` are what the step defines; a call of another is an unknown tool."""
    seen: list[Any] = []
    agent, model = agent_with(
        [
            Answering({Phase.PRE_THINK: InterceptResult.modify(tools=["shout"])}),
            Another({Phase.PRE_THINK: lambda told: seen.append(told.tools)}),
        ],
        DOUBLE_4,
        "no",
    )
    await agent.run("q")
    assert seen == [["shout"], ["shout"]]
    steps = [one for one in shapes(captured) if one["name"] == "chat gpt-5"]
    offered = [[tool["name"] for tool in one["attributes"]["gen_ai.tool.definitions"]] for one in steps]
    assert offered == [["shout"], ["shout"]]
    text = "error: UnknownToolError: there is no tool 'double'; available: shout"
    assert model.requests[1][-1]["content"] == text


async def test_no_interceptor_can_add_a_tool(captured: Captured) -> None:
    """Tools are narrowed only: one that an interceptor before took away does not come back."""
    seen: list[Any] = []
    agent, _ = agent_with(
        [
            Answering({Phase.PRE_RUN: InterceptResult.modify(tools=["shout", "erase"])}),
            Another({Phase.PRE_THINK: InterceptResult.modify(tools=["double", "shout"])}),
            Answering({Phase.PRE_THINK: lambda told: seen.append(told.tools)}),
        ],
        "hi",
    )
    await agent.run("q")
    assert seen == [["shout"]]


async def test_tools_and_model_of_one_request_are_those_of_one_request(captured: Captured) -> None:
    """What changes in `PRE_THINK` holds for that request; what changes in `PRE_RUN` for all."""
    other = ScriptedModel([DOUBLE_4], name="gpt-5-mini")
    first = iter([InterceptResult.modify(model=other, tools=["double"])])
    agent, model = agent_with(
        [Answering({Phase.PRE_THINK: lambda _: next(first, None)})], "8", tools=(double, shout)
    )
    await agent.run("q")
    assert (len(other.requests), len(model.requests)) == (1, 1)
    small, large = shape(captured, "chat gpt-5-mini"), shape(captured, "chat gpt-5")
    assert [tool["name"] for tool in small["attributes"]["gen_ai.tool.definitions"]] == ["double"]
    assert [tool["name"] for tool in large["attributes"]["gen_ai.tool.definitions"]] == ["double", "shout"]

    cheap = ScriptedModel([DOUBLE_4, "8"], name="gpt-5-mini")
    agent, model = agent_with([Answering({Phase.PRE_RUN: InterceptResult.modify(model=cheap)})])
    assert (await agent.run("q")).output == "8"
    assert (len(cheap.requests), model.requests) == (2, [])


async def test_another_prompt_is_what_the_model_is_asked(captured: Captured) -> None:
    """A prompt changed in `PRE_RUN` is seen by the next and asked; the run keeps what the user said."""
    seen: list[str] = []
    agent, model = agent_with(
        [
            Answering({Phase.PRE_RUN: InterceptResult.modify(prompt="rephrased")}),
            Another({Phase.PRE_RUN: lambda told: seen.append(told.task)}),
        ],
        "hi",
    )
    result = await agent.run("original")
    assert (seen, model.requests) == (["rephrased"], [[{"role": "user", "content": "rephrased"}]])
    assert result.context.query == "original"
    assert shape(captured, "invoke_agent clerk")["attributes"]["gen_ai.input.messages"] == user("original")


async def test_state_is_shared_by_all_interceptors_of_one_run(captured: Captured) -> None:
    """`state` is one dict from the first phase to the last, and empty again in the next run."""
    seen: list[dict[str, Any]] = []

    def count(told: InterceptContext) -> None:
        told.state["asked"] = told.state.get("asked", 0) + 1

    both = [Answering(dict.fromkeys(Phase, count)), Another(dict.fromkeys(Phase, count))]
    last = Answering({Phase.POST_RUN: lambda told: seen.append(dict(told.state))})
    agent, _ = agent_with([*both, last], DOUBLE_4, "8", "hi")
    await agent.run("q")
    await agent.run("q")
    assert seen == [{"asked": 16}, {"asked": 8}]


def stopped_run(response: str, by: str, at: str, **further: Any) -> dict[str, Any]:
    """Return the whole span of a run that was stopped."""
    return {
        "name": "invoke_agent clerk",
        "kind": "INTERNAL",
        "parent": None,
        "status": ("UNSET", None),
        "attributes": {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": "clerk",
            "gen_ai.input.messages": user("q"),
            "gen_ai.output.messages": assistant(response),
            "tcc.agent": "clerk",
            "tcc.runId": "run-1",
            "tcc.metadata.stopped": at,
            "tcc.statusCode": 1,
            "tcc.statusMessage": f"stopped by {by}",
            **further,
        },
        "events": [],
        "links": [],
    }


@pytest.mark.parametrize(
    ("phase", "phases", "used"),
    [
        (Phase.PRE_RUN, 1, Usage()),
        (Phase.PRE_THINK, 2, Usage()),
        (Phase.POST_THINK, 3, Usage(model_calls=1)),
        (Phase.PRE_ACT, 4, Usage(model_calls=1)),
        (Phase.POST_ACT, 5, Usage(model_calls=1, tool_calls=1)),
        (Phase.POST_RUN, 8, Usage(model_calls=2, tool_calls=1)),
    ],
)
@pytest.mark.parametrize("raising", [False, True], ids=["answered", "raised"])
async def test_a_stop_ends_the_run_at_any_phase(
    captured: Captured, phase: Phase, phases: int, used: Usage, raising: bool
) -> None:
    """A stop, answered or raised, gives the output at once, asks nobody else and stands on the run's span."""

    def halt(_: InterceptContext) -> InterceptResult:
        if raising:
            raise StopExecution("That is all.")
        return InterceptResult.stop("That is all.")

    one, after = Answering({phase: halt}), Another()
    agent, model = agent_with([one, after], DOUBLE_4, "8")
    result = await agent.run("q", run_id="run-1")
    assert (result.output, result.stopped, result.run_id) == ("That is all.", "Answering", "run-1")
    assert (one.asked, after.asked) == (EVERY_PHASE[:phases], EVERY_PHASE[: phases - 1])
    assert (len(model.requests), result.usage) == (used.model_calls, used)
    at = f"Answering at {phase.value}"
    assert shape(captured, "invoke_agent clerk") == stopped_run("That is all.", "Answering", at)


async def test_a_tool_may_stop_the_run(captured: Captured) -> None:
    """`StopExecution` raised by a tool, in a worker thread or not, becomes the output of the run."""

    @tcc.tool
    def hand_over() -> str:
        """Hand over to a person."""
        raise StopExecution("A person takes over.")

    @tcc.tool
    async def hand_over_async() -> str:
        """Hand over to a person."""
        raise StopExecution("A person takes over.")

    for name in ("hand_over", "hand_over_async"):
        interceptor = Answering()
        agent, model = agent_with([interceptor], calls((name, "{}")), tools=(hand_over, hand_over_async))
        result = await agent.run("q", run_id="run-1")
        assert (result.output, result.stopped) == ("A person takes over.", "StopExecution")
        assert len(model.requests) == 1
        assert interceptor.asked[-1] == f"pre_act {name}"
    (first, _) = [one for one in shapes(captured) if one["name"] == "invoke_agent clerk"]
    assert first == stopped_run("A person takes over.", "StopExecution", "StopExecution")


async def test_a_skipped_tool_is_not_called(captured: Captured) -> None:
    """A skip in `PRE_ACT` answers in the tool's place; the call's span and the run's span say so."""
    ran: list[int] = []

    @tcc.tool
    def delete(number: int) -> str:
        """Delete a record."""
        ran.append(number)
        return "deleted"

    skipping = Answering({Phase.PRE_ACT: InterceptResult.skip("not today")})
    after = Another()
    agent, model = agent_with([skipping, after], calls(("delete", '{"number": 1}')), "ok", tools=[delete])
    result = await agent.run("q", run_id="run-1")
    assert (result.output, result.stopped, ran) == ("ok", None, [])
    assert result.usage == Usage(model_calls=2, tool_calls=0)
    assert model.requests[1][-1] == {"role": "tool", "tool_call_id": "call-1", "content": "not today"}
    assert "pre_act delete" not in after.asked
    assert shape(captured, "execute_tool delete") == {
        "name": "execute_tool delete",
        "kind": "INTERNAL",
        "parent": "invoke_agent clerk",
        "status": ("UNSET", None),
        "attributes": {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.agent.name": "clerk",
            "gen_ai.tool.name": "delete",
            "gen_ai.tool.type": "function",
            "gen_ai.tool.call.id": "call-1",
            "gen_ai.tool.call.arguments": {"number": 1},
            "gen_ai.tool.call.result": {"value": "not today"},
            "tcc.agent": "clerk",
            "tcc.runId": "run-1",
            "tcc.statusCode": 1,
            "tcc.statusMessage": "skipped by an interceptor",
        },
        "events": [],
        "links": [],
    }
    attributes = shape(captured, "invoke_agent clerk")["attributes"]
    assert attributes["tcc.metadata.skipped"] == ["pre_act Answering delete"]
    assert attributes["tcc.statusCode"] == 0


async def test_a_skipped_request_is_answered_by_the_interceptor(captured: Captured) -> None:
    """A skip in `PRE_THINK`, such as a cache, is the reply; no step is recorded and the run says so."""
    caching = Answering({Phase.PRE_THINK: InterceptResult.skip("from the cache")})
    agent, model = agent_with([caching])
    result = await agent.run("q")
    assert (result.output, model.requests, result.usage) == ("from the cache", [], Usage())
    assert caching.asked == ["pre_run", "pre_think", "post_think", "post_run"]
    (only,) = shapes(captured)
    assert only["attributes"]["tcc.metadata.skipped"] == ["pre_think Answering"]


async def test_a_skipped_run_gives_the_answer_without_a_model(captured: Captured) -> None:
    """A skip in `PRE_RUN` is the output of the run, and stands on its span."""
    agent, model = agent_with([Answering({Phase.PRE_RUN: InterceptResult.skip("no need")})])
    result = await agent.run("q")
    assert (result.output, result.stopped, model.requests) == ("no need", None, [])
    (only,) = shapes(captured)
    assert only["attributes"]["tcc.metadata.skipped"] == ["pre_run Answering"]
    assert only["attributes"]["gen_ai.output.messages"] == assistant("no need")


async def test_an_error_is_shown_to_interceptors_and_raised(captured: Captured) -> None:
    """`ON_ERROR` is asked once with the exception, which then leaves the run unchanged."""
    raised = ConnectionError("no route")
    seen: list[Any] = []
    watching = Answering({Phase.ON_ERROR: lambda told: seen.append(told.error)})
    agent, _ = agent_with([watching], raised)
    with pytest.raises(ConnectionError) as caught:
        await agent.run("q")
    assert caught.value is raised
    assert seen == [raised]
    assert watching.asked == ["pre_run", "pre_think", "on_error"]
    assert shape(captured, "invoke_agent clerk")["status"] == ("ERROR", "no route")


async def test_an_error_may_be_turned_into_an_answer(captured: Captured) -> None:
    """A stop in `ON_ERROR` gives the run an output; the run no longer fails, the step still shows why."""
    excusing = Answering({Phase.ON_ERROR: InterceptResult.stop("Try again later.")})
    agent, _ = agent_with([excusing], ConnectionError("no route"))
    result = await agent.run("q", run_id="run-1")
    assert (result.output, result.stopped) == ("Try again later.", "Answering")
    run = shape(captured, "invoke_agent clerk")
    assert run == stopped_run("Try again later.", "Answering", "Answering at on_error")
    assert shape(captured, "chat gpt-5")["status"] == ("ERROR", "no route")


async def test_a_raising_interceptor_fails_the_run(captured: Captured) -> None:
    """What an interceptor raises is no answer: the tool is not called, the run fails and raises it."""

    def broken(_: InterceptContext) -> None:
        raise ZeroDivisionError("mine")

    agent, model = agent_with([Answering({Phase.PRE_ACT: broken})], DOUBLE_4, "8")
    with pytest.raises(ZeroDivisionError, match="mine"):
        await agent.run("q")
    assert len(model.requests) == 1
    assert {one["name"]: one["status"] for one in shapes(captured)} == {
        "invoke_agent clerk": ("ERROR", "mine"),
        "chat gpt-5": ("UNSET", None),
        "execute_tool double": ("ERROR", "mine"),
    }


async def test_an_interceptor_that_answers_nothing_is_told_so(captured: Captured) -> None:
    """An interceptor must return a result: forgetting it is a TypeError with the way out."""

    class Silent(Interceptor):
        async def intercept(self, phase: Phase, context: InterceptContext) -> InterceptResult:
            return None  # type: ignore[return-value]

    agent, _ = agent_with([Silent()], "hi")
    with pytest.raises(TypeError, match=r"Silent.*NoneType.*continue_\(\)"):
        await agent.run("q")


async def test_concurrent_calls_are_told_each_its_own(captured: Captured) -> None:
    """Tools of one reply run at once, and no phase of one call shows what belongs to another."""
    seen: set[Any] = set()

    async def note(told: InterceptContext) -> None:
        before = (told.tool_name, str(told.tool_args))
        await asyncio.sleep(0)
        assert (told.tool_name, str(told.tool_args)) == before
        seen.add((told.phase.value, *before, told.tool_result))

    agent, _ = agent_with(
        [Answering({Phase.PRE_ACT: note, Phase.POST_ACT: note})],
        calls(("double", '{"number": 1}'), ("double", '{"number": 2}'), ("shout", '{"text": "a"}')),
        "done",
    )
    await agent.run("q")
    assert seen == {
        ("pre_act", "double", "{'number': 1}", None),
        ("pre_act", "double", "{'number': 2}", None),
        ("pre_act", "shout", "{'text': 'a'}", None),
        ("post_act", "double", "{'number': 1}", 2),
        ("post_act", "double", "{'number': 2}", 4),
        ("post_act", "shout", "{'text': 'a'}", "A"),
    }


async def test_the_chain_returns_the_first_skip() -> None:
    """What stands behind a skip is not asked, and the skip is noted with phase, class and tool."""
    skip, after = InterceptResult.skip("s"), Another()
    chain = Chain([Answering({Phase.PRE_ACT: skip}), after])
    assert await chain.ask(Phase.PRE_ACT, plain_context(tool_name="t")) is skip
    assert (chain.skips, after.asked) == (["pre_act Answering t"], [])


async def test_the_chain_says_who_stopped_where() -> None:
    """A stop is raised with the response, the class of the interceptor and the phase."""
    chain = Chain([Answering({Phase.PRE_THINK: InterceptResult.stop("s")})])
    with pytest.raises(Stopped) as caught:
        await chain.ask(Phase.PRE_THINK, plain_context())
    assert (caught.value.response, caught.value.by, caught.value.phase) == ("s", "Answering", Phase.PRE_THINK)


def test_the_chain_knows_whether_costs_are_needed() -> None:
    """Prices are looked up during a run only where an interceptor watches them."""
    assert not Chain([]).needs_cost
    assert not Chain([Answering(), Budget(model_calls=1)]).needs_cost
    assert Chain([Answering(), Budget(cost=1.0)]).needs_cost
