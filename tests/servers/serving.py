"""A web server as a program, on a socket that listens before it starts: nobody waits for it to be up."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import TYPE_CHECKING, NamedTuple

from tests.servers.program import LIMIT, Program

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path


class Served(NamedTuple):
    """A server that runs.

    Attributes:
        program: its first process.
        port: where it listens.
    """

    program: Program
    port: int

    def ask(self, run_id: str) -> int:
        """Have a run recorded; returns the process that did it."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=LIMIT)
        try:
            connection.request("GET", f"/{run_id}")
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        assert answer.status == 200, self.program.complaints
        return int(body)

    def ask_until_seen(self, prefix: str, workers: int, *, but: set[int] | None = None) -> set[int]:
        """Ask until so many processes have answered, and return them.

        Args:
            prefix: begins the ids of the runs.
            workers: how many.
            but: processes that do not count.
        """
        seen: set[int] = set()
        for number in range(500):
            seen |= {self.ask(f"{prefix}-{number}")} - (but or set())
            if len(seen) == workers:
                return seen
        raise AssertionError(f"{len(seen)} of {workers} processes answered: {self.program.complaints}")


@contextmanager
def serving(command: Callable[[int], Sequence[str]], folder: Path, **environment: str) -> Generator[Served]:
    """Run a server for the length of a block.

    Args:
        command: gives the arguments, told the descriptor to listen on.
        folder: where its ledger and its error stream go.
        **environment: further environment variables.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        descriptor = listener.fileno()
        program = Program(command(descriptor), folder, listener=descriptor, **environment)
    with program:
        yield Served(program, port)
