"""`tcc runs`: list runs, and show further ones as they come."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Annotated, Final

import typer

from contextcompany.cli.database import DatabaseOption, reading
from contextcompany.cli.filtering import with_filters
from contextcompany.cli.records import print_record, run_record
from contextcompany.cli.screens import end_without_reader, say, screen
from contextcompany.local.store.filters import RunFilter
from contextcompany.local.store.interface import RunStore
from contextcompany.local.store.rows import RunRow
from contextcompany.local.terminal.table import runs_table

_MOST_RUNS: Final = 100_000
_PAGE: Final = 200
_WAIT_SECONDS: Final = 1.0
# A run whose own span does not come is shown as it is after a while; its process may have been killed.
_OPEN_SECONDS: Final = 5.0
_MOST_REMEMBERED: Final = 20_000


@with_filters
def runs(
    *,
    wanted: RunFilter,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=_MOST_RUNS, help="At most so many.")] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Show further runs as they come.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object per line.")] = False,
    database: DatabaseOption = None,
) -> None:
    """List runs, newest first; `tcc show` takes the beginning of an id."""
    with reading(database) as store:
        if follow:
            _follow(store, wanted, limit, as_json=as_json)
            return
        found = list(newest(store, wanted, limit))
        if as_json:
            _print(found, as_json=True)
        elif found:
            _print(found, as_json=False, has_head=True)
            _say_what_is_left(store, wanted, len(found))
        else:
            is_filtered = bool(replace(wanted, order="newest").pairs())
            screen().print("No run matches." if is_filtered else "No runs yet.")


def newest(store: RunStore, wanted: RunFilter, limit: int) -> Iterator[RunRow]:
    """Give the first runs of a list, page by page."""
    cursor: str | None = None
    while limit > 0:
        page = store.runs(wanted, limit=min(limit, _PAGE), cursor=cursor)
        yield from page.items
        limit -= len(page.items)
        cursor = page.cursor
        if cursor is None:
            return


def _follow(store: RunStore, wanted: RunFilter, limit: int, *, as_json: bool) -> None:
    change = store.last_change()
    following = Following()
    known = list(newest(store, wanted.but(order="newest"), limit))
    _print(following.ready(reversed(known), time.monotonic()), as_json=as_json, has_head=True)
    while True:
        fresh = store.changed_runs(wanted, change, limit=_PAGE)
        change = max([change, *(row.change for row in fresh)])
        _print(following.ready(fresh, time.monotonic()), as_json=as_json)
        if len(fresh) < _PAGE:
            store.wait_for_change(change, _WAIT_SECONDS)
            end_without_reader()


class Following:
    """Tell which runs are to be shown when: once they have ended, or have been open for a while."""

    def __init__(self) -> None:
        self._shown: dict[str, str] = {}
        self._open: dict[str, tuple[float, RunRow]] = {}

    def ready(self, rows: Iterable[RunRow], now: float) -> list[RunRow]:
        """Return what is to be shown now, given what changed.

        Args:
            rows: Runs that are new, or have changed.
            now: The time in seconds of a clock that only goes forward.
        """
        found: list[RunRow] = []
        for row in rows:
            if row.status == "open":
                if row.address not in self._shown:
                    since, _ = self._open.get(row.address, (now, row))
                    self._open[row.address] = since, row
                continue
            self._open.pop(row.address, None)
            if self._shown.get(row.address, "open") == "open":
                found.append(row)
        found += [row for since, row in self._open.values() if now - since >= _OPEN_SECONDS]
        for row in found:
            self._open.pop(row.address, None)
            self._shown.pop(row.address, None)
            self._shown[row.address] = row.status
        while len(self._shown) > _MOST_REMEMBERED:
            del self._shown[next(iter(self._shown))]
        return found


def _print(rows: Sequence[RunRow], *, as_json: bool, has_head: bool = False) -> None:
    if as_json:
        for row in rows:
            print_record(run_record(row))
    elif rows or has_head:
        console = screen()
        console.print(runs_table(rows, width=console.width, has_head=has_head))
        console.file.flush()


def _say_what_is_left(store: RunStore, wanted: RunFilter, shown: int) -> None:
    most = 10_000
    there = store.count_runs(wanted, limit=most)
    if there > shown:
        count = f"{there:,}" if there < most else f"more than {most - 1:,}"
        say(f"{shown:,} of {count} runs; --limit shows more.")
