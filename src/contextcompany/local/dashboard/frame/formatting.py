"""Numbers, times and texts as pages show them."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime
from typing import Final

from contextcompany.local.reading.figures import money_text
from contextcompany.local.reading.preview import one_line

NONE: Final = "\u2013"
"""Stands where there is no figure."""

_NS: Final = 1_000_000_000
_THOUSAND: Final = 1_000
_MINUTE: Final = 60
_HOUR: Final = 3_600
_DAY: Final = 86_400
_AGES: Final = (("d", _DAY), ("h", _HOUR), ("min", _MINUTE))
_WEEK: Final = 7 * _DAY
# The datetime module ends with the year 9999.
_LATEST_SECONDS: Final = 253_402_300_799
_ONE_PERCENT: Final = 0.01
_TEN_PERCENT: Final = 0.1
_TEN: Final = 10
_HUNDRED: Final = 100
_LEAST_DIGITS_OF: Final = 0.000001


def count_text(number: int) -> str:
    """Write a count in full up to 9,999 and shortly beyond: `12.4k`, `3.05M`."""
    if abs(number) < _TEN * _THOUSAND:
        return f"{number:,}"
    value = float(number)
    for unit in ("k", "M", "B", "T"):
        value /= _THOUSAND
        # 999.95 would be written as 1000 of this unit.
        if abs(value) < _THOUSAND - 0.5 or unit == "T":
            digits = 2 if abs(value) < _TEN else 1 if abs(value) < _HUNDRED else 0
            return f"{value:,.{digits}f}{unit}"
    raise AssertionError


def rate_text(part: int, whole: int) -> str:
    """Write a share in percent: `0%`, `0.4%`, `12%`; nothing of nothing is `NONE`."""
    if not whole:
        return NONE
    share = part / whole
    if not part:
        return "0%"
    if share < _ONE_PERCENT / _TEN:
        return "<0.1%"
    return f"{share:.1%}" if share < _TEN_PERCENT else f"{share:.0%}"


def cost_text(dollars: float | None) -> str:
    """Write a cost so that a column of them can be compared: `$12.30`, `$0.56`, `$0.014`, `$0.0017`.

    An unknown one is `NONE`.
    """
    if dollars is None:
        return NONE
    if dollars >= _HUNDRED * _HUNDRED:
        return f"${count_text(round(dollars))}"
    if not _LEAST_DIGITS_OF <= dollars < 1:
        return money_text(dollars)
    digits = 2 if dollars >= _TEN_PERCENT else 1 - math.floor(math.log10(dollars))
    text = f"{dollars:.{digits}f}"
    return f"${text[:4]}{text[4:].rstrip('0')}"


def moment(nanoseconds: int) -> datetime:
    """Return a time since the epoch in the zone of this machine, kept within what a datetime can hold."""
    seconds = min(max(0, nanoseconds // _NS), _LATEST_SECONDS - _DAY)
    at = datetime.fromtimestamp(seconds, UTC).replace(microsecond=nanoseconds % _NS // _THOUSAND)
    return at.astimezone()


def iso_text(nanoseconds: int) -> str:
    """Write a time as ISO 8601 in UTC, for programs."""
    text = moment(nanoseconds).astimezone(UTC).isoformat()
    return text.replace("+00:00", "Z")


def filter_time(nanoseconds: int) -> str:
    """Write a time as ISO 8601 in the zone of this machine, as filters read it and charts show it."""
    return moment(nanoseconds).isoformat().replace("+00:00", "Z")


def moment_text(nanoseconds: int) -> str:
    """Write a time in full: `2026-05-01 14:03:22 CEST`."""
    at = moment(nanoseconds)
    return f"{at:%Y-%m-%d %H:%M:%S} {at.tzname() or ''}".rstrip()


def age_text(nanoseconds: int, now_ns: int | None = None) -> str:
    """Write how long ago a time was: `now`, `40 s ago`, `3 h ago`; a date beyond a week."""
    now = time.time_ns() if now_ns is None else now_ns
    seconds = (now - nanoseconds) // _NS
    if seconds > _WEEK or seconds < -_MINUTE:
        return f"{moment(nanoseconds):%Y-%m-%d}"
    for unit, length in _AGES:
        if seconds >= length:
            return f"{seconds // length} {unit} ago"
    return f"{seconds} s ago" if seconds >= _TEN // 2 else "now"


def line_text(text: str, limit: int = 200) -> str:
    """Write any text on one line without control or direction characters; they become visible escapes."""
    return one_line(text, limit)
