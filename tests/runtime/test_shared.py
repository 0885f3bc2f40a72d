"""Shared: spans made by the application's provider, nested both ways, and a copy for our destination."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from opentelemetry import baggage, context, trace
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

import contextcompany as tcc
from contextcompany.local.embedded.collector import Collector
from tests.loopback import PATIENCE
from tests.registry import check_span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.sampling import Sampler

Installed = tuple[TracerProvider, InMemorySpanExporter]


def provider_with(sampler: Sampler | None = None, limits: SpanLimits | None = None) -> Installed:
    """Return a provider with an exporter behind it."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(sampler=sampler, span_limits=limits, shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider, exporter


@pytest.fixture(params=["given", "found"])
def shared(request: pytest.FixtureRequest, application: Installed) -> Iterator[Installed]:
    """Be shared: by a provider passed to configure, or by the application's while nothing is configured."""
    if request.param == "given":
        given = provider_with()
        tcc.configure(tracer_provider=given[0])
        yield given
    else:
        yield application


def tree(spans: tuple[ReadableSpan, ...]) -> dict[str, str | None]:
    """Return the name of the parent of each span."""
    names = {span.context.span_id: span.name for span in spans if span.context is not None}
    return {span.name: names[span.parent.span_id] if span.parent else None for span in spans}


def test_spans_nest_both_ways(shared: Installed) -> None:
    """Our spans are children of the application's, and the application's are children of ours."""
    provider, exporter = shared
    tracer = provider.get_tracer("app")
    with tracer.start_as_current_span("GET /"), tcc.run().prompt("hi") as r:
        assert trace.get_current_span() is r.span
        with tracer.start_as_current_span("SELECT"):
            pass
        with r.step().prompt("hi").response("hello"), tracer.start_as_current_span("POST"):
            pass
        with r.tool_call("search"), tracer.start_as_current_span("search index"):
            pass
    spans = exporter.get_finished_spans()
    assert tree(spans) == {
        "GET /": None,
        "invoke_agent": "GET /",
        "SELECT": "invoke_agent",
        "chat": "invoke_agent",
        "POST": "chat",
        "execute_tool search": "invoke_agent",
        "search index": "execute_tool search",
    }
    assert len({span.context.trace_id for span in spans if span.context is not None}) == 1
    assert {span.resource for span in spans} == {provider.resource}
    assert [problem for span in spans for problem in check_span(span)] == []
    assert context.get_current() == {}


def test_nothing_of_ours_stays_current(shared: Installed) -> None:
    """After the block the application's next span is a root, also where a context value was left inside."""
    provider, exporter = shared
    before = context.get_current()
    with tcc.run().prompt("hi"):
        context.attach(baggage.set_baggage("tenant", "t"))
    provider.get_tracer("app").start_span("later").end()
    context.attach(before)
    assert tree(exporter.get_finished_spans())["later"] is None


def test_the_sampler_of_the_application_applies() -> None:
    """What the application's sampler drops is dropped, and the handles work all the same."""
    provider, exporter = provider_with(ALWAYS_OFF)
    with Collector() as collector:
        tcc.configure(tracer_provider=provider, tcc_url=collector.url)
        with tcc.run("run-1").prompt("hi") as r:
            r.step().prompt("hi").response("hello").end()
            with pytest.raises(ValueError, match="name"):
                r.tool_call().end()
        assert r.run_id == "run-1"
        assert tcc.flush(PATIENCE)
        assert (len(collector.store), exporter.get_finished_spans()) == (0, ())


def test_foreign_parent_link_in_shared_mode() -> None:
    """With "link" a run on the application's provider is a root that links to the span around it."""
    provider, exporter = provider_with()
    tcc.configure(tracer_provider=provider, foreign_parent="link")
    with provider.get_tracer("app").start_as_current_span("GET /") as outer:
        tcc.run().prompt("hi").end()
    run_span = exporter.get_finished_spans()[0]
    assert run_span.parent is None
    assert [link.context for link in run_span.links] == [outer.get_span_context()]


def test_without_a_destination_nothing_leaves_but_by_the_application(shared: Installed) -> None:
    """The application's exporter gets each span once; nothing of ours is pending or sent elsewhere."""
    _, exporter = shared
    tcc.run().prompt("hi").end()
    assert [span.name for span in exporter.get_finished_spans()] == ["invoke_agent"]
    stats = tcc.stats()
    assert (stats.pending, stats.delivered, dict(stats.dropped)) == (0, 0, {})


def test_a_copy_goes_to_our_destination() -> None:
    """With a destination of ours each of our spans arrives there too, the application's own do not."""
    provider, exporter = provider_with()
    with Collector(record_requests=True) as collector:
        tcc.configure(tracer_provider=provider, tcc_url=collector.url, api_key="key")
        with provider.get_tracer("app").start_as_current_span("GET /"), tcc.run("run-1").prompt("hi") as r:
            r.step().prompt("hi").response("hello").end()
        assert tcc.flush(PATIENCE)
        spans = {span.context.span_id: span for span in exporter.get_finished_spans() if span.context}
        copies = collector.store.spans()
        assert [copy.name for copy in copies] == ["chat", "invoke_agent"]
        for copy in copies:
            original = spans[int(copy.span_id, 16)]
            assert dict(copy.attributes) == dict(original.attributes or {})
        assert {request.headers["authorization"] for request in collector.requests} == {"Bearer key"}


def test_a_copy_goes_where_its_run_says() -> None:
    """A run with a destination of its own has its copy there and nowhere else, with the key of that run."""
    provider, exporter = provider_with()
    with Collector(record_requests=True) as first, Collector(record_requests=True) as second:
        tcc.configure(tracer_provider=provider, tcc_url=first.url, api_key="key-of-first")
        with tcc.run("run-1", tcc_url=second.url).prompt("hi") as r:
            r.step().prompt("hi").response("hello").end()
        assert tcc.flush(PATIENCE)
        assert [span.name for span in second.store.spans()] == ["chat", "invoke_agent"]
        assert len(first.store) == 0
        assert "authorization" not in second.requests[0].headers
        assert len(exporter.get_finished_spans()) == 2


def test_feedback_in_shared_mode() -> None:
    """Feedback goes through the application's provider, and its copy is what is confirmed."""
    provider, exporter = provider_with()
    with Collector() as collector:
        tcc.configure(tracer_provider=provider, tcc_url=collector.url)
        r = tcc.run("run-1").prompt("hi")
        r.end()
        assert r.feedback("thumbs_up") is True
        assert [span.name for span in collector.store.spans()] == ["invoke_agent", "tcc.feedback"]
        assert [span.name for span in exporter.get_finished_spans()] == ["invoke_agent", "tcc.feedback"]


def test_feedback_that_only_the_application_sends(shared: Installed) -> None:
    """Without a destination of ours feedback is handed to the application, and at once not confirmed."""
    _, exporter = shared
    r = tcc.run("run-1").prompt("hi")
    r.end()
    assert r.feedback("thumbs_up") is False
    assert [span.name for span in exporter.get_finished_spans()] == ["invoke_agent", "tcc.feedback"]


def test_what_must_hold_holds_in_the_handle(shared: Installed) -> None:
    """On the application's provider secrets are masked and required fields demanded before it sees a span."""
    _, exporter = shared
    r = tcc.run()
    with pytest.raises(ValueError, match="prompt"):
        r.end()
    r.error("refused: api_key=hunter22")
    with pytest.raises(ValueError, match="prompt"), tcc.run():
        pass
    failed, incomplete = exporter.get_finished_spans()
    assert "hunter22" not in failed.to_json()
    assert (incomplete.attributes or {})["error.type"] == "tcc.incomplete"
    assert (incomplete.attributes or {})["tcc.violations"] == ("run.prompt",)


def test_content_off_holds_in_the_handle() -> None:
    """With content off the application's exporters see no content either."""
    provider, exporter = provider_with()
    tcc.configure(tracer_provider=provider, capture_content=False)
    with tcc.run().prompt("a secret prompt").response("a secret answer") as r:
        with r.tool_call("search").args({"q": "a secret"}).result("a secret"):
            pass
        r.step().prompt("a secret").error(ValueError("a secret"))
    for span in exporter.get_finished_spans():
        assert "secret" not in span.to_json()
        assert check_span(span) == []


def test_identity_survives_tight_limits() -> None:
    """Where the application keeps few attributes, what identifies a span is not what is evicted."""
    provider, exporter = provider_with(limits=SpanLimits(max_span_attributes=8))
    tcc.configure(tracer_provider=provider)
    r = tcc.run("run-1", "session-1").prompt("hi")
    r.metadata({f"k{number}": number for number in range(50)}).end()
    attributes = exporter.get_finished_spans()[0].attributes or {}
    assert attributes["tcc.runId"] == "run-1"
    assert attributes["gen_ai.operation.name"] == "invoke_agent"
    assert "gen_ai.input.messages" in attributes
