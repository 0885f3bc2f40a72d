"""Batches of spans become rows of runs that agree with them, in whatever order they come."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contextcompany.local.store.filters import RunFilter
from contextcompany.local.store.sqlite.store import SqliteRunStore
from contextcompany.semconv import attributes
from tests.local.agent_spans import run, step, tool
from tests.local.samples import span
from tests.local.store.sqlite.contents import contents
from tests.local.store.sqlite.forests import forests

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contextcompany.local.otlp.spans import SpanRecord

# Hundreds of databases that live for a moment: on a disk most of the time would go into syncing them.
_MEMORY: Final = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def _tables(batches: Sequence[Sequence[SpanRecord]]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(dir=_MEMORY) as folder:
        path = Path(folder) / "runs.db"
        with SqliteRunStore.open(path) as store:
            for batch in batches:
                store.add(batch)
        return contents(path)


@given(forest=forests(), data=st.data())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_order_of_arrival_makes_no_difference(forest: list[SpanRecord], data: st.DataObject) -> None:
    """Any permutation in any batches, with spans that come twice, gives the tables of a single batch."""
    order = data.draw(st.permutations(forest))
    again = data.draw(st.lists(st.sampled_from(forest), max_size=3))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(order) + len(again)))))
    spans = [*order, *again]
    batches = [spans[start:end] for start, end in zip([0, *cuts], [*cuts, len(spans)], strict=True)]
    assert _tables([batch for batch in batches if batch]) == _tables([forest])


@given(forest=forests(), data=st.data())
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_sums_agree_with_the_spans(forest: list[SpanRecord], data: st.DataObject) -> None:
    """Each run's sums are those of its spans and of the runs inside it, counted from the beginning."""
    tables = _tables([[each] for each in data.draw(st.permutations(forest))])
    runs = {row["address"]: row for row in tables["run"]}
    assert {row["run"] for row in tables["span"]} == set(runs)
    assert {top for top, _, _ in tables["facet"]} <= {
        each["address"] for each in runs.values() if not each["parent"]
    }
    for row in tables["span"]:
        kind = {"step": "model", "tool": "tool"}.get(row["kind"])
        if kind is not None:
            assert (runs[row["run"]]["top"], kind, row["name"]) in tables["facet"]
    for address, row in runs.items():
        spans = [each for each in tables["span"] if each["run"] == address]
        inside = [each for each in runs.values() if each["parent"] == address]
        steps = [each for each in spans if each["kind"] == "step" and not each["within"]]
        assert row["spans"] == len(spans) + sum(each["spans"] for each in inside)
        assert row["steps"] == len(steps) + sum(each["steps"] for each in inside)
        assert row["input_tokens"] == 3 * row["steps"]
        costs = [each["cost"] for each in (*steps, *inside) if each["cost"] is not None]
        assert row["cost"] == (pytest.approx(sum(costs), abs=1e-9) if costs else None)
        outermost = row
        while outermost["parent"] not in {None, "0"}:
            outermost = runs[outermost["parent"]]
        assert row["top"] == outermost["address"]


def test_what_a_run_is_found_by_leaves_with_its_parts() -> None:
    """A run that moves into another, while the one around it moves too, takes along what it is found by."""
    trace: dict[str, Any] = {"trace_id": "1" * 32}
    first = run("first", span_id="1" * 16, **trace)
    moving = run(
        "moving", {attributes.TCC_PARENT_RUN_ID: "around"}, span_id="2" * 16, parent_span_id="3" * 16, **trace
    )
    held = step("moving", model="m", trace_id="2" * 32)
    around = run("around", span_id="4" * 16, parent_span_id="5" * 16, **trace)
    between = span("GET /", span_id="5" * 16, parent_span_id="1" * 16, **trace)
    other = tool("other", span_id="3" * 16, **trace)
    pieces = [[first], [moving], [held], [around], [between, other]]
    assert _tables(pieces) == _tables([[each for piece in pieces for each in piece]])


@pytest.mark.parametrize("order", [1, -1])
def test_runs_nest_a_thousand_deep(tmp_path: Path, order: int) -> None:
    """Of runs that call each other without end the outermost is listed, with the sums of all."""
    spans: list[SpanRecord] = []
    for number in range(1_000):
        own = run(f"r-{number}", parent=spans[-2] if spans else None, start_ms=number)
        spans += [own, step(f"r-{number}", parent=own, cost=0.1)]
    with SqliteRunStore.open(tmp_path / "runs.db") as store:
        for start in range(0, len(spans), 250):
            store.add(spans[::order][start : start + 250])
        (row,) = store.runs(RunFilter()).items
    assert (row.address, row.steps, row.spans, row.cost) == ("r-0", 1_000, 2_000, 100.0)


def test_a_step_of_another_run_is_another_request(tmp_path: Path) -> None:
    """A step that names another run than the step around it counts in its own."""
    outer = step("r-1", cost=0.1)
    with SqliteRunStore.open(tmp_path / "runs.db") as store:
        store.add([step("r-2", parent=outer, cost=0.2)])
        store.add([outer, run("r-1"), run("r-2")])
        costs = {row.address: (row.steps, row.cost) for row in store.runs(RunFilter()).items}
    assert costs == {"r-1": (1, 0.1), "r-2": (1, 0.2)}


@pytest.mark.parametrize("order", [1, -1])
def test_a_run_that_was_resumed_keeps_what_was_said_both_times(tmp_path: Path, order: int) -> None:
    """Metadata is that of all its spans, the later wins; whose it is stays what was said first."""

    def own(start_ms: int, **said: str) -> SpanRecord:
        return run(
            "r-1", {f"tcc.{key.replace('_', '.')}": value for key, value in said.items()}, start_ms=start_ms
        )

    first = own(0, userId="u-1", metadata_plan="free", metadata_first="yes", sessionId="s-1")
    again = own(50, userId="u-2", userName="Bob", orgId="o-1", metadata_plan="paid", metadata_second="yes")
    with SqliteRunStore.open(tmp_path / "runs.db") as store:
        for each in (first, again)[::order]:
            store.add([each])
        for key, value in {"plan": "paid", "first": "yes", "second": "yes"}.items():
            (row,) = store.runs(RunFilter(metadata=((key, value),))).items
        assert store.runs(RunFilter(metadata=(("plan", "free"),))).items == ()
    assert row.metadata == {"plan": "paid", "first": "yes", "second": "yes"}
    assert (row.session_id, row.user_id, row.user_name, row.org_id) == ("s-1", "u-1", "", "o-1")


@pytest.mark.parametrize("span_id", ["1" * 16, "f" * 16])
def test_of_agents_that_end_together_the_outer_says_how_it_went(tmp_path: Path, span_id: str) -> None:
    """Clocks of milliseconds end an agent of another library at the same time as the one inside it."""
    outer = run(None, {attributes.GEN_AI_AGENT_NAME: "outer"}, trace_id="a" * 32, span_id="8" * 16, ms=10)
    inner = run(None, parent=outer, span_id=span_id, start_ms=4, ms=6, status=("ERROR", "no"))
    with SqliteRunStore.open(tmp_path / "runs.db") as store:
        store.add([inner, outer])
        (row,) = store.runs(RunFilter()).items
    assert (row.agent, row.status) == ("outer", "ok")


def test_a_run_inside_a_circle_stays_in_it() -> None:
    """Runs that claim to be inside each other are cut open once; what is inside one of them stays there."""
    first = run("r-1", {attributes.TCC_PARENT_RUN_ID: "r-2"})
    second = run("r-2", {attributes.TCC_PARENT_RUN_ID: "r-1"})
    inside = run("r-3", {attributes.TCC_PARENT_RUN_ID: "r-2"})
    pieces = [[inside], [second], [first]]
    tables = _tables(pieces)
    assert tables == _tables(pieces[::-1]) == _tables([[first, second, inside]])
    assert {row["address"]: row["parent"] for row in tables["run"]} == {
        "r-1": None,
        "r-2": "r-1",
        "r-3": "r-2",
    }
