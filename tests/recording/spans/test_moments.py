"""Time: what the caller says of it, and what the clocks of the machine do to it."""

from __future__ import annotations

import datetime
import math
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import contextcompany as tcc
from contextcompany.recording.spans.moments import Clock, nanoseconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from contextcompany.testing import Captured

SECOND = 1_000_000_000
BEGAN, ENDED = 1_700_000_000.25, 1_700_000_002.5
AWARE = datetime.datetime(2023, 11, 14, 23, 13, 20, 250_000, datetime.timezone(datetime.timedelta(hours=1)))
NAIVE = datetime.datetime(2023, 11, 14, 23, 13, 20)  # noqa: DTZ001  (what is refused)


def times_of(captured: Captured) -> list[tuple[int | None, int | None]]:
    """Return start and end of all spans in nanoseconds."""
    return [(span.start_time, span.end_time) for span in captured.spans]


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (None, None),
        (BEGAN, 1_700_000_000_250_000_000),
        (1_700_000_000, 1_700_000_000_000_000_000),
        (AWARE, 1_700_000_000_250_000_000),
        (0.0, 0),
    ],
    ids=["none", "float", "int", "aware", "epoch"],
)
def test_moments_become_nanoseconds(moment: float | datetime.datetime | None, expected: int | None) -> None:
    """Rule 12: an aware datetime of any zone and epoch seconds name the same moments."""
    assert nanoseconds("start_time", moment) == expected


@given(st.floats(min_value=0, max_value=2**33 - 1))
def test_a_moment_loses_less_than_a_microsecond(moment: float) -> None:
    """Rule 12: epoch seconds keep what a float of today's times can hold."""
    found = nanoseconds("start_time", moment)
    assert found is not None
    assert abs(found / SECOND - moment) < 1e-6


@pytest.mark.parametrize(
    ("moment", "error"),
    [
        (NAIVE, ValueError),
        (math.nan, ValueError),
        (math.inf, ValueError),
        (-1.0, ValueError),
        (1.7e18, ValueError),
        ("2023-11-14", TypeError),
        (True, TypeError),
        (datetime.date(2023, 11, 14), TypeError),
    ],
    ids=["naive", "nan", "inf", "negative", "nanoseconds", "text", "bool", "date"],
)
def test_what_is_no_moment_raises(moment: Any, error: type[Exception]) -> None:
    """Rule 9: a time that is none says what it must be, what it got, and what to pass."""
    with pytest.raises(error, match=r"^start_time must be .*: got .*; (use|pass) "):
        nanoseconds("start_time", moment)


def test_start_and_end_are_recorded_as_given(captured: Captured) -> None:
    """Rule 12: `start_time` and `end_time` record what happened earlier, on runs, steps and tool calls."""
    r = tcc.run(start_time=BEGAN).prompt("p")
    r.step(start_time=BEGAN).prompt("q").response("a").end(end_time=ENDED)
    tcc.step(r.run_id, start_time=AWARE).error("x", end_time=ENDED)
    r.tool_call("t", start_time=AWARE).end(end_time=ENDED)
    tcc.tool_call(r.run_id, tool_name="t", start_time=BEGAN).error(end_time=ENDED)
    r.end(end_time=datetime.datetime.fromtimestamp(ENDED, datetime.UTC))
    assert times_of(captured) == [(1_700_000_000_250_000_000, 1_700_000_002_500_000_000)] * 5


def test_an_end_before_the_start_becomes_the_start(captured: Captured) -> None:
    """Rule 12: an end never precedes its start, whatever the caller says."""
    tcc.run(start_time=ENDED).prompt("p").end(end_time=BEGAN)
    tcc.run().prompt("p").end(end_time=1.0)
    tcc.run(start_time=time.time() + 3600).prompt("p").end()
    assert [end == start for start, end in times_of(captured)] == [True, True, True]


def test_a_start_given_without_an_end_ends_now(captured: Captured) -> None:
    """Rule 12: a run that began earlier and ends now lasted until now."""
    before = time.time_ns()
    tcc.run(start_time=BEGAN).prompt("p").end()
    ((_, end),) = times_of(captured)
    assert end is not None
    assert before <= end <= time.time_ns()


@pytest.mark.parametrize("finish", ["end", "error"])
def test_a_bad_end_time_leaves_the_handle_open(captured: Captured, finish: str) -> None:
    """Rule 9: an end time that is none raises before anything ends."""
    r = tcc.run().prompt("p")
    with pytest.raises(ValueError, match="end_time must be an aware datetime"):
        getattr(r, finish)(end_time=NAIVE)
    assert captured.spans == ()
    r.end()
    assert len(captured.spans) == 1


@pytest.mark.parametrize("jump", [-3600 * SECOND, 3600 * SECOND], ids=["back", "ahead"])
def test_the_wall_clock_cannot_bend_a_duration(
    captured: Captured, monkeypatch: pytest.MonkeyPatch, jump: int
) -> None:
    """Rule 12: durations come from the monotonic clock, so a wall clock that is set does not show."""
    real = time.time_ns
    began = time.monotonic_ns()
    with tcc.run() as r:
        monkeypatch.setattr(time, "time_ns", lambda: real() + jump)
        r.prompt("p")
    took = time.monotonic_ns() - began
    monkeypatch.undo()
    ((start, end),) = times_of(captured)
    assert start is not None
    assert end is not None
    assert 0 <= end - start <= took


@given(st.none() | st.integers(0, 2**63), st.none() | st.integers(0, 2**63))
def test_a_clock_never_ends_before_it_started(start: int | None, end: int | None) -> None:
    """Rule 12: whatever is given, the end is the given one or now, and never before the start."""
    clock = Clock(start)
    found = clock.end(end)
    assert found >= clock.start
    if end is not None:
        assert found == max(clock.start, end)


@pytest.mark.parametrize(
    "make",
    [
        lambda moment: tcc.run(start_time=moment),
        lambda moment: tcc.step("run-1", start_time=moment),
        lambda moment: tcc.tool_call("run-1", start_time=moment),
    ],
    ids=["run", "step", "tool_call"],
)
def test_a_bad_start_time_starts_nothing(captured: Captured, make: Callable[[Any], object]) -> None:
    """Rule 9: a start time that is none raises and leaves no open handle behind."""
    before = tcc.stats().open_handles
    with pytest.raises(ValueError, match="start_time must be an aware datetime"):
        make(NAIVE)
    assert (captured.spans, tcc.stats().open_handles) == ((), before)
