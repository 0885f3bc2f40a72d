"""Ended spans that wait, beside the outbox, for what belongs to them and has not ended yet."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from contextcompany.diagnostics import guard

if TYPE_CHECKING:
    from collections.abc import Callable

    from contextcompany.runtime.watch import Watch
    from contextcompany.sdk import ReadableSpan

    PassOn = Callable[[ReadableSpan], None]

_MOST: Final = 10_000


class Companion(Protocol):
    """What has to do with a span of ours when that ends."""

    def take(self, span: ReadableSpan, pass_on: PassOn) -> None:
        """Take the ended span, and pass it on: at once, or later from `release` on."""
        ...

    def close(self, reason: str, error_type: str | None) -> None:
        """Pass on at once what is held."""
        ...


class Waiting:
    """Who accompanies which span, and who holds one back.

    Args:
        watch: tells those who hold a span that their time is up.

    Attributes:
        companions: those of each span, by its id; not to be changed from outside.
    """

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._lock = threading.RLock()
        self.companions: dict[int, list[Companion]] = {}
        self._holding: dict[int, Companion] = {}

    def __len__(self) -> int:
        """Return how many spans are held back."""
        return len(self._holding)

    def accompany(self, span_id: int, companion: Companion) -> None:
        """Have a companion take a span when it ends; of too many the oldest is forgotten."""
        with self._lock:
            self.companions.setdefault(span_id, []).append(companion)
            if len(self.companions) > _MOST:
                del self.companions[next(iter(self.companions))]

    def take(self, span: ReadableSpan, pass_on: PassOn) -> bool:
        """Give an ended span to its companions; returns whether there are any."""
        context = span.context
        if context is None or context.span_id not in self.companions:
            return False
        for companion in reversed(self.forget(context.span_id)):
            pass_on = partial(companion.take, pass_on=pass_on)
        pass_on(span)
        return True

    def forget(self, span_id: int) -> list[Companion]:
        """Forget the companions of a span, and return them."""
        with self._lock:
            return self.companions.pop(span_id, [])

    def hold(self, companion: Companion, seconds: float) -> None:
        """Remember that a companion holds a span back; it is closed after so many seconds."""
        self._holding[id(companion)] = companion
        self._watch.close_after(companion, seconds)

    def let_go(self, companion: Companion) -> None:
        """Forget a companion that holds nothing back any more."""
        self._holding.pop(id(companion), None)

    def release(self) -> None:
        """Have everything passed on that is held back."""
        for companion in list(self._holding.values()):
            with guard:
                companion.close("flush", None)

    def renew_after_fork(self) -> None:
        """Forget in a forked child what belongs to the parent process."""
        self._lock = threading.RLock()
        self.companions.clear()
        self._holding.clear()
