"""What became of spans, in numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

OF_OTHERS: Final = " (of another process)"
"""Ends the reasons of loss of spans that this process did not record."""


@dataclass(slots=True)
class Counters:
    """What became of the spans of an outbox.

    Every span that was recorded is in exactly one of `delivered`, `pending`, `spooled`, `handed_over`
    and `dropped`.

    Attributes:
        delivered: spans that a collector confirmed.
        pending: spans that wait in memory or are on their way.
        spooled: spans on disk of whose delivery nothing is known yet.
        handed_over: spans on disk that another process with the same key took to deliver.
        dropped: spans that are lost, by reason.
        recovered: spans of earlier processes that this one delivered.
        last_error: the last problem in plain words, or None.
    """

    delivered: int = 0
    pending: int = 0
    spooled: int = 0
    handed_over: int = 0
    dropped: Counter[str] = field(default_factory=Counter[str])
    recovered: int = 0
    last_error: str | None = None

    @classmethod
    def total(cls, parts: Iterable[Counters]) -> Counters:
        """Return the sum of the counts of several outboxes."""
        total = cls()
        for part in parts:
            total.delivered += part.delivered
            total.pending += part.pending
            total.spooled += part.spooled
            total.handed_over += part.handed_over
            total.recovered += part.recovered
            total.dropped.update(part.dropped)
            total.last_error = part.last_error or total.last_error
        return total
