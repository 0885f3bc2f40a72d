"""The rules in front of any processor, on any provider, for any span that says it is ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

import contextcompany as tcc
from contextcompany.diagnostics import guard
from contextcompany.testing import capture
from tests.handmade import ELSEWHERE, RUN, STEP, TOOL_CALL, whole, without
from tests.registry import check_span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from opentelemetry.context import Context
    from opentelemetry.util.types import AttributeValue


class Keep(SpanProcessor):
    """Stand behind our processor and keep what comes through, as the objects they are."""

    def __init__(self) -> None:
        self.started: list[tuple[Span, Context | None]] = []
        self.ending: list[Span] = []
        self.ended: list[ReadableSpan] = []
        self.flushed: list[int] = []
        self.stopped = 0

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Keep a started span."""
        self.started.append((span, parent_context))

    def _on_ending(self, span: Span) -> None:
        self.ending.append(span)

    def on_end(self, span: ReadableSpan) -> None:
        """Keep an ended span."""
        self.ended.append(span)

    def shutdown(self) -> None:
        """Count."""
        self.stopped += 1

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Keep the time limit, and refuse."""
        self.flushed.append(timeout_millis)
        return False


class Pipeline:
    """A provider of the application with two branches: one behind our processor, one bare."""

    def __init__(self, *, capture_content: bool | None = None, limits: SpanLimits | None = None) -> None:
        self.behind, self.bare = Keep(), Keep()
        self.provider = TracerProvider(shutdown_on_exit=False, span_limits=limits)
        self.provider.add_span_processor(tcc.RunSpanProcessor(self.behind, capture_content=capture_content))
        self.provider.add_span_processor(self.bare)
        self.tracer = self.provider.get_tracer("by-hand", "1.2")

    def end(self, name: str, attributes: Mapping[str, AttributeValue], kind: SpanKind) -> ReadableSpan:
        """Make a span by hand, and return what came through our processor."""
        self.tracer.start_span(name, kind=kind, attributes=attributes).end()
        return self.behind.ended[-1]


KINDS = {
    "run": ("invoke_agent", RUN, SpanKind.INTERNAL),
    "step": ("chat", STEP, SpanKind.CLIENT),
    "tool_call": ("execute_tool search", TOOL_CALL, SpanKind.INTERNAL),
}

BROKEN = [
    ("run", ["gen_ai.input.messages"], ["run.prompt"]),
    ("step", ["gen_ai.input.messages"], ["step.prompt"]),
    ("step", ["gen_ai.output.messages"], ["step.response"]),
    ("step", ["gen_ai.input.messages", "gen_ai.output.messages"], ["step.prompt", "step.response"]),
    ("tool_call", ["gen_ai.tool.name"], ["tool_call.name"]),
]


@pytest.mark.parametrize("kind", KINDS)
def test_spans_that_keep_the_rules_pass(kind: str) -> None:
    """A complete run, step or tool call comes through as the identical object."""
    pipeline = Pipeline()
    assert pipeline.end(*KINDS[kind]) is pipeline.bare.ended[0]
    assert check_span(pipeline.behind.ended[0]) == []


@pytest.mark.parametrize(("kind", "missing", "violations"), BROKEN)
def test_spans_that_break_a_rule_are_repaired(kind: str, missing: list[str], violations: list[str]) -> None:
    """A span without a required field comes through as a failed copy that names it; all else is kept."""
    name, attributes, span_kind = KINDS[kind]
    pipeline = Pipeline()
    repaired = pipeline.end(name.replace(" search", ""), without(attributes, *missing), span_kind)
    original = pipeline.bare.ended[0]
    assert whole(repaired) == {
        **whole(original),
        "status": (StatusCode.ERROR, "ended without " + ", ".join(violations)),
        "attributes": {
            **without(attributes, *missing),
            "tcc.violations": tuple(violations),
            "tcc.statusCode": 2,
            "error.type": "tcc.incomplete",
        },
    }
    assert check_span(repaired) == []


def test_the_original_is_not_touched() -> None:
    """What stands beside our processor gets the span as its maker left it."""
    pipeline = Pipeline()
    span = pipeline.tracer.start_span(
        "chat", kind=SpanKind.CLIENT, attributes=without(STEP, "gen_ai.input.messages")
    )
    span.end()
    original = pipeline.bare.ended[0]
    assert original.status.status_code is StatusCode.UNSET
    assert dict(original.attributes or {}) == without(STEP, "gen_ai.input.messages")


def test_a_repair_keeps_events_links_and_what_was_dropped() -> None:
    """Events, links, parent, times and the counts of what limits dropped survive a repair."""
    pipeline = Pipeline(limits=SpanLimits(max_span_attributes=6, max_events=2, max_links=1))
    with pipeline.tracer.start_as_current_span("request"):
        links = [Link(ELSEWHERE, {"n": number}) for number in range(3)]
        span = pipeline.tracer.start_span("chat", kind=SpanKind.CLIENT, links=links, start_time=1_000)
        span.set_attributes({f"k{number}": number for number in range(4)})
        span.set_attributes(without(STEP, "gen_ai.input.messages"))
        for number in range(4):
            span.add_event(f"event-{number}", {"n": number}, timestamp=2_000)
        span.end(3_000)
    repaired, original = pipeline.behind.ended[0], pipeline.bare.ended[0]
    assert repaired is not original
    kept = {"attributes", "status"}
    assert {key: value for key, value in whole(repaired).items() if key not in kept} == {
        key: value for key, value in whole(original).items() if key not in kept
    }
    assert whole(repaired)["dropped"] == (2, 2, 2)
    assert whole(repaired)["times"] == (1_000, 3_000)
    assert repaired.parent is not None


FOREIGN = [
    ("GET /", {"http.route": "/"}),
    ("chat", without(STEP, "tcc.runId", "gen_ai.input.messages")),
    ("embeddings", {"tcc.runId": "run-1", "gen_ai.operation.name": "embeddings"}),
    ("tcc.feedback", {"tcc.runId": "run-1", "gen_ai.evaluation.name": "user_feedback"}),
    ("bare", {}),
]


@pytest.mark.parametrize(("name", "attributes"), FOREIGN)
def test_foreign_spans_pass(name: str, attributes: Mapping[str, AttributeValue]) -> None:
    """A span that is no run, step or tool call comes through as the identical object."""
    pipeline = Pipeline()
    assert pipeline.end(name, attributes, SpanKind.SERVER) is pipeline.bare.ended[0]


def test_failed_spans_need_no_fields() -> None:
    """A span that its maker failed passes as it is: error() needs no fields."""
    pipeline = Pipeline()
    span = pipeline.tracer.start_span(
        "chat", kind=SpanKind.CLIENT, attributes=without(STEP, "gen_ai.output.messages")
    )
    span.set_status(Status(StatusCode.ERROR, "refused"))
    span.end()
    assert pipeline.behind.ended[0] is pipeline.bare.ended[0]


NO_CONTENT = [
    ("run", without(RUN, "gen_ai.input.messages")),
    ("step", without(STEP, "gen_ai.input.messages", "gen_ai.output.messages")),
]


@pytest.mark.parametrize(("kind", "attributes"), NO_CONTENT)
def test_content_off_breaks_no_rule(
    kind: str, attributes: Mapping[str, AttributeValue], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With content off, by argument, by variable or by the span's own word, nothing counts as missing."""
    name, _, span_kind = KINDS[kind]
    by_argument = Pipeline(capture_content=False)
    assert by_argument.end(name, attributes, span_kind) is by_argument.bare.ended[0]
    by_span = Pipeline()
    marked = {**attributes, "tcc.contentCaptured": False}
    assert by_span.end(name, marked, span_kind) is by_span.bare.ended[0]
    monkeypatch.setenv("TCC_CAPTURE_CONTENT", "false")
    by_variable = Pipeline()
    assert by_variable.end(name, attributes, span_kind) is by_variable.bare.ended[0]


def test_content_off_still_needs_names() -> None:
    """A tool call without a name is broken with content off too."""
    pipeline = Pipeline(capture_content=False)
    repaired = pipeline.end("execute_tool", without(TOOL_CALL, "gen_ai.tool.name"), SpanKind.INTERNAL)
    assert whole(repaired)["attributes"]["tcc.violations"] == ("tool_call.name",)


@pytest.fixture(params=[BatchSpanProcessor, SimpleSpanProcessor], ids=["batch", "simple"])
def stock(request: pytest.FixtureRequest) -> Iterator[tuple[TracerProvider, InMemorySpanExporter]]:
    """Give a provider whose stock processor stands behind ours."""
    make: Callable[[InMemorySpanExporter], SpanProcessor] = request.param
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(tcc.RunSpanProcessor(make(exporter)))
    yield provider, exporter
    provider.shutdown()


def test_in_front_of_the_stock_processors(stock: tuple[TracerProvider, InMemorySpanExporter]) -> None:
    """Hand-made spans arrive at the exporter of a stock processor: good ones as they are, others repaired."""
    provider, exporter = stock
    tracer = provider.get_tracer("by-hand")
    with tracer.start_as_current_span("invoke_agent", attributes=RUN):
        tracer.start_span(
            "chat", kind=SpanKind.CLIENT, attributes=without(STEP, "gen_ai.output.messages")
        ).end()
        tracer.start_span("GET /").end()
    provider.force_flush()
    arrived = {span.name: whole(span) for span in exporter.get_finished_spans()}
    assert {name: span["status"] for name, span in arrived.items()} == {
        "chat": (StatusCode.ERROR, "ended without step.response"),
        "GET /": (StatusCode.UNSET, None),
        "invoke_agent": (StatusCode.UNSET, None),
    }
    assert arrived["chat"]["attributes"]["tcc.violations"] == ("step.response",)
    assert arrived["chat"]["parent"].span_id == arrived["invoke_agent"]["context"].span_id


def test_handles_on_a_guarded_provider(stock: tuple[TracerProvider, InMemorySpanExporter]) -> None:
    """Runs made on an application's provider reach the stock exporter behind our processor."""
    provider, exporter = stock
    tcc.configure(tracer_provider=provider)
    with tcc.run("run-1").prompt("hi") as r:
        r.step().prompt("hi").response("hello").end()
        r.tool_call("search").span.end()
        r.step().span.end()
    provider.force_flush()
    spans = exporter.get_finished_spans()
    assert {(span.name, span.status.status_code) for span in spans} == {
        ("chat", StatusCode.UNSET),
        ("execute_tool search", StatusCode.UNSET),
        ("chat", StatusCode.ERROR),
        ("invoke_agent", StatusCode.UNSET),
    }
    assert [problem for span in spans for problem in check_span(span)] == []


def test_handles_that_end_by_their_span() -> None:
    """A handle whose OpenTelemetry span is ended behind its back is repaired, not lost."""
    with capture() as captured:
        r = tcc.run("run-1").prompt("hi")
        s = r.step().prompt("hi").response("hello")
        t = r.tool_call()
        for handle in (t, s, r):
            handle.span.end()
        violations = [whole(span)["attributes"].get("tcc.violations") for span in captured.spans]
    assert violations == [("tool_call.name",), ("step.prompt", "step.response"), ("run.prompt",)]


def test_a_processor_passes_everything_on() -> None:
    """Start, ending, flush with its limit and answer, and shutdown reach the next processor."""
    pipeline = Pipeline()
    context = trace.set_span_in_context(trace.NonRecordingSpan(ELSEWHERE))
    span = pipeline.tracer.start_span("GET /", context)
    assert pipeline.behind.started == pipeline.bare.started == [(span, context)]
    span.end()
    assert pipeline.behind.ending == pipeline.bare.ending == [span]
    processor = tcc.RunSpanProcessor(pipeline.behind)
    assert processor.force_flush(1_234) is False
    assert pipeline.behind.flushed == [1_234]
    processor.shutdown()
    assert pipeline.behind.stopped == 1


class Broken(SpanProcessor):
    """A neighbour that raises whatever it is asked."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Raise."""
        raise RuntimeError("start")

    def on_end(self, span: ReadableSpan) -> None:
        """Raise."""
        raise RuntimeError("end")


def test_an_error_behind_us_stays_away_from_the_application(monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor behind ours that raises does not break the application's spans."""
    monkeypatch.setattr(guard, "strict", False)
    provider = TracerProvider(shutdown_on_exit=False)
    bare = Keep()
    provider.add_span_processor(tcc.RunSpanProcessor(Broken()))
    provider.add_span_processor(bare)
    with provider.get_tracer("app").start_as_current_span("GET /"):
        pass
    assert [span.name for span in bare.ended] == ["GET /"]


def test_processors_nest() -> None:
    """Two of ours in a row repair once, and say so in their repr."""
    behind = Keep()
    provider = TracerProvider(shutdown_on_exit=False)
    processor = tcc.RunSpanProcessor(tcc.RunSpanProcessor(behind))
    provider.add_span_processor(processor)
    provider.get_tracer("by-hand").start_span(
        "invoke_agent", attributes=without(RUN, "gen_ai.input.messages")
    ).end()
    assert whole(behind.ended[0])["attributes"]["tcc.violations"] == ("run.prompt",)
    assert repr(processor) == f"RunSpanProcessor(RunSpanProcessor({behind!r}))"


def test_what_others_record_on_our_spans_is_masked() -> None:
    """What a library records on a span of ours loses its secrets, and its texts with content off."""
    for content, texts in ((True, ["password=[redacted]"]), (False, [])):
        provider, exporter = guarded(content)
        span = provider.get_tracer("app").start_span("chat", attributes={**STEP})
        span.record_exception(ValueError("password=hunter2"))
        span.set_status(StatusCode.ERROR, "token=abcdefgh1")
        span.end()
        (ended,) = exporter.get_finished_spans()
        (event,) = ended.events
        shown = dict(event.attributes or {})
        assert "hunter2" not in str(shown)
        assert [value for key, value in shown.items() if key == "exception.message"] == texts
        assert ended.status.description == "token=[redacted]"


def guarded(content: bool) -> tuple[TracerProvider, InMemorySpanExporter]:
    """Return a provider with our processor in front of an in-memory exporter."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    behind = SimpleSpanProcessor(exporter)
    provider.add_span_processor(tcc.RunSpanProcessor(behind, capture_content=content))
    return provider, exporter
