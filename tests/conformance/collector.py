"""A backend that takes any path: OTLP over HTTP is kept, everything else is answered politely."""

from __future__ import annotations

import gzip
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final, Self

from contextcompany.local.otlp.protobuf import decode_protobuf

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from contextcompany.local.otlp.spans import SpanRecord

_TRACES: Final = "/v1/traces"
_PROJECT: Final = b'{"project_name": "conformance", "project_url": "http://127.0.0.1/"}'
"""The answer to the question of one package whose key this is."""


class AnyPathCollector:
    """Receive spans on loopback, as a context manager, and keep each one as often as it arrives."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spans: list[SpanRecord] = []
        self._headers: list[Mapping[str, str]] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                collector.take(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
                self._answer(b"" if self.path.endswith(_TRACES) else b"{}")

            def do_GET(self) -> None:
                self._answer(_PROJECT)

            def _answer(self, body: bytes) -> None:
                kind = "application/json" if body else "application/x-protobuf"
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(
                self,
                format: str,  # noqa: A002  (its name there)
                *arguments: Any,
            ) -> None:
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, request: Any, client_address: Any) -> None:
                """Say nothing of a program that ended in the middle of a request."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """The base URL for senders."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def take(self, path: str, headers: Mapping[str, str], body: bytes) -> None:
        """Keep what a request brought."""
        if headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        spans = decode_protobuf(body)[0] if path.partition("?")[0].endswith(_TRACES) else []
        with self._lock:
            self._headers.append(headers)
            self._spans.extend(spans)

    @property
    def spans(self) -> tuple[SpanRecord, ...]:
        """All spans so far, in the order in which they arrived."""
        with self._lock:
            return tuple(self._spans)

    @property
    def headers(self) -> tuple[Mapping[str, str], ...]:
        """The headers of all POST requests so far, names in lower case."""
        with self._lock:
            return tuple(self._headers)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
