"""A collector with faults, on real sockets, in a process of its own: `python -m tests.faults.collector`.

It reads one command as JSON per line of its standard input and answers each with a line of JSON. It ends when
its input closes, and after a bounded time in any case.

Commands:
    `{"do": "open", "behaviour": name}` opens a station and answers `{"station": number, "port": port}`.
    `{"do": "behave", "station": number, "behaviour": name}` changes what it does from the next request on.
    `{"do": "report", "station": number}` answers what it saw, see `behaviours.Record`.
    `{"do": "close", "station": number}` closes it.
"""

from __future__ import annotations

import gzip
import json
import os
import socket
import struct
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.message import DecodeError

from tests.faults.behaviours import HEALTHY, Answer, Content, Record, answer, content_of, named

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.faults.behaviours import Behaviour

MOST_SECONDS: Final = 3 * 3600.0
_IDLE_SECONDS: Final = 120.0
_HANG_SECONDS: Final = 60.0
_BACKLOG: Final = 128
_LONGEST_HEAD: Final = 64 << 10


class Station:
    """One port that behaves by a script and remembers what it saw."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self._left = behaviour.requests
        self._record = Record()
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._closed = threading.Event()
        self._changed = threading.Event()
        self._port = 0
        self._listener = self._bound()
        self._port = int(self._listener.getsockname()[1])
        if behaviour.listens:
            self._listen()

    @property
    def port(self) -> int:
        """Return the port, which is the station's even while nobody listens."""
        return self._port

    def behave(self, behaviour: Behaviour) -> None:
        """Treat requests so from now on; what hangs is let go."""
        with self._lock:
            listened = self._behaviour.listens
            self._behaviour, self._left = behaviour, behaviour.requests
            changed, self._changed = self._changed, threading.Event()
        if behaviour.listens and not listened:
            self._listen()
        elif listened and not behaviour.listens:
            # A bound socket that does not listen refuses, and keeps the port from others.
            _shut(self._listener)
            self._listener = self._bound()
            self._drop_connections()
        changed.set()

    def report(self) -> dict[str, Any]:
        """Return what the station saw."""
        with self._lock:
            seen: dict[str, Any] = asdict(self._record)
        return seen

    def close(self) -> None:
        """Close the port and all connections."""
        self._closed.set()
        self._changed.set()
        _shut(self._listener)
        self._drop_connections()

    def _bound(self) -> socket.socket:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self._port))
        return listener

    def _listen(self) -> None:
        self._listener.listen(_BACKLOG)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:  # it was closed
                return
            connection.settimeout(_IDLE_SECONDS)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._record.connections += 1
                self._connections.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection, connection.makefile("rb") as stream, suppress(OSError):
                while (request := _request(stream)) is not None:
                    if not self._treat(connection, *request):
                        return
        finally:
            with self._lock:
                self._connections.discard(connection)

    def _treat(self, connection: socket.socket, headers: dict[str, str], body: bytes) -> bool:
        """Answer a request, and return whether the connection goes on."""
        content = _content(headers, body)
        with self._lock:
            given = self._note(headers, body, content)
            changed = self._changed
        if given.manner == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        if given.manner == "hang":
            changed.wait(_HANG_SECONDS)
            return False
        if given.manner in ("hang in answer", "half"):
            connection.sendall(given.wire[: -len(b"56789")])
            if given.manner == "hang in answer":
                changed.wait(_HANG_SECONDS)
            return False
        if given.manner == "raw":
            connection.sendall(given.wire)
            return False
        start = 0
        if given.manner == "slow":
            start = len(given.wire) - 1
            for place in range(start):
                connection.sendall(given.wire[place : place + 1])
                if self._closed.wait(given.pace):
                    return False
        # Kept before the last byte is out: whoever asks after the answer came must find the spans.
        with self._lock:
            _count(self._record.kept, given.kept)
            _count(self._record.refused, given.refused)
        connection.sendall(given.wire[start:])
        return True

    def _note(self, headers: dict[str, str], body: bytes, content: Content | None) -> Answer:
        record = self._record
        record.requests += 1
        record.received += len(body)
        _count(record.header_names, headers)
        _count(record.keys, [headers.get("authorization", "none")])
        behaviour = self._behaviour
        if behaviour.requests:
            if self._left == 0:
                behaviour = named(HEALTHY)
            self._left = max(self._left - 1, 0)
        if content is None:
            record.unreadable += 1
            content = Content((), (), len(body))
        return answer(behaviour, content)

    def _drop_connections(self) -> None:
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            _shut(connection)


def _count(counts: dict[str, int], names: Iterable[str]) -> None:
    for name in names:
        counts[name] = counts.get(name, 0) + 1


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):  # the other side may have gone
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


def _request(stream: Any) -> tuple[dict[str, str], bytes] | None:
    """Read one request; None where the connection ended."""
    first = stream.readline(_LONGEST_HEAD)
    if not first.strip():
        return None
    headers: dict[str, str] = {}
    while (line := stream.readline(_LONGEST_HEAD).strip()) != b"":
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    length = int(headers.get("content-length", "0"))
    body = stream.read(length)
    return (headers, body) if len(body) == length else None


def _content(headers: dict[str, str], body: bytes) -> Content | None:
    try:
        if headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        return content_of(body)
    except (DecodeError, OSError, EOFError):
        return None


class Control:
    """Do what standard input says."""

    def __init__(self) -> None:
        self._elsewhere = Station(named(HEALTHY))
        self._stations: list[Station] = [self._elsewhere]

    def do(self, command: dict[str, Any]) -> dict[str, Any]:
        """Do one command and return its answer; station 0 is where redirects point."""
        what = command["do"]
        if what == "open":
            self._stations.append(Station(self._behaviour(command)))
            return {"station": len(self._stations) - 1, "port": self._stations[-1].port}
        station: Station = self._stations[command["station"]]
        if what == "report":
            return station.report()
        if what == "behave":
            station.behave(self._behaviour(command))
        elif what == "close":
            station.close()
        else:
            raise ValueError(f"no such command: got {what!r}; use open, behave, report or close")
        return {}

    def _behaviour(self, command: dict[str, Any]) -> Behaviour:
        return named(command["behaviour"], elsewhere=f"http://127.0.0.1:{self._elsewhere.port}")


def main() -> None:
    """Serve until standard input closes."""
    most = float(sys.argv[1]) if len(sys.argv) > 1 else MOST_SECONDS

    def end() -> None:
        time.sleep(most)
        os._exit(1)

    threading.Thread(target=end, daemon=True).start()
    control = Control()
    for line in sys.stdin:
        print(json.dumps(control.do(json.loads(line))), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
