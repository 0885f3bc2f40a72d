"""A budget, a permission gate and a deadline, each in the run of an agent."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from genai_prices import Usage as Tokens
from genai_prices import calc_price

import contextcompany as tcc
from contextcompany.agents import Agent, ModelReply, ModelUsage, ScriptedModel, ToolRequest
from contextcompany.interceptors import (
    Budget,
    Deadline,
    Interceptor,
    PermissionGate,
    Usage,
    ready_made,
)
from tests.agents.shape import shape, shapes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contextcompany.testing import Captured

USED_UP = "The budget of this run is used up."
TIME_UP = "The time for this run is up."


@dataclass
class App(tcc.RunContext):
    """What a gate decides by."""

    allowed: frozenset[str] = frozenset()
    asked: list[str] = field(default_factory=list)


class Shop:
    """Tools that remember what was done."""

    def __init__(self) -> None:
        self.done: list[int] = []

    @tcc.tool
    async def sell(self, number: int) -> str:
        """Sell an article."""
        self.done.append(number)
        await asyncio.sleep(0)
        return f"sold {number}"

    @tcc.tool
    def buy(self, number: int) -> str:
        """Buy an article."""
        self.done.append(-number)
        return f"bought {number}"


def ask(*numbers: int, tool: str = "sell", usage: ModelUsage | None = None) -> ModelReply:
    """Return a reply that asks for one call per number."""
    return ModelReply(
        tool_calls=tuple(ToolRequest(f"call-{one}", tool, {"number": one}) for one in numbers),
        usage=usage or ModelUsage(),
    )


def shop_agent(
    shop: Shop, interceptors: Sequence[Interceptor], *replies: Any, model: str = "gpt-5"
) -> tuple[Agent, ScriptedModel]:
    """Return an agent with the tools of a shop, and its model."""
    scripted = ScriptedModel(replies, name=model)
    tools = [shop.sell, shop.buy]
    return Agent(name="clerk", model=scripted, tools=tools, interceptors=interceptors), scripted


def how_it_stopped(captured: Captured) -> tuple[Any, ...]:
    """Return what the span of the run says of a stop."""
    run = shape(captured, "invoke_agent clerk")
    attributes = run["attributes"]
    return (
        run["status"],
        attributes["tcc.statusCode"],
        attributes.get("tcc.statusMessage"),
        attributes.get("tcc.metadata.stopped"),
    )


BY_BUDGET = (("UNSET", None), 1, "stopped by Budget")


async def test_a_budget_of_model_calls_allows_as_many_and_no_more(captured: Captured) -> None:
    """With two requests allowed the third is not made, and the run's span says who stopped it."""
    shop = Shop()
    agent, model = shop_agent(shop, [Budget(model_calls=2)], ask(1), ask(2), "never asked")
    result = await agent.run("q")
    assert (result.output, result.stopped) == (USED_UP, "Budget")
    assert result.usage == Usage(model_calls=2, tool_calls=2)
    assert (len(model.requests), shop.done) == (2, [1, 2])
    assert how_it_stopped(captured) == (*BY_BUDGET, "Budget at pre_think")


async def test_a_run_within_its_budget_is_left_alone(captured: Captured) -> None:
    """A run that just fits all limits ends as if there were none."""
    shop = Shop()
    usage = ModelUsage(prompt_uncached=10, completion=5, cost=0.1)
    budget = Budget(model_calls=2, tool_calls=1, tokens=16, cost=0.11)
    agent, _ = shop_agent(shop, [budget], ask(1, usage=usage), ModelReply(text="done", usage=usage))
    result = await agent.run("q")
    assert (result.output, result.stopped) == ("done", None)
    assert how_it_stopped(captured) == (("UNSET", None), 0, None, None)


async def test_a_budget_of_tool_calls_counts_executed_tools(captured: Captured) -> None:
    """The call after the last allowed one is not made and stops the run."""
    shop = Shop()
    agent, _ = shop_agent(shop, [Budget(tool_calls=2, response="enough")], ask(1), ask(2), ask(3), "never")
    result = await agent.run("q")
    assert (result.output, result.stopped, shop.done) == ("enough", "Budget", [1, 2])
    assert how_it_stopped(captured) == (*BY_BUDGET, "Budget at pre_act")


@pytest.mark.parametrize("behind", [False, True], ids=["alone", "before a gate that waits"])
async def test_concurrent_calls_do_not_slip_through_a_budget(captured: Captured, behind: bool) -> None:
    """Of five calls asked for at once at most two are made, whatever other interceptors wait for."""

    async def slowly(context: tcc.RunContext, name: str) -> bool:
        for _ in range(5):
            await asyncio.sleep(0)
        return True

    shop = Shop()
    gates: list[Interceptor] = [PermissionGate(slowly)] if behind else []
    agent, _ = shop_agent(shop, [Budget(tool_calls=2), *gates], ask(1, 2, 3, 4, 5), "never")
    result = await agent.run("q")
    assert result.stopped == "Budget"
    assert shop.done == [1, 2]
    assert result.usage.tool_calls == 2


async def test_a_budget_of_tokens_counts_input_and_output(captured: Captured) -> None:
    """Cached and cache-written input counts too; what was used up is seen before the next call."""
    shop = Shop()
    usage = ModelUsage(prompt_uncached=50, prompt_cached=30, cache_write=10, completion=10, reasoning=5)
    agent, model = shop_agent(shop, [Budget(tokens=100)], ask(1, usage=usage), "never")
    result = await agent.run("q")
    assert (result.output, result.stopped) == (USED_UP, "Budget")
    assert result.usage == Usage(model_calls=1, input_tokens=90, cached_tokens=30, output_tokens=10)
    assert (len(model.requests), shop.done) == (1, [])
    assert how_it_stopped(captured) == (*BY_BUDGET, "Budget at pre_act")


async def test_a_budget_of_cost_takes_what_the_model_reports(captured: Captured) -> None:
    """A cost that the provider tells counts as it is, and stands on the steps as reported."""
    shop = Shop()
    usage = ModelUsage(prompt_uncached=1, completion=1, cost=0.25)
    agent, model = shop_agent(shop, [Budget(cost=0.5)], ask(1, usage=usage), ask(2, usage=usage), "never")
    result = await agent.run("q")
    assert (result.stopped, result.usage.cost, len(model.requests), shop.done) == ("Budget", 0.5, 2, [1])
    steps = [one["attributes"] for one in shapes(captured) if one["name"] == "chat gpt-5"]
    assert [(one["tcc.cost"], one["tcc.costSource"]) for one in steps] == [(0.25, "reported")] * 2


async def test_a_budget_of_cost_knows_the_prices_of_known_models(captured: Captured) -> None:
    """Where the provider tells no cost, it comes from the price list, cached tokens at their price."""
    usage = ModelUsage(prompt_uncached=200_000, prompt_cached=100_000, completion=50_000)
    tokens = Tokens(input_tokens=300_000, cache_read_tokens=100_000, output_tokens=50_000)
    price = float(calc_price(tokens, "gpt-4o", provider_id="openai").total_price)
    assert 0.5 < price < 5
    shop = Shop()
    agent, model = shop_agent(shop, [Budget(cost=price)], ask(1, usage=usage), "never", model="gpt-4o")
    result = await agent.run("q")
    assert result.stopped == "Budget"
    assert result.usage.cost == pytest.approx(price)
    assert (len(model.requests), shop.done) == (1, [])
    step = shape(captured, "chat gpt-4o")["attributes"]
    assert (step["tcc.cost"], step["tcc.costSource"]) == (pytest.approx(price), "computed")


async def test_a_budget_of_nothing_asks_no_model(captured: Captured) -> None:
    """A limit of 0 is a limit."""
    agent, model = shop_agent(Shop(), [Budget(model_calls=0)])
    assert (await agent.run("q")).output == USED_UP
    assert model.requests == []


async def test_a_budget_serves_many_runs(captured: Captured) -> None:
    """One Budget object limits each run on its own, also runs that are under way at once."""
    budget = Budget(model_calls=1)
    agents = [shop_agent(Shop(), [budget], f"answer {number}")[0] for number in range(4)]
    results = await asyncio.gather(*(agent.run("q") for agent in agents))
    assert [(one.output, one.stopped) for one in results] == [(f"answer {n}", None) for n in range(4)]


@pytest.mark.parametrize("limits", [{}, {"model_calls": -1}, {"cost": -0.01, "tokens": 3}])
def test_a_budget_needs_a_limit(limits: dict[str, Any]) -> None:
    """No limit at all, or one below 0, is a mistake of the program."""
    with pytest.raises(ValueError, match="Budget needs limits from 0 on: got"):
        Budget(**limits)


def by_name(context: tcc.RunContext, name: str) -> bool:
    """Allow what the context lists, and note the question."""
    assert isinstance(context, App)
    context.asked.append(name)
    return name in context.allowed


async def by_name_async(context: tcc.RunContext, name: str) -> bool:
    """Decide the same after a while."""
    await asyncio.sleep(0)
    return by_name(context, name)


@pytest.mark.parametrize("gate", [by_name, by_name_async], ids=["sync", "async"])
async def test_a_gate_lets_through_what_the_context_allows(captured: Captured, gate: Any) -> None:
    """A refused tool is not called, the model is told, the run goes on, and its span lists the skip."""
    shop = Shop()
    both = ModelReply(
        tool_calls=(
            ToolRequest("call-1", "sell", {"number": 1}),
            ToolRequest("call-2", "buy", {"number": 2}),
        )
    )
    agent, model = shop_agent(shop, [PermissionGate(gate)], both, "done")
    context = App(allowed=frozenset({"buy"}))
    result = await agent.run("q", context)
    assert (result.output, result.stopped, shop.done) == ("done", None, [-2])
    assert sorted(context.asked) == ["buy", "sell"]
    assert model.requests[1][-2:] == [
        {"role": "tool", "tool_call_id": "call-1", "content": "Permission denied"},
        {"role": "tool", "tool_call_id": "call-2", "content": "bought 2"},
    ]
    refused = shape(captured, "execute_tool sell")["attributes"]
    assert (refused["tcc.statusCode"], refused["tcc.statusMessage"]) == (1, "skipped by an interceptor")
    run = shape(captured, "invoke_agent clerk")["attributes"]
    assert run["tcc.metadata.skipped"] == ["pre_act PermissionGate sell"]


@pytest.mark.parametrize("answer", [None, 0, 1, "", "yes", [True], {}], ids=repr)
async def test_a_gate_that_answers_anything_but_true_refuses(captured: Captured, answer: Any) -> None:
    """The gate fails closed: an answer that is no plain True, such as None of a forgotten return, refuses."""
    shop = Shop()
    gate = PermissionGate(lambda _context, _name: answer, response="no")
    agent, model = shop_agent(shop, [gate], ask(1), "done")
    await agent.run("q")
    assert (shop.done, model.requests[1][-1]["content"]) == ([], "no")


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
async def test_a_gate_that_raises_lets_nothing_through(captured: Captured, is_async: bool) -> None:
    """A gate that raises fails the run with its own exception, and the tool is not called."""

    def broken(context: tcc.RunContext, name: str) -> bool:
        raise AttributeError("no such permission store")

    async def broken_async(context: tcc.RunContext, name: str) -> bool:
        return broken(context, name)

    shop = Shop()
    agent, _ = shop_agent(shop, [PermissionGate(broken_async if is_async else broken)], ask(1), "never")
    with pytest.raises(AttributeError, match="no such permission store"):
        await agent.run("q")
    assert shop.done == []
    assert {one["name"]: one["status"][0] for one in shapes(captured)} == {
        "invoke_agent clerk": "ERROR",
        "chat gpt-5": "UNSET",
        "execute_tool sell": "ERROR",
    }


async def test_a_gate_asks_for_tools_only(captured: Captured) -> None:
    """A run that calls no tool asks no gate, also one that would refuse everything."""
    agent, _ = shop_agent(Shop(), [PermissionGate(lambda _context, _name: False)], "hi")
    assert (await agent.run("q")).output == "hi"


async def test_a_gate_without_a_context_gets_an_empty_one(captured: Captured) -> None:
    """A gate is never given None."""
    seen: list[Any] = []

    def note(context: tcc.RunContext, name: str) -> bool:
        seen.append((context.get("role"), context.query, name))
        return True

    gate = PermissionGate(note)
    shop = Shop()
    agent, _ = shop_agent(shop, [gate], ask(1), "done")
    await agent.run("q")
    assert (seen, shop.done) == ([(None, "q", "sell")], [1])


class Clock:
    """A clock that stands still until it is told how much time has passed."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        """Return the time in seconds."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Give the deadlines a clock that a busy machine does not move."""
    made = Clock()
    monkeypatch.setattr(ready_made, "time", made)
    return made


async def test_a_deadline_stops_a_run_that_takes_too_long(captured: Captured, clock: Clock) -> None:
    """After the time is up no further request is made; the run's span says who stopped it."""

    @tcc.tool
    def work() -> str:
        """Work for a while."""
        clock.now += 31
        return "worked"

    model = ScriptedModel([ModelReply(tool_calls=(ToolRequest("call-1", "work"),)), "never"], name="gpt-5")
    agent = Agent(name="clerk", model=model, tools=[work], interceptors=[Deadline(30.0)])
    result = await agent.run("q")
    assert (result.output, result.stopped, len(model.requests)) == (TIME_UP, "Deadline", 1)
    assert how_it_stopped(captured) == (("UNSET", None), 1, "stopped by Deadline", "Deadline at pre_think")


async def test_a_deadline_stops_before_a_tool_too(captured: Captured, clock: Clock) -> None:
    """A request that used up the time is followed by no tool call."""

    def slow(messages: Any) -> ModelReply:
        clock.now += 31
        return ask(1)

    shop = Shop()
    agent, _ = shop_agent(shop, [Deadline(30.0, response="too late")], slow, "never")
    result = await agent.run("q")
    assert (result.output, result.stopped, shop.done) == ("too late", "Deadline", [])
    assert how_it_stopped(captured)[-1] == "Deadline at pre_act"


async def test_an_answer_that_came_in_time_is_kept(captured: Captured, clock: Clock) -> None:
    """A run that used exactly its time is not stopped, nor one whose last answer took too long."""

    def just_in_time(messages: Any) -> ModelReply:
        clock.now += 30
        return ask(1)

    def late(messages: Any) -> str:
        clock.now += 30
        return "late"

    shop = Shop()
    agent, _ = shop_agent(shop, [Deadline(30.0)], just_in_time, late)
    result = await agent.run("q")
    assert (result.output, result.stopped, shop.done) == ("late", None, [1])


async def test_a_deadline_begins_anew_with_each_run(captured: Captured, clock: Clock) -> None:
    """One Deadline object serves many runs; the time of one is not taken from the next."""

    def slow(messages: Any) -> ModelReply:
        clock.now += 20
        return ask(1)

    agent, _ = shop_agent(Shop(), [Deadline(30.0)], slow, "one", slow, "two", slow, slow, "three")
    assert [(await agent.run("q")).output for _ in range(3)] == ["one", "two", TIME_UP]


async def test_the_stricter_of_two_deadlines_counts(captured: Captured, clock: Clock) -> None:
    """Two Deadlines of one agent keep their times apart."""

    def slow(messages: Any) -> ModelReply:
        clock.now += 20
        return ask(1)

    both = [Deadline(30.0, response="long"), Deadline(10.0, response="short")]
    agent, _ = shop_agent(Shop(), both, slow, "never")
    assert (await agent.run("q")).output == "short"


async def test_a_deadline_runs_on_the_real_clock(captured: Captured) -> None:
    """Without any help of a test, a run that takes longer than its time is stopped."""
    began = time.monotonic()

    def slow(messages: Any) -> ModelReply:
        while time.monotonic() - began <= 0.05:
            time.sleep(0.005)
        return ask(1)

    shop = Shop()
    agent, _ = shop_agent(shop, [Deadline(0.001)], slow, "never")
    assert ((await agent.run("q")).stopped, shop.done) == ("Deadline", [])


@pytest.mark.parametrize("seconds", [0, -1.0, float("nan")])
def test_a_deadline_needs_time(seconds: float) -> None:
    """A time that is not above 0 is a mistake of the program."""
    with pytest.raises(ValueError, match="Deadline needs a time above 0: got"):
        Deadline(seconds)
