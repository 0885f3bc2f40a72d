"""Charts: columns stay in the plot and say what they show."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextcompany.local.dashboard.frame.charts import (
    HEIGHT,
    PLOT,
    TOP,
    nice_ceiling,
    overview_charts,
    stretch_text,
)
from contextcompany.local.store.rows import Bucket, Overview

_S = 1_000_000_000
_HOUR = 3_600 * _S
_NOON = int(datetime(2026, 5, 1, 12, tzinfo=UTC).timestamp()) * _S

_counts = st.integers(0, 2**62)


@st.composite
def _buckets(draw: st.DrawFn) -> Bucket:
    runs = draw(_counts)
    p50 = draw(_counts)
    return Bucket(
        _NOON,
        _NOON + _HOUR,
        runs,
        draw(st.integers(0, runs)),
        p50,
        draw(st.integers(p50, 2**62)),
        draw(_counts),
        draw(_counts),
        draw(st.floats(0, 1e300)),
        draw(_counts),
        draw(_counts),
    )


def _overview(*buckets: Bucket) -> Overview:
    return Overview(
        Bucket(
            _NOON,
            _NOON + _HOUR,
            sum(one.runs for one in buckets),
            sum(one.failed for one in buckets),
        ),
        buckets,
    )


def _href(bucket: Bucket) -> str:
    return f"/runs?from={bucket.start_ns}"


@pytest.mark.parametrize(
    ("value", "ceiling"),
    [(0, 1), (-3, 1), (float("inf"), 1), (0.3, 0.5), (1, 1), (1.01, 2), (2.2, 2.5), (36, 50), (501, 1000)],
)
def test_axes_end_at_round_numbers(value: float, ceiling: float) -> None:
    """An axis ends at the next round number."""
    assert nice_ceiling(value) == pytest.approx(ceiling)


@given(st.lists(_buckets(), max_size=60))
def test_columns_stay_in_the_plot(buckets: list[Bucket]) -> None:
    """Whatever the figures are, nothing is drawn outside of the chart."""
    for chart in overview_charts(_overview(*buckets), _href):
        assert chart.summary.startswith(f"{chart.name}: ")
        assert len(chart.ticks) <= 9
        for column in chart.columns:
            assert 0 <= column.from_x <= column.x <= column.x + column.width <= 100.01
            for segment in column.segments:
                # The least that is seen may stand a little above its share.
                assert TOP - 4 <= segment.y <= segment.y + segment.height <= TOP + PLOT + 0.1 < HEIGHT


def test_failed_runs_stand_on_the_others() -> None:
    """A column is as high as its runs, and its upper part those that failed."""
    chart = overview_charts(_overview(Bucket(_NOON, _NOON + _HOUR, runs=100, failed=25)), _href)[0]
    (column,) = chart.columns
    ok, failed = column.segments
    assert (ok.kind, failed.kind) == ("ok", "failed")
    assert ok.height == pytest.approx(PLOT * 0.75)
    assert failed.height == pytest.approx(PLOT * 0.25)
    assert failed.y + failed.height == pytest.approx(ok.y)
    assert column.href == f"/runs?from={_NOON}"
    assert column.title.endswith(": 100 runs, 25 failed")
    assert chart.top_label == "100"


def test_thumbs_down_hang_from_the_line_that_thumbs_up_stand_on() -> None:
    """Feedback is shown up and down from one line in the middle, of which both ends are named."""
    chart = overview_charts(
        _overview(Bucket(_NOON, _NOON + _HOUR, runs=9, thumbs_up=5, thumbs_down=2)), _href
    )[-1]
    up, down = chart.columns[0].segments
    assert up.y + up.height == pytest.approx(chart.baseline)
    assert down.y == pytest.approx(chart.baseline)
    assert (chart.top_label, chart.bottom_label) == ("5", "5")


def test_a_stretch_without_runs_leads_nowhere() -> None:
    """Empty stretches keep their room, without a column."""
    chart = overview_charts(
        _overview(Bucket(_NOON, _NOON + _HOUR), Bucket(_NOON + _HOUR, _NOON + 2 * _HOUR, runs=1)), _href
    )[0]
    assert [column.from_x for column in chart.columns] == [50]


def test_a_stretch_is_told_by_its_times() -> None:
    """Seconds and hours are told by the clock and days by the date."""
    day = 24 * _HOUR
    midnight = _NOON - _NOON % day
    assert stretch_text(Bucket(_NOON, _NOON + _HOUR)) == "1 May 12:00 to 13:00"
    assert stretch_text(Bucket(_NOON + 5 * _S, _NOON + 10 * _S)) == "1 May 12:00:05 to 12:00:10"
    assert stretch_text(Bucket(midnight, midnight + day)) == "1 May"
    assert stretch_text(Bucket(midnight, midnight + 7 * day)) == "1 May to 8 May"


@pytest.mark.parametrize(
    ("hours", "buckets", "step"),
    [(1, 60, 600), (24, 48, 6 * 3_600), (7 * 24, 56, 2 * 86_400), (90 * 24, 45, 28 * 86_400)],
)
def test_the_times_under_a_chart_are_round(hours: int, buckets: int, step: int) -> None:
    """Names of times stand at even distances, in order, at full minutes, hours or days."""
    length = hours * _HOUR // buckets
    chart = overview_charts(
        _overview(
            *(Bucket(_NOON + place * length, _NOON + (place + 1) * length) for place in range(buckets))
        ),
        _href,
    )[0]
    places = [tick.x for tick in chart.ticks]
    assert 3 <= len(places) <= 6
    assert places == sorted(places)
    # A change of the clocks moves a time by an hour.
    apart = [(after - before) / 100 * hours * 3_600 for before, after in itertools.pairwise(places)]
    assert all(abs(seconds - step) <= 3_600 for seconds in apart)
