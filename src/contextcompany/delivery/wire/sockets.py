"""Sockets that know when the time of a request is over.

The time limits of HTTP clients are per read: a server that answers byte by byte keeps a request for
ever. The sockets here ask before every call how much of the whole request's time is left. No thread
has to watch them, so the deadline holds while the interpreter exits, too.
"""

from __future__ import annotations

import errno
import selectors
import socket
import ssl
import time
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

_Received = TypeVar("_Received", bytes, int)


class Exchange:
    """What is known of a request while it is made.

    Args:
        seconds: the time for connecting, sending and reading the answer.
        opened: is told of each connection that is opened.
    """

    def __init__(self, seconds: float, opened: Callable[[socket.socket], None]) -> None:
        self._until = time.monotonic() + seconds
        self._opened = opened
        self._unfinished: socket.socket | None = None
        self._is_seen = False
        self._is_fresh = False
        self._has_answer = False

    @property
    def may_be_repeated(self) -> bool:
        """Return whether it failed on a kept connection, without a byte of an answer, and has time left."""
        is_stale = self._is_seen and not self._is_fresh and not self._has_answer
        return is_stale and time.monotonic() < self._until

    def left(self) -> float:
        """Return the seconds that are left.

        Raises:
            TimeoutError: if none are.
        """
        seconds = self._until - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("the time for the request is over")
        return seconds

    def hurry(self, seconds: float) -> None:
        """End it in so many seconds at the latest."""
        self._until = min(self._until, time.monotonic() + seconds)

    def connects(self) -> None:
        """Take note that no kept connection is used."""
        self._is_fresh = True

    def has_opened(self, sock: socket.socket) -> None:
        """Take note of a connection."""
        self._opened(sock)

    def allows(self, sock: socket.socket) -> None:
        """Give a call on a connection the time that is left."""
        self._is_seen = True
        sock.settimeout(self.left())

    def has_received(self) -> None:
        """Take note that a byte of an answer came."""
        self._has_answer = True

    def cannot_finish(self, sock: socket.socket) -> None:
        """Take note of a connection that a request was sent to in part."""
        self._unfinished = sock

    def end(self) -> None:
        """Make a connection with half a request on it useless for the next."""
        if self._unfinished is not None:
            shut_down(self._unfinished)


_current: ContextVar[Exchange | None] = ContextVar("contextcompany-exchange", default=None)


@contextmanager
def exchange(seconds: float, opened: Callable[[socket.socket], None]) -> Generator[Exchange]:
    """Give all requests of a block so many seconds together.

    Args:
        seconds: the time for connecting, sending and reading the answer.
        opened: is told of each connection that is opened meanwhile.
    """
    made = Exchange(seconds, opened)
    token = _current.set(made)
    try:
        yield made
    finally:
        _current.reset(token)
        made.end()


def current() -> Exchange | None:
    """Return the exchange that the caller is in."""
    return _current.get()


class TimedSocket(socket.socket):
    """A connection that keeps to the time of the exchange it is used in."""

    def recv(self, bufsize: int, flags: int = 0) -> bytes:
        """Receive bytes."""
        _limit(self)
        return _received(super().recv(bufsize, flags))

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        """Receive bytes into a buffer."""
        _limit(self)
        return _received(super().recv_into(buffer, nbytes, flags))

    def send(self, data: Any, flags: int = 0) -> int:
        """Send what fits."""
        _limit(self)
        return super().send(data, flags)

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send everything, unless the other side answers instead of reading on.

        Raises:
            BrokenPipeError: if it does; HTTP clients then read the answer.
        """
        made = _current.get()
        if made is None:
            super().sendall(data, flags)
            return
        rest = memoryview(data).cast("B")
        with selectors.DefaultSelector() as selector:
            selector.register(self, selectors.EVENT_READ | selectors.EVENT_WRITE)
            while rest:
                ready = selector.select(made.left())
                if ready and not ready[0][1] & selectors.EVENT_WRITE:
                    made.cannot_finish(self)
                    raise BrokenPipeError(errno.EPIPE, "answered before the request was read")
                if ready:
                    rest = rest[self.send(rest, flags) :]


class TimedSSLSocket(ssl.SSLSocket):
    """The same over TLS.

    What can be read from it may be no answer but a session ticket, so it does not listen while it sends.
    """

    def do_handshake(self, block: bool = False) -> None:  # noqa: ARG002  (matters without a time limit only)
        """Agree on keys."""
        _limit(self)
        super().do_handshake()  # gevent's takes no argument

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """Receive bytes."""
        _limit(self)
        return _received(super().recv(buflen, flags))

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:
        """Receive bytes into a buffer."""
        _limit(self)
        return _received(super().recv_into(buffer, nbytes, flags))

    def send(self, data: Any, flags: int = 0, **options: Any) -> int:
        """Send what fits; `sendall` of the base calls it for every part.

        Args:
            data: bytes.
            flags: none.
            **options: what gevent gives more.

        Raises:
            BrokenPipeError: if the other side has gone; HTTP clients then read what it said before.
        """
        _limit(self)
        try:
            return super().send(data, flags, **options)
        except ssl.SSLEOFError as error:
            raise BrokenPipeError(errno.EPIPE, "the other side has gone") from error


def _limit(sock: socket.socket) -> None:
    made = _current.get()
    if made is not None:
        made.allows(sock)


def _received(what: _Received) -> _Received:
    made = _current.get()
    if made is not None and what:
        made.has_received()
    return what


def shut_down(sock: socket.socket) -> None:
    """End a connection in both directions; who reads from it gets an end, and no error."""
    # Not the method of SSLSocket, which forgets its state under the feet of a thread that reads.
    with suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
