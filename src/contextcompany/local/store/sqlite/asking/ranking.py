"""Which groups come first, and which part of them is wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from contextcompany.local.store.sqlite.asking.durations import nearest_rank, numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ORDERS: Final = ("runs", "cost", "failed", "slowest", "recent")
"""By what groups can be ordered, most or newest first; the slowest are those with the highest p95."""


@dataclass(frozen=True, slots=True)
class Part:
    """`limit` groups in an order, after the first `begun`; equals stand in the order of their names."""

    order: str
    limit: int
    begun: int

    def of(self, names: Iterable[str], rank: Callable[[str], float]) -> tuple[list[str], bool]:
        """Choose from all groups by a figure of each; also tell whether there are more."""
        ranked = sorted(names, key=lambda name: (-rank(name), name))
        end = self.begun + self.limit
        return ranked[self.begun : end], len(ranked) > end


def p95_of(listed: str | None) -> int:
    """Return the 95th percentile of durations that the database listed."""
    return nearest_rank(sorted(numbers(listed)), 95)
