"""Nobody keeps others out by holding connections open."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from contextcompany.local.server.connections import Connection
from tests.local.served import Served, served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Served]:
    """A server that runs."""
    with served(tmp_path) as one:
        yield one


def _is_ended(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nHost: ", b"POST /v1/traces HTTP/1.1\r\n"])
def test_connections_that_only_wait_make_room(
    here: Served, monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    """Far more of them than there are places, and the next request is answered all the same."""
    monkeypatch.setattr(Connection, "most", 8)
    with ExitStack() as opened:
        held: list[socket.socket] = []
        for _ in range(30):
            held.append(
                opened.enter_context(socket.create_connection(("127.0.0.1", here.server.port), timeout=10))
            )
            held[-1].sendall(begun)
        assert here.ask("/healthz").status == 200
        assert _is_ended(held[0])


def test_a_body_that_never_ends_makes_room_too(here: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sender in the middle of a body waits for itself, not the server for it."""
    monkeypatch.setattr(Connection, "most", 8)
    head = (
        f"POST /v1/traces HTTP/1.1\r\nHost: localhost:{here.server.port}\r\n"
        "Content-Type: application/x-protobuf\r\nContent-Length: 9\r\n\r\nabc"
    )
    with ExitStack() as opened:
        for _ in range(8):
            one = opened.enter_context(socket.create_connection(("127.0.0.1", here.server.port), timeout=10))
            one.sendall(head.encode())
        for _ in range(20):
            assert here.ask("/healthz").status == 200


def test_a_head_that_takes_too_long_is_given_up(here: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence ends a connection, also after a request that was answered and half of another."""
    monkeypatch.setattr(Connection, "head_seconds", 0.2)
    host = f"Host: localhost:{here.server.port}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", here.server.port), timeout=10) as silent:
        assert _is_ended(silent)
    with socket.create_connection(("127.0.0.1", here.server.port), timeout=10) as half:
        half.sendall(f"GET /healthz HTTP/1.1\r\n{host}".encode())
        assert half.recv(20).startswith(b"HTTP/1.1 200")
        half.sendall(b"GET /he")
        while not _is_ended(half):
            pass
    assert here.ask("/healthz").status == 200
