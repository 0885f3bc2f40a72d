"""Runs as lines of a table."""

from __future__ import annotations

import io
import time
import unicodedata
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from contextcompany.local.store.rows import RunRow
from contextcompany.local.terminal.table import runs_table
from tests.local.conftest import BERLIN

NOW = time.time_ns()
# Controls, formats, halves of surrogate pairs, line separators.
UNSAFE = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def drawn(*rows: RunRow, width: int = 120, has_head: bool = True) -> list[str]:
    """Return the lines of a table without the spaces at their ends."""
    console = Console(file=io.StringIO(), width=width, color_system=None, markup=False, highlight=False)
    with console.capture() as capture:
        console.print(runs_table(rows, width=width, has_head=has_head))
    lines = capture.get().splitlines()
    assert all(cell_len(line) <= width for line in lines)
    return [line.rstrip() for line in lines]


def row(**fields: Any) -> RunRow:
    """Return a run that ended well, but for what is given."""
    given: dict[str, Any] = {
        "address": "0123456789abcdef",
        "trace_id": "t",
        "status": "ok",
        "start_ns": NOW,
        "end_ns": NOW + 2_300_000_000,
        "agent": "shop",
        "prompt": "Where is my order?",
        "input_tokens": 1_200,
        "output_tokens": 34,
        "cost": 0.0123,
        **fields,
    }
    return RunRow(**given)


def test_a_run_is_a_line() -> None:
    """What people look for first stands in columns, the id short enough to type."""
    head, line = drawn(row())
    assert head.split() == ["run", "began", "status", "agent", "took", "tokens", "cost", "said", "prompt"]
    run, _began, *rest = line.split(maxsplit=2)
    assert run == "0123456789ab"
    assert rest[0].split() == ["ok", "shop", "2.3", "s", "1.2k", "$0.0123", "Where", "is", "my", "order?"]


def test_a_table_goes_on_without_a_head() -> None:
    """Further lines stand in the columns of the first table."""
    whole = drawn(row(), row(address="b", agent="another agent with a long name", cost=None))
    assert (
        drawn(row(), has_head=False)
        + drawn(row(address="b", agent="another agent with a long name", cost=None), has_head=False)
        == whole[1:]
    )


def test_a_failure_says_why() -> None:
    """The error stands beside the prompt; a run that goes on has no duration yet."""
    failed = row(status="failed", error_type="ValueError", error="no such order")
    (line,) = drawn(failed, width=160, has_head=False)
    assert line.endswith("Where is my order?  ValueError: no such order")
    (line,) = drawn(failed, width=120, has_head=False)
    assert line.endswith("  ValueError: no such order")
    assert "Where" not in line
    (line,) = drawn(row(status="open"), has_head=False)
    assert "2.3 s" not in line


@pytest.mark.parametrize(("up", "down", "word"), [(1, 0, " up "), (0, 1, " down "), (1, 1, " down ")])
def test_feedback_is_a_word(up: int, down: int, word: str) -> None:
    """Thumbs are told apart without colours."""
    (line,) = drawn(row(thumbs_up=up, thumbs_down=down), has_head=False)
    assert word in line


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
def test_it_fits(width: int) -> None:
    """A narrow terminal shows fewer columns, one line to a run; the prompt gets the rest."""
    long = row(prompt="word " * 100, agent="a" * 100)
    assert len(drawn(long, long, width=width)) == 3


@given(st.text(), st.text(), st.integers(), st.integers())
def test_nothing_steers_the_terminal(text: str, more: str, start: int, tokens: int) -> None:
    """Whatever a span said, a run is one line without control characters."""
    wild = row(
        address=text,
        agent=more,
        prompt=text,
        error=more,
        status="failed",
        start_ns=start,
        input_tokens=tokens,
    )
    (line,) = drawn(wild, has_head=False)
    assert {unicodedata.category(one) for one in line.replace("\u200d", "")}.isdisjoint(UNSAFE)


@pytest.mark.zone(BERLIN)
def test_a_run_began_when_the_clock_said_so() -> None:
    """In summer and in winter, whichever it is now."""
    year = datetime.now(UTC).year
    for month, local in ((1, " 12:30"), (7, " 13:30")):
        began = int(datetime(year, month, 15, 11, 30, tzinfo=UTC).timestamp()) * 10**9
        assert local in drawn(row(start_ns=began, end_ns=began))[1]
