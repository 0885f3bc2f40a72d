"""A relay in front of a receiver: it passes each OTLP request on unchanged and keeps what it saw."""

from __future__ import annotations

import gzip
import http.client
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

FORWARD_TIMEOUT = 30.0
HOP_BY_HOP = {"connection", "host", "keep-alive", "transfer-encoding"}


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request, its body without compression, and the status that the receiver answered."""

    path: str
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes
    status: int


class Relay:
    """Listens on loopback as `url` and forwards to the receiver at `port` until the `with` block ends."""

    def __init__(self, port: int) -> None:
        self.exchanges: list[Exchange] = []
        relay = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                status, kind, answer = forward(port, self.path, headers, body)
                if headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                relay.exchanges.append(Exchange(self.path, headers, body, status))
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name it overrides
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def forward(port: int, path: str, headers: dict[str, str], body: bytes) -> tuple[int, str, bytes]:
    """Send a request on and return status, content type and body of the answer; 502 where there is none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=FORWARD_TIMEOUT)
    try:
        kept = {name: value for name, value in headers.items() if name not in HOP_BY_HOP}
        connection.request("POST", path, body, kept)
        answer = connection.getresponse()
        return answer.status, answer.headers.get("content-type", ""), answer.read()
    except OSError as error:
        return 502, "text/plain", str(error).encode()
    finally:
        connection.close()
