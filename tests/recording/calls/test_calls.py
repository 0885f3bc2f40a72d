"""One wrapper for every kind of function, under each of the three decorators."""

from __future__ import annotations

import asyncio
import copy
import functools
import inspect
import logging
import pickle
from typing import TYPE_CHECKING, Any

import pytest

import contextcompany as tcc
from contextcompany.recording.calls.calls import Kind, kind_of
from tests.agents.shape import shape, shapes
from tests.recording.rows import assistant, parsed, user

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from contextcompany.testing import Captured

ARGUMENTS, RESULT = "gen_ai.tool.call.arguments", "gen_ai.tool.call.result"
INPUT, OUTPUT = "gen_ai.input.messages", "gen_ai.output.messages"


def plain(text: str, times: int = 2) -> str:
    """Return a text several times."""
    return text * times


async def later(text: str, times: int = 2) -> str:
    """Return a text several times."""
    return text * times


def pieces(text: str, times: int = 2) -> Iterator[str]:
    """Yield a text several times."""
    for _ in range(times):
        yield text


async def pieces_later(text: str, times: int = 2) -> AsyncIterator[str]:
    """Yield a text several times."""
    for _ in range(times):
        yield text


FUNCTIONS: list[Any] = [plain, later, pieces, pieces_later]
PREDICATES: list[Callable[[Any], bool]] = [
    inspect.isfunction,
    inspect.iscoroutinefunction,
    inspect.isgeneratorfunction,
    inspect.isasyncgenfunction,
]


async def outcome(given: Any) -> Any:
    """Return what a call gives in the end, whatever its kind."""
    items: Any = given
    if inspect.isasyncgen(given):
        return "".join([item async for item in items])
    if inspect.isgenerator(given):
        return "".join(items)
    return await given if inspect.isawaitable(given) else given


def classes(decorate: Callable[..., Any], function: Callable[..., Any]) -> list[Any]:
    """Return a function as it is, as a method, and as one of a class and of nobody, each decorated."""

    def plainly(self: Any, text: str, times: int = 2) -> Any:
        return function(text, times)

    async def awaited(self: Any, text: str, times: int = 2) -> Any:
        return await function(text, times)

    def yielding(self: Any, text: str, times: int = 2) -> Any:
        yield from function(text, times)

    async def yielding_later(self: Any, text: str, times: int = 2) -> Any:
        async for item in function(text, times):
            yield item

    of_kind: dict[Kind, Callable[..., Any]] = {
        Kind.FUNCTION: plainly,
        Kind.COROUTINE: awaited,
        Kind.GENERATOR: yielding,
        Kind.ASYNC_GENERATOR: yielding_later,
    }
    method = of_kind[kind_of(function)]
    named = {"name": "called"}
    holder = type(
        "Holder",
        (),
        {
            "method": decorate(**named)(method),
            "of_class": classmethod(decorate(**named)(method)),
            "of_nobody": staticmethod(decorate(**named)(function)),
        },
    )
    made: Any = holder()
    return [decorate(**named)(function), made.method, made.of_class, holder.of_class, made.of_nobody]  # type: ignore[attr-defined]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda one: one.__name__)
async def test_tools_of_every_kind(captured: Captured, function: Any) -> None:
    """Arguments by name without `self`, and the result."""
    with tcc.run("run-1") as run:
        run.prompt("p")
        for one in classes(tcc.tool, function):
            assert await outcome(one("ab", times=3)) == "ababab"
    calls = [parsed(span) for span in captured.named("execute_tool called")]
    expected = ({"text": "ab", "times": 3}, {"value": "ababab"}, 0)
    assert [(one[ARGUMENTS], one[RESULT], one["tcc.statusCode"]) for one in calls] == [expected] * 5


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda one: one.__name__)
async def test_agents_of_every_kind(captured: Captured, function: Any) -> None:
    """The first argument is the prompt, what comes is the response."""
    for one in classes(tcc.agent, function):
        assert await outcome(one("ab")) == "abab"
    runs = [parsed(span) for span in captured.named("invoke_agent called")]
    expected = (user("ab"), assistant("abab"), 0)
    assert [(one[INPUT], one[OUTPUT], one["tcc.statusCode"]) for one in runs] == [expected] * 5


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda one: one.__name__)
async def test_models_of_every_kind(captured: Captured, function: Any) -> None:
    """The first argument is the prompt, what comes is the response, the name that of the model."""
    with tcc.run("run-1") as run:
        run.prompt("p")
        for one in classes(tcc.model, function):
            assert await outcome(one("ab")) == "abab"
    steps = [parsed(span) for span in captured.named("chat called")]
    expected = (user("ab"), assistant("abab"), "called")
    assert [(one[INPUT], one[OUTPUT], one["gen_ai.request.model"]) for one in steps] == [expected] * 5


@pytest.mark.parametrize("decorate", [tcc.agent, tcc.model, tcc.tool], ids=["agent", "model", "tool"])
@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda one: one.__name__)
def test_a_decorated_function_is_what_it_was(decorate: Any, function: Any) -> None:
    """For `inspect` nothing has changed."""
    decorated = decorate(function)
    assert [one(decorated) for one in PREDICATES] == [one(function) for one in PREDICATES]
    assert inspect.signature(decorated) == inspect.signature(function)
    assert (decorated.__name__, decorated.__wrapped__) == (function.__name__, function)


@pytest.mark.parametrize("decorate", [tcc.agent, tcc.model, tcc.tool], ids=["agent", "model", "tool"])
def test_misplaced_decorators_are_refused(decorate: Any) -> None:
    """Above `@staticmethod` and `@classmethod`, on a class, with a bare name: the error says what to do."""
    kinds: tuple[Any, ...] = (staticmethod, classmethod)
    for kind in kinds:
        with pytest.raises(TypeError, match=rf"@{decorate.__name__} goes below @{kind.__name__}: .*swap"):
            decorate(kind(plain))
    for wrong in (int, 7):
        with pytest.raises(TypeError, match=rf"@{decorate.__name__} decorates functions and methods: got"):
            decorate(wrong)
    name = decorate.__name__
    with pytest.raises(TypeError, match=rf"@{name} takes a name by keyword only: got 'orders'; write"):
        decorate("orders")


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda one: one.__name__)
async def test_content_can_be_kept_back(captured: Captured, function: Any) -> None:
    """With `capture_args=False` and `capture_result=False` spans are complete and hold nothing of it."""
    off: dict[str, Any] = {"capture_args": False, "capture_result": False}
    call = tcc.tool(**off)(function)
    ask = tcc.model(name="gpt-5", **off)(function)

    @tcc.agent(**off)
    async def talk(question: str) -> Any:
        return await outcome(call(question)) + await outcome(ask(question))

    assert await talk("secret") == "secret" * 4
    assert "secret" not in str(shapes(captured))
    assert [one["status"] for one in shapes(captured)] == [("UNSET", None)] * 3
    (found,) = captured.named(f"execute_tool {function.__name__}")
    assert {ARGUMENTS, RESULT} & {*parsed(found)} == set()
    assert shape(captured, "chat gpt-5")["attributes"][OUTPUT] == assistant("")


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda one: one.__name__)
async def test_content_can_be_mapped(captured: Captured, function: Any) -> None:
    """Functions get the arguments by name and the result (of a generator: its items), and say what stays."""
    options: dict[str, Any] = {
        "capture_args": lambda arguments: f"{sorted(arguments)}",
        "capture_result": lambda result: f"{type(result).__name__} of {len(result)}",
    }
    expected = "list of 2" if "pieces" in function.__name__ else "str of 4"
    call = tcc.tool(**options)(function)
    ask = tcc.model(name="gpt-5", **options)(function)
    with tcc.run("run-1") as run:
        run.prompt("p")
        await outcome(call("ab", times=2))
        await outcome(ask("ab", times=2))
    attributes = shape(captured, f"execute_tool {function.__name__}")["attributes"]
    assert (attributes[ARGUMENTS], attributes[RESULT]) == (
        {"value": "['text', 'times']"},
        {"value": expected},
    )
    attributes = shape(captured, "chat gpt-5")["attributes"]
    assert (attributes[INPUT], attributes[OUTPUT]) == (user("['text', 'times']"), assistant(expected))


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda one: one.__name__)
async def test_a_mapping_that_raises_harms_nobody(
    captured: Captured, function: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The call goes on, its span is complete and empty, and one warning says so."""

    def raising(given: Any) -> Any:
        raise LookupError

    talk = tcc.agent(capture_args=raising, capture_result=raising)(function)
    with caplog.at_level(logging.WARNING):
        assert [await outcome(talk("secret")) for _ in range(2)] == ["secretsecret"] * 2
    assert [(one["status"], one["attributes"][OUTPUT]) for one in shapes(captured)] == [
        (("UNSET", None), assistant(""))
    ] * 2
    assert len(caplog.records) == 2
    assert "secret" not in str(shapes(captured))


@pytest.mark.parametrize("decorate", [tcc.model, tcc.tool], ids=["model", "tool"])
@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda one: one.__name__)
async def test_outside_of_a_run_it_is_the_plain_call(
    captured: Captured, decorate: Any, function: Any
) -> None:
    """Steps and tool calls belong to runs; without one, or in one that is off, nothing is recorded."""
    call = decorate(function)
    assert await outcome(call("ab")) == "abab"
    assert captured.spans == ()


async def test_the_function_may_end_its_own_run(captured: Captured) -> None:
    """What comes after changes nothing and raises nothing."""

    @tcc.agent
    def talk(question: str) -> str:
        run = tcc.current_run()
        assert run is not None
        run.error("by hand")
        return "too late"

    @tcc.agent
    async def talk_later(question: str) -> str:
        return talk(question)

    assert await talk_later("q") == "too late"
    assert [one["status"] for one in shapes(captured)] == [("UNSET", None), ("ERROR", "by hand")]


def test_the_kind_below_other_decorators() -> None:
    """A decorator written with `functools.wraps` does not hide the kind."""

    def logged(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

        return wrapper

    kinds = [Kind.FUNCTION, Kind.COROUTINE, Kind.GENERATOR, Kind.ASYNC_GENERATOR]
    assert [kind_of(one) for one in FUNCTIONS] == kinds
    assert [kind_of(logged(one)) for one in FUNCTIONS] == kinds
    assert [kind_of(tcc.tool(one)) for one in FUNCTIONS] == kinds


async def test_a_wrapped_generator_function(captured: Captured) -> None:
    """One that another decorator has made a plain function of is driven if it still gives a generator."""

    def logged(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

        return wrapper

    def listed(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return list(function(*args, **kwargs))

        return wrapper

    with tcc.run("run-1") as run:
        run.prompt("p")
        assert await outcome(tcc.tool(logged(pieces))("ab")) == "abab"
        assert await outcome(tcc.tool(logged(pieces_later))("ab")) == "abab"
        assert tcc.tool(listed(pieces))("ab") == ["ab", "ab"]
    names = [one["name"] for one in shapes(captured)]
    assert names == ["invoke_agent", "execute_tool pieces", "execute_tool pieces_later"]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda one: one.__name__)
async def test_two_decorators_are_two_spans(captured: Captured, function: Any) -> None:
    """A tool that is an agent is a tool call with a run below it."""
    both = tcc.tool(tcc.agent(function))
    with tcc.run("run-1") as run:
        run.prompt("p")
        assert await outcome(both("ab")) == "abab"
        with pytest.raises(TypeError, match="argument"):
            await outcome(both())
    tool, agent = f"execute_tool {function.__name__}", f"invoke_agent {function.__name__}"
    names = [(one["name"], one["parent"]) for one in shapes(captured)]
    assert names[:3] == [("invoke_agent", None), (tool, "invoke_agent"), (agent, tool)]
    codes = [parsed(span)["tcc.statusCode"] for span in captured.named(tool)]
    assert codes == [0, 2]


def test_switched_off(captured: Captured) -> None:
    """In a run that is off, functions do their work, and an agent's run still has an id."""
    tcc.configure(disabled=True)

    @tcc.agent
    def talk(question: str) -> Any:
        run = tcc.current_run()
        yield from tcc.tool(pieces)(question)
        yield run.run_id if run else None

    *said, run_id = talk("ab")
    assert (said, len(run_id)) == (["ab", "ab"], 36)
    assert captured.spans == ()


def test_content_off_collects_nothing(captured: Captured) -> None:
    """With content off, what a generator yields is not even kept, and its span is complete."""
    tcc.configure(capture_content=False, exporter=captured)
    assert list(tcc.agent(pieces)("secret")) == ["secret", "secret"]
    (found,) = shapes(captured)
    assert (found["status"], OUTPUT in found["attributes"]) == (("UNSET", None), False)


def test_what_was_cut_is_named(captured: Captured) -> None:
    """Of an endless generator the beginning is recorded, and `tcc.truncated` says so."""

    @tcc.tool
    def count() -> Iterator[int]:
        number = 0
        while True:
            yield number
            number += 1

    with tcc.run("run-1") as run:
        run.prompt("p")
        for number in count():
            if number == 30_000:
                break
    (span,) = captured.named("execute_tool count")
    assert parsed(span)["tcc.truncated"] == [RESULT]
    assert parsed(span)[RESULT] == {"value": list(range(10_000))}


def attribute(captured: Captured, name: str, key: str) -> Any:
    """Return an attribute of the one span of a name."""
    (span,) = captured.named(name)
    return parsed(span)[key]


def run_at_once(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a plain function of a coroutine function."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return asyncio.run(function(*args, **kwargs))

    return wrapper


def in_a_thread(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a coroutine function of a plain one."""

    @functools.wraps(function)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        return await asyncio.to_thread(function, *args, **kwargs)

    return wrapper


def test_a_coroutine_function_that_was_made_plain(captured: Captured) -> None:
    """What its caller gets is the result, as without the decorator, and what it calls is below the call."""

    @tcc.tool
    @run_at_once
    async def outer(text: str) -> str:
        if not text:
            raise LookupError("no text")
        return inner(text)

    @tcc.tool
    def inner(text: str) -> str:
        return text

    with tcc.run("run-1") as run:
        run.prompt("p")
        assert outer("ab") == "ab"
        with pytest.raises(LookupError, match="no text"):
            outer("")
    assert [(one["name"], one["parent"], one["status"]) for one in shapes(captured)] == [
        ("invoke_agent", None, ("UNSET", None)),
        ("execute_tool outer", "invoke_agent", ("UNSET", None)),
        ("execute_tool inner", "execute_tool outer", ("UNSET", None)),
        ("execute_tool outer", "invoke_agent", ("ERROR", "no text")),
    ]
    assert attribute(captured, "execute_tool inner", RESULT) == {"value": "ab"}


async def test_a_plain_function_that_was_made_a_coroutine_function(captured: Captured) -> None:
    """The call lasts until it is awaited, and its result is what that gives."""
    with tcc.run("run-1") as run:
        run.prompt("p")
        assert await tcc.tool(in_a_thread(plain))("ab") == "abab"
    assert attribute(captured, "execute_tool plain", RESULT) == {"value": "abab"}


async def test_an_object_with_an_async_call(captured: Captured) -> None:
    """An object that is called like a coroutine function is recorded as one."""

    class Search:
        async def __call__(self, text: str) -> str:
            return text

    with tcc.run("run-1") as run:
        run.prompt("p")
        assert await tcc.tool(name="search")(Search())("ab") == "ab"
    assert attribute(captured, "execute_tool search", RESULT) == {"value": "ab"}


@pytest.mark.parametrize("decorate", [tcc.agent, tcc.model, tcc.tool])
async def test_a_coroutine_has_the_function_s_name(decorate: Any) -> None:
    """Warnings and task lists name what was called."""
    coroutine = decorate(later)("ab")
    assert (coroutine.__name__, coroutine.__qualname__) == ("later", "later")
    assert await coroutine == "abab"


@tcc.tool
def shouted(text: str) -> str:
    """Return a text in capitals."""
    return text.upper()


class Speaker:
    """Has tools."""

    def __init__(self) -> None:
        self.last = ""

    @tcc.tool
    def say(self, text: str) -> str:
        """Keep a text and return it."""
        self.last = text
        return text

    @classmethod
    @tcc.tool
    def named(cls, text: str) -> str:
        """Return a text after the name of the class."""
        return cls.__name__ + text

    @staticmethod
    @tcc.tool
    def quoted(text: str) -> str:
        """Return a text."""
        return text


def test_decorated_functions_are_copied_and_pickled_as_plain_ones() -> None:
    """They go into other processes by name, and are the same in a deep copy of what holds them."""
    speaker = Speaker()
    for function in (shouted, Speaker.quoted):
        assert copy.copy(function) is copy.deepcopy(function) is pickle.loads(pickle.dumps(function))
    assert pickle.loads(pickle.dumps(Speaker.named))("!") == copy.deepcopy(Speaker.named)("!") == "Speaker!"
    assert pickle.loads(pickle.dumps(speaker.say))("ab") == copy.copy(speaker.say)("ab") == "ab"
    held: dict[str, Any] = copy.deepcopy({"speaker": speaker, "say": speaker.say})
    held["say"]("cd")
    assert (held["speaker"].last, speaker.last) == ("cd", "ab")


def test_a_bound_method_that_is_decorated(captured: Captured) -> None:
    """Its arguments keep their names, and the context goes where the method takes it."""

    class Shop:
        def order(self, ctx: tcc.RunContext, number: int) -> str:
            return f"{ctx.query} {number}"

    with tcc.run("run-1") as run:
        run.prompt("p")
        assert tcc.tool(Shop().order)(tcc.RunContext(query="where"), 17) == "where 17"
    assert attribute(captured, "execute_tool order", ARGUMENTS) == {"number": 17}


def test_functions_without_a_name_or_a_signature() -> None:
    """A partial function has the name of what it calls; what has none is told to bring one."""
    assert tcc.tool(functools.partial(plain, times=3))("a") == "aaa"
    nameless: Any = type("Nameless", (), {"__call__": plain})()
    with pytest.raises(TypeError, match="needs the name of what it decorates: got Nameless, which has none"):
        tcc.tool(nameless)
    with pytest.raises(TypeError, match="needs a function with a signature: got <built-in function max>"):
        tcc.tool(max)
