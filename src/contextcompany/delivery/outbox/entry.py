"""An ended span on its way: what it takes in memory, and who waits for its fate."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from sys import getsizeof
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, cast

from contextcompany.delivery.spans.own import OwnSpan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opentelemetry.trace import Link

    from contextcompany.sdk import ReadableSpan

    Prepare = Callable[[ReadableSpan], ReadableSpan]

_SPAN_OVERHEAD: Final = 5_000
_OWN_OVERHEAD: Final = 2_500
_EVENT_OVERHEAD: Final = 400


class Receipt:
    """Somebody waits for the fate of one span."""

    __slots__ = ("_settled", "delivered")

    def __init__(self) -> None:
        self._settled = threading.Event()
        self.delivered = False

    def settle(self, *, delivered: bool) -> None:
        """Tell the one who waits."""
        self.delivered = delivered
        self._settled.set()

    def wait(self, timeout: float) -> bool:
        """Return whether a collector confirmed the span within so many seconds."""
        self._settled.wait(timeout)
        return self.delivered


class Entry:
    """One span that waits, what it weighs, what happens to it before it leaves, and who waits for it."""

    __slots__ = ("prepare", "receipt", "size", "span")

    def __init__(self, span: ReadableSpan, receipt: Receipt | None, prepare: Prepare | None = None) -> None:
        self.span = span
        self.prepare = prepare
        self.receipt = receipt
        if type(span) is OwnSpan and span.own_events is None:
            content = span.content
            if content is not None:
                self.size = _OWN_OVERHEAD + content.size
                if span.written is not None:
                    self.size += _weight_of_values(span.written)
                if span.own_links is not None:
                    self.size += _weight_of_links(span.own_links)
                return
        self.size = _SPAN_OVERHEAD + len(span.name)
        self.size += _weight_of_values(span.attributes)
        for event in span.events:
            self.size += _EVENT_OVERHEAD + len(event.name) + _weight(event.attributes)
        self.size += _weight_of_links(span.links)
        self.size += len(span.status.description or "")

    def settle(self, *, delivered: bool) -> None:
        """Tell the one who waits, if somebody does."""
        if self.receipt is not None:
            self.receipt.settle(delivered=delivered)


def _weight_of_values(attributes: Mapping[str, object] | None) -> int:
    # The caller pays for this. A copy knows its values; the mapping of the SDK looks each of them up.
    values = attributes.copy() if isinstance(attributes, MappingProxyType) else attributes or {}
    total = 0
    for value in values.values():
        total += getsizeof(value) if type(value) is str else _weight(value)
    return total


def _weight_of_links(links: Iterable[Link]) -> int:
    return sum(_EVENT_OVERHEAD + _weight(link.attributes) for link in links)


def _weight(value: object) -> int:
    """Estimate what a name, an attribute value or a mapping of them takes on the heap, in bytes."""
    if isinstance(value, str):
        return getsizeof(value)
    if isinstance(value, Mapping):
        pairs = cast("Mapping[object, object]", value)
        return sum(_weight(key) + _weight(one) for key, one in pairs.items())
    if isinstance(value, (list, tuple)):
        return sum(map(_weight, cast("Sequence[object]", value)))
    return len(value) if isinstance(value, bytes) else 30
