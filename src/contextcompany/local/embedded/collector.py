"""A small OTLP/HTTP collector inside this process, for a desk and for tests; loopback only."""

from __future__ import annotations

import errno
from collections import deque
from typing import TYPE_CHECKING, Final, Self

from contextcompany.local.embedded.connections import CollectorServer
from contextcompany.local.embedded.memory import SpanStore
from contextcompany.local.otlp.hosts import is_loopback

if TYPE_CHECKING:
    from types import TracebackType

    from contextcompany.local.embedded.handler import RequestRecord

_MOST_RECORDED_REQUESTS: Final = 10_000
_LARGEST_PORT: Final = 65535


class Collector:
    """Receive spans over OTLP/HTTP on a loopback address and keep them in memory.

    It takes `POST /v1/traces` in protobuf and in JSON, plain or compressed, and answers `GET /healthz` with
    JSON that identifies it. Usable as a context manager; may be started again after a stop.

    Args:
        host: A loopback address, or `localhost` for 127.0.0.1.
        port: The port to listen on; 0 means any free one.
        fallback: Take any free port where the port is taken, instead of raising.
        record_requests: Keep method, path, headers, status and number of spans of each request.
        store: Where spans go; a new store unless given.
        idle_seconds: How long a connection may wait for its next request before it is closed.
        request_seconds: How long a request may take to arrive before its connection is closed.

    Raises:
        ValueError: The host is reachable from elsewhere, or the port is none.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        fallback: bool = False,
        record_requests: bool = False,
        store: SpanStore | None = None,
        idle_seconds: float = 75.0,
        request_seconds: float = 30.0,
    ) -> None:
        if not is_loopback(host):
            raise ValueError(
                f"the local collector listens on loopback addresses only, got host={host!r}: "
                "use '127.0.0.1', and an OpenTelemetry Collector where other machines send spans"
            )
        if not 0 <= port <= _LARGEST_PORT:
            raise ValueError(f"port must be 0 to {_LARGEST_PORT}, got {port}: use 0 for any free one")
        self.store: Final = SpanStore() if store is None else store
        self._host = "127.0.0.1" if host.lower() == "localhost" else host
        self._wanted_port = port
        self._fallback = fallback
        self._requests: deque[RequestRecord] | None = (
            deque(maxlen=_MOST_RECORDED_REQUESTS) if record_requests else None
        )
        self._idle_seconds = idle_seconds
        self._request_seconds = request_seconds
        self._server: CollectorServer | None = None
        self._port: int | None = None

    def start(self) -> Self:
        """Listen and serve in daemon threads until `stop()`.

        Raises:
            RuntimeError: It is running already.
            OSError: The address cannot be listened on, say because the port is taken.
        """
        if self._server is not None:
            raise RuntimeError(f"this collector is running already at {self.url}: stop() it first")
        try:
            server = self._listen(self._wanted_port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            if not self._fallback:
                raise OSError(
                    error.errno,
                    f"port {self._wanted_port} of {self._host} is taken: choose another, port=0 for any "
                    "free one, or fallback=True for this one if it is free",
                ) from error
            server = self._listen(0)
        self._port = server.server_address[1]
        self._server = server
        server.start()
        return self

    def stop(self) -> None:
        """Answer what was received, close all connections and join all threads; idempotent."""
        server, self._server = self._server, None
        if server is not None:
            server.stop()

    @property
    def port(self) -> int:
        """The port that it listens on, or did until it was stopped; RuntimeError before `start()`."""
        if self._port is None:
            raise RuntimeError("this collector has no port yet: start() it first")
        return self._port

    @property
    def url(self) -> str:
        """The base URL for senders, such as `http://127.0.0.1:4318`; RuntimeError before `start()`."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self.port}"

    @property
    def requests(self) -> tuple[RequestRecord, ...]:
        """The newest 10,000 requests, oldest first; RuntimeError unless made with `record_requests=True`."""
        if self._requests is None:
            raise RuntimeError("this collector records no requests: make it with record_requests=True")
        return tuple(self._requests)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = "not started" if self._port is None else self.url
        if self._port is not None and self._server is None:
            state += " stopped"
        return f"<Collector {state} spans={len(self.store)}>"

    def _listen(self, port: int) -> CollectorServer:
        return CollectorServer(
            (self._host, port),
            self.store,
            self._requests,
            idle_seconds=self._idle_seconds,
            request_seconds=self._request_seconds,
        )
