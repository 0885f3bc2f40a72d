"""The accounting itself: it must see each kind of loss, or the matrix proves nothing."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.faults.account import Account, Result, account
from tests.faults.behaviours import Record
from tests.faults.launch import KEY
from tests.faults.ledger import Recorded
from tests.faults.shelf import Shelf

END = 100.0


def accounted(
    *,
    kept: dict[str, int],
    on_disk: tuple[str, ...] = (),
    killed_at: float | None = None,
    torn: list[str] | None = None,
    leaks: list[str] | None = None,
    headers: dict[str, int] | None = None,
    keys: dict[str, int] | None = None,
    **stats: Any,
) -> Account:
    """Account for four spans: a and b ended early, c late, d was left open."""
    recorded = Recorded(ended={"a": END - 9, "b": END - 9, "c": END - 0.5}, left_open={"d"})
    record = Record(kept=kept, header_names=headers or {}, keys=keys or {f"Bearer {KEY}": 1})
    shelf = Shelf(spans=dict.fromkeys(on_disk, 1), torn=torn or [], leaks=leaks or [])
    counts = {"delivered": 0, "pending": 0, "spooled": 0, "dropped": {}, "internal_errors": 0, **stats}
    ends = [] if killed_at is not None else [Result(counts, [], [])]
    return account(recorded, record, shelf, ends, killed_at=killed_at)


def test_every_span_has_its_place() -> None:
    """Spans that were delivered, are on disk, or were dropped and said are all accounted for."""
    found = accounted(
        kept={"a": 1, "b": 1}, on_disk=("c",), delivered=2, spooled=1, dropped={"outbox full": 1}
    )
    assert found == Account(
        sent=4, delivered=2, spooled=1, dropped=Counter({"outbox full": 1}), unaccounted=0, problems=[]
    )


def test_a_lost_span_is_seen() -> None:
    """A span that is nowhere is unaccounted for, whatever the program counted."""
    found = accounted(kept={"a": 1, "b": 1, "c": 1}, delivered=4)
    assert (found.unaccounted, found.problems) == (1, ["1 spans are unaccounted for"])


def test_an_untrue_drop_is_seen() -> None:
    """A span that counts as dropped and was delivered is a problem."""
    found = accounted(kept={"a": 1, "b": 1, "c": 1, "d": 1}, delivered=3, dropped={"outbox full": 1})
    assert found.problems == ["1 spans count as dropped and are there"]


def test_counts_that_do_not_add_up_are_seen() -> None:
    """Counts that speak of another number of spans, in all or on disk, are a problem."""
    found = accounted(kept={"a": 1, "b": 1, "c": 1}, on_disk=("d",), delivered=3)
    assert found.problems == [
        "the counts speak of 3 spans, 4 were sent",
        "the counts speak of 0 spooled spans, on disk are 1",
    ]


def test_duplicates_are_counted() -> None:
    """A span that arrived twice, and one that arrived and is still on disk, are counted apart."""
    found = accounted(kept={"a": 3, "b": 1, "c": 1, "d": 1}, on_disk=("b",), delivered=3, spooled=1)
    assert (found.duplicates, found.again, found.problems) == (2, 1, [])


def test_a_kill_excuses_the_last_second_only() -> None:
    """After a kill the spans of the last second may be lost, older ones may not, open ones were not sent."""
    assert accounted(kept={"a": 1, "b": 1}, killed_at=END) == Account(
        sent=3, delivered=2, last_second=1, oldest_lost=0.5
    )
    found = accounted(kept={"a": 1}, killed_at=END)
    assert (found.last_second, found.oldest_lost) == (1, 9.0)
    assert found.problems == ["1 spans are unaccounted for (up to 9.00 s old, starved 0.00 s)"]


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"torn": ["x.otlp"]}, "1 files of the spool are torn"),
        ({"leaks": ["x.otlp"]}, "the key is in 1 files of the spool"),
        ({"headers": {"traceparent": 2}}, "2 requests carried traceparent"),
        ({"keys": {"none": 1}}, "requests came with another key, or with none"),
    ],
)
def test_other_breaches_are_seen(wrong: dict[str, Any], problem: str) -> None:
    """Torn files, keys on disk, foreign headers and wrong keys are problems."""
    kept = {"a": 1, "b": 1, "c": 1, "d": 1}
    assert accounted(kept=kept, delivered=4, **wrong).problems == [problem]
