"""The listening socket and the open connections: a thread each, bounded in number and in time."""

from __future__ import annotations

import itertools
import os
import selectors
import socket
import socketserver
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final, cast

from contextcompany.diagnostics import guard
from contextcompany.local.embedded.handler import CollectorHandler

if TYPE_CHECKING:
    from collections import deque

    from contextcompany.local.embedded.handler import RequestRecord
    from contextcompany.local.embedded.memory import SpanStore

MOST_CONNECTIONS: Final = 128
"""How many connections may be open at once; one more is answered 503."""

_THREAD_NAME: Final = "contextcompany-local-collector"
_SWEEP_SECONDS: Final = 0.25
_STOP_SECONDS: Final = 2.0
_BUSY: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
)


class CollectorServer(socketserver.TCPServer):
    """Accept connections and hand each to a handler in a daemon thread of its own.

    Args:
        address: Host and port to listen on.
        store: Where spans go.
        requests: Where requests are recorded, or None.
        idle_seconds: How long a connection may wait for its next request.
        request_seconds: How long a request may take from its first line to its end.

    Raises:
        OSError: The address cannot be listened on.
    """

    # On POSIX this lets a port be taken again right after a stop; elsewhere it would let two listen on one.
    allow_reuse_address = os.name == "posix"
    request_queue_size = MOST_CONNECTIONS
    # handle_request() takes what is ready and never waits: a sender may be gone before it is accepted.
    timeout = 0.0

    def __init__(
        self,
        address: tuple[str, int],
        store: SpanStore,
        requests: deque[RequestRecord] | None,
        *,
        idle_seconds: float,
        request_seconds: float,
    ) -> None:
        self.store = store
        self.large_body = threading.Lock()
        self._requests = requests
        self._idle_seconds = idle_seconds
        self._request_seconds = request_seconds
        self._lock = threading.Lock()
        self._deadlines: dict[socket.socket, float] = {}
        # Touched by the accepting thread only, and by stop() once that one has ended.
        self._threads: list[threading.Thread] = []
        self._numbers = itertools.count(1)
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, _handle)
        self._wake, self._woken = socket.socketpair()
        self._acceptor = threading.Thread(target=self._accept, name=_THREAD_NAME, daemon=True)

    def start(self) -> None:
        """Begin to accept connections."""
        self._acceptor.start()

    def stop(self) -> None:
        """Stop accepting, let requests that are here be answered, close all connections, join all threads."""
        self._wake.close()
        self._acceptor.join()
        self._woken.close()
        self.server_close()
        # An end of input is what a handler sees when its sender leaves: idle ones go, busy ones answer first.
        self._shut_connections(socket.SHUT_RD)
        deadline = time.monotonic() + _STOP_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._shut_connections(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def request_begins(self, connection: socket.socket) -> None:
        """Set the time by which the request must be complete."""
        self._set_deadline(connection, self._request_seconds)

    def request_ended(self, connection: socket.socket) -> None:
        """Set the time by which the next request must begin."""
        self._set_deadline(connection, self._idle_seconds)

    def record(self, request: RequestRecord) -> None:
        """Take note of a request before it is answered."""
        if self._requests is not None:
            self._requests.append(request)

    def process_request(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        """Give a new connection its thread, or answer 503 where too many are open."""
        connection = cast("socket.socket", request)
        thread = threading.Thread(
            target=self._serve_connection,
            args=(connection, client_address),
            name=f"{_THREAD_NAME}-{next(self._numbers)}",
            daemon=True,
        )
        with self._lock:
            is_free = len(self._deadlines) < MOST_CONNECTIONS
            if is_free:
                self._deadlines[connection] = time.monotonic() + self._idle_seconds
        if not is_free:
            with suppress(OSError):
                connection.send(_BUSY)
            self.shutdown_request(connection)
            return
        try:
            thread.start()
        except RuntimeError:
            # The machine gives no more threads; the sender tries again.
            self._leave(connection)
        else:
            self._threads.append(thread)

    def _accept(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while True:
                ready = {key.fileobj for key, _ in selector.select(_SWEEP_SECONDS)}
                if self._woken in ready:
                    return
                if ready:
                    self.handle_request()
                self._sweep()

    def _sweep(self) -> None:
        """Forget threads that have ended, and end connections whose time is over."""
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        now = time.monotonic()
        with self._lock:
            late = [connection for connection, deadline in self._deadlines.items() if deadline < now]
        for connection in late:
            _shut(connection, socket.SHUT_RDWR)

    def _serve_connection(self, connection: socket.socket, address: object) -> None:
        try:
            with guard:
                self.finish_request(connection, address)
        finally:
            self._leave(connection)

    def _leave(self, connection: socket.socket) -> None:
        # The place is free before the sender sees the end, so that it may come back at once.
        with self._lock:
            del self._deadlines[connection]
        self.shutdown_request(connection)

    def _set_deadline(self, connection: socket.socket, seconds: float) -> None:
        with self._lock:
            self._deadlines[connection] = time.monotonic() + seconds

    def _shut_connections(self, how: int) -> None:
        with self._lock:
            connections = list(self._deadlines)
        for connection in connections:
            _shut(connection, how)


def _handle(connection: socket.socket, address: object, server: CollectorServer) -> CollectorHandler:
    return CollectorHandler(server, connection, address, server)


def _shut(connection: socket.socket, how: int) -> None:
    # The other side may have closed it a moment before.
    with suppress(OSError):
        connection.shutdown(how)
