"""Timing calls of this package in its own process."""

from __future__ import annotations

import os
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

import contextcompany as tcc

if TYPE_CHECKING:
    from collections.abc import Callable

NOBODY: Final = "http://127.0.0.1:9"
ROUNDS: Final = 15


def discard() -> None:
    """Throw spans away where a background thread would get them."""
    from contextcompany.delivery.outbox.outbox import Outbox

    Outbox.submit = lambda *_: None  # type: ignore[method-assign]
    tcc.configure(tcc_url=NOBODY)


def seconds(work: Callable[[], object]) -> float:
    """Return the time of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def per_call(work: Callable[[], object], share: float, calls: int = 500) -> float:
    """Return the time of one call, as the median of rounds."""
    count = max(int(calls * share), 2)
    return median(_round(work, count) for _ in range(max(int(ROUNDS * share), 2)))


def added(base: Callable[[], object], work: Callable[[], object], share: float, *, calls: int = 500) -> float:
    """Return what one call takes more than another; the two take turns."""
    count = max(int(calls * share), 2)
    pairs = [(_round(base, count), _round(work, count)) for _ in range(max(int(ROUNDS * share), 2) + 1)]
    return median(mine - other for other, mine in pairs[1:])


def resident() -> int:
    """Return the bytes of memory that the process has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _round(work: Callable[[], object], count: int) -> float:
    began = time.perf_counter()
    for _ in range(count):
        work()
    return (time.perf_counter() - began) / count
