"""What became of every span that a program recorded, by span id."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tests.faults import ledger, shelf
from tests.faults.application import RESULT
from tests.faults.launch import KEY

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.behaviours import Record
    from tests.faults.ledger import Recorded
    from tests.faults.shelf import Shelf

LAST_SECONDS: Final = 1.0
"""Spans that ended so shortly before a process was killed without warning may be lost."""

_BOOKED: Final = ("delivered", "pending", "spooled", "handed_over")


@dataclass(frozen=True, slots=True)
class Result:
    """What a process wrote at its end.

    Attributes:
        stats: its counts.
        latencies: seconds that each of its calls to the package took.
        child_codes: how the processes ended that it forked.
        starved: seconds that its threads together waited for a processor while it ended.
    """

    stats: dict[str, Any]
    latencies: list[float] = field(repr=False)
    child_codes: list[int]
    starved: float = 0.0

    @property
    def dropped(self) -> dict[str, int]:
        """Return the spans that it dropped, by reason."""
        found: dict[str, int] = self.stats["dropped"]
        return found

    @property
    def booked(self) -> int:
        """Return how many spans its counts speak of."""
        booked: int = sum(self.stats.get(name, 0) for name in _BOOKED) + sum(self.dropped.values())
        return booked


@dataclass(slots=True)
class Account:
    """What became of the spans of a cell.

    Attributes:
        sent: spans that the program ended, or that the package had to end for it.
        delivered: spans that a collector kept.
        spooled: spans on disk that no collector kept yet.
        dropped: spans that are lost, by the reason that was given.
        last_second: spans that ended in the last second before a kill and are lost.
        oldest_lost: how long before the kill the oldest lost span had ended, in seconds.
        unaccounted: spans of which nothing is known.
        duplicates: how often a collector kept a span that it had kept before.
        again: spans that are on disk although a collector kept them.
        problems: what should not be, in words.
    """

    sent: int = 0
    delivered: int = 0
    spooled: int = 0
    dropped: Counter[str] = field(default_factory=Counter[str])
    last_second: int = 0
    oldest_lost: float = 0.0
    unaccounted: int = 0
    duplicates: int = 0
    again: int = 0
    problems: list[str] = field(default_factory=list[str])


def results(folder: Path) -> list[Result]:
    """Read what the processes of a folder wrote at their ends."""
    found: list[Result] = []
    for path in sorted(folder.glob(f"*{RESULT}")):
        read = json.loads(path.read_text(encoding="utf-8"))
        found.append(Result(read["stats"], read["latencies"], read["child_codes"], read["starved"]))
    return found


def account(
    recorded: Recorded,
    record: Record,
    spool: Shelf,
    ends: list[Result],
    *,
    killed_at: float | None = None,
    starved: float = 0.0,
    has_counts: bool = True,
    books: bool = True,
    debris: int = 0,
) -> Account:
    """Account for every span.

    Args:
        recorded: what the ledgers say.
        record: what the collector saw.
        spool: what lies on disk.
        ends: what the processes wrote at their ends.
        killed_at: when the process was ended without warning, on the monotonic clock; None if it was not.
        starved: seconds for which a process that was killed had lacked a processor; they excuse as much.
        has_counts: whether the processes could write counts at their ends.
        books: whether the counts are those of all spans, and of no others.
        debris: how many unfinished files killed processes left before.
    """
    found = Account()
    sent = set(recorded.ended)
    if killed_at is None:
        sent |= recorded.left_open
    found.sent = len(sent)
    found.delivered = len(sent & record.kept.keys())
    found.spooled = len((sent & spool.spans.keys()) - record.kept.keys())
    found.again = len(record.kept.keys() & spool.spans.keys())
    found.duplicates = sum(count - 1 for count in record.kept.values())
    for end in ends:
        found.dropped.update(end.dropped)
    missing = sent - record.kept.keys() - spool.spans.keys()
    if killed_at is not None or not has_counts:
        excused = LAST_SECONDS + starved
        _without_counts(found, missing, recorded, record, killed_at=killed_at, excused=excused)
    else:
        found.unaccounted = len(missing) - found.dropped.total()
    if found.unaccounted > 0:
        found.problems.append(f"{found.unaccounted} spans are unaccounted for{_ages(found, starved)}")
    elif found.unaccounted < 0:
        found.problems.append(f"{-found.unaccounted} spans count as dropped and are there")
    if books and has_counts and killed_at is None:
        _check_books(found, ends, spool)
    _check_spool(found, spool, debris=debris if killed_at is None else None)
    _check_wire(found, record)
    return found


def _without_counts(
    found: Account,
    missing: set[str],
    recorded: Recorded,
    record: Record,
    *,
    killed_at: float | None,
    excused: float,
) -> None:
    """Account for what is missing where the process could not say what it dropped."""
    judged = missing & record.refused.keys()
    if judged:
        found.dropped["refused by the collector"] += len(judged)
    lost = missing - judged
    if killed_at is None:
        found.unaccounted = len(lost)
        return
    ages = [killed_at - recorded.ended[span_id] for span_id in lost]
    found.oldest_lost = max(ages, default=0.0)
    found.unaccounted = sum(age > excused for age in ages)
    found.last_second = len(ages) - found.unaccounted


def _ages(found: Account, starved: float) -> str:
    return f" (up to {found.oldest_lost:.2f} s old, starved {starved:.2f} s)" if found.oldest_lost else ""


def _check_books(found: Account, ends: list[Result], spool: Shelf) -> None:
    booked = sum(end.booked for end in ends)
    if booked != found.sent:
        found.problems.append(f"the counts speak of {booked} spans, {found.sent} were sent")
    pending = sum(end.stats["pending"] for end in ends)
    if pending:
        found.problems.append(f"{pending} spans are pending although the process ended")
    # What one process left on disk another one may have delivered.
    counts = [end.stats.get(name, 0) for end in ends for name in ("spooled", "handed_over")]
    spooled = sum(counts) - sum(end.stats.get("recovered", 0) for end in ends)
    if spooled != len(spool.spans):
        found.problems.append(f"the counts speak of {spooled} spooled spans, on disk are {len(spool.spans)}")
    errors = sum(end.stats["internal_errors"] for end in ends)
    if errors:
        found.problems.append(f"{errors} internal errors were kept from the application")


def _check_spool(found: Account, spool: Shelf, *, debris: int | None) -> None:
    if spool.torn:
        found.problems.append(f"{len(spool.torn)} files of the spool are torn")
    if debris is not None and len(spool.unfinished) > debris:
        found.problems.append(f"{len(spool.unfinished)} files of the spool were left unfinished")
    if spool.foreign:
        found.problems.append(f"files of no known kind are in the spool: {', '.join(spool.foreign)}")
    if spool.leaks:
        found.problems.append(f"the key is in {len(spool.leaks)} files of the spool")
    twice = sum(count - 1 for count in spool.spans.values())
    if twice:
        found.problems.append(f"{twice} spans are on disk more than once")


def _check_wire(found: Account, record: Record) -> None:
    if record.unreadable:
        found.problems.append(f"{record.unreadable} requests were no OTLP")
    for name in ("traceparent", "tracestate", "baggage"):
        if name in record.header_names:
            found.problems.append(f"{record.header_names[name]} requests carried {name}")
    if record.keys.keys() - {f"Bearer {KEY}"}:
        found.problems.append("requests came with another key, or with none")


def of_folder(folder: Path, record: Record, spool: Path, **how: Any) -> Account:
    """Account for the spans of all programs that ran in a folder; see `account`."""
    return account(ledger.read(folder), record, shelf.read(spool, KEY), results(folder), **how)
