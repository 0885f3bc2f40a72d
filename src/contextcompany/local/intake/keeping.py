"""Spans into the store: a bounded number at a time, and one that breaks it costs only itself."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Protocol

from contextcompany.diagnostics import guard, warn_once
from contextcompany.local.otlp.bodies import RefusedError
from contextcompany.local.otlp.spans import weight
from contextcompany.local.store.rows import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from contextcompany.local.otlp.spans import Refusals, SpanRecord

_MOST_AT_ONCE: Final = 2_048
# On its way into the store a text is there several times.
_MOST_CHARACTERS_AT_ONCE: Final = 2 * 1024 * 1024
_RETRY_SECONDS: Final = "5"


class Destination(Protocol):
    """What intake needs of a store; every RunStore is one."""

    def add(self, spans: Sequence[SpanRecord]) -> object:
        """Keep spans, all or none of them."""

    def count_signals(self, *, logs: int = 0, metrics: int = 0) -> None:
        """Count records of other signals."""


def keep(store: Destination, spans: Iterable[SpanRecord], refusals: Refusals) -> int:
    """Put spans into a store.

    Args:
        store: Where they go.
        spans: Read no faster than they are stored, so that those of a large body are not all in memory.
        refusals: Takes note of a span that the store cannot take.

    Returns:
        How many were taken, those that were there already included.

    Raises:
        RefusedError: 503 where the store cannot take any now; what was kept until then stays.
    """
    taken = 0
    batch: list[SpanRecord] = []
    size = 0
    for span in spans:
        batch.append(span)
        size += weight(span)
        if len(batch) == _MOST_AT_ONCE or size > _MOST_CHARACTERS_AT_ONCE:
            taken += _add(store, batch, refusals)
            batch, size = [], 0
    return taken + _add(store, batch, refusals) if batch else taken


def later(error: StoreError) -> RefusedError:
    """Return the answer for a store that cannot take anything now: it may be sent again."""
    warn_once(("local-store", type(error)), "the local collector cannot store what arrives: %s", error)
    return RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, str(error), (("Retry-After", _RETRY_SECONDS),))


def _add(store: Destination, spans: list[SpanRecord], refusals: Refusals) -> int:
    unavailable: StoreError | None = None
    with guard:
        try:
            store.add(spans)
            return len(spans)
        except StoreError as error:
            unavailable = error
    # Raised out here: the guard would keep it, and refuse for good what can be sent again.
    if unavailable is not None:
        raise later(unavailable) from unavailable
    if len(spans) == 1:
        refusals.add("a span cannot be stored")
        return 0
    middle = len(spans) // 2
    return _add(store, spans[:middle], refusals) + _add(store, spans[middle:], refusals)
