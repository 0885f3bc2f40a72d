"""A server starts, answers on both addresses, and stops when it is told to, whatever is going on."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from http.client import HTTPConnection
from typing import TYPE_CHECKING

import pytest

from contextcompany.local.server.access import Access
from contextcompany.local.server.serving import Server, UnprotectedError
from contextcompany.local.server.sockets import PortTakenError
from contextcompany.local.server.tokens import Tokens
from contextcompany.local.store.sqlite.store import SqliteRunStore
from tests.local.samples import JSON_BODY
from tests.local.served import Served, served
from tests.loopback import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROGRAM = """
import sys
from contextcompany.local.server.serving import Server
from contextcompany.local.store.sqlite.store import SqliteRunStore

with SqliteRunStore.open(sys.argv[1]) as store:
    server = Server(store, port=0)
    server.serve(lambda: print(server.port, flush=True))
print("ended", flush=True)
"""


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Served]:
    """A server that runs."""
    with served(tmp_path) as one:
        yield one


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteRunStore]:
    """A store that nobody serves yet."""
    with SqliteRunStore.open(tmp_path / "other" / "runs.db") as one:
        yield one


def _live(port: int) -> HTTPConnection:
    """Open the stream of a live page and wait until it is under way."""
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", "/live", headers={"Host": f"localhost:{port}", "Accept": "text/event-stream"})
    assert connection.getresponse().read(1)
    return connection


def test_both_loopback_addresses_answer(here: Served) -> None:
    """Whichever address a program takes localhost for, it is answered."""
    assert here.ask("/healthz").status == 200
    if socket.has_ipv6:
        assert here.ask("/healthz", address="::1").status == 200
    assert here.server.url == here.origin


def test_a_second_server_on_the_port_is_refused_before_it_starts(here: Served, store: SqliteRunStore) -> None:
    """The constructor says that the port is taken; the first server goes on."""
    with pytest.raises(PortTakenError, match=str(here.server.port)):
        Server(store, port=here.server.port)
    assert here.ask("/healthz").status == 200


def test_a_port_is_free_again_once_the_server_stopped(store: SqliteRunStore) -> None:
    """Stop and start again works at once, on the same port."""
    with Server(store, port=0) as first:
        port = first.port
    with Server(store, port=port) as second:
        assert second.port == port


def test_stop_is_idempotent_and_frees_a_server_that_never_started(store: SqliteRunStore) -> None:
    """Stopping twice, or without a start, leaves no socket open."""
    server = Server(store, port=0)
    server.stop()
    server.stop()
    Server(store, port=server.port).stop()


def test_a_server_is_started_once(here: Served) -> None:
    """Starting what runs is an error that says so."""
    with pytest.raises(RuntimeError, match="started once"):
        here.server.start()


def test_open_live_pages_do_not_hold_up_the_end(store: SqliteRunStore) -> None:
    """With live pages and idle connections open the server ends within two seconds."""
    server = Server(store, port=0).start()
    live = [_live(server.port) for _ in range(3)]
    idle = socket.create_connection(("127.0.0.1", server.port))
    half = socket.create_connection(("127.0.0.1", server.port))
    half.sendall(b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n")
    started = time.monotonic()
    server.stop()
    assert time.monotonic() - started < PATIENCE / 2
    for stream in live:
        stream.close()
    idle.close()
    half.close()


def test_an_answer_under_way_is_finished(here: Served) -> None:
    """What was acknowledged to a sender is in the store when the server has stopped."""
    statuses: list[int] = []
    go = threading.Barrier(2)

    def send() -> None:
        go.wait()
        statuses.append(
            here.ask("/v1/traces", "POST", JSON_BODY, {"Content-Type": "application/json"}).status
        )

    thread = threading.Thread(target=send)
    thread.start()
    go.wait()
    thread.join()
    here.server.stop()
    assert statuses == [200]
    assert here.store.stats().spans == 1


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_others_are_kept_out_where_there_are_no_tokens(
    store: SqliteRunStore, tmp_path: Path, host: str
) -> None:
    """A server that others can reach does not start without tokens, and says how to make one."""
    tokens = Tokens.load(tmp_path / "tokens.json")
    for access in (None, Access(), Access(tokens)):
        with pytest.raises(UnprotectedError, match="tcc tokens add"):
            Server(store, host=host, port=0, access=access)


def test_with_tokens_it_listens_everywhere(store: SqliteRunStore, tmp_path: Path) -> None:
    """Under any name the server has, a request with a token is answered."""
    tokens = Tokens.load(tmp_path / "tokens.json")
    secret = tokens.create("ann", "read")
    with Server(store, host="0.0.0.0", port=0, access=Access(tokens)) as server:
        one = Served(server, store)
        sent = {"Host": "build-machine:4318", "Authorization": f"Bearer {secret}"}
        assert one.ask("/api/stats", headers=sent).status == 200
        assert one.ask("/api/stats", headers={"Host": "build-machine:4318"}).status == 401
        assert server.url == f"http://localhost:{server.port}"


@pytest.mark.skipif(os.name != "posix", reason="signals are sent as on POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_in_order(tmp_path: Path, number: signal.Signals) -> None:
    """SIGINT and SIGTERM end a server without waiting for a live page, and the program goes on."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "runs.db")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        live = _live(int(process.stdout.readline()))
        started = time.monotonic()
        process.send_signal(number)
        out, errors = process.communicate(timeout=20)
        live.close()
    assert time.monotonic() - started < PATIENCE / 2
    assert (process.returncode, out, errors) == (0, "ended\n", "")
