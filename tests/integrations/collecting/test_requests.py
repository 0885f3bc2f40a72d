"""One request, recorded twice: which of the spans a step takes in, when, and what becomes of the others."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections import Counter
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Literal

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON
from opentelemetry.trace import StatusCode

import contextcompany as tcc
from contextcompany.diagnostics import guard
from contextcompany.integrations.collecting import folding, requests
from contextcompany.runtime.process import process
from contextcompany.testing import capture
from tests.conftest import attributes_of
from tests.integrations.collecting.foreign_spans import (
    ANSWER,
    ANSWERED,
    CHAT,
    OPENINFERENCE,
    TEXT,
    chat,
    start_chat,
    tree,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.trace import Span

    from contextcompany.testing import Captured

Installed = tuple[TracerProvider, InMemorySpanExporter]


def found(span: Any) -> dict[str, Any]:
    """Return the attributes of a step without its ids."""
    hidden = {"tcc.runId", "tcc.stepId", "tcc.cost", "tcc.costSource"}
    return {key: value for key, value in attributes_of(span).items() if key not in hidden}


@pytest.mark.parametrize("block", [True, False], ids=["with", "end()"])
def test_an_empty_step_takes_everything(application: Installed, captured: Captured, block: bool) -> None:
    """A step of which nothing was set is whole by what the instrumentation recorded."""
    provider, exporter = application
    with tcc.collect(), tcc.run("run-1").prompt("hi") as r:
        if block:
            with r.step(), chat(provider):
                pass
        else:
            s = r.step().__enter__()
            with chat(provider):
                pass
            s.end()
            s.__exit__(None, None, None)
    assert tree(captured.spans) == ["invoke_agent", "invoke_agent > chat gpt-5"]
    (step,) = captured.named("chat gpt-5")
    assert found(step) == {**CHAT, **ANSWERED, "tcc.statusCode": 0}
    assert "tcc.stepId" in (step.attributes or {})
    assert len(exporter.get_finished_spans()) == 1


def test_what_was_set_stays(application: Installed, captured: Captured) -> None:
    """A step takes only what it lacks, and counts of tokens only where it has none of their side."""
    provider, _ = application
    with tcc.collect(), tcc.run().prompt("hi") as r, r.step(provider="azure.ai.openai") as s:
        with chat(provider):
            pass
        s.prompt("mine").model("my-model").tokens(prompt_uncached=1).finish_reason("length")
    (step,) = captured.named("chat my-model")
    mine = '[{"role":"user","parts":[{"type":"text","content":"mine"}]}]'
    assert found(step) == {
        **CHAT,
        "gen_ai.provider.name": "azure.ai.openai",
        "gen_ai.request.model": "my-model",
        "gen_ai.response.model": "gpt-5-2025-08-07",
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.response.finish_reasons": ["length"],
        "gen_ai.usage.input_tokens": 1,
        "gen_ai.usage.output_tokens": 7,
        "gen_ai.input.messages": mine,
        "gen_ai.output.messages": ANSWER,
        "tcc.statusCode": 0,
    }


@pytest.mark.parametrize("block", [True, False], ids=["with", "end()"])
@pytest.mark.parametrize("recorded", [{"sample_rate": 0.0}, {"disabled": True}], ids=str)
def test_a_step_that_is_not_recorded(application: Installed, recorded: dict[str, Any], block: bool) -> None:
    """A step that relies on instrumentation raises nothing where the run is left out or all is off."""
    provider, exporter = application
    tcc.configure(exporter=InMemorySpanExporter(), **recorded)
    with tcc.collect(), tcc.run().prompt("hi") as r:
        if block:
            with r.step(), chat(provider):
                pass
        else:
            s = r.step()
            s.wrap(start_chat)(provider).end()
            s.end()
    assert len(exporter.get_finished_spans()) == 1


@pytest.mark.parametrize("left_out", ["sampler", "closed", "shutdown", "refused"])
def test_a_step_that_nothing_fills(
    captured: Captured, caplog: pytest.LogCaptureFixture, left_out: str
) -> None:
    """Whether the application samples, still collects, or has an answer decides no exception of ours."""
    provider = TracerProvider(sampler=ALWAYS_OFF if left_out == "sampler" else ALWAYS_ON)
    collection = tcc.collect(provider)
    if left_out == "closed":
        collection.close()
    elif left_out == "shutdown":
        tcc.shutdown()
    with tcc.run().prompt("hi") as r, r.step():
        span = start_chat(provider)
        if left_out == "refused":
            span.set_status(StatusCode.ERROR, "overloaded")
        span.end()
    steps = [span for span in captured.spans if span.name.startswith("chat")]
    assert [attributes_of(span).get("tcc.violations") for span in steps] == (
        [] if left_out == "shutdown" else [["step.prompt", "step.response"]]
    )
    warnings = [text for text in caplog.messages if "told nothing of it" in text]
    assert len(warnings) == len(steps)


def test_a_step_that_nobody_fills_is_still_broken(application: Installed, captured: Captured) -> None:
    """Where the instrumentation keeps content to itself, prompt and response have to be set as ever."""
    provider, _ = application
    with tcc.collect(), tcc.run().prompt("hi") as r:
        s = r.step().__enter__()
        start_chat(provider).end()
        with pytest.raises(ValueError, match="a step needs its prompt and response"):
            s.end()
        s.prompt("hi").response("hello").__exit__(None, None, None)
    (step,) = captured.named("chat gpt-5")
    assert step.status.status_code is StatusCode.UNSET


@pytest.mark.unchecked
def test_a_fold_that_fails(
    application: Installed, captured: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where folding fails for a reason of ours, the step leaves as the caller filled it, with nothing raw."""

    def fail(*_: object) -> None:
        raise RuntimeError("ours")

    monkeypatch.setattr(guard, "strict", False)
    monkeypatch.setattr(folding, "folded", fail)
    provider, _ = application
    with tcc.collect(), tcc.run().prompt("hi") as r, r.step() as s, chat(provider):
        s.response("mine")
    (step,) = captured.named("chat")
    attributes = step.attributes or {}
    assert "gen_ai.input.messages" not in attributes
    assert attributes["gen_ai.output.messages"] == ANSWER.replace("hello", "mine").replace("stop", "")
    assert guard.errors == 1


@pytest.mark.parametrize("content", [True, False], ids=["content", "no content"])
def test_content_off(application: Installed, captured: Captured, content: bool) -> None:
    """Messages are taken only where content is captured."""
    provider, _ = application
    tcc.configure(exporter=captured, capture_content=content)
    with tcc.collect(), tcc.run().prompt("hi") as r, r.step(), chat(provider):
        pass
    (step,) = captured.named("chat gpt-5")
    attributes = step.attributes or {}
    assert ("gen_ai.input.messages" in attributes, "gen_ai.output.messages" in attributes) == (
        content,
        content,
    )
    assert attributes["gen_ai.usage.input_tokens"] == 19


def test_a_retry_loop(application: Installed, captured: Captured) -> None:
    """Of several requests in one step the last that went well is the step's own; the others are children."""
    provider, _ = application
    with tcc.collect(spans="all"), tcc.run().prompt("hi") as r, r.step():
        for number in range(3):
            with chat(provider, attempt=number) as span:
                provider.get_tracer("http").start_span(f"POST {number}").end()
                if number != 1:
                    span.set_status(StatusCode.ERROR, "overloaded")
    assert tree(captured.spans) == [
        "invoke_agent",
        "invoke_agent > chat gpt-5",
        "invoke_agent > chat gpt-5 > POST 1",
        "invoke_agent > chat gpt-5 > chat gpt-5",
        "invoke_agent > chat gpt-5 > chat gpt-5",
        "invoke_agent > chat gpt-5 > chat gpt-5 > POST 0",
        "invoke_agent > chat gpt-5 > chat gpt-5 > POST 2",
    ]
    copies = [span for span in captured.spans if "tcc.collected" in (span.attributes or {})]
    attempts = [(copy.attributes or {}).get("attempt") for copy in copies]
    assert sorted(number for number in attempts if isinstance(number, int)) == [0, 2]


def test_a_failed_request_in_a_failed_step(application: Installed, captured: Captured) -> None:
    """Where step and request fail together, they are one; the step knows what was asked."""
    provider, _ = application
    error = RuntimeError("refused")
    with (
        tcc.collect(),
        tcc.run().prompt("hi") as r,
        pytest.raises(RuntimeError),
        r.step(),
        chat(provider, **{"gen_ai.input.messages": TEXT}),
    ):
        raise error
    assert tree(captured.spans) == ["invoke_agent", "invoke_agent > chat gpt-5"]
    (step,) = captured.named("chat gpt-5")
    assert (step.status.status_code, (step.attributes or {})["gen_ai.input.messages"]) == (
        StatusCode.ERROR,
        TEXT,
    )


def test_a_failed_request_in_a_good_step(application: Installed, captured: Captured) -> None:
    """A request that failed while the step went well, by other means, stays a child."""
    provider, _ = application
    with tcc.collect(), tcc.run().prompt("hi") as r, r.step() as s:
        span = start_chat(provider)
        span.set_status(StatusCode.ERROR)
        span.end()
        s.prompt("hi").response("from the cache")
    assert tree(captured.spans) == ["invoke_agent", "invoke_agent > chat", "invoke_agent > chat > chat gpt-5"]


def test_two_libraries_at_once(application: Installed, captured: Captured) -> None:
    """Both spans of two instrumentations are folded, and what only one of them knows is taken from it."""
    provider, _ = application
    inner = provider.get_tracer(OPENINFERENCE)
    with (
        tcc.collect(spans="all"),
        tcc.run().prompt("hi") as r,
        r.step(),
        chat(provider),
        inner.start_as_current_span("ChatCompletion", attributes={"openinference.span.kind": "LLM"}) as span,
    ):
        span.set_attribute("llm.token_count.completion_details.reasoning", 3)
        provider.get_tracer("http").start_span("POST").end()
    assert tree(captured.spans) == [
        "invoke_agent",
        "invoke_agent > chat gpt-5",
        "invoke_agent > chat gpt-5 > POST",
    ]
    (step,) = captured.named("chat gpt-5")
    assert (step.attributes or {})["gen_ai.usage.reasoning.output_tokens"] == 3


def test_a_stream_that_is_read_after_the_step(application: Installed, captured: Captured) -> None:
    """An ended step waits for its request, which then is folded like any other."""
    provider, _ = application
    with tcc.collect(), tcc.run().prompt("hi") as r:
        with r.step():
            stream = start_chat(provider)
        assert (len(process.waiting), tcc.stats().pending) == (1, 1)
        stream.set_attributes(ANSWERED)
        stream.end()
        assert len(process.waiting) == 0
    assert tree(captured.spans) == ["invoke_agent", "invoke_agent > chat gpt-5"]
    (step,) = captured.named("chat gpt-5")
    assert found(step) == {**CHAT, **ANSWERED, "tcc.statusCode": 0}


STREAMS: dict[str, Any] = {"gen_ai.request.stream": True}


def streamed(span: Span) -> Iterator[str]:
    """Return the stream of a request: its span ends with it."""
    yield "hel"
    yield "lo"
    span.set_attributes(ANSWERED)
    span.end()


@pytest.mark.parametrize("first", ["request", "step"])
@pytest.mark.parametrize(
    "says",
    [
        {"gen_ai.request.stream": True},
        {"gen_ai.is_streaming": True},
        {"llm.is_streaming": True},
        {"llm.invocation_parameters": '{"model": "gpt-5", "stream": true}'},
        {},
    ],
    ids=["OpenTelemetry", "OpenLLMetry", "OpenLLMetry, earlier", "OpenInference", "no word"],
)
def test_a_stream_without_a_block(
    application: Installed, captured: Captured, first: str, says: dict[str, Any]
) -> None:
    """A step that is handed the stream of the only open request of its run has that request as its own."""
    provider, _ = application
    with tcc.collect(), tcc.run().prompt("hi") as r:
        step = r.step() if first == "step" else None
        request = start_chat(provider, **says)
        step = step or r.step()
        assert "".join(step.prompt("q").stream(streamed(request))) == "hello"
    assert tree(captured.spans) == ["invoke_agent", "invoke_agent > chat gpt-5"]
    (told,) = captured.named("chat gpt-5")
    assert {key: found(told)[key] for key in ("gen_ai.usage.input_tokens", "gen_ai.response.id")} == {
        key: ANSWERED[key] for key in ("gen_ai.usage.input_tokens", "gen_ai.response.id")
    }


def test_a_stream_beside_a_request_of_somebody_else(application: Installed, captured: Captured) -> None:
    """A request that is open and no stream is not taken for the stream's."""
    provider, _ = application
    with tcc.collect(), tcc.run().prompt("hi") as r:
        request = start_chat(provider, **{"llm.invocation_parameters": '{"stream": false}'})
        assert "".join(r.step().prompt("q").stream(streamed(request))) == "hello"
    assert tree(captured.spans) == ["invoke_agent", "invoke_agent > chat", "invoke_agent > chat gpt-5"]


async def test_a_stream_beside_the_request_of_another_task(
    application: Installed, captured: Captured
) -> None:
    """A request that another task, or another thread, is still making is not taken for the stream's."""
    provider, _ = application

    async def ask() -> Span:
        return start_chat(provider)

    with tcc.collect(), tcc.run().prompt("hi") as r:
        elsewhere = await asyncio.create_task(ask())
        assert list(r.step().prompt("q").stream(iter(["a"]))) == ["a"]
        elsewhere.end()
        threaded = await asyncio.to_thread(start_chat, provider)
        assert list(r.step().prompt("q").stream(iter(["a"]))) == ["a"]
        threaded.end()
    assert tree(captured.spans).count("invoke_agent > chat") == 2


def test_a_stream_of_one_of_two_open_requests(application: Installed, captured: Captured) -> None:
    """While two are open none is taken: which one is meant cannot be known. The last one is clear again."""
    provider, _ = application
    with tcc.collect(), tcc.run().prompt("hi") as r:
        requests_of_two = [start_chat(provider, **STREAMS), start_chat(provider, **STREAMS)]
        for request in requests_of_two:
            assert "".join(r.step().prompt("q").stream(streamed(request))) == "hello"
    assert tree(captured.spans) == [
        "invoke_agent",
        "invoke_agent > chat",
        "invoke_agent > chat gpt-5",
        "invoke_agent > chat gpt-5",
    ]


def test_a_flush_waits_for_no_stream(application: Installed, captured: Captured) -> None:
    """A flush sends the step as it is; the request comes later, as its child."""
    provider, _ = application
    with tcc.collect(), tcc.run().prompt("hi") as r:
        with r.step() as s:
            stream = start_chat(provider)
            s.prompt("hi").response("hello")
        assert [span.name for span in captured.spans] == ["chat"]
        stream.end()
    assert tree(captured.spans) == ["invoke_agent", "invoke_agent > chat", "invoke_agent > chat > chat gpt-5"]


def test_a_stream_that_never_ends(
    application: Installed, captured: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the time is up the step leaves by itself, in the background, and says what it lacks."""
    monkeypatch.setattr(requests, "STREAM_SECONDS", 0.01)
    left = threading.Event()
    delivered = captured.export

    def export(spans: Any) -> Any:
        left.set()
        return delivered(spans)

    monkeypatch.setattr(captured, "export", export)
    provider, _ = application
    with tcc.collect(), tcc.run().prompt("hi") as r:
        with r.step():
            stream = start_chat(provider)
        assert left.wait(20)
        stream.end()
    (step,) = captured.named("chat")
    assert (step.attributes or {})["tcc.violations"] == ("step.prompt", "step.response")


def test_many_spans_below_one_step(
    application: Installed, captured: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is held for one step is bounded; what is too much hangs directly below the step."""
    monkeypatch.setattr(requests, "MOST_HELD", 1)
    provider, _ = application
    with tcc.collect(spans="all"), tcc.run().prompt("hi") as r, r.step(), chat(provider):
        for number in range(3):
            provider.get_tracer("http").start_span(f"POST {number}").end()
    assert tree(captured.spans) == [
        "invoke_agent",
        "invoke_agent > chat gpt-5",
        *(f"invoke_agent > chat gpt-5 > POST {number}" for number in range(3)),
    ]


def test_many_requests_in_one_step(
    application: Installed, captured: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of too many requests in one step the further ones do not wait for its end, as its children."""
    monkeypatch.setattr(requests, "MOST_HELD", 2)
    provider, _ = application
    with tcc.collect(), tcc.run().prompt("hi") as r, r.step():
        for _ in range(4):
            with chat(provider):
                pass
        assert tree(captured.spans) == ["? > chat gpt-5"] * 2
    assert tree(captured.spans) == [
        "invoke_agent",
        "invoke_agent > chat gpt-5",
        *["invoke_agent > chat gpt-5 > chat gpt-5"] * 3,
    ]


@pytest.mark.parametrize("spans", ["genai", "all"])
def test_a_request_that_says_so_late(
    application: Installed, captured: Captured, spans: Literal["genai", "all"]
) -> None:
    """A span that says after its start that it is a request is folded with what is below it."""
    provider, _ = application
    tracer = provider.get_tracer("framework")
    with (
        tcc.collect(spans=spans),
        tcc.run().prompt("hi") as r,
        r.step(),
        tracer.start_as_current_span("ask") as span,
    ):
        span.set_attributes(CHAT)
        with chat(provider), provider.get_tracer("http").start_as_current_span("POST"):
            pass
    assert tree(captured.spans) == [
        "invoke_agent",
        "invoke_agent > chat gpt-5",
        *(["invoke_agent > chat gpt-5 > POST"] if spans == "all" else []),
    ]


def test_a_span_below_a_request_that_says_so_late(application: Installed, captured: Captured) -> None:
    """Also what began before that stands below the step, where the request's own span does not leave."""
    provider, _ = application
    with (
        tcc.collect(spans="all"),
        tcc.run().prompt("hi") as r,
        r.step().prompt("q").response("a"),
        provider.get_tracer("framework").start_as_current_span("ask") as span,
        provider.get_tracer("http").start_as_current_span("POST"),
    ):
        span.set_attributes(CHAT)
    assert tree(captured.spans) == [
        "invoke_agent",
        "invoke_agent > chat gpt-5",
        "invoke_agent > chat gpt-5 > POST",
    ]


def test_requests_of_several_threads(application: Installed, captured: Captured) -> None:
    """Requests that threads make at once in one step are all there: one is the step's, the others below."""
    provider, _ = application
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(20):
            with tcc.collect(), tcc.run().prompt("hi") as r, r.step():
                barrier = threading.Barrier(4)

                def ask(barrier: threading.Barrier = barrier) -> None:
                    barrier.wait(20)
                    with chat(provider):
                        pass

                threads = [threading.Thread(target=copy_context().run, args=(ask,)) for _ in range(4)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert Counter(tree(captured.spans)) == {
        "invoke_agent": 20,
        "invoke_agent > chat gpt-5": 20,
        "invoke_agent > chat gpt-5 > chat gpt-5": 60,
    }


@pytest.mark.parametrize("block", [True, False], ids=["with", "end()"])
@pytest.mark.parametrize("settings", [{}, {"sample_rate": 0.0}, {"disabled": True}], ids=str)
def test_requests_that_no_sampler_takes(settings: dict[str, Any], block: bool) -> None:
    """Whether a request was recorded by others is no mistake of the caller: an empty step raises nothing."""
    provider = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    with capture(**settings) as captured, tcc.collect(provider), tcc.run().prompt("hi") as r:
        if block:
            with r.step(), chat(provider):
                pass
        else:
            s = r.step()
            s.end()
            with pytest.raises(RuntimeError, match="this step has ended"):
                s.end()
    steps = [] if settings else [("step.prompt", "step.response")]
    found = [span.attributes["tcc.violations"] for span in captured.named("chat") if span.attributes]
    assert found == steps


def test_shared_mode(captured: Captured) -> None:
    """On a shared provider our copy of the step takes in the request; both spans stay as they are."""
    provider = TracerProvider(shutdown_on_exit=False)
    tcc.configure(tracer_provider=provider, exporter=captured)
    with tcc.collect(provider), tcc.run().prompt("hi") as r, r.step() as s, chat(provider):
        pass
    assert tree(captured.spans) == ["invoke_agent", "invoke_agent > chat gpt-5"]
    assert "gen_ai.response.id" not in (getattr(s.span, "attributes", None) or {})


def test_redaction_of_what_is_taken(application: Installed, captured: Captured) -> None:
    """The user's hook gets what a step takes from others, on our provider and on a shared one."""
    provider, _ = application

    def redact(text: str, name: str) -> str:
        return text.replace("hello", "***")

    for shared in (None, provider):
        tcc.configure(tracer_provider=shared, exporter=captured, redact=redact)
        with tcc.collect(), tcc.run().prompt("hi") as r, r.step(), chat(provider):
            pass
    steps = captured.named("chat gpt-5")
    assert len(steps) == 2
    for step in steps:
        assert (step.attributes or {})["gen_ai.output.messages"] == ANSWER.replace("hello", "***")
