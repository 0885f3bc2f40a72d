"""`@tool`: the function stays what it was, and every call inside of a run is recorded."""

from __future__ import annotations

import asyncio
import functools
import inspect
from typing import TYPE_CHECKING, Any

import pytest

import contextcompany as tcc
from contextcompany import RunContext, tool
from contextcompany.context.current import using_context
from contextcompany.context.tool import spec_of
from tests.context.contexts import Plain
from tests.recording.rows import parsed, span_id, whole

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from contextcompany.testing import Captured

CONTEXT = Plain("123")
ARGUMENTS = "gen_ai.tool.call.arguments"
RESULT = "gen_ai.tool.call.result"


@tool
def search(query: str, limit: int = 10, *, ctx: RunContext) -> dict[str, Any]:
    """Search for something."""
    return {"query": query, "limit": limit, "known": ctx.get("known")}


@tool
async def asearch(query: str, ctx: Plain, limit: int = 10) -> dict[str, Any]:
    """Search for something, slowly."""
    await asyncio.sleep(0)
    return {"query": query, "limit": limit, "user": ctx.user_id}


@tool(name="find", description="Finds things.")
def renamed(ctx: RunContext) -> str:
    """Say what nobody reads."""
    return "found"


class Desk:
    """Tools of every kind on a class."""

    def __init__(self, drawer: str) -> None:
        self.drawer = drawer

    @tool
    def method(self, what: str, ctx: Plain) -> str:
        """Look into the drawer."""
        return f"{what} in {self.drawer} of {ctx.user_id}"

    @tool
    async def async_method(self, what: str, ctx: Plain) -> str:
        """Look into the drawer, slowly."""
        await asyncio.sleep(0)
        return f"{what} in {self.drawer} of {ctx.user_id}"

    @classmethod
    @tool
    def of_class(cls, what: str, ctx: Plain) -> str:
        """Look at the class."""
        return f"{what} in {cls.__name__} of {ctx.user_id}"

    @staticmethod
    @tool
    def of_nobody(what: str, ctx: Plain) -> str:
        """Look nowhere."""
        return f"{what} of {ctx.user_id}"


def called(name: str, parent: int, arguments: Any, **more: Any) -> dict[str, Any]:
    """Return the whole span of a call of a tool below a run `run-1`."""
    result = {RESULT: more.pop("result")} if "result" in more else {}
    code = 2 if "error.type" in more else 0
    status = ("ERROR", more["tcc.statusMessage"]) if code else ("UNSET", None)
    return {
        "name": f"execute_tool {name}",
        "kind": "INTERNAL",
        "parent": parent,
        "status": status,
        "attributes": {
            "gen_ai.operation.name": "execute_tool",
            "tcc.runId": "run-1",
            "gen_ai.tool.name": name,
            "gen_ai.tool.call.id": "id",
            "gen_ai.tool.type": "function",
            ARGUMENTS: arguments,
            "tcc.statusCode": code,
            **result,
            **more,
        },
        "events": [],
        "links": [],
    }


def calls(captured: Captured) -> list[dict[str, Any]]:
    """Return the whole spans of all tool calls, their generated ids as `id`."""
    found = [whole(span) for span in captured.spans if span.name.startswith("execute_tool")]
    ids = [one["attributes"]["gen_ai.tool.call.id"] for one in found]
    assert len(set(ids)) == len(ids)
    for one in found:
        assert len(one["attributes"]["gen_ai.tool.call.id"]) == 36
        one["attributes"]["gen_ai.tool.call.id"] = "id"
    return found


# ------------------------------------------------------------------------------------------------ recording


def test_a_call_is_recorded_under_the_current_run(captured: Captured) -> None:
    """A call is one tool call below the run: name, arguments by name without the context, and result."""
    with tcc.run("run-1") as run, using_context(RunContext(metadata={"known": "yes"})):
        run.prompt("p")
        assert search("a") == {"query": "a", "limit": 10, "known": "yes"}  # type: ignore[call-arg]
    assert calls(captured) == [
        called("search", span_id(run), {"query": "a"}, result={"query": "a", "limit": 10, "known": "yes"})
    ]


def test_a_call_is_recorded_under_the_current_step(captured: Captured) -> None:
    """A call inside of a step is below the step."""
    with tcc.run("run-1") as run, run.prompt("p").step() as step:
        step.prompt("q").response("a")
        renamed(CONTEXT)
    assert calls(captured) == [called("find", span_id(step), {}, result={"value": "found"})]


async def test_an_async_call_is_recorded(captured: Captured) -> None:
    """A call of an async tool is recorded when it is awaited, with its result and not its coroutine."""
    with tcc.run("run-1") as run, using_context(CONTEXT):
        run.prompt("p")
        waiting = asearch("a", limit=3)  # type: ignore[call-arg]
        assert inspect.iscoroutine(waiting)
        assert captured.spans == ()
        assert await waiting == {"query": "a", "limit": 3, "user": "123"}
    assert calls(captured) == [
        called(
            "asearch",
            span_id(run),
            {"query": "a", "limit": 3},
            result={"query": "a", "limit": 3, "user": "123"},
        )
    ]


async def test_concurrent_calls_are_below_one_run(captured: Captured) -> None:
    """Calls at the same time are recorded side by side."""
    with tcc.run("run-1") as run, using_context(CONTEXT):
        run.prompt("p")
        await asyncio.gather(*(asearch(str(number)) for number in range(3)))  # type: ignore[call-arg]
    found = [(one["parent"], one["attributes"][ARGUMENTS]) for one in calls(captured)]
    assert sorted(found, key=str) == [(span_id(run), {"query": str(number)}) for number in range(3)]


def test_a_call_inside_of_a_call_is_below_it(captured: Captured) -> None:
    """A tool that calls another one is its parent."""

    @tool
    def outer() -> str:
        return renamed(CONTEXT)

    with tcc.run("run-1") as run:
        run.prompt("p")
        outer()
    inner_span, outer_span, _ = captured.spans
    assert (inner_span.name, outer_span.name) == ("execute_tool find", "execute_tool outer")
    assert inner_span.parent is not None
    assert outer_span.context is not None
    assert inner_span.parent.span_id == outer_span.context.span_id


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_failure_is_recorded_and_raised(captured: Captured, is_async: bool) -> None:
    """What a tool raises reaches the caller as it is, and the span says what it was."""
    raised = LookupError("no such desk")

    @tool(name="fails")
    def fails(what: str) -> str:
        raise raised

    @tool(name="fails")
    async def afails(what: str) -> str:
        raise raised

    with tcc.run("run-1") as run:
        run.prompt("p")
        with pytest.raises(LookupError) as caught:
            _ = await afails("a") if is_async else fails("a")
        assert caught.value is raised
    (call,) = calls(captured)
    ((event, details),) = call.pop("events")
    assert (event, details["exception.type"], details["exception.message"]) == (
        "exception",
        "LookupError",
        "no such desk",
    )
    failure = {"error.type": "LookupError", "tcc.statusMessage": "no such desk"}
    expected = called("fails", span_id(run), {"what": "a"}, **failure)
    del expected["events"]
    assert call == expected


def test_arguments_are_recorded_by_name(captured: Captured) -> None:
    """Arguments stand under the names of their parameters, however they were given."""

    @tool
    def many(first: int, /, second: int = 0, *rest: int, flag: bool = False, **more: int) -> None: ...

    with tcc.run("run-1") as run:
        run.prompt("p")
        many(1)
        many(1, second=2)
        many(1, 2, 3, 4, flag=True, further=5)
    assert [one["attributes"][ARGUMENTS] for one in calls(captured)] == [
        {"first": 1},
        {"first": 1, "second": 2},
        {"first": 1, "second": 2, "rest": [3, 4], "flag": True, "further": 5},
    ]


def test_arguments_are_recorded_as_they_were_given(captured: Captured) -> None:
    """A tool that changes its arguments does not change what is recorded of them."""

    @tool
    def clear(items: list[int]) -> int:
        items.clear()
        return 0

    with tcc.run("run-1") as run:
        run.prompt("p")
        clear([1, 2])
    assert calls(captured)[0]["attributes"][ARGUMENTS] == {"items": [1, 2]}


def test_a_refused_call_is_no_tool_call(captured: Captured) -> None:
    """Where the context is missing, the tool was never called, and nothing says it was."""
    with tcc.run("run-1") as run:
        run.prompt("p")
        with pytest.raises(TypeError, match="tool search needs a context"):
            search("a")  # type: ignore[call-arg]
    assert calls(captured) == []


def test_wrong_arguments_are_a_type_error(captured: Captured) -> None:
    """Arguments that do not fit raise what the plain function raises."""
    with tcc.run("run-1") as run:
        run.prompt("p")
        with pytest.raises(TypeError, match="unexpected keyword argument 'nothing'"):
            search("a", nothing=1, ctx=CONTEXT)  # type: ignore[call-arg]
    assert [one["attributes"]["error.type"] for one in calls(captured)] == ["TypeError"]


# ------------------------------------------------------------------------------------------------- methods


async def test_methods_are_tools(captured: Captured) -> None:
    """A method is injected and recorded without `self`; so are static methods and those of a class."""
    desk = Desk("top")
    with tcc.run("run-1") as run, using_context(CONTEXT):
        run.prompt("p")
        any_desk: Any = desk
        any_class: Any = Desk
        assert any_desk.method("pens") == "pens in top of 123"
        assert any_desk.method(what="pens", ctx=Plain("456")) == "pens in top of 456"
        assert await any_desk.async_method("ink") == "ink in top of 123"
        assert any_class.of_class("all") == "all in Desk of 123"
        assert any_desk.of_class("all") == "all in Desk of 123"
        assert any_class.of_nobody("dust") == "dust of 123"
        assert any_class.method(desk, "pens") == "pens in top of 123"
    assert [(one["name"], one["attributes"][ARGUMENTS]) for one in calls(captured)] == [
        ("execute_tool method", {"what": "pens"}),
        ("execute_tool method", {"what": "pens"}),
        ("execute_tool async_method", {"what": "ink"}),
        ("execute_tool of_class", {"what": "all"}),
        ("execute_tool of_class", {"what": "all"}),
        ("execute_tool of_nobody", {"what": "dust"}),
        ("execute_tool method", {"what": "pens"}),
    ]


@pytest.mark.parametrize("kind", [staticmethod, classmethod])
def test_the_order_of_decorators_is_said(kind: Any) -> None:
    """`@tool` above `@staticmethod` or `@classmethod` is refused, and the error says what to do."""
    with pytest.raises(TypeError, match=rf"@tool goes below @{kind.__name__}: .*swap"):
        tool(kind(lambda: None))


async def test_a_method_of_an_agent(captured: Captured) -> None:
    """An agent takes the method of an object as a tool, and the model is not asked for `self`."""
    from contextcompany.agents import ModelReply, ToolRequest
    from tests.context.contexts import agent

    requests = (
        ToolRequest("1", "method", {"what": "pens"}),
        ToolRequest("2", "async_method", {"what": "ink"}),
        ToolRequest("3", "of_class", {"what": "all"}),
        ToolRequest("4", "of_nobody", {"what": "dust"}),
    )
    desk = Desk("top")
    asker = agent(
        ModelReply(tool_calls=requests),
        "done",
        tools=[desk.method, desk.async_method, Desk.of_class, Desk.of_nobody],
    )
    result = await asker.run("asked", context=CONTEXT)
    assert [one["content"] for one in result.messages if one["role"] == "tool"] == [
        "pens in top of 123",
        "ink in top of 123",
        "all in Desk of 123",
        "dust of 123",
    ]
    recorded = [parsed(span) for span in captured.spans if span.name.startswith("execute_tool")]
    assert sorted((one["gen_ai.tool.call.id"], one[ARGUMENTS]["what"]) for one in recorded) == [
        ("1", "pens"),
        ("2", "ink"),
        ("3", "all"),
        ("4", "dust"),
    ]


async def test_bound_methods_and_functions_made_plain_of_an_agent() -> None:
    """An agent calls a bound method with its context, and a function as other decorators left it."""
    from contextcompany.agents import ModelReply, ToolRequest
    from tests.context.contexts import agent

    class Shop:
        def order(self, ctx: Plain, what: str) -> str:
            return f"{what} of {ctx.user_id}"

    def run_at_once(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return asyncio.run(function(*args, **kwargs))

        return wrapper

    @tool
    @run_at_once
    async def at_once(what: str) -> str:
        return what

    requests = (ToolRequest("1", "order", {"what": "pens"}), ToolRequest("2", "at_once", {"what": "ink"}))
    asker = agent(ModelReply(tool_calls=requests), "done", tools=[tool(Shop().order), at_once])
    result = await asker.run("asked", context=CONTEXT)
    assert [one["content"] for one in result.messages if one["role"] == "tool"] == ["pens of 123", "ink"]


async def test_generators_of_an_agent(captured: Captured) -> None:
    """What a tool yields goes to the model as one text, or as a list; one that fails midway has failed."""
    from contextcompany.agents import ModelReply, ToolRequest
    from tests.context.contexts import agent

    @tool
    def words(ctx: Plain) -> Iterator[str]:
        yield "for "
        yield ctx.user_id

    @tool
    async def numbers(end: int) -> AsyncIterator[int]:
        for number in range(end):
            yield number

    @tool
    def failing() -> Iterator[int]:
        yield 1
        raise LookupError("gone")

    requests = (
        ToolRequest("1", "words", {}),
        ToolRequest("2", "numbers", {"end": 3}),
        ToolRequest("3", "failing", {}),
    )
    asker = agent(ModelReply(tool_calls=requests), "done", tools=[words, numbers, failing])
    result = await asker.run("asked", context=CONTEXT)
    told = [one["content"] for one in result.messages if one["role"] == "tool"]
    assert told == ["for 123", "[0,1,2]", "error: LookupError: gone"]
    recorded = [parsed(span) for span in captured.spans if span.name.startswith("execute_tool")]
    results = sorted((one["gen_ai.tool.call.id"], one.get(RESULT)) for one in recorded)
    assert results == [("1", {"value": "for 123"}), ("2", {"value": [0, 1, 2]}), ("3", None)]


# ---------------------------------------------------------------------------------------- names and schemas


def test_a_tool_has_its_function_s_name_and_docstring() -> None:
    """Without arguments, models see the name of the function and what its docstring says."""
    spec = spec_of(search)
    assert spec is not None
    assert (spec.name, spec.schema.name, spec.schema.description) == (
        "search",
        "search",
        "Search for something.",
    )


def test_a_tool_may_be_given_a_name_and_a_description() -> None:
    """`name=` and `description=` are what models see; the function keeps its own."""
    spec = spec_of(renamed)
    assert spec is not None
    assert (spec.schema.name, spec.schema.description) == ("find", "Finds things.")
    assert (renamed.__name__, renamed.__doc__) == ("renamed", "Say what nobody reads.")


def test_brackets_without_arguments_are_allowed() -> None:
    """`@tool()` is `@tool`."""

    @tool()
    def look(ctx: RunContext) -> RunContext:
        return ctx

    assert look(CONTEXT) is CONTEXT
    spec = spec_of(look)
    assert spec is not None
    assert spec.name == "look"


def test_what_is_no_tool_has_no_spec() -> None:
    """A plain function, and anything else, is no tool."""
    assert [spec_of(one) for one in (len, search.__wrapped__, 7, None)] == [None] * 4  # type: ignore[attr-defined]


# --------------------------------------------------------------------------------------- the plain function


def test_outside_of_a_run_a_call_is_the_plain_call(captured: Captured) -> None:
    """A tool that is called outside of a run does its work and records nothing."""
    assert search("a", 3, ctx=CONTEXT) == {"query": "a", "limit": 3, "known": None}
    assert captured.spans == ()


async def test_outside_of_a_run_an_async_call_is_the_plain_call(captured: Captured) -> None:
    """An async tool that is awaited outside of a run does its work and records nothing."""
    assert await asearch("a", CONTEXT) == {"query": "a", "limit": 10, "user": "123"}
    assert captured.spans == ()


def plain(query: str, limit: int = 10, *, ctx: RunContext) -> dict[str, Any]:
    """Search for something, undecorated."""
    return {"query": query, "limit": limit, "known": ctx.get("known")}


async def aplain(query: str, limit: int = 10, *, ctx: RunContext) -> dict[str, Any]:
    """Search for something, undecorated and async."""
    return {"query": query, "limit": limit, "known": ctx.get("known")}


@pytest.mark.parametrize("function", [plain, aplain])
def test_the_function_is_still_itself(function: Callable[..., Any]) -> None:
    """Name, docstring, module, annotations, defaults and signature are those of the function."""
    decorated: Any = tool(function)
    for attribute in (
        "__name__",
        "__qualname__",
        "__doc__",
        "__module__",
        "__annotations__",
        "__defaults__",
        "__kwdefaults__",
        "__code__",
    ):
        assert getattr(decorated, attribute) == getattr(function, attribute)
    assert inspect.signature(decorated) == inspect.signature(function)
    assert inspect.getdoc(decorated) == inspect.getdoc(function)
    assert inspect.getsource(decorated) == inspect.getsource(function)


@pytest.mark.parametrize("function", [plain, aplain])
@pytest.mark.parametrize(
    "predicate",
    [
        inspect.isfunction,
        inspect.isroutine,
        inspect.iscoroutinefunction,
        inspect.isgeneratorfunction,
        inspect.isasyncgenfunction,
        inspect.ismethod,
        inspect.isclass,
        callable,
    ],
    ids=lambda one: one.__name__,
)
def test_predicates_answer_as_for_the_function(predicate: Any, function: Callable[..., Any]) -> None:
    """What `inspect` says of the function it says of the tool."""
    assert predicate(tool(function)) is predicate(function)


def test_predicates_answer_as_for_methods() -> None:
    """What `inspect` says of a bound method it says of a tool that is one."""
    desk = Desk("top")
    assert inspect.ismethod(desk.method)
    assert inspect.iscoroutinefunction(desk.async_method)
    assert [*inspect.signature(desk.method).parameters] == ["what", "ctx"]
    assert [*inspect.signature(Desk.method).parameters] == ["self", "what", "ctx"]


def test_wrapped_is_the_plain_function(captured: Captured) -> None:
    """`__wrapped__` is the function itself: nothing is injected, and nothing recorded."""
    decorated: Any = tool(plain)
    assert decorated.__wrapped__ is plain
    with tcc.run("run-1") as run, using_context(CONTEXT):
        run.prompt("p")
        with pytest.raises(TypeError, match="missing 1 required keyword-only argument: 'ctx'"):
            decorated.__wrapped__("a")  # type: ignore[call-arg]
        assert decorated.__wrapped__("a", ctx=CONTEXT)["query"] == "a"
    assert calls(captured) == []


async def test_wrapped_can_be_awaited_with_a_context() -> None:
    """An async tool can be tested by its `__wrapped__` with a context made by hand, as the documents do."""
    decorated: Any = asearch
    assert (await decorated.__wrapped__("a", ctx=CONTEXT))["user"] == "123"


def test_a_decorator_below_is_kept() -> None:
    """A function that is wrapped by another decorator is called through it."""
    import functools

    def twice(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return [function(*args, **kwargs), function(*args, **kwargs)]

        return wrapper

    @tool
    @twice
    def look(ctx: Plain) -> str:
        return ctx.user_id

    with using_context(CONTEXT):
        assert look() == ["123", "123"]
    spec = spec_of(look)
    assert spec is not None
    assert spec.schema.parameters["properties"] == {}


def test_attributes_can_be_set() -> None:
    """A tool takes attributes as its function does."""
    decorated: Any = tool(plain)
    decorated.owner = "desk"
    assert decorated.owner == "desk"
    del decorated.owner


def test_arguments_are_parsed_content(captured: Captured) -> None:
    """Rich arguments and results are recorded as JSON objects."""

    @tool
    def look(where: Desk, many: set[int]) -> list[int]:
        return sorted(many)

    with tcc.run("run-1") as run:
        run.prompt("p")
        look("top", {1})  # type: ignore[arg-type]
    (span, _) = captured.spans
    assert (parsed(span)[ARGUMENTS], parsed(span)[RESULT]) == (
        {"where": "top", "many": [1]},
        {"value": [1]},
    )
