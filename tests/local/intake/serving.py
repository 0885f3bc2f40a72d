"""A real server with nothing but the routes of intake, and requests to it, for the tests."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import TYPE_CHECKING

import uvicorn
from fastapi import FastAPI

from contextcompany.local.intake.routes import intake_router

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from contextcompany.local.store.interface import RunStore


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_up.set()


@contextmanager
def served(store: RunStore, *, body_seconds: float = 30.0) -> Iterator[int]:
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
