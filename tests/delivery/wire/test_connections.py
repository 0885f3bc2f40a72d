"""How connections are opened, kept, cut short and left behind, against real servers on loopback."""

from __future__ import annotations

import gc
import os
import signal
import socket
import threading
import time
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from contextcompany.delivery.wire.outcomes import Outcome, Verdict
from tests.delivery.wire.raw import full_server, read_request, reads_all
from tests.loopback import PATIENCE, Answer, LoopbackServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
from tests.delivery.wire.posting import BODY, OK, TIMEOUT, PostedServer, posted, transport

NO_HTTP = [
    (b"", Verdict.LATER, "broke off"),
    (b"\x00\x01\x02", Verdict.STAYS, "OTLP"),
    (b"220 mail.example ESMTP\r\n", Verdict.STAYS, "OTLP"),
    (b"HTTP/1.1 abc\r\n\r\n", Verdict.STAYS, "OTLP"),
    (b"HTTP/9.9 200 OK\r\n\r\n", Verdict.STAYS, "OTLP"),
    (b"x" * 100_000, Verdict.STAYS, "OTLP"),
    (b"HTTP/1.1 2", Verdict.LATER, "broke off"),
    (b"HTTP/1.1 200 OK", Verdict.LATER, "broke off"),
    (b"HTTP/1.1 200 OK\r\n", Verdict.LATER, "broke off"),
    (b"HTTP/1.1 200 OK\r\nContent-Len", Verdict.LATER, "broke off"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", Verdict.LATER, "broke off"),
    (b"HTTP/1.1 100 Continue\r\n\r\n", Verdict.LATER, "broke off"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", Verdict.LATER, "broke off"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", Verdict.LATER, "broke off"),
]


@pytest.mark.parametrize(("raw", "verdict", "said"), NO_HTTP)
def test_what_is_no_http(raw: bytes, verdict: Verdict, said: str) -> None:
    """What hangs up is tried again later; what speaks another language is not tried again at once."""
    with PostedServer(reads_all(raw)) as server:
        outcome = server.posted()
    assert (outcome.verdict, said in outcome.reason) == (verdict, True)


ANSWERS = {
    "HTTP/1.0 until the end": b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nok",
    "no length": b"HTTP/1.1 200 OK\r\n\r\n",
    "in chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "after 100": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "after 102 and 103": b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("raw", ANSWERS.values(), ids=ANSWERS.keys())
def test_every_form_of_http_is_understood(raw: bytes) -> None:
    """Old versions, chunks and interim answers lead to the status that counts."""
    with PostedServer(reads_all(raw)) as server:
        assert server.posted() == Outcome(Verdict.DELIVERED)


def test_other_protocols_are_not_taken_up() -> None:
    """A 101 is an answer, and delivers nothing."""
    with PostedServer(reads_all(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n")) as server:
        assert server.posted().verdict is Verdict.STAYS


LARGE = b"x" * (8 << 20)
TOO_LARGE = b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"


def test_an_early_answer_counts_although_the_connection_is_reset() -> None:
    """A collector that refuses a request by its length and hangs up is heard."""

    def answer(connection: socket.socket) -> None:
        connection.recv(1_000)
        connection.sendall(TOO_LARGE)
        connection.close()  # with unread bytes: a reset

    with PostedServer(answer) as server:
        assert server.posted(LARGE).verdict is Verdict.TOO_LARGE


def test_an_early_answer_counts_although_nobody_reads_on() -> None:
    """A collector that refuses a request by its length and neither reads on nor hangs up is heard at once.

    The connection, with half a request on it, is not used again.
    """
    over = threading.Event()

    def answer(connection: socket.socket) -> None:
        connection.recv(1_000)
        connection.sendall(TOO_LARGE)
        over.wait(PATIENCE)

    with PostedServer(answer, reads_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")) as server:
        sender = transport(server.url)
        began = time.monotonic()
        assert sender.post(LARGE, timeout=TIMEOUT).verdict is Verdict.TOO_LARGE
        assert time.monotonic() - began < TIMEOUT / 2
        over.set()
        assert sender.post(BODY, timeout=TIMEOUT) == Outcome(Verdict.DELIVERED)
        sender.close()
        assert server.connections == 2


BUSY = b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy"


def test_connections_are_used_again() -> None:
    """Requests share one connection, after a refusal too."""

    def answer(connection: socket.socket) -> None:
        for raw in (OK, BUSY, OK):
            read_request(connection)
            connection.sendall(raw)

    with PostedServer(answer) as server:
        sender = transport(server.url)
        verdicts = [sender.post(BODY, timeout=TIMEOUT).verdict for _ in range(3)]
        sender.close()
        assert verdicts == [Verdict.DELIVERED, Verdict.LATER, Verdict.DELIVERED]
        assert server.connections == 1


@pytest.mark.parametrize("is_reset", [False, True], ids=["closed", "reset"])
def test_a_stale_connection_is_replaced(is_reset: bool) -> None:
    """A kept connection that ends when it is used again costs nothing: the request goes over a new one."""

    def answer(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(OK)
        connection.recv(1)  # the next request is on its way: whoever looked before saw an open connection
        if not is_reset:
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65_536):
                pass

    with PostedServer(answer, reads_all(OK)) as server:
        sender = transport(server.url)
        outcomes = [sender.post(BODY, timeout=TIMEOUT) for _ in range(2)]
        sender.close()
        assert outcomes == [Outcome(Verdict.DELIVERED)] * 2
        assert server.connections == 2


def test_a_request_that_got_half_an_answer_is_not_sent_twice() -> None:
    """Once a byte of an answer came, a broken connection is reported: the collector has the spans."""

    def answer(connection: socket.socket) -> None:
        for raw in (OK, b"HTTP/1.1 200 O"):
            read_request(connection)
            connection.sendall(raw)

    with PostedServer(answer, reads_all(OK)) as server:
        sender = transport(server.url)
        verdicts = [sender.post(BODY, timeout=TIMEOUT).verdict for _ in range(2)]
        sender.close()
        assert verdicts == [Verdict.DELIVERED, Verdict.LATER]
        assert server.connections == 1


def test_a_new_connection_that_breaks_is_not_replaced() -> None:
    """Only a kept connection is replaced: a collector that always hangs up is asked once."""
    with PostedServer(reads_all(b""), reads_all(OK)) as server:
        assert server.posted().verdict is Verdict.LATER
        assert server.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        Answer(hangs=True),
        Answer(pace=0.03, body=b"x" * 100),
        Answer(pace=0.03, headers=(("X-Long", "x" * 100),)),
    ],
    ids=["never", "a body byte by byte", "headers byte by byte"],
)
def test_a_hanging_server_is_left_in_time(answer: Answer) -> None:
    """A request ends within its time limit and a margin, however the server spreads its silence."""
    with LoopbackServer(answer) as server:
        began = time.monotonic()
        outcome = posted(server, timeout=0.4)
        taken = time.monotonic() - began
    assert taken < 1.5
    assert outcome.verdict is Verdict.LATER
    assert "in time" in outcome.reason


def test_a_server_that_does_not_read_is_left_in_time() -> None:
    """A request that nobody takes ends within its time limit and a margin."""
    over = threading.Event()
    with PostedServer(lambda connection: over.wait(PATIENCE) and None) as server:
        began = time.monotonic()
        outcome = server.posted(LARGE, timeout=0.4)
        taken = time.monotonic() - began
        over.set()
    assert taken < 1.5
    assert outcome == Outcome(Verdict.LATER, f"no answer from {server.url} in time")


def test_the_deadline_needs_no_thread(exiting: Callable[[], AbstractContextManager[None]]) -> None:
    """While the interpreter exits no thread can be started; a request ends in time all the same."""
    with LoopbackServer(Answer(pace=0.03, headers=(("X-Long", "x" * 100),))) as server, exiting():
        sender = transport(f"{server.url}/v1/traces")
        before = threading.active_count()
        began = time.monotonic()
        assert sender.post(BODY, timeout=0.4).verdict is Verdict.LATER
        assert time.monotonic() - began < 1.5
        sender.close()
        assert threading.active_count() - before <= 1  # the server's own


def test_closing_ends_a_request_under_way() -> None:
    """A request that hangs in another thread ends, without an answer, when the transport is closed."""
    with LoopbackServer(Answer(hangs=True)) as server:
        sender = transport(f"{server.url}/v1/traces")
        outcomes: list[Outcome] = []
        thread = threading.Thread(target=lambda: outcomes.append(sender.post(BODY, timeout=PATIENCE)))
        thread.start()
        server.wait_for(1)
        sender.close()
        thread.join(PATIENCE / 2)
        assert [outcome.verdict for outcome in outcomes] == [Verdict.LATER]


def test_a_child_leaves_the_connection_of_its_parent_alone() -> None:
    """After a fork both sides deliver: the child over a connection of its own."""

    def twice(connection: socket.socket) -> None:
        for _ in range(2):
            read_request(connection)
            connection.sendall(OK)

    with PostedServer(twice, reads_all(OK)) as server:
        sender = transport(server.url)
        assert sender.post(BODY, timeout=TIMEOUT) == Outcome(Verdict.DELIVERED)
        # Another thread of the parent may hold this lock at the moment of the fork.
        (pool,) = sender._connections._pools
        assert pool.pool is not None
        with pool.pool.mutex, warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # about threads and forks
            child = os.fork()
            if child == 0:
                status = 1
                try:
                    # A child that waits for the lock ends, and fails the test.
                    signal.signal(signal.SIGALRM, signal.SIG_DFL)
                    signal.alarm(int(PATIENCE))
                    sender.renew()
                    status = 0 if sender.post(BODY, timeout=TIMEOUT) == Outcome(Verdict.DELIVERED) else 2
                    del pool
                    gc.collect()
                finally:
                    os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert sender.post(BODY, timeout=TIMEOUT) == Outcome(Verdict.DELIVERED)
        sender.close()
        assert server.connections == 2


def test_all_addresses_of_a_host_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the first address of localhost refuses, the second gets the request."""
    with LoopbackServer() as server:
        first, second = ("::1", server.port, 0, 0), ("127.0.0.1", server.port)
        found = [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", first),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", second),
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)
        sender = transport(f"http://localhost:{server.port}/v1/traces")
        assert sender.post(BODY, timeout=TIMEOUT) == Outcome(Verdict.DELIVERED)
        sender.close()


def test_addresses_that_never_answer_share_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many addresses a host has, the time limit holds for all of them together."""
    with full_server() as address:
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address)] * 4
        monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)
        sender = transport(f"http://localhost:{address[1]}/v1/traces")
        began = time.monotonic()
        outcome = sender.post(BODY, timeout=0.4)
        taken = time.monotonic() - began
        sender.close()
    assert 0.3 < taken < 1.2
    assert outcome.verdict is Verdict.LATER
    assert "in time" in outcome.reason


def test_an_unknown_host_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that no name server knows is tried again later, and the reason says what is wrong."""

    def answer(*args: Any, **kwargs: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    sender = transport("https://collector.invalid/v1/traces")
    outcome = sender.post(BODY, timeout=TIMEOUT)
    sender.close()
    assert outcome == Outcome(
        Verdict.LATER, "the host of https://collector.invalid/v1/traces cannot be found"
    )
