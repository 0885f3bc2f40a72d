"""When the next attempt may be made: backoff, Retry-After, and a breaker for a dead collector."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

from contextcompany.delivery.wire.outcomes import Verdict

if TYPE_CHECKING:
    from contextcompany.delivery.wire.outcomes import Outcome

FIRST_BACKOFF: Final = 0.1
MOST_BACKOFF: Final = 30.0
MOST_BACKOFF_MALFORMED: Final = 5.0
STAY_SECONDS: Final = 300.0
_MOST_EXPONENT: Final = 16


class Schedule:
    """Decide by the outcomes so far when to try again. Times are `time.monotonic()` seconds.

    While it is failing there is one attempt at a time, with one request, and everything else waits:
    a dead collector costs two small requests a minute, one that refuses for good one in five minutes.

    Attributes:
        attempts_failed: how many attempts have failed since the beginning.
        is_failing: whether the last attempt failed.
        is_stuck: whether it failed in a way that waiting a little does not mend.
    """

    def __init__(self) -> None:
        self.attempts_failed = 0
        self.is_failing = False
        self.is_stuck = False
        self._in_a_row = 0
        self._not_before = 0.0
        self._asked_not_before = 0.0

    def __repr__(self) -> str:
        """Return the state in a word."""
        return f"Schedule({'failing' if self.is_failing else 'healthy'}, in a row: {self._in_a_row})"

    def wait(self, now: float) -> float:
        """Return the seconds until the next attempt may be made; 0 for at once."""
        return max(self._not_before - now, self._asked_not_before - now, 0.0)

    def hurry(self) -> None:
        """Allow an attempt at once, unless the collector asked for a pause, and begin the backoff anew."""
        self._in_a_row = 0
        self._not_before = 0.0

    def succeeded(self) -> bool:
        """Note that a request was taken; returns whether this ends a time of failure."""
        ended = self.is_failing
        self.is_failing = self.is_stuck = False
        self._asked_not_before = 0.0
        self.hurry()
        return ended

    def failed(self, outcome: Outcome, now: float) -> bool:
        """Note a failed attempt; returns whether a time of failure begins."""
        begins = not self.is_failing
        self.is_failing = True
        self.is_stuck = outcome.verdict is Verdict.STAYS
        self.attempts_failed += 1
        if self.is_stuck:
            self._not_before = now + STAY_SECONDS
        elif outcome.retry_after is not None and outcome.retry_after >= FIRST_BACKOFF:
            self._asked_not_before = now + outcome.retry_after
        else:
            # One bad span must not hold its successors up for long.
            most = MOST_BACKOFF_MALFORMED if outcome.verdict is Verdict.MALFORMED else MOST_BACKOFF
            backoff = min(FIRST_BACKOFF * 2**self._in_a_row, most)
            self._not_before = now + backoff * random.uniform(0.5, 1.0)  # noqa: S311  (jitter)
        self._in_a_row = min(self._in_a_row + 1, _MOST_EXPONENT)
        return begins
