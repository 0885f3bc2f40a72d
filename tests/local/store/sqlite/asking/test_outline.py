"""Runs for a page: spans as lines, and the content of those that are looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contextcompany.local.store.rows import Exchange, SpanLine
from contextcompany.local.store.sqlite.store import SqliteRunStore
from contextcompany.semconv import attributes
from tests.local.agent_spans import feedback, run, said, step, tool
from tests.local.samples import span

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

IN = attributes.GEN_AI_INPUT_MESSAGES
OUT = attributes.GEN_AI_OUTPUT_MESSAGES


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteRunStore]:
    """An empty store."""
    with SqliteRunStore.open(tmp_path / "runs.db") as one:
        yield one


def test_a_line_holds_what_a_list_needs_of_a_span(store: SqliteRunStore) -> None:
    """Place, name, times, failure, tokens, cost and feedback are there without the content."""
    root = run(more={attributes.TCC_AGENT: "host"}, ms=100)
    asks = step(
        parent=root,
        start_ms=1,
        ms=5,
        tokens=(10, 4, 2),
        cost=0.5,
        status=("ERROR", "no"),
        more={attributes.ERROR_TYPE: "ValueError"},
    )
    given = feedback(text="fine", start_ms=200)
    store.add([given, asks, root])
    found = store.outline("r-1")
    assert found is not None
    own, request, thumb = found.lines
    assert own == SpanLine(
        root.trace_id, root.span_id, None, "r-1", "run", "ok", root.start_ns, root.end_ns, "host", is_own=True
    )
    assert request == SpanLine(
        asks.trace_id,
        asks.span_id,
        root.span_id,
        "r-1",
        "step",
        "failed",
        asks.start_ns,
        asks.end_ns,
        "gpt-5",
        "ValueError",
        "no",
        10,
        4,
        2,
        0.5,
    )
    assert (thumb.kind, thumb.score, thumb.feedback_text) == ("feedback", "up", "fine")
    assert not thumb.is_own
    assert found.row == store.row("r-1")


def test_an_outline_holds_all_that_is_inside_and_nothing_beside(store: SqliteRunStore) -> None:
    """Nested runs of any depth are in it with their places; other runs and what is around are not."""
    root, other = run("r-1"), run("r-9")
    inner = run("r-2", parent=root, start_ms=1)
    innermost = run("r-3", {attributes.TCC_PARENT_RUN_ID: "r-2"}, start_ms=2)
    call = tool("r-3", parent=innermost, start_ms=3)
    store.add([root, inner, innermost, call, other])
    whole = store.outline("r-1")
    assert whole is not None
    assert [line.run for line in whole.lines] == ["r-1", "r-2", "r-3", "r-3"]
    assert whole.parents == {"r-2": "r-1", "r-3": "r-2"}
    part = store.outline("r-2")
    assert part is not None
    assert [line.run for line in part.lines] == ["r-2", "r-3", "r-3"]
    assert part.row.parent == "r-1"
    assert store.outline("none") is None
    assert store.row("none") is None


def test_a_trace_without_a_run_has_an_outline(store: SqliteRunStore) -> None:
    """Its address is its id, and none of its spans is a run's own."""
    root = span("POST /chat")
    asks = step(None, parent=root, start_ms=1)
    store.add([root, asks])
    found = store.outline(root.trace_id)
    assert found is not None
    assert [(line.kind, line.run, line.is_own) for line in found.lines] == [
        ("span", root.trace_id, False),
        ("step", root.trace_id, False),
    ]


def test_bodies_come_in_the_order_in_which_they_are_asked_for(store: SqliteRunStore) -> None:
    """Those that are not here are left out, and one that is asked for twice comes twice."""
    spans = [run(), *(tool(start_ms=number) for number in range(300))]
    store.add(spans)
    wanted = [spans[250], spans[0], spans[3], spans[250]]
    ids = [(one.trace_id, one.span_id) for one in wanted]
    assert store.bodies([*ids, ("f" * 32, "f" * 16)]) == tuple(wanted)
    assert store.bodies([]) == ()


def test_an_exchange_is_what_was_asked_and_what_was_answered(store: SqliteRunStore) -> None:
    """Of a run that says it itself that is its own span; of others the steps that do."""
    own = run("r-1", {IN: said("user", "Hi"), OUT: said("assistant", "Hello")})
    asks = step("r-2", {IN: said("user", "Where?")})
    answers = step("r-2", {OUT: said("assistant", "There.")}, start_ms=5)
    store.add([own, asks, answers, run("r-3")])
    found = store.exchanges(["r-1", "r-2", "r-3", "none"])
    assert found == {
        "r-1": Exchange(own, own),
        "r-2": Exchange(asks, answers),
        "r-3": Exchange(None, None),
    }
