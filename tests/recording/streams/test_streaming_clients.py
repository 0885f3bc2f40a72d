"""Streams of the real clients of OpenAI and Anthropic, against a server that speaks their protocols."""

from __future__ import annotations

import json
import operator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import anthropic
import openai
import pytest
from anthropic.lib.streaming import MessageStream

import contextcompany as tcc
from tests.loopback import Answer, LoopbackServer
from tests.recording.rows import user, whole
from tests.recording.sse import (
    CHAT_CALLS,
    CHAT_TEXT,
    CLAUDE,
    MESSAGE_CALLS,
    MESSAGE_EVENTS,
    MESSAGE_START,
    MESSAGE_TEXT,
    MODEL,
    RESPONSE_EVENTS,
    response,
    sse,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from openai.types.chat import ChatCompletionChunk

    from contextcompany import Step
    from contextcompany.testing import Captured

QUESTION: Final[Any] = [{"role": "user", "content": "How is the weather?"}]
FIRST: Final = "gen_ai.response.time_to_first_chunk"
OPENAI_USAGE: Final[dict[str, Any]] = {
    "gen_ai.usage.input_tokens": 100,
    "gen_ai.usage.cache_read.input_tokens": 64,
    "gen_ai.usage.output_tokens": 20,
    "gen_ai.usage.reasoning.output_tokens": 7,
}
RESPONSE_USAGE: Final[dict[str, Any]] = {**OPENAI_USAGE, "gen_ai.usage.cache_write.input_tokens": 16}
CLAUDE_USAGE: Final[dict[str, Any]] = {
    "gen_ai.usage.input_tokens": 100,
    "gen_ai.usage.cache_read.input_tokens": 64,
    "gen_ai.usage.cache_write.input_tokens": 16,
    "gen_ai.usage.output_tokens": 20,
}


def answered(*parts: dict[str, Any], reason: str = "") -> list[dict[str, Any]]:
    """Return the one message of an answer."""
    return [{"role": "assistant", "parts": list(parts), "finish_reason": reason}]


def text(content: str) -> dict[str, Any]:
    """Return a part of text."""
    return {"type": "text", "content": content}


def thought(content: str) -> dict[str, Any]:
    """Return a part of reasoning."""
    return {"type": "reasoning", "content": content}


def called(call_id: str, city: str) -> dict[str, Any]:
    """Return the part of a call of the weather tool."""
    return {"type": "tool_call", "id": call_id, "name": "weather", "arguments": {"city": city}}


def finished(reason: str) -> dict[str, Any]:
    """Return the attribute of a finish reason."""
    return {"gen_ai.response.finish_reasons": [reason]}


def streamed(
    captured: Captured,
    output: list[dict[str, Any]],
    *,
    model: str = MODEL,
    response_id: str = "chatcmpl-1",
    code: int = 0,
    **more: Any,
) -> None:
    """Hold the one step that ended against all that it is to be."""
    (span,) = captured.named("chat")
    seen = whole(span)
    assert isinstance(seen["attributes"].pop(FIRST), float)
    for priced in ("tcc.cost", "tcc.costSource"):  # depends on the price list that is installed
        seen["attributes"].pop(priced, None)
    assert {key: seen[key] for key in ("kind", "status", "attributes", "events")} == {
        "kind": "CLIENT",
        "status": more.pop("status", ("UNSET", None)),
        "events": more.pop("events", []),
        "attributes": {
            "gen_ai.operation.name": "chat",
            "tcc.runId": "run-1",
            "tcc.stepId": "step-1",
            "gen_ai.provider.name": "anthropic" if model == CLAUDE else "openai",
            "gen_ai.request.stream": True,
            "gen_ai.response.model": model,
            "gen_ai.response.id": response_id,
            "gen_ai.input.messages": user("How is the weather?"),
            "gen_ai.output.messages": output,
            "tcc.statusCode": code,
            **({"tcc.statusMessage": "the stream was not read to its end"} if code == 1 else {}),
            **more,
        },
    }


@pytest.fixture
def s(captured: Captured) -> Generator[Step]:
    """Hold a step of an open run."""
    r = tcc.run("run-1").prompt("p")
    yield r.step("step-1").prompt(QUESTION)
    r.end()


@contextmanager
def openai_client(*answers: Answer) -> Generator[openai.OpenAI]:
    """Give a client whose server answers by a script."""
    with (
        LoopbackServer(*answers) as server,
        openai.OpenAI(api_key="k", base_url=server.url, max_retries=0) as client,
    ):
        yield client


@contextmanager
def async_openai_client(*answers: Answer) -> Generator[openai.AsyncOpenAI]:
    """Give an async client whose server answers by a script."""
    with LoopbackServer(*answers) as server:
        yield openai.AsyncOpenAI(api_key="k", base_url=server.url, max_retries=0)


@contextmanager
def anthropic_client(*answers: Answer) -> Generator[anthropic.Anthropic]:
    """Give a client whose server answers by a script."""
    with (
        LoopbackServer(*answers) as server,
        anthropic.Anthropic(api_key="k", base_url=server.url, max_retries=0) as client,
    ):
        yield client


@contextmanager
def async_anthropic_client(*answers: Answer) -> Generator[anthropic.AsyncAnthropic]:
    """Give an async client whose server answers by a script."""
    with LoopbackServer(*answers) as server:
        yield anthropic.AsyncAnthropic(api_key="k", base_url=server.url, max_retries=0)


def ask_openai(client: openai.OpenAI) -> openai.Stream[ChatCompletionChunk]:
    """Ask for a chat completion as a stream."""
    return client.chat.completions.create(
        model="gpt-5", messages=QUESTION, stream=True, stream_options={"include_usage": True}
    )


TEXT: Final = sse(*CHAT_TEXT, "[DONE]")


def test_chat_completion_is_recorded_as_it_streams(captured: Captured, s: Step) -> None:
    """A chat completion read to its end is a whole step: text, model, id, finish reason and usage."""
    with openai_client(TEXT) as client:
        said = [one.choices[0].delta.content for one in s.stream(ask_openai(client)) if one.choices]
    assert said == ["", "Clear ", "in both.", None]
    streamed(
        captured,
        answered(text("Clear in both."), reason="stop"),
        **OPENAI_USAGE,
        **finished("stop"),
    )


def test_chunks_are_the_same_objects_and_the_stream_is_still_the_client_s(s: Step) -> None:
    """What stands in for a stream is an instance of its class, has its attributes, and passes its objects."""
    with openai_client(TEXT) as client:
        stream = ask_openai(client)
        produced: list[Any] = []
        ask_next = stream._iterator

        def watched() -> Generator[Any]:
            for one in ask_next:
                produced.append(one)
                yield one

        stream._iterator = watched()
        stand_in = s.stream(stream)
        assert isinstance(stand_in, openai.Stream)
        assert stand_in.response is stream.response
        assert repr(stand_in) == repr(stream)
        with stand_in as entered:
            assert entered is stand_in
            passed = list(stand_in)
    assert len(passed) == len(CHAT_TEXT)
    assert all(one is other for one, other in zip(passed, produced, strict=True))


def test_tool_calls_are_put_together(captured: Captured, s: Step) -> None:
    """The pieces of two tool calls become two calls with id, name and arguments."""
    with openai_client(sse(*CHAT_CALLS, "[DONE]")) as client:
        for _ in s.stream(ask_openai(client)):
            pass
    streamed(
        captured,
        answered(called("call_1", "Oslo"), called("call_2", "Rome"), reason="tool_calls"),
        **OPENAI_USAGE,
        **finished("tool_calls"),
    )


async def test_an_async_chat_completion_stays_async(captured: Captured, s: Step) -> None:
    """An async stream is iterated with `async for` only, and recorded alike."""
    with async_openai_client(TEXT) as client:
        stand_in = s.stream(
            await client.chat.completions.create(model="gpt-5", messages=QUESTION, stream=True)
        )
        assert isinstance(stand_in, openai.AsyncStream)
        assert not hasattr(stand_in, "__iter__")
        count = 0
        async with stand_in:
            async for _ in stand_in:
                count += 1
        await client.close()
    assert count == len(CHAT_TEXT)
    streamed(
        captured,
        answered(text("Clear in both."), reason="stop"),
        **OPENAI_USAGE,
        **finished("stop"),
    )


def test_a_request_that_was_not_awaited_is_misuse(s: Step) -> None:
    """The coroutine of an async client is no stream, and the error says what to do."""

    async def request() -> None: ...

    coroutine: Any = request()
    with pytest.raises(TypeError, match="got coroutine; await it first"):
        s.stream(coroutine)
    coroutine.close()


@pytest.mark.parametrize(
    "stop",
    [
        pytest.param(operator.methodcaller("close"), id="close"),
        pytest.param(operator.methodcaller("__exit__", None, None, None), id="the end of a with block"),
    ],
)
def test_a_stream_that_is_closed_early_is_a_partial_success(
    captured: Captured, s: Step, stop: Callable[[Any], object]
) -> None:
    """Closing a stream before its end closes the source, and keeps what arrived, with status 1."""
    with openai_client(TEXT) as client:
        stream = s.stream(ask_openai(client))
        assert [next(stream).choices[0].delta.content for _ in range(2)] == ["", "Clear "]
        stop(stream)
        assert stream.response.is_closed
    streamed(captured, answered(text("Clear ")), code=1)


@pytest.mark.parametrize("name", ["close", "aclose"])
async def test_an_async_stream_that_is_closed_early_is_a_partial_success(
    captured: Captured, s: Step, name: str
) -> None:
    """Awaiting the close of an async stream ends the step as closing a sync one does."""
    with async_openai_client(TEXT) as client:
        stream = s.stream(await client.chat.completions.create(model="gpt-5", messages=QUESTION, stream=True))
        assert [(await anext(stream)).choices[0].delta.content for _ in range(2)] == ["", "Clear "]
        await getattr(stream, name)()
        assert stream.response.is_closed
        await client.close()
    streamed(captured, answered(text("Clear ")), code=1)


def failed(kind: str, message: str) -> dict[str, Any]:
    """Return what a failed step has beside what arrived."""
    return {
        "code": 2,
        "status": ("ERROR", message),
        "error.type": kind,
        "tcc.statusMessage": message,
    }


def test_an_error_in_the_middle_fails_the_step(captured: Captured, s: Step) -> None:
    """What the server says is wrong reaches the consumer unchanged, and what arrived before is kept."""
    error = {"error": {"message": "The server is overloaded.", "type": "server_error"}}
    with openai_client(sse(*CHAT_TEXT[:2], error)) as client:
        stream = s.stream(ask_openai(client))
        with pytest.raises(openai.APIError, match="overloaded") as raised:
            list(stream)
        s.error(raised.value)  # says nothing new, and is no misuse
    (span,) = captured.named("chat")
    assert [event.name for event in span.events] == ["exception"]
    streamed(
        captured,
        answered(text("Clear ")),
        events=whole(span)["events"],
        **failed("openai.APIError", "The server is overloaded."),
    )


def test_a_connection_that_breaks_fails_the_step(captured: Captured, s: Step) -> None:
    """A server that goes away in the middle of an answer fails the step with the client's error."""
    with openai_client(sse(*CHAT_TEXT[:2], length=100_000)) as client:
        stream = s.stream(ask_openai(client))
        with pytest.raises(openai.APIConnectionError) as raised:
            list(stream)
    (span,) = captured.named("chat")
    streamed(
        captured,
        answered(text("Clear ")),
        events=whole(span)["events"],
        **failed("openai.APIConnectionError", str(raised.value)),
    )


def test_the_helper_of_chat_completions_is_a_stream_too(captured: Captured, s: Step) -> None:
    """The manager of `chat.completions.stream()` is entered, and its final completion is recorded."""
    with openai_client(TEXT) as client:
        manager = client.chat.completions.stream(model="gpt-5", messages=QUESTION)
        with s.stream(manager) as stream:
            final = stream.get_final_completion()
    assert final.choices[0].message.content == "Clear in both."
    streamed(
        captured,
        answered(text("Clear in both."), reason="stop"),
        **OPENAI_USAGE,
        **finished("stop"),
    )


RESPONSE_OUTPUT: Final = answered(
    thought("I look twice."), text("Clear in both."), called("call_1", "Oslo"), reason="completed"
)


def test_a_response_is_recorded_as_it_streams(captured: Captured, s: Step) -> None:
    """The events of the Responses API give reasoning, text, calls, and usage with cached tokens."""
    with openai_client(sse(*RESPONSE_EVENTS)) as client:
        events = list(s.stream(client.responses.create(model="gpt-5", input="q", stream=True)))
    assert [event.type for event in events] == [event["type"] for event in RESPONSE_EVENTS]
    streamed(
        captured,
        RESPONSE_OUTPUT,
        response_id="resp_1",
        **RESPONSE_USAGE,
        **finished("completed"),
    )


async def test_an_async_response_is_recorded_through_its_helper(captured: Captured, s: Step) -> None:
    """The async manager of `responses.stream()` is entered through us, and its final response is recorded."""
    with async_openai_client(sse(*RESPONSE_EVENTS)) as client:
        async with s.stream(client.responses.stream(model="gpt-5", input="q")) as stream:
            final = await stream.get_final_response()
        await client.close()
    assert final.output_text == "Clear in both."
    streamed(
        captured,
        RESPONSE_OUTPUT,
        response_id="resp_1",
        **RESPONSE_USAGE,
        **finished("completed"),
    )


def test_a_response_that_stops_early_keeps_its_deltas(captured: Captured, s: Step) -> None:
    """Items that were not done yet are what their deltas brought."""
    with (
        openai_client(sse(*RESPONSE_EVENTS)) as client,
        s.stream(client.responses.create(model="gpt-5", input="q", stream=True)) as stream,
    ):
        for event in stream:
            if event.type == "response.output_text.delta":
                break
    streamed(captured, answered(thought("I look twice."), text("Clear ")), response_id="resp_1", code=1)


def test_a_response_that_failed_fails_the_step(captured: Captured, s: Step) -> None:
    """A response whose stream ends in order, with the word that it failed, is an error."""
    error = {"code": "server_error", "message": "The model fell over."}
    ended = {
        "type": "response.failed",
        "sequence_number": 1,
        "response": response("failed", error=error),
    }
    with openai_client(sse(RESPONSE_EVENTS[0], ended)) as client:
        assert len(list(s.stream(client.responses.create(model="gpt-5", input="q", stream=True)))) == 2
    streamed(
        captured,
        answered(text(""), reason="failed"),
        response_id="resp_1",
        **failed("_OTHER", "The model fell over."),
        **finished("failed"),
    )


def ask_anthropic(client: anthropic.Anthropic) -> anthropic.Stream[Any]:
    """Ask for a message as a stream."""
    return client.messages.create(model=CLAUDE, max_tokens=100, messages=QUESTION, stream=True)


def claude(captured: Captured, output: list[dict[str, Any]], reason: str) -> None:
    """Hold the one step that ended against a message."""
    streamed(
        captured,
        output,
        model=CLAUDE,
        response_id="msg_1",
        **CLAUDE_USAGE,
        **finished(reason),
    )


def test_a_message_is_recorded_as_it_streams(captured: Captured, s: Step) -> None:
    """The events of a message give its text, and usage from its first and its last event."""
    with anthropic_client(sse(*MESSAGE_EVENTS)) as client:
        events = [event.type for event in s.stream(ask_anthropic(client))]
    assert events[0] == "message_start"
    claude(captured, answered(text("Clear in both."), reason="end_turn"), "end_turn")


def test_thoughts_and_tool_uses_of_a_message_are_put_together(captured: Captured, s: Step) -> None:
    """Thinking and the input of a tool come in pieces, and are parts of the answer."""
    with anthropic_client(sse(*MESSAGE_CALLS)) as client:
        for _ in s.stream(ask_anthropic(client)):
            pass
    output = answered(thought("I look twice."), called("toolu_1", "Oslo"), reason="tool_use")
    claude(captured, output, "tool_use")


async def test_an_async_message_is_recorded(captured: Captured, s: Step) -> None:
    """An async stream of Anthropic is recorded as a sync one is."""
    with async_anthropic_client(sse(*MESSAGE_EVENTS)) as client:
        async for _ in s.stream(
            await client.messages.create(model=CLAUDE, max_tokens=100, messages=QUESTION, stream=True)
        ):
            pass
        await client.close()
    claude(captured, answered(text("Clear in both."), reason="end_turn"), "end_turn")


def test_the_final_message_of_the_helper_is_recorded(captured: Captured, s: Step) -> None:
    """`get_final_message()` reads the stream through what stands in for it."""
    with anthropic_client(sse(*MESSAGE_CALLS)) as client:
        manager = client.messages.stream(model=CLAUDE, max_tokens=100, messages=QUESTION)
        with s.stream(manager) as stream:
            assert isinstance(stream, MessageStream)
            final = stream.get_final_message()
    assert [block.type for block in final.content] == ["thinking", "tool_use"]
    output = answered(thought("I look twice."), called("toolu_1", "Oslo"), reason="tool_use")
    claude(captured, output, "tool_use")


def test_the_text_stream_of_the_helper_is_recorded_with_all_beside_it(captured: Captured, s: Step) -> None:
    """Who reads only the texts gets them, and the step what the client put together."""
    with anthropic_client(sse(*MESSAGE_EVENTS)) as client:
        manager = client.messages.stream(model=CLAUDE, max_tokens=100, messages=QUESTION)
        with s.stream(manager) as stream:
            assert list(stream.text_stream) == ["Clear ", "in both."]
    claude(captured, answered(text("Clear in both."), reason="end_turn"), "end_turn")


async def test_the_async_text_stream_of_the_helper_is_recorded(captured: Captured, s: Step) -> None:
    """The texts of an async helper are recorded as those of a sync one."""
    with async_anthropic_client(sse(*MESSAGE_EVENTS)) as client:
        manager = client.messages.stream(model=CLAUDE, max_tokens=100, messages=QUESTION)
        async with s.stream(manager) as stream:
            assert [said async for said in stream.text_stream] == ["Clear ", "in both."]
        await client.close()
    claude(captured, answered(text("Clear in both."), reason="end_turn"), "end_turn")


def test_a_text_stream_that_is_not_read_to_its_end_keeps_what_arrived(captured: Captured, s: Step) -> None:
    """What the client had put together when the consumer stopped is what the step has."""
    with anthropic_client(sse(MESSAGE_START, *MESSAGE_TEXT)) as client:
        manager = client.messages.stream(model=CLAUDE, max_tokens=100, messages=QUESTION)
        with s.stream(manager) as stream:
            assert next(iter(stream.text_stream)) == "Clear "
    streamed(
        captured,
        answered(text("Clear ")),
        model=CLAUDE,
        response_id="msg_1",
        code=1,
        **{**CLAUDE_USAGE, "gen_ai.usage.output_tokens": 1},
    )


def test_an_error_of_anthropic_fails_the_step(captured: Captured, s: Step) -> None:
    """An error event raises in the client, and the step fails with what the client raised."""
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    with anthropic_client(sse(MESSAGE_START, *MESSAGE_TEXT[:2], error)) as client:
        stream = s.stream(ask_anthropic(client))
        with pytest.raises(anthropic.APIStatusError) as raised:
            list(stream)
    (span,) = captured.named("chat")
    seen = whole(span)
    assert seen["attributes"]["error.type"] == f"anthropic.{type(raised.value).__name__}"
    assert seen["attributes"]["gen_ai.output.messages"] == answered(text("Clear "))
    assert seen["attributes"]["tcc.statusCode"] == 2


def test_a_request_that_fails_when_the_helper_is_entered_fails_the_step(captured: Captured, s: Step) -> None:
    """The helpers send their request when they are entered; what goes wrong there fails the step."""
    body = json.dumps({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})
    refused = Answer(529, body.encode(), (("Content-Type", "application/json"),))
    with anthropic_client(refused) as client:
        manager = client.messages.stream(model=CLAUDE, max_tokens=100, messages=QUESTION)
        with pytest.raises(anthropic.APIStatusError), s.stream(manager):
            pytest.fail("nothing was to be entered")
    (span,) = captured.named("chat")
    assert whole(span)["attributes"]["tcc.statusCode"] == 2


@pytest.mark.parametrize(
    "events", [CHAT_TEXT, RESPONSE_EVENTS, MESSAGE_EVENTS], ids=["chat", "responses", "messages"]
)
def test_events_as_plain_dicts_are_read_alike(
    captured: Captured, s: Step, events: tuple[dict[str, Any], ...]
) -> None:
    """Who decodes the protocol by hand passes the dicts, and gets the same model, id and finish reason."""
    before = json.dumps(events)
    assert list(s.stream(iter(events))) == list(events)
    assert json.dumps(events) == before
    (span,) = captured.named("chat")
    attributes = whole(span)["attributes"]
    assert "Clear in both." in json.dumps(attributes["gen_ai.output.messages"])
    assert attributes["gen_ai.usage.input_tokens"] == 100
    assert attributes["gen_ai.response.id"] in {"chatcmpl-1", "resp_1", "msg_1"}
    assert attributes["gen_ai.response.model"] in {MODEL, CLAUDE}
    assert attributes["gen_ai.response.finish_reasons"] in (["stop"], ["completed"], ["end_turn"])


async def through_agen(client: openai.AsyncOpenAI, s: Step) -> AsyncGenerator[str]:
    """Hand on the texts of a stream, as a web server's response body does."""
    stream = await client.chat.completions.create(model="gpt-5", messages=QUESTION, stream=True)
    async for one in s.stream(stream):
        if one.choices and one.choices[0].delta.content:
            yield one.choices[0].delta.content


async def test_a_generator_around_a_stream_ends_the_step_when_it_is_read(captured: Captured, s: Step) -> None:
    """A stream that an async generator hands on ends its step when the generator's consumer is through."""
    with async_openai_client(TEXT) as client:
        assert [said async for said in through_agen(client, s)] == ["Clear ", "in both."]
        await client.close()
    streamed(
        captured,
        answered(text("Clear in both."), reason="stop"),
        **OPENAI_USAGE,
        **finished("stop"),
    )
