"""When the next attempt may be made."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextcompany.delivery.outbox.schedule import Schedule
from contextcompany.delivery.wire.outcomes import Outcome, Verdict
from tests.delivery.sinks import LATER, MALFORMED, STAYS

NOW = 1_000.0
HOUR = 3_600.0


def asked(seconds: float) -> Outcome:
    """Return the outcome of an answer that asks to be left alone."""
    return Outcome(Verdict.LATER, "busy", retry_after=seconds)


def attempts(outcome: Outcome, seconds: float) -> int:
    """Return how many attempts are made in so many seconds if all end the same way."""
    schedule, now, made = Schedule(), NOW, 0
    while now < NOW + seconds and made < 10_000:
        made += 1
        schedule.failed(outcome, now)
        now += schedule.wait(now)
    return made


def test_nothing_has_failed_yet() -> None:
    """At the beginning an attempt may be made at once."""
    schedule = Schedule()
    assert schedule.wait(NOW) == 0.0
    assert (schedule.attempts_failed, schedule.is_failing, schedule.is_stuck) == (0, False, False)


@pytest.mark.parametrize(("outcome", "most"), [(LATER, 30.0), (MALFORMED, 5.0)])
def test_the_backoff_doubles_up_to_a_bound(outcome: Outcome, most: float) -> None:
    """It begins with 100 ms, doubles with each failure, ends at its bound, and has half of it as jitter."""
    schedule = Schedule()
    for number in range(40):
        schedule.failed(outcome, NOW)
        step = min(0.1 * 2**number, most)
        assert 0.5 * step <= schedule.wait(NOW) <= step


def test_the_backoff_has_jitter() -> None:
    """Processes that failed together do not come back together."""
    waits: set[float] = set()
    for _ in range(20):
        schedule = Schedule()
        schedule.failed(LATER, NOW)
        waits.add(schedule.wait(NOW))
    assert len(waits) > 10


def test_time_passes() -> None:
    """The wait grows shorter with the time and never falls below nothing."""
    schedule = Schedule()
    schedule.failed(STAYS, NOW)
    assert schedule.wait(NOW + 299.0) == 1.0
    assert schedule.wait(NOW + 300.0) == 0.0
    assert schedule.wait(NOW + 1e9) == 0.0


def test_a_refusal_for_good_waits_five_minutes() -> None:
    """What waiting a little does not mend is tried again after 5 minutes."""
    schedule = Schedule()
    assert schedule.failed(STAYS, NOW) is True
    assert schedule.wait(NOW) == 300.0
    assert (schedule.is_failing, schedule.is_stuck) == (True, True)


def test_the_wish_of_the_collector_counts() -> None:
    """Retry-After is kept, also by who is in a hurry."""
    schedule = Schedule()
    schedule.failed(asked(17.0), NOW)
    assert schedule.wait(NOW) == 17.0
    schedule.hurry()
    assert schedule.wait(NOW) == 17.0
    assert schedule.wait(NOW + 17.0) == 0.0


def test_an_answer_ends_the_wish() -> None:
    """When a request was taken nothing is waited for any more."""
    schedule = Schedule()
    schedule.failed(asked(17.0), NOW)
    assert schedule.succeeded() is True
    assert schedule.wait(NOW) == 0.0


@pytest.mark.parametrize("outcome", [LATER, MALFORMED, STAYS])
def test_hurry_allows_one_attempt(outcome: Outcome) -> None:
    """Who is in a hurry may try at once, once: after a further failure the backoff begins anew."""
    schedule = Schedule()
    for _ in range(20):
        schedule.failed(outcome, NOW)
    schedule.hurry()
    assert schedule.wait(NOW) == 0.0
    assert schedule.is_failing
    schedule.failed(outcome, NOW)
    assert 0.05 <= schedule.wait(NOW) <= (300.0 if outcome is STAYS else 0.1)


@pytest.mark.parametrize(
    ("outcome", "most"),
    [(LATER, 4 * 60 + 10), (STAYS, 12), (asked(60.0), 60), (asked(1.0), 3_600)],
    ids=["no answer", "refused", "a minute", "a second"],
)
def test_a_dead_collector_costs_next_to_nothing(outcome: Outcome, most: int) -> None:
    """In an hour of failures few attempts are made."""
    assert attempts(outcome, HOUR) <= most


@pytest.mark.parametrize("seconds", [0.0, 1e-9])
def test_a_wish_for_no_pause_is_no_hot_loop(seconds: float) -> None:
    """A collector that fails and asks for no pause at all, or names a moment in the past, is not hammered."""
    assert attempts(asked(seconds), HOUR) <= 4 * 60 + 20


OUTCOMES = st.sampled_from([LATER, MALFORMED, STAYS, asked(0.5), asked(60.0)])
EVENTS = st.lists(st.tuples(st.sampled_from(["failed", "succeeded", "hurry"]), OUTCOMES, st.floats(0, 400)))


@given(EVENTS)
def test_any_history(events: list[tuple[str, Outcome, float]]) -> None:
    """Whatever happened: the wait is bounded, each beginning and end of failure told once, all counted."""
    schedule, now = Schedule(), NOW
    failing, failed, until = False, 0, 0.0
    for event, outcome, later in events:
        now += later
        if event == "failed":
            assert schedule.failed(outcome, now) is (not failing)
            failing, failed = True, failed + 1
            until = now + outcome.retry_after if outcome.retry_after is not None else until
        elif event == "succeeded":
            assert schedule.succeeded() is failing
            failing, until = False, 0.0
        else:
            schedule.hurry()
        assert max(until - now, 0.0) <= schedule.wait(now) <= 300.0 + 1e-6  # sums of floats
        assert (schedule.is_failing, schedule.attempts_failed) == (failing, failed)
        assert schedule.is_stuck <= failing
        assert failing or schedule.wait(now) == 0.0


def test_the_repr_tells_the_state() -> None:
    """A debugger shows whether it is failing, and for how long."""
    schedule = Schedule()
    assert repr(schedule) == "Schedule(healthy, in a row: 0)"
    schedule.failed(LATER, NOW)
    assert repr(schedule) == "Schedule(failing, in a row: 1)"
