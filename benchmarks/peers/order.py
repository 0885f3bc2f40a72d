"""What one process of a measure is told, and what it tells back."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Order:
    """What a process records.

    Attributes:
        adapter: the module of the adapter.
        url: the base URL of the collector.
        runs: how many runs are measured.
        warm_up: how many are recorded and delivered before.
        rate: runs a second; 0 for as fast as can be.
        threads: how many threads share the runs.
        tasks: how many asyncio tasks share the runs; 0 for none.
        flush: whether to flush at the end, or leave that to the exit.
    """

    adapter: str
    url: str
    runs: int
    warm_up: int = 0
    rate: float = 0.0
    threads: int = 1
    tasks: int = 0
    flush: bool = True

    @property
    def recorded(self) -> int:
        """Return how many runs are recorded altogether."""
        return self.runs + self.warm_up

    def text(self) -> str:
        """Write it as an argument."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> Self:
        """Read it from an argument."""
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True)
class Told:
    """What a process measured of itself.

    Attributes:
        setup: seconds from nothing to the library set up, its import included.
        first: seconds of the first run.
        median: seconds of a run for its caller, the median.
        p99: the same, the 99th percentile.
        longest: the same, the longest.
        cpu: seconds of processor that all threads took for a run, until the last was flushed.
        elapsed: seconds that all runs took together.
        flushed: seconds that flushing took.
        peak: bytes of memory at most.
        ended: the monotonic clock when nothing was left to do but to exit.
    """

    setup: float
    first: float
    median: float
    p99: float
    longest: float
    cpu: float
    elapsed: float
    flushed: float
    peak: int
    ended: float

    def text(self) -> str:
        """Write it for the one who asked."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> Self:
        """Read what a process wrote."""
        return cls(**json.loads(text))
