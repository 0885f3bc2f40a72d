"""Bounds on connections: their number, their time, their end."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING

from contextcompany.local.embedded.collector import Collector
from contextcompany.local.embedded.connections import MOST_CONNECTIONS
from contextcompany.local.embedded.memory import SpanStore
from tests.local.samples import JSON_BODY, RECORD, exchange

if TYPE_CHECKING:
    from collections.abc import Iterable

    from contextcompany.local.otlp.spans import SpanRecord

JSON = {"Content-Type": "application/json"}
HALF_HEAD = b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\n"


def _own_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("contextcompany-local")]


def _connect(collector: Collector, start: bytes = b"") -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", collector.port), timeout=10)
    connection.sendall(start)
    return connection


def test_threads_are_daemons_with_a_name() -> None:
    """A debugger shows whose they are, and none holds the exit of the process."""
    with Collector() as collector, _connect(collector) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
        assert _own_threads() == ["contextcompany-local-collector", "contextcompany-local-collector-1"]
        assert all(t.daemon for t in threading.enumerate() if t.name.startswith("contextcompany-local"))


def test_stop_ends_idle_half_and_silent_connections() -> None:
    """After stop() no thread and no open connection is left, whatever the senders do."""
    collector = Collector().start()
    connections = [_connect(collector, start) for start in (b"", b"POST", HALF_HEAD, HALF_HEAD + b"\r\n")]
    body = _connect(collector, HALF_HEAD + b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
    # Answered after the others were accepted, so their threads exist.
    assert exchange(collector, method="GET", path="/healthz")[0] == 200
    began = time.monotonic()
    collector.stop()
    assert time.monotonic() - began < 1.5
    assert _own_threads() == []
    for connection in (*connections, body):
        while connection.recv(1000):
            pass
        connection.close()


class _SlowStore(SpanStore):
    """Take spans in only when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = threading.Event()
        self.let = threading.Event()

    def add(self, spans: Iterable[SpanRecord]) -> int:
        self.entered.set()
        assert self.let.wait(10)
        return super().add(spans)


def test_stop_lets_a_request_that_is_here_be_answered() -> None:
    """A sender whose spans were taken in while the collector stops learns that they were."""
    store = _SlowStore()
    collector = Collector(store=store).start()
    head = HALF_HEAD + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(JSON_BODY)
    with _connect(collector, head + JSON_BODY) as connection:
        assert store.entered.wait(10)
        stopping = threading.Thread(target=collector.stop)
        stopping.start()
        store.let.set()
        assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
        stopping.join()
    assert store.spans() == (RECORD,)


def test_a_slow_request_is_ended_and_others_are_served_meanwhile() -> None:
    """A sender that drips or falls silent loses its connection when its time is over, and only its own."""
    with Collector(request_seconds=0.3) as collector, _connect(collector, HALF_HEAD) as slow:
        assert exchange(collector, JSON_BODY, headers=JSON)[0] == 200
        assert slow.recv(100) == b""
    assert collector.store.spans() == (RECORD,)


def test_an_idle_connection_is_ended() -> None:
    """A connection without a request is closed after its time, one in use is not."""
    with Collector(idle_seconds=0.3) as collector, _connect(collector) as idle:
        assert idle.recv(100) == b""


def test_one_connection_too_many_is_told_to_come_again() -> None:
    """The number of connections is bounded; the next is answered 503, and served once there is room."""
    with Collector() as collector:
        held = [_connect(collector) for _ in range(MOST_CONNECTIONS)]
        with _connect(collector) as extra:
            assert extra.recv(1000).startswith(b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n")
        for connection in held:
            # An answer to nonsense shows that the thread is about to go.
            connection.sendall(b"nonsense\r\n\r\n")
            while connection.recv(1000):
                pass
            connection.close()
        assert exchange(collector, JSON_BODY, headers=JSON)[0] == 200
