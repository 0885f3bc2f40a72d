"""Letting go of old runs in the background, in steps between which others write."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

from contextcompany.diagnostics import logger
from contextcompany.local.store.rows import StoreError
from contextcompany.local.store.sqlite.writing import retention

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from contextlib import AbstractContextManager

_NS_PER_DAY: Final = 86_400_000_000_000
_SECONDS_BETWEEN: Final = 60.0
_SECONDS_TO_GIVE_WAY: Final = 0.002


class Keeper:
    """Keep a database within its bounds, once a minute and when asked.

    Args:
        writing: Lends the connection that writes, in a transaction.
        between: Lends it outside of one.
        max_age_days: Runs that began longer ago leave.
        max_bytes: The oldest runs leave while the database is bigger.
    """

    def __init__(
        self,
        writing: Callable[[], AbstractContextManager[sqlite3.Connection]],
        between: Callable[[], AbstractContextManager[sqlite3.Connection]],
        max_age_days: float | None,
        max_bytes: int | None,
    ) -> None:
        self._writing = writing
        self._between = between
        self._max_age_days = max_age_days
        self._max_bytes = max_bytes
        self._expiring = threading.Lock()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="tcc-store-retention", daemon=True)
        self._thread.start()

    def expire(self) -> int:
        """Let go of what is too old or too much; return how many spans went."""
        # Two at a time would each remove all that is too much.
        with self._expiring:
            removed = self._remove()
            if removed:
                self._tidy_up()
            return removed

    def close(self) -> None:
        """Stop after the step that is under way."""
        self._closing.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._closing.wait(_SECONDS_BETWEEN):
            try:
                self.expire()
            except StoreError as error:
                logger.warning("old runs could not be removed: %s", error)

    def _remove(self) -> int:
        removed = 0
        before_ns = None
        if self._max_age_days is not None:
            before_ns = time.time_ns() - round(self._max_age_days * _NS_PER_DAY)
        with self._between() as connection:
            surplus = retention.surplus(connection, self._max_bytes)
        while not self._closing.is_set():
            with self._writing() as connection:
                went = retention.remove_some(connection, before_ns, surplus - removed)
            if not went:
                break
            removed += went
            self._give_way()
        return removed

    def _tidy_up(self) -> None:
        with self._between() as connection:
            has_more = retention.is_untidy(connection)
        is_first = True
        while has_more and not self._closing.is_set():
            with self._writing() as connection:
                has_more = retention.tidy(connection, is_first=is_first)
            is_first = False
            self._give_way()
        has_more = True
        while has_more and not self._closing.is_set():
            with self._between() as connection:
                has_more = retention.give_back(connection)
            self._give_way()

    def _give_way(self) -> None:
        """Let whoever waits to add spans have a turn."""
        self._closing.wait(_SECONDS_TO_GIVE_WAY)
