"""What is collected: the spans that began inside our runs, below the right parents, and no others."""

from __future__ import annotations

import contextvars
import os
import threading
from typing import TYPE_CHECKING, Any
from unittest.mock import ANY

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import contextcompany as tcc
from contextcompany.diagnostics import guard
from contextcompany.integrations.collecting import copying
from contextcompany.integrations.collecting import processor as collecting
from contextcompany.integrations.collecting.copying import copied_id
from contextcompany.local.embedded.collector import Collector
from contextcompany.runtime.process import process
from contextcompany.testing import capture
from tests.conftest import attributes_of, global_provider
from tests.integrations.collecting.foreign_spans import (
    ANSWERED,
    CHAT,
    OPENINFERENCE,
    chat,
    exported,
    tree,
)
from tests.interpreter import python
from tests.runtime.application import CountingIds

if TYPE_CHECKING:
    from contextcompany.testing import Captured

Installed = tuple[TracerProvider, InMemorySpanExporter]


def test_a_whole_copy(application: Installed, captured: Captured) -> None:
    """The copy says what the original says, and whose it is, in our trace and below our span."""
    provider, exporter = application
    with tcc.collect(), tcc.run("run-1", "session-1") as r:
        r.prompt("hi").metadata({"tcc.userId": "u-1", "tcc.orgId": "o-1"})
        with chat(provider) as span:
            span.add_event("note", {"n": 1})
    copy, run = captured.spans
    (original,) = exporter.get_finished_spans()
    assert original.context is not None
    assert run.context is not None
    assert copy.context is not None
    assert attributes_of(copy) == {
        **CHAT,
        **ANSWERED,
        "gen_ai.conversation.id": "session-1",
        "tcc.collected": True,
        "tcc.cost": ANY,
        "tcc.costSource": "computed",
        "tcc.orgId": "o-1",
        "tcc.runId": "run-1",
        "tcc.sessionId": "session-1",
        "tcc.userId": "u-1",
        "user.id": "u-1",
    }
    assert (copy.context.trace_id, copy.context.span_id) == (
        run.context.trace_id,
        copied_id(original.context.span_id),
    )
    assert copy.parent is not None
    assert copy.parent.span_id == run.context.span_id
    assert copy.resource == run.resource
    assert (copy.name, copy.kind, copy.start_time, copy.end_time, copy.instrumentation_scope) == (
        original.name,
        original.kind,
        original.start_time,
        original.end_time,
        original.instrumentation_scope,
    )
    assert [(event.name, dict(event.attributes or {})) for event in copy.events] == [("note", {"n": 1})]


def test_the_original_stays_as_it_is() -> None:
    """What the application exports is the same with us and without us, ids and parents included."""

    def serve(*, ours: bool) -> list[tuple[Any, ...]]:
        exporter = InMemorySpanExporter()
        provider = TracerProvider(id_generator=CountingIds(), shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        with global_provider(provider), provider.get_tracer("shop").start_as_current_span("GET /"):
            if ours:
                with (
                    capture(),
                    tcc.collect(spans="all"),
                    tcc.run() as r,
                    r.prompt("hi").step(),
                    chat(provider),
                    provider.get_tracer("http").start_as_current_span("POST"),
                ):
                    pass
            else:
                with chat(provider), provider.get_tracer("http").start_as_current_span("POST"):
                    pass
        return exported(exporter.get_finished_spans())

    assert serve(ours=True) == serve(ours=False)


def test_children_find_their_run_through_what_is_not_collected(
    application: Installed, captured: Captured
) -> None:
    """A span of another library that is not collected hands its run on to what begins below it."""
    provider, _ = application
    with (
        tcc.collect(),
        tcc.run().prompt("hi"),
        provider.get_tracer("flask").start_as_current_span("view"),
        chat(provider),
    ):
        pass
    assert tree(captured.spans) == ["invoke_agent", "invoke_agent > chat gpt-5"]


def test_all_spans(application: Installed, captured: Captured) -> None:
    """With "all" the spans of HTTP and databases come too, each below its own parent."""
    provider, _ = application
    with (
        tcc.collect(spans="all"),
        tcc.run().prompt("hi"),
        provider.get_tracer("flask").start_as_current_span("view"),
        chat(provider),
        provider.get_tracer("http").start_as_current_span("POST"),
    ):
        pass
    assert tree(captured.spans) == [
        "invoke_agent",
        "invoke_agent > view",
        "invoke_agent > view > chat gpt-5",
        "invoke_agent > view > chat gpt-5 > POST",
    ]


def test_membership_goes_by_the_parent_first(application: Installed, captured: Captured) -> None:
    """In a thread without our context a span is of the run in which its parent began."""
    provider, _ = application
    tracer = provider.get_tracer(OPENINFERENCE)
    with tcc.collect(), tcc.run("run-1").prompt("hi"):
        outer = tracer.start_span("agent")

        def elsewhere() -> None:
            tracer.start_span("tool", trace.set_span_in_context(outer)).end()

        thread = threading.Thread(target=contextvars.Context().run, args=(elsewhere,))
        thread.start()
        thread.join()
        outer.end()
        with tcc.run("run-2").prompt("hi"):
            tracer.start_span("tool in an inner run", trace.set_span_in_context(outer)).end()
    assert tree(captured.spans) == [
        "invoke_agent",
        "invoke_agent > agent",
        "invoke_agent > agent > tool",
        "invoke_agent > invoke_agent",
        "invoke_agent > invoke_agent > tool in an inner run",
    ]


def test_a_handle_inside_a_span_is_nearer(application: Installed, captured: Captured) -> None:
    """What begins in a tool call of ours that was entered inside a collected span is below the tool call."""
    provider, _ = application
    tracer = provider.get_tracer(OPENINFERENCE)
    with tcc.collect(), tcc.run().prompt("hi") as r, tracer.start_as_current_span("agent"):
        with r.tool_call("search"), tracer.start_as_current_span("retriever"):
            pass
        with tracer.start_as_current_span("retriever"):
            pass
    assert tree(captured.spans) == [
        "invoke_agent",
        "invoke_agent > agent",
        "invoke_agent > agent > retriever",
        "invoke_agent > execute_tool search",
        "invoke_agent > execute_tool search > retriever",
    ]


def test_nothing_outside_of_runs(application: Installed, captured: Captured) -> None:
    """Spans before, after and beside runs are not ours, nor those of runs that are not recorded."""
    provider, exporter = application
    with tcc.collect():
        with chat(provider):
            tcc.run().prompt("hi").end()
        with capture(disabled=True) as nothing, tcc.run().prompt("hi"), chat(provider):
            pass
    assert [span.name for span in captured.spans] == ["invoke_agent"]
    assert nothing.spans == ()
    assert len(exporter.get_finished_spans()) == 2


def test_two_libraries_that_record_the_same(application: Installed, captured: Captured) -> None:
    """Of two nested spans of the same request the outer one leaves, with what only the inner one knows."""
    provider, _ = application
    inner = provider.get_tracer(OPENINFERENCE)
    outer = provider.get_tracer("opentelemetry.instrumentation.openai.v1")
    with (
        tcc.collect(spans="all"),
        tcc.run().prompt("hi"),
        outer.start_as_current_span("openai.chat", attributes={"gen_ai.operation.name": "chat"}),
    ):
        kind = {"openinference.span.kind": "LLM"}
        with inner.start_as_current_span("ChatCompletion", attributes=kind) as span:
            span.set_attribute("llm.token_count.prompt", 19)
            provider.get_tracer("http").start_span("POST").end()
    assert tree(captured.spans) == [
        "invoke_agent",
        "invoke_agent > openai.chat",
        "invoke_agent > openai.chat > POST",
    ]
    (copy,) = captured.named("openai.chat")
    assert (copy.attributes or {})["gen_ai.usage.input_tokens"] == 19


def test_a_destination_of_the_run(application: Installed) -> None:
    """A copy goes where its run goes, and nowhere else."""
    provider, _ = application
    with Collector(port=0) as ours, Collector(port=0) as tenant, tcc.collect():
        tcc.configure(tcc_url=ours.url)
        with tcc.run(tcc_url=tenant.url).prompt("hi"), chat(provider):
            pass
        assert tcc.flush()
        assert ours.store.spans() == ()
        assert sorted(span.name for span in tenant.store.spans()) == ["chat gpt-5", "invoke_agent"]


def test_two_runs_with_one_id_on_a_shared_provider() -> None:
    """Of two open runs with one id a span belongs to the current one, and goes where that goes."""
    provider = TracerProvider(shutdown_on_exit=False)
    tcc.configure(tracer_provider=provider)
    with Collector(port=0) as first, Collector(port=0) as second, tcc.collect(provider):
        with tcc.run("same", tcc_url=first.url).prompt("hi"):
            other = contextvars.Context().run(tcc.run, "same", tcc_url=second.url)
            with chat(provider):
                pass
        other.prompt("hi").end()
        assert tcc.flush()
        assert sorted(span.name for span in first.store.spans()) == ["chat gpt-5", "invoke_agent"]
        assert [span.name for span in second.store.spans()] == ["invoke_agent"]


def test_shared_mode(captured: Captured) -> None:
    """On a shared provider our own spans are not collected, and the rest nests with them both ways."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer(OPENINFERENCE)
    tcc.configure(tracer_provider=provider, exporter=captured)
    with (
        tcc.collect(provider),
        tcc.run().prompt("hi") as r,
        tracer.start_as_current_span("agent"),
        r.tool_call("search"),
        tracer.start_as_current_span("retriever"),
    ):
        pass
    expected = [
        "invoke_agent",
        "invoke_agent > agent",
        "invoke_agent > agent > execute_tool search",
        "invoke_agent > agent > execute_tool search > retriever",
    ]
    assert tree(exporter.get_finished_spans()) == expected
    assert tree(captured.spans) == expected


def test_a_span_of_ours_as_explicit_parent(captured: Captured) -> None:
    """On a shared provider a span of ours may be the parent where our context is not to be had."""
    provider = TracerProvider(shutdown_on_exit=False)
    tcc.configure(tracer_provider=provider, exporter=captured)
    with tcc.collect(provider):
        r = tcc.run().prompt("hi")
        provider.get_tracer(OPENINFERENCE).start_span("agent", trace.set_span_in_context(r.span)).end()
        r.end()
    assert tree(captured.spans) == ["invoke_agent", "invoke_agent > agent"]


def test_errors_of_ours_stay_with_us(
    application: Installed, captured: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What fails in here is counted and never reaches the application."""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("ours")

    monkeypatch.setattr(guard, "strict", False)
    monkeypatch.setattr(copying, "deliver", fail)
    provider, exporter = application
    with tcc.collect(), tcc.run().prompt("hi"), chat(provider):
        pass
    assert [span.name for span in captured.spans] == ["invoke_agent"]
    assert len(exporter.get_finished_spans()) == 1
    assert guard.errors == 1


def test_nothing_is_held(application: Installed, captured: Captured) -> None:
    """When all spans have ended, nothing of them is remembered."""
    provider, _ = application
    with tcc.collect(provider, spans="all"), tcc.run().prompt("hi") as r:
        with r.step(), chat(provider), chat(provider):
            pass
        (found,) = [kept for key, kept in process.processors.items() if key is provider]
        assert isinstance(found, collecting.CollectingProcessor)
        assert len(found.members) == 0
    assert len(process.waiting) == 0
    assert len(captured.spans) == 2


FORKING = """
import os, sys
from opentelemetry.sdk.trace import TracerProvider
import contextcompany as tcc

tcc.configure(tcc_url=sys.argv[1], spool=False)
provider = TracerProvider(shutdown_on_exit=False)
tcc.collect(provider)
tracer = provider.get_tracer("openinference.instrumentation.openai")
with tcc.run("parent").prompt("hi"):
    with tracer.start_as_current_span("across the fork"):
        child = os.fork()
    if child == 0:
        with tracer.start_as_current_span("of the parent's run"):
            pass
        with tcc.run("child").prompt("hi"), tracer.start_as_current_span("in the child"):
            pass
        tcc.flush()
        os._exit(0)
assert os.waitpid(child, 0)[1] == 0
tcc.flush()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_forks() -> None:
    """A span that is open across a fork is collected once, by the parent; the child takes what it begins."""
    with Collector() as collector:
        finished = python(FORKING, collector.url, PYTHONWARNINGS="ignore::DeprecationWarning")
        assert (finished.code, finished.err) == (0, "")
        arrived = sorted((span.attributes["tcc.runId"], span.name) for span in collector.store.spans())
    assert arrived == [
        ("child", "in the child"),
        ("child", "invoke_agent"),
        ("parent", "across the fork"),
        ("parent", "invoke_agent"),
        ("parent", "of the parent's run"),
    ]


def test_what_outlives_its_run(application: Installed, captured: Captured) -> None:
    """After the end of the current run nothing is collected; after a call's end the run is the parent."""
    provider, _ = application
    tracer = provider.get_tracer(OPENINFERENCE)
    with tcc.collect():
        with tcc.run().prompt("hi"):
            after_the_run = contextvars.copy_context()
        after_the_run.run(tracer.start_span, "late").end()
        r = tcc.run().prompt("hi")
        with r.tool_call("search"):
            after_the_call = contextvars.copy_context()
        after_the_call.run(tracer.start_span, "late").end()
        r.end()
    assert tree(captured.spans) == [
        "invoke_agent",
        "invoke_agent",
        "invoke_agent > execute_tool search",
        "invoke_agent > late",
    ]
