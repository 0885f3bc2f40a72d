"""One parcel, in smaller parts where a collector does not take it whole."""

from __future__ import annotations

from collections import Counter
from math import ceil, log2
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextcompany.delivery.outbox.dispatch import (
    MALFORMED as AS_MALFORMED,
)
from contextcompany.delivery.outbox.dispatch import REFUSED, REJECTED, Dispatched, dispatch
from contextcompany.delivery.outbox.dispatch import TOO_LARGE as AS_TOO_LARGE
from contextcompany.delivery.outbox.entry import Receipt
from contextcompany.delivery.wire.outcomes import Outcome, Verdict
from tests.delivery import sinks
from tests.delivery.sinks import DELIVERED, LATER, MALFORMED, STAYS, TOO_LARGE, SteeredSink, parcel
from tests.delivery.spool.otlp import names_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from contextcompany.delivery.outbox.parcel import Parcel

MANY = [str(number) for number in range(512)]


def sent(one: Parcel, sink: SteeredSink) -> Dispatched:
    """Dispatch a parcel; nothing of it may be unaccounted for."""
    result = dispatch(one, sink, timeout=3.0)
    kept = sum(part.spans for part in result.rest)
    assert result.delivered + result.lost.total() + kept == one.spans
    assert result.accepted or result.delivered == 0
    return result


def kept(result: Dispatched) -> list[list[str]]:
    """Return the names of what is still to be sent, part by part."""
    return [names_in(part.body) for part in result.rest]


def refusing(*names: str) -> Callable[[list[str], int], Outcome]:
    """Return a judge who cannot read requests with certain spans."""
    return lambda held, size: MALFORMED if set(names) & set(held) else DELIVERED


def test_a_parcel_that_is_taken() -> None:
    """One request, all delivered, all who wait are told."""
    sink, receipt = SteeredSink(), Receipt()
    result = sent(parcel("a", "b", receipts={"b": receipt}), sink)
    assert result == Dispatched(DELIVERED, delivered=2, accepted=True)
    assert receipt.wait(0.0) is True
    assert (sink.batches, sink.timeouts, sink.acceptances) == ([["a", "b"]], [3.0], 1)


@pytest.mark.parametrize("outcome", [LATER, STAYS])
def test_what_says_nothing_of_the_spans(outcome: Outcome) -> None:
    """After any answer that does not judge the bytes the parcel itself stays, and nobody is told yet."""
    sink, receipt = SteeredSink(outcome), Receipt()
    receipt.delivered = True
    one = parcel("a", "b", receipts={"a": receipt})
    result = sent(one, sink)
    assert result == Dispatched(outcome, rest=[one])
    assert receipt.delivered is True
    assert len(sink.batches) == 1


def test_what_an_exporter_does_not_take() -> None:
    """It is lost and counted, and nobody waits any longer."""
    receipt = Receipt()
    receipt.delivered = True
    result = sent(parcel("a", receipts={"a": receipt}), SteeredSink(sinks.REJECTED))
    assert result == Dispatched(sinks.REJECTED, lost=Counter({REJECTED: 1}))
    assert receipt.delivered is False


@pytest.mark.parametrize(("said", "refused"), [(2, 2), (3, 3), (99, 3)])
def test_partial_success(said: int, refused: int) -> None:
    """Spans that a collector refused of a request that it took are lost; never more than it got."""
    outcome = Outcome(Verdict.DELIVERED, "refused some", said)
    receipt = Receipt()
    receipt.delivered = True
    result = sent(parcel("a", "b", "c", receipts={"a": receipt}), SteeredSink(outcome))
    assert result == Dispatched(outcome, 3 - refused, Counter({REFUSED: refused}), accepted=True)
    assert receipt.delivered is False


def test_what_is_too_large_is_halved() -> None:
    """Above the bound of a collector a parcel goes in halves, in order, down to what it takes."""
    sink = SteeredSink(judge=lambda names, size: TOO_LARGE if len(names) > 2 else DELIVERED)
    result = sent(parcel(*"abcdefg"), sink)
    assert (result.delivered, result.rest) == (7, [])
    taken = [names for names in sink.batches if len(names) <= 2]
    assert [name for names in taken for name in names] == list("abcdefg")
    assert len(sink.batches) <= 2 * 7


def test_a_span_that_is_too_large_is_cut() -> None:
    """A single span is cut until it fits, is still the same span, and arrives."""
    sink = SteeredSink(judge=lambda names, size: TOO_LARGE if size > 5_000 else DELIVERED)
    receipt = Receipt()
    result = sent(parcel("a", "large", "b", text="x" * 50_000, receipts={"large": receipt}), sink)
    assert (result.delivered, result.lost, result.rest) == (3, Counter(), [])
    assert receipt.wait(0.0) is True
    assert sink.batches[-1] == ["b"]
    assert len(sink.batches) < 30


def test_a_span_that_is_too_large_at_its_minimum() -> None:
    """What cannot be cut any more is lost with a reason, its neighbours are delivered."""
    sink = SteeredSink(judge=lambda names, size: TOO_LARGE if "b" in names else DELIVERED)
    receipt = Receipt()
    receipt.delivered = True
    result = sent(parcel("a", "b", "c", text="x" * 9_000, receipts={"b": receipt}), sink)
    assert (result.delivered, result.lost, result.rest) == (2, Counter({AS_TOO_LARGE: 1}), [])
    assert receipt.delivered is False


@pytest.mark.parametrize("outcome", [LATER, STAYS])
def test_a_failure_in_the_middle_of_halving(outcome: Outcome) -> None:
    """What was taken is delivered; the rest stays in order, and no further request is made."""
    sink = SteeredSink(TOO_LARGE, TOO_LARGE, DELIVERED, outcome)
    result = sent(parcel(*"abcdefgh"), sink)
    assert sink.batches == [list("abcdefgh"), list("abcd"), ["a", "b"], ["c", "d"]]
    assert kept(result) == [["c", "d"], list("efgh")]
    assert (result.outcome, result.delivered, result.accepted) == (outcome, 2, True)


@pytest.mark.parametrize("outcome", [LATER, STAYS])
def test_a_failure_in_the_middle_of_bisecting(outcome: Outcome) -> None:
    """What was not judged yet stays in order, and is remembered as doubtful."""
    sink = SteeredSink(MALFORMED, DELIVERED, MALFORMED, outcome)
    result = sent(parcel(*"abcdefgh"), sink)
    assert sink.batches == [list("abcdefgh"), list("abcd"), list("efgh"), ["e", "f"]]
    assert kept(result) == [["e", "f"], ["g", "h"]]
    assert (result.outcome, result.delivered, result.lost) == (outcome, 4, Counter())
    assert [part.refused_at for part in result.rest] == [0, 0]


def test_a_part_keeps_whose_it_is() -> None:
    """Parts of what another process left are not ours."""
    one = parcel(*"abcd")
    one.is_own, one.file = False, "a file"
    result = sent(one, SteeredSink(MALFORMED, LATER))
    assert [(part.is_own, part.file) for part in result.rest] == [(False, None)] * 2


@pytest.mark.parametrize("bad", [0, 100, 255, 256, 511])
def test_one_bad_span_among_many(bad: int) -> None:
    """One span that a collector cannot read costs few requests, and none of its 511 neighbours."""
    sink, receipts = SteeredSink(judge=refusing(str(bad))), {str(bad): Receipt(), "17": Receipt()}
    receipts[str(bad)].delivered = True
    result = sent(parcel(*MANY, receipts=receipts), sink)
    assert (result.delivered, result.lost, result.rest) == (511, Counter({AS_MALFORMED: 1}), [])
    assert receipts["17"].wait(0.0) is True
    assert receipts[str(bad)].delivered is False
    assert len(sink.batches) <= 2 * log2(512) + 2


def until_settled(one: Parcel, sink: SteeredSink, most: int) -> tuple[int, Counter[str], list[Parcel]]:
    """Dispatch again what stays, as an outbox does, at most so often; returns what became of it."""
    delivered, lost, waiting = 0, Counter[str](), [one]
    for _ in range(most):
        if not waiting:
            break
        result = sent(waiting.pop(0), sink)
        delivered += result.delivered
        lost.update(result.lost)
        waiting += result.rest
    return delivered, lost, waiting


@pytest.mark.parametrize("bad", [(0, 1), (0, 511), (255, 256), (3, 130), (0, 128, 256, 384), (9, 10, 11, 12)])
def test_a_few_bad_spans_among_many(bad: tuple[int, ...]) -> None:
    """Each of them is lost, none of their neighbours, in a bounded number of requests."""
    names = [str(number) for number in bad]
    sink = SteeredSink(judge=refusing(*names))
    delivered, lost, rest = until_settled(parcel(*MANY), sink, 12)
    assert (delivered, lost, rest) == (512 - len(bad), Counter({AS_MALFORMED: len(bad)}), [])
    assert len(sink.batches) <= 2 * len(bad) * log2(512) + 12


@given(st.lists(st.booleans(), min_size=1, max_size=24))
def test_bad_spans_anywhere(good: list[bool]) -> None:
    """Wherever they are: what is good is delivered, what is bad is lost, but only beside something good."""
    names = [str(number) for number in range(len(good))]
    bad = {name for name, is_good in zip(names, good, strict=True) if not is_good}
    sink = SteeredSink(judge=refusing(*bad))
    delivered, lost, rest = until_settled(parcel(*names), sink, 200)
    left = sum(part.spans for part in rest)
    assert delivered == sum(good)
    if any(good):
        assert (lost.total(), left) == (len(bad), 0)
    else:
        assert (lost.total(), left) == (0, len(bad))


@pytest.mark.parametrize("spans", [1, 2, 3, 5, 512])
def test_a_collector_that_refuses_everything(spans: int) -> None:
    """It loses nothing, gets a few requests only, and all stays."""
    sink, names = SteeredSink(MALFORMED), MANY[:spans]
    result = sent(parcel(*names), sink)
    assert len(sink.batches) <= 5
    assert sorted(name for part in kept(result) for name in part) == sorted(names)
    assert (result.outcome, result.lost, result.accepted) == (MALFORMED, Counter(), False)


def test_a_collector_that_keeps_refusing_everything() -> None:
    """Asked again and again it loses nothing either."""
    sink = SteeredSink(MALFORMED)
    delivered, lost, rest = until_settled(parcel(*MANY[:16]), sink, 300)
    assert (delivered, lost) == (0, Counter())
    assert sum(part.spans for part in rest) == 16


def test_a_single_refused_span_waits_for_a_witness() -> None:
    """Alone it stays however often it is refused; once the collector took something else it is lost."""
    sink = SteeredSink(judge=refusing("bad"))
    one = parcel("bad")
    for _ in range(3):
        result = sent(one, sink)
        assert (result.rest, result.lost, one.refused_at) == ([one], Counter(), 0)
    assert sent(parcel("good"), sink).delivered == 1
    assert sent(one, sink) == Dispatched(MALFORMED, lost=Counter({AS_MALFORMED: 1}))


def test_what_was_taken_before_is_no_witness() -> None:
    """A collector that has just begun to refuse everything says nothing of a span."""
    sink = SteeredSink(DELIVERED, MALFORMED)
    sent(parcel("good"), sink)
    one = parcel("not bad")
    assert sent(one, sink).rest == [one]
    assert sent(one, sink).rest == [one]


def test_a_span_that_was_not_bad_after_all() -> None:
    """One that was refused once and is taken later is delivered."""
    sink = SteeredSink(MALFORMED, DELIVERED)
    one = parcel("a")
    assert sent(one, sink).rest == [one]
    assert sent(one, sink) == Dispatched(DELIVERED, delivered=1, accepted=True)


def test_too_large_and_malformed_at_once() -> None:
    """A collector with a bound on size and a dislike for one span gets all the others."""

    def judge(names: list[str], size: int) -> Outcome:
        if len(names) > 8:
            return TOO_LARGE
        return MALFORMED if "33" in names else DELIVERED

    sink = SteeredSink(judge=judge)
    delivered, lost, rest = until_settled(parcel(*MANY[:64]), sink, 5)
    assert (delivered, lost, rest) == (63, Counter({AS_MALFORMED: 1}), [])


OUTCOMES = st.sampled_from(
    [DELIVERED, LATER, STAYS, MALFORMED, TOO_LARGE, Outcome(Verdict.DELIVERED, "refused", 1)]
)


@given(st.integers(1, 12), st.lists(OUTCOMES, min_size=1, max_size=40))
def test_any_answers_in_any_order(spans: int, outcomes: list[Outcome]) -> None:
    """Whatever a collector answers, each span is delivered, lost with a reason, or kept, in few requests."""
    names = MANY[:spans]
    sink = SteeredSink(*outcomes)
    result = sent(parcel(*names), sink)
    kept_names = [name for part in kept(result) for name in part]
    assert len(kept_names) == len(set(kept_names))
    assert set(kept_names) <= set(names)
    assert len(sink.batches) <= 4 * spans * (1 + ceil(log2(spans + 1))) + 5
    halting = [outcome for outcome in outcomes if outcome.verdict in {Verdict.LATER, Verdict.STAYS}]
    if not halting:
        assert MALFORMED in outcomes or result.rest == []
