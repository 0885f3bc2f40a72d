"""A guest: what an application sees of itself is the same with us and without us."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import baggage, context, trace
from opentelemetry.propagate import extract, inject
from opentelemetry.sdk.trace import TracerProvider

import contextcompany as tcc
from contextcompany.propagation.ids import derived_ids
from contextcompany.testing import capture
from tests.conftest import global_provider
from tests.runtime.application import REQUESTS, Application

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

REMOTE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@contextmanager
def agent() -> Iterator[None]:
    """Record a run with a step, a tool call and a failure in a step, around what the application does."""
    with tcc.run().prompt("hi") as r:
        with r.step() as s:
            s.prompt("hi").response("hello").model("gpt-4o")
            with s.tool_call("search"):
                yield
        r.step().error("refused")


@pytest.fixture(scope="module")
def alone() -> dict[str, Any]:
    """Tell what the application leaves behind without us."""
    app = Application()
    with global_provider(app.provider):
        app.serve()
    return app.left_behind()


def test_the_application_does_something(alone: dict[str, Any]) -> None:
    """The yardstick is one: some traces sampled and some not, headers on every call."""
    sampled = {found.trace_id for _, found, *_ in alone["spans"]}
    assert 0 < len(sampled) < 2 * REQUESTS
    assert len(alone["carriers"]) == 4 * REQUESTS
    assert any("traceparent" in carrier for carrier in alone["carriers"])


def test_we_come_second(alone: dict[str, Any]) -> None:
    """The application sets up first: its spans, parents, sampled share and headers are as without us."""
    app = Application()
    with global_provider(app.provider), capture() as captured:
        app.serve(agent)
        recorded = captured.named("invoke_agent")
    assert app.left_behind() == alone
    assert len(recorded) == 2 * REQUESTS


def test_we_come_first(alone: dict[str, Any]) -> None:
    """We are configured and used before the application sets up: all the same."""
    app = Application()
    with capture() as captured:
        with agent():
            pass
        with global_provider(app.provider):
            app.serve(agent)
        recorded = captured.named("invoke_agent")
    assert app.left_behind() == alone
    assert len(recorded) == 2 * REQUESTS + 1


async def test_we_run_beside_it_in_tasks(alone: dict[str, Any]) -> None:
    """Runs that are open in other tasks all the while change nothing."""
    app = Application()
    with global_provider(app.provider), capture():
        entered, over = asyncio.Event(), asyncio.Event()

        async def beside() -> None:
            async with tcc.run() as r:
                r.prompt("hi")
                entered.set()
                await over.wait()

        task = asyncio.create_task(beside())
        await entered.wait()
        app.serve()
        over.set()
        await task
    assert app.left_behind() == alone


def parents(spans: tuple[ReadableSpan, ...]) -> list[tuple[str, int, int | None]]:
    """Return names, trace ids, and parents."""
    return [
        (span.name, span.context.trace_id, span.parent.span_id if span.parent else None)
        for span in spans
        if span.context is not None
    ]


Installed = tuple["TracerProvider", "InMemorySpanExporter"]


def test_private_runs_nest_under_the_application(application: Installed) -> None:
    """A run takes the trace and the parent of the application's current span; its own children follow it."""
    with capture() as captured, trace.get_tracer("app").start_as_current_span("GET /") as outer:
        with tcc.run().prompt("hi") as r:
            assert trace.get_current_span() is outer
            with r.step().prompt("hi").response("hello") as s:
                assert trace.get_current_span() is outer
        found = outer.get_span_context()
        assert parents(captured.spans) == [
            ("chat", found.trace_id, r.span.get_span_context().span_id),
            ("invoke_agent", found.trace_id, found.span_id),
        ]
        assert s.trace_id == r.trace_id
    assert [span.name for span in application[1].get_finished_spans()] == ["GET /"]


def test_private_runs_are_recorded_whatever_the_application_samples() -> None:
    """Under an unsampled span of the application a run is recorded in full."""
    app = Application()
    with global_provider(app.provider), capture() as captured:
        app.serve(agent)
        sampled = {span.context.trace_id for span in app.exporter.get_finished_spans() if span.context}
        seen = {span.context.trace_id for span in captured.named("invoke_agent") if span.context}
    assert sampled & seen
    assert len(seen - sampled) >= REQUESTS / 2


@pytest.mark.usefixtures("application")
def test_foreign_parent_link() -> None:
    """With "link" a run under the application's span is the root of its own trace, which links to it."""
    tracer = trace.get_tracer("app")
    with capture(foreign_parent="link") as captured, tracer.start_as_current_span("GET /") as outer:
        with tcc.run("run-1").prompt("hi") as r:
            r.step().prompt("hi").response("hello").end()
            with tcc.run("inner").prompt("hi"):
                pass
        step_span, inner_span, run_span = captured.spans
    trace_id, span_id = derived_ids("run-1")
    assert run_span.context is not None
    assert (run_span.context.trace_id, run_span.context.span_id, run_span.parent) == (trace_id, span_id, None)
    assert [link.context for link in run_span.links] == [outer.get_span_context()]
    for child in (step_span, inner_span):
        assert child.parent is not None
        assert (child.parent.trace_id, child.parent.span_id) == (trace_id, span_id)
        assert child.links == ()


@pytest.mark.parametrize("installed", [False, True], ids=["no provider", "a provider"])
def test_runs_nest_under_a_remote_parent(installed: bool) -> None:
    """A trace that came in by headers goes on in our run, with or without tracing in the application."""
    provider = TracerProvider(shutdown_on_exit=False) if installed else None
    token = context.attach(extract({"traceparent": REMOTE}))
    try:
        with global_provider(provider), capture() as captured:  # type: ignore[arg-type]
            tcc.run("run-1").prompt("hi").end()
            (span,) = captured.spans
    finally:
        context.detach(token)
    assert span.parent is not None
    assert (f"{span.parent.trace_id:032x}", f"{span.parent.span_id:016x}") == tuple(REMOTE.split("-")[1:3])


def carried() -> str | None:
    """Return the traceparent that an outgoing request would carry."""
    carrier: dict[str, str] = {}
    inject(carrier)
    return carrier.get("traceparent")


def test_without_a_provider_the_context_carries_us() -> None:
    """Where the application has no tracing, outgoing requests carry our trace, within the block only."""
    with capture():
        token = context.attach(baggage.set_baggage("tenant", "t"))
        before = context.get_current()
        with tcc.run().prompt("hi") as r:
            assert trace.get_current_span() is r.span
            # The last bits say that it is sampled, and in newer versions that its id is random.
            header = f"00-{r.trace_id}-{r.span.get_span_context().span_id:016x}"
            assert carried() in {f"{header}-01", f"{header}-03"}
            with r.step().prompt("hi").response("hello") as s:
                assert trace.get_current_span() is s.span
            assert trace.get_current_span() is r.span
            assert baggage.get_baggage("tenant") == "t"
        assert context.get_current() == before
        assert carried() is None
        context.detach(token)
        assert context.get_current() == {}


def test_a_handle_without_its_block_sets_no_context() -> None:
    """Only `with` makes a handle current."""
    with capture():
        r = tcc.run().prompt("hi")
        s = r.step()
        assert context.get_current() == {}
        s.error("x")
        r.end()


def test_what_is_attached_inside_a_block_does_not_keep_us() -> None:
    """A context value that the application attached inside the block and left there keeps no span of ours."""
    with capture():
        outside = context.get_current()
        with tcc.run().prompt("hi") as r:
            context.attach(baggage.set_baggage("tenant", "t"))
        assert trace.get_current_span() is not r.span
        assert carried() is None
        context.attach(outside)


def test_the_choice_is_made_at_each_root_run() -> None:
    """A provider that appears later is respected by the next root run."""
    app = Application()
    with capture():
        with tcc.run().prompt("hi") as first:
            assert trace.get_current_span() is first.span
        with global_provider(app.provider), tcc.run().prompt("hi"):
            assert trace.get_current_span() is trace.INVALID_SPAN
        with tcc.run().prompt("hi") as third:
            assert trace.get_current_span() is third.span


def test_runs_in_a_row_are_roots() -> None:
    """The next run after a block is a root of its own, not a child of the last."""
    with capture() as captured:
        for _ in range(3):
            with tcc.run().prompt("hi"):
                pass
        assert [span.parent for span in captured.spans] == [None, None, None]
        assert len({span.context.trace_id for span in captured.spans if span.context}) == 3


def test_nested_runs_share_a_trace() -> None:
    """A run inside another nests under its nearest open handle and names its parent run."""
    with capture() as captured:
        with tcc.run("outer").prompt("hi") as outer, outer.tool_call("ask another agent") as call:
            tcc.run("inner").prompt("hi").end()
        (inner,) = (span for span in captured.spans if (span.attributes or {})["tcc.runId"] == "inner")
    assert inner.parent is not None
    assert inner.parent.span_id == call.span.get_span_context().span_id
    assert (inner.attributes or {})["tcc.parentRunId"] == "outer"
