"""Uvicorn as it is used here: quiet, bounded, and without a hand on the signals of the process."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import uvicorn

from contextcompany.local.server.connections import Connection

if TYPE_CHECKING:
    import asyncio
    import socket
    from collections.abc import Callable, Generator

    from starlette.types import ASGIApp

_KEEP_ALIVE_SECONDS: Final = 75
_STOP_SECONDS: Final = 1
_MOST_HEADER_BYTES: Final = 64 * 1024


def config(app: ASGIApp) -> uvicorn.Config:
    """Build the settings: HTTP/1.1 alone, nothing logged that may hold content, bounds on what is open."""
    return uvicorn.Config(
        app,
        loop="asyncio",
        http=Connection,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        # What fails is said by the application, without the message of the error.
        log_level="critical",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_STOP_SECONDS,
        h11_max_incomplete_event_size=_MOST_HEADER_BYTES,
    )


class Engine(uvicorn.Server):
    """Tell when requests are answered, and end live streams before all else.

    Args:
        settings: How to serve.
        closing: Set when the server begins to close.
        when_ready: Called once when requests are answered.
    """

    def __init__(
        self, settings: uvicorn.Config, closing: asyncio.Event, when_ready: Callable[[], object]
    ) -> None:
        super().__init__(settings)
        self._closing = closing
        self._when_ready = when_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer."""
        await super().startup(sockets)
        self._when_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End live streams, answer what is under way, and close."""
        self._closing.set()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals to the command that serves."""
        yield
