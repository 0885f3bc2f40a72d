"""The network of the tests ends at loopback."""

from __future__ import annotations

import socket

import pytest
from pytest_socket import SocketConnectBlockedError

# From the block that is reserved for documentation: if the guard were missing, nothing would be reached.
ELSEWHERE = ("192.0.2.1", 80)


@pytest.mark.filterwarnings("ignore:A test tried to use socket")
def test_other_hosts_are_refused() -> None:
    """A connection to another host fails at once with the name of that host."""
    with socket.socket() as client, pytest.raises(SocketConnectBlockedError, match=ELSEWHERE[0]):
        client.connect(ELSEWHERE)


def test_loopback_is_reached() -> None:
    """A connection to a server on loopback is made."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname(), timeout=5) as client,
    ):
        assert client.getpeername() == server.getsockname()
