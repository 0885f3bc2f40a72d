"""The store in a file: what is handed over is written down, what is asked is looked up."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from contextcompany.local.store.interface import RunStore
from contextcompany.local.store.rows import Added, RunDetail, RunOutline, StoreError, StoreStats
from contextcompany.local.store.sqlite.asking import addresses as address_queries
from contextcompany.local.store.sqlite.asking import feedback as feedback_queries
from contextcompany.local.store.sqlite.asking import groups as group_queries
from contextcompany.local.store.sqlite.asking import listing, outline
from contextcompany.local.store.sqlite.asking import overview as overview_queries
from contextcompany.local.store.sqlite.asking import values as value_queries
from contextcompany.local.store.sqlite.asking.whole import MOST_SPANS, spans_of
from contextcompany.local.store.sqlite.tables.database import (
    Readers,
    check,
    connect,
    create,
    explained,
    make_folder,
    reached,
)
from contextcompany.local.store.sqlite.tables.nodes import address_of, arrival_of
from contextcompany.local.store.sqlite.tables.numbers import Numbers, add_to, count
from contextcompany.local.store.sqlite.tables.ownership import own
from contextcompany.local.store.sqlite.writing.batch import write
from contextcompany.local.store.sqlite.writing.keeping import Keeper

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence

    from contextcompany.local.otlp.spans import SpanRecord
    from contextcompany.local.store.filters import RunFilter
    from contextcompany.local.store.rows import (
        Exchange,
        FeedbackRow,
        GroupBy,
        GroupRow,
        Overview,
        Page,
        RunRow,
    )
    from contextcompany.local.store.sqlite.tables.ownership import Ownership

# Whoever waits for a change that another process makes looks this often.
_SECONDS_BETWEEN_LOOKS: Final = 0.1
_RUNS_AT_ONCE: Final = 100


class SqliteRunStore(RunStore):
    """Runs in a SQLite database; `open` makes one. Also a context manager that closes it."""

    def __init__(
        self,
        path: Path,
        writer: sqlite3.Connection | None,
        ownership: Ownership | None,
        max_age_days: float | None,
        max_bytes: int | None,
    ) -> None:
        self.path = path
        self._readers = Readers(path)
        self._writer = writer
        self._ownership = ownership
        self._lock = threading.Lock()
        self._changed = threading.Condition()
        self._is_closed = False
        self._pending = {"logs": 0, "metrics": 0}
        self._numbers = Numbers(0, 0, 0, 0)
        self._newest = 0
        self._closing = threading.Event()
        self._keeper: Keeper | None = None
        if writer is not None:
            self._numbers = Numbers.load(writer)
            self._newest = self._numbers.change
            if max_age_days is not None or max_bytes is not None:
                self._keeper = Keeper(self._writing, self._between, max_age_days, max_bytes)

    @classmethod
    def open(
        cls,
        path: Path | str,
        *,
        read_only: bool = False,
        url: str = "",
        max_age_days: float | None = None,
        max_bytes: int | None = None,
    ) -> Self:
        """Open a database; one that is not there is made, unless it is only read.

        Args:
            path: Where it is. A second file beside it, which ends in `.lock`, says who writes to it.
            read_only: Whether to read alone, which any number of processes may do while one writes.
            url: The address under which this process serves it, for `owner_url`.
            max_age_days: Runs that began longer ago leave; None keeps them.
            max_bytes: The oldest runs leave while the database is bigger; None keeps them.

        Raises:
            StoreLockedError: Another process writes to it.
            StoreFullError: The disk is full.
            StoreError: It is of another version or of another application, damaged, or not there.
        """
        place = Path(path)
        if read_only:
            if not place.is_file():
                raise StoreError(
                    f"{place} is not there: start `tcc serve` once, or name another database with --db"
                )
            with explained(place):
                reader = connect(place, "ro")
                try:
                    check(reader, place)
                finally:
                    reader.close()
            return cls(place, None, None, None, None)
        with reached(place):
            make_folder(place)
            ownership = own(place, url)
        with ownership, explained(place):
            create(place)
            return cls(place, connect(place, "rw"), ownership, max_age_days, max_bytes)

    def announce(self, url: str) -> None:
        """Say under which address this process serves the database, for `owner_url`."""
        if self._ownership is not None:
            self._ownership.announce(url)

    def add(self, spans: Sequence[SpanRecord]) -> Added:
        """Keep spans; see the interface."""
        if not spans:
            return Added(0)
        # Made ready before the lock is taken: threads that add wait for each other as little as possible.
        arrivals = [arrival_of(span) for span in spans]
        with self._writing() as connection:
            return write(connection, self._numbers, arrivals)

    def add_all(self, batches: Iterable[Sequence[SpanRecord]]) -> Added:
        """Keep what an import brings, all or nothing; see the interface."""
        accepted = duplicates = 0
        with self._writing() as connection:
            for spans in batches:
                if spans:
                    added = write(connection, self._numbers, [arrival_of(span) for span in spans])
                    accepted += added.accepted
                    duplicates += added.duplicates
        return Added(accepted, duplicates)

    def count_signals(self, *, logs: int = 0, metrics: int = 0) -> None:
        """Count records of other signals; see the interface. They are written with the next batch."""
        with self._changed:
            self._pending["logs"] += logs
            self._pending["metrics"] += metrics

    def runs(self, wanted: RunFilter, *, limit: int = 50, cursor: str | None = None) -> Page[RunRow]:
        """List top-level runs; see the interface."""
        with self._readers.reading() as connection:
            return listing.runs(connection, wanted, limit=limit, cursor=cursor)

    def count_runs(self, wanted: RunFilter, *, limit: int = 10_000) -> int:
        """Count top-level runs; see the interface."""
        with self._readers.reading() as connection:
            return listing.count_runs(connection, wanted, limit=limit)

    def changed_runs(self, wanted: RunFilter, since: int, *, limit: int = 200) -> tuple[RunRow, ...]:
        """Return the top-level runs that changed after `since`; see the interface."""
        with self._readers.reading() as connection:
            return listing.changed_runs(connection, wanted, since, limit=limit)

    def last_change(self) -> int:
        """Return the number of the newest change; see the interface."""
        if self._ownership is not None:
            return self._newest
        with self._readers.reading() as connection:
            return count(connection, "change")

    def wait_for_change(self, since: int, timeout: float) -> int:
        """Wait for a change after `since`, or for the time in seconds to pass; see the interface."""
        deadline = time.monotonic() + timeout
        if self._ownership is not None:
            with self._changed:
                self._changed.wait_for(lambda: self._newest > since or self._is_closed, timeout)
                return self._newest
        newest = self.last_change()
        while newest <= since and (left := deadline - time.monotonic()) > 0:
            if self._closing.wait(min(left, _SECONDS_BETWEEN_LOOKS)):
                break
            newest = self.last_change()
        return newest

    def run(self, address: str) -> RunDetail | None:
        """Return one run whole; see the interface. Of a run beyond all measure the first 20,000 spans."""
        with self._readers.reading() as connection:
            found = connection.execute(
                "SELECT * FROM run WHERE address = ?", (address_of(address),)
            ).fetchone()
            if found is None:
                return None
            row = listing.run_row(connection, found)
            return RunDetail(row, spans_of(connection, found["id"], found["top"], MOST_SPANS))

    def row(self, address: str) -> RunRow | None:
        """Return the line of one run; see the interface."""
        with self._readers.reading() as connection:
            found = connection.execute(
                "SELECT * FROM run WHERE address = ?", (address_of(address),)
            ).fetchone()
            return None if found is None else listing.run_row(connection, found)

    def outline(self, address: str) -> RunOutline | None:
        """Return one run with its spans as lines; see the interface. Of a run beyond all measure as `run`."""
        with self._readers.reading() as connection:
            found = connection.execute(
                "SELECT * FROM run WHERE address = ?", (address_of(address),)
            ).fetchone()
            if found is None:
                return None
            return RunOutline(
                row=listing.run_row(connection, found),
                lines=outline.lines_of(connection, found["id"]),
                parents=outline.parents_of(connection, found["id"]),
            )

    def bodies(self, ids: Sequence[tuple[str, str]]) -> tuple[SpanRecord, ...]:
        """Return spans by their ids; see the interface."""
        with self._readers.reading() as connection:
            return outline.bodies(connection, ids)

    def exchanges(self, addresses: Sequence[str]) -> Mapping[str, Exchange]:
        """Return the spans that say what was asked and answered; see the interface."""
        with self._readers.reading() as connection:
            return outline.exchanges(connection, addresses)

    def session(self, session_id: str, *, limit: int = 200) -> tuple[RunRow, ...]:
        """Return the top-level runs of a session; see the interface."""
        with self._readers.reading() as connection:
            return listing.session(connection, session_id, limit=limit)

    def addresses(self, prefix: str, *, limit: int = 20) -> tuple[str, ...]:
        """Return the addresses of runs that begin with a text; see the interface."""
        with self._readers.reading() as connection:
            return address_queries.addresses(connection, prefix, limit=limit)

    def nested_runs(self, address: str) -> tuple[RunRow, ...]:
        """Return the runs directly inside a run; see the interface."""
        with self._readers.reading() as connection:
            return listing.nested_runs(connection, address_of(address))

    def groups(
        self,
        by: GroupBy,
        wanted: RunFilter,
        *,
        order: str = "runs",
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[GroupRow]:
        """Put the runs together that share something; see the interface."""
        with self._readers.reading() as connection:
            return group_queries.groups(connection, by, wanted, order=order, limit=limit, cursor=cursor)

    def feedback(self, wanted: RunFilter, *, limit: int = 50, cursor: str | None = None) -> Page[FeedbackRow]:
        """List feedback on the runs that match; see the interface."""
        with self._readers.reading() as connection:
            return feedback_queries.feedback(connection, wanted, limit=limit, cursor=cursor)

    def overview(self, wanted: RunFilter, *, buckets: int = 48) -> Overview:
        """Sum up top-level runs over time; see the interface."""
        with self._readers.reading() as connection:
            return overview_queries.overview(connection, wanted, buckets=buckets)

    def values(self, of: str, prefix: str = "", *, limit: int = 20) -> tuple[str, ...]:
        """Return what a filter can be set to; see the interface."""
        with self._readers.reading() as connection:
            return value_queries.values(connection, of, prefix, limit=limit)

    def whole_runs(self, wanted: RunFilter) -> Iterator[RunDetail]:
        """Return the top-level runs that match, each whole; see the interface."""
        cursor: str | None = None
        while True:
            page = self.runs(wanted, limit=_RUNS_AT_ONCE, cursor=cursor)
            for row in page.items:
                with self._readers.reading() as connection:
                    found = connection.execute(
                        "SELECT id, top FROM run WHERE address = ?", (row.address,)
                    ).fetchone()
                    spans = spans_of(connection, found["id"], found["top"]) if found else ()
                if spans:
                    yield RunDetail(row, spans)
            cursor = page.cursor
            if cursor is None:
                return

    def expire(self) -> int:
        """Let go of what is too old or too much; see the interface."""
        return self._keeper.expire() if self._keeper is not None else 0

    def stats(self) -> StoreStats:
        """Count what is here; see the interface."""
        with self._changed:
            pending = dict(self._pending)
        with self._readers.reading() as connection:
            return StoreStats(
                runs=connection.execute("SELECT count(*) FROM run WHERE parent IS NULL").fetchone()[0],
                spans=connection.execute("SELECT count(*) FROM span").fetchone()[0],
                bytes=sum(
                    file.stat().st_size
                    for file in (self.path, self.path.with_name(self.path.name + "-wal"))
                    if file.is_file()
                ),
                duplicates=count(connection, "duplicates"),
                expired=count(connection, "expired"),
                logs=count(connection, "logs") + pending["logs"],
                metrics=count(connection, "metrics") + pending["metrics"],
            )

    def close(self) -> None:
        """Write down what is left and let go of the database; see the interface."""
        self._closing.set()
        if self._keeper is not None:
            self._keeper.close()
        if self._writer is not None and any(self._pending.values()):
            with suppress(StoreError), self._writing():
                pass
        with self._lock:
            self._is_closed = True
            writer, self._writer = self._writer, None
            self._readers.close()
            if writer is not None:
                # The last connection that closes also folds the log into the database.
                writer.close()
        if self._ownership is not None:
            self._ownership.release()
        with self._changed:
            self._changed.notify_all()

    def __enter__(self) -> Self:
        """Return the store."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the store."""
        self.close()

    @contextmanager
    def _between(self) -> Generator[sqlite3.Connection]:
        """Lend the connection that writes, outside of a transaction."""
        with self._lock, explained(self.path):
            if self._writer is None:
                raise StoreError(f"{self.path} is {'closed' if self._is_closed else 'open for reading only'}")
            yield self._writer

    @contextmanager
    def _writing(self) -> Generator[sqlite3.Connection]:
        """Lend the connection that writes, in a transaction that is committed where the block succeeds."""
        with self._between() as writer:
            kept = replace(self._numbers)
            with self._changed:
                pending, self._pending = self._pending, dict.fromkeys(self._pending, 0)
            try:
                writer.execute("BEGIN IMMEDIATE")
                yield writer
                for name, more in pending.items():
                    add_to(writer, name, more)
                writer.execute("COMMIT")
            except BaseException:
                if writer.in_transaction:
                    writer.execute("ROLLBACK")
                self._numbers = kept
                with self._changed:
                    for name, more in pending.items():
                        self._pending[name] += more
                raise
        if self._newest != self._numbers.change:
            with self._changed:
                self._newest = self._numbers.change
                self._changed.notify_all()
