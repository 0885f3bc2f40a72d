"""One connection to the collector: read a request, refuse it or take its spans in, answer, go on."""

from __future__ import annotations

import json
import socket
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Final, Protocol

from contextcompany.diagnostics import logger
from contextcompany.local.otlp.answers import JSON, PROTOBUF, accepted, refused
from contextcompany.local.otlp.bodies import RefusedError, has_body, read_body
from contextcompany.local.otlp.hosts import is_loopback
from contextcompany.local.otlp.json import decode_json
from contextcompany.local.otlp.protobuf import decode_protobuf
from contextcompany.local.otlp.spans import MalformedBodyError, Refusals
from contextcompany.semconv.local import LOCAL_COLLECTOR_SERVICE

if TYPE_CHECKING:
    import socketserver
    import threading
    from collections.abc import Mapping

    from contextcompany.local.embedded.memory import SpanStore
    from contextcompany.local.otlp.spans import SpanRecord

TRACES_PATH: Final = "/v1/traces"
HEALTH_PATH: Final = "/healthz"

_METHODS: Final = {HEALTH_PATH: ("GET", "HEAD"), TRACES_PATH: ("POST",)}
# How long a sender that was refused early may go on sending, so that it gets to read the answer.
_LINGER_SECONDS: Final = 2.0
_DRAIN_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """One request as it came in: names of headers in lower case, how it was answered, how many spans it had.

    `headers` stays out of the repr, since it may hold keys.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    status: int
    spans: int


class Intake(Protocol):
    """What a connection needs of its collector."""

    store: SpanStore
    large_body: threading.Lock

    def request_begins(self, connection: socket.socket) -> None:
        """Set the time by which the request must be complete."""

    def request_ended(self, connection: socket.socket) -> None:
        """Set the time by which the next request must begin."""

    def record(self, request: RequestRecord) -> None:
        """Take note of a request before it is answered."""


class CollectorHandler(BaseHTTPRequestHandler):
    """Speak HTTP/1.1 with one sender until it leaves."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    # Buffered, so that head and body of an answer leave in one packet.
    wbufsize = -1

    def __init__(
        self, intake: Intake, connection: socket.socket, address: object, server: socketserver.BaseServer
    ) -> None:
        self._intake = intake
        self._unread = False
        self._awaits_continue = False
        # Set before the first request is read, since what is no request is answered too.
        self.command = self.path = self.request_version = ""
        super().__init__(connection, address, server)

    def handle(self) -> None:
        """Answer requests until the sender leaves or its time is over."""
        try:
            super().handle()
        except (EOFError, OSError) as error:
            logger.debug("a sender left the local collector: %r", error)

    def finish(self) -> None:
        """Close both directions; the base class leaves one open when the sender is gone already."""
        try:
            with suppress(OSError):
                self.wfile.close()
        finally:
            self.rfile.close()

    def handle_one_request(self) -> None:
        """Answer one request and begin to wait for the next."""
        super().handle_one_request()
        self._intake.request_ended(self.connection)

    def parse_request(self) -> bool:
        """Read the head of a request; from its first line on, the time until its end is limited."""
        self._intake.request_begins(self.connection)
        self._awaits_continue = False
        return super().parse_request()

    def handle_expect_100(self) -> bool:
        """Remember that the sender waits before it sends the body; a refusal then costs it nothing."""
        self._awaits_continue = True
        return True

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what is no HTTP request that can be understood, and close."""
        self.close_connection = True
        reason = message or explain or HTTPStatus(code).phrase
        self._answer(HTTPStatus(code), *refused(JSON, HTTPStatus(code), reason))

    def version_string(self) -> str:
        """Name the server without versions."""
        return LOCAL_COLLECTOR_SERVICE

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say on the debug level what was answered, without the query."""
        logger.debug("local collector: %s %s -> %s (%s)", self.command, self._path, code, size)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Keep what the base class would print to stderr on the debug level."""
        logger.debug("local collector: " + format, *args)

    def do_POST(self) -> None:
        """Answer any request; the method is looked at where the path is known."""
        spans: list[SpanRecord] = []
        refusals = Refusals()
        refusal: RefusedError | None = None
        self._unread = has_body(self.headers)
        try:
            self._check_host()
            self._check_target()
            if self._path == TRACES_PATH:
                spans, refusals = self._take_spans()
        except RefusedError as error:
            refusal = error
        status = HTTPStatus.OK if refusal is None else refusal.status
        headers = {name.lower(): ", ".join(self.headers.get_all(name, ())) for name in self.headers}
        self._intake.record(RequestRecord(self.command, self.path, headers, int(status), len(spans)))
        self._intake.store.add(spans)
        if refusal is not None:
            self._refuse(refusal)
        elif self._path == HEALTH_PATH:
            self._answer(
                status, JSON, json.dumps({"service": LOCAL_COLLECTOR_SERVICE, "status": "ok"}).encode()
            )
        else:
            content_type = self.headers.get_content_type()
            self._answer(status, content_type, accepted(content_type, refusals))

    do_GET = do_HEAD = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_POST  # noqa: N815 - looked up by name

    @property
    def _path(self) -> str:
        return self.path.partition("?")[0]

    def _check_host(self) -> None:
        """Refuse names that only a browser led here by a foreign page would send (DNS rebinding)."""
        hosts = self.headers.get_all("Host", ())
        if len(hosts) != 1:
            raise RefusedError(HTTPStatus.BAD_REQUEST, f"one Host header is needed, got {len(hosts)}")
        if not is_loopback(_without_port(hosts[0].strip())):
            raise RefusedError(
                HTTPStatus.FORBIDDEN,
                f"the Host header must name this machine's loopback address, got {hosts[0][:100]!r}",
            )

    def _check_target(self) -> None:
        allowed = _METHODS.get(self._path)
        if allowed is None:
            raise RefusedError(
                HTTPStatus.NOT_FOUND,
                f"nothing is here: POST {TRACES_PATH} takes spans, GET {HEALTH_PATH} answers",
            )
        if self.command not in allowed:
            raise RefusedError(
                HTTPStatus.METHOD_NOT_ALLOWED,
                f"{self._path} takes {' and '.join(allowed)}, got {self.command}",
                (("Allow", ", ".join(allowed)),),
            )

    def _take_spans(self) -> tuple[list[SpanRecord], Refusals]:
        content_type = self.headers.get_content_type() if "Content-Type" in self.headers else "none"
        if content_type not in {JSON, PROTOBUF}:
            raise RefusedError(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                f"the content type must be {PROTOBUF} or {JSON}, got {content_type[:100]!r}",
                (("Accept-Post", f"{PROTOBUF}, {JSON}"),),
            )
        with ExitStack() as held:
            # A large body is held and decoded alone, so that many of them at once cannot fill the memory.
            if self._awaits_continue:
                self.send_response_only(HTTPStatus.CONTINUE)
                self.end_headers()
                self.wfile.flush()
            body = read_body(self.rfile, self.headers, lambda: held.enter_context(self._intake.large_body))
            self._unread = False
            try:
                spans, refusals = decode_json(body) if content_type == JSON else decode_protobuf(body)
            except MalformedBodyError as error:
                raise RefusedError(HTTPStatus.BAD_REQUEST, str(error)) from error
            if refusals.count and not spans:
                raise RefusedError(HTTPStatus.BAD_REQUEST, str(refusals))
            return spans, refusals

    def _refuse(self, refusal: RefusedError) -> None:
        content_type, body = refused(self.headers.get_content_type(), refusal.status, refusal.reason)
        self._answer(refusal.status, content_type, body, refusal.headers)

    def _answer(
        self, status: HTTPStatus, content_type: str, body: bytes, headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.close_connection = self.close_connection or self._unread
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()
        if self._unread:
            self._drain()

    def _drain(self) -> None:
        """Read on for a moment: a connection closed on unread bytes is reset, and the answer lost with it."""
        deadline = time.monotonic() + _LINGER_SECONDS
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(_LINGER_SECONDS)
            while time.monotonic() < deadline and self.rfile.read1(_DRAIN_BYTES):
                pass


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
