"""A server that runs: in a thread beside other work, or alone until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from contextcompany.local.server.sockets import LOCALHOST, listening, only_this_machine

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Generator
    from types import FrameType, TracebackType
    from typing import Self

    import uvicorn

    from contextcompany.local.server.access import Access
    from contextcompany.local.store.interface import RunStore

DEFAULT_PORT: Final = 4318

_THREAD_NAME: Final = "contextcompany-local-server"
_SIGNALS: Final = ("SIGINT", "SIGTERM", "SIGBREAK")


class UnprotectedError(ValueError):
    """The server would be reachable by others, and nothing would keep them out."""


class Server:
    """Serve a store over HTTP.

    The sockets are open when the constructor returns, so a port that is taken is known at once.

    Args:
        store: Where runs are kept; it stays open when the server stops.
        host: Where to listen; `localhost` is 127.0.0.1 and ::1.
        port: The port; 0 takes a free one.
        access: Who may ask; this machine alone unless given.

    Raises:
        PortTakenError: Another program listens there.
        UnprotectedError: The host can be reached by others and there are no tokens.
        OSError: The host is not known, or this process may not listen there.
    """

    def __init__(
        self,
        store: RunStore,
        *,
        host: str = LOCALHOST,
        port: int = DEFAULT_PORT,
        access: Access | None = None,
    ) -> None:
        has_tokens = access is not None and access.tokens is not None and bool(access.tokens.list())
        if not has_tokens and not only_this_machine(host):
            raise UnprotectedError(
                f"others can reach {host}, so tokens are needed: make one with tcc tokens add NAME --read, "
                "or listen on localhost"
            )
        self._store = store
        self._host = host
        self._access = access
        self._sockets: list[socket.socket] = listening(host, port)
        self._port = int(self._sockets[0].getsockname()[1])
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None
        self._lock = threading.Lock()

    @property
    def port(self) -> int:
        """Return the port it listens on."""
        return self._port

    @property
    def url(self) -> str:
        """Return the address of the dashboard, without a slash at the end."""
        host = LOCALHOST if self._host in _ANY else self._host.removeprefix("[").removesuffix("]")
        return f"http://[{host}]:{self._port}" if ":" in host else f"http://{host}:{self._port}"

    def start(self) -> Self:
        """Serve in a thread and return once requests are answered.

        Raises:
            RuntimeError: It was started or stopped before.
        """
        ready = threading.Event()
        server = self._build(ready.set)

        def serve() -> None:
            try:
                server.run(self._sockets)
            except BaseException as error:  # noqa: BLE001 - raised again by start()
                self._failure = error
            finally:
                ready.set()

        self._thread = threading.Thread(target=serve, name=_THREAD_NAME, daemon=True)
        self._thread.start()
        ready.wait()
        if self._failure is not None:
            self.stop()
            raise self._failure
        return self

    def stop(self) -> None:
        """Let requests that are here be answered for a second, and end; idempotent."""
        if self._server is not None:
            self._server.should_exit = True
        if self._thread is not None:
            self._thread.join()
        for one in self._sockets:
            one.close()

    def serve(self, when_ready: Callable[[], object] | None = None) -> None:
        """Serve in this thread until stop() is called, or in the main thread SIGINT or SIGTERM comes.

        Args:
            when_ready: Called once when requests are answered.

        Raises:
            RuntimeError: It was started or stopped before.
        """
        server = self._build(when_ready or (lambda: None))
        try:
            with _ended_by_signals(server):
                server.run(self._sockets)
        finally:
            self.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _build(self, when_ready: Callable[[], object]) -> uvicorn.Server:
        from contextcompany.local.server.access import Access
        from contextcompany.local.server.app import build_app
        from contextcompany.local.server.endings import EventStreamsEnd
        from contextcompany.local.server.engine import Engine, config

        with self._lock:
            if self._server is not None:
                raise RuntimeError("a server is started once: make another one")
            closing = asyncio.Event()
            app = EventStreamsEnd(build_app(self._store, self._access or Access()), closing)
            self._server = Engine(config(app), closing, when_ready)
            return self._server


_ANY: Final = {"0.0.0.0", "::", "[::]"}  # noqa: S104 - compared with, not listened on


@contextmanager
def _ended_by_signals(server: uvicorn.Server) -> Generator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(_number: int, _frame: FrameType | None) -> None:
        # Who asks a second time does not want to wait for answers that are under way.
        server.force_exit = server.should_exit
        server.should_exit = True

    numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    before = {number: signal.signal(number, end) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
