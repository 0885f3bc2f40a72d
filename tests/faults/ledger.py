"""What a program recorded, written by the program before it happens, so that it survives every way to end."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_STARTED: Final = "S"
_ENDS: Final = "E"
_LEAVES: Final = "L"


class Ledger:
    """An append-only file of one process; each entry is one system call, so none is lost or torn."""

    def __init__(self, folder: Path) -> None:
        path = folder / f"{os.getpid()}.ledger"
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)

    def started(self, span_id: str) -> None:
        """Note that a span is open."""
        self._write(_STARTED, span_id)

    def ends(self, span_id: str) -> None:
        """Note that a span ends now: from here on it counts as sent."""
        self._write(_ENDS, span_id)

    def leaves(self, starved: float) -> None:
        """Note that the program has nothing left to do but to end, and how long it lacked a processor."""
        self._write(_LEAVES, f"{starved:.6f}")

    def _write(self, kind: str, name: str) -> None:
        os.write(self._file, f"{kind} {name} {time.monotonic():.6f}\n".encode())


@dataclass(slots=True)
class Recorded:
    """What ledgers say.

    Attributes:
        ended: when each span ended, in seconds of the monotonic clock, which all processes share.
        left_open: the spans that were started and never ended by the program.
        left: when the program began to end, or None if it never came to that.
        starved: how long it had lacked a processor until then, in seconds.
    """

    ended: dict[str, float] = field(default_factory=dict[str, float])
    left_open: set[str] = field(default_factory=set[str])
    left: float | None = None
    starved: float = 0.0


def read(folder: Path) -> Recorded:
    """Read all ledgers of a folder."""
    found = Recorded()
    for path in sorted(folder.glob("*.ledger")):
        for line in path.read_text(encoding="ascii").splitlines():
            kind, name, moment = line.split(" ")
            if kind == _STARTED:
                found.left_open.add(name)
            elif kind == _ENDS:
                found.ended[name] = float(moment)
                found.left_open.discard(name)
            else:
                found.left, found.starved = float(moment), float(name)
    return found
