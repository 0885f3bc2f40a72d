"""The same promises over TLS, with certificates made for the test."""

from __future__ import annotations

import ssl
import threading
import time
from typing import TYPE_CHECKING

import pytest
import trustme

from contextcompany.delivery.wire.outcomes import Outcome, Verdict
from contextcompany.delivery.wire.transport import Transport
from contextcompany.settings.destination import Destination, Source
from tests.delivery.wire.raw import RawServer, read_request, reads_all
from tests.loopback import PATIENCE

if TYPE_CHECKING:
    import socket
    from pathlib import Path

BODY = b"x" * 100_000
LARGE = b"x" * (8 << 20)
TIMEOUT = 10.0
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Make an authority that signs certificates."""
    return trustme.CA()


@pytest.fixture(scope="module")
def tls(authority: trustme.CA) -> ssl.SSLContext:
    """Make the server's side: a certificate for 127.0.0.1."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def ca_bundle(authority: trustme.CA, tmp_path: Path) -> str:
    """Write down whom to trust."""
    path = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


def transport(url: str, ca_bundle: str | None) -> Transport:
    """Return a transport that trusts an authority."""
    return Transport(Destination(url, Source.OURS, "key"), user_agent="test", ca_bundle=ca_bundle)


def test_requests_share_a_connection(tls: ssl.SSLContext, ca_bundle: str) -> None:
    """Bodies larger than one TLS record arrive whole, one after the other on one connection."""
    bodies: list[bytes] = []

    def answer(connection: socket.socket) -> None:
        for _ in range(3):
            bodies.append(read_request(connection))
            connection.sendall(OK)

    with RawServer(answer, tls=tls) as server:
        sender = transport(server.url, ca_bundle)
        outcomes = [sender.post(body, timeout=TIMEOUT) for body in (BODY, LARGE, BODY)]
        sender.close()
        assert outcomes == [Outcome(Verdict.DELIVERED)] * 3
        assert server.connections == 1
    assert bodies == [BODY, LARGE, BODY]


def test_an_unknown_certificate_is_refused(tls: ssl.SSLContext) -> None:
    """Nothing is sent to a server that nobody vouches for; trying again at once would not help."""
    received: list[bytes] = []

    def answer(connection: socket.socket) -> None:
        received.append(connection.recv(1))

    with RawServer(answer, tls=tls) as server:
        sender = transport(server.url, None)
        outcome = sender.post(BODY, timeout=TIMEOUT)
        sender.close()
    assert outcome.verdict is Verdict.STAYS
    assert f"the certificate of {server.url} cannot be verified" in outcome.reason
    assert received == []


def test_a_server_without_tls_is_no_tls_server(ca_bundle: str) -> None:
    """An https URL of a server that speaks plain HTTP fails in words that say so."""

    def answer(connection: socket.socket) -> None:
        connection.recv(1_000)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with RawServer(answer) as server:
        url = server.url.replace("http:", "https:")
        sender = transport(url, ca_bundle)
        outcome = sender.post(BODY, timeout=TIMEOUT)
        sender.close()
    assert outcome == Outcome(Verdict.LATER, f"no TLS connection with {url}")


def test_a_handshake_that_hangs_is_left_in_time(ca_bundle: str) -> None:
    """A server that accepts the connection and says nothing costs the time limit and no more."""
    over = threading.Event()
    with RawServer(lambda connection: over.wait(PATIENCE)) as server:
        sender = transport(server.url.replace("http:", "https:"), ca_bundle)
        began = time.monotonic()
        outcome = sender.post(BODY, timeout=0.4)
        taken = time.monotonic() - began
        over.set()
        sender.close()
    assert taken < 1.5
    assert outcome.verdict is Verdict.LATER
    assert "in time" in outcome.reason


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK\r\nX-Long: ", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"]
)
def test_an_answer_byte_by_byte_is_left_in_time(head: bytes, tls: ssl.SSLContext, ca_bundle: str) -> None:
    """Records of one byte each do not stretch the time limit, in the head or in the body."""
    over = threading.Event()

    def answer(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(head)
        for _ in range(100):
            connection.sendall(b"x")
            over.wait(0.03)

    with RawServer(answer, tls=tls) as server:
        sender = transport(server.url, ca_bundle)
        began = time.monotonic()
        outcome = sender.post(BODY, timeout=0.6)
        taken = time.monotonic() - began
        over.set()
        sender.close()
    assert taken < 1.5
    assert outcome == Outcome(Verdict.LATER, f"no answer from {server.url} in time")


def test_a_server_that_does_not_read_is_left_in_time(tls: ssl.SSLContext, ca_bundle: str) -> None:
    """Sending ends with the time limit, too."""
    over = threading.Event()
    with RawServer(lambda connection: over.wait(PATIENCE), tls=tls) as server:
        sender = transport(server.url, ca_bundle)
        began = time.monotonic()
        outcome = sender.post(LARGE, timeout=0.6)
        taken = time.monotonic() - began
        over.set()
        sender.close()
    assert taken < 1.7
    assert outcome.verdict is Verdict.LATER


def test_a_stale_connection_is_replaced(tls: ssl.SSLContext, ca_bundle: str) -> None:
    """A kept connection that ends when it is used again costs nothing."""

    def answer(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(OK)
        connection.recv(1)

    with RawServer(answer, reads_all(OK), tls=tls) as server:
        sender = transport(server.url, ca_bundle)
        outcomes = [sender.post(BODY, timeout=TIMEOUT) for _ in range(2)]
        sender.close()
        assert outcomes == [Outcome(Verdict.DELIVERED)] * 2
        assert server.connections == 2


def test_closing_ends_a_request_under_way(tls: ssl.SSLContext, ca_bundle: str) -> None:
    """A request that hangs in another thread ends, without an answer, when the transport is closed."""
    asked = threading.Event()

    def answer(connection: socket.socket) -> None:
        read_request(connection)
        asked.set()
        connection.recv(1)

    with RawServer(answer, tls=tls) as server:
        sender = transport(server.url, ca_bundle)
        outcomes: list[Outcome] = []
        thread = threading.Thread(target=lambda: outcomes.append(sender.post(BODY, timeout=PATIENCE)))
        thread.start()
        assert asked.wait(PATIENCE)
        sender.close()
        thread.join(PATIENCE / 2)
        assert [outcome.verdict for outcome in outcomes] == [Verdict.LATER]


def test_an_early_answer_counts_although_the_connection_is_reset(tls: ssl.SSLContext, ca_bundle: str) -> None:
    """A collector that refuses a request by its length and hangs up is heard."""

    def answer(connection: socket.socket) -> None:
        connection.recv(1_000)
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")

    with RawServer(answer, tls=tls) as server:
        sender = transport(server.url, ca_bundle)
        outcome = sender.post(LARGE, timeout=TIMEOUT)
        sender.close()
    assert outcome.verdict is Verdict.TOO_LARGE
