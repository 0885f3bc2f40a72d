"""Figures over time as columns: where each stands and how high, ready for a template to draw as SVG.

Places across are percentages and heights are pixels, so that a chart fills any width and its text keeps its
size.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from contextcompany.local.dashboard.frame.formatting import NONE, cost_text, count_text, moment, rate_text
from contextcompany.local.reading.figures import duration_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from contextcompany.local.store.rows import Bucket, Overview

TOP: Final = 16
"""Where the plot begins, in pixels from the top; above it stands the value of the highest line."""
PLOT: Final = 92
"""How high the plot is."""
HEIGHT: Final = TOP + PLOT + 22
"""How high a chart is, the names of times below it included."""

# A round number needs no zeros after the point: `20.0 s` is `20 s`.
_TRAILING_ZEROS: Final = re.compile(r"\.0+(?=\D|$)")
# Less is nothing, to an axis.
_LEAST_VALUE: Final = 1e-9
_LEAST_HEIGHT: Final = 1.5
_NS: Final = 1_000_000_000
_DAY: Final = 86_400
_MOST_TICKS: Final = 6
_STEPS: Final = (
    *(minutes * 60 for minutes in (1, 5, 10, 15, 30, 60, 120, 180, 360, 720)),
    *(days * _DAY for days in (1, 2, 7, 14, 28, 91, 182, 364, 3_640, 36_400)),
)
# The name of a time needs this much room, in percent, so that it is not cut off.
_LEAST_ROOM: Final = 4.0
_GAP: Final = 0.22
_MINUTE_NS: Final = 60 * _NS
_DAY_NS: Final = _DAY * _NS
_NS_PER_MS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of a column; `kind` names its colour."""

    kind: str
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Column:
    """What one stretch of time shows; `from_x` and `span` are the whole stretch, for the pointer."""

    x: float
    width: float
    from_x: float
    span: float
    segments: tuple[Segment, ...]
    title: str
    href: str


@dataclass(frozen=True, slots=True)
class Tick:
    """The name of a time under the chart."""

    x: float
    anchor: str
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart: a heading with the figure for the whole, and a column for each stretch of time."""

    name: str
    figure: str
    note: str
    summary: str
    legend: tuple[tuple[str, str], ...]
    columns: tuple[Column, ...]
    ticks: tuple[Tick, ...]
    baseline: float
    top_label: str
    bottom_label: str = ""


@dataclass(frozen=True, slots=True)
class Measure:
    """What a chart shows of each stretch of time.

    Args:
        kinds: The parts of a column from below, each with its kind and its name.
        values: The heights of these parts.
        says: What the columns says in words.
        label: Writes the value of the highest line.
        at_least: What the highest line stands for at least.
        at_most: What it stands for at most.
    """

    kinds: tuple[tuple[str, str], ...]
    values: Callable[[Bucket], tuple[float, ...]]
    says: Callable[[Bucket], str]
    label: Callable[[float], str]
    at_least: float = 0.0
    at_most: float = math.inf


_RUNS: Final = Measure(
    (("ok", "Finished"), ("failed", "Failed")),
    lambda bucket: (bucket.runs - bucket.failed, bucket.failed),
    lambda bucket: f"{bucket.runs:,} {'run' if bucket.runs == 1 else 'runs'}, {bucket.failed:,} failed",
    lambda most: count_text(round(most)),
    at_least=4.0,
)
_ERRORS: Final = Measure(
    (("failed", "Failed"),),
    lambda bucket: (bucket.failed / bucket.runs if bucket.runs else 0.0,),
    lambda bucket: f"{rate_text(bucket.failed, bucket.runs)} failed",
    lambda most: f"{most:.0%}",
    at_least=0.1,
    at_most=1.0,
)
_DURATIONS: Final = Measure(
    (("p50", "Median"), ("p95", "95th percentile")),
    lambda bucket: (bucket.p50_ns / _NS_PER_MS, (bucket.p95_ns - bucket.p50_ns) / _NS_PER_MS),
    lambda bucket: f"median {duration_text(bucket.p50_ns)}, 95% within {duration_text(bucket.p95_ns)}",
    lambda most: duration_text(round(most * _NS_PER_MS)),
)
_TOKENS: Final = Measure(
    (("input", "In"), ("output", "Out")),
    lambda bucket: (bucket.input_tokens, bucket.output_tokens),
    lambda bucket: f"{bucket.input_tokens:,} tokens in, {bucket.output_tokens:,} out",
    lambda most: count_text(round(most)),
)
_COSTS: Final = Measure(
    (("cost", "USD"),), lambda bucket: (bucket.cost,), lambda bucket: cost_text(bucket.cost), cost_text
)
_FEEDBACK: Final = Measure(
    (("up", "Thumbs up"), ("down", "Thumbs down")),
    lambda bucket: (bucket.thumbs_up, bucket.thumbs_down),
    lambda bucket: f"{bucket.thumbs_up:,} thumbs up, {bucket.thumbs_down:,} down",
    lambda most: count_text(round(most)),
    at_least=4.0,
)


def overview_charts(overview: Overview, href: Callable[[Bucket], str]) -> tuple[Chart, ...]:
    """Make the charts of an overview; `href` gives the address of the runs of a stretch."""
    total = overview.total
    runs, thumbs = total.runs, total.thumbs_up + total.thumbs_down
    failed = "none failed" if runs else ""
    headed = (
        (_RUNS, "Runs", count_text(runs), f"{count_text(total.failed)} failed" if total.failed else failed),
        (
            _ERRORS,
            "Error rate",
            rate_text(total.failed, runs),
            f"{count_text(total.failed)} of {count_text(runs)} runs failed",
        ),
        (
            _DURATIONS,
            "Duration",
            duration_text(total.p50_ns) if runs else NONE,
            f"95% within {duration_text(total.p95_ns)}" if runs else "",
        ),
        (
            _TOKENS,
            "Tokens",
            count_text(total.input_tokens + total.output_tokens),
            f"{count_text(total.input_tokens)} in, {count_text(total.output_tokens)} out",
        ),
        (_COSTS, "Cost", cost_text(total.cost), f"{cost_text(total.cost / runs)} a run" if runs else ""),
        (
            _FEEDBACK,
            "Feedback",
            rate_text(total.thumbs_up, thumbs),
            f"{count_text(total.thumbs_up)} up, {count_text(total.thumbs_down)} down"
            if thumbs
            else "none yet",
        ),
    )
    return tuple(
        _chart(measure, (name, figure, note), overview.buckets, href)
        for measure, name, figure, note in headed
    )


def stretch_text(bucket: Bucket) -> str:
    """Write a stretch of time: `12 May 14:00 to 14:30`, days by their dates."""
    start, end = moment(bucket.start_ns), moment(bucket.end_ns)
    length = bucket.end_ns - bucket.start_ns
    if length >= _DAY_NS and not (start.hour or start.minute):
        return f"{_date(start)}" if length == _DAY_NS else f"{_date(start)} to {_date(end)}"
    clock = "%H:%M" if length >= _MINUTE_NS else "%H:%M:%S"
    until = f"{end:{clock}}" if start.date() == end.date() else f"{_date(end)} {end:{clock}}"
    return f"{_date(start)} {start:{clock}} to {until}"


def nice_ceiling(value: float) -> float:
    """Return the next number up of 1, 2, 2.5, 5 or 10 times a power of ten; 1 for nothing."""
    if not _LEAST_VALUE < value < math.inf:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    for step in (1.0, 2.0, 2.5, 5.0):
        # A hair more, since 0.3 / 0.1 is not quite 3.
        if value <= step * power * (1 + 1e-9):
            return step * power
    return 10.0 * power


def _chart(
    measure: Measure, head: tuple[str, str, str], buckets: Sequence[Bucket], href: Callable[[Bucket], str]
) -> Chart:
    apart = measure is _FEEDBACK
    heights = [max(measure.values(bucket)) if apart else sum(measure.values(bucket)) for bucket in buckets]
    most = min(nice_ceiling(max([measure.at_least, *heights])), measure.at_most)
    room = PLOT / 2 if apart else float(PLOT)
    base = TOP + room

    def segments(bucket: Bucket) -> tuple[Segment, ...]:
        found: list[Segment] = []
        y = base
        for (kind, _), value in zip(measure.kinds, measure.values(bucket), strict=True):
            if value > 0:
                height = max(value / most * room, _LEAST_HEIGHT)
                # Thumbs down hang from the line that thumbs up stand on.
                place = base if kind == "down" else y - height
                found.append(Segment(kind, round(place, 2), round(height, 2)))
                y -= height
        return tuple(found)

    label = _TRAILING_ZEROS.sub("", measure.label(most))
    return Chart(
        *head,
        _summary(measure, head, buckets),
        measure.kinds,
        _columns(buckets, segments, measure.says, href),
        _ticks(buckets),
        base,
        label,
        label if apart else "",
    )


def _columns(
    buckets: Sequence[Bucket],
    segments: Callable[[Bucket], tuple[Segment, ...]],
    says: Callable[[Bucket], str],
    href: Callable[[Bucket], str],
) -> tuple[Column, ...]:
    span = 100 / max(1, len(buckets))
    return tuple(
        Column(
            round((place + _GAP / 2) * span, 3),
            round(span * (1 - _GAP), 3),
            round(place * span, 3),
            round(span, 3),
            segments(bucket),
            f"{stretch_text(bucket)}: {says(bucket)}",
            href(bucket),
        )
        for place, bucket in enumerate(buckets)
        if bucket.runs
    )


def _ticks(buckets: Sequence[Bucket]) -> tuple[Tick, ...]:
    """Name a few round times: full hours or days of the zone of this machine."""
    if not buckets:
        return ()
    first, last = buckets[0].start_ns // _NS, buckets[-1].end_ns // _NS
    whole = max(1, last - first)
    step = next((step for step in _STEPS if whole / step <= _MOST_TICKS), whole)
    found: list[Tick] = []
    # Zones are off by hours, and by another number of them after a change of the clocks.
    for seconds in range(first - first % step - _DAY, last + _DAY, step):
        at = moment(seconds * _NS)
        offset = at.utcoffset() or timedelta()
        shown = seconds - int(offset.total_seconds())
        x = round((shown - first) / whole * 100, 3)
        if 0 <= x <= 100 - _LEAST_ROOM:
            anchor = "start" if x < _LEAST_ROOM else "middle"
            found.append(Tick(x, anchor, _tick_text(moment(shown * _NS), step)))
    return tuple(found)


def _tick_text(at: datetime, step: int) -> str:
    return f"{at:%H:%M}" if step < _DAY and (at.hour or at.minute) else _date(at)


def _date(at: datetime) -> str:
    return f"{at.day} {at:%b}"


def _summary(measure: Measure, head: tuple[str, str, str], buckets: Sequence[Bucket]) -> str:
    """Tell what the chart shows to those who do not see it."""
    name, figure, note = head
    told = f"{name}: {figure}{', ' + note if note else ''}."
    most = max(buckets, key=lambda bucket: sum(measure.values(bucket)), default=None)
    return (
        told if most is None or not most.runs else f"{told} Most {stretch_text(most)}: {measure.says(most)}."
    )
