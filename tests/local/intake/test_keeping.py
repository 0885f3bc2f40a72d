"""Spans go into the store in bounded batches, and one that breaks it costs only itself."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextcompany.diagnostics import guard
from contextcompany.local.intake.keeping import keep
from contextcompany.local.otlp.bodies import RefusedError
from contextcompany.local.otlp.spans import EventRecord, Refusals
from contextcompany.local.store.rows import StoreError, StoreFullError
from tests.local.intake.serving import Kept
from tests.local.samples import span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from contextcompany.local.otlp.spans import SpanRecord


def test_a_large_request_is_stored_in_parts_as_it_is_read() -> None:
    """No more spans are read than the store takes at once."""
    store = Kept()
    most_waiting = 0

    def read() -> Iterator[SpanRecord]:
        nonlocal most_waiting
        for number in range(5_000):
            most_waiting = max(most_waiting, number - len(store.spans_by_id))
            yield span()

    assert keep(store, read(), Refusals()) == 5_000
    assert store.batches == [2_048, 2_048, 904]
    assert most_waiting < 2_048


def test_spans_that_are_there_already_count_as_taken() -> None:
    """A sender that repeats a batch hears that it arrived."""
    store, spans = Kept(), [span(), span()]
    assert keep(store, spans, Refusals()) == keep(store, spans, Refusals()) == 2
    assert store.kept == spans


def test_nothing_to_keep_is_no_work() -> None:
    """The store is not asked."""
    store = Kept()
    assert keep(store, [], Refusals()) == 0
    assert store.batches == []


def test_a_full_store_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    """The sender hears the reason with each request, the log has it once."""

    def full(_: Sequence[SpanRecord]) -> None:
        raise StoreFullError("the disk is full: make room")

    for _ in range(3):
        with pytest.raises(RefusedError) as caught:
            keep(Kept(full), [span()], Refusals())
        assert (caught.value.status, caught.value.reason) == (503, "the disk is full: make room")
    assert [record.getMessage() for record in caplog.records] == [
        "the local collector cannot store what arrives: the disk is full: make room"
    ]


@pytest.mark.parametrize("error", [StoreFullError("the disk is full"), StoreError("it cannot be used")])
def test_outside_of_our_tests_too_spans_that_find_no_room_may_come_again(
    monkeypatch: pytest.MonkeyPatch, error: StoreError
) -> None:
    """An error of the store is not taken for one of ours, which would refuse the spans for good."""
    monkeypatch.setattr(guard, "strict", False)

    def full(_: Sequence[SpanRecord]) -> None:
        raise error

    with pytest.raises(RefusedError) as caught:
        keep(Kept(full), [span(), span()], refusals := Refusals())
    assert (caught.value.status, caught.value.reason) == (503, str(error))
    assert refusals.count == guard.errors == 0


@given(st.integers(1, 60), st.sets(st.integers(0, 59)))
def test_spans_that_break_the_store_are_refused_alone(number: int, broken: set[int]) -> None:
    """Whichever they are, all others are kept."""
    spans = [span() for _ in range(number)]
    poison = {spans[place].span_id for place in broken if place < number}

    def breaks(batch: Sequence[SpanRecord]) -> None:
        if any(one.span_id in poison for one in batch):
            raise RuntimeError("an error of ours")

    store, refusals = Kept(breaks), Refusals()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(guard, "strict", False)
        assert keep(store, spans, refusals) == number - len(poison)
    assert store.kept == [one for one in spans if one.span_id not in poison]
    assert refusals.count == len(poison)


def test_our_tests_see_an_error_of_ours() -> None:
    """The guard does not hide bugs from them."""

    def breaks(_: Sequence[SpanRecord]) -> None:
        raise RuntimeError("an error of ours")

    with pytest.raises(RuntimeError):
        keep(Kept(breaks), [span()], Refusals())


def test_large_spans_are_stored_a_few_at_a_time() -> None:
    """Texts, lists, maps and what spans share count, so that a batch never fills the memory."""
    text = "x" * 1_000_000
    large = [
        replace(span(), attributes={"text": text}),
        replace(span(), attributes={"list": ({"inside": (text,)}, b"x" * 1_000_000)}),
        replace(span(), resource={"text": text}),
        replace(span(), events=(EventRecord("said", 0, {"text": text}),)),
    ]
    store = Kept()
    assert keep(store, [*large, span()], Refusals()) == 5
    assert store.batches == [2, 3]
