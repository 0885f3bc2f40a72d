"""A collector that counts, in a process of its own: `python -m benchmarks.peers.sink` prints its port.

It takes OTLP over HTTP, and the JSON of the original package, whose requests count as one span each. How it
behaves is told by requests to `/_behave?as=healthy|slow|refusing|hanging` and seen at `/_counts`; `/_reset`
begins anew.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import signal
import zlib
from dataclasses import asdict, dataclass
from typing import Final
from urllib.parse import parse_qs, urlsplit

from benchmarks.peers.wire import count_spans

_SLOW_SECONDS: Final = 0.05
_RETRY_AFTER: Final = 5


@dataclass(slots=True)
class Counts:
    """What arrived.

    Attributes:
        requests: how many were accepted.
        spans: how many they held.
        wire_bytes: their bodies as they came.
        plain_bytes: the same, decompressed.
        refused: how many spans came in requests that were refused or never answered.
    """

    requests: int = 0
    spans: int = 0
    wire_bytes: int = 0
    plain_bytes: int = 0
    refused: int = 0


@dataclass(slots=True)
class State:
    """What all connections share."""

    counts: Counts
    behaviour: str = "healthy"


class Connection(asyncio.Protocol):
    """One connection, whose requests are answered in turn."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._buffer = bytearray()
        self._is_waiting = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what answers are written to."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Answer nothing any more."""
        del exc
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Take what is there of the next request."""
        self._buffer += data
        self._answer_all()

    def _answer_all(self) -> None:
        while not self._is_waiting and self._transport is not None:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            lines = self._buffer[:end].decode("latin-1").split("\r\n")
            pairs = (line.partition(":") for line in lines[1:])
            headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
            body = self._body(headers, end + 4)
            if body is None:
                return
            self._answer(lines[0].split(" ")[1], headers, body)

    def _body(self, headers: dict[str, str], begin: int) -> bytes | None:
        """Take a body out of the buffer; None where it has not arrived in full."""
        if headers.get("expect", "").lower() == "100-continue" and len(self._buffer) == begin:
            self._write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if "chunked" in headers.get("transfer-encoding", "").lower():
            return self._chunks(begin)
        end = begin + int(headers.get("content-length", 0))
        if len(self._buffer) < end:
            return None
        body = bytes(self._buffer[begin:end])
        del self._buffer[:end]
        return body

    def _chunks(self, begin: int) -> bytes | None:
        body = bytearray()
        while True:
            line = self._buffer.find(b"\r\n", begin)
            if line < 0:
                return None
            length = int(self._buffer[begin:line].split(b";")[0], 16)
            begin = line + 2 + length + 2
            if len(self._buffer) < begin:
                return None
            body += self._buffer[line + 2 : line + 2 + length]
            if not length:
                del self._buffer[:begin]
                return bytes(body)

    def _answer(self, target: str, headers: dict[str, str], body: bytes) -> None:
        address = urlsplit(target)
        if address.path.startswith("/_"):
            self._respond("200 OK", json.dumps(self._control(address.path, address.query)).encode())
            return
        counts, behaviour = self._state.counts, self._state.behaviour
        plain = _decompressed(headers.get("content-encoding", ""), body)
        spans = _spans(address.path, headers.get("content-type", ""), plain)
        if behaviour == "hanging":
            counts.refused += spans
            self._is_waiting = True
        elif behaviour == "refusing":
            counts.refused += spans
            self._respond("503 Service Unavailable", b"busy", f"Retry-After: {_RETRY_AFTER}\r\n")
        else:
            if spans:
                counts.requests += 1
                counts.spans += spans
                counts.wire_bytes += len(body)
                counts.plain_bytes += len(plain)
            is_proto = "proto" in headers.get("content-type", "")
            self._is_waiting = behaviour == "slow"
            if self._is_waiting:
                asyncio.get_running_loop().call_later(_SLOW_SECONDS, self._accept, is_proto)
            else:
                self._accept(is_proto)

    def _accept(self, is_proto: bool) -> None:
        if is_proto:
            self._respond("200 OK", b"", "Content-Type: application/x-protobuf\r\n")
        else:
            self._respond("200 OK", b"{}", "Content-Type: application/json\r\n")
        if self._is_waiting:
            self._is_waiting = False
            self._answer_all()

    def _respond(self, status: str, body: bytes, headers: str = "") -> None:
        self._write(f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    def _write(self, content: bytes) -> None:
        if self._transport is not None:
            self._transport.write(content)

    def _control(self, path: str, query: str) -> dict[str, int]:
        if path == "/_behave":
            self._state.behaviour = parse_qs(query)["as"][0]
        elif path == "/_reset":
            self._state.counts = Counts()
        return asdict(self._state.counts)


def _decompressed(encoding: str, body: bytes) -> bytes:
    if encoding == "gzip":
        return gzip.decompress(body)
    return zlib.decompress(body) if encoding == "deflate" else body


def _spans(path: str, kind: str, body: bytes) -> int:
    if path.endswith("/v1/custom"):
        return 1
    return count_spans(body) if path.endswith("/traces") and "proto" in kind else 0


async def serve() -> None:
    """Take requests on a free port of loopback until a signal to end comes."""
    state = State(Counts())
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(state), "127.0.0.1", 0, backlog=256)
    print(server.sockets[0].getsockname()[1], flush=True)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()


if __name__ == "__main__":
    asyncio.run(serve())
