"""Moments: what the caller says of time, and a clock that a change of the wall clock cannot bend."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Final

_NANOSECONDS: Final = 1_000_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Moment = datetime | float
"""An aware `datetime`, or seconds since the Unix epoch."""


def nanoseconds(name: str, moment: Moment | None) -> int | None:
    """Return a moment as nanoseconds since the Unix epoch.

    Raises:
        TypeError: for anything but a datetime, a number or None.
        ValueError: for a datetime without time zone, or a number that is negative or not finite.
    """
    if moment is None:
        return None
    if isinstance(moment, datetime):
        if moment.tzinfo is None:
            raise ValueError(
                f"{name} must be an aware datetime: got {moment!r} without time zone; "
                "use datetime.now(tz=UTC)"
            )
        return (moment - _EPOCH) // timedelta(microseconds=1) * 1_000
    if isinstance(moment, bool) or not isinstance(moment, (int, float)):
        raise TypeError(
            f"{name} must be an aware datetime or seconds since the epoch: got {type(moment).__name__}; "
            "pass datetime.now(tz=UTC) or time.time()"
        )
    if not isfinite(moment) or not 0 <= moment < 1 << 33:
        raise ValueError(f"{name} must be seconds since the epoch: got {moment!r}; pass time.time()")
    # A product of floats would lose the last hundred nanoseconds of exact fractions.
    whole = int(moment)
    return whole * _NANOSECONDS + round((moment - whole) * _NANOSECONDS)


class Clock:
    """Tell the end of a span from its start by the monotonic clock."""

    __slots__ = ("_monotonic", "start")

    def __init__(self, start: int | None = None) -> None:
        self._monotonic: int | None = time.monotonic_ns() if start is None else None
        self.start: int = time.time_ns() if start is None else start

    def end(self, given: int | None = None) -> int:
        """Return the end in nanoseconds since the epoch: given or now, never before the start."""
        if given is None and self._monotonic is not None:
            return self.start + time.monotonic_ns() - self._monotonic
        return max(self.start, time.time_ns() if given is None else given)
