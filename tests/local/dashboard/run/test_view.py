"""A run as its page shows it, from a real store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contextcompany.local.dashboard.run.view import LINES, TURNS, RunView, Shapes
from contextcompany.local.store.sqlite.store import SqliteRunStore
from contextcompany.semconv import attributes
from tests.local.agent_spans import feedback, run, said, step, tool
from tests.local.samples import span

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteRunStore]:
    """An empty store."""
    with SqliteRunStore.open(tmp_path / "runs.db") as one:
        yield one


def _view(store: SqliteRunStore, address: str = "r-1") -> RunView:
    shape = Shapes(store).of(address)
    assert shape is not None
    return RunView(store, shape)


def test_a_line_says_what_its_span_used(store: SqliteRunStore) -> None:
    """Agents sum up, steps have their own, tools and plain spans have none."""
    root = run(more={attributes.TCC_AGENT: "host"}, ms=2_000)
    asks = step(parent=root, start_ms=1, ms=500, tokens=(1_000, 200, 50), cost=0.02)
    broke = tool(parent=root, start_ms=600, ms=5, status=("ERROR", "no"))
    store.add([root, asks, broke, feedback(start_ms=3_000)])
    view = _view(store)
    lines = view.lines(view.lines_part(None, None))
    assert [(one.kind, one.name, one.status, one.duration, one.tokens, one.cost) for one in lines] == [
        ("agent", "host", "ok", "2.0 s", "1,000 in (200 cached), 50 out", "$0.02"),
        ("step", "gpt-5", "ok", "500 ms", "1,000 in (200 cached), 50 out", "$0.02"),
        ("tool", "search", "failed", "5.0 ms", "", ""),
        ("feedback", "tcc.feedback", "ok", "", "", ""),
    ]
    assert [one.has_children for one in lines] == [True, False, False, False]
    assert view.ticks == ("0", "500 ms", "1.0 s", "1.5 s", "2.0 s")


def test_the_span_that_is_shown_first_is_the_first_failure_else_the_run(store: SqliteRunStore) -> None:
    """Who opens a failed run sees why; a span that is asked for and not there is none."""
    root = run()
    broke = tool(parent=root, status=("ERROR", "no"))
    store.add([root, tool(parent=root), broke, run("r-2")])
    chosen = _view(store).chosen("")
    assert chosen is not None
    assert chosen.key == broke.span_id
    fine = _view(store, "r-2").chosen("")
    assert fine is not None
    assert fine.kind == "run"
    assert _view(store).chosen("nothing") is None


def test_long_runs_come_in_parts(store: SqliteRunStore) -> None:
    """Lines and turns come a few hundred at a time; a span that is asked for brings the part it is in."""
    root = run(ms=10_000)
    spans = [root, *(tool(parent=root, start_ms=number + 1) for number in range(2 * LINES))]
    store.add(spans)
    view = _view(store)
    first = view.lines_part(None, None)
    assert (first.start, first.end, first.before, first.after) == (0, LINES, None, LINES)
    last = view.lines_part(None, view.chosen(spans[-1].span_id))
    assert (last.start, last.end, last.before, last.after) == (2 * LINES, 2 * LINES + 1, LINES, None)
    assert view.lines(last)[-1].key == spans[-1].span_id
    beyond = view.lines_part(10**9, None)
    assert (beyond.start, beyond.end) == (2 * LINES, 2 * LINES + 1)
    turns = view.turns_part(None)
    assert len(view.turns(turns)) == TURNS - 1
    assert turns.after == TURNS


def test_a_run_is_put_together_again_when_it_has_changed(store: SqliteRunStore) -> None:
    """Until then it is not: whoever reads a long run asks for it again and again."""
    root = run()
    store.add([root])
    shapes = Shapes(store)
    first = shapes.of("r-1")
    assert shapes.of("r-1") is first
    store.add([tool(parent=root)])
    second = shapes.of("r-1")
    assert second is not None
    assert len(second.waterfall.places) == 2
    assert shapes.of("nothing") is None


def test_changes_inside_a_nested_run_reach_the_page_of_the_outer_one(store: SqliteRunStore) -> None:
    """The outer page shows what is nested, so it is as old as that."""
    root = run()
    inner = run("r-2", parent=root)
    store.add([root, inner])
    shapes = Shapes(store)
    shapes.of("r-1")
    store.add([span("SELECT", {attributes.TCC_RUN_ID: "r-2"}, parent=inner)])
    shape = shapes.of("r-1")
    assert shape is not None
    assert len(shape.waterfall.places) == 3


def test_the_shapes_that_are_kept_are_few(store: SqliteRunStore) -> None:
    """Looking through many runs fills no memory."""
    store.add([run(f"r-{number}") for number in range(5)])
    shapes = Shapes(store)
    for number in range(5):
        shapes.of(f"r-{number}")
    assert len(shapes._recent) == 2


def test_a_span_is_shown_whole(store: SqliteRunStore) -> None:
    """The content of a span is fetched when it is looked at; a run without a span of its own has none."""
    asks = step("r-1", {attributes.GEN_AI_INPUT_MESSAGES: said("user", "Hi")})
    store.add([asks])
    view = _view(store)
    missing, place = view.waterfall.places
    assert view.span(missing) is None
    detail = view.span(place)
    assert detail is not None
    assert detail.span == asks
    assert [message.role for message in detail.asked] == ["user"]
