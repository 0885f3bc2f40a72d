"""Tests of the list of feedback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings

from contextcompany.local.store.filters import RunFilter
from contextcompany.local.store.rows import BadCursorError
from contextcompany.local.store.sqlite.asking import feedback, finding
from contextcompany.local.store.sqlite.store import SqliteRunStore
from tests.local import agent_spans as spans
from tests.local.store.sqlite.asking.test_listing import SOME

if TYPE_CHECKING:
    from pathlib import Path

    from tests.local.store.sqlite.conftest import Known


@pytest.fixture(params=[0, 10**9], ids=["read", "asked"])
def many(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a small database take the ways of large ones."""
    monkeypatch.setattr(finding, "_MANY", request.param)


@pytest.mark.usefixtures("many")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(given_conditions=SOME)
def test_feedback_comes_newest_first_with_its_run(known: Known, given_conditions: dict[str, Any]) -> None:
    """Each piece of feedback on the runs that meet the filter is listed once."""
    wanted = RunFilter(**given_conditions)
    pieces = [
        (span["start_ns"], span["id"], whole.run["address"], span["score"] or None, span["feedback_text"])
        for whole in known.wholes
        for span in whole.spans
        if span["kind"] == "feedback" and whole.meets(wanted)
    ]
    found: list[tuple[Any, ...]] = []
    cursor = None
    while True:
        page = feedback.feedback(known.connection, wanted, limit=3, cursor=cursor)
        assert all(row.run is not None and row.run.address == row.address for row in page.items)
        found += [(row.address, row.score, row.text) for row in page.items]
        cursor = page.cursor
        if cursor is None:
            break
    assert found == [piece[2:] for piece in sorted(pieces, reverse=True)]


def test_feedback_waits_for_its_run(tmp_path: Path) -> None:
    """Feedback that is here before anything of its run is listed without it, and with it later."""
    with SqliteRunStore.open(tmp_path / "runs.db") as store:
        store.add([spans.feedback("r-1", text="fine", start_ms=500)])
        (early,) = store.feedback(RunFilter()).items
        store.add([spans.run("r-1")])
        (late,) = store.feedback(RunFilter()).items
    assert (early.address, early.score, early.text, early.run) == ("r-1", "up", "fine", None)
    assert late.run is not None
    assert (late.address, late.run.address, late.run.thumbs_up) == ("r-1", "r-1", 1)


def test_the_order_of_runs_does_not_matter(known: Known) -> None:
    """Feedback has one order, so its cursor fits whatever order the filter names; not another filter."""
    cursor = feedback.feedback(known.connection, RunFilter(), limit=2).cursor
    assert feedback.feedback(known.connection, RunFilter(order="slowest"), cursor=cursor).items
    with pytest.raises(BadCursorError):
        feedback.feedback(known.connection, RunFilter(status="ok"), cursor=cursor)
