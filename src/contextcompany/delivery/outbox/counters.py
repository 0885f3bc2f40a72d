"""What became of spans, in numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(slots=True)
class Counters:
    """What became of the spans of an outbox.

    Attributes:
        delivered: spans that a collector confirmed.
        pending: spans that wait or are on their way.
        dropped: spans that are lost, by reason.
        last_error: the last problem in plain words, or None.
    """

    delivered: int = 0
    pending: int = 0
    dropped: Counter[str] = field(default_factory=Counter[str])
    last_error: str | None = None

    @classmethod
    def total(cls, parts: Iterable[Counters]) -> Counters:
        """Return the sum of the counts of several outboxes."""
        total = cls()
        for part in parts:
            total.delivered += part.delivered
            total.pending += part.pending
            total.dropped.update(part.dropped)
            total.last_error = part.last_error or total.last_error
        return total
