"""Tests of runs and calls put together by what they share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contextcompany.local.store.filters import RunFilter
from contextcompany.local.store.rows import BadCursorError, GroupRow
from contextcompany.local.store.sqlite.asking import finding, groups, ranking
from contextcompany.local.store.sqlite.store import SqliteRunStore
from tests.local import agent_spans as spans
from tests.local.samples import span
from tests.local.store.sqlite import reference
from tests.local.store.sqlite.asking.test_listing import SOME

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from contextcompany.local.store.rows import GroupBy
    from tests.local.store.sqlite.conftest import Known
    from tests.local.store.sqlite.reference import Whole

COLUMNS = {"user": "user_id", "org": "org_id", "session": "session_id"}
KINDS = {"tool": "tool", "model": "step"}
BY = ("agent", "user", "org", "session", "tool", "model", "error")
RANKS: dict[str, Callable[[GroupRow], float]] = {
    "runs": lambda row: row.runs,
    "cost": lambda row: row.cost or 0.0,
    "slowest": lambda row: row.p95_ns,
    "recent": lambda row: row.last_ns,
}
FAILED: dict[bool, Callable[[GroupRow], float]] = {
    True: lambda row: row.failed_calls,
    False: lambda row: row.failed,
}


def expected(meeting: Sequence[Whole], by: str) -> dict[str, GroupRow]:
    """Put runs or calls together one by one."""
    if by in COLUMNS:
        parts = reference.together([whole.run for whole in meeting], COLUMNS[by])
        return {key: of_runs(key, runs) for key, runs in parts.items()}
    if by == "agent":
        runs = [run for whole in meeting for run in (whole.run, *whole.inside)]
        return {key: of_runs(key, some) for key, some in reference.together(runs, "agent").items()}
    if by == "error":
        keys = {value for whole in meeting for kind, value in whole.facets if kind == "error"}
        return {
            key: of_runs(key, [whole.run for whole in meeting if ("error", key) in whole.facets])
            for key in keys
        }
    calls = [span for whole in meeting for span in whole.spans if span["kind"] == KINDS[by]]
    return {
        key: of_calls(key, some, [whole.run for whole in meeting if (by, key) in whole.facets])
        for key, some in reference.together(calls, "name").items()
    }


def row(key: str, of: Sequence[dict[str, Any]], runs: Sequence[dict[str, Any]], calls: int) -> GroupRow:
    """Add up figures of `of`, and what only runs have."""
    durations = [one["end_ns"] - one["start_ns"] for one in of]
    costs = [one["cost"] for one in of if one["cost"] is not None]
    return GroupRow(
        key=key,
        label=key,
        runs=len(runs),
        failed=sum(run["status"] == "failed" for run in runs),
        calls=calls,
        failed_calls=sum(one["status"] == "failed" for one in of) if calls else 0,
        input_tokens=sum(one["input_tokens"] for one in of),
        output_tokens=sum(one["output_tokens"] for one in of),
        cost=reference.nearly(sum(costs)) if costs else None,
        p50_ns=max(0, reference.percentile(durations, 50)),
        p95_ns=max(0, reference.percentile(durations, 95)),
        thumbs_up=sum(run["thumbs_up"] for run in runs),
        thumbs_down=sum(run["thumbs_down"] for run in runs),
        first_ns=min(one["start_ns"] for one in of),
        last_ns=max(one["start_ns"] for one in of),
    )


def of_runs(key: str, runs: Sequence[dict[str, Any]]) -> GroupRow:
    """Add up runs."""
    return row(key, runs, runs, 0)


def of_calls(key: str, calls: Sequence[dict[str, Any]], runs: Sequence[dict[str, Any]]) -> GroupRow:
    """Add up calls, and the runs in which they were made."""
    return row(key, calls, runs, len(calls))


def plain(found: GroupRow) -> GroupRow:
    """Leave out what a group is called and shown by."""
    fields = {name: getattr(found, name) for name in GroupRow.__slots__}
    return GroupRow(**fields | {"label": found.key, "example": ""})


@pytest.fixture(params=[0, 10**9], ids=["listed", "gathered"])
def many(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a small database take the ways of large ones."""
    monkeypatch.setattr(finding, "_MANY", request.param)


@pytest.mark.usefixtures("many")
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(given_conditions=SOME, by=st.sampled_from(BY), order=st.sampled_from(ranking.ORDERS))
def test_groups_are_what_their_runs_add_up_to(
    known: Known, given_conditions: dict[str, Any], by: GroupBy, order: str
) -> None:
    """Every group of the runs that meet a filter is there once, with exact figures, most first."""
    wanted = RunFilter(**given_conditions)
    found: list[GroupRow] = []
    cursor = None
    while True:
        page = groups.groups(known.connection, by, wanted, order=order, limit=40, cursor=cursor)
        found += page.items
        cursor = page.cursor
        if cursor is None:
            break
    right = expected([whole for whole in known.wholes if whole.meets(wanted)], by)
    assert {one.key: plain(one) for one in found} == right
    assert len(found) == len(right)
    rank = FAILED[by in KINDS] if order == "failed" else RANKS[order]
    ranked = [(-rank(one), one.key) for one in found]
    assert [place for place, _ in ranked] == sorted(place for place, _ in ranked)
    if order != "cost":
        assert ranked == sorted(ranked)


def test_groups_have_names_and_examples(known: Known) -> None:
    """Users are called by their name, sessions show their newest prompt, errors their newest message."""

    def first(by: GroupBy, wanted: RunFilter) -> GroupRow:
        return groups.groups(known.connection, by, wanted, limit=1).items[0]

    assert first("user", RunFilter(user="Person 0000")).label == "Person 0000"
    assert first("org", RunFilter(org="org-03")).label == "Company 03"
    session = first("session", RunFilter(session="session-00011"))
    newest = max((whole.run for whole in known.wholes[44:48]), key=lambda run: run["start_ns"])
    assert (session.label, session.example) == ("session-00011", newest["prompt"])
    assert first("agent", RunFilter()).label == "agent-00"


def test_the_example_of_an_error_is_the_newest_message(tmp_path: Path) -> None:
    """An error inside a nested run is counted for the run around it, and its newest message is shown."""
    with SqliteRunStore.open(tmp_path / "runs.db") as store:
        for number in range(3):
            outer = spans.run(f"r-{number}", start_ms=number * 100, ms=50)
            inner = spans.run(f"n-{number}", parent=outer, start_ms=number * 100 + 1)
            failed = spans.tool(
                f"n-{number}",
                {"error.type": "ToolError"},
                parent=inner,
                start_ms=number * 100 + 2,
                status=("ERROR", f"no answer {number}"),
            )
            store.add([outer, inner, failed])
        (found,) = store.groups("error", RunFilter()).items
    assert (found.key, found.runs, found.example) == ("ToolError", 3, "no answer 2")


def test_a_cursor_of_groups_fits_its_own_list(known: Known) -> None:
    """The cursor of one list is refused by every other, and no order is guessed."""
    cursor = groups.groups(known.connection, "agent", RunFilter(), limit=3).cursor
    assert cursor is not None
    for by, order, wanted in (
        ("user", "runs", RunFilter()),
        ("agent", "cost", RunFilter()),
        ("agent", "runs", RunFilter(status="ok")),
    ):
        with pytest.raises(BadCursorError):
            groups.groups(known.connection, by, wanted, order=order, cursor=cursor)  # type: ignore[arg-type]
    with pytest.raises(
        ValueError, match="order must be one of runs, cost, failed, slowest, recent, got 'best'"
    ):
        groups.groups(known.connection, "agent", RunFilter(), order="best")


def test_a_step_inside_a_step_counts_once(tmp_path: Path) -> None:
    """A request that a second instrumentation saw as well is one call of the model."""
    with SqliteRunStore.open(tmp_path / "runs.db") as store:
        run = spans.run("r-1")
        step = spans.step("r-1", parent=run, tokens=(10, 0, 2), cost=0.5)
        again = spans.step("r-1", parent=step, tokens=(10, 0, 2), cost=0.5)
        store.add([run, step, again])
        (found,) = store.groups("model", RunFilter()).items
    assert (found.key, found.calls, found.runs, found.cost) == ("gpt-5", 1, 1, 0.5)


def test_tool_calls_inside_a_step_are_calls(tmp_path: Path) -> None:
    """A tool that was called from a step counts among the tools as it does in its run."""
    with SqliteRunStore.open(tmp_path / "runs.db") as store:
        run = spans.run("r-1")
        step = spans.step("r-1", parent=run)
        first = spans.tool("r-1", parent=step, ms=3)
        failed = spans.tool("r-1", parent=span("POST", parent=step), status=("ERROR", "no"))
        store.add([run, step, first, failed])
        (found,) = store.groups("tool", RunFilter()).items
        (row,) = store.runs(RunFilter()).items
    assert (found.calls, found.failed_calls, row.tool_calls, row.failures) == (2, 1, 2, 1)


def test_the_spans_of_an_application_are_no_run_of_an_agent(tmp_path: Path) -> None:
    """What no list shows is in no figure of an agent, though it bears an agent's name."""
    with SqliteRunStore.open(tmp_path / "runs.db") as store:
        server = span("GET /ask", {"tcc.agent": "shop"})
        store.add([server, spans.run("r-1", {"tcc.agent": "shop"}, parent=server)])
        (found,) = store.groups("agent", RunFilter()).items
    assert (found.key, found.runs) == ("shop", 1)
