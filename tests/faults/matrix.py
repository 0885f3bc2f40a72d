"""The cells of the matrix, as data: each fault of a collector with each way to end, and the special ones."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.faults.application import OS_EXIT_CODE, SYS_EXIT_CODE
from tests.faults.behaviours import HEALTHY, NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator

SPANS_A_RUN: Final = 3


@dataclass(frozen=True, slots=True)
class Scale:
    """How much a cell does.

    Attributes:
        name: what it is called.
        runs: how many runs a program records.
        queued: how many spans it records at least where it ends with a full queue.
        pause: seconds between runs of a program that waits for its kill.
        kill_within: seconds within which it is killed, from and to.
    """

    name: str
    runs: int
    queued: int
    pause: float
    kill_within: tuple[float, float]


BOUNDED: Final = Scale("bounded", runs=12, queued=1_500, pause=0.02, kill_within=(0.2, 1.4))
FULL: Final = Scale("full", runs=400, queued=10_000, pause=0.004, kill_within=(0.5, 4.0))


@dataclass(frozen=True, slots=True)
class Way:
    """How a program ends.

    Attributes:
        name: what it is called in the matrix.
        code: the exit code that the program must end with.
        leave: the way it is told to leave, or empty if a signal ends it.
        signal: what ends it.
        warned: whether the package can do anything before the end.
        handles_sigterm: whether it was asked to.
        opens: whether a run and a step are left open.
        flushes: whether the program flushes first.
        forks: whether the program forks while it sends.
        fills_queue: whether it has a full queue at its end.
    """

    name: str
    code: int = 0
    leave: str = ""
    signal: signal.Signals | None = None
    warned: bool = True
    handles_sigterm: bool = False
    opens: bool = False
    flushes: bool = False
    forks: bool = False
    fills_queue: bool = False

    @property
    def has_counts(self) -> bool:
        """Return whether the program writes its counts at the end."""
        return self.signal is None and self.warned


RETURNS: Final = Way("returns", leave="return")
FLUSHES: Final = Way("flushes, returns", leave="return", flushes=True)
SYS_EXIT: Final = Way("sys.exit in a run", code=SYS_EXIT_CODE, leave="sys_exit", opens=True)
EXCEPTION: Final = Way("unhandled exception", code=1, leave="exception")
QUEUED: Final = Way("full queue", leave="return", fills_queue=True)
FORK: Final = Way("fork while sending", leave="return", forks=True)
SIGTERM_HANDLED: Final = Way(
    "SIGTERM, on_sigterm", code=-signal.SIGTERM, signal=signal.SIGTERM, handles_sigterm=True
)
SIGTERM: Final = Way("SIGTERM", code=-signal.SIGTERM, signal=signal.SIGTERM, warned=False)
SIGKILL: Final = Way("SIGKILL", code=-signal.SIGKILL, signal=signal.SIGKILL, warned=False)
OS_EXIT: Final = Way("os._exit", code=OS_EXIT_CODE, leave="os_exit", warned=False)

WAYS: Final = (
    RETURNS,
    FLUSHES,
    SYS_EXIT,
    EXCEPTION,
    QUEUED,
    FORK,
    SIGTERM_HANDLED,
    SIGTERM,
    SIGKILL,
    OS_EXIT,
)

FAULTS: Final = NAMES


@dataclass(frozen=True, slots=True)
class Cell:
    """One fault of the collector and one way to end."""

    fault: str
    way: Way

    def __str__(self) -> str:
        """Return how the cell is called."""
        return f"{self.fault} / {self.way.name}"

    @property
    def has_large_span(self) -> bool:
        """Return whether one span is larger than the collector takes."""
        return self.fault == "413 above a size"

    @property
    def poisons(self) -> bool:
        """Return whether some spans are poisoned."""
        return self.fault == "400 for a poisoned span"

    @property
    def may_drop(self) -> bool:
        """Return whether the collector judges spans for good, so that they may be dropped."""
        return self.fault in {"400 for a poisoned span", "partial success"}

    @property
    def must_deliver_once(self) -> bool:
        """Return whether no span may arrive twice: nothing is ever in doubt."""
        return self.fault == HEALTHY


def cells() -> Iterator[Cell]:
    """Return all cells, fault by fault."""
    for fault in FAULTS:
        for way in WAYS:
            yield Cell(fault, way)
