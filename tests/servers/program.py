"""A process that runs beside a test, talks over its pipes, and never outlives it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from textwrap import dedent
from typing import IO, TYPE_CHECKING, Final, Self

from tests.servers.ledger import LEDGER

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

ROOT: Final = Path(__file__).resolve().parents[2]
LIMIT: Final = 45.0
"""Seconds that a program may take in all; only a failing test needs them."""

_BRIEFLY: Final = 0.01
_COMPLAINTS: Final = ("Traceback", "internal error")


class Program:
    """A Python program in a process group of its own.

    Args:
        arguments: what follows the name of the interpreter.
        folder: where its ledger and its error stream go.
        listener: a descriptor that it inherits.
        **environment: further environment variables.

    Attributes:
        folder: where its ledger and its error stream are.
    """

    def __init__(
        self, arguments: Sequence[str], folder: Path, *, listener: int | None = None, **environment: str
    ) -> None:
        self.folder = folder
        with self._errors.open("w") as errors:
            self._process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=ROOT,
                env={
                    **os.environ,
                    # Python 3.12 warns of every fork beside a thread.
                    "PYTHONWARNINGS": "ignore::DeprecationWarning",
                    LEDGER: str(folder / "ledger"),
                    **environment,
                },
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                pass_fds=() if listener is None else (listener,),
                start_new_session=True,
            )
        self._watchdog = threading.Timer(LIMIT, self._kill)
        self._watchdog.daemon = True
        self._watchdog.start()

    @classmethod
    def script(cls, text: str, folder: Path, **environment: str) -> Self:
        """Run a program given as text; common indentation is taken off."""
        return cls(["-c", dedent(text)], folder, listener=None, **environment)

    @property
    def pid(self) -> int:
        """Return its process id."""
        return self._process.pid

    @property
    def complaints(self) -> str:
        """Return what it wrote to the error stream."""
        return self._errors.read_text()

    def say(self, line: str) -> None:
        """Write a line to its input."""
        stream = _pipe(self._process.stdin)
        stream.write(line + "\n")
        stream.flush()

    def hear(self) -> str:
        """Wait for a line of its output."""
        line = _pipe(self._process.stdout).readline()
        assert line, f"the program ended before it spoke: {self.complaints}"
        return line.strip()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def wait(self) -> int:
        """Wait for its end, and return its exit code."""
        return self._process.wait(LIMIT)

    def end(self, code: int = 0) -> str:
        """Hold that it ends with this code and without a complaint; returns the rest of its output."""
        output = _pipe(self._process.stdout).read()
        assert self.wait() == code, self.complaints
        said = self.complaints
        assert not any(word in said for word in _COMPLAINTS), said
        return output.strip()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._kill()
        self._watchdog.cancel()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            with suppress(BrokenPipeError):  # a line that it did not read
                _pipe(stream).close()

    @property
    def _errors(self) -> Path:
        return self.folder / "errors"

    def _kill(self) -> None:
        """End it and all processes that it started, unless it has ended well."""
        if self._process.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)


def eventually(promise: str, is_so: Callable[[], bool], seconds: float = LIMIT / 3) -> None:
    """Look again and again until something is so."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"did not come: {promise}"
        time.sleep(_BRIEFLY)


def _pipe(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream
