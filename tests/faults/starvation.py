"""How long a program wanted to run and could not, because others had the processors."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_NANOSECONDS: Final = 1e9
_STEAL: Final = 8


class Starvation:
    """Watch how long a process lacks a processor.

    Args:
        pid: the process; it is watched from its start, the machine from now on.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._stolen = _stolen_seconds()

    @property
    def seconds(self) -> float:
        """Return for how long its threads waited, or others had this virtual machine; 0 where unknown."""
        return self._waited() + _stolen_seconds() - self._stolen

    def _waited(self) -> float:
        total = 0
        for tasks in Path(f"/proc/{self._pid}/task").glob("*/schedstat"):
            try:
                total += int(tasks.read_text(encoding="ascii").split()[1])
            except OSError:  # the thread has ended meanwhile
                continue
        return total / _NANOSECONDS


def _stolen_seconds() -> float:
    """Return for how long the host of this virtual machine gave its processors to others."""
    path = Path("/proc/stat")
    if not path.exists():
        return 0.0
    with path.open(encoding="ascii") as lines:
        return int(next(lines).split()[_STEAL]) / os.sysconf("SC_CLK_TCK")
