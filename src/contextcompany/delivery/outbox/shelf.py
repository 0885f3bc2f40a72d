"""What one outbox keeps on disk: which files hold its spans, and which of them are doubtful.

Methods that read or write files are called without the outbox's lock; those that only change what is
known are called with it.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from contextcompany import imports
from contextcompany.delivery.outbox.counters import OF_OTHERS
from contextcompany.delivery.outbox.parcel import Parcel
from contextcompany.diagnostics import logger, warn_once

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from contextlib import AbstractContextManager

    from contextcompany.delivery.outbox.entry import Receipt
    from contextcompany.delivery.spool.spool import Evicted, Spool, Written

FULL: Final = "spool full"
DAMAGED: Final = "damaged on disk"
REMOVED: Final = "removed from disk by others"
TOO_OLD: Final = "too old in the spool"

_REST_SECONDS: Final = 30.0
_EXPIRE_SECONDS: Final = 60.0
_SWEEP_SECONDS: Final = 600.0


class _Ticket(NamedTuple):
    spans: int
    number: float
    receipts: Mapping[int, Receipt]


class Shelf:
    """Put parcels into a spool and take them out again, and know which spans are in it.

    Args:
        find_spool: makes the spool when it is first needed; may import.
    """

    def __init__(self, find_spool: Callable[[], Spool]) -> None:
        self._find_spool = find_spool
        self._found: Spool | None = None
        self._start_afresh()

    @property
    def _spool(self) -> Spool:
        found = self._found
        if found is None:
            with imports.gate:
                found = self._found = self._found or self._find_spool()
        return found

    def _start_afresh(self) -> None:
        self._tickets: dict[str, _Ticket] = {}
        self._refusals: dict[str, tuple[int, int]] = {}
        self._stuck: set[str] = set()
        self._known: set[str] = set()
        self._leaving: set[str] = set()
        self._sent_by_others: set[str] = set()
        self._rests_until = 0.0
        self._expires_at = 0.0
        self._sweeps_at = 0.0
        self._said = False
        self.handed_over = 0

    def __repr__(self) -> str:
        """Return how much is on it."""
        return f"Shelf({len(self._tickets)} files, {self.spans} spans)"

    @property
    def spans(self) -> int:
        """Return how many spans of this process are on disk."""
        return sum(ticket.spans for ticket in list(self._tickets.values()))

    @property
    def oldest(self) -> float:
        """Return the number of the oldest span of this process on disk; infinite where there is none."""
        return min((ticket.number for ticket in list(self._tickets.values())), default=float("inf"))

    @property
    def is_usable(self) -> bool:
        """Return whether writing makes sense now; after a failure it rests for half a minute."""
        return self.rests_for(time.monotonic()) <= 0

    def rests_for(self, now: float) -> float:
        """Return the seconds until writing makes sense again."""
        return max(self._rests_until - now, 0.0)

    def warm_up(self) -> None:
        """Load what writing needs, if nobody has yet."""
        _ = self._spool

    # What is known.

    def enter(self, parcel: Parcel, written: Written, *, flying: Parcel | None = None) -> Counter[str]:
        """Note that a parcel was written; returns what had to go for it, by reason.

        Args:
            parcel: what was written.
            written: what the spool says of that.
            flying: the parcel that is being sent; where its copy had to go, it is in memory still.
        """
        parcel.file = written.name
        self._known.add(written.name)
        if parcel.is_own:
            before = self._tickets.get(written.name, _Ticket(0, parcel.number, {}))
            receipts = {**before.receipts, **parcel.receipts}
            number = min(before.number, parcel.number)
            self._tickets[written.name] = _Ticket(before.spans + parcel.spans, number, receipts)
        self.doubt(parcel)
        return self._lost(written.evicted, FULL, flying)

    def leave(self, name: str) -> None:
        """Note that the spans of a file are delivered, lost for good, or kept elsewhere."""
        self._tickets.pop(name, None)
        self._refusals.pop(name, None)
        self._known.discard(name)
        self._leaving.discard(name)
        self._sent_by_others.discard(name)

    def doubt(self, parcel: Parcel) -> None:
        """Remember when a parcel on disk was refused as malformed."""
        if parcel.file is not None and parcel.refused_at is not None:
            self._refusals[parcel.file] = parcel.refused_at, parcel.refusals

    def note_gone(self, files: Mapping[str, bool]) -> Counter[str]:
        """Note that files are gone: sent by another process with the same key, damaged, or removed.

        Args:
            files: by name whether another process has left word that it sent them.

        Returns:
            What is lost, by reason.
        """
        lost: Counter[str] = Counter()
        for name, was_sent in files.items():
            ticket = self._tickets.get(name)
            if ticket is None or name in self._leaving or self._spool.is_removing(name):
                continue
            if name in self._spool.set_aside:
                lost[DAMAGED] += ticket.spans
            elif not was_sent:
                lost[REMOVED] += ticket.spans
            else:
                self.handed_over += ticket.spans
            self.leave(name)
        return lost

    def note_expired(self, evicted: Iterable[Evicted]) -> Counter[str]:
        """Note what was removed for its age; returns what is lost, by reason."""
        return self._lost(evicted, TOO_OLD)

    # What reads and writes files.

    def write(self, parcel: Parcel, *, merge: bool = True) -> Written | None:
        """Write a parcel to disk, in a file with others if it may merge; None where that fails now."""
        try:
            return self._spool.write(parcel.body, parcel.spans, merge=merge and parcel.refused_at is None)
        except OSError as error:
            self._rests_until = time.monotonic() + _REST_SECONDS
            if not self._said:
                self._said = True
                said = "spans cannot be kept on disk (%s): they wait in memory; TCC_SPOOL_DIR moves it"
                logger.warning(said, error)
            return None

    def names(self) -> list[str]:
        """Return the files, oldest first, and last those that were refused as malformed."""
        names = [name for name in self._spool.names() if self._may_be_sent(name)]
        return sorted(names, key=self._refusals.__contains__)

    def read(self, name: str) -> Parcel | None:
        """Return the parcel of a file, which stays on disk; None where it is gone or set aside."""
        stored = self._spool.read(name)
        if stored is None:
            return None
        ticket = self._tickets.get(name)
        refused_at, refusals = self._refusals.get(name, (None, 0))
        return Parcel(
            spans=stored.spans,
            size=len(stored.body),
            body=stored.body,
            receipts=ticket.receipts if ticket else {},
            born=time.monotonic(),
            file=name,
            is_own=ticket is not None,
            number=int(ticket.number) if ticket else 0,
            refused_at=refused_at,
            refusals=refusals,
        )

    def delete(self, name: str) -> None:
        """Remove a file; one that cannot be removed is not sent again by this process."""
        self._leaving.add(name)
        try:
            if not self._spool.wrote(name):
                self._spool.leave_word(name)
            self._spool.remove(name)
        except OSError as error:
            self._stuck.add(name)
            warn_once("spool stuck", "what was delivered cannot be removed from disk (%s)", error)

    def gone(self) -> dict[str, bool]:
        """Return the files of this process that are no longer there, and whether another one sent them."""
        missing = [name for name in list(self._tickets) if not self._spool.exists(name)]
        # Word is left before a file is removed; what this process removes itself needs none.
        missing = [name for name in missing if name not in self._leaving]
        self._sent_by_others.update(name for name in missing if self._spool.take_word(name))
        return {name: name in self._sent_by_others for name in missing}

    def expire(self) -> tuple[Evicted, ...]:
        """Remove what is too old, at most once a minute; called after an attempt to send has failed."""
        now = time.monotonic()
        if now < self._expires_at:
            return ()
        self._expires_at = now + _EXPIRE_SECONDS
        return self._spool.expire()

    def sweep(self) -> None:
        """Remove what killed processes left, at most once in ten minutes."""
        now = time.monotonic()
        if now >= self._sweeps_at:
            self._sweeps_at = now + _SWEEP_SECONDS
            self._spool.sweep()

    def exclusive(self) -> AbstractContextManager[bool]:
        """Return a block in which this process alone may send from the spool, if it is True."""
        return self._spool.exclusive()

    def may_hold_something(self) -> bool:
        """Return whether there are files, of this process or of others."""
        return bool(self._tickets) or not self._spool.is_empty()

    def renew_after_fork(self) -> None:
        """Own nothing in a forked child: what is on disk is the business of the parent process."""
        if self._found is not None:
            self._found.renew_after_fork()
        self._start_afresh()

    def _may_be_sent(self, name: str) -> bool:
        # A file of ours that is not known yet has just been written, and is about to be.
        return name not in self._stuck and (name in self._known or not self._spool.wrote(name))

    def _lost(self, evicted: Iterable[Evicted], reason: str, flying: Parcel | None = None) -> Counter[str]:
        lost: Counter[str] = Counter()
        for name, spans in evicted:
            self._spool.counted(name)
            if flying is not None and flying.file == name:
                flying.file = None
                self.leave(name)
                continue
            ticket = self._tickets.get(name)
            lost[reason if ticket else reason + OF_OTHERS] += spans
            if ticket is not None:
                for receipt in ticket.receipts.values():
                    receipt.settle(delivered=False)
            self.leave(name)
        return lost
