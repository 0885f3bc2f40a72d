"""Sampling: which runs are recorded, what is inside of them, and which spans exist of the others."""

from __future__ import annotations

import logging
import threading
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider, sampling
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import contextcompany as tcc
from contextcompany.propagation.ids import derived_ids, is_sampled
from contextcompany.runtime.process import process
from contextcompany.testing import capture
from tests.conftest import global_provider
from tests.recording.processes import run_python
from tests.recording.rows import parent_id, parsed, span_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opentelemetry.sdk.trace import ReadableSpan

    from contextcompany.local.embedded.collector import Collector
    from contextcompany.testing import Captured

RATE = 0.5
IN, OUT = (
    [f"run-{n}" for n in range(100) if is_sampled(f"run-{n}", RATE) is taken] for taken in (True, False)
)
"""Ids of runs that are recorded at this rate, and of some that are not."""


@pytest.fixture
def half() -> Iterator[Captured]:
    """Record half of the runs into memory."""
    with capture(sample_rate=RATE) as spans:
        yield spans


def record(run_id: str) -> None:
    """Record a run with a step and a tool call."""
    with tcc.run(run_id) as r:
        r.prompt("p")
        with r.step() as s:
            s.prompt("q").response("a").tool_call("t").end()


def seen(captured: Captured) -> list[tuple[str, str]]:
    """Return run id and name of each span, in the order in which they arrived."""
    return [(parsed(span)["tcc.runId"], span.name) for span in captured.spans]


def ids_of(spans: tuple[ReadableSpan, ...]) -> list[str]:
    """Return the run ids of spans."""
    return [parsed(span)["tcc.runId"] for span in spans]


def test_a_share_of_runs_is_recorded_whole(half: Captured) -> None:
    """Of the chosen runs every span is there, of the others none, and they are counted."""
    for run_id in (*IN[:3], *OUT[:4]):
        record(run_id)
    names = ("execute_tool t", "chat", "invoke_agent")
    assert seen(half) == [(run_id, name) for run_id in IN[:3] for name in names]
    assert tcc.stats().unsampled == 4


@pytest.mark.parametrize(("rate", "number"), [(0.0, 0), (1.0, 20)])
def test_all_and_none(rate: float, number: int) -> None:
    """A rate of 0 records no run, one of 1 every run."""
    with capture(sample_rate=rate) as captured:
        for _ in range(20):
            tcc.run().prompt("p").end()
        assert len(captured.spans) == number
    assert tcc.stats().unsampled == 20 - number


def test_a_sampled_run_says_its_share(half: Captured) -> None:
    """A run carries the rate by which it was chosen, and so do runs inside of it; with all runs none does."""
    with tcc.run(IN[0]) as r:
        r.prompt("p").step().prompt("q").response("a").end()
        tcc.run(IN[1]).prompt("p").end()
    assert [parsed(span).get("tcc.sampleRate") for span in half.spans] == [None, RATE, RATE]
    with capture() as everything:
        tcc.run().prompt("p").end()
        assert "tcc.sampleRate" not in parsed(everything.spans[0])


def test_an_unsampled_run_is_as_switched_off(half: Captured) -> None:
    """The API is the same, ids are given, the run is current, and nothing of it is anywhere."""
    before = tcc.stats().open_handles
    with tcc.run(OUT[0], "session-1") as r:
        assert (r.run_id, tcc.current_run()) == (OUT[0], r)
        r.prompt("p").response("a").metadata({"tcc.agent": "x"}, a=1).status(1)
        with r.step() as s:
            s.prompt("q").response("a").tokens(1, 2, 3)
            tcc.tool_call(tool_name="t").end()
        tcc.step(OUT[0]).error(ValueError("x"))
        assert r.feedback("thumbs_up") is False
        assert (int(r.trace_id, 16), r.span.is_recording()) == (0, False)
        assert trace.get_current_span() is trace.INVALID_SPAN
        assert tcc.stats().open_handles == before
    assert tcc.current_run() is None
    assert half.spans == ()


def test_misuse_of_an_unsampled_run_is_the_same(half: Captured) -> None:
    """What is misuse raises whether the run is among the chosen or not."""
    with pytest.raises(ValueError, match="tcc_url"):
        tcc.run(OUT[0], tcc_url="nowhere")
    r = tcc.run(OUT[0])
    with pytest.raises(ValueError, match="prompt"):
        r.end()
    with pytest.raises(ValueError, match="score"):
        tcc.submit_feedback(OUT[0], "up")  # type: ignore[arg-type]
    r.prompt("p").end()
    with pytest.raises(RuntimeError, match="ended"):
        r.response("late")


def test_a_run_inside_an_unsampled_run_is_left_out_too(half: Captured) -> None:
    """The tree stays whole: whatever its own id, by context and by id, from any thread."""
    with tcc.run(OUT[0]) as r:
        r.prompt("p")
        with tcc.run(IN[0]) as inner, inner.prompt("p").step() as s:
            s.prompt("q").response("a")
            assert tcc.current_run() is inner
            record(IN[1])
        thread = threading.Thread(target=lambda: tcc.step(IN[0]).prompt("q").response("a").end())
        thread.start()
        thread.join(20)
    assert (half.spans, tcc.stats().unsampled) == ((), 3)


def test_a_run_inside_a_sampled_run_is_recorded(half: Captured) -> None:
    """The tree stays whole: whatever its own id, by context and by id."""
    with tcc.run(IN[0]) as r:
        r.prompt("p")
        with tcc.run(OUT[0]) as inner:
            inner.prompt("p")
        tcc.tool_call(OUT[0], tool_name="t").end()
    inner_span, tool_span, run_span = half.spans
    assert ids_of(half.spans) == [OUT[0], OUT[0], IN[0]]
    assert (parent_id(inner_span), parent_id(tool_span), parent_id(run_span)) == (
        span_id(r),
        span_id(inner),
        None,
    )
    assert tcc.stats().unsampled == 0


def test_a_run_below_a_span_of_ours_alone_follows_its_run(half: Captured) -> None:
    """Where only OpenTelemetry's context was carried over, the run around it is told from the span there."""
    r = tcc.run(IN[0]).prompt("p")
    token = otel_context.attach(trace.set_span_in_context(r.span))
    tcc.run(OUT[0]).prompt("p").end()
    otel_context.detach(token)
    r.end()
    assert ids_of(half.spans) == [OUT[0], IN[0]]


def test_a_run_after_an_unsampled_one_decides_for_itself(half: Captured) -> None:
    """Inside the block of a run that has ended, a run is a root as ever."""
    with tcc.run(OUT[0]) as r:
        r.prompt("p").end()
        record(IN[0])
    assert set(ids_of(half.spans)) == {IN[0]}


def test_a_step_of_another_run_inside_an_unsampled_one(half: Captured) -> None:
    """A child by run id goes to its own run, and what starts inside of it goes along."""
    with tcc.run(OUT[0]) as r:
        r.prompt("p")
        with tcc.step(IN[0]) as s:
            s.prompt("q").response("a")
            tcc.run(OUT[1]).prompt("p").end()
        tcc.run(IN[1]).prompt("p").end()
    assert ids_of(half.spans) == [OUT[1], IN[0]]


def test_a_run_that_was_switched_off_is_around_nothing() -> None:
    """As before: a run from a time when recording was off, or shut down, leaves out no run inside of it."""
    with capture(disabled=True), tcc.run() as off:
        off.prompt("p")
        with capture() as captured:
            tcc.run("a").prompt("p").end()
            assert ids_of(captured.spans) == ["a"]
    tcc.shutdown()
    with tcc.run() as late:
        late.prompt("p")
        with capture() as captured:
            tcc.run("b").prompt("p").end()
            assert ids_of(captured.spans) == ["b"]
    assert tcc.stats().unsampled == 0


def test_children_of_a_run_elsewhere_follow_its_id(half: Captured) -> None:
    """Steps, tool calls and feedback by the id of a run of another process are recorded if the run is."""
    for run_id in (IN[0], OUT[0]):
        tcc.step(run_id).prompt("q").response("a").end()
        tcc.tool_call(run_id, tool_name="t").end()
        assert tcc.submit_feedback(run_id, "thumbs_up") is (run_id == IN[0])
    assert ids_of(half.spans) == [IN[0]] * 3
    assert tcc.stats().unsampled == 0


def test_a_run_inside_a_child_of_an_unsampled_run_is_left_out_too(half: Captured) -> None:
    """What starts inside a step of a run of another process follows that run as its own children do."""
    with tcc.step(OUT[0]) as s:
        s.prompt("q").response("a")
        record(IN[0])
    assert (half.spans, tcc.stats().unsampled) == ((), 1)


def test_a_carrier_of_an_unsampled_run_counts() -> None:
    """Where the process of the run left it out, at whatever rate, so does the one that gets its carrier."""
    trace_id, parent = derived_ids("run-1")
    with capture() as captured:
        for flags in ("00", "01"):
            carrier = {"traceparent": f"00-{trace_id:032x}-{parent:016x}-{flags}"}
            tcc.step("run-1", flags, carrier=carrier).prompt("q").response("a").end()
        assert [parsed(span)["tcc.stepId"] for span in captured.spans] == ["01"]


def test_a_carrier_of_an_unsampled_application_does_not_count() -> None:
    """The sampler of an application is none of ours, also where its trace is continued."""
    with capture() as captured:
        carrier = {"traceparent": f"00-{'4b' * 16}-{'0f' * 8}-00"}
        tcc.step("run-1", carrier=carrier).prompt("q").response("a").end()
        assert ids_of(captured.spans) == ["run-1"]


def test_an_unsampled_application_loses_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sampler that drops all, in code, in the environment or around a run, is the application's alone."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    with capture() as captured:
        record("by environment")
        provider = TracerProvider(sampler=sampling.ALWAYS_OFF, shutdown_on_exit=False)
        with global_provider(provider), provider.get_tracer("app").start_as_current_span("request") as host:
            record("by provider")
        assert not host.is_recording()
        unsampled = trace.SpanContext(5, 7, is_remote=True)
        with trace.use_span(trace.NonRecordingSpan(unsampled)):
            record("below a remote span")
        assert ids_of(captured.named("invoke_agent")) == [
            "by environment",
            "by provider",
            "below a remote span",
        ]


def test_otel_sdk_disabled_records_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """That one switches us off, whatever the rate; what is switched off does not count as unsampled."""
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    with capture(sample_rate=RATE, keep_errors=True) as captured:
        tcc.run(OUT[0]).error("x")
        record(IN[0])
        assert (captured.spans, tcc.stats().unsampled) == ((), 0)


def test_processes_decide_alike(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of one process and their steps in another are recorded or left out together."""
    monkeypatch.setenv("TCC_SAMPLE_RATE", str(RATE))
    tcc.configure(tcc_url=collector.url)
    chosen = sorted([*IN[:10], *OUT[:10]])
    for run_id in chosen:
        tcc.run(run_id).prompt("p").end()
    said = run_python(
        f"""
        import contextcompany as tcc
        for run_id in {chosen!r}:
            tcc.step(run_id).prompt("q").response("a").end()
        assert tcc.flush(20)
        print(tcc.stats().delivered)
        """,
        TCC_URL=collector.url,
        PYTHONHASHSEED="7",
    )
    assert bool(tcc.flush(20)) is True
    spans = collector.store.spans()
    assert said == "10"
    for name in ("invoke_agent", "chat"):
        assert sorted(str(span.attributes["tcc.runId"]) for span in spans if span.name == name) == sorted(
            IN[:10]
        )


@pytest.mark.parametrize("keep_errors", [False, True])
def test_on_the_applications_provider(caplog: pytest.LogCaptureFixture, keep_errors: bool) -> None:
    """An unsampled run makes no span there; failures cannot be kept, which is said once, at info level."""
    caplog.set_level(logging.INFO, "contextcompany")
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tcc.configure(tracer_provider=provider, sample_rate=RATE, keep_errors=keep_errors)
    for run_id in (IN[0], OUT[0], OUT[1]):
        with tcc.run(run_id) as r:
            provider.get_tracer("app").start_span(f"query of {run_id}").end()
            r.error("x")
    assert [span.name for span in exporter.get_finished_spans()] == [
        f"query of {IN[0]}",
        "invoke_agent",
        f"query of {OUT[0]}",
        f"query of {OUT[1]}",
    ]
    assert tcc.stats().unsampled == 2
    said = [record.getMessage() for record in caplog.records if "keep_errors" in record.getMessage()]
    assert len(said) == keep_errors


# Failures are kept.


@pytest.fixture
def failures() -> Iterator[Captured]:
    """Record half of the runs into memory, and those of the rest that fail."""
    with capture(sample_rate=RATE, keep_errors=True) as spans:
        yield spans


def by_raising(r: tcc.Run) -> None:
    """Fail by an exception that leaves the block."""
    with pytest.raises(KeyError), r:
        raise KeyError


def by_missing_a_prompt(r: tcc.Run) -> None:
    """Fail because a required field was never given."""
    with pytest.raises(ValueError, match="prompt"), r:
        pass


WAYS_TO_FAIL: list[Any] = [
    pytest.param(lambda r: r.error("x"), "_OTHER", id="error"),
    pytest.param(lambda r: r.prompt("p").status(2, "bad").end(), "_OTHER", id="status"),
    pytest.param(by_raising, "KeyError", id="exception"),
    pytest.param(by_missing_a_prompt, "tcc.incomplete", id="incomplete"),
    pytest.param(lambda r: r.span.end(), "tcc.incomplete", id="ended past the handle"),
    pytest.param(lambda _: tcc.shutdown(20), "tcc.abandoned", id="shutdown"),
]


@pytest.mark.parametrize(("fail", "error_type"), WAYS_TO_FAIL)
def test_a_run_that_fails_is_kept(
    failures: Captured, fail: Callable[[tcc.Run], object], error_type: str
) -> None:
    """However it fails, all its spans arrive, and the run says that it is here for its error alone."""
    r = tcc.run(OUT[0])
    r.step().prompt("q").response("a").end()
    fail(r)
    step_span, run_span = failures.spans
    assert (step_span.name, parent_id(step_span), parent_id(run_span)) == ("chat", span_id(r), None)
    assert "tcc.keptForError" not in parsed(step_span)
    marks = {key: parsed(run_span).get(key) for key in ("error.type", "tcc.keptForError", "tcc.sampleRate")}
    assert marks == {"error.type": error_type, "tcc.keptForError": True, "tcc.sampleRate": None}
    assert tcc.stats().unsampled == 0


def test_a_run_that_exceeds_its_time_is_kept(arrivals: Any) -> None:
    """A time limit is a failure: what was recorded until then arrives."""
    tcc.configure(exporter=arrivals, sample_rate=RATE, keep_errors=True)
    r = tcc.run(OUT[0], timeout=0.05)
    r.step().prompt("q").response("a").end()
    assert [parsed(span).get("error.type") for span in arrivals.wait_for(2)] == [None, "timeout"]


def test_a_run_that_nobody_ended_is_kept(arrivals: Any) -> None:
    """A run whose last reference is lost has failed."""
    tcc.configure(exporter=arrivals, sample_rate=RATE, keep_errors=True)
    tcc.run(OUT[0]).step().prompt("q").response("a").end()
    assert [parsed(span).get("error.type") for span in arrivals.wait_for(2)] == [None, "tcc.abandoned"]


def test_a_run_that_ends_well_is_forgotten(failures: Captured) -> None:
    """Nothing of it arrives, whatever failed inside of it, and each run counts as left out."""
    with tcc.run(OUT[0]) as r:
        r.prompt("p").step().error("x")
        tcc.run(IN[0]).error("x")
    r.step().error("late")
    tcc.tool_call(OUT[0], tool_name="late").end()
    tcc.run(OUT[1]).prompt("p").status(1, "partly").end()
    assert (failures.spans, tcc.stats().unsampled, tcc.stats().dropped) == ((), 3, {})


def test_runs_inside_a_failed_run_are_kept_with_it(failures: Captured) -> None:
    """The tree stays whole: runs inside of it carry the same mark, and late spans arrive too."""
    with tcc.run(OUT[0], "session-1") as r:
        with tcc.run(IN[0]) as inner:
            inner.prompt("p").step().prompt("q").response("a").end()
        late = r.tool_call("late")
        r.error("x")
    late.end()
    inner_step, inner_span, run_span, late_span = failures.spans
    assert ids_of(failures.spans) == [IN[0], IN[0], OUT[0], OUT[0]]
    assert [parsed(span).get("tcc.keptForError") for span in failures.spans] == [None, True, True, None]
    assert [parent_id(span) for span in (inner_step, inner_span, run_span, late_span)] == [
        span_id(inner),
        span_id(r),
        None,
        span_id(r),
    ]


def test_sampled_runs_wait_for_nothing(failures: Captured) -> None:
    """A run of the chosen share is delivered span by span, whether it fails or not, without the mark."""
    r = tcc.run(IN[0])
    r.step().prompt("q").response("a").end()
    assert ids_of(failures.spans) == [IN[0]]
    r.error("x")
    assert parsed(failures.spans[1]).get("tcc.sampleRate") == RATE
    assert "tcc.keptForError" not in parsed(failures.spans[1])


def test_what_is_held_is_not_pending(failures: Captured) -> None:
    """A flush does not wait for it and is complete without it."""
    r = tcc.run(OUT[0])
    r.step().prompt("q").response("a").end()
    result = tcc.flush(20)
    assert (bool(result), result.pending, result.delivered) == (True, 0, 0)
    r.error("x")
    assert tcc.flush(20).delivered == 2


def test_other_processes_are_told_what_is_certain(failures: Captured) -> None:
    """Spans of a run are delivered for certain if it was chosen, or once it has failed."""
    recorded, left_out = tcc.run(IN[0]).prompt("p"), tcc.run(OUT[0])
    places = [process.places.get(r.run_id) for r in (recorded, left_out)]
    assert [place is not None and place.is_delivered for place in places] == [True, False]
    left_out.error("x")
    assert [place is not None and place.is_delivered for place in places] == [True, True]
    with capture(sample_rate=RATE), tcc.run(OUT[1]) as off:
        off.prompt("p")
        place = process.current_place()
        assert place is not None
        assert place.is_delivered is False


def test_feedback_waits_with_its_run(failures: Captured) -> None:
    """It is False at once while the run is held, arrives with a run that fails, and never with another."""
    failing, fine = tcc.run(OUT[0]), tcc.run(OUT[1]).prompt("p")
    for r in (failing, fine):
        assert r.feedback("thumbs_down") is False
        assert tcc.submit_feedback(r.run_id, text="no", timeout=60) is False
    failing.error("x")
    fine.end()
    assert (failing.feedback("thumbs_up"), fine.feedback("thumbs_up")) == (True, False)
    names = [(OUT[0], name) for name in ("tcc.feedback", "tcc.feedback", "invoke_agent", "tcc.feedback")]
    assert seen(failures) == names


def test_a_held_run_goes_where_it_belongs(collector: Collector) -> None:
    """Spans that are released keep the destination of their run, also after another `configure`."""
    tcc.configure(exporter=InMemorySpanExporter(), sample_rate=RATE, keep_errors=True)
    r = tcc.run(OUT[0], tcc_url=collector.url)
    r.step().prompt("q").response("a").end()
    elsewhere = InMemorySpanExporter()
    tcc.configure(exporter=elsewhere)
    r.error("x")
    assert bool(tcc.flush(20)) is True
    assert [span.name for span in collector.store.spans()] == ["chat", "invoke_agent"]
    assert elsewhere.get_finished_spans() == ()


@pytest.mark.parametrize("failed", [True, False])
def test_a_child_with_another_destination_shares_the_fate(collector: Collector, failed: bool) -> None:
    """A step of a held run that names a collector of its own waits as the others do."""
    own = InMemorySpanExporter()
    tcc.configure(exporter=own, sample_rate=RATE, keep_errors=True)
    r = tcc.run(OUT[0])
    tcc.step(OUT[0], tcc_url=collector.url).prompt("q").response("a").end()
    assert bool(tcc.flush(20)) is True
    assert collector.store.spans() == ()
    if failed:
        r.error("x")
    else:
        r.prompt("p").end()
    assert bool(tcc.flush(20)) is True
    assert [span.name for span in collector.store.spans()] == ["chat"] * failed
    assert [span.name for span in own.get_finished_spans()] == ["invoke_agent"] * failed


def test_a_replaced_exporter_gets_what_it_was_recorded_for() -> None:
    """A run that is held while `configure` replaces its exporter still reaches that one if it fails."""
    first = InMemorySpanExporter()
    tcc.configure(exporter=first, sample_rate=RATE, keep_errors=True)
    r = tcc.run(OUT[0])
    r.step().prompt("q").response("a").end()
    tcc.configure(exporter=InMemorySpanExporter())
    r.error("x")
    assert bool(tcc.flush(20)) is True
    assert [span.name for span in first.get_finished_spans()] == ["chat", "invoke_agent"]


def test_a_run_inside_a_held_one_on_another_provider(failures: Captured) -> None:
    """What an application's provider makes cannot be held, so that run is left out of the tree."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with tcc.run(OUT[0]) as r:
        tcc.configure(tracer_provider=provider)
        tcc.run("inner").error("x")
        r.error("x")
    assert ids_of(failures.spans) == [OUT[0]]
    assert (exporter.get_finished_spans(), tcc.stats().unsampled) == ((), 1)


def test_what_had_no_room_is_counted(failures: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a failed run that did not fit, the run arrives, and the numbers tell the rest."""
    monkeypatch.setattr("contextcompany.runtime.holding.MOST_HELD_SPANS", 2)
    r = tcc.run(OUT[0])
    for _ in range(5):
        r.tool_call("t").end()
    assert tcc.stats().dropped == {}
    r.error("x")
    assert seen(failures) == [(OUT[0], "invoke_agent")]
    assert tcc.stats().dropped == {"held back for a failure, no room": 5}
    assert tcc.flush(20).dropped == {"held back for a failure, no room": 5}


def test_a_forked_child_leaves_the_held_run_to_its_parent() -> None:
    """The parent delivers what it holds; the child, which cannot know the end, nothing of that run."""
    said = run_python(
        f"""
        import os, sys
        import contextcompany as tcc
        from contextcompany.runtime.process import process
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
        exporter = InMemorySpanExporter()
        tcc.configure(exporter=exporter, sample_rate={RATE}, keep_errors=True)
        def names():
            assert tcc.flush(20)
            return [span.name for span in exporter.get_finished_spans()]
        tcc.run("{OUT[2]}").prompt("p").end()
        assert tcc.stats().unsampled == 1
        r = tcc.run("{OUT[0]}")
        r.step().prompt("q").response("a").end()
        child = os.fork()
        if child == 0:
            r.tool_call("in the child").end()
            assert (names(), len(process.holding), tcc.stats().unsampled) == ([], 0, 0)
            tcc.run("{OUT[1]}").error("x")
            assert names() == ["invoke_agent"], names()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        r.error("x")
        print(names())
        """
    )
    assert said == "['chat', 'invoke_agent']"


def test_many_runs_at_once(failures: Captured) -> None:
    """Threads that record at once get each run right: sampled, kept or forgotten."""
    numbers = count()

    def work() -> None:
        for _ in range(25):
            number = next(numbers)
            r = tcc.run(f"many-{number}").prompt("p")
            r.step().prompt("q").response("a").end()
            if number % 3:
                r.end()
            else:
                r.error("x")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    arrived = ids_of(failures.spans)
    expected = [n for n in range(100) if n % 3 == 0 or is_sampled(f"many-{n}", RATE)]
    assert sorted(arrived) == sorted([f"many-{n}" for n in expected] * 2)
    assert tcc.stats().unsampled == 100 - len(expected)
