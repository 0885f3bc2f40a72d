"""Runs that are held back until it is known whether they fail: `keep_errors`.

All that is held together stays within half of what one outbox lets wait. Beyond that whole runs are
given up, the oldest first.
"""

from __future__ import annotations

import threading
from collections import Counter
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

from opentelemetry.trace import StatusCode

from contextcompany.delivery.outbox.counters import Counters
from contextcompany.delivery.outbox.entry import Entry, Receipt
from contextcompany.delivery.outbox.stock import MOST_BYTES, MOST_SPANS
from contextcompany.delivery.spans.rebuild import rebuilt
from contextcompany.diagnostics import warn_once
from contextcompany.semconv import attributes as names

if TYPE_CHECKING:
    from collections.abc import Callable

    from contextcompany.sdk import ReadableSpan

    Deliver = Callable[[ReadableSpan, Receipt | None], None]

MOST_HELD_SPANS: Final = MOST_SPANS // 2
MOST_HELD_BYTES: Final = MOST_BYTES // 2

NO_ROOM: Final = "held back for a failure, no room"


class Fate(Enum):
    """What becomes of the spans of a run that is held back."""

    HELD = "held back"
    GIVEN_UP = "given up"
    KEPT = "kept, because the run failed"
    FORGOTTEN = "forgotten, because the run ended well"


class _HeldSpan(NamedTuple):
    span: ReadableSpan
    size: int
    deliver: Deliver


class HeldRun:
    """A root run beyond the sampled share, with all that happens inside of it.

    Attributes:
        root: the span id of the run, whose end decides.
        fate: what becomes of its spans, as far as that is known.
        generation: which of the forked processes records it.
        spans: what is held.
        size: what that takes in memory, in bytes.
        lost: how many spans had no room.
        runs: how many runs inside of it have ended.
    """

    __slots__ = ("_holding", "fate", "generation", "lost", "root", "runs", "size", "spans")

    def __init__(self, holding: Holding, generation: int) -> None:
        self._holding = holding
        self.root = 0
        self.fate = Fate.HELD
        self.generation = generation
        self.spans: list[_HeldSpan] = []
        self.size = 0
        self.lost = 0
        self.runs = 0

    def __repr__(self) -> str:
        """Return the run with its fate and what is held of it."""
        return f"HeldRun({self.fate.value}, spans={len(self.spans)})"

    @property
    def is_kept(self) -> bool:
        """Return whether the run has failed, so that its spans are delivered."""
        return self.fate is Fate.KEPT

    def expect(self, span_id: int) -> None:
        """Take note of a span that has started: the first one is the run itself."""
        self.root = self.root or span_id

    def take(self, span: ReadableSpan, receipt: Receipt | None, deliver: Deliver) -> None:
        """Take an ended span: hold it, or do with it as was decided at the end of the run.

        Args:
            span: a span of the run, or its own.
            receipt: told at once that the span is not confirmed, unless it is delivered.
            deliver: brings the span to its outbox.
        """
        self._holding.take(self, span, receipt, deliver)


class Holding:
    """What this process holds back, and how many runs it left out."""

    def __init__(self) -> None:
        self._generation = 0
        self._begin()

    def _begin(self) -> None:
        # Reentrant, as all locks on the caller's way: a finalizer may record in the middle.
        self._lock = threading.RLock()
        # By the moment when the first span of a run was held.
        self._runs: dict[HeldRun, None] = {}
        self._spans = 0
        self._bytes = 0
        self._lost = 0
        self._unsampled = 0

    def __len__(self) -> int:
        """Return how many spans are held."""
        return self._spans

    def __repr__(self) -> str:
        """Return how much is held."""
        return f"Holding({len(self._runs)} runs, {self._spans} spans, {self._bytes} bytes)"

    @property
    def unsampled(self) -> int:
        """Return how many runs were left out so far."""
        return self._unsampled

    def new_run(self) -> HeldRun:
        """Return a run to hold back; it takes no room before its first span ends."""
        return HeldRun(self, self._generation)

    def leave_out(self, runs: int = 1) -> None:
        """Count runs that are left out."""
        with self._lock:
            self._unsampled += runs

    def counters(self) -> Counters:
        """Return what was lost, for want of room, of runs that then failed."""
        return Counters(dropped=Counter({NO_ROOM: self._lost} if self._lost else {}))

    def take(self, run: HeldRun, span: ReadableSpan, receipt: Receipt | None, deliver: Deliver) -> None:
        """Take an ended span of a run; see `HeldRun.take`."""
        context = span.context
        is_own = context is not None and context.span_id == run.root
        if is_own:
            self._decide(run, has_failed=span.status.status_code is StatusCode.ERROR)
        is_run = _is_run(span)
        held = _HeldSpan(span, Entry(span, None).size if run.fate is Fate.HELD else 0, deliver)
        with self._lock:
            fate = run.fate if run.generation == self._generation else Fate.FORGOTTEN
            if fate is Fate.FORGOTTEN:
                self._unsampled += is_run
            elif fate is not Fate.KEPT:
                run.runs += is_run
                if fate is Fate.HELD:
                    self._hold(run, held)
                else:
                    run.lost += 1
        if fate is Fate.KEPT:
            deliver(_marked(span) if is_run else span, receipt)
        elif receipt is not None:
            receipt.settle(delivered=False)

    def renew(self) -> None:
        """Forget everything: in a forked child what is held, and its end, belong to the parent process."""
        for run in self._runs:
            run.spans, run.size = [], 0
        self._generation += 1
        self._begin()

    def _decide(self, run: HeldRun, *, has_failed: bool) -> None:
        with self._lock:
            if run.generation != self._generation or run.fate not in (Fate.HELD, Fate.GIVEN_UP):
                return
            spans = self._without(run)
            run.fate = Fate.KEPT if has_failed else Fate.FORGOTTEN
            if has_failed:
                self._lost += run.lost
            else:
                self._unsampled += run.runs
        if not has_failed:
            return
        if run.lost:
            warn_once(
                NO_ROOM,
                "a run failed of which %d spans are lost: more was held back for keep_errors than there is "
                "room for; a higher sample_rate holds less back",
                run.lost,
            )
        for held in spans:
            held.deliver(_marked(held.span) if _is_run(held.span) else held.span, None)

    # With the lock held.

    def _hold(self, run: HeldRun, held: _HeldSpan) -> None:
        run.spans.append(held)
        run.size += held.size
        self._runs[run] = None
        self._spans += 1
        self._bytes += held.size
        while self._runs and (self._spans > MOST_HELD_SPANS or self._bytes > MOST_HELD_BYTES):
            oldest = next(iter(self._runs))
            oldest.lost += len(self._without(oldest))
            oldest.fate = Fate.GIVEN_UP

    def _without(self, run: HeldRun) -> list[_HeldSpan]:
        """Take everything out that is held of a run."""
        spans, size = run.spans, run.size
        run.spans, run.size = [], 0
        self._runs.pop(run, None)
        self._spans -= len(spans)
        self._bytes -= size
        return spans


def _is_run(span: ReadableSpan) -> bool:
    attributes = span.attributes or {}
    is_agent = attributes.get(names.GEN_AI_OPERATION_NAME) == names.OPERATION_INVOKE_AGENT
    return is_agent and names.TCC_COLLECTED not in attributes


def _marked(span: ReadableSpan) -> ReadableSpan:
    return rebuilt(span, add={names.TCC_KEPT_FOR_ERROR: True})
