"""Streams: what passes through untouched, what is recorded of it, and how a step ends with its stream."""

from __future__ import annotations

import asyncio
import copy
import gc
import inspect
import logging
import pickle
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import context as otel_context

import contextcompany as tcc
from contextcompany.runtime.process import process
from contextcompany.testing import capture
from tests.recording.rows import assistant, parsed, user, whole

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator, Iterator

    from contextcompany import Run, Step
    from contextcompany.testing import Captured
    from tests.recording.conftest import Arrivals

FIRST: Final = "gen_ai.response.time_to_first_chunk"
PARTIAL: Final = "the stream was not read to its end"
TEXTS: Final = ("Hel", "lo ", "there")


@pytest.fixture
def r(captured: Captured) -> Iterator[Run]:
    """Hold a run open around the steps of a test."""
    opened = tcc.run("run-1").prompt("p")
    yield opened
    opened.end()


@pytest.fixture
def s(r: Run) -> Step:
    """Make a step that lacks only its response."""
    return r.step("step-1").prompt("q")


def texts() -> Generator[str]:
    """Give three texts."""
    yield from TEXTS


async def texts_awaited() -> AsyncGenerator[str]:
    """Give three texts, each after others had their turn."""
    for text in TEXTS:
        await asyncio.sleep(0)
        yield text


def breaking(error: BaseException) -> Generator[str]:
    """Give two texts, and raise."""
    yield from TEXTS[:2]
    raise error


async def breaking_awaited(error: BaseException) -> AsyncGenerator[str]:
    """Give two texts, and raise."""
    for text in TEXTS[:2]:
        yield text
    raise error


def only(captured: Captured) -> dict[str, Any]:
    """Return the only step that has ended, without the time of its first chunk."""
    (span,) = captured.named("chat")
    seen = whole(span)
    seen["attributes"].pop(FIRST, None)
    return seen


def step_with(output: str, code: int = 0, **more: Any) -> dict[str, Any]:
    """Return the attributes of a step that recorded a stream of text."""
    return {
        "gen_ai.operation.name": "chat",
        "tcc.runId": "run-1",
        "tcc.stepId": "step-1",
        "gen_ai.provider.name": "_OTHER",
        "gen_ai.request.stream": True,
        "gen_ai.input.messages": user("q"),
        "gen_ai.output.messages": assistant(output),
        "tcc.statusCode": code,
        **({"tcc.statusMessage": PARTIAL} if code == 1 else {}),
        **more,
    }


# --- what passes -----------------------------------------------------------------------------------


def test_a_stream_that_is_read_to_its_end_ends_its_step(captured: Captured, s: Step) -> None:
    """All texts pass, and the step is whole with the response they make."""
    assert list(s.stream(texts())) == list(TEXTS)
    seen = only(captured)
    assert seen["attributes"] == step_with("Hello there")
    assert (seen["status"], seen["events"]) == (("UNSET", None), [])


async def test_an_async_stream_that_is_read_to_its_end_ends_its_step(captured: Captured, s: Step) -> None:
    """What is said of sync streams holds for async ones."""
    assert [text async for text in s.stream(texts_awaited())] == list(TEXTS)
    assert only(captured)["attributes"] == step_with("Hello there")


@pytest.mark.parametrize("source", [list, tuple, iter], ids=["list", "tuple", "iterator"])
def test_any_iterable_is_a_stream(captured: Captured, s: Step, source: Callable[[Any], Any]) -> None:
    """Lists, tuples and iterators of texts are streams as generators are."""
    assert list(s.stream(source(TEXTS))) == list(TEXTS)
    assert only(captured)["attributes"] == step_with("Hello there")


def test_a_stream_can_be_left_and_gone_on_with(captured: Captured, s: Step) -> None:
    """A loop that stops is no end while the stream is still held, and a second loop goes on."""
    stream = s.stream(texts())
    for text in stream:
        assert text == "Hel"
        break
    assert captured.named("chat") == ()
    assert list(stream) == ["lo ", "there"]
    assert only(captured)["attributes"] == step_with("Hello there")


def test_a_generator_is_still_a_generator(captured: Captured, s: Step) -> None:
    """`send`, `throw`, the value it returns and `inspect.isgenerator` are the generator's own."""

    def talking() -> Generator[str, str, str]:
        heard = yield "a"
        try:
            yield heard
        except KeyError:
            yield "c"
        return "value"

    stream: Any = s.stream(talking())
    is_generator = inspect.isgenerator(stream)
    assert is_generator
    assert next(stream) == "a"
    assert stream.send("b") == "b"
    assert stream.throw(KeyError("k")) == "c"
    with pytest.raises(StopIteration) as ended:
        next(stream)
    assert ended.value.value == "value"
    assert only(captured)["attributes"] == step_with("abc")


def test_what_delegates_to_a_stream_reaches_the_source(captured: Captured, s: Step) -> None:
    """`yield from` a stream sends to the source, throws into it, closes it, and has what it returns."""
    seen: list[object] = []

    def source() -> Generator[str, str, str]:
        try:
            sent = yield "a"
            try:
                yield sent
            except LookupError:
                yield "c"
            return "done"
        finally:
            seen.append("closed")

    def delegating(stream: Any) -> Generator[str, str, None]:
        result: object = yield from stream
        seen.append(result)

    reader = delegating(s.stream(source(), end=False))
    assert (next(reader), reader.send("b"), reader.throw(LookupError())) == ("a", "b", "c")
    assert list(reader) == []
    assert seen == ["closed", "done"]
    stopped = delegating(s.stream(source()))
    assert next(stopped) == "a"
    stopped.close()
    assert seen == ["closed", "done", "closed"]
    (span,) = captured.named("chat")
    assert parsed(span)["tcc.statusMessage"] == PARTIAL


def test_an_iterator_of_a_stream_does_not_close_what_it_is_made_from(s: Step) -> None:
    """A source that only gives iterators is left open by who delegates to one, as without a step."""

    class Source:
        def __iter__(self) -> Iterator[str]:
            return iter(TEXTS)

        def close(self) -> None:
            raise AssertionError("closed")

    stream = s.stream(Source())

    def delegating() -> Generator[str]:
        yield from stream

    reader = delegating()
    assert next(reader) == TEXTS[0]
    reader.close()
    assert "".join(stream) == "lo there"


def test_a_copy_of_a_stream_is_one_of_its_source(s: Step) -> None:
    """A stream is copied and pickled as its source is, or as little."""
    stream = s.stream(["a", "b"])
    for copied in (copy.copy(stream), copy.deepcopy(stream), pickle.loads(pickle.dumps(stream))):
        assert type(copied) is list
        assert copied == ["a", "b"]
    with pytest.raises(TypeError, match="cannot pickle 'generator' object"):
        copy.copy(s.stream(texts()))


async def test_an_async_generator_is_still_one(captured: Captured, s: Step) -> None:
    """`asend`, `athrow` and `inspect.isasyncgen` are the async generator's own."""

    async def talking() -> AsyncGenerator[str, str]:
        heard = yield "a"
        try:
            yield heard
        except KeyError:
            yield "c"

    stream: Any = s.stream(talking())
    is_generator = inspect.isasyncgen(stream)
    assert is_generator
    assert not hasattr(stream, "__iter__")
    assert await anext(stream) == "a"
    assert await stream.asend("b") == "b"
    assert await stream.athrow(KeyError("k")) == "c"
    with pytest.raises(StopAsyncIteration):
        await anext(stream)
    assert only(captured)["attributes"] == step_with("abc")


def test_attributes_of_the_source_are_read_and_written_through(s: Step) -> None:
    """Whoever sets, deletes or lists attributes does it on the source."""

    class Source:
        def __init__(self) -> None:
            self.kept = 1

        def __iter__(self) -> Iterator[str]:
            return iter(TEXTS)

    source = Source()
    stream = s.stream(source)
    stream.kept = 2
    assert (source.kept, isinstance(stream, Source), "kept" in dir(stream)) == (2, True, True)
    del stream.kept
    assert not hasattr(source, "kept")
    list(stream)


def test_a_source_for_sync_and_async_loops_stays_one(captured: Captured, r: Run) -> None:
    """Some clients give one object for both kinds of loop."""

    class Both:
        def __iter__(self) -> Iterator[str]:
            return iter(TEXTS)

        def __aiter__(self) -> AsyncGenerator[str]:
            return texts_awaited()

    async def awaited() -> list[str]:
        return [text async for text in r.step("two").prompt("q").stream(Both())]

    assert list(r.step("one").prompt("q").stream(Both())) == list(TEXTS)
    assert asyncio.run(awaited()) == list(TEXTS)
    assert [parsed(span)["gen_ai.output.messages"] for span in captured.named("chat")] == [
        assistant("Hello there")
    ] * 2


@pytest.mark.parametrize("source", [5, None, object()], ids=["a number", "nothing", "an object"])
def test_what_is_no_stream_is_misuse(s: Step, source: Any) -> None:
    """What cannot be iterated raises at once, and the step stays as it was."""
    with pytest.raises(TypeError, match="stream\\(\\) needs an iterable or async iterable"):
        s.stream(source)
    s.response("a").end()


# --- how it ends -----------------------------------------------------------------------------------


def test_a_stream_that_raises_fails_its_step(captured: Captured, s: Step) -> None:
    """The exception reaches the consumer as the same object, once recorded; what arrived is kept."""
    error = OSError("the line is cut")
    stream = s.stream(breaking(error))
    with pytest.raises(OSError, match="the line is cut") as raised:
        list(stream)
    assert raised.value is error
    seen = only(captured)
    assert seen["attributes"] == step_with(
        "Hello ", 2, **{"error.type": "OSError", "tcc.statusMessage": "the line is cut"}
    )
    assert seen["status"] == ("ERROR", "the line is cut")
    assert [name for name, _ in seen["events"]] == ["exception"]


async def test_an_async_stream_that_raises_fails_its_step(captured: Captured, s: Step) -> None:
    """What is said of sync streams holds for async ones."""
    error = OSError("the line is cut")
    with pytest.raises(OSError, match="the line is cut") as raised:
        async for _ in s.stream(breaking_awaited(error)):
            pass
    assert raised.value is error
    assert only(captured)["attributes"]["error.type"] == "OSError"


async def test_a_task_that_is_cancelled_while_it_waits_fails_its_step(captured: Captured, s: Step) -> None:
    """Cancellation fails a step as it fails one that is left by it in a with block."""
    waiting = asyncio.Event()

    async def slow() -> AsyncGenerator[str]:
        yield "a"
        waiting.set()
        await asyncio.Event().wait()

    async def consume() -> None:
        async for _ in s.stream(slow()):
            pass

    task = asyncio.create_task(consume())
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert only(captured)["attributes"]["error.type"] == "asyncio.exceptions.CancelledError"


def test_a_stream_that_is_closed_is_abandoned_and_not_failed(captured: Captured, s: Step) -> None:
    """`close()` closes the source, and the step is a partial success with what arrived."""
    source = texts()
    stream = s.stream(source)
    next(stream)
    stream.close()
    assert inspect.getgeneratorstate(source) == inspect.GEN_CLOSED
    seen = only(captured)
    assert seen["attributes"] == step_with("Hel", 1)
    assert (seen["status"], seen["events"]) == (("UNSET", None), [])


async def test_an_async_stream_that_is_closed_is_abandoned(captured: Captured, s: Step) -> None:
    """`aclose()` does for async streams what `close()` does for sync ones."""
    stream = s.stream(texts_awaited())
    await anext(stream)
    await stream.aclose()
    assert only(captured)["attributes"] == step_with("Hel", 1)


async def test_leaving_a_with_block_of_a_stream_abandons_it(captured: Captured, r: Run) -> None:
    """A stream of any kind may be entered; leaving the block closes it, whatever the consumer raised."""
    source: Any = texts()
    awaited: Any = texts_awaited()

    def consume() -> None:
        with r.step("step-1").prompt("q").stream(source) as stream:
            next(stream)
            raise KeyError

    with pytest.raises(KeyError):
        consume()
    async with r.step("step-1").prompt("q").stream(awaited) as stream:
        await anext(stream)
    assert inspect.getgeneratorstate(source) == inspect.GEN_CLOSED
    assert awaited.ag_frame is None
    for span in captured.named("chat"):
        attributes = parsed(span)
        attributes.pop(FIRST)
        assert attributes == step_with("Hel", 1)


def stopping(step: Step) -> None:
    """Stop after one text, and let go of the stream."""
    for text in step.stream(texts()):
        assert text == "Hel"
        break


def raising(step: Step) -> None:
    """Raise after one text, and let go of the stream."""
    stream = step.stream(texts())

    def consume() -> None:
        for _ in stream:
            raise KeyError

    with pytest.raises(KeyError):
        consume()


def never_reading(step: Step) -> None:
    """Take the stream, and never ask it for anything."""
    step.stream(texts())


def in_a_generator(step: Step) -> None:
    """Close a generator that hands the stream on."""

    def handing_on() -> Generator[str]:
        yield from step.stream(texts())

    generator = handing_on()
    next(generator)
    generator.close()


def in_a_cycle(step: Step) -> None:
    """Let go of a stream that only the garbage collector can find."""
    cycle: list[Any] = [step, step.stream(texts())]
    next(cycle[1])
    cycle.append(cycle)
    del cycle
    gc.collect()


@pytest.mark.parametrize(
    ("stop", "output"),
    [(stopping, "Hel"), (raising, "Hel"), (never_reading, ""), (in_a_generator, "Hel"), (in_a_cycle, "Hel")],
)
def test_a_stream_that_is_let_go_of_is_abandoned(
    arrivals: Arrivals, stop: Callable[[Step], None], output: str
) -> None:
    """A consumer that stops and drops the stream leaves a partial success, which a thread of ours ends."""
    r = tcc.run("run-1").prompt("p")
    step = r.step("step-1").prompt("q")
    stop(step)
    gc.collect()
    process.flush(10)
    (span,) = arrivals.wait_for(1)
    attributes = parsed(span)
    attributes.pop(FIRST, None)
    assert attributes == step_with(output, 1)
    assert span.status.status_code.name == "UNSET"
    r.end()


def test_a_step_that_is_let_go_of_lives_as_long_as_its_stream(captured: Captured, r: Run) -> None:
    """Nobody has to hold the step: its stream does what is to be done."""
    stream = r.step("step-1").prompt("q").stream(texts())
    gc.collect()
    assert list(stream) == list(TEXTS)
    assert only(captured)["attributes"] == step_with("Hello there")


def test_an_open_stream_keeps_what_arrived_at_shutdown(arrivals: Arrivals) -> None:
    """A step that is closed for another reason, with its stream under way, has what arrived."""
    r = tcc.run("run-1").prompt("p")
    stream = r.step("step-1").prompt("q").stream(texts())
    next(stream)
    tcc.shutdown()
    span = next(span for span in arrivals.wait_for(2) if span.name == "chat")
    assert parsed(span)["gen_ai.output.messages"] == assistant("Hel")
    assert span.status.status_code.name == "ERROR"
    assert list(stream) == ["lo ", "there"]


# --- blocks, and the caller's own end --------------------------------------------------------------


def test_a_with_block_of_the_step_ends_it(captured: Captured, r: Run) -> None:
    """In a block of its own a step stays open after its stream, for what else is to be set."""
    with r.step("step-1") as s:
        s.prompt("q")
        assert list(s.stream(texts())) == list(TEXTS)
        s.finish_reason("stop")
    output: dict[str, Any] = {"gen_ai.output.messages": assistant("Hello there", "stop")}
    output["gen_ai.response.finish_reasons"] = ["stop"]
    assert only(captured)["attributes"] == step_with("", **output)


def test_a_block_around_a_stream_that_stops_early_is_a_partial_success(captured: Captured, r: Run) -> None:
    """What arrived is kept, with status 1 where the caller set none."""
    with r.step("step-1") as s:
        for _ in s.prompt("q").stream(texts()):
            break
    assert only(captured)["attributes"] == step_with("Hel", 1)


@pytest.mark.parametrize("prompt", [True, False], ids=["whole", "without its prompt"])
def test_a_block_in_a_generator_that_is_closed_is_a_partial_success(
    captured: Captured, r: Run, prompt: bool
) -> None:
    """The consumer of a generator that reads a stream may stop early: no failure, and nothing is raised."""

    def answer() -> Generator[str, None, None]:
        with r.step("step-1") as s:
            if prompt:
                s.prompt("q")
            yield from s.stream(texts())

    reader = answer()
    assert next(reader) == "Hel"
    reader.close()
    found = only(captured)
    assert found["events"] == []
    if prompt:
        assert found["attributes"] == step_with("Hel", 1)
    else:
        assert found["attributes"]["tcc.violations"] == ["step.prompt"]


def test_the_caller_s_status_wins(captured: Captured, r: Run) -> None:
    """A caller that has all it wants from half a stream may say so."""
    with r.step("step-1") as s:
        for _ in s.prompt("q").stream(texts()):
            break
        s.status(0)
    assert only(captured)["attributes"] == step_with("Hel", 0)


def test_an_exception_that_leaves_the_block_fails_the_step_once(captured: Captured, r: Run) -> None:
    """The exception of a stream goes through the block, which records it."""
    with pytest.raises(OSError, match="cut"), r.step("step-1") as s:
        list(s.prompt("q").stream(breaking(OSError("cut"))))
    seen = only(captured)
    assert seen["attributes"]["gen_ai.output.messages"] == assistant("Hello ")
    assert (seen["status"], len(seen["events"])) == (("ERROR", "cut"), 1)


def test_a_step_can_be_left_open_by_its_stream(captured: Captured, s: Step) -> None:
    """`end=False` leaves the end to the caller, who needs to give no response."""
    assert list(s.stream(texts(), end=False)) == list(TEXTS)
    assert captured.named("chat") == ()
    s.finish_reason("stop").end()
    output: dict[str, Any] = {"gen_ai.output.messages": assistant("Hello there", "stop")}
    output["gen_ai.response.finish_reasons"] = ["stop"]
    assert only(captured)["attributes"] == step_with("", **output)


def test_the_caller_may_end_the_step_before_its_stream(captured: Captured, s: Step) -> None:
    """An end of the caller's own takes what arrived; the rest passes and is not recorded."""
    stream = s.stream(texts())
    next(stream)
    s.end()
    assert list(stream) == ["lo ", "there"]
    assert only(captured)["attributes"] == step_with("Hel", 1)


def test_the_caller_s_own_end_after_the_stream_is_silent(
    captured: Captured, s: Step, caplog: pytest.LogCaptureFixture
) -> None:
    """Who ends the step after its stream, as the manual says for every handle, hears nothing."""
    list(s.stream(texts()))
    s.end()
    s.end()
    assert (caplog.records, len(captured.named("chat"))) == ([], 1)


def test_setters_after_the_stream_do_nothing_with_one_warning(
    s: Step, caplog: pytest.LogCaptureFixture
) -> None:
    """What comes too late is said once, with the reason."""
    list(s.stream(texts()))
    s.model("gpt-5").finish_reason("stop").error("wrong")
    (record,) = caplog.records
    assert "closed at" in record.getMessage()
    assert "by the end of its stream: model() and later calls do nothing" in record.getMessage()


def test_an_error_after_a_failed_stream_is_silent(s: Step, caplog: pytest.LogCaptureFixture) -> None:
    """Who catches what a stream raised and hands it to `error()` says what is known."""
    try:
        list(s.stream(breaking(OSError("cut"))))
    except OSError as error:
        s.error(error)
    assert caplog.records == []


def test_a_stream_after_the_caller_s_end_is_misuse(s: Step) -> None:
    """A step that has ended takes no stream."""
    s.response("a").end()
    with pytest.raises(RuntimeError, match="step has ended"):
        s.stream(texts())


def test_a_stream_of_a_step_that_we_closed_is_handed_back(s: Step) -> None:
    """A step that its stream has ended takes no other one, and the consumer has it all the same."""
    list(s.stream(texts()))
    second = texts()
    assert s.stream(second) is second


def test_the_second_stream_of_a_step_takes_the_place_of_the_first(captured: Captured, s: Step) -> None:
    """A second attempt replaces the first, whose end is no longer the step's."""
    first = s.stream(texts())
    next(first)
    second = s.stream(iter(["an", "other"]))
    list(first)
    assert captured.named("chat") == ()
    list(second)
    assert only(captured)["attributes"] == step_with("another")


def test_a_stream_that_was_replaced_may_go(captured: Captured, s: Step) -> None:
    """A first stream that is dropped after the second took its place leaves the step to the caller."""
    first = s.stream(texts())
    second = s.stream(iter(["an", "other"]), end=False)
    del first
    gc.collect()
    assert list(second) == ["an", "other"]
    s.end()
    assert only(captured)["attributes"] == step_with("another")


def test_a_missing_prompt_never_raises_into_the_loop(
    captured: Captured, r: Run, caplog: pytest.LogCaptureFixture
) -> None:
    """A step without its prompt is repaired at the end of its stream, and that is said once."""
    for _ in range(2):
        assert list(r.step("step-1").stream(texts())) == list(TEXTS)
    first, second = (parsed(span) for span in captured.named("chat"))
    assert first["tcc.violations"] == second["tcc.violations"] == ["step.prompt"]
    assert first["error.type"] == "tcc.incomplete"
    assert first["gen_ai.output.messages"] == assistant("Hello there")
    (record,) = caplog.records
    assert record.getMessage().startswith("a step ended with its stream: a step needs its prompt")


# --- what is recorded ------------------------------------------------------------------------------


def chunk(text: str | None, **more: Any) -> dict[str, Any]:
    """Return a chunk of a chat completion as a dict."""
    delta = {"content": text}
    return {
        "id": "c-1",
        "model": "gpt-5-x",
        "choices": [{"index": 0, "delta": delta, "finish_reason": None}],
        **more,
    }


USAGE: Final = {
    "prompt_tokens": 10,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens": 5,
    "completion_tokens_details": {"reasoning_tokens": 2},
}


def test_what_was_set_by_hand_wins(captured: Captured, s: Step) -> None:
    """Response, model, finish reason, counts and free attributes of the caller stand against the stream's."""
    s.response("mine").model(used="my-model").finish_reason("mine").tokens(1, completion=2)
    s.attributes({"gen_ai.response.id": "my-id", FIRST: 0.5})
    list(s.stream([chunk("theirs", usage=USAGE)]))
    (span,) = captured.named("chat")
    mine: dict[str, Any] = {
        "gen_ai.output.messages": assistant("mine", "mine"),
        "gen_ai.response.model": "my-model",
        "gen_ai.response.id": "my-id",
        FIRST: 0.5,
        "gen_ai.response.finish_reasons": ["mine"],
        "gen_ai.usage.input_tokens": 1,
        "gen_ai.usage.output_tokens": 2,
    }
    assert parsed(span) == step_with("", **mine)


def test_a_kind_of_count_that_was_not_given_comes_from_the_stream(captured: Captured, s: Step) -> None:
    """Counts of the prompt by hand leave those of the answer to the stream."""
    s.tokens(3)
    list(s.stream([chunk("a", usage=USAGE)]))
    attributes = only(captured)["attributes"]
    assert {key: value for key, value in attributes.items() if key.startswith("gen_ai.usage")} == {
        "gen_ai.usage.input_tokens": 3,
        "gen_ai.usage.output_tokens": 5,
        "gen_ai.usage.reasoning.output_tokens": 2,
    }


def test_the_time_to_the_first_chunk_is_from_the_start_of_the_step(captured: Captured, r: Run) -> None:
    """The first chunk is timed in seconds from the start of the step, which is when the request began."""
    step = r.step("step-1", start_time=time.time() - 60).prompt("q")
    list(step.stream(texts()))
    (span,) = captured.named("chat")
    first = parsed(span)[FIRST]
    assert isinstance(first, float)
    assert 60 <= first < 120
    assert span.start_time is not None
    assert span.end_time is not None
    assert first <= (span.end_time - span.start_time) / 1e9


def test_a_stream_without_chunks_has_no_first_one(captured: Captured, s: Step) -> None:
    """An empty stream is an answer of empty text."""
    assert list(s.stream(())) == []
    (span,) = captured.named("chat")
    assert parsed(span) == step_with("")


def test_what_is_collected_is_bounded(captured: Captured, s: Step) -> None:
    """Texts beyond a mebibyte pass and are not kept, and the span says so."""
    large = "x" * (1 << 19)
    assert sum(map(len, s.stream(large for _ in range(5)))) == 5 << 19
    (span,) = captured.named("chat")
    attributes = parsed(span)
    assert attributes["tcc.truncated"] == ["gen_ai.output.messages"]
    (message,) = attributes["gen_ai.output.messages"]
    kept = message["parts"][0]["content"]
    assert (1 << 20) - 256 < len(kept) <= 1 << 20


def test_without_content_only_facts_are_recorded() -> None:
    """With content off the stream gives model, id, usage and finish reason, and no text."""
    ending = chunk("secret", usage=USAGE)
    ending["choices"][0]["finish_reason"] = "stop"
    with capture(capture_content=False) as captured:
        r = tcc.run("run-1").prompt("p")
        assert len(list(r.step("step-1").prompt("q").stream([chunk("secret"), ending]))) == 2
        assert list(r.step("step-2").prompt("q").stream(texts())) == list(TEXTS)
        r.end()
    first, second = (parsed(span) for span in captured.named("chat"))
    for attributes in (first, second):
        assert isinstance(attributes.pop(FIRST), float)
        attributes.pop("tcc.cost", None)
        attributes.pop("tcc.costSource", None)
    shared = {
        "gen_ai.operation.name": "chat",
        "tcc.runId": "run-1",
        "tcc.contentCaptured": False,
        "gen_ai.request.stream": True,
        "tcc.statusCode": 0,
    }
    assert second == {**shared, "tcc.stepId": "step-2", "gen_ai.provider.name": "_OTHER"}
    assert first == {
        **shared,
        "tcc.stepId": "step-1",
        "gen_ai.provider.name": "openai",
        "gen_ai.response.model": "gpt-5-x",
        "gen_ai.response.id": "c-1",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.cache_read.input_tokens": 4,
        "gen_ai.usage.output_tokens": 5,
        "gen_ai.usage.reasoning.output_tokens": 2,
    }


class Hostile:
    """A chunk that raises for whatever is asked of it."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __str__(self) -> str:
        raise RuntimeError("str")


def test_strange_chunks_pass_and_are_not_read(
    captured: Captured, s: Step, caplog: pytest.LogCaptureFixture
) -> None:
    """Objects of no known shape, hostile ones included, pass as they are with one debug line."""
    strange = [Hostile(), b"bytes", None, 7, {"any": "thing"}, SimpleNamespace(a=1), {"choices": [5]}]
    with caplog.at_level(logging.DEBUG, "contextcompany"):
        passed = list(s.stream(["a", *strange, "b"]))
    assert all(one is other for one, other in zip(passed, ["a", *strange, "b"], strict=True))
    assert [record.getMessage() for record in caplog.records if "chunks" in record.getMessage()] == [
        "6 chunks of a stream had no known shape and were not read"
    ]
    assert only(captured)["attributes"] == step_with("ab")


def test_nothing_of_ours_is_current_because_of_a_stream(captured: Captured) -> None:
    """Neither the source, while it produces, nor the consumer sees another handle or context than before."""
    seen: list[object] = []

    def looking() -> Generator[str]:
        for text in TEXTS:
            seen.append((list(process.current.chain()), otel_context.get_current()))
            yield text

    with tcc.run("run-2") as outer:
        outer.prompt("p")
        before = (list(process.current.chain()), otel_context.get_current())
        seen += [
            (list(process.current.chain()), otel_context.get_current())
            for _ in outer.step("step-1").prompt("q").stream(looking())
        ]
    assert seen == [before] * 6
    assert len(captured.named("chat")) == 1


def test_a_switched_off_package_passes_streams_with_the_same_life() -> None:
    """With recording off the stream passes, the caller's end is silent, and misuse is misuse."""
    with capture(disabled=True) as captured:
        s = tcc.run("run-1").prompt("p").step("step-1").prompt("q")
        assert list(s.stream(texts())) == list(TEXTS)
        s.end()
        ended = tcc.run().prompt("p").step().prompt("q").response("a")
        ended.end()
        with pytest.raises(RuntimeError, match="step has ended"):
            ended.stream(texts())
    assert captured.spans == ()


@settings(max_examples=25, deadline=None)
@given(parts=st.lists(st.text(max_size=6), max_size=12), as_chunks=st.booleans())
def test_any_split_of_a_text_gives_the_same_response(parts: list[str], *, as_chunks: bool) -> None:
    """How a server cuts its answer into deltas makes no difference to what is recorded."""
    whole_text = "".join(parts)
    with capture() as captured:
        r = tcc.run("run-1").prompt("p")
        list(r.step("split").prompt("q").stream([chunk(part) for part in parts] if as_chunks else parts))
        list(r.step("whole").prompt("q").stream([whole_text]))
        r.end()
    split, unsplit = (parsed(span)["gen_ai.output.messages"] for span in captured.named("chat"))
    assert split == unsplit
