"""The table of runs that this process knows."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from opentelemetry.trace import SpanContext, TraceFlags

import contextcompany as tcc
from contextcompany.runtime import places as places_module
from contextcompany.runtime.instance import Instance
from contextcompany.runtime.outboxes import Outboxes
from contextcompany.runtime.places import Place, Places
from contextcompany.settings.settings import load

if TYPE_CHECKING:
    import pytest

    from contextcompany.testing import Captured

CONTEXT = SpanContext(0xA1, 0xB2, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def place(run_id: str) -> Place:
    """Return the place of a run."""
    return Place(
        run_id=run_id,
        span_context=CONTEXT,
        instance=Instance(load(), Outboxes()),
        destination=None,
    )


def test_runs_are_found_by_their_id() -> None:
    """A run that was added is found, another is not."""
    places = Places()
    known = place("run-1")
    places.add(known)
    assert places.get("run-1") is known
    assert places.get("run-2") is None
    assert len(places) == 1


def test_the_table_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the bound the oldest runs are forgotten; one that is added again counts as new."""
    assert places_module.MOST_RECENT == 10_000
    monkeypatch.setattr(places_module, "MOST_RECENT", 3)
    places = Places()
    for run_id in ("a", "b", "c", "a", "d"):
        places.end(place(run_id))
    assert [run_id for run_id in "abcd" if places.get(run_id)] == ["a", "c", "d"]
    assert len(places) == 3


def test_all_runs_can_be_forgotten() -> None:
    """A cleared table is empty and goes on."""
    places = Places()
    places.add(place("a"))
    places.clear()
    assert (len(places), places.get("a")) == (0, None)
    places.renew_lock()
    places.add(place("b"))
    assert len(places) == 1


def test_threads_add_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many threads that end runs never pass the bound."""
    monkeypatch.setattr(places_module, "MOST_RECENT", 50)
    places = Places()
    known = [place(str(number)) for number in range(400)]
    barrier = threading.Barrier(4)

    def work(part: int) -> None:
        barrier.wait(10)
        for each in known[part::4]:
            places.end(each)

    threads = [threading.Thread(target=work, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(places) == 50


def test_a_place_is_a_parent() -> None:
    """Children can hang on a run by its span context alone."""
    span = place("run-1").as_span()
    assert span.get_span_context() == CONTEXT
    assert not span.is_recording()


def test_children_find_a_run_that_has_ended(captured: Captured) -> None:
    """A step by run id lands under a run of this process, with its session and user, after its end too."""
    r = tcc.run("run-1", "session-1").prompt("hi").metadata({"tcc.userId": "user-1"})
    r.end()
    tcc.step("run-1", "step-1").prompt("hi").response("hello").end()
    run_span, step_span = captured.spans
    assert step_span.parent is not None
    assert run_span.context is not None
    assert (step_span.parent.trace_id, step_span.parent.span_id) == (
        run_span.context.trace_id,
        run_span.context.span_id,
    )
    attributes = step_span.attributes or {}
    assert (attributes["tcc.sessionId"], attributes["tcc.userId"]) == ("session-1", "user-1")


def test_a_live_run_is_not_forgotten(captured: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is open stays known, however many others came and went."""
    monkeypatch.setattr(places_module, "MOST_RECENT", 3)
    live = tcc.run("live", "session-1").prompt("hi")
    for number in range(10):
        tcc.run(f"other-{number}").prompt("hi").end()
    tcc.step("live", "step-1").prompt("hi").response("hello").end()
    live.end()
    (step_span,) = captured.named("chat")
    assert (step_span.attributes or {})["tcc.sessionId"] == "session-1"


def test_a_second_run_with_the_id_of_a_live_one(captured: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    """It gets ids of its own, however many others came and went."""
    monkeypatch.setattr(places_module, "MOST_RECENT", 3)
    live = tcc.run("same").prompt("hi")
    for number in range(10):
        tcc.run(f"other-{number}").prompt("hi").end()
    second = tcc.run("same").prompt("hi")
    assert second.trace_id != live.trace_id
    second.end()
    live.end()
    assert len({span.context.span_id for span in captured.spans if span.context is not None}) == 12
