"""Which runs are wanted: one object, the same in a page's address, in the API and on the command line."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Iterable

STATUSES: Final = ("ok", "partial", "failed", "open")
FEEDBACK: Final = ("up", "down", "text", "any", "none")
ORDERS: Final = ("newest", "oldest", "slowest", "costliest", "most-tokens")

METADATA_PREFIX: Final = "metadata."
_MOST_CHARACTERS: Final = 1_000
_MOST_METADATA: Final = 20
_UNITS: Final = {"s": 1, "min": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_AGO: Final = re.compile(r"(\d{1,6})\s*(s|min|h|d|w)", re.ASCII)
_NS_PER_SECOND: Final = 1_000_000_000
_NS_PER_MICROSECOND: Final = 1_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_LATEST_NS: Final = 2**63 - 1


class FilterError(ValueError):
    """A filter cannot be used; `name` says which, the message also what it must be."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs are wanted; every condition that is set must hold, empty text sets none.

    `text` is looked for in prompts, responses and errors of the run and all in it. `agent`, `model`, `tool`
    and `error` (its type) match the run or anything inside it; `user` and `org` match id or name. `since` and
    `until` bound the start: a date or time of ISO 8601 (in the zone of this machine where it names none), or
    an age such as `90min`, `24h`, `7d`. `metadata` holds pairs of key and value.
    """

    text: str = ""
    agent: str = ""
    user: str = ""
    org: str = ""
    session: str = ""
    status: str = ""
    model: str = ""
    tool: str = ""
    error: str = ""
    feedback: str = ""
    since: str = ""
    until: str = ""
    metadata: tuple[tuple[str, str], ...] = ()
    order: str = "newest"

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> RunFilter:
        """Read a filter from the pairs of a query string; pairs with an empty value set nothing.

        Raises:
            FilterError: A name is not known, is given twice, or has a value that cannot be used.
        """
        found: dict[str, str] = {}
        metadata: dict[str, str] = {}
        for name, value in pairs:
            if not value:
                continue
            _check_length(name[:100], "its name ", name)
            _check_length(name, "", value)
            key = name.removeprefix(METADATA_PREFIX)
            target, known = (metadata, True) if key != name and key else (found, name in _NAMES)
            if not known:
                raise FilterError(
                    name, f"is no filter: use one of {', '.join(sorted(_NAMES))} or {METADATA_PREFIX}<key>"
                )
            if key in target:
                raise FilterError(name, "is given twice: give it once")
            target[key] = value
        if len(metadata) > _MOST_METADATA:
            raise FilterError("metadata", f"must name at most {_MOST_METADATA} keys, got {len(metadata)}")
        wanted = cls(**found, metadata=tuple(sorted(metadata.items())))
        for name, allowed in (("status", STATUSES), ("feedback", FEEDBACK), ("order", ORDERS)):
            value = found.get(name, "")
            if value and value not in allowed:
                raise FilterError(name, f"must be one of {', '.join(allowed)}, got {value!r}")
        since, until = wanted.bounds_ns()
        if since is not None and until is not None and since > until:
            raise FilterError("since", f"must not be after until, got {wanted.since!r} and {wanted.until!r}")
        return wanted

    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Return what `of()` reads, without what is not set."""
        own = ((name, getattr(self, name)) for name in _NAMES)
        kept = tuple((name, value) for name, value in own if value and (name, value) != ("order", "newest"))
        return kept + tuple((METADATA_PREFIX + key, value) for key, value in self.metadata)

    def query(self) -> str:
        """Write it as a query string without the question mark; empty where nothing is set.

        Halves of surrogate pairs, which no address can hold, become question marks.
        """
        return urlencode(self.pairs(), errors="replace")

    def but(self, **changes: str) -> RunFilter:
        """Return the same filter with some conditions set to others, or to empty text for none."""
        return replace(self, **changes)  # type: ignore[arg-type]

    def bounds_ns(self, now_ns: int | None = None) -> tuple[int | None, int | None]:
        """Return since and until in nanoseconds since the epoch; None where there is no bound.

        Raises:
            FilterError: One of them is neither a time nor an age.
        """
        now = time.time_ns() if now_ns is None else now_ns
        return _moment("since", self.since, now), _moment("until", self.until, now)


def _check_length(name: str, what: str, text: str) -> None:
    if len(text) > _MOST_CHARACTERS:
        raise FilterError(name, f"{what}must have at most {_MOST_CHARACTERS:,} characters, got {len(text):,}")


def _moment(name: str, value: str, now_ns: int) -> int | None:
    if not value:
        return None
    ago = _AGO.fullmatch(value.strip())
    if ago:
        return max(0, now_ns - int(ago[1]) * _UNITS[ago[2]] * _NS_PER_SECOND)
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        raise FilterError(
            name, f"must be a time such as 2026-05-01T12:00 or an age such as 24h or 7d, got {value[:100]!r}"
        ) from None
    if moment.tzinfo is None:
        moment = _here(moment)
    # In whole numbers: a float does not hold the microseconds of a time of ours.
    return min(max(0, (moment - _EPOCH) // _MICROSECOND * _NS_PER_MICROSECOND), _LATEST_NS)


def _here(moment: datetime) -> datetime:
    """Read a time that names no zone as people at this machine mean it."""
    try:
        return moment.astimezone(UTC)
    except (OverflowError, ValueError, OSError):
        # At the ends of the calendar there are no zones.
        return moment.replace(tzinfo=UTC)


_NAMES: Final = tuple(field.name for field in fields(RunFilter) if field.name != "metadata")
