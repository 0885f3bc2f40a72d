"""The age of files, by a clock that does not jump while the process lives."""

from __future__ import annotations

import time


class AgeClock:
    """Tell the time by the wall clock of the first call and the seconds that passed since.

    A wall clock that is set while the process lives would age all files at once, or make new ones
    sort before old ones.
    """

    def __init__(self) -> None:
        self._noted: tuple[float, float] | None = None

    def now(self) -> float:
        """Return the seconds since the epoch."""
        if self._noted is None:
            self._noted = (time.time(), time.monotonic())
        wall, monotonic = self._noted
        return wall + (time.monotonic() - monotonic)

    def age(self, moment: float) -> float:
        """Return the seconds since a moment; 0 for one in the future."""
        return max(0.0, self.now() - moment)
