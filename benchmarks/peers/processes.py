"""The processes of a measure: the collector, and one for each peer."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Self

from benchmarks.peers.order import Told
from benchmarks.peers.sink import Counts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.peers.catalogue import Peer
    from benchmarks.peers.order import Order

ROOT: Final = Path(__file__).resolve().parents[2]
_OTHERS: Final = ("TCC_", "OTEL_", "LANGFUSE_", "LOGFIRE_", "TRACELOOP_", "MLFLOW_", "LMNR_", "HTTP_PROXY")
_SAID: Final = 800


class ChildError(Exception):
    """A process failed; the text is the end of what it said."""


class Sink:
    """The counting collector, in a process of its own."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.peers.sink"],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None  # noqa: S101
        self._port = int(self._process.stdout.readline())
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.terminate()
        self._process.communicate()

    @property
    def url(self) -> str:
        """Return its base URL."""
        return f"http://127.0.0.1:{self._port}"

    def behave(self, behaviour: str) -> None:
        """Forget what arrived, and behave so from now on."""
        self._ask("/_reset")
        self._ask(f"/_behave?as={behaviour}")

    def counts(self) -> Counts:
        """Return what arrived."""
        return Counts(**self._ask("/_counts"))

    def _ask(self, path: str) -> dict[str, Any]:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            connection.request("GET", path)
            answer: dict[str, Any] = json.loads(connection.getresponse().read())
            return answer
        finally:
            connection.close()


@dataclass(frozen=True, slots=True)
class Places:
    """Where the peers are installed.

    Attributes:
        environments: the folder of virtual environments; None runs all of them with this interpreter.
    """

    environments: Path | None

    def python(self, peer: Peer) -> Path:
        """Return the interpreter of a peer."""
        if self.environments is None:
            return Path(sys.executable)
        return self.environments / peer.environment / "bin" / "python"

    def variables(self, home: Path) -> dict[str, str]:
        """Return the environment variables of a process whose home this is."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(_OTHERS) and not name.lower().endswith("_proxy")
        }
        if self.environments is not None:
            kept.pop("PYTHONPATH", None)
        own = {"HOME": str(home), "XDG_STATE_HOME": str(home), "XDG_CACHE_HOME": str(home)}
        return {**kept, **own, "NO_PROXY": "*", "PYTHONWARNINGS": "ignore", "PYTHONDONTWRITEBYTECODE": ""}


@dataclass(frozen=True, slots=True)
class Finished:
    """What became of a process.

    Attributes:
        told: what it measured of itself; None where it never got to the end.
        exit: seconds from the end of its work to its own end.
        was_killed: whether it was given up.
        error: the end of what it said, where it failed.
    """

    told: Told | None
    exit: float
    was_killed: bool
    error: str


class Home:
    """A home folder for processes that share what they keep on disk."""

    def __enter__(self) -> Path:
        self._path = Path(tempfile.mkdtemp(prefix="bench-"))
        return self._path

    def __exit__(self, *exc: object) -> None:
        shutil.rmtree(self._path, ignore_errors=True)


def play(peer: Peer, order: Order, places: Places, home: Path, limit: float) -> Finished:
    """Run one process to its end, or to a limit in seconds."""
    file = home / "told.json"
    file.unlink(missing_ok=True)
    with (home / "errors.log").open("w+b") as errors:
        process = subprocess.Popen(  # noqa: S603  (ours)
            [str(places.python(peer)), "-m", "benchmarks.peers.child", order.text(), str(file)],
            cwd=ROOT,
            env=places.variables(home),
            stdin=subprocess.DEVNULL,
            stdout=errors,
            stderr=errors,
        )
        was_killed = False
        try:
            process.wait(limit)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            was_killed = True
        ended = time.monotonic()
        said = _end_of(errors)
    if not file.exists():
        return Finished(None, 0.0, was_killed, said or "it told nothing")
    told = Told.read(file.read_text())
    return Finished(told, ended - told.ended, was_killed, said if process.returncode else "")


def read_json(peer: Peer, arguments: Sequence[str], places: Places, home: Path) -> dict[str, float]:
    """Run the interpreter of a peer and return the JSON object that it prints.

    Raises:
        ChildError: where it fails.
    """
    finished = subprocess.run(  # noqa: S603  (ours)
        [str(places.python(peer)), *arguments],
        cwd=ROOT,
        env=places.variables(home),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode:
        raise ChildError(f"{peer.name}: {finished.stderr[-_SAID:]}")
    told: dict[str, float] = json.loads(finished.stdout)
    return told


def _end_of(log: IO[bytes]) -> str:
    log.seek(0)
    return log.read()[-_SAID:].decode(errors="replace")
