"""What the collector and the dashboard need of a store, so that a second kind can stand beside SQLite."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from contextcompany.local.otlp.spans import SpanRecord
    from contextcompany.local.store.filters import RunFilter
    from contextcompany.local.store.rows import (
        Added,
        Exchange,
        FeedbackRow,
        GroupBy,
        GroupRow,
        Overview,
        Page,
        RunDetail,
        RunOutline,
        RunRow,
        StoreStats,
    )


class RunStore(Protocol):
    """Keep spans and answer questions about runs; every method may be called by any thread."""

    @abstractmethod
    def add(self, spans: Sequence[SpanRecord]) -> Added:
        """Keep spans; when this returns they survive the end of the process, however it ends.

        A span that is here already is counted and left out. All are kept or none.

        Raises:
            StoreFullError: The disk is full.
            StoreLockedError: The database is written to by another process.
        """

    @abstractmethod
    def add_all(self, batches: Iterable[Sequence[SpanRecord]]) -> Added:
        """Keep what an import brings, all or nothing: an exception of the iterable leaves no trace."""

    @abstractmethod
    def count_signals(self, *, logs: int = 0, metrics: int = 0) -> None:
        """Count records of other signals, which came and are not kept."""

    @abstractmethod
    def runs(self, wanted: RunFilter, *, limit: int = 50, cursor: str | None = None) -> Page[RunRow]:
        """List top-level runs in the order the filter names.

        Raises:
            BadCursorError: The cursor is none of this list.
        """

    @abstractmethod
    def count_runs(self, wanted: RunFilter, *, limit: int = 10_000) -> int:
        """Count top-level runs, up to `limit`."""

    @abstractmethod
    def changed_runs(self, wanted: RunFilter, since: int, *, limit: int = 200) -> tuple[RunRow, ...]:
        """Return the top-level runs that changed after the change number `since`, latest change last."""

    @abstractmethod
    def last_change(self) -> int:
        """Return the number of the newest change, 0 in an empty store."""

    @abstractmethod
    def wait_for_change(self, since: int, timeout: float) -> int:
        """Wait until there is a change after `since` or the time in seconds is over; return the newest."""

    @abstractmethod
    def run(self, address: str) -> RunDetail | None:
        """Return one run whole, nested or not; None if nothing of it is here."""

    @abstractmethod
    def row(self, address: str) -> RunRow | None:
        """Return the line of one run, nested or not; None if nothing of it is here."""

    @abstractmethod
    def outline(self, address: str) -> RunOutline | None:
        """Return one run with its spans as lines, without their content; None if nothing of it is here."""

    @abstractmethod
    def bodies(self, ids: Sequence[tuple[str, str]]) -> tuple[SpanRecord, ...]:
        """Return the spans of these pairs of trace id and span id, as far as they are here, in that order."""

    @abstractmethod
    def exchanges(self, addresses: Sequence[str]) -> Mapping[str, Exchange]:
        """Return the spans that say what was asked of each of these runs and what it answered."""

    @abstractmethod
    def session(self, session_id: str, *, limit: int = 200) -> tuple[RunRow, ...]:
        """Return the top-level runs of a session, earliest first; the newest `limit` of them."""

    @abstractmethod
    def nested_runs(self, address: str) -> tuple[RunRow, ...]:
        """Return the runs directly inside a run, earliest first."""

    @abstractmethod
    def groups(
        self,
        by: GroupBy,
        wanted: RunFilter,
        *,
        order: str = "runs",
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[GroupRow]:
        """Put the runs together that share something.

        Args:
            by: What they share.
            wanted: Which runs.
            order: `runs`, `cost`, `failed`, `slowest` or `recent`; most or newest first.
            limit: How many to return.
            cursor: Where to go on.

        Raises:
            BadCursorError: The cursor is none of this list.
        """

    @abstractmethod
    def feedback(self, wanted: RunFilter, *, limit: int = 50, cursor: str | None = None) -> Page[FeedbackRow]:
        """List feedback on the runs that match, newest first."""

    @abstractmethod
    def overview(self, wanted: RunFilter, *, buckets: int = 48) -> Overview:
        """Sum up top-level runs over time, between the filter's bounds or those of what is here."""

    @abstractmethod
    def values(self, of: str, prefix: str = "", *, limit: int = 20) -> tuple[str, ...]:
        """Return what a filter can be set to, most used first.

        Args:
            of: `agent`, `user`, `org`, `session`, `model`, `tool`, `error`, `metadata` (its keys) or
                `metadata.<key>`.
            prefix: What they begin with, without regard to case.
            limit: How many to return.
        """

    @abstractmethod
    def whole_runs(self, wanted: RunFilter) -> Iterator[RunDetail]:
        """Return the top-level runs that match, each whole, in the order of the filter; for an export."""

    @abstractmethod
    def addresses(self, prefix: str, *, limit: int = 20) -> tuple[str, ...]:
        """Return the addresses of runs, nested or not, that begin with a text, in their own order."""

    @abstractmethod
    def expire(self) -> int:
        """Let go of what is too old or too much; return how many spans went."""

    @abstractmethod
    def stats(self) -> StoreStats:
        """Count what is here."""

    @abstractmethod
    def close(self) -> None:
        """Write down what is left and let go of the database; idempotent."""
