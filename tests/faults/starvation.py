"""How long a program wanted to run and could not, because others had the processors."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_NANOSECONDS: Final = 1e9


def starved_seconds(pid: int) -> float:
    """Return the seconds that all threads of a process together waited for a processor; 0 where unknown."""
    total = 0
    for tasks in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        try:
            total += int(tasks.read_text(encoding="ascii").split()[1])
        except OSError:  # the thread has ended meanwhile
            continue
    return total / _NANOSECONDS
