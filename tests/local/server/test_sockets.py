"""The server listens where it was asked to, on all of it, or says why it cannot."""

from __future__ import annotations

import asyncio
import errno
import socket
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from contextcompany.local.server import sockets as module
from contextcompany.local.server.sockets import PortTakenError, addresses, listening, only_this_machine

if TYPE_CHECKING:
    from collections.abc import Iterator


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as one:
            one.bind(("::1", 0))
    except OSError:
        return False
    return True


ipv6 = pytest.mark.skipif(not _has_ipv6(), reason="this machine has no IPv6 loopback")


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that another program listens on, in IPv4."""
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        yield int(other.getsockname()[1])


def _closed(sockets: list[socket.socket]) -> list[tuple[str, int]]:
    names = [one.getsockname()[:2] for one in sockets]
    for one in sockets:
        one.close()
    return names


@ipv6
def test_localhost_is_both_of_its_addresses_on_one_port() -> None:
    """Whichever address a program takes localhost for, it finds the server."""
    names = _closed(listening("localhost", 0))
    assert [host for host, _ in names] == ["127.0.0.1", "::1"]
    assert len({port for _, port in names}) == 1


def test_a_port_that_is_taken_is_told_in_one_line(taken: int) -> None:
    """The error names the port and what to do."""
    with pytest.raises(PortTakenError) as caught:
        listening("localhost", taken)
    assert str(caught.value) == (
        f"port {taken} is taken by another program: stop that one or choose another port"
    )
    assert (caught.value.port, caught.value.errno) == (taken, errno.EADDRINUSE)


@ipv6
def test_a_port_that_is_taken_on_one_address_is_taken() -> None:
    """A program that took ::1 would get what browsers send to localhost; nothing stays open after it."""
    with closing(socket.create_server(("::1", 0), family=socket.AF_INET6)) as other:
        port = int(other.getsockname()[1])
        with pytest.raises(PortTakenError):
            listening("localhost", port)
        assert _closed(listening("127.0.0.1", port)) == [("127.0.0.1", port)]


def test_a_machine_without_ipv6_still_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no ::1, localhost is 127.0.0.1."""
    real = module._socket

    def without(host: str, port: int) -> socket.socket:
        if ":" in host:
            raise OSError(errno.EADDRNOTAVAIL, "no such address")
        return real(host, port)

    monkeypatch.setattr(module, "_socket", without)
    assert [host for host, _ in _closed(listening("localhost", 0))] == ["127.0.0.1"]


@ipv6
def test_a_free_port_is_looked_for_again_where_the_second_address_has_it_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Port 0 ends with a port that is free on both."""
    real = module._socket
    asked: list[tuple[str, int]] = []

    def first_time_taken(host: str, port: int) -> socket.socket:
        asked.append((host, port))
        if len(asked) == 2:
            raise OSError(errno.EADDRINUSE, "taken")
        return real(host, port)

    monkeypatch.setattr(module, "_socket", first_time_taken)
    assert len(_closed(listening("localhost", 0))) == 2
    assert [host for host, _ in asked] == ["127.0.0.1", "::1"] * 2


def test_a_host_that_is_not_known_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that leads nowhere is named."""

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr("socket.getaddrinfo", unknown)
    with pytest.raises(OSError, match=r"the host 'nowhere\.test' is not known"):
        listening("nowhere.test", 0)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("[::1]", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.0.2.1", False),
    ],
)
def test_what_others_can_reach_is_known(host: str, expected: bool) -> None:
    """Only loopback addresses are this machine's alone."""
    assert only_this_machine(host) is expected
    assert addresses(host)


def test_parts_of_an_answer_are_sent_at_once() -> None:
    """A client that keeps its connection does not wait 40 ms for the second part of each answer."""

    async def accepted() -> int:
        delay: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def note(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            one = writer.get_extra_info("socket")
            delay.set_result(one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        (one,) = listening("127.0.0.1", 0)
        async with await asyncio.start_server(note, sock=one):
            _, writer = await asyncio.open_connection(*one.getsockname())
            found = await delay
            writer.close()
            await writer.wait_closed()
            return found

    assert asyncio.run(accepted()) != 0
