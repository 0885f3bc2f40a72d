"""A real HTTP server on loopback that answers by a script and remembers what it was asked."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

PATIENCE = 20.0
"""Seconds that a test waits for what must happen; only a failing test waits that long."""


@dataclass(frozen=True)
class Request:
    """One request as it arrived; names of headers in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def span_names(self) -> list[str]:
        """Return the names of the spans in an uncompressed protobuf body."""
        message = ExportTraceServiceRequest.FromString(self.body)
        return [
            span.name
            for resource in message.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


@dataclass(frozen=True)
class Answer:
    """How a request is answered.

    Attributes:
        status: the status code.
        body: the body.
        headers: further headers.
        length: what Content-Length claims, if not the length of the body.
        hangs: whether the answer waits until the server is released.
        pace: seconds between two bytes of the answer, or None for all at once.
    """

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    length: int | None = None
    hangs: bool = False
    pace: float | None = None

    def encoded(self) -> bytes:
        """Return the answer as it stands on the wire."""
        length = len(self.body) if self.length is None else self.length
        lines = [f"HTTP/1.1 {self.status} Scripted", f"Content-Length: {length}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        return "\r\n".join([*lines, "", ""]).encode() + self.body


class LoopbackServer:
    """Answer the first request with the first answer, and so on; the last answer stays.

    Args:
        *answers: the script; 200 without a body if there is none.
        port: the port to listen on; 0 for any free one.
    """

    def __init__(self, *answers: Answer, port: int = 0) -> None:
        self._answers = list(answers) or [Answer()]
        self._requests: list[Request] = []
        self._arrived = threading.Condition()
        self._released = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def port(self) -> int:
        """Return the port it listens on."""
        return self._server.server_address[1]

    @property
    def url(self) -> str:
        """Return the base URL, without a path."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def requests(self) -> list[Request]:
        """Return the requests so far."""
        with self._arrived:
            return list(self._requests)

    def wait_for(self, count: int) -> list[Request]:
        """Wait until so many requests have arrived, and return them."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self._requests) >= count, PATIENCE)
            return list(self._requests)

    def release(self) -> None:
        """Let hanging answers go."""
        self._released.set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.release()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(PATIENCE)

    def _next_answer(self, request: Request) -> Answer:
        with self._arrived:
            self._requests.append(request)
            answer = self._answers[min(len(self._requests), len(self._answers)) - 1]
            self._arrived.notify_all()
        return answer

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (named by its base)
                """Say nothing."""

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                answer = server._next_answer(Request(self.command, self.path, headers, body))
                if answer.hangs:
                    server._released.wait(PATIENCE)
                self.close_connection = True
                with suppress(OSError):  # the client may have gone
                    server._write(self, answer)

            do_GET = do_CONNECT = do_POST  # noqa: N815  (looked up by name)

        return Handler

    def _write(self, handler: BaseHTTPRequestHandler, answer: Answer) -> None:
        if answer.pace is None:
            handler.wfile.write(answer.encoded())
            return
        for byte in answer.encoded():
            handler.wfile.write(bytes([byte]))
            handler.wfile.flush()
            self._released.wait(answer.pace)
