"""The command as its users run it: programs of their own, without this machine's settings."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final

from tests.loopback import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

_PREFIXES: Final = ("TCC_", "OTEL_", "PYTHON")
_OTHERS: Final = {"COLUMNS", "FORCE_COLOR", "NO_COLOR", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"}


def environment(**own: str) -> dict[str, str]:
    """Return this process's environment without what would count for the command, plus `own`."""
    inherited = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(_PREFIXES) and key not in _OTHERS
    }
    return {**inherited, "PYTHONUTF8": "1", **own}


def command(*arguments: str) -> list[str]:
    """Return the command line; a warning ends the command."""
    return [sys.executable, "-W", "error", "-m", "contextcompany", *arguments]


def ran(*arguments: str, typed: str | None = None, **own: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end.

    Args:
        arguments: What is typed behind `tcc`.
        typed: What comes on the standard input, which is empty else.
        own: Further environment variables.
    """
    return subprocess.run(
        command(*arguments),
        env=environment(**own),
        input="" if typed is None else typed,
        capture_output=True,
        encoding="utf-8",
        timeout=50,
        check=False,
    )


@dataclass(frozen=True)
class Running:
    """A command that goes on."""

    process: subprocess.Popen[str]

    def lines(self) -> Iterator[str]:
        """Give its output line by line."""
        return iter(_stream(self.process.stdout))

    def end(self, number: signal.Signals = signal.SIGINT) -> tuple[int, str]:
        """End it by a signal; returns its exit code and what it said on the error stream."""
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE)
        return code, _stream(self.process.stderr).read()


@contextmanager
def running(*arguments: str, **own: str) -> Generator[Running]:
    """Run a command for the length of a block."""
    with subprocess.Popen(
        command(*arguments),
        env=environment(**own),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        watch = threading.Timer(50, process.kill)
        watch.start()
        try:
            yield Running(process)
        finally:
            watch.cancel()
            process.kill()


@contextmanager
def serving(database: Path, *arguments: str) -> Generator[tuple[Running, str]]:
    """Run `tcc serve` on a free port; gives it and its address once it answers."""
    with running("serve", "--port", "0", "--db", str(database), *arguments) as server:
        first = next(server.lines(), "")
        if not first.startswith("Dashboard"):
            raise AssertionError(first + _stream(server.process.stderr).read())
        yield server, first.split()[1]


def _stream(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream
