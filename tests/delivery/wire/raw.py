"""Servers that answer with raw bytes, or not at all."""

from __future__ import annotations

import socket
import threading
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Self

from tests.loopback import PATIENCE

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

    Script = Callable[[socket.socket], object]


class RawServer:
    """Run the first script on the first connection, and so on, each in a thread of its own.

    Args:
        *scripts: what is done with each connection, which is closed afterwards.
        tls: speak TLS with these certificates.
    """

    def __init__(self, *scripts: Script, tls: ssl.SSLContext | None = None) -> None:
        self._scripts = scripts
        self._tls = tls
        self._server = socket.create_server(("127.0.0.1", 0))
        self._over = False
        self._scripts_running: list[threading.Thread] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.connections = 0
        scheme = "http" if tls is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self._server.getsockname()[1]}/v1/traces"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over = True
        with suppress(OSError):  # it may wait for a connection that nobody makes
            socket.create_connection(self._server.getsockname(), PATIENCE).close()
        for thread in [self._thread, *self._scripts_running]:
            thread.join(PATIENCE)
            assert not thread.is_alive()
        self._server.close()

    def _serve(self) -> None:
        for script in self._scripts:
            connection, _ = self._server.accept()
            if self._over:
                connection.close()
                return
            self.connections += 1
            thread = threading.Thread(target=self._run, args=(script, connection), daemon=True)
            thread.start()
            self._scripts_running.append(thread)

    def _run(self, script: Script, connection: socket.socket) -> None:
        connection.settimeout(PATIENCE)
        # Else the kernel keeps a second small write back, and a reset throws it away.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection, suppress(OSError):  # the client may have gone
            if self._tls is None:
                script(connection)
                return
            with self._tls.wrap_socket(connection, server_side=True) as wrapped:
                script(wrapped)


def reads_all(answer: bytes) -> Script:
    """Return a script that reads one request, answers, and waits until the client is gone."""

    def script(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65_536):
            pass

    return script


def read_request(connection: socket.socket) -> bytes:
    """Read one request with a Content-Length, and return its body."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += _more(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    (length,) = (
        int(line.partition(b":")[2])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length")
    )
    while len(body) < length:
        body += _more(connection)
    return body


def _more(connection: socket.socket) -> bytes:
    received = connection.recv(65_536)
    if not received:
        raise ConnectionResetError("the client has gone")
    return received


@contextmanager
def full_server() -> Iterator[tuple[str, int]]:
    """Give the address of a server that takes no more connections: connecting to it hangs."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server, ExitStack() as stack:
        address: tuple[str, int] = server.getsockname()
        for _ in range(8):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(address)
        yield address
