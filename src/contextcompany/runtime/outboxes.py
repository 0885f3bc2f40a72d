"""The outboxes of this process: one for each destination and way to get there.

They outlive a `configure`: what waits for a destination goes on waiting for it, and is counted once.
"""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from contextcompany.delivery.outbox.outbox import Outbox
from contextcompany.delivery.outbox.shelf import Shelf
from contextcompany.delivery.outbox.sinks import CollectorSink

if TYPE_CHECKING:
    from contextcompany.delivery.outbox.entry import Prepare
    from contextcompany.delivery.spool.spool import Spool
    from contextcompany.settings.destination import Destination
    from contextcompany.settings.settings import Settings


class _Way(NamedTuple):
    destination: Destination
    spool: bool
    spool_dir: str | None
    proxies: bool
    ca_bundle: str | None


class Outboxes:
    """Make an outbox when it is first needed, and find it again."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._found: dict[_Way, Outbox] = {}

    def get(
        self,
        destination: Destination,
        settings: Settings,
        *,
        user_agent: str,
        prepare: Prepare,
        reopen: bool,
    ) -> Outbox:
        """Return the outbox of a destination.

        Args:
            destination: where to.
            settings: how to get there.
            user_agent: how requests name their sender.
            prepare: what happens to spans that do not bring a preparation of their own.
            reopen: whether one that was closed takes spans again.
        """
        way = _way(destination, settings)
        with self._lock:
            found = self._found.get(way)
            if found is None:
                sink = CollectorSink(
                    destination,
                    user_agent=user_agent,
                    prepare=prepare,
                    proxies=settings.proxies,
                    ca_bundle=settings.ca_bundle,
                )
                found = Outbox(sink, shelf=_shelf(destination, settings))
                self._found[way] = found
        if reopen:
            found.reopen()
        return found

    def has_left_something(self, destination: Destination, settings: Settings) -> bool:
        """Return whether something for a destination lies on disk."""
        shelf = _shelf(destination, settings)
        return shelf is not None and shelf.may_hold_something()

    def all(self) -> list[Outbox]:
        """Return all of them."""
        with self._lock:
            return list(self._found.values())

    def forget(self) -> None:
        """Begin anew, with none."""
        with self._lock:
            self._found.clear()

    def renew_after_fork(self) -> None:
        """Empty all of them in a forked child."""
        self._lock = threading.RLock()
        for box in self._found.values():
            box.renew_after_fork()


def _way(destination: Destination, settings: Settings) -> _Way:
    return _Way(destination, settings.spool, settings.spool_dir, settings.proxies, settings.ca_bundle)


def _shelf(destination: Destination, settings: Settings) -> Shelf | None:
    if not settings.spool or destination.is_implicit:
        return None
    return Shelf(partial(_spool, destination, settings.spool_dir))


def _spool(destination: Destination, spool_dir: str | None) -> Spool:
    from contextcompany.delivery.spool.location import folder_of
    from contextcompany.delivery.spool.spool import Spool

    return Spool(partial(folder_of, destination, spool_dir=spool_dir))
