"""Connections that cannot be held open for nothing: where there are many, those that only wait make room."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final, cast

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio

    from uvicorn.protocols.http.h11_impl import RequestResponseCycle

MOST_CONNECTIONS: Final = 512
"""So many may be open; each costs a file, of which a process has a thousand or fewer."""

HEAD_SECONDS: Final = 15.0
"""How long the head of a request may take from its first byte, or from the connection."""


def _most() -> int:
    """Leave half of the files that a process may have open to the database and the pages."""
    if sys.platform == "win32":
        return MOST_CONNECTIONS
    import resource

    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return MOST_CONNECTIONS if files == resource.RLIM_INFINITY else max(16, min(MOST_CONNECTIONS, files // 2))


class Connection(H11Protocol):
    """A connection with a bound on the time in which nothing is asked, and a place to give up.

    Uvicorn waits for the first byte of a request, and for the last of its head, as long as it takes.
    """

    most: int = _most()
    head_seconds: float = HEAD_SECONDS

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection; beyond the bound, the one that has waited longest for its other end goes."""
        self._head_task: asyncio.TimerHandle | None = None
        self.since: float = self.loop.time()
        super().connection_made(transport)
        self._expect_head()
        if len(self.connections) > self.most:
            self._make_room()

    def data_received(self, data: bytes) -> None:
        """Read on; the time for a head runs from its first byte until it is whole."""
        super().data_received(data)
        if self._is_asked:
            self._forget_head()
        elif self._head_task is None:
            self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of the timer."""
        self._forget_head()
        super().connection_lost(exc)

    @property
    def _is_asked(self) -> bool:
        # Uvicorn has none before the first request, and does not say so.
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return cycle is not None and not cycle.response_complete

    @property
    def waits(self) -> bool:
        """Whether it is the other end that has to do something next."""
        return not self._is_asked or self.cycle.more_body or self.flow.write_paused

    def _expect_head(self) -> None:
        self._head_task = self.loop.call_later(self.head_seconds, self._give_up)

    def _forget_head(self) -> None:
        if self._head_task is not None:
            self._head_task.cancel()
            self._head_task = None

    def _give_up(self) -> None:
        self._head_task = None
        if not self._is_asked:
            self.transport.abort()

    def _make_room(self) -> None:
        ours: list[Connection] = [one for one in self.connections if isinstance(one, Connection)]
        waiting = [one for one in ours if one.waits and not one.transport.is_closing()]
        min(waiting, key=_since, default=self).transport.abort()


def _since(one: Connection) -> float:
    return one.since
