"""What an outbox holds in memory, within its bounds, and the counts of what became of it.

No thread, no clock and no lock of its own: the outbox calls it with its lock held.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, Final

from contextcompany.delivery.outbox.counters import OF_OTHERS, Counters
from contextcompany.delivery.outbox.parcel import Parcel

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from contextcompany.delivery.outbox.dispatch import Dispatched
    from contextcompany.delivery.outbox.entry import Entry

MOST_SPANS: Final = 50_000
MOST_BYTES: Final = 32 << 20
BATCH_SPANS: Final = 512
BATCH_BYTES: Final = 2 << 20

OUTBOX_FULL: Final = "outbox full"
AT_SHUTDOWN: Final = "undelivered at shutdown"
NOT_WRITTEN: Final = "undelivered at shutdown, and the disk could not be written"


class Stock:
    """Entries that wait to be encoded, parcels that wait to be sent, the parcel on its way.

    Attributes:
        parcels: encoded, in memory only, oldest first.
        added: how many entries were added so far.
        in_hand: what is being written to disk.
        on_the_way: what is being sent.
    """

    def __init__(self) -> None:
        self.parcels: deque[Parcel] = deque()
        self.in_hand: Parcel | None = None
        self.on_the_way: Parcel | None = None
        self._waiting: deque[Entry] = deque()
        self.added = 0
        self._waiting_bytes = 0
        self._packing = 0
        self._packing_bytes = 0
        self._parcel_bytes = 0
        self._parcel_spans = 0
        self._counts = Counters()
        self._packing_number = 0
        # What was counted as lost while it was worked on, and may still come to a better end.
        self._given_up: set[Parcel] = set()
        self._given_up_for = AT_SHUTDOWN
        self._packing_given_up = 0

    def __len__(self) -> int:
        """Return how many entries wait to be encoded."""
        return len(self._waiting)

    @property
    def is_worked_on(self) -> bool:
        """Return whether something is being encoded or written to disk."""
        return self._packing > 0 or self.in_hand is not None

    @property
    def has_full_batch(self) -> bool:
        """Return whether what waits fills a batch."""
        return len(self._waiting) >= BATCH_SPANS or self._waiting_bytes >= BATCH_BYTES

    @property
    def is_filling(self) -> bool:
        """Return whether so much waits that nothing else can be waited for."""
        return self._waiting_bytes >= MOST_BYTES // 8

    @property
    def is_crowded(self) -> bool:
        """Return whether half of the room for what is not encoded yet is taken."""
        return self._waiting_bytes > _most_waiting_bytes() // 2 or len(self._waiting) > MOST_SPANS // 2

    @property
    def has_enough_parcels(self) -> bool:
        """Return whether more is encoded than the next requests will take."""
        return self._parcel_bytes >= 2 * BATCH_BYTES

    @property
    def pending(self) -> int:
        """Return how many spans are in memory only."""
        way = self.on_the_way
        flying = way.spans if way is not None and way.file is None and way not in self._given_up else 0
        written = self.in_hand.spans if self.in_hand is not None else 0
        return len(self._waiting) + self._packing + self._parcel_spans + written + flying

    @property
    def oldest(self) -> float:
        """Return the number of the oldest entry in memory, counted from 1; infinite where there is none."""
        parcels = (*self.parcels, self.in_hand, self.on_the_way)
        numbers = [parcel.number for parcel in parcels if parcel is not None and parcel.is_own]
        if self._packing:
            numbers.append(self._packing_number)
        if self._waiting:
            numbers.append(self.added - len(self._waiting) + 1)
        return min(numbers, default=float("inf"))

    def put(self, entry: Entry) -> int:
        """Take an entry if half of the room is free for certain; returns how many wait, 0 where it is not."""
        waiting, size, way = self._waiting, entry.size, self.on_the_way
        held = self._waiting_bytes + self._parcel_bytes + 2 * self._packing_bytes + size
        if (
            2 * held > MOST_BYTES
            or 2 * (len(waiting) + self._packing + self._parcel_spans) >= MOST_SPANS
            or self.in_hand is not None
            or (way is not None and 4 * way.size > MOST_BYTES)
        ):
            return 0
        waiting.append(entry)
        self.added += 1
        self._waiting_bytes += size
        return len(waiting)

    def add(self, entry: Entry) -> list[str]:
        """Take an entry, and drop the oldest beyond the bounds; returns reasons that are new."""
        said: list[str] = []
        while self._waiting and self._has_no_room(entry.size):
            said += self._drop_entry()
        while self._is_full(entry.size) and (self.parcels or self._waiting):
            said += self._drop_parcel() if self.parcels else self._drop_entry()
        self._waiting.append(entry)
        self.added += 1
        self._waiting_bytes += entry.size
        return said

    def take_batch(self) -> list[Entry]:
        """Take the entries of one batch to encode them."""
        batch: list[Entry] = []
        size = 0
        first = self.added - len(self._waiting) + 1
        while self._waiting and len(batch) < BATCH_SPANS:
            size += self._waiting[0].size
            if batch and size > BATCH_BYTES:
                break
            batch.append(self._waiting.popleft())
        taken = sum(entry.size for entry in batch)
        self._waiting_bytes -= taken
        if batch and not self._packing:
            self._packing_number = first
        self._packing += len(batch)
        self._packing_bytes += taken
        return batch

    def return_batch(self, batch: Sequence[Entry]) -> None:
        """Take entries back that were not packed; what was given up meanwhile is lost already."""
        if self._packing_given_up:
            self._packing_given_up -= len(batch)
            return
        self._waiting.extendleft(reversed(batch))
        size = sum(entry.size for entry in batch)
        self._waiting_bytes += size
        self._packing -= len(batch)
        self._packing_bytes -= size

    def put_packed(self, batch: Sequence[Entry], parcels: Iterable[Parcel], lost: Counter[str]) -> list[str]:
        """Take the parcels that a batch became; returns reasons of loss that are new."""
        if self._packing_given_up:
            self._packing_given_up -= len(batch)
            for parcel in parcels:
                parcel.settle(delivered=False)
            return []
        for entry in batch:
            self._packing -= 1
            self._packing_bytes -= entry.size
        for parcel in parcels:
            parcel.number = self._packing_number
            self.put_back(parcel, at_front=False)
        return self.lose(lost)

    def put_back(self, parcel: Parcel, *, at_front: bool) -> None:
        """Let a parcel wait in memory."""
        if at_front:
            self.parcels.appendleft(parcel)
        else:
            self.parcels.append(parcel)
        self._parcel_bytes += parcel.size
        self._parcel_spans += parcel.spans

    def take_parcel(self) -> Parcel:
        """Take the oldest parcel."""
        parcel = self.parcels.popleft()
        self._parcel_bytes -= parcel.size
        self._parcel_spans -= parcel.spans
        return parcel

    def bring_back(self) -> None:
        """Let the parcel that was on its way wait again, as if it had not been sent."""
        parcel, self.on_the_way = self.on_the_way, None
        if parcel is not None and parcel.file is None and parcel not in self._given_up:
            self.put_back(parcel, at_front=True)

    def settle(self, parcel: Parcel, result: Dispatched) -> list[str]:
        """Count what became of the parcel that was on its way; returns reasons of loss that are new."""
        self.on_the_way = None
        self.reclaim(parcel)
        counts = self._counts
        if result.outcome.reason:
            counts.last_error = result.outcome.reason
        if parcel.is_own:
            counts.delivered += result.delivered
            return self.lose(result.lost)
        counts.recovered += result.delivered
        return self.lose(Counter({reason + OF_OTHERS: count for reason, count in result.lost.items()}))

    def put_down(self, parcel: Parcel, *, is_kept: bool) -> None:
        """Take note of a parcel that was in hand: it is on disk now, or waits in memory again."""
        self.in_hand = None
        if is_kept:
            self.reclaim(parcel)
        elif parcel not in self._given_up:
            self.put_back(parcel, at_front=True)

    def reclaim(self, parcel: Parcel) -> None:
        """Count a parcel as lost no more that was given up, and is on disk or delivered after all."""
        if parcel in self._given_up:
            self._given_up.remove(parcel)
            self._counts.dropped[self._given_up_for] -= parcel.spans

    def lose(self, lost: Counter[str]) -> list[str]:
        """Count spans as lost; returns the reasons that were not counted before."""
        new = [reason for reason, count in lost.items() if count and not self._counts.dropped[reason]]
        self._counts.dropped.update(lost)
        return new

    def take_together(self) -> Parcel:
        """Take the oldest parcels as one, up to a batch: each file costs calls to the system.

        Serialized OTLP requests that are joined are one valid request.
        """
        first = self.take_parcel()
        together = [first]
        size = first.size
        while self.parcels and first.refused_at is None and first.is_own:
            further = self.parcels[0]
            size += further.size
            if further.refused_at is not None or not further.is_own or size > BATCH_BYTES:
                break
            together.append(self.take_parcel())
        if len(together) == 1:
            return first
        receipts = {span: receipt for one in together for span, receipt in one.receipts.items()}
        return Parcel(
            spans=sum(one.spans for one in together),
            size=sum(one.size for one in together),
            body=b"".join(one.body for one in together),
            receipts=receipts,
            born=first.born,
            number=min(one.number for one in together),
        )

    def settle_receipts(self, *, delivered: bool) -> None:
        """Tell all who wait for something in memory."""
        for entry in self._waiting:
            entry.settle(delivered=delivered)
        for parcel in self.parcels:
            parcel.settle(delivered=delivered)

    def give_up(self, reason: str = AT_SHUTDOWN) -> int:
        """Count all that is in memory only as lost; a request that still ends takes its spans out again."""
        self._given_up_for = reason
        self.settle_receipts(delivered=False)
        lost = self.pending
        self._packing_given_up += self._packing
        if self.on_the_way is not None and self.on_the_way.file is None:
            self._given_up.add(self.on_the_way)
        if self.in_hand is not None:
            self._given_up.add(self.in_hand)
            self.in_hand.settle(delivered=False)
        self._waiting.clear()
        self.parcels.clear()
        self.in_hand = None
        self._waiting_bytes = self._packing = self._packing_bytes = 0
        self._parcel_bytes = self._parcel_spans = 0
        if lost:
            self._counts.dropped[reason] += lost
        return lost

    def begin_counts_anew(self) -> None:
        """Forget what was counted so far."""
        self._counts = Counters()

    def counters(self) -> Counters:
        """Return a snapshot of the counts, without what only the spool knows."""
        counts = self._counts
        return Counters(
            delivered=counts.delivered,
            pending=self.pending,
            dropped=+counts.dropped,
            recovered=counts.recovered,
            last_error=counts.last_error,
        )

    def _is_full(self, further: int) -> bool:
        flying = self.on_the_way.size if self.on_the_way is not None else 0
        written = self.in_hand.size if self.in_hand is not None else 0
        held = self._waiting_bytes + self._parcel_bytes + flying
        # A batch is held as spans and as bytes while it is encoded, a file twice while it is written.
        held += 2 * (self._packing_bytes + written)
        return self.pending >= MOST_SPANS or held + further > MOST_BYTES

    def _has_no_room(self, further: int) -> bool:
        return self._waiting_bytes + further > _most_waiting_bytes()

    def _drop_parcel(self) -> list[str]:
        parcel = self.take_parcel()
        parcel.settle(delivered=False)
        return self.lose(Counter({OUTBOX_FULL: parcel.spans}))

    def _drop_entry(self) -> list[str]:
        entry = self._waiting.popleft()
        self._waiting_bytes -= entry.size
        entry.settle(delivered=False)
        return self.lose(Counter({OUTBOX_FULL: 1}))


def _most_waiting_bytes() -> int:
    # A quarter is for what is encoded, written and sent: the allocator does not give back what the spans
    # took that were there before.
    return MOST_BYTES - MOST_BYTES // 4
