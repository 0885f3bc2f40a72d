"""Which runs `tcc runs --follow` shows when."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from contextcompany.cli.runs import Following
from contextcompany.local.store.rows import RunRow

NOW = 1_000.0


def row(address: str, status: Any = "ok") -> RunRow:
    """Return a run."""
    return RunRow(address=address, trace_id="t", status=status, start_ns=0, end_ns=1)


def shown(following: Following, *rows: RunRow, after: float = 0.0) -> list[tuple[str, str]]:
    """Return address and status of what is shown now."""
    return [(one.address, one.status) for one in following.ready(rows, NOW + after)]


def test_a_run_is_shown_once_it_has_ended() -> None:
    """Its steps may come long before; later changes, such as feedback, show it no second time."""
    following = Following()
    assert shown(following, row("a", "open"), row("b")) == [("b", "ok")]
    assert shown(following, row("a", "open"), after=1.0) == []
    assert shown(following, row("a", "failed"), after=2.0) == [("a", "failed")]
    assert shown(following, row("a", "failed"), row("b"), after=3.0) == []


def test_a_run_that_stays_open_is_shown_after_a_while() -> None:
    """Its process may be dead, or the run long; if it ends after all, that is shown too."""
    following = Following()
    shown(following, row("a", "open"))
    assert shown(following, after=4.9) == []
    assert shown(following, after=5.0) == [("a", "open")]
    assert shown(following, row("a", "open"), after=60.0) == []
    assert shown(following, row("a"), after=61.0) == [("a", "ok")]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["open", "ok"]))))
def test_every_run_that_ended_is_shown_once(changes: list[tuple[str, str]]) -> None:
    """In whatever order spans come."""
    following = Following()
    lines = [line for address, status in changes for line in shown(following, row(address, status))]
    assert sorted(lines) == sorted({(address, status) for address, status in changes if status == "ok"})
