"""Start the collector and the programs under test, talk to them, and learn how they ended."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Protocol, Self

from tests.faults.application import Orders
from tests.faults.behaviours import Record
from tests.faults.starvation import Starvation

if TYPE_CHECKING:
    import signal
    from types import TracebackType

ROOT: Final = Path(__file__).resolve().parents[2]
PATIENCE: Final = 40.0
KEY: Final = "service_faults_0123456789abcdef"
OUTPUT: Final = "output.txt"


class Collector:
    """The collector process; its stations are opened here."""

    def __init__(self) -> None:
        self._process = _python("tests.faults.collector")
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _stop(self._process)

    def open(self, behaviour: str) -> Station:
        """Open a station."""
        answer = self.ask(do="open", behaviour=behaviour)
        return Station(self, int(answer["station"]), int(answer["port"]))

    def elsewhere(self) -> Record:
        """Return what came where redirects point."""
        return Record(**self.ask(do="report", station=0))

    def ask(self, **command: Any) -> dict[str, Any]:
        """Send a command and return its answer."""
        with self._lock:
            _pipe(self._process.stdin).write(json.dumps(command) + "\n")
            _pipe(self._process.stdin).flush()
            line = _pipe(self._process.stdout).readline()
        if not line:
            raise RuntimeError(f"the collector ended at {command}: see its messages above")
        answer: dict[str, Any] = json.loads(line)
        return answer


@dataclass(frozen=True, slots=True)
class Station:
    """One port of the collector."""

    collector: Collector
    number: int
    port: int

    @property
    def url(self) -> str:
        """Return its base URL."""
        return f"http://127.0.0.1:{self.port}"

    def behave(self, behaviour: str) -> None:
        """Change what it does from now on."""
        self.collector.ask(do="behave", station=self.number, behaviour=behaviour)

    def report(self) -> Record:
        """Return what it saw so far."""
        return Record(**self.collector.ask(do="report", station=self.number))

    def close(self) -> None:
        """Close the port."""
        self.collector.ask(do="close", station=self.number)


class Ended(Protocol):
    """Knows how a program ended."""

    def __call__(self, timeout: float) -> tuple[int, float] | None:
        """Return its exit code and when it ended, or None if it still runs after so many seconds."""
        ...


class Running:
    """A program under test that runs.

    Attributes:
        folder: where it leaves its ledger and its results.
        pid: its process id.
    """

    def __init__(self, listener: socket.socket, folder: Path, ended: Ended) -> None:
        self.folder = folder
        self._ended = ended
        listener.settimeout(PATIENCE)
        with listener:
            self._control, _ = listener.accept()
        self._control.settimeout(PATIENCE)
        self._lines = self._control.makefile("r", encoding="utf-8")
        self.pid = int(self._answer()["pid"])
        self._starvation = Starvation(self.pid)

    def say(self, act: str, **arguments: Any) -> None:
        """Tell the program to do something, without waiting for it."""
        self._control.sendall(json.dumps({"act": act, **arguments}).encode() + b"\n")

    def did(self) -> dict[str, Any]:
        """Wait until the next thing said is done, and return the answer."""
        return self._answer()

    def do(self, act: str, **arguments: Any) -> dict[str, Any]:
        """Tell the program to do something and wait until it is done."""
        self.say(act, **arguments)
        return self._answer()

    def signal(self, number: signal.Signals) -> tuple[float, float]:
        """Send a signal; returns when (monotonic clock), and how long the program had lacked a processor."""
        starved = self._starvation.seconds
        moment = time.monotonic()
        os.kill(self.pid, number)
        return moment, starved

    def wait(self) -> tuple[int, float]:
        """Wait for the end; returns the exit code and when that was on the monotonic clock."""
        found = self._ended(PATIENCE + 30.0)
        self._lines.close()
        self._control.close()
        if found is None:
            raise RuntimeError(f"process {self.pid} did not end: {self.output()}")
        return found

    def output(self) -> str:
        """Return what the program wrote."""
        return (self.folder / OUTPUT).read_text(encoding="utf-8", errors="replace")

    def _answer(self) -> dict[str, Any]:
        line = self._lines.readline()
        if not line:
            raise RuntimeError(f"the program ended before it answered: {self.output()}")
        answer: dict[str, Any] = json.loads(line)
        return answer


class Launcher(Protocol):
    """Starts programs under test."""

    def start(self, folder: Path, **orders: Any) -> Running:
        """Start one; see `Orders` for what can be ordered."""
        ...


class Fresh:
    """Starts each program in an interpreter of its own."""

    def start(self, folder: Path, **orders: Any) -> Running:
        """Start one; see `Orders` for what can be ordered."""
        folder.mkdir(parents=True, exist_ok=True)
        listener = socket.create_server(("127.0.0.1", 0))
        full = Orders(port=listener.getsockname()[1], folder=str(folder), **orders)
        with (folder / OUTPUT).open("a", encoding="utf-8") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.faults.application", json.dumps(asdict(full))],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        moment: list[float] = []

        def reap() -> None:
            process.wait()
            moment.append(time.monotonic())

        reaper = threading.Thread(target=reap, daemon=True)
        reaper.start()

        def ended(timeout: float) -> tuple[int, float] | None:
            reaper.join(timeout)
            return (process.returncode, moment[0]) if moment else None

        return Running(listener, folder, ended)


class Preloaded:
    """Forks each program from a process that has loaded the package: a tenth of the time."""

    def __init__(self) -> None:
        self._process = _python("tests.faults.application", "--serve")
        self._lock = threading.Lock()
        self._count = 0
        self._changed = threading.Condition()
        self._ended: dict[int, tuple[int, float]] = {}
        threading.Thread(target=self._listen, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _stop(self._process)

    def start(self, folder: Path, **orders: Any) -> Running:
        """Start one; see `Orders` for what can be ordered."""
        folder.mkdir(parents=True, exist_ok=True)
        listener = socket.create_server(("127.0.0.1", 0))
        full = Orders(port=listener.getsockname()[1], folder=str(folder), **orders)
        (folder / OUTPUT).touch()
        with self._lock:
            self._count += 1
            number = self._count
            line = {"number": number, "orders": asdict(full), "output": str(folder / OUTPUT)}
            _pipe(self._process.stdin).write(json.dumps(line) + "\n")
            _pipe(self._process.stdin).flush()

        def ended(timeout: float) -> tuple[int, float] | None:
            with self._changed:
                self._changed.wait_for(lambda: number in self._ended, timeout)
                return self._ended.get(number)

        return Running(listener, folder, ended)

    def _listen(self) -> None:
        for line in _pipe(self._process.stdout):
            said = json.loads(line)
            if "code" in said:
                with self._changed:
                    self._ended[said["number"]] = said["code"], said["at"]
                    self._changed.notify_all()


def environment(url: str, spool: Path, **more: str) -> dict[str, str]:
    """Return the settings of a program that sends to a URL."""
    return {"TCC_URL": url, "TCC_API_KEY": KEY, "TCC_SPOOL_DIR": str(spool), **more}


def _python(module: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _pipe(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


def _stop(process: subprocess.Popen[str]) -> None:
    _pipe(process.stdin).close()
    try:
        process.wait(10.0)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10.0)
    _pipe(process.stdout).close()
