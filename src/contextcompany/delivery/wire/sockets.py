"""What surrounds a request: a deadline for the whole of it, and no instrumentation of ours by others.

The time limits of HTTP clients are per read: a server that answers byte by byte keeps a request for
ever. Here a timer shuts the socket down, which ends every read.
"""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from opentelemetry import context as otel_context
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

if TYPE_CHECKING:
    from collections.abc import Generator

    from urllib3 import PoolManager


class Sockets:
    """The open connections of one session."""

    def __init__(self) -> None:
        self._connections: WeakSet[Any] = WeakSet()

    def watch(self, pools: PoolManager) -> None:
        """Know every connection that a pool manager makes from now on."""
        pools.pool_classes_by_scheme = {
            "http": self._watched(HTTPConnectionPool),
            "https": self._watched(HTTPSConnectionPool),
        }

    @contextmanager
    def deadline(self, seconds: float) -> Generator[None]:
        """Shut all connections down if the block takes longer than so many seconds."""
        timer = threading.Timer(seconds, self._shut_down)
        timer.name = "contextcompany-deadline"
        timer.daemon = True
        # No thread can be started while the interpreter exits; the limits per read still hold then.
        with suppress(RuntimeError):
            timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def close(self) -> None:
        """Close the descriptors; in a forked child the parent's connections stay open.

        Past the client's own `close`, whose locks another thread of the parent may have held.
        """
        for connection in list(self._connections):
            with suppress(OSError, AttributeError):
                connection.sock.close()

    def _shut_down(self) -> None:
        for connection in list(self._connections):
            with suppress(OSError, AttributeError):
                connection.sock.shutdown(socket.SHUT_RDWR)

    def _watched(self, pool: type[HTTPConnectionPool]) -> Any:
        base: Any = pool.ConnectionCls

        def connect(connection: Any) -> None:
            self._connections.add(connection)
            base.connect(connection)

        watched = type(base.__name__, (base,), {"connect": connect})
        return type(pool.__name__, (pool,), {"ConnectionCls": watched})


@contextmanager
def uninstrumented() -> Generator[None]:
    """Keep instrumentations of HTTP clients away from the requests of a block."""
    before = otel_context.get_current()
    inside = before
    for key in ("_SUPPRESS_INSTRUMENTATION_KEY", "_SUPPRESS_HTTP_INSTRUMENTATION_KEY"):
        # The API has no public name for these keys, and not every version has both.
        known = getattr(otel_context, key, None)
        if isinstance(known, str):
            inside = otel_context.set_value(known, True, inside)
    token = otel_context.attach(inside)
    try:
        yield
    finally:
        otel_context.detach(token)
