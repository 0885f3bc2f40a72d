"""The connections of one session: how they are opened, and how they end at exit and after a fork."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager
from functools import partial
from http.client import HTTPResponse, IncompleteRead
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakSet

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from urllib3.util.ssl_ import create_urllib3_context

from contextcompany.delivery.wire.sockets import (
    Exchange,
    TimedSocket,
    TimedSSLSocket,
    current,
    exchange,
    shut_down,
)

if TYPE_CHECKING:
    from collections.abc import Generator
    from io import BufferedReader

    from urllib3 import PoolManager

_SWITCHING_PROTOCOLS: Final = 101
CONNECT_SECONDS: Final = 5.0


class Connections:
    """The connections that belong to one session."""

    def __init__(self) -> None:
        self._opened: WeakSet[socket.socket] = WeakSet()
        self._lock = threading.Lock()
        self._pools: WeakSet[HTTPConnectionPool] = WeakSet()

    def watch(self, manager: PoolManager) -> None:
        """Let a pool manager make connections that keep to the time of an exchange."""
        classes: Any = {
            "http": partial(self._pool, HTTPConnectionPool, _TimedHTTPConnection),
            "https": partial(self._pool, HTTPSConnectionPool, _TimedHTTPSConnection),
        }
        manager.pool_classes_by_scheme = classes

    @contextmanager
    def exchange(self, seconds: float) -> Generator[Exchange]:
        """Give all requests of a block so many seconds together."""
        with exchange(seconds, self._add) as made:
            yield made

    def close(self) -> None:
        """Close all connections; a request under way in another thread ends at once, without an answer."""
        with self._lock:
            opened = list(self._opened)
        for sock in opened:
            shut_down(sock)
        # Not left to the client: it closes by finalizers, which no longer run while the process exits.
        for pool in list(self._pools):
            pool.close()

    def abandon(self) -> None:
        """Close the descriptors in a forked child; the parent's connections stay open.

        Takes no lock: another thread of the parent may have held it.
        """
        for sock in list(self._opened):
            descriptor = sock.detach()
            if descriptor >= 0:
                socket.close(descriptor)
        for pool in list(self._pools):
            queue: Any = pool.pool
            if queue is not None:
                # The finalizer of the pool would wait for the lock that the queue came with.
                queue.__init__(queue.maxsize)

    def _add(self, sock: socket.socket) -> None:
        with self._lock:
            self._opened.add(sock)

    def _pool(self, kind: type[HTTPConnectionPool], connection: Any, *args: Any, **options: Any) -> Any:
        pool = kind(*args, **options)
        pool.ConnectionCls = connection
        self._pools.add(pool)
        return pool


class _FinalResponse(HTTPResponse):
    """An answer whose head is complete, and the last one to its request.

    The base takes a head that breaks off for a complete one, even within its first line, and every
    interim answer but 100 for the last.
    """

    def begin(self, *args: Any, **options: Any) -> None:
        begun: Any = self
        stream = begun.fp
        begun.fp = head = _Head(stream)
        try:
            super().begin(*args, **options)
            while self.status < 200 and self.status != _SWITCHING_PROTOCOLS:  # noqa: PLR2004  (the interim answers of HTTP)
                begun.headers = begun.msg = None
                super().begin(*args, **options)
        finally:
            if begun.fp is head:  # the base puts it away with what is no HTTP
                begun.fp = stream


class _Head:
    """The lines of an answer's head."""

    def __init__(self, stream: BufferedReader) -> None:
        self._stream = stream
        self._has_begun = False

    def readline(self, most: int) -> bytes:
        line = self._stream.readline(most)
        is_cut = not line.endswith(b"\n") and len(line) < most
        # What does not begin as HTTP does is judged by the caller.
        if is_cut and (self._has_begun or line.startswith(b"HTTP/")):
            raise IncompleteRead(line)
        self._has_begun = True
        return line

    def close(self) -> None:
        self._stream.close()


class _TimedHTTPConnection(HTTPConnection):
    response_class = _FinalResponse

    def _new_conn(self) -> socket.socket:
        return _opened(self)


class _TimedHTTPSConnection(HTTPSConnection):
    response_class = _FinalResponse

    def _new_conn(self) -> socket.socket:
        return _opened(self)

    def connect(self) -> None:
        if getattr(self, "ssl_context", None) is None:
            self.ssl_context = create_urllib3_context()
            self.ssl_context.sslsocket_class = TimedSSLSocket
        super().connect()
        made = current()
        if made is not None and isinstance(self.sock, socket.socket):
            made.has_opened(self.sock)


def _opened(connection: HTTPConnection) -> socket.socket:
    """Connect to one of a host's addresses within the time for connecting, all addresses together.

    Asking for the addresses comes on top: no system has a limit for that.
    """
    made = current()
    if made is not None:
        made.connects()
    host, port = connection.host, connection.port
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NewConnectionError(connection, f"{host} cannot be resolved") from error
    seconds = CONNECT_SECONDS if made is None else min(made.left(), CONNECT_SECONDS)
    until = time.monotonic() + seconds
    last: OSError | None = None
    for tried, (family, kind, protocol, _, address) in enumerate(found):
        left = until - time.monotonic()
        if left <= 0:
            last = TimeoutError("the time for connecting is over")
            break
        try:
            sock = TimedSocket(family, kind, protocol)
        except OSError as error:  # a family that this machine does not have
            last = error
            continue
        try:
            for option in connection.socket_options or ():
                sock.setsockopt(*option)
            # An address that never answers leaves time for the next.
            sock.settimeout(left / (len(found) - tried))
            sock.connect(address)
        except OSError as error:
            sock.close()
            last = error
            continue
        if made is not None:
            made.has_opened(sock)
        return sock
    if isinstance(last, TimeoutError):
        raise ConnectTimeoutError(connection, f"no connection to {host} in {seconds:.1f} s") from last
    raise NewConnectionError(connection, f"no connection to {host}") from last
