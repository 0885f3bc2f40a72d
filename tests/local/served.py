"""A server over a store of its own, asked over real connections."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

from contextcompany.local.server.serving import Server
from contextcompany.local.store.sqlite.store import SqliteRunStore

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from pathlib import Path

    from contextcompany.local.server.access import Access


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered; names of headers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """Return the body as text."""
        return self.body.decode("utf-8")

    @property
    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Served:
    """A server that runs, and its store."""

    server: Server
    store: SqliteRunStore
    headers: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def origin(self) -> str:
        """Return the origin of its own pages."""
        return f"http://localhost:{self.server.port}"

    def ask(
        self,
        path: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        address: str = "127.0.0.1",
    ) -> Answer:
        """Send one request on a connection of its own."""
        connection = HTTPConnection(address, self.server.port, timeout=20)
        try:
            own = {"Host": f"localhost:{self.server.port}"} | self.headers | dict(headers or {})
            connection.request(method, path, body, own)
            response = connection.getresponse()
            return Answer(
                response.status,
                {name.lower(): value for name, value in response.getheaders()},
                response.read(),
            )
        finally:
            connection.close()


@contextmanager
def served(folder: Path, *, access: Access | None = None) -> Generator[Served]:
    """Serve a store in a folder until the block ends."""
    with SqliteRunStore.open(folder / "runs.db") as store, Server(store, port=0, access=access) as server:
        yield Served(server, store)
