"""What was measured: one record for each process, kept in a file that further rounds add to."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from statistics import fmean, median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Record:
    """One process.

    Attributes:
        measure: the name of the measure.
        peer: the name of the peer.
        round: which round; raw is measured twice in each.
        sent: how many spans were recorded.
        delivered: how many arrived, those included that came from disk afterwards.
        from_disk: how many of them did.
        values: further figures by name, in seconds, bytes and counts.
        error: what went wrong; empty for nothing.
    """

    measure: str
    peer: str
    round: int
    sent: int = 0
    delivered: int = 0
    from_disk: int = 0
    values: dict[str, float] = field(default_factory=dict[str, float])
    error: str = ""

    @property
    def missing(self) -> int:
        """Return how many spans did not arrive."""
        return self.sent - self.delivered

    @property
    def cpu_of_delivered(self) -> float:
        """Return the seconds of processor that the process took for each run that arrived."""
        return self.values["cpu"] * self.sent / max(self.delivered, 1)


class Records:
    """All records so far.

    Args:
        file: where they are kept; None keeps them in memory.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._records: list[Record] = []
        if file is not None and file.exists():
            self._records = [Record(**json.loads(line)) for line in file.read_text().splitlines()]

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records)

    def add(self, record: Record) -> None:
        """Keep a record."""
        self._records.append(record)
        if self._file is not None:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._file.open("a") as opened:
                opened.write(json.dumps(asdict(record)) + "\n")

    def of(self, measure: str, peer: str) -> list[Record]:
        """Return what was measured of a peer, without what went wrong."""
        return [
            record
            for record in self._records
            if record.measure == measure and record.peer == peer and not record.error
        ]

    def next_round(self, measure: str) -> int:
        """Return the number of the next round of a measure."""
        return max((record.round for record in self._records if record.measure == measure), default=0) + 1

    def median(self, measure: str, peer: str, figure: Callable[[Record], float]) -> float | None:
        """Return the median of a figure over all rounds."""
        found = [figure(record) for record in self.of(measure, peer)]
        return median(found) if found else None

    def ratio(
        self, measure: str, peer: str, base: str, figure: Callable[[Record], float]
    ) -> tuple[float, float, float] | None:
        """Return the median, least and greatest ratio of a figure to that of another peer in the same round.

        Where a peer was measured several times in a round, their mean counts.
        """
        rounds: dict[int, tuple[list[float], list[float]]] = {}
        for column, name in enumerate((peer, base)):
            for record in self.of(measure, name):
                rounds.setdefault(record.round, ([], []))[column].append(figure(record))
        found = [
            fmean(mine) / fmean(other) for mine, other in rounds.values() if mine and other and fmean(other)
        ]
        return (median(found), min(found), max(found)) if found else None
