"""The sockets that the server listens on; `localhost` is both of its addresses."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
from contextlib import ExitStack
from typing import Final

LOCALHOST: Final = "localhost"

_LOOPBACK: Final = ("127.0.0.1", "::1")
_BACKLOG: Final = 512
_ATTEMPTS: Final = 20
# There is no IPv6 here, or no loopback address of it.
_NO_SUCH_ADDRESS: Final = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT}


class PortTakenError(OSError):
    """Another program listens on the port.

    Args:
        port: The port.
    """

    def __init__(self, port: int) -> None:
        super().__init__(
            errno.EADDRINUSE, f"port {port} is taken by another program: stop that one or choose another port"
        )
        self.port = port

    def __str__(self) -> str:
        return str(self.strerror)


def addresses(host: str) -> tuple[str, ...]:
    """Return the addresses of a host.

    Raises:
        OSError: The name is not known.
    """
    if host.lower() == LOCALHOST:
        return _LOOPBACK
    name = host.removeprefix("[").removesuffix("]")
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise OSError(errno.EADDRNOTAVAIL, f"the host {host[:100]!r} is not known on this machine") from error
    return tuple(dict.fromkeys(str(info[4][0]) for info in found))


def only_this_machine(host: str) -> bool:
    """Tell whether nobody but this machine can reach any address of a host."""
    return all(ipaddress.ip_address(address.partition("%")[0]).is_loopback for address in addresses(host))


def listening(host: str, port: int) -> list[socket.socket]:
    """Listen on all addresses of a host, on one port.

    Args:
        host: A name or an address.
        port: The port; 0 takes one that is free on all of them.

    Raises:
        PortTakenError: Another program listens there.
        OSError: The host is not known, or this process may not listen there.
    """
    found = addresses(host)
    for attempt in range(_ATTEMPTS):
        try:
            return _listening(found, port, optional=found == _LOOPBACK)
        except PortTakenError:
            # A port that was free on the first address may be taken on the second.
            if port != 0 or attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError


def _listening(hosts: tuple[str, ...], port: int, *, optional: bool) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    with ExitStack() as opened:
        for number, host in enumerate(hosts):
            try:
                one = opened.enter_context(_socket(host, port))
            except OSError as error:
                if optional and number and error.errno in _NO_SUCH_ADDRESS:
                    continue
                if error.errno == errno.EADDRINUSE or getattr(error, "winerror", None) == _WINDOWS_IN_USE:
                    raise PortTakenError(port) from error
                if isinstance(error, PermissionError):
                    raise PermissionError(
                        error.errno, f"port {port} is not for this user: choose one from 1024 on"
                    ) from error
                raise
            port = int(one.getsockname()[1])
            sockets.append(one)
        opened.pop_all()
    return sockets


_WINDOWS_IN_USE: Final = 10013


def _socket(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio sends each part of an answer at once; else a client that keeps its
    # connection waits 40 ms for the second.
    one = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            # A port can be taken again right after a stop; elsewhere this would let two listen on one.
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        elif hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.bind((host, port))
        one.listen(_BACKLOG)
        one.setblocking(False)
    except BaseException:
        one.close()
        raise
    return one
