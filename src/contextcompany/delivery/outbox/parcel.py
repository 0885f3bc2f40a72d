"""What one request carries, on its way from the encoder to the collector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contextcompany.delivery.outbox.entry import Receipt
    from contextcompany.sdk import ReadableSpan


@dataclass(slots=True, eq=False, kw_only=True)
class Parcel:
    """Spans that go together, in the form that their sink sends.

    Attributes:
        spans: how many.
        size: bytes that it takes in memory.
        body: an `ExportTraceServiceRequest` in protobuf; empty for a sink that takes spans.
        items: the spans themselves, for a sink that takes them; else empty.
        receipts: who waits for which span, by span id.
        born: when it was made, in `time.monotonic()` seconds.
        file: its name in the spool, where it is on disk too.
        is_own: whether its spans were recorded by this process.
        number: the oldest of its spans, as the outbox counts what it gets.
        refused_at: how many requests the collector had taken when it first refused one that held
            these spans, or None.
        refusals: how many attempts ended with its refusal, with nothing taken.
    """

    spans: int
    size: int
    body: bytes = b""
    items: tuple[ReadableSpan, ...] = ()
    receipts: Mapping[int, Receipt]
    born: float
    file: str | None = None
    is_own: bool = True
    number: int = 0
    refused_at: int | None = None
    refusals: int = 0

    def settle(self, *, delivered: bool) -> None:
        """Tell all who wait."""
        for receipt in self.receipts.values():
            receipt.settle(delivered=delivered)
