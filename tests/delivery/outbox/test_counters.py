"""Counts of spans, and their sum over several outboxes."""

from __future__ import annotations

from collections import Counter

from contextcompany.delivery.outbox.counters import Counters


def test_counts_begin_at_nothing() -> None:
    """Where nothing was recorded every count is zero, and nothing went wrong."""
    assert Counters() == Counters(
        delivered=0,
        pending=0,
        spooled=0,
        handed_over=0,
        dropped=Counter(),
        recovered=0,
        last_error=None,
    )
    assert Counters.total([]) == Counters()


def test_the_total_adds_every_count() -> None:
    """Every count is summed, losses by reason, and the parts stay as they were."""
    first = Counters(1, 2, 3, 4, Counter({"outbox full": 5}), 6, "busy")
    second = Counters(10, 20, 30, 40, Counter({"outbox full": 50, "spool full": 7}), 60)
    assert Counters.total([first, second]) == Counters(
        11, 22, 33, 44, Counter({"outbox full": 55, "spool full": 7}), 66, "busy"
    )
    assert first == Counters(1, 2, 3, 4, Counter({"outbox full": 5}), 6, "busy")


def test_the_last_problem_is_the_latest_known() -> None:
    """Of several problems the last one is told; an outbox without one hides no other."""
    parts = [Counters(last_error="first"), Counters(last_error="second"), Counters()]
    assert Counters.total(parts).last_error == "second"
