"""`@agent` on agent functions of anyone's own."""

from __future__ import annotations

import asyncio
import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

import contextcompany as tcc
from contextcompany.agents import Agent, ScriptedModel
from tests.agents.shape import shape, shapes, tree
from tests.recording.rows import assistant, user

if TYPE_CHECKING:
    from collections.abc import Callable

    from contextcompany.testing import Captured


@dataclass
class App(tcc.RunContext):
    """A context with identity and session."""

    user_id: str
    session: str | None = None
    recorded = {"user_id": "tcc.userId", "session": "session"}  # noqa: RUF012  (as a user writes it)


@tcc.agent
def plain(question: str) -> str:
    """Answer a question."""
    return f"You asked: {question}"


@tcc.agent(name="awaited")
async def plain_async(question: str) -> str:
    """Answer a question later."""
    await asyncio.sleep(0)
    return f"You asked: {question}"


class Desk:
    """Agents that are methods."""

    def __init__(self, greeting: str) -> None:
        self.greeting = greeting

    @tcc.agent
    def answer(self, question: str) -> str:
        """Answer a question."""
        return f"{self.greeting} You asked: {question}"

    @tcc.agent(name="later")
    async def answer_later(self, question: str) -> str:
        """Answer a question later."""
        return f"{self.greeting} You asked: {question}"

    @staticmethod
    @tcc.agent
    def without_self(question: str) -> str:
        """Answer without a desk."""
        return f"You asked: {question}"

    @classmethod
    @tcc.agent
    def of_class(cls, question: str) -> str:
        """Answer for all desks."""
        return f"{cls.__name__} You asked: {question}"


@tcc.tool
def who(ctx: App) -> str:
    """Say who asks."""
    return f"{ctx.user_id} asks {ctx.query}"


def recorded_run(name: str, prompt: str, response: str, **further: Any) -> dict[str, Any]:
    """Return the whole span of a run."""
    return {
        "name": f"invoke_agent {name}",
        "kind": "INTERNAL",
        "parent": None,
        "status": ("UNSET", None),
        "attributes": {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": name,
            "gen_ai.input.messages": user(prompt),
            "gen_ai.output.messages": assistant(response),
            "tcc.agent": name,
            "tcc.statusCode": 0,
            **further,
        },
        "events": [],
        "links": [],
    }


def only(captured: Captured) -> dict[str, Any]:
    """Return the only span, without the run id that was generated."""
    (found,) = shapes(captured)
    assert len(found["attributes"].pop("tcc.runId")) == 36
    return found


DESK = Desk("Hello.")


@pytest.mark.parametrize(
    ("call", "name", "greeting"),
    [
        (plain, "plain", ""),
        (DESK.answer, "answer", "Hello. "),
        (lambda question: Desk.answer(DESK, question), "answer", "Hello. "),
        (DESK.without_self, "without_self", ""),
        (Desk.without_self, "without_self", ""),
        (Desk.of_class, "of_class", "Desk "),
    ],
    ids=["function", "method", "unbound", "static", "static of class", "class"],
)
@pytest.mark.parametrize("by_name", [False, True], ids=["position", "keyword"])
def test_a_call_is_a_run(
    captured: Captured, call: Callable[..., str], name: str, greeting: str, by_name: bool
) -> None:
    """The first argument is the prompt, the return value the response, the function's name the agent's."""
    answer = call(question="why?") if by_name else call("why?")
    assert answer == f"{greeting}You asked: why?"
    assert only(captured) == recorded_run(name, "why?", answer)


@pytest.mark.parametrize(("call", "name"), [(plain_async, "awaited"), (DESK.answer_later, "later")])
async def test_an_awaited_call_is_a_run(captured: Captured, call: Any, name: str) -> None:
    """Async functions and methods are recorded from the first step of their coroutine to its end."""
    coroutine = call("why?")
    assert captured.spans == ()
    answer = await coroutine
    assert only(captured) == recorded_run(name, "why?", answer)


def test_the_decorated_function_stays_what_it_was() -> None:
    """Name, docstring, signature and kind are those of the function itself."""
    assert (plain.__name__, plain.__doc__) == ("plain", "Answer a question.")
    assert str(inspect.signature(plain)) == "(question: 'str') -> 'str'"
    assert inspect.iscoroutinefunction(plain_async)
    assert not inspect.iscoroutinefunction(plain)
    assert inspect.isfunction(plain)
    assert inspect.ismethod(DESK.answer)
    assert plain.__wrapped__("x") == "You asked: x"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("args", "kwargs", "prompt"),
    [
        (("q",), {"style": "short"}, "q"),
        ((), {"style": "short", "question": "q"}, "q"),
        (("q", "short"), {}, "q"),
        ((), {}, "What can you do?"),
        ((), {"style": "short"}, "What can you do?"),
    ],
)
def test_the_prompt_is_the_first_parameter(
    captured: Captured, args: tuple[Any, ...], kwargs: dict[str, Any], prompt: str
) -> None:
    """It is the first parameter, whatever the order of keywords, and its default where left out."""

    @tcc.agent
    def talk(question: str = "What can you do?", style: str = "long") -> str:
        return f"{style} answer"

    talk(*args, **kwargs)
    assert only(captured)["attributes"]["gen_ai.input.messages"] == user(prompt)


def test_the_context_is_never_the_prompt(captured: Captured) -> None:
    """A context that comes first is passed over, and nothing of it is recorded but what its class names."""

    @tcc.agent
    def talk(ctx: App, question: str) -> str:
        return f"{ctx.query} by {ctx.user_id}"

    assert talk(App("user-1"), "why?") == "why? by user-1"
    identity = {"tcc.userId": "user-1", "user.id": "user-1"}
    assert only(captured) == recorded_run("talk", "why?", "why? by user-1", **identity)


def test_chat_messages_are_a_prompt_too(captured: Captured) -> None:
    """A list of messages is recorded as one; the query stays empty then."""
    queries: list[str] = []

    @tcc.agent
    def talk(messages: list[dict[str, Any]], ctx: tcc.RunContext | None = None) -> dict[str, Any]:
        queries.append(ctx.query if ctx else "none")
        return {"role": "assistant", "content": "hi"}

    talk([{"role": "user", "content": "why?"}], tcc.RunContext())
    attributes = only(captured)["attributes"]
    assert attributes["gen_ai.input.messages"] == user("why?")
    assert attributes["gen_ai.output.messages"] == assistant("hi")
    assert queries == [""]


@pytest.mark.parametrize("value", [None, ""])
def test_a_function_that_returns_nothing_is_complete(captured: Captured, value: Any) -> None:
    """No return value is an empty response, not a broken run."""

    @tcc.agent
    def talk(question: str) -> Any:
        return value

    talk("q")
    assert only(captured)["status"] == ("UNSET", None)


def test_a_function_without_arguments_is_complete(captured: Captured) -> None:
    """No argument is an empty prompt."""

    @tcc.agent(name="daily-report")
    def report() -> str:
        return "all is well"

    report()
    found = only(captured)
    assert (found["name"], found["status"]) == ("invoke_agent daily-report", ("UNSET", None))


async def test_an_exception_fails_the_run_and_goes_on(captured: Captured) -> None:
    """What the function raises leaves it unchanged; the run's span says what it was."""
    error = ConnectionError("no route")

    @tcc.agent
    def broken(question: str) -> str:
        raise error

    @tcc.agent(name="broken")
    async def broken_async(question: str) -> str:
        raise error

    for call in (asyncio.to_thread(broken, "q"), broken_async("q")):
        with pytest.raises(ConnectionError) as caught:
            await call
        assert caught.value is error
    for found in shapes(captured):
        assert (found["name"], found["status"]) == ("invoke_agent broken", ("ERROR", "no route"))
        assert found["events"] == [("exception", "ConnectionError", "no route")]


async def test_a_cancelled_call_ends_its_run(captured: Captured) -> None:
    """Cancelling the task ends the run as cancelled."""
    begun = asyncio.Event()

    @tcc.agent
    async def talk(question: str) -> str:
        begun.set()
        await asyncio.Event().wait()
        return "never"

    task = asyncio.create_task(talk("q"))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert only(captured)["attributes"]["error.type"] == "asyncio.exceptions.CancelledError"


async def test_the_context_goes_in_and_down(captured: Captured) -> None:
    """The function gets a copy with the query; tools below find it, threads included; the original stays."""
    given = App("user-1", session="session-1")
    seen: list[Any] = []

    @tcc.agent(name="clerk")
    async def talk(question: str, ctx: App) -> str:
        seen.append((ctx.query, ctx.user_id, tcc.current_context() is ctx))
        first = who()  # type: ignore[call-arg]
        second = await asyncio.to_thread(who)  # type: ignore[call-arg]
        return f"{first}; {second}"

    assert await talk("why?", given) == "user-1 asks why?; user-1 asks why?"
    assert seen == [("why?", "user-1", True)]
    assert (given.query, tcc.current_context()) == ("", None)
    assert tree(captured) == [["invoke_agent clerk", ["execute_tool who"], ["execute_tool who"]]]
    for found in shapes(captured):
        attributes = found["attributes"]
        keys = ("tcc.userId", "user.id", "tcc.sessionId", "gen_ai.conversation.id")
        assert [attributes[key] for key in keys] == ["user-1", "user-1", "session-1", "session-1"]


@pytest.mark.parametrize("how", ["keyword", "position"])
def test_a_method_gets_its_context(captured: Captured, how: str) -> None:
    """In a method the context is found behind `self`, by position and by keyword."""

    class Office:
        @tcc.agent
        def talk(self, question: str, ctx: App) -> str:
            return f"{ctx.query} by {ctx.user_id}"

    context = App("user-1")
    answer = Office().talk("q", context) if how == "position" else Office().talk("q", ctx=context)
    assert answer == "q by user-1"


def test_a_query_that_is_set_is_kept(captured: Captured) -> None:
    """The caller's own query wins over the prompt."""

    @tcc.agent
    def talk(question: str, ctx: App) -> str:
        return ctx.query

    assert talk("sub-task", App("user-1", query="the question")) == "the question"


def test_a_missing_or_wrong_context_raises_at_the_call(captured: Captured) -> None:
    """TypeError names the agent, what it expects and what it got; no run is recorded."""

    @tcc.agent(name="clerk")
    def talk(question: str, ctx: App) -> str:
        return ctx.user_id

    with pytest.raises(TypeError, match=r"agent clerk.*expected App, got none"):
        talk("q")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"agent clerk.*expected App, got RunContext"):
        talk("q", tcc.RunContext())  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="got str"):
        talk("q", "user-1")  # type: ignore[arg-type]
    assert captured.spans == ()


@pytest.mark.parametrize("given", [(), (None,)], ids=["left out", "None"])
def test_an_optional_context_may_be_missing(captured: Captured, given: tuple[Any, ...]) -> None:
    """A function that can do without one gets its default."""

    @tcc.agent
    def talk(question: str, ctx: App | None = None) -> str:
        return "none" if ctx is None else ctx.user_id

    assert talk("q", *given) == "none"


def test_no_context_is_none_for_the_tools_below(captured: Captured) -> None:
    """Where nobody gave a context, a tool that can do without one gets its default."""
    seen: list[Any] = []

    @tcc.tool
    def look(ctx: App | None = None) -> None:
        seen.append(ctx)

    @tcc.agent
    def talk(question: str) -> None:
        look()

    talk("q")
    assert seen == [None]


def test_two_contexts_are_refused_at_decoration() -> None:
    """A function that takes the context twice is a mistake that shows when it is defined."""
    with pytest.raises(TypeError, match="takes the context twice: got one and two"):

        @tcc.agent
        def talk(one: App, two: tcc.RunContext) -> str:
            return ""


async def test_an_agent_below_is_nested_with_the_context(captured: Captured) -> None:
    """An Agent and another function called inside are runs below, with context, session and identity."""
    expert = Agent(name="expert", model=ScriptedModel(["42"], name="gpt-5"))

    @tcc.agent(name="checker")
    def check(answer: str, ctx: App) -> str:
        return f"{answer} for {ctx.user_id}, who asked {ctx.query}"

    @tcc.agent(name="clerk")
    async def talk(question: str, ctx: App) -> str:
        return check((await expert.run("6 * 7")).output)  # type: ignore[call-arg]

    assert await talk("why?", App("user-1", "session-1")) == "42 for user-1, who asked why?"
    assert tree(captured) == [
        ["invoke_agent clerk", ["invoke_agent expert", ["chat gpt-5"]], ["invoke_agent checker"]]
    ]
    top = shape(captured, "invoke_agent clerk")["attributes"]
    for name in ("expert", "checker"):
        below = shape(captured, f"invoke_agent {name}")["attributes"]
        assert (below["tcc.parentRunId"], below["tcc.agent"]) == (top["tcc.runId"], name)
        assert (below["tcc.sessionId"], below["tcc.userId"]) == ("session-1", "user-1")


async def test_the_run_is_current_inside(captured: Captured) -> None:
    """Steps and calls that the function records itself land in its run."""

    @tcc.agent(name="clerk")
    async def talk(question: str) -> str:
        run = tcc.current_run()
        assert run is not None
        with run.step() as step:
            step.prompt(question).response("42").model("gpt-5")
        return "42"

    await talk("why?")
    assert tree(captured) == [["invoke_agent clerk", ["chat gpt-5"]]]
    assert tcc.current_run() is None


async def test_concurrent_calls_keep_apart(captured: Captured) -> None:
    """Calls that run at once have each their own run, context and tools, though they share an object."""
    shared = App("user-1")
    all_there = asyncio.Barrier(8)

    @tcc.agent(name="clerk")
    async def talk(question: str, ctx: App) -> str:
        await all_there.wait()
        said = who()  # type: ignore[call-arg]
        await all_there.wait()
        assert ctx.query == question
        return said

    answers = await asyncio.gather(*(talk(f"question {number}", shared) for number in range(8)))
    assert answers == [f"user-1 asks question {number}" for number in range(8)]
    assert tree(captured) == [["invoke_agent clerk", ["execute_tool who"]]] * 8
    assert shared.query == ""
