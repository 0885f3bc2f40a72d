"""Runs over time: sums and exact percentiles of equal stretches that begin at round times."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from contextcompany.local.store.rows import Bucket, Overview
from contextcompany.local.store.sqlite.asking.conditions import conditions
from contextcompany.local.store.sqlite.asking.durations import nearest_rank, numbers
from contextcompany.local.store.sqlite.asking.finding import Finder

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from contextcompany.local.store.filters import RunFilter
    from contextcompany.local.store.sqlite.asking.conditions import Conditions

_SECOND: Final = 1_000_000_000
_MINUTE: Final = 60 * _SECOND
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_WEEK: Final = 7 * _DAY
# Weeks begin on a Monday; the epoch began on a Thursday.
_MONDAY: Final = 4 * _DAY
_STEPS: Final = (
    *(count * _SECOND for count in (1, 5, 15, 30)),
    *(count * _MINUTE for count in (1, 2, 5, 10, 15, 30)),
    *(count * _HOUR for count in (1, 2, 3, 6, 12)),
    *(count * _DAY for count in (1, 2)),
    *(count * _WEEK for count in (1, 2, 4, 13, 26, 52)),
)
# The largest number of a database.
_LONGEST: Final = 2**63 - 1
_AGE: Final = re.compile(r"\s*\d+\s*[a-z]+\s*", re.ASCII)

_SUMS: Final = (
    "count(*), coalesce(sum(r.status = 'failed'), 0), coalesce(sum(r.input_tokens), 0), "
    "coalesce(sum(r.output_tokens), 0), total(r.cost), coalesce(sum(r.thumbs_up), 0), "
    "coalesce(sum(r.thumbs_down), 0), group_concat(r.end_ns - r.start_ns)"
)
_LIST: Final = "run AS r INDEXED BY run_list"


def overview(connection: sqlite3.Connection, wanted: RunFilter, *, buckets: int = 48) -> Overview:
    """Sum up top-level runs over time.

    The stretches cover what lies between the bounds of the filter. Where it has none, they begin with the
    first run that is here and end with the last, or now if the filter says how long ago they begin.

    Args:
        connection: To the database.
        wanted: Which runs.
        buckets: About how many stretches; up to a quarter more where that makes them round.

    Raises:
        FilterError: A bound is neither a time nor an age.
    """
    found = conditions(wanted)
    first, last = _bounds(connection, wanted, found)
    if first is None or last is None:
        return Overview(Bucket(0, 0), ())
    step, start = _stretches(first, last, max(1, buckets))
    count = (last - start) // step + 1
    if found.all_sets:
        sums = _of_sets(connection, found, start, step)
    else:
        # Each stretch has bounds of its own; beside those of the filter, SQLite would begin at these.
        untimed = conditions(wanted.but(since="", until=""))
        since, until = wanted.bounds_ns()
        begins = [start + number * step for number in range(count)]
        sums = {
            number: _of_stretch(
                connection,
                untimed,
                begin if since is None else max(begin, since),
                begin + step if until is None else min(begin + step, until),
            )
            for number, begin in enumerate(begins)
        }
    durations: list[int] = []
    kept: list[Bucket] = []
    for number in range(count):
        begin = start + number * step
        kept.append(_bucket(begin, begin + step, sums.get(number), durations))
    return Overview(_total(kept, durations), tuple(kept))


def _bounds(
    connection: sqlite3.Connection, wanted: RunFilter, found: Conditions
) -> tuple[int | None, int | None]:
    since, until = wanted.bounds_ns()
    first, last = (
        None if row is None else int(row[0])
        for row in (
            connection.execute(
                # Our own words; values are bound.
                f"SELECT r.start_ns FROM {_LIST} WHERE {found.inline[0]} "
                f"ORDER BY r.start_ns {direction} LIMIT 1"
            ).fetchone()
            for direction in ("ASC", "DESC")
        )
    )
    if since is not None:
        first = since
    if until is not None:
        # The bound itself is no part of what is wanted.
        last = max(until - 1, 0)
    elif since is not None:
        is_age = _AGE.fullmatch(wanted.since) is not None
        last = max(last or 0, since, time.time_ns() if is_age else 0)
    if first is not None and last is not None and first > last:
        first = last
    return first, last


def _stretches(first: int, last: int, wanted: int) -> tuple[int, int]:
    """Choose the length of a stretch, and where the first one begins: at a round time of this machine."""
    most = wanted + wanted // 4
    zone = _zone(last)
    steps = list(_STEPS)
    while True:
        step = steps.pop(0) if len(steps) > 1 else steps[0]
        offset = ((_MONDAY if step >= _WEEK else 0) - zone) % step
        # Steps from there would never hold what came before it.
        offset = offset if offset <= first else 0
        start = (first - offset) // step * step + offset
        if (last - start) // step + 1 <= most:
            return step, start
        if len(steps) == 1 and step == steps[0]:
            steps[0] = 2 * step


def _zone(moment_ns: int) -> int:
    """Tell by how much the clocks of this machine are ahead of UTC, so that days begin at midnight here."""
    try:
        ahead = datetime.fromtimestamp(moment_ns // _SECOND, UTC).astimezone().utcoffset()
    except (OverflowError, ValueError, OSError):
        return 0
    return 0 if ahead is None else int(ahead.total_seconds()) * _SECOND


def _of_stretch(connection: sqlite3.Connection, found: Conditions, first: int, end: int) -> Sequence[Any]:
    sums: Sequence[Any] = connection.execute(
        f"SELECT {_SUMS} FROM {_LIST} WHERE {found.where} AND r.start_ns >= :first AND r.start_ns < :end",
        found.parameters | {"first": max(0, first), "end": min(end, _LONGEST)},
    ).fetchone()
    return sums


def _of_sets(
    connection: sqlite3.Connection, found: Conditions, start: int, step: int
) -> dict[int, Sequence[Any]]:
    finder = Finder(connection, found)
    rows = connection.execute(
        f"SELECT (r.start_ns - :begin) / :step, {_SUMS} {finder.source.rows} GROUP BY 1",
        finder.source.parameters | {"begin": start, "step": min(step, _LONGEST)},
    )
    return {row[0]: tuple(row)[1:] for row in rows}


def _bucket(begin: int, end: int, sums: Sequence[Any] | None, durations: list[int]) -> Bucket:
    if sums is None or not sums[0]:
        return Bucket(begin, end)
    runs, failed, input_tokens, output_tokens, cost, up, down, listed = sums
    own = sorted(numbers(listed))
    durations += own
    return Bucket(
        begin,
        end,
        runs=runs,
        failed=failed,
        p50_ns=nearest_rank(own, 50),
        p95_ns=nearest_rank(own, 95),
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cost=cost,
        thumbs_up=up,
        thumbs_down=down,
    )


def _total(kept: Sequence[Bucket], durations: list[int]) -> Bucket:
    durations.sort()
    return Bucket(
        kept[0].start_ns,
        kept[-1].end_ns,
        runs=sum(bucket.runs for bucket in kept),
        failed=sum(bucket.failed for bucket in kept),
        p50_ns=nearest_rank(durations, 50),
        p95_ns=nearest_rank(durations, 95),
        input_tokens=sum(bucket.input_tokens for bucket in kept),
        output_tokens=sum(bucket.output_tokens for bucket in kept),
        cost=sum(bucket.cost for bucket in kept),
        thumbs_up=sum(bucket.thumbs_up for bucket in kept),
        thumbs_down=sum(bucket.thumbs_down for bucket in kept),
    )
