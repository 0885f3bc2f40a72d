"""The loop of one run: requests, concurrent tools, mistakes of models and of programs, and its end."""

from __future__ import annotations

import asyncio
import json
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
from hypothesis import strategies as st

import contextcompany as tcc
from contextcompany.agents import Agent, AgentResult, ModelReply, ModelUsage, ScriptedModel, ToolRequest
from contextcompany.interceptors import Usage
from contextcompany.testing import capture
from tests.agents.shape import shape, shapes, tree
from tests.recording.rows import assistant, user

if TYPE_CHECKING:
    from collections.abc import Callable

    from contextcompany.testing import Captured

SECONDS = 20.0


@dataclass
class App(tcc.RunContext):
    """A context with an identity and a secret."""

    user_id: str
    tenant: str
    key: str = "no-one-is-told"
    recorded = {"user_id": "tcc.userId", "tenant": "tenant"}  # noqa: RUF012  (as a user writes it)


@dataclass
class Other(tcc.RunContext):
    """A context of another application."""

    number: int = 0


@tcc.tool
def order_state(number: int, ctx: App) -> dict[str, Any]:
    """Find out about an order.

    Args:
        number: the order's number.
        ctx: who asks; no model is told of it.
    """
    return {"number": number, "state": "late", "of": ctx.user_id}


@tcc.tool
def fail(word: str = "nothing") -> str:
    """Fail always."""
    raise LookupError(f"{word} there")


ORDER_SCHEMA = {
    "type": "function",
    "name": "order_state",
    "description": "Find out about an order.",
    "parameters": {
        "type": "object",
        "properties": {"number": {"type": "integer", "description": "the order's number."}},
        "required": ["number"],
        "additionalProperties": False,
    },
}


def calls(*requests: tuple[str, Any], **options: Any) -> ModelReply:
    """Return a reply that asks for tools, each a name and its arguments."""
    asked = tuple(ToolRequest(f"call-{number}", *request) for number, request in enumerate(requests, 1))
    return ModelReply(tool_calls=asked, **options)


def clerk(*replies: Any, **options: Any) -> tuple[Agent, ScriptedModel]:
    """Return an agent that plays a script, and its model."""
    model = ScriptedModel(replies, name="gpt-5")
    return Agent(name="clerk", model=model, **options), model


def as_sent(*requests: tuple[str, str]) -> dict[str, Any]:
    """Return the message of a reply that asks for tools."""
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": f"call-{number}", "type": "function", "function": {"name": name, "arguments": text}}
            for number, (name, text) in enumerate(requests, 1)
        ],
    }


def span(
    name: str, kind: str, parent: str | None, attributes: dict[str, Any], **changes: Any
) -> dict[str, Any]:
    """Return a whole span that ended well."""
    return {
        "name": name,
        "kind": kind,
        "parent": parent,
        "status": ("UNSET", None),
        "attributes": {"tcc.statusCode": 0, **attributes},
        "events": [],
        "links": [],
        **changes,
    }


async def test_a_run_with_a_tool_is_recorded_whole(captured: Captured) -> None:
    """One run, two steps and a tool call, each with all that is known of it."""
    asked = calls(
        ("order_state", '{"number": 7}'),
        usage=ModelUsage(prompt_uncached=20, prompt_cached=10, completion=5, reasoning=2),
        model="gpt-5-2025-08-07",
        finish_reason="tool_calls",
    )
    answered = ModelReply("It is late.", usage=ModelUsage(prompt_uncached=40, completion=4, cost=0.5))
    agent, _ = clerk(asked, answered, tools=[order_state], instructions="Be brief.")
    result = await agent.run(
        "Where is order 7?",
        App("user-1", "acme"),
        session_id="session-1",
        run_id="run-1",
        metadata={"channel": "web"},
    )
    identity = {
        "tcc.runId": "run-1",
        "tcc.sessionId": "session-1",
        "gen_ai.conversation.id": "session-1",
        "tcc.userId": "user-1",
        "user.id": "user-1",
    }
    agent_name = {"tcc.agent": "clerk", "gen_ai.agent.name": "clerk"}
    step = {
        **identity,
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-5",
        "gen_ai.provider.name": "openai",
        "gen_ai.tool.definitions": [ORDER_SCHEMA],
    }
    system = {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]}
    call = {"type": "tool_call", "id": "call-1", "name": "order_state", "arguments": {"number": 7}}
    state = {"number": 7, "state": "late", "of": "user-1"}
    found = shapes(captured)
    response = {"type": "tool_call_response", "id": "call-1", "response": state}
    assert found == [
        span(
            "invoke_agent clerk",
            "INTERNAL",
            None,
            {
                **identity,
                **agent_name,
                "gen_ai.operation.name": "invoke_agent",
                "gen_ai.input.messages": user("Where is order 7?"),
                "gen_ai.system_instructions": [{"type": "text", "content": "Be brief."}],
                "gen_ai.output.messages": assistant("It is late."),
                "tcc.metadata.tenant": "acme",
                "tcc.metadata.channel": "web",
            },
        ),
        span(
            "chat gpt-5",
            "CLIENT",
            "invoke_agent clerk",
            {
                **step,
                "gen_ai.input.messages": [system, *user("Where is order 7?")],
                "gen_ai.output.messages": [
                    {"role": "assistant", "parts": [call], "finish_reason": "tool_calls"}
                ],
                "gen_ai.response.model": "gpt-5-2025-08-07",
                "gen_ai.response.finish_reasons": ["tool_calls"],
                "gen_ai.usage.input_tokens": 30,
                "gen_ai.usage.cache_read.input_tokens": 10,
                "gen_ai.usage.output_tokens": 5,
                "gen_ai.usage.reasoning.output_tokens": 2,
                "tcc.cost": found[1]["attributes"]["tcc.cost"],
                "tcc.costSource": "computed",
            },
        ),
        span(
            "execute_tool order_state",
            "INTERNAL",
            "invoke_agent clerk",
            {
                **identity,
                **agent_name,
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": "order_state",
                "gen_ai.tool.type": "function",
                "gen_ai.tool.call.id": "call-1",
                "gen_ai.tool.call.arguments": {"number": 7},
                "gen_ai.tool.call.result": state,
            },
        ),
        span(
            "chat gpt-5",
            "CLIENT",
            "invoke_agent clerk",
            {
                **step,
                "gen_ai.input.messages": [
                    system,
                    *user("Where is order 7?"),
                    {"role": "assistant", "parts": [call]},
                    {"role": "tool", "parts": [response]},
                ],
                "gen_ai.output.messages": assistant("It is late."),
                "gen_ai.usage.input_tokens": 40,
                "gen_ai.usage.output_tokens": 4,
                "tcc.cost": 0.5,
                "tcc.costSource": "reported",
            },
        ),
    ]
    assert result.output == "It is late."
    assert (result.run_id, result.stopped) == ("run-1", None)
    assert result.usage == Usage(
        model_calls=2, tool_calls=1, input_tokens=70, output_tokens=9, cached_tokens=10, cost=0.5
    )
    assert result.messages == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Where is order 7?"},
        as_sent(("order_state", '{"number": 7}')),
        {
            "role": "tool",
            "tool_call_id": "call-1",
            "content": '{"number":7,"state":"late","of":"user-1"}',
        },
        {"role": "assistant", "content": "It is late."},
    ]
    context: Any = result.context
    assert (type(context), context.query, context.agent) == (App, "Where is order 7?", agent)


async def test_a_plain_answer_takes_one_request(captured: Captured) -> None:
    """Without tools and instructions the model gets the task and nothing else."""
    agent, model = clerk("hi")
    result = await agent.run("hello")
    assert model.requests == [[{"role": "user", "content": "hello"}]]
    assert (result.output, result.usage) == ("hi", Usage(model_calls=1))
    step = shape(captured, "chat gpt-5")["attributes"]
    assert "gen_ai.tool.definitions" not in step
    assert "gen_ai.system_instructions" not in shape(captured, "invoke_agent clerk")["attributes"]


async def test_the_context_that_was_given_is_never_written_to(captured: Captured) -> None:
    """The agent works on a copy; one object used for two runs gives two queries."""
    given = App("user-1", "acme")
    agent, _ = clerk("one", "two")
    first, second = await agent.run("first", given), await agent.run("second", given)
    assert (given.query, given.agent) == ("", None)
    assert (first.context.query, second.context.query) == ("first", "second")
    kept = (await clerk("hi")[0].run("third", App("user-1", "acme", query="asked before"))).context
    assert kept.query == "asked before"


async def test_tools_of_one_reply_run_at_once(captured: Captured) -> None:
    """Each of four tools, two in threads and two in the loop, waits until all four have begun."""
    together = threading.Barrier(2)
    both = asyncio.Barrier(2)

    @tcc.tool
    def in_thread(number: int) -> int:
        """Wait in a thread."""
        together.wait(SECONDS)
        return number

    @tcc.tool
    async def in_loop(number: int) -> int:
        """Wait in the loop."""
        async with asyncio.timeout(SECONDS):
            await both.wait()
        return number

    asked = [(name, {"number": n}) for n, name in enumerate(["in_thread", "in_loop", "in_loop", "in_thread"])]
    agent, model = clerk(calls(*asked), "done", tools=[in_thread, in_loop])
    result = await agent.run("q")
    assert result.output == "done"
    answers = [(one["tool_call_id"], one["content"]) for one in model.requests[1][-4:]]
    assert answers == [("call-1", "0"), ("call-2", "1"), ("call-3", "2"), ("call-4", "3")]
    assert tree(captured) == [
        [
            "invoke_agent clerk",
            ["chat gpt-5"],
            *[[f"execute_tool {name}"] for name, _ in asked],
            ["chat gpt-5"],
        ]
    ]


async def test_what_a_tool_records_lands_in_its_own_call(captured: Captured) -> None:
    """Steps and calls made inside of a tool have the tool's call as parent, whatever runs beside it."""
    both = asyncio.Barrier(2)

    @tcc.tool
    async def inner(word: str) -> str:
        """Be called by a tool."""
        return word

    @tcc.tool
    async def outer(word: str) -> str:
        """Call another tool."""
        await both.wait()
        return await inner(word)

    @tcc.tool
    def threaded() -> str:
        """Ask a model in a worker thread."""
        run = tcc.current_run()
        assert run is not None
        run.step().prompt("p").response("r").model("gpt-5-mini").end()
        return "asked"

    agent, _ = clerk(
        calls(("outer", {"word": "a"}), ("outer", {"word": "b"}), ("threaded", {})),
        "done",
        tools=[outer, threaded],
    )
    await agent.run("q")
    assert tree(captured) == [
        [
            "invoke_agent clerk",
            ["chat gpt-5"],
            ["execute_tool outer", ["execute_tool inner"]],
            ["execute_tool outer", ["execute_tool inner"]],
            ["execute_tool threaded", ["chat gpt-5-mini"]],
            ["chat gpt-5"],
        ]
    ]


MISTAKES: list[tuple[Any, Any, str, str]] = [
    (("erase", "{}"), {}, "UnknownToolError", "there is no tool 'erase'; available: order_state, fail"),
    (("fail", "{word"), {"value": "{word"}, "ArgumentError", "the arguments of fail are no JSON: "),
    (("fail", "[1]"), {"value": [1]}, "ArgumentError", "the arguments of fail must be a JSON object"),
    (("fail", "null"), {"value": None}, "ArgumentError", "the arguments of fail must be a JSON object"),
    (("fail", '{"word": 7}'), {"word": 7}, "ArgumentError", "the arguments do not fit fail: word: "),
    (("fail", '{"x": 1}'), {"x": 1}, "ArgumentError", "the arguments do not fit fail: x: "),
    (("order_state", "{}"), {}, "ArgumentError", "the arguments do not fit order_state: number: "),
    (("order_state", ""), {}, "ArgumentError", "the arguments do not fit order_state: number: "),
    (
        ("order_state", '{"number": 1, "ctx": {"user_id": "admin"}}'),
        {"number": 1, "ctx": {"user_id": "admin"}},
        "ArgumentError",
        "the arguments do not fit order_state: ctx: ",
    ),
    (("fail", '{"word": "no one"}'), {"word": "no one"}, "LookupError", "no one there"),
    (("fail", {"word": "no one"}), {"word": "no one"}, "LookupError", "no one there"),
]


@pytest.mark.parametrize(("request_", "shown", "kind", "text"), MISTAKES, ids=lambda value: str(value)[:40])
async def test_a_mistake_of_the_model_goes_back_to_it(
    captured: Captured, request_: Any, shown: Any, kind: str, text: str
) -> None:
    """A mistake is an error result for the model and an error on the call's span; the run goes on."""
    agent, model = clerk(calls(request_), "I see.", tools=[order_state, fail])
    result = await agent.run("q", App("user-1", "acme"))
    assert (result.output, result.stopped) == ("I see.", None)
    message = model.requests[1][-1]
    assert (message["role"], message["tool_call_id"]) == ("tool", "call-1")
    assert message["content"].startswith(f"error: {kind}: {text}")
    found = shape(captured, f"execute_tool {request_[0]}")
    assert found["status"][0] == "ERROR"
    said = found["status"][1]
    assert message["content"] == f"error: {kind}: {said}"
    full = {
        "UnknownToolError": "contextcompany.agents.callables.",
        "ArgumentError": "contextcompany.context.schema.",
    }
    error_type = full.get(kind, "") + kind
    assert found == span(
        f"execute_tool {request_[0]}",
        "INTERNAL",
        "invoke_agent clerk",
        {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.agent.name": "clerk",
            "gen_ai.tool.name": request_[0],
            "gen_ai.tool.type": "function",
            "gen_ai.tool.call.id": "call-1",
            "gen_ai.tool.call.arguments": shown,
            "error.type": error_type,
            "tcc.agent": "clerk",
            "tcc.runId": result.run_id,
            "tcc.statusCode": 2,
            "tcc.statusMessage": said,
            "tcc.userId": "user-1",
            "user.id": "user-1",
        },
        status=("ERROR", said),
        events=[("exception", error_type, said)],
    )
    assert shape(captured, "invoke_agent clerk")["status"] == ("UNSET", None)


async def test_one_mistake_does_not_disturb_the_calls_beside_it(captured: Captured) -> None:
    """Of three calls of one reply the good one gives its result, in the order asked."""
    agent, model = clerk(
        calls(("fail", "{}"), ("order_state", '{"number": 1}'), ("erase", "{}")),
        "done",
        tools=[order_state, fail],
    )
    result = await agent.run("q", App("user-1", "acme"))
    told = [(one["tool_call_id"], one["content"][:12]) for one in model.requests[1][-3:]]
    assert told == [("call-1", "error: Looku"), ("call-2", '{"number":1,'), ("call-3", "error: Unkno")]
    assert result.usage.tool_calls == 2


ANY_TEXT = st.text(st.characters(exclude_categories=()))
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=8,
)


@hypothesis.given(
    asked=st.lists(
        st.tuples(
            ANY_TEXT | st.sampled_from(["fail", "order_state"]),
            ANY_TEXT | st.dictionaries(ANY_TEXT, ANY_JSON, max_size=3) | ANY_JSON.map(json.dumps),
        ),
        max_size=4,
    ),
    text=st.none() | ANY_TEXT,
)
@hypothesis.settings(max_examples=60, deadline=None)
def test_nothing_that_a_model_says_breaks_a_run(asked: list[tuple[str, Any]], text: str | None) -> None:
    """Whatever names, arguments and texts come, the run ends, and every call has its answer and its span."""
    with capture() as captured:
        reply = ModelReply(text, tuple(ToolRequest(f"call-{n}", *one) for n, one in enumerate(asked)))
        agent, model = clerk(reply, "done", tools=[order_state, fail])
        result = asyncio.run(run_of(agent))
        assert result.output == ("done" if asked else text or "")
        told = [one["tool_call_id"] for one in model.requests[-1] if one["role"] == "tool"]
        assert told == [f"call-{n}" for n in range(len(asked))]
        assert len(captured.spans) == 1 + len(model.requests) + len(asked)


async def run_of(agent: Agent) -> AgentResult:
    """Run an agent with the context of these tests."""
    return await agent.run("q", App("user-1", "acme"))


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize(
    "error", [StopIteration, StopAsyncIteration, RecursionError, TimeoutError, TypeError]
)
async def test_any_exception_of_a_tool_goes_back(
    captured: Captured, error: type[Exception], is_async: bool
) -> None:
    """Also exceptions with a meaning of their own in loops and threads end the call and nothing else."""

    @tcc.tool(name="broken")
    def broken() -> str:
        """Break."""
        raise error("why")

    @tcc.tool(name="broken")
    async def broken_async() -> str:
        """Break."""
        raise error("why")

    agent, model = clerk(calls(("broken", "{}")), "I see.", tools=[broken_async if is_async else broken])
    async with asyncio.timeout(SECONDS):
        assert (await agent.run("q")).output == "I see."
    assert model.requests[1][-1]["content"].startswith("error: ")
    assert shape(captured, "execute_tool broken")["status"][0] == "ERROR"


@pytest.mark.parametrize(
    ("context", "given"), [(None, "none"), ({"user_id": "user-1"}, "RunContext"), (Other(), "Other")]
)
async def test_a_missing_or_wrong_context_raises_from_the_run(
    captured: Captured, context: Any, given: str
) -> None:
    """A mistake of the program is no news for the model: TypeError names tool, expected and given."""
    agent, model = clerk(calls(("order_state", '{"number": 1}')), "never", tools=[order_state])
    with pytest.raises(TypeError, match=f"order_state.*expected App, got {given}"):
        await agent.run("q", context)
    assert len(model.requests) == 1
    assert {one["name"]: one["status"][0] for one in shapes(captured)} == {
        "invoke_agent clerk": "ERROR",
        "chat gpt-5": "UNSET",
        "execute_tool order_state": "ERROR",
    }


async def test_a_type_error_inside_of_a_tool_is_the_tools_own(captured: Captured) -> None:
    """A tool that itself raises TypeError is a failing tool, not a wrong context."""

    @tcc.tool
    def add(ctx: App) -> str:
        """Add badly."""
        return str(len(ctx.user_id) + ctx.user_id)  # type: ignore[operator]

    agent, model = clerk(calls(("add", "{}")), "I see.", tools=[add])
    await agent.run("q", App("user-1", "acme"))
    assert model.requests[1][-1]["content"].startswith("error: TypeError: unsupported operand")


async def test_an_optional_context_may_be_missing(captured: Captured) -> None:
    """Without a context a tool that can do without gets its default, whatever class it names."""
    seen: list[Any] = []

    @tcc.tool
    def any_context(ctx: tcc.RunContext = None) -> str:  # type: ignore[assignment]
        """Take any context."""
        seen.append(ctx)
        return "a"

    @tcc.tool
    def one_class(ctx: App | None = None) -> str:
        """Take one class of context."""
        seen.append(ctx)
        return "b"

    both = [("any_context", "{}"), ("one_class", "{}")]
    expert = Agent(name="expert", model=ScriptedModel([calls(*both), "yes"]), tools=[any_context, one_class])
    agent, _ = clerk(
        calls(*both, ("expert", {"task": "t"})), "done", tools=[any_context, one_class], subagents=[expert]
    )
    assert (await agent.run("q")).output == "done"
    assert seen == [None] * 4


async def test_a_failing_model_fails_the_run_and_raises(captured: Captured) -> None:
    """The exception comes out unchanged; step and run end in error, the event stands on the step alone."""
    error = ConnectionError("no route to host")
    agent, _ = clerk(calls(("fail", "{}")), error, tools=[fail])
    with pytest.raises(ConnectionError) as caught:
        await agent.run("q", run_id="run-1")
    assert caught.value is error
    run, _, _, step = shapes(captured)
    assert step["status"] == run["status"] == ("ERROR", "no route to host")
    assert step["events"] == [("exception", "ConnectionError", "no route to host")]
    assert run == span(
        "invoke_agent clerk",
        "INTERNAL",
        None,
        {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": "clerk",
            "gen_ai.input.messages": user("q"),
            "error.type": "ConnectionError",
            "tcc.agent": "clerk",
            "tcc.runId": "run-1",
            "tcc.statusCode": 2,
            "tcc.statusMessage": "no route to host",
        },
        status=("ERROR", "no route to host"),
    )


@pytest.mark.parametrize("texts", [(None, None, None), ("Let me see.", None, None), ("a", "b", "c")])
async def test_the_loop_is_bounded(captured: Captured, texts: tuple[str | None, ...]) -> None:
    """After `max_steps` requests the run ends; the output is what the model said last beside its calls."""
    asked = [ModelReply(text, (ToolRequest(f"call-{text}", "order_state", {"number": 1}),)) for text in texts]
    agent, model = clerk(*asked, "never", tools=[order_state], max_steps=3)
    result = await agent.run("q", App("user-1", "acme"))
    last = next((text for text in reversed(texts) if text), "")
    assert (result.output, result.stopped) == (last, "max_steps")
    assert result.usage == Usage(model_calls=3, tool_calls=3)
    assert len(model.requests) == 3
    assert [one["role"] for one in result.messages] == ["user", *["assistant", "tool"] * 3]
    attributes = shape(captured, "invoke_agent clerk")["attributes"]
    assert (attributes["tcc.statusCode"], attributes["tcc.statusMessage"]) == (1, "stopped by max_steps")


async def test_the_last_allowed_request_may_answer(captured: Captured) -> None:
    """A run that answers in exactly `max_steps` requests was not stopped."""
    agent, _ = clerk(calls(("order_state", {"number": 1})), "done", tools=[order_state], max_steps=2)
    assert (await agent.run("q", App("user-1", "acme"))).stopped is None


async def test_an_answer_without_text_is_an_empty_one(captured: Captured) -> None:
    """A model that says nothing and asks for nothing gives an empty output and a complete run."""
    agent, _ = clerk(ModelReply())
    result = await agent.run("q")
    assert (result.output, result.messages[-1]) == ("", {"role": "assistant", "content": None})
    assert [one["status"] for one in shapes(captured)] == [("UNSET", None)] * 2


async def test_synchronous_tools_work_in_other_threads_with_the_context(captured: Captured) -> None:
    """The loop stays free; the tool finds context and run though no argument carries them."""
    seen: list[Any] = []

    @tcc.tool
    def look() -> str:
        """Look around."""
        context, run = tcc.current_context(), tcc.current_run()
        assert context is not None
        assert run is not None
        seen.append((threading.get_ident(), context.query, type(context), run.run_id))
        return "seen"

    agent, _ = clerk(calls(("look", "{}")), "done", tools=[look])
    await agent.run("q", App("user-1", "acme"), run_id="run-1")
    ((thread, query, kind, run_id),) = seen
    assert thread != threading.get_ident()
    assert (query, kind, run_id) == ("q", App, "run-1")
    assert tcc.current_context() is None
    assert tcc.current_run() is None


@pytest.mark.parametrize(
    ("value", "text", "shown"),
    [
        ("text", "text", {"value": "text"}),
        ("", "", {"value": ""}),
        (7, "7", {"value": 7}),
        (None, "null", {"value": None}),
        (True, "true", {"value": True}),
        ({"a": [1]}, '{"a":[1]}', {"a": [1]}),
        ([1, "ä"], '[1,"ä"]', {"value": [1, "ä"]}),
    ],
)
async def test_a_result_is_text_for_the_model(captured: Captured, value: Any, text: str, shown: Any) -> None:
    """Text goes to the model as it is, anything else as JSON; the span has the value."""

    @tcc.tool
    def give() -> Any:
        """Give a value."""
        return value

    agent, model = clerk(calls(("give", "{}")), "done", tools=[give])
    await agent.run("q")
    assert model.requests[1][-1]["content"] == text
    assert shape(captured, "execute_tool give")["attributes"]["gen_ai.tool.call.result"] == shown


async def test_a_synchronous_tool_may_return_an_awaitable(captured: Captured) -> None:
    """What a plain function hands back to be awaited is awaited in the loop."""

    @tcc.tool
    def later() -> Any:
        """Answer later."""

        async def answer() -> str:
            return "now"

        return answer()

    agent, model = clerk(calls(("later", "{}")), "done", tools=[later])
    await agent.run("q")
    assert model.requests[1][-1]["content"] == "now"


async def cancelled_in_model(agent_of: Callable[..., Any]) -> tuple[asyncio.Task[Any], list[str]]:
    """Return a task that is in the midst of a request."""
    begun = asyncio.Event()

    async def answer(messages: Any) -> str:
        begun.set()
        await asyncio.Event().wait()
        return "never"

    task = asyncio.create_task(agent_of(answer).run("q"))
    await begun.wait()
    return task, ["invoke_agent clerk", "chat gpt-5"]


async def cancelled_in_tools(agent_of: Callable[..., Any]) -> tuple[asyncio.Task[Any], list[str]]:
    """Return a task that is in the midst of two tools."""
    begun = asyncio.Barrier(3)

    @tcc.tool
    async def wait() -> str:
        """Wait for ever."""
        await begun.wait()
        await asyncio.Event().wait()
        return "never"

    task = asyncio.create_task(agent_of(calls(("wait", "{}"), ("wait", "{}")), tools=[wait]).run("q"))
    await begun.wait()
    return task, ["invoke_agent clerk", "execute_tool wait", "execute_tool wait"]


@pytest.mark.parametrize("start", [cancelled_in_model, cancelled_in_tools], ids=["model", "tools"])
async def test_a_cancelled_run_leaves_no_span_open(captured: Captured, start: Any) -> None:
    """Cancelling ends every span that was open as cancelled, and no tool goes on."""
    task, open_then = await start(lambda *replies, **options: clerk(*replies, **options)[0])
    before = len(captured.spans)
    others = asyncio.all_tasks() - {task, asyncio.current_task()}
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [one.done() for one in others] == [True] * len(others)
    found = [one for one in shapes(captured) if one["status"][0] == "ERROR"]
    assert [one["name"] for one in found] == open_then
    assert len(captured.spans) == before + len(open_then)
    assert {one["attributes"]["error.type"] for one in found} == {"asyncio.exceptions.CancelledError"}
    assert tcc.stats().open_handles == 0


async def test_concurrent_runs_of_one_agent_keep_apart(captured: Captured) -> None:
    """Twenty runs of one agent at once: each its own conversation, context, counts and trace."""

    async def answer(messages: Any) -> Any:
        await asyncio.sleep(0)
        if messages[-1]["role"] == "user":
            return calls(("order_state", {"number": int(messages[-1]["content"])}))
        return messages[-1]["content"]

    agent, _ = clerk(*[answer] * 40, tools=[order_state])
    results = await asyncio.gather(
        *(
            agent.run(str(number), App(f"user-{number}", "acme"), run_id=f"run-{number}")
            for number in range(20)
        )
    )
    for number, result in enumerate(results):
        assert result.output == f'{{"number":{number},"state":"late","of":"user-{number}"}}'
        assert result.usage == Usage(model_calls=2, tool_calls=1)
    spans = captured.spans
    assert len(spans) == 80
    by_trace: dict[int, set[Any]] = {}
    for one in spans:
        assert one.context is not None
        assert one.attributes is not None
        pair = (one.attributes["tcc.runId"], one.attributes["user.id"])
        by_trace.setdefault(one.context.trace_id, set()).add(pair)
    assert sorted(map(sorted, by_trace.values())) == sorted(
        [(f"run-{number}", f"user-{number}")] for number in range(20)
    )


async def test_content_that_is_not_captured_is_nowhere() -> None:
    """With content off, task, answer, arguments, results, errors and instructions leave no trace."""
    with capture(capture_content=False) as captured:
        agent, _ = clerk(
            calls(("fail", {"word": "hidden"}), ("order_state", {"number": 77})),
            "hidden answer",
            tools=[order_state, fail],
            instructions="hidden instructions",
        )
        await agent.run("hidden task", App("user-1", "acme"))
        found = shapes(captured)
    assert len(found) == 5
    assert "hidden" not in str(found)
    assert "77" not in str([one["attributes"].get("gen_ai.tool.call.arguments") for one in found])


async def test_nothing_of_a_context_is_recorded_unasked(captured: Captured) -> None:
    """A field that `recorded` does not name appears on no span."""
    agent, _ = clerk(calls(("order_state", {"number": 1})), "done", tools=[order_state])
    await agent.run("q", App("user-1", "acme", "not-to-be-seen", metadata={"inner": "not-to-be-seen"}))
    assert len(captured.spans) == 4
    assert "not-to-be-seen" not in str(shapes(captured))


async def test_a_required_context_without_a_class_is_never_missing(captured: Captured) -> None:
    """A tool that takes any context gets one with the query, also where the caller gave none."""
    seen: list[Any] = []

    @tcc.tool
    def note(ctx: tcc.RunContext) -> str:
        """Note the query."""
        seen.append((ctx.query, ctx.metadata, ctx.with_metadata(a=1).metadata))
        return "noted"

    agent, _ = clerk(calls(("note", "{}")), "done", tools=[note])
    await agent.run("q")
    assert seen == [("q", {}, {"a": 1})]


async def test_an_agent_takes_the_context_of_the_run_around_it(captured: Captured) -> None:
    """An agent called inside of a tool without a context works with the one that is current."""
    inner_agent = Agent(
        name="inner",
        model=ScriptedModel([calls(("order_state", {"number": 3})), "found"], name="gpt-5-mini"),
        tools=[order_state],
    )

    @tcc.tool
    async def delegate() -> str:
        """Ask another agent."""
        result = await inner_agent.run("the state of 3")
        assert result.context.query == "q"
        return result.output

    agent, model = clerk(calls(("delegate", "{}")), "done", tools=[delegate])
    await agent.run("q", App("user-1", "acme"))
    assert model.requests[1][-1]["content"] == "found"


async def test_switched_off_an_agent_works_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """With recording disabled the run has its output, its id and its context."""
    monkeypatch.setenv("TCC_DISABLED", "1")
    agent, _ = clerk(calls(("order_state", {"number": 1})), "done", tools=[order_state])
    result = await agent.run("q", App("user-1", "acme"), run_id="run-1")
    assert (result.output, result.run_id, result.usage.tool_calls) == ("done", "run-1", 1)
