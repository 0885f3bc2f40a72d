"""Programs that are started here: each in a process group of its own, bounded in time, ended by its id."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
import urllib.error
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests.receivers.reading import get

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

ROOT = Path(__file__).resolve().parents[2]
STOP_TIMEOUT = 15.0
LOG_LINES = 40

FOREIGN_SETTINGS = ("TCC_", "OTEL_", "OPENAI_", "PHOENIX_", "MLFLOW_")
"""Settings of whoever calls us would change what is sent and how it is read."""


class ProgramError(Exception):
    """A program failed, or did not do in time what was asked of it; the message holds its last words."""


def free_port() -> int:
    """Return a loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def variables(own: Mapping[str, str]) -> dict[str, str]:
    """Return our environment without settings of the packages under test and without proxies, plus `own`."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(FOREIGN_SETTINGS) and not name.lower().endswith("_proxy")
    }
    return kept | dict(own)


def run_program(
    command: Sequence[str],
    *,
    own: Mapping[str, str] | None = None,
    timeout: float,
    clean: bool = True,
) -> str:
    """Run a program in the checkout and return what it wrote to standard output.

    `timeout` is in seconds; `clean=False` leaves it the environment of the caller. Raises ProgramError when
    the program fails or takes longer.
    """
    process = subprocess.Popen(
        list(command),
        cwd=ROOT,
        env=variables(own or {}) if clean else None,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    said = " ".join(command)
    try:
        output, errors = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired as error:
        end_group(process)
        output, errors = process.communicate()
        raise ProgramError(f"{said}: still running after {timeout:.0f} s\n{output}{errors}") from error
    except BaseException:
        end_group(process)
        raise
    if process.returncode != 0:
        raise ProgramError(f"{said}: exit code {process.returncode}\n{output}{errors}")
    return output


def end_group(process: subprocess.Popen[str]) -> None:
    """End a process and all it started: asked first, then killed."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        if _group_ended(process, STOP_TIMEOUT):
            break
    process.wait(STOP_TIMEOUT)


def _group_ended(process: subprocess.Popen[str], timeout: float) -> bool:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        process.poll()  # collects the process itself, so that its group can become empty
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


class Server:
    """A server process, from its start until the `with` block ends; its output goes to a file.

    Args:
        name: what messages call it.
        command: the program and its arguments.
        own: environment variables beside the caller's.
        folder: where it runs and where its output is kept.
    """

    def __init__(self, name: str, command: Sequence[str], own: Mapping[str, str], folder: Path) -> None:
        self.name = name
        self.log = folder / "output.log"
        with self.log.open("w", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                list(command),
                cwd=folder,
                env=variables(own),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        end_group(self._process)

    def wait_ready(self, url: str, timeout: float) -> float:
        """Wait until `url` answers 200 and return the seconds that took.

        Raises ProgramError when the server ends or does not answer within `timeout` seconds.
        """
        started = time.monotonic()
        while time.monotonic() - started < timeout:
            if self._process.poll() is not None:
                raise ProgramError(
                    f"{self.name}: ended with exit code {self._process.returncode} before it was ready"
                )
            with contextlib.suppress(urllib.error.URLError, OSError):
                get(url)
                return time.monotonic() - started
            time.sleep(0.2)
        raise ProgramError(f"{self.name}: {url} did not answer within {timeout:.0f} s")

    def last_words(self) -> str:
        """Return the end of what the server wrote."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(f"    {self.name}: {line}" for line in lines[-LOG_LINES:])
