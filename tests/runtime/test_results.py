"""What flush and stats return: plain values that are easy to ask."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields

import pytest

from contextcompany.runtime.results import FlushResult, Stats


def some_stats() -> Stats:
    """Return counts, most of them left out."""
    return Stats(delivered=3, pending=1)


def some_result() -> FlushResult:
    """Return a result, most of it left out."""
    return FlushResult(complete=True, delivered=3, pending=0)


@pytest.mark.parametrize("complete", [True, False])
def test_a_result_is_as_true_as_it_is_complete(complete: bool) -> None:
    """Only `complete` decides, whatever the counts are: those are of the whole process."""
    result = FlushResult(complete, delivered=0, pending=7, spooled=2, dropped={"outbox full": 1})
    assert bool(result) is complete
    assert bool(FlushResult(complete, delivered=5, pending=0)) is complete


def test_what_is_left_out_is_nothing() -> None:
    """Counts that are not given are zero, the reasons are empty, and there is no error."""
    assert some_result() == FlushResult(
        complete=True, delivered=3, pending=0, spooled=0, handed_over=0, dropped={}, last_error=None
    )
    assert some_stats() == Stats(
        delivered=3,
        pending=1,
        spooled=0,
        handed_over=0,
        recovered=0,
        dropped={},
        last_error=None,
        open_handles=0,
        internal_errors=0,
        unsampled=0,
    )
    assert some_stats().dropped is not some_stats().dropped


def test_the_representations_name_every_count() -> None:
    """A debugger shows all there is, by name."""
    assert repr(FlushResult(False, 1, 2, 3, 4, {"outbox full": 5}, "nobody listens")) == (
        "FlushResult(complete=False, delivered=1, pending=2, spooled=3, handed_over=4,"
        " dropped={'outbox full': 5}, last_error='nobody listens')"
    )
    assert repr(Stats(1, 2, 3, 4, 5, {"outbox full": 6}, "nobody listens", 7, 8, 9)) == (
        "Stats(delivered=1, pending=2, spooled=3, handed_over=4, recovered=5,"
        " dropped={'outbox full': 6}, last_error='nobody listens', open_handles=7, internal_errors=8,"
        " unsampled=9)"
    )


@pytest.mark.parametrize("value", [some_stats(), some_result()], ids=["stats", "result"])
def test_nothing_can_be_changed(value: Stats | FlushResult) -> None:
    """A snapshot stays what it was: no field can be set or removed, and no other one be added."""
    for field in fields(value):
        with pytest.raises(FrozenInstanceError):
            setattr(value, field.name, 9)
        with pytest.raises(FrozenInstanceError):
            delattr(value, field.name)
    with pytest.raises((FrozenInstanceError, AttributeError, TypeError)):
        value.other = 1  # type: ignore[union-attr]  # pyright: ignore[reportAttributeAccessIssue]
    assert not hasattr(value, "__dict__")
