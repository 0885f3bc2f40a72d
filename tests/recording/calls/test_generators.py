"""Decorated generators: a span around all steps, and a consumer that notices nothing of it."""

from __future__ import annotations

import asyncio
import gc
import inspect
import sys
import threading
import weakref
from contextlib import aclosing, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import context as otel_context
from opentelemetry import trace

import contextcompany as tcc
from contextcompany.context.current import using_context
from contextcompany.runtime.process import process
from tests.agents.shape import ordered, shape, tree
from tests.recording.rows import parsed, span_id

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator, Iterator

    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from contextcompany.testing import Captured

RESULT = "gen_ai.tool.call.result"


def named_now() -> str | None:
    """Return the id of the current run."""
    run = tcc.current_run()
    return None if run is None else run.run_id


@tcc.tool
def inner() -> str:
    """Be a child of whatever is current."""
    return "inner"


@tcc.tool
def outer() -> str:
    """Be a child of whatever is current for the consumer."""
    return "outer"


@tcc.tool
def words(text: str) -> Iterator[str]:
    """Yield words, with a child for each."""
    for word in text.split():
        inner()
        yield word + " "


@tcc.tool
async def words_later(text: str) -> AsyncIterator[str]:
    """Yield words after a while, with a child for each."""
    for word in text.split():
        await asyncio.sleep(0)
        inner()
        yield word + " "


def ended(captured: Captured, name: str) -> tuple[Any, Any, Any]:
    """Return status code, span status and result of the one call of a tool."""
    (span,) = captured.named(f"execute_tool {name}")
    attributes = parsed(span)
    return attributes["tcc.statusCode"], span.status.status_code.name, attributes.get(RESULT)


# ------------------------------------------------------------------------- the four checks of a generator


def test_consumers_are_no_children(captured: Captured) -> None:
    """What the body does is below the generator's span; what the consumer does in between is beside it."""
    with tcc.run("run-1") as run:
        run.prompt("p")
        assert [outer() for _ in words("a b")] == ["outer", "outer"]
    assert tree(captured) == [
        [
            "invoke_agent",
            ["execute_tool words", ["execute_tool inner"], ["execute_tool inner"]],
            ["execute_tool outer"],
            ["execute_tool outer"],
        ]
    ]
    assert ended(captured, "words") == (0, "UNSET", {"value": "a b "})


async def test_async_consumers_are_no_children(captured: Captured) -> None:
    """The same with async generators."""
    async with tcc.run("run-1") as run:
        run.prompt("p")
        assert [outer() async for _ in words_later("a b")] == ["outer", "outer"]
    assert tree(captured) == [
        [
            "invoke_agent",
            ["execute_tool words_later", ["execute_tool inner"], ["execute_tool inner"]],
            ["execute_tool outer"],
            ["execute_tool outer"],
        ]
    ]
    assert ended(captured, "words_later") == (0, "UNSET", {"value": "a b "})


def test_a_break_ends_the_span_and_leaves_nothing(captured: Captured) -> None:
    """After `break` the span is ended as partial with what was yielded, and the next root has no parent."""
    with tcc.run("run-1") as run:
        run.prompt("p")
        for _ in words("a b c"):
            break
        assert ended(captured, "words") == (1, "UNSET", {"value": "a "})
    with tcc.run("run-2") as run:
        run.prompt("p")
    (span,) = [span for span in captured.spans if parsed(span)["tcc.runId"] == "run-2"]
    assert span.parent is None
    assert process.current.innermost() is None


async def test_an_async_break_ends_the_span_and_leaves_nothing(captured: Captured) -> None:
    """After `break` out of an `async for` the same holds, as soon as the generator is closed."""
    async with tcc.run("run-1") as run:
        run.prompt("p")
        items: Any = words_later("a b c")
        async with aclosing(items):
            async for _ in items:
                break
        assert ended(captured, "words_later") == (1, "UNSET", {"value": "a "})
        async for _ in words_later("d e f"):
            break
        assert tcc.current_run() is run
        await asyncio.sleep(0)  # the event loop closes the second one, which nobody holds any more
        await asyncio.sleep(0)
        assert len(captured.named("execute_tool words_later")) == 2
    assert process.current.innermost() is None


async def test_one_task_per_step_keeps_the_parent(captured: Captured) -> None:
    """Steps made by tasks of their own are one span below the run, and their children below it."""
    async with tcc.run("run-1") as run:
        run.prompt("p")
        items = words_later("a b")

        async def step() -> str | None:
            with tcc.run("other") as other:
                other.prompt("p")
                item = await anext(items, None)
                assert tcc.current_run() is other
                return item

        assert [await asyncio.create_task(step()) for _ in range(3)] == ["a ", "b ", None]
    (found,) = captured.named("execute_tool words_later")
    assert found.parent is not None
    assert found.parent.span_id == span_id(run)
    assert {
        span.parent.span_id for span in captured.named("execute_tool inner") if span.parent is not None
    } == {found.context.span_id if found.context else 0}


def test_one_thread_per_step_keeps_the_parent(captured: Captured) -> None:
    """Steps made by threads of their own, which know of no run, are one span below the run."""
    with tcc.run("run-1") as run:
        run.prompt("p")
        items = words("a b")
        got: list[str | None] = []
        for _ in range(3):
            thread = threading.Thread(target=lambda: got.append(next(items, None)))
            thread.start()
            thread.join()
    assert got == ["a ", "b ", None]
    assert tree(captured) == [
        ["invoke_agent", ["execute_tool words", ["execute_tool inner"], ["execute_tool inner"]]]
    ]


def echo(log: list[Any]) -> Generator[Any, Any, str]:
    """Yield what comes in, exceptions included, until it is closed."""
    got: Any = "first"
    try:
        while got != "end":
            try:
                got = yield got
            except ValueError as error:
                got = str(error)
            log.append(sys.exc_info()[1])
    finally:
        log.append("closed")
    return "returned"


async def echo_later(log: list[Any]) -> AsyncIterator[Any]:
    """Yield what comes in, exceptions included, until it is closed, after a while."""
    got: Any = "first"
    try:
        while got != "end":
            await asyncio.sleep(0)
            try:
                got = yield got
            except ValueError as error:
                got = str(error)
            log.append(sys.exc_info()[1])
    finally:
        await asyncio.sleep(0)
        log.append("closed")


def test_send_throw_close_and_return_work(captured: Captured) -> None:
    """The decorated generator does, step by step, what the plain one does; `yield from` gets its value."""

    def drive(function: Callable[..., Any]) -> list[Any]:
        log: list[Any] = []
        one = function(log)
        seen = [next(one), one.send("sent"), one.throw(ValueError("thrown")), one.send(None)]
        one.close()
        one.close()
        seen.append(next(one, "over"))
        two = function(log)
        with pytest.raises(StopIteration) as stop:
            two.send([next(two), "end"][1])
        seen.append(stop.value.value)
        three = function(log)
        next(three)
        with pytest.raises(KeyError):
            three.throw(KeyError("unknown"))

        def around() -> Iterator[Any]:
            value = yield from function(log)
            yield value

        items = around()
        seen += [next(items), items.send("end")]  # type: ignore[attr-defined]
        not_begun = function(log)
        not_begun.close()
        with pytest.raises(TypeError, match="can't send non-None value"):
            function(log).send("too early")
        return [*seen, log]

    plain = drive(echo)
    with tcc.run("run-1") as run:
        run.prompt("p")
        assert drive(tcc.tool(echo)) == plain
    codes = [parsed(span)["tcc.statusCode"] for span in captured.named("execute_tool echo")]
    assert codes == [1, 0, 2, 0]
    kinds = [
        span.attributes.get("error.type") for span in captured.named("execute_tool echo") if span.attributes
    ]
    assert kinds == [None, None, "KeyError", None]


async def test_asend_athrow_aclose_work(captured: Captured) -> None:
    """The decorated async generator does, step by step, what the plain one does."""

    async def drive(function: Callable[..., Any]) -> list[Any]:
        log: list[Any] = []
        one = function(log)
        seen = [await anext(one), await one.asend("sent"), await one.athrow(ValueError("thrown"))]
        await one.aclose()
        await one.aclose()
        seen.append(await anext(one, "over"))
        two = function(log)
        await anext(two)
        with pytest.raises(StopAsyncIteration):
            await two.asend("end")
        three = function(log)
        await anext(three)
        with pytest.raises(KeyError):
            await three.athrow(KeyError("unknown"))
        not_begun = function(log)
        await not_begun.aclose()
        return [*seen, log]

    plain = await drive(echo_later)
    with tcc.run("run-1") as run:
        run.prompt("p")
        assert await drive(tcc.tool(echo_later)) == plain
    codes = [parsed(span)["tcc.statusCode"] for span in captured.named("execute_tool echo_later")]
    assert codes == [1, 0, 2]


def test_inspect_says_what_it_said(captured: Captured) -> None:
    """Function and generator are for `inspect` what they were, names included."""
    assert inspect.isgeneratorfunction(words)
    assert inspect.isasyncgenfunction(words_later)
    with tcc.run("run-1") as run:
        run.prompt("p")
        items: Any = words("a")
        later: Any = words_later("a")
    assert (inspect.isgenerator(items), inspect.isasyncgen(later)) == (True, True)
    assert (items.__name__, later.__qualname__) == ("words", "words_later")


# ---------------------------------------------------------------------------------------- life of the span


def test_the_span_starts_at_the_first_step_below_the_parent_of_the_call(captured: Captured) -> None:
    """Called in one run and consumed in another, a generator belongs to the first; unused, to none."""
    with tcc.run("run-1") as run:
        run.prompt("p")
        words("never begun")
        items = words("a")
    with tcc.run("run-2") as second:
        second.prompt("p")
        assert captured.named("execute_tool words") == ()
        assert list(items) == ["a "]
    (span,) = captured.named("execute_tool words")
    assert span.parent is not None
    assert span.parent.span_id == span_id(run)


def test_outside_a_run_it_is_the_plain_generator(captured: Captured) -> None:
    """Called outside of any run nothing is recorded, wherever it is consumed."""
    items = words("a")
    with tcc.run("run-1") as run:
        run.prompt("p")
        assert list(items) == ["a "]
    assert tree(captured) == [["invoke_agent", ["execute_tool inner"]]]


def test_wrong_arguments_raise_at_the_call(captured: Captured) -> None:
    """As with the plain function, no step is needed."""
    with tcc.run("run-1") as run:
        run.prompt("p")
        with pytest.raises(TypeError, match="unexpected keyword argument 'nothing'"):
            words("a", nothing=1)  # type: ignore[call-arg]


def test_a_failing_generator_fails_its_span(captured: Captured) -> None:
    """What the body raises goes on unchanged; the span says what it was and what had come until then."""
    error = LookupError("gone")

    @tcc.tool
    def failing() -> Iterator[int]:
        yield 1
        raise error

    with tcc.run("run-1") as run:
        run.prompt("p")
        items = failing()
        assert next(items) == 1
        with pytest.raises(LookupError) as caught:
            next(items)
    assert caught.value is error
    assert ended(captured, "failing") == (2, "ERROR", {"value": [1]})


def test_a_dropped_generator_ends_at_once(captured: Captured) -> None:
    """No reference cycle holds a generator, be it stopped or failed: it goes when its last name goes."""
    gc.disable()
    try:
        with tcc.run("run-1") as run:
            run.prompt("p")
            items: Any = words("a b")
            next(items)
            del items
            assert ended(captured, "words") == (1, "UNSET", {"value": "a "})
            failed: Any = tcc.tool(echo)([])
            next(failed)
            with pytest.raises(KeyError):
                failed.throw(KeyError())
            held = weakref.ref(failed)
            del failed
            assert held() is None
    finally:
        gc.enable()


def test_a_body_that_swallows_the_end(captured: Captured) -> None:
    """A generator that yields again when it is closed raises what the plain one raises, and goes on."""

    @tcc.tool
    def stubborn() -> Iterator[int]:
        try:
            yield 1
        except GeneratorExit:
            yield 2
        yield 3

    with tcc.run("run-1") as run:
        run.prompt("p")
        items: Any = stubborn()
        next(items)
        with pytest.raises(RuntimeError, match="ignored GeneratorExit"):
            items.close()
        assert list(items) == [3]
    assert ended(captured, "stubborn") == (0, "UNSET", {"value": [1, 2, 3]})


def test_a_status_of_the_body_stays(captured: Captured) -> None:
    """Stopped early or not, what the body said of its run is what is recorded."""

    @tcc.agent
    def talk(question: str) -> Iterator[str]:
        run = tcc.current_run()
        assert run is not None
        run.status(2, "said so")
        yield "a"

    for _ in talk("q"):
        break
    found = shape(captured, "invoke_agent talk")
    assert (found["attributes"]["tcc.statusCode"], found["status"]) == (2, ("ERROR", "said so"))


def test_a_handle_that_the_body_ended_is_left_alone(captured: Captured) -> None:
    """The body may end its own run; what comes after changes nothing and raises nothing."""

    @tcc.agent
    def talk(question: str) -> Iterator[str]:
        run = tcc.current_run()
        assert run is not None
        run.response("by hand").end()
        yield "a"

    assert list(talk("q")) == ["a"]
    assert shape(captured, "invoke_agent talk")["attributes"]["tcc.statusCode"] == 0


def test_generators_in_each_other(captured: Captured) -> None:
    """Interleaved and nested generators each keep what is current in them."""

    @tcc.tool
    def nested(text: str) -> Iterator[str]:
        for word in words(text):
            yield word + "!"

    with tcc.run("run-1") as run:
        run.prompt("p")
        assert list(zip(nested("a b"), words("c d"), strict=True)) == [("a !", "c "), ("b !", "d ")]
        assert tcc.current_run() is run
    children = [["execute_tool inner"], ["execute_tool inner"]]
    assert tree(captured) == [
        [
            "invoke_agent",
            ["execute_tool nested", ["execute_tool words", *children]],
            ["execute_tool words", *children],
        ]
    ]


def test_blocks_in_the_body_stay_in_it(captured: Captured) -> None:
    """A `with` block around a yield in a decorated generator is current in its body alone."""

    @tcc.agent
    def talk(question: str) -> Iterator[str]:
        run = tcc.current_run()
        assert run is not None
        with run.step() as step:
            step.prompt("q").response("a")
            yield "a"
            inner()

    with tcc.run("run-1") as run:
        run.prompt("p")
        for _ in talk("q"):
            outer()
    assert tree(captured) == [
        ["invoke_agent", ["invoke_agent talk", ["chat", ["execute_tool inner"]]], ["execute_tool outer"]]
    ]


async def test_the_run_context_stays_in_the_body(captured: Captured) -> None:
    """An agent that yields has its own RunContext current, and its consumer the one it had."""

    @tcc.agent
    async def talk(question: str, ctx: tcc.RunContext) -> AsyncIterator[Any]:
        yield tcc.current_context()
        yield tcc.current_context()

    mine = tcc.RunContext(query="mine")
    with using_context(mine):
        async for seen in talk("q", tcc.RunContext()):
            assert isinstance(seen, tcc.RunContext)
            assert seen.query == "q"
            assert tcc.current_context() is mine


@given(st.lists(st.sampled_from([0, 1, 2]), max_size=12))
def test_whatever_the_order_of_steps(order: list[int]) -> None:
    """Three generators stepped in any order: each sees its own run, the consumer its own."""

    @tcc.agent
    def talk(name: str) -> Iterator[str | None]:
        mine = named_now()
        while True:
            assert named_now() == mine
            yield mine

    tcc.configure(disabled=True)
    with tcc.run("consumer"):
        tcc.current_run().prompt("p")  # type: ignore[union-attr]
        three = [talk(str(number)) for number in range(3)]
        seen: dict[int, str | None] = {}
        for number in order:
            assert seen.setdefault(number, item := next(three[number])) == item
            assert named_now() == "consumer"
        assert len(set(seen.values())) == len(seen)


# ---------------------------------------------------------------------------- the OpenTelemetry context


def test_the_applications_context_is_never_written(
    captured: Captured, application: tuple[TracerProvider, InMemorySpanExporter]
) -> None:
    """Beside an application's own tracing, its spans in body and consumer have the parents they had."""
    tracer = application[0].get_tracer("app")

    @tcc.tool
    def body() -> Iterator[int]:
        with tracer.start_as_current_span("in body"):
            pass
        yield 1

    with tracer.start_as_current_span("root"), tcc.run("run-1") as run:
        run.prompt("p")
        before = otel_context.get_current()
        for _ in body():
            assert otel_context.get_current() is before
            with tracer.start_as_current_span("in consumer"):
                pass
    names = {one.name: one for one in application[1].get_finished_spans()}
    root = names["root"].context
    for name in ("in body", "in consumer"):
        parent = names[name].parent
        assert parent is not None
        assert root is not None
        assert parent.span_id == root.span_id


@pytest.mark.parametrize("shared", [False, True])
def test_where_it_is_ours_to_set_it_is_swapped(
    captured: Captured, application: tuple[TracerProvider, InMemorySpanExporter], shared: bool
) -> None:
    """On a shared provider, and where there is none, the body sees its span, and the consumer its own."""
    provider, exporter = application
    if shared:
        tcc.configure(tracer_provider=provider)
    else:
        trace._TRACER_PROVIDER = None
    seen: list[Any] = []

    @tcc.tool
    def body() -> Iterator[int]:
        for number in range(2):
            seen.append(trace.get_current_span())
            yield number

    with tcc.run("run-1") as run:
        run.prompt("p")
        before = otel_context.get_current()
        assert trace.get_current_span() is run.span
        for _ in body():
            assert otel_context.get_current() is before
    assert seen[0] is seen[1]
    assert seen[0].name == "execute_tool body"
    spans = exporter.get_finished_spans() if shared else captured.spans
    assert [span.name for span in ordered(spans)] == ["invoke_agent", "execute_tool body"]


# ------------------------------------------------------------------------ undecorated, with a block inside


def test_an_undecorated_generator_keeps_its_run_to_itself(captured: Captured) -> None:
    """The run of a block in a plain generator is current there, and never for the consumer."""

    def talk() -> Iterator[str]:
        with tcc.run("inside") as run:
            run.prompt("p")
            inner()
            yield "a"
            inner()
            yield "b"

    with tcc.run("outside") as run:
        run.prompt("p")
        for _ in talk():
            assert tcc.current_run() is run
            outer()
    assert tree(captured) == [
        [
            "invoke_agent",
            ["invoke_agent", ["execute_tool inner"], ["execute_tool inner"]],
            ["execute_tool outer"],
            ["execute_tool outer"],
        ]
    ]


async def test_an_undecorated_async_generator_keeps_its_run_to_itself(captured: Captured) -> None:
    """The same with an async generator and `async with`; a break leaves nothing behind."""

    async def talk() -> AsyncIterator[str]:
        async with tcc.run("inside") as run:
            run.prompt("p")
            await asyncio.sleep(0)
            inner()
            yield "a"
            yield "b"

    items = talk()
    async for _ in items:
        assert tcc.current_run() is None
        outer()
        break
    with tcc.run("next") as run:
        run.prompt("p")
    await items.aclose()  # type: ignore[attr-defined]
    assert tree(captured) == [["invoke_agent", ["execute_tool inner"]], ["invoke_agent"]]
    assert process.current.innermost() is None


def test_a_dropped_undecorated_generator_ends_at_once(captured: Captured) -> None:
    """What remembers the frame of a generator does not hold the generator."""

    def talk() -> Iterator[str]:
        with tcc.run("inside") as run:
            run.prompt("p")
            yield "a"

    gc.disable()
    try:
        items = talk()
        next(items)
        del items
        assert len(captured.spans) == 1
    finally:
        gc.enable()
    assert process.current.innermost() is None


def test_an_exit_stack_in_a_generator(captured: Captured) -> None:
    """A handle entered through an ExitStack or a context manager belongs to the generator around it."""
    from contextlib import ExitStack

    @contextmanager
    def managed(name: str) -> Iterator[tcc.Run]:
        with tcc.run(name) as run:
            yield run.prompt("p")

    def talk() -> Iterator[str]:
        with ExitStack() as stack:
            stack.enter_context(tcc.run("stack")).prompt("p")
            yield named_now() or "none"
        with managed("managed"):
            yield named_now() or "none"

    seen = [(inside, named_now()) for inside in talk()]
    assert seen == [("stack", None), ("managed", None)]


async def test_context_managers_make_current_for_others(captured: Captured) -> None:
    """`@contextmanager` and `@asynccontextmanager` exist to do so, in the OpenTelemetry context too."""

    @contextmanager
    def plain() -> Iterator[tcc.Run]:
        with tcc.run("plain") as run:
            yield run.prompt("p")

    @asynccontextmanager
    async def later() -> AsyncIterator[tcc.Run]:
        async with tcc.run("later") as run:
            yield run.prompt("p")

    with plain() as run:
        assert tcc.current_run() is run
        assert trace.get_current_span() is run.span
    async with later() as run:
        assert tcc.current_run() is run
        await asyncio.sleep(0)
        assert tcc.current_run() is run
    assert tcc.current_run() is None


@pytest.fixture
def given_run(captured: Captured) -> Iterator[tcc.Run]:
    """Give a test a run that is current."""
    with tcc.run("fixture") as run:
        yield run.prompt("p")


def test_fixtures_make_current_for_others(given_run: tcc.Run) -> None:
    """What a pytest fixture enters is current in the test."""
    assert tcc.current_run() is given_run


def test_on_a_shared_provider_children_of_a_generator_s_run_are_its_own(
    application: tuple[TracerProvider, InMemorySpanExporter],
) -> None:
    """Though the OpenTelemetry context does not know the run, what the body records is below it."""
    provider, exporter = application
    tcc.configure(tracer_provider=provider)
    tracer = provider.get_tracer("app")

    def talk() -> Iterator[str]:
        with tcc.run("inside") as run:
            run.prompt("p")
            inner()
            yield "a"
            inner()

    with tracer.start_as_current_span("app"):
        items = talk()
        next(items)
        assert trace.get_current_span().name == "app"  # type: ignore[attr-defined]
        with tracer.start_as_current_span("consumer"):
            assert next(items, None) is None
    by_id = {span.context.span_id: span.name for span in exporter.get_finished_spans() if span.context}
    assert sorted(
        (span.name, by_id[span.parent.span_id] if span.parent else None)
        for span in exporter.get_finished_spans()
    ) == [
        ("app", None),
        ("consumer", "app"),
        ("execute_tool inner", "invoke_agent"),
        ("execute_tool inner", "invoke_agent"),
        ("invoke_agent", "app"),
    ]
