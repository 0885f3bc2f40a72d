"""Where spans hang beside an application's own tracing: private, linked and shared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider, sampling
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import contextcompany as tcc
from contextcompany.testing import capture
from tests.conftest import global_provider
from tests.recording.rows import parent_id, parsed, span_id, trace_id_of, whole
from tests.registry import check_span

if TYPE_CHECKING:
    from contextcompany.testing import Captured

Application: TypeAlias = tuple[TracerProvider, InMemorySpanExporter]


def record(run_id: str = "run-1") -> tcc.Run:
    """Record a run with a step and a tool call in blocks, and return it."""
    with tcc.run(run_id) as r:
        r.prompt("p")
        with r.step("s") as s:
            s.prompt("q").response("a")
            with s.tool_call("t"):
                pass
    return r


def tree(spans: Any) -> dict[str, str | None]:
    """Return the name of each span's parent, or None for what is no span of these."""
    names = {span.context.span_id: span.name for span in spans}
    return {span.name: names.get(parent_id(span)) if span.parent else None for span in spans}


def test_a_root_run_nests_under_the_applications_span(captured: Captured, application: Application) -> None:
    """Private: a run is below the application's current span, in its trace, and not in its exporter."""
    provider, exporter = application
    with provider.get_tracer("app").start_as_current_span("request") as host:
        record()
    (host_span,) = exporter.get_finished_spans()
    assert whole(host_span)["parent"] is None
    assert {trace_id_of(span) for span in captured.spans} == {trace_id_of(host_span)}
    assert tree([*captured.spans, host_span]) == {
        "execute_tool t": "chat",
        "chat": "invoke_agent",
        "invoke_agent": "request",
        "request": None,
    }
    (run_span,) = captured.named("invoke_agent")
    assert "tcc.parentRunId" not in parsed(run_span)
    assert host.get_span_context().is_valid


def test_the_applications_context_is_only_read(captured: Captured, application: Application) -> None:
    """Private: inside our blocks the application's current span stays current, and its spans its own."""
    provider, exporter = application
    tracer = provider.get_tracer("app")
    with tracer.start_as_current_span("request") as host, tcc.run() as r, r.step() as s:
        r.prompt("p")
        s.prompt("q").response("a")
        assert trace.get_current_span() is host
        tracer.start_span("query").end()
    with tcc.run() as root:
        root.prompt("p")
        assert trace.get_current_span() is trace.INVALID_SPAN
        tracer.start_span("alone").end()
    assert tree(exporter.get_finished_spans()) == {"query": "request", "request": None, "alone": None}


def test_without_an_application_our_spans_are_current(captured: Captured) -> None:
    """Where the application has no provider, blocks are current in OpenTelemetry's context, and leave it."""
    with tcc.run() as r:
        r.prompt("p")
        assert trace.get_current_span() is r.span
        with r.step() as s:
            s.prompt("q").response("a")
            assert trace.get_current_span() is s.span
        assert trace.get_current_span() is r.span
    assert trace.get_current_span() is trace.INVALID_SPAN


def test_a_run_is_recorded_where_the_application_samples_nothing(captured: Captured) -> None:
    """Private: the application's sampler never switches us off; its spans stay unsampled."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(sampler=sampling.ALWAYS_OFF, shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with global_provider(provider), provider.get_tracer("app").start_as_current_span("request") as host:
        r = record()
    assert r.trace_id == trace.format_trace_id(host.get_span_context().trace_id)
    assert [span.name for span in captured.spans] == ["execute_tool t", "chat", "invoke_agent"]
    assert exporter.get_finished_spans() == ()


def test_a_linked_run_is_the_root_of_its_own_trace(application: Application) -> None:
    """With `foreign_parent="link"` a run below an application's span is a root that links to it."""
    provider, _ = application
    with capture(foreign_parent="link") as captured:
        with provider.get_tracer("app").start_as_current_span("request") as host:
            r = record()
        record("alone")
        linked, alone = captured.named("invoke_agent")
    around = host.get_span_context()
    assert (parent_id(linked), [link.context.span_id for link in linked.links]) == (None, [around.span_id])
    assert [link.context.trace_id for link in linked.links] == [around.trace_id]
    assert r.trace_id != trace.format_trace_id(around.trace_id)
    assert (parent_id(alone), alone.links) == (None, ())


def test_a_linked_run_is_found_from_another_process(application: Application) -> None:
    """A linked run is a root on our provider, so its ids follow from its run id as everywhere."""
    provider, _ = application
    with capture(foreign_parent="link"):
        free = tcc.run("run-1")
        expected = (free.trace_id, span_id(free))
    tcc.shutdown()
    with (
        capture(foreign_parent="link") as captured,
        provider.get_tracer("app").start_as_current_span("request"),
    ):
        record("run-2")
        (span,) = captured.named("invoke_agent")
    with capture():
        again = tcc.run("run-1")
        assert again.trace_id != expected[0]
    assert parent_id(span) is None


def test_a_run_inside_a_linked_run_nests(application: Application) -> None:
    """With `foreign_parent="link"` only the application's spans are linked; runs nest in runs as ever."""
    provider, _ = application
    with (
        capture(foreign_parent="link") as captured,
        provider.get_tracer("app").start_as_current_span("request"),
        tcc.run("outer") as outer,
    ):
        outer.prompt("p")
        tcc.run("inner").prompt("p").end()
        (inner,) = captured.spans
    assert (parent_id(inner), parsed(inner)["tcc.parentRunId"], inner.links) == (span_id(outer), "outer", ())


@pytest.mark.parametrize("way", ["given", "found"])
def test_shared_spans_are_made_by_the_applications_provider(application: Application, way: str) -> None:
    """Shared: spans are the application's own, current in its context, and nest both ways."""
    provider, exporter = application
    if way == "given":
        tcc.configure(tracer_provider=provider)
    tracer = provider.get_tracer("app")
    with tracer.start_as_current_span("request"), tcc.run() as r:
        r.prompt("p")
        assert trace.get_current_span() is r.span
        with r.step() as s:
            s.prompt("q").response("a")
            with tracer.start_as_current_span("http"):
                r.tool_call("t").end()
        assert trace.get_current_span() is r.span
    assert tree(exporter.get_finished_spans()) == {
        "execute_tool t": "http",
        "http": "chat",
        "chat": "invoke_agent",
        "invoke_agent": "request",
        "request": None,
    }
    assert [problem for span in exporter.get_finished_spans() for problem in check_span(span)] == []


def test_a_destination_of_ours_gets_a_copy_of_shared_spans(application: Application) -> None:
    """Shared: where a destination is configured, the application and we get the same spans."""
    provider, exporter = application
    with capture(tracer_provider=provider) as captured:
        record()
        copies = [whole(span) for span in captured.spans]
    assert [whole(span) for span in exporter.get_finished_spans()] == copies
    assert [copy["name"] for copy in copies] == ["execute_tool t", "chat", "invoke_agent"]


def test_the_applications_sampler_decides_over_shared_spans() -> None:
    """Shared: what the application does not sample is recorded nowhere, and nothing raises."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(sampler=sampling.ALWAYS_OFF, shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with capture(tracer_provider=provider) as captured:
        r = record()
        assert r.feedback("thumbs_up") is False
        assert captured.spans == ()
    assert exporter.get_finished_spans() == ()


def test_identity_survives_the_applications_limits(application: Application) -> None:
    """Shared: past the application's limit of 128 attributes the run keeps its id, operation and prompt."""
    provider, exporter = application
    tcc.configure(tracer_provider=provider)
    r = tcc.run("run-1", session_id="chat-1").prompt("p")
    r.metadata({f"key{number}": number for number in range(300)}).end()
    (span,) = exporter.get_finished_spans()
    kept = {key: value for key, value in parsed(span).items() if not key.startswith("tcc.metadata.")}
    assert kept == {
        "gen_ai.operation.name": "invoke_agent",
        "tcc.runId": "run-1",
        "tcc.sessionId": "chat-1",
        "gen_ai.conversation.id": "chat-1",
        "gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": "p"}]}],
        "tcc.statusCode": 0,
    }


def test_a_neighbour_that_raises_stays_away_from_the_caller() -> None:
    """Shared: a processor of the application that raises at start or end breaks no call of ours."""

    class Broken(SimpleSpanProcessor):
        def on_start(self, span: Any, parent_context: Any = None) -> None:
            raise RuntimeError("broken at start")

        def on_end(self, span: Any) -> None:
            raise RuntimeError("broken at end")

    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(Broken(InMemorySpanExporter()))
    with capture(tracer_provider=provider):
        r = record()
        assert r.feedback("thumbs_up") in (True, False)
