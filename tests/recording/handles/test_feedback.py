"""Feedback: the user's word on a run, from anywhere, confirmed or queued, never twice."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

import contextcompany as tcc
from contextcompany.local.embedded.collector import Collector
from contextcompany.local.embedded.memory import SpanStore
from tests.recording.processes import run_python
from tests.recording.rows import parent_id, parsed, span_id, trace_id_of, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from contextcompany.local.otlp.spans import SpanRecord
    from contextcompany.testing import Captured

LONGEST = "x" * 2_000


class HeldStore(SpanStore):
    """Take spans in, but let the sender wait for its answer until the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.release = threading.Event()

    def add(self, spans: Iterable[SpanRecord]) -> int:
        """Keep spans, then wait."""
        new = super().add(spans)
        assert self.release.wait(20)
        return new


@pytest.fixture
def held() -> Iterator[HeldStore]:
    """Make a collector the destination that answers when it is told to."""
    store = HeldStore()
    with Collector(store=store) as running:
        tcc.configure(tcc_url=running.url)
        yield store
        store.release.set()


@pytest.fixture
def deaf_port() -> int:
    """Return a port of this machine on which nothing listens."""
    with Collector() as collector:
        return collector.port


def feedback_in(store: SpanStore) -> list[SpanRecord]:
    """Return the feedback that a collector has."""
    return [span for span in store.spans() if span.name == "tcc.feedback"]


@pytest.mark.parametrize(("score", "value"), [("thumbs_up", 1.0), ("thumbs_down", 0.0)])
def test_feedback_is_a_whole_span_below_its_run(captured: Captured, score: Any, value: float) -> None:
    """Rule 11: feedback is a short span in the run's trace with the score in words and as a number."""
    r = tcc.run("run-1", session_id="chat-1").prompt("p")
    r.end()
    assert r.feedback(score=score, text="Very helpful!") is True
    (span,) = captured.named("tcc.feedback")
    assert trace_id_of(span) == r.trace_id
    assert whole(span) == {
        "name": "tcc.feedback",
        "kind": "INTERNAL",
        "parent": span_id(r),
        "status": ("UNSET", None),
        "attributes": {
            "tcc.runId": "run-1",
            "tcc.sessionId": "chat-1",
            "gen_ai.conversation.id": "chat-1",
            "gen_ai.evaluation.name": "user_feedback",
            "gen_ai.evaluation.score.label": score,
            "gen_ai.evaluation.score.value": value,
            "gen_ai.evaluation.explanation": "Very helpful!",
        },
        "events": [],
        "links": [],
    }
    assert type((span.attributes or {})["gen_ai.evaluation.score.value"]) is float


@pytest.mark.parametrize(
    ("given", "keys"),
    [
        ({"score": "thumbs_up"}, {"score.label", "score.value"}),
        ({"text": "fine"}, {"explanation"}),
        ({"score": "thumbs_up", "text": ""}, {"score.label", "score.value"}),
        ({"text": LONGEST}, {"explanation"}),
    ],
    ids=["score", "text", "empty text", "longest text"],
)
def test_score_and_text_are_each_optional(captured: Captured, given: dict[str, Any], keys: set[str]) -> None:
    """Rule 11: either of both is enough, an empty text counts as not given, 2000 characters fit."""
    assert tcc.run().feedback(**given) is True
    (span,) = captured.named("tcc.feedback")
    prefix = "gen_ai.evaluation."
    found = {key.removeprefix(prefix) for key in parsed(span) if key.startswith(prefix)} - {"name"}
    assert found == keys


BAD: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({}, ValueError, "neither"),
    ({"text": ""}, ValueError, "neither"),
    ({"score": "up"}, ValueError, "'up'"),
    ({"score": ""}, ValueError, "''"),
    ({"score": "THUMBS_UP"}, ValueError, "'THUMBS_UP'"),
    ({"score": True}, ValueError, "True"),
    ({"score": 1.0}, ValueError, "1.0"),
    ({"score": ["thumbs_up"]}, ValueError, "thumbs_up"),
    ({"text": "x" * 2_001}, ValueError, "2,?001"),
    ({"text": 5}, TypeError, "int"),
    ({"text": b"fine"}, TypeError, "bytes"),
]


@pytest.mark.parametrize(("given", "error", "got"), BAD, ids=[str(given)[:25] for given, *_ in BAD])
def test_misuse_raises_at_once(
    captured: Captured, given: dict[str, Any], error: type[Exception], got: str
) -> None:
    """Rule 9: a wrong score or text raises from both ways in, says what it got, and records nothing."""
    r = tcc.run("run-1")
    with pytest.raises(error, match=f": got .*{got}"):
        r.feedback(**given)
    with pytest.raises(error, match=f": got .*{got}"):
        tcc.submit_feedback("run-1", **given)
    assert captured.spans == ()


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: tcc.submit_feedback("", "thumbs_up"), ValueError),
        (lambda: tcc.submit_feedback(None, "thumbs_up"), ValueError),
        (lambda: tcc.submit_feedback(7, "thumbs_up"), TypeError),  # type: ignore[arg-type]
        (lambda: tcc.submit_feedback("r", "thumbs_up", tcc_url="nowhere"), ValueError),
        (lambda: tcc.submit_feedback("r", "thumbs_up", timeout=-1.0), ValueError),
        (lambda: tcc.submit_feedback("r", "thumbs_up", timeout="2"), ValueError),  # type: ignore[arg-type]
    ],
    ids=["empty id", "no id", "id of another type", "url", "negative timeout", "timeout of another type"],
)
def test_feedback_by_id_checks_its_arguments(
    captured: Captured, call: Callable[[], object], error: type[Exception]
) -> None:
    """Rule 9: a run id, a URL or a timeout that is none raises and records nothing."""
    with pytest.raises(error, match=": got "):
        call()
    assert captured.spans == ()


def test_feedback_works_before_and_after_the_end(captured: Captured) -> None:
    """Rule 11: feedback lands below the run while it is open and when it has ended, by handle or by id."""
    r = tcc.run("run-1").prompt("p")
    assert r.feedback("thumbs_up") is True
    assert tcc.submit_feedback("run-1", "thumbs_up") is True
    r.end()
    assert r.feedback("thumbs_down") is True
    assert tcc.submit_feedback(r.run_id, "thumbs_down", "wrong") is True
    spans = captured.named("tcc.feedback")
    assert [(parent_id(span), trace_id_of(span)) for span in spans] == [(span_id(r), r.trace_id)] * 4


def test_feedback_hangs_on_the_run_wherever_it_is_given(captured: Captured) -> None:
    """Feedback is a child of the run's own span, whatever handle is current where it is given."""
    with tcc.run("run-1") as r, r.step() as s:
        r.prompt("p")
        s.prompt("q").response("a")
        r.feedback("thumbs_up")
    with tcc.run("run-2") as other:
        other.prompt("p")
        tcc.submit_feedback("run-1", "thumbs_up")
    spans = captured.named("tcc.feedback")
    assert [parent_id(span) for span in spans] == [span_id(r)] * 2


def test_true_means_that_a_collector_has_it(collector: Collector) -> None:
    """Rule 11: when feedback returns True, the collector has it."""
    r = tcc.run("run-1").prompt("p")
    r.end()
    assert r.feedback("thumbs_up", "good") is True
    (span,) = feedback_in(collector.store)
    assert (span.trace_id, span.parent_span_id) == (r.trace_id, f"{span_id(r):016x}")


def test_feedback_from_another_process_lands_below_the_run(collector: Collector) -> None:
    """Rule 11: another process that knows only the run id reaches the same trace and the same run."""
    r = tcc.run("run-of-the-server").prompt("p")
    r.end()
    script = """
    import contextcompany as tcc
    print(tcc.submit_feedback("run-of-the-server", "thumbs_down", "The temperature was wrong."))
    """
    assert run_python(script, TCC_URL=collector.url) == "True"
    (span,) = feedback_in(collector.store)
    assert (span.trace_id, span.parent_span_id) == (r.trace_id, f"{span_id(r):016x}")
    assert dict(span.attributes) == {
        "tcc.runId": "run-of-the-server",
        "gen_ai.evaluation.name": "user_feedback",
        "gen_ai.evaluation.score.label": "thumbs_down",
        "gen_ai.evaluation.score.value": 0.0,
        "gen_ai.evaluation.explanation": "The temperature was wrong.",
    }


def test_feedback_follows_the_runs_own_destination(collector: Collector) -> None:
    """Rule 11: feedback goes where its run went, by handle and by id, and may name another place."""
    with Collector() as own:
        r = tcc.run("run-1", tcc_url=own.url).prompt("p")
        r.end()
        assert r.feedback("thumbs_up") is True
        assert tcc.submit_feedback("run-1", "thumbs_down") is True
        assert (len(feedback_in(own.store)), len(collector.store)) == (2, 0)
        assert tcc.submit_feedback("run-1", "thumbs_up", tcc_url=collector.url) is True
        assert (len(feedback_in(own.store)), len(feedback_in(collector.store))) == (2, 1)


def test_nothing_listening_is_false_and_delivered_later_once(deaf_port: int) -> None:
    """Rule 11: False is "not yet": once a collector is there the feedback arrives, and exactly once."""
    tcc.configure(tcc_url=f"http://127.0.0.1:{deaf_port}")
    assert tcc.submit_feedback("run-1", "thumbs_up", timeout=0.1) is False
    with Collector(port=deaf_port, record_requests=True) as collector:
        assert bool(tcc.flush(20)) is True
        assert bool(tcc.flush(20)) is True
        assert tcc.submit_feedback("run-1", "thumbs_down", timeout=20) is True
        labels = [span.attributes["gen_ai.evaluation.score.label"] for span in feedback_in(collector.store)]
        assert (labels, collector.store.duplicates) == (["thumbs_up", "thumbs_down"], 0)


def test_feedback_waits_no_longer_than_its_timeout(held: HeldStore) -> None:
    """Rule 11: a slow collector costs `timeout` at most, and what it got is not sent again."""
    began = time.monotonic()
    assert tcc.submit_feedback("run-1", "thumbs_up", timeout=0.2) is False
    assert 0.2 <= time.monotonic() - began < 1.5
    held.wait_for(lambda spans: len(spans) == 1, 20)
    held.release.set()
    assert bool(tcc.flush(20)) is True
    assert (len(held), held.duplicates, tcc.stats().delivered) == (1, 0, 1)


async def test_the_async_variant_leaves_the_loop_free(held: HeldStore) -> None:
    """Rule 11: while `submit_feedback_async` waits for a collector, the loop runs other work."""
    waiting = asyncio.create_task(tcc.submit_feedback_async("run-1", "thumbs_up", "good", timeout=20))
    await asyncio.to_thread(held.wait_for, lambda spans: len(spans) == 1, 20)
    assert not waiting.done()
    held.release.set()
    assert await waiting is True


async def test_the_async_variant_checks_its_arguments(captured: Captured) -> None:
    """Rule 9: `submit_feedback_async` raises for the same misuse."""
    with pytest.raises(ValueError, match="'up'"):
        await tcc.submit_feedback_async("run-1", "up")  # type: ignore[arg-type]
    assert captured.spans == ()


def test_without_a_destination_of_ours_nothing_is_confirmed(
    application: tuple[TracerProvider, InMemorySpanExporter],
) -> None:
    """Rule 11: on the application's own provider alone no collector confirms, and nobody waits for one."""
    _, exporter = application
    began = time.monotonic()
    assert tcc.run("run-1").feedback("thumbs_up") is False
    assert time.monotonic() - began < 1.5
    assert [span.name for span in exporter.get_finished_spans()] == ["tcc.feedback"]


def test_after_shutdown_feedback_is_false_at_once(captured: Captured) -> None:
    """Rule 11: feedback for a run of a process that was shut down is False, and costs no wait."""
    r = tcc.run("run-1").prompt("p")
    r.end()
    tcc.shutdown()
    began = time.monotonic()
    assert r.feedback("thumbs_up") is False
    assert tcc.submit_feedback("run-1", "thumbs_up") is False
    assert tcc.submit_feedback("run-2", "thumbs_up") is False
    assert time.monotonic() - began < 1.5
