"""The two collectors under measurement: how each is started, counted, listed and opened."""

from __future__ import annotations

import base64
import json
import sqlite3
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from benchmarks.local.workload import Batch

_SECONDS: Final = 300.0
_OK: Final = 200
_JSON: Final = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Request:
    """What a browser asks for when a person opens a page; `body` is that of a POST."""

    path: str
    body: bytes | None = None

    def ask(self, client: Client) -> bytes:
        """Send it and return the answer; RuntimeError unless that is a success with content."""
        method, headers = ("GET", {}) if self.body is None else ("POST", _JSON)
        status, content = client.request(method, self.path, self.body, headers)
        if status != _OK or not content or b'"errors"' in content:
            raise RuntimeError(f"{self.path}: {status} {content[:500]!r}")
        return content


class Client:
    """One connection that is kept open, and opened again where the other side closed it in between."""

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=_SECONDS)

    def request(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        """Send a request; return status and content of the answer."""
        try:
            return self._once(method, path, body, headers)
        except (ConnectionError, HTTPException):
            self._connection.close()
            return self._once(method, path, body, headers)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _once(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        self._connection.request(method, path, body, dict(headers))
        response = self._connection.getresponse()
        return response.status, response.read()


class Subject(Protocol):
    """A collector that can be measured."""

    name: str

    def command(self, port: int, folder: Path) -> tuple[list[str], dict[str, str]]:
        """Return the command that starts it and the environment it needs."""

    def stored(self, client: Client, folder: Path) -> int:
        """Count the spans that can be asked for."""

    def pages(self, last: Batch) -> Mapping[str, Request]:
        """Return what its pages ask for: the list of runs, a filtered one, a search, one run."""


class Ours:
    """`tcc serve`."""

    name = "contextcompany"

    def __init__(self, python: str) -> None:
        self._python = python

    def command(self, port: int, folder: Path) -> tuple[list[str], dict[str, str]]:
        """Return the command that starts it and the environment it needs."""
        database = str(folder / "local.db")
        return [self._python, "-m", "contextcompany", "serve", "--port", str(port), "--db", database], {}

    def stored(self, client: Client, folder: Path) -> int:  # noqa: ARG002 - the others look there
        """Count the spans that can be asked for."""
        return int(json.loads(Request("/api/stats").ask(client))["spans"])

    def pages(self, last: Batch) -> Mapping[str, Request]:
        """Return what its pages ask for."""
        return {
            "list": Request("/runs"),
            "list, filtered": Request("/runs?status=failed"),
            "list, searched": Request(f"/runs?text={quote(last.word)}"),
            "run": Request(f"/runs/{last.run_id}"),
            "overview": Request("/"),
        }


class Phoenix:
    """Arize Phoenix on SQLite; its pages are an application that asks by GraphQL for what it shows."""

    name = "arize-phoenix"

    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries

    def command(self, port: int, folder: Path) -> tuple[list[str], dict[str, str]]:
        """Return the command that starts it and the environment it needs."""
        return [str(self._binaries / "phoenix"), "serve"], {
            "PHOENIX_HOST": "127.0.0.1",
            "PHOENIX_PORT": str(port),
            "PHOENIX_GRPC_PORT": str(port + 1),
            "PHOENIX_WORKING_DIR": str(folder),
            "PHOENIX_TELEMETRY_ENABLED": "false",
        }

    def stored(self, client: Client, folder: Path) -> int:  # noqa: ARG002 - its API does not count
        """Count the spans that are in its database."""
        path = folder / "phoenix.db"
        if not path.exists():
            return 0
        database = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=30.0)
        try:
            return int(database.execute("SELECT count(*) FROM spans").fetchone()[0])
        finally:
            database.close()

    def pages(self, last: Batch) -> Mapping[str, Request]:
        """Return the queries behind its pages, without what they do not show at first."""
        project = base64.b64encode(b"Project:1").decode()
        return {
            "list": _query(project, _LIST % ""),
            "list, filtered": _query(project, _LIST % " and status_code == 'ERROR'"),
            "list, searched": _query(project, _LIST % f" and '{last.word}' in input.value"),
            "run": _query(project, _TRACE % last.trace_id),
            "overview": _query(project, _FIGURES),
        }


def _query(project: str, selection: str) -> Request:
    query = f'{{node(id:"{project}"){{...on Project{{{selection}}}}}}}'
    return Request("/graphql", json.dumps({"query": query}).encode())


_LIST: Final = """
spans(first: 50, filterCondition: "parent_span is None%s", sort: {col: startTime, dir: desc}) {
  edges { node { id name spanKind statusCode startTime latencyMs spanId
    trace { id traceId session { id } } input { truncatedValue } output { truncatedValue }
    cumulativeTokenCountTotal metadata } }
  pageInfo { endCursor hasNextPage } }
"""
_TRACE: Final = """
trace(traceId: "%s") { latencyMs spans(first: 1000) { edges { node { id name spanKind statusCode statusMessage
  startTime endTime parentId latencyMs attributes input { value } output { value } tokenCountTotal
  events { name message timestamp } } } } }
"""
_FIGURES: Final = """
recordCount traceCount tokenCountTotal latencyMsP50: latencyMsQuantile(probability: 0.5)
latencyMsP99: latencyMsQuantile(probability: 0.99)
"""
