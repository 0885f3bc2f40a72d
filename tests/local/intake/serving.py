"""A real server with nothing but the routes of intake, a store in memory, and requests, for the tests."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import TYPE_CHECKING

import uvicorn
from fastapi import FastAPI

from contextcompany.local.intake.routes import intake_router
from contextcompany.local.store.rows import Added

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from contextcompany.local.intake.keeping import Destination
    from contextcompany.local.otlp.spans import SpanRecord

PROTOBUF = {"Content-Type": "application/x-protobuf"}
JSON = {"Content-Type": "application/json"}


class Kept:
    """A store in memory that takes things in, as far as intake needs one.

    Args:
        before: Called with what is to be added; what it raises is raised.
    """

    def __init__(self, before: Callable[[Sequence[SpanRecord]], object] = lambda _: None) -> None:
        self.spans_by_id: dict[tuple[str, str], SpanRecord] = {}
        self.signals = {"logs": 0, "metrics": 0}
        self.batches: list[int] = []
        self._before = before
        self._lock = threading.Lock()

    @property
    def kept(self) -> list[SpanRecord]:
        """All spans, in the order they came."""
        return list(self.spans_by_id.values())

    def add(self, spans: Sequence[SpanRecord]) -> Added:
        """Keep each span once."""
        self._before(spans)
        with self._lock:
            new = {(span.trace_id, span.span_id): span for span in spans}
            known = new.keys() & self.spans_by_id.keys()
            self.spans_by_id |= {key: span for key, span in new.items() if key not in known}
            self.batches.append(len(spans))
        return Added(len(new) - len(known), len(known))

    def count_signals(self, *, logs: int = 0, metrics: int = 0) -> None:
        """Add to the counts."""
        with self._lock:
            self.signals = {
                "logs": self.signals["logs"] + logs,
                "metrics": self.signals["metrics"] + metrics,
            }


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_up.set()


@contextmanager
def served(store: Destination, *, body_seconds: float = 30.0) -> Iterator[int]:
    """Serve the routes of intake on a free port until the block ends."""
    app = FastAPI(openapi_url=None)
    app.include_router(intake_router(store, body_seconds=body_seconds))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", ws="none")
        server = _Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            assert server.is_up.wait(10)
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(10)
            assert not thread.is_alive()


def ask(
    port: int,
    path: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    method: str = "POST",
) -> tuple[int, dict[str, str], bytes]:
    """Send one request on a connection of its own; return status, headers in lower case, and body."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body, dict(headers or {}))
        response = connection.getresponse()
        answer = response.read()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, answer
    finally:
        connection.close()
