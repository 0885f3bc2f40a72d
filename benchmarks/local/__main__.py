"""What the local collector takes and answers, beside Arize Phoenix with the same requests.

    python -m benchmarks.local PHOENIX_ENVIRONMENT [--runs N] [--intake N] [--write docs/benchmarks.md]
    python -m benchmarks.local --only ours [--runs N] [--intake N]

Both start from nothing on a free port with their own database in a temporary folder, one after the other, and
have the machine to themselves. One client posts requests of 510 compressed spans over one connection and
repeats what is refused as too much; a span counts when it can be asked for. Pages are asked for 20 times.
Beside the time that passes stands what the processor spends on it, which a busy machine changes less.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.local.figures import Figures, Rate, table
from benchmarks.local.subjects import Client, Ours, Phoenix
from benchmarks.local.workload import SPANS_PER_RUN, batches

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.local.subjects import Subject
    from benchmarks.local.workload import Batch

_START_SECONDS: Final = 180.0
_STORE_SECONDS: Final = 7_200.0
_STOP_SECONDS: Final = 30.0
_POLL_SECONDS: Final = 0.02
_ASKS: Final = 20
_OK: Final = 200
_BUSY: Final = (429, 503)
_HEADERS: Final = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}


class Running:
    """A collector in a process of its own."""

    def __init__(self, subject: Subject, folder: Path) -> None:
        self.subject, self.folder = subject, folder
        self.port = _free_port()
        command, own = subject.command(self.port, folder)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("TCC_", "OTEL_"))}
        self._log = (folder / "output.log").open("wb")
        self._began = time.perf_counter()
        self._process = subprocess.Popen(  # noqa: S603 - the two commands of subjects.py
            command,
            cwd=folder,
            env=kept | own,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )

    def wait_until_ready(self) -> float:
        """Wait until it answers on /healthz; return the seconds since its start."""
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError(f"{self.subject.name} ended: {self.log()}")
            connection = HTTPConnection("127.0.0.1", self.port, timeout=5.0)
            try:
                connection.request("GET", "/healthz")
                if connection.getresponse().status == _OK:
                    return time.perf_counter() - self._began
            except (OSError, HTTPException):
                time.sleep(_POLL_SECONDS)
            finally:
                connection.close()
        raise RuntimeError(f"{self.subject.name} is not ready after {_START_SECONDS:.0f} s: {self.log()}")

    def log(self) -> str:
        """Return the end of what it printed."""
        return (self.folder / "output.log").read_text(errors="replace")[-2_000:]

    def connect(self) -> Client:
        """Open a connection to it."""
        return Client(self.port)

    def memory(self) -> tuple[int, int]:
        """Return the resident bytes of its process group, now and at most."""
        now = peak = 0
        for status in Path("/proc").glob("[0-9]*/status"):
            try:
                if os.getpgid(int(status.parent.name)) != self._process.pid:
                    continue
                lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
                now += int(lines["VmRSS"].split()[0]) * 1024
                peak += int(lines["VmHWM"].split()[0]) * 1024
            except (OSError, KeyError):
                continue
        return now, peak

    def worked(self) -> float:
        """Return the seconds that the processor has spent on its process group."""
        ticks = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                if os.getpgid(int(stat.parent.name)) == self._process.pid:
                    # The name of a program may hold spaces; after it the times are the 12th and 13th.
                    ticks += sum(map(int, stat.read_text().rpartition(")")[2].split()[11:13]))
            except OSError:
                continue
        return ticks / os.sysconf("SC_CLK_TCK")

    def take(self, batch: Batch, client: Client) -> None:
        """Post a request until it is accepted."""
        while True:
            status, content = client.request("POST", "/v1/traces", batch.body, _HEADERS)
            if status == _OK:
                return
            if status not in _BUSY:
                raise RuntimeError(f"{self.subject.name}: {status} {content[:300]!r}")
            time.sleep(_POLL_SECONDS)

    def wait_until_stored(self, spans: int, client: Client) -> None:
        """Wait until so many spans can be asked for."""
        deadline = time.monotonic() + _STORE_SECONDS
        while (found := self.subject.stored(client, self.folder)) < spans:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.subject.name} has {found} of {spans} spans")
            time.sleep(_POLL_SECONDS)

    def stop(self) -> None:
        """End it and all it started."""
        try:
            os.killpg(self._process.pid, signal.SIGTERM)
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(_STOP_SECONDS)
        except ProcessLookupError:
            self._process.wait(_STOP_SECONDS)
        finally:
            self._log.close()


@contextmanager
def running(subject: Subject) -> Iterator[Running]:
    """Run a collector in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="collector-") as folder:
        collector = Running(subject, Path(folder))
        try:
            yield collector
        finally:
            collector.stop()


def measure(subject: Subject, version: str, runs: int, intake: int, fill: int) -> Figures:
    """Measure one collector: start, intake into the empty store, fill, intake into the full one, pages."""
    figures = Figures(subject.name, version)
    starts: list[float] = []
    for _ in range(3):
        with running(subject) as collector:
            starts.append(collector.wait_until_ready())
            figures.idle_bytes = collector.memory()[0]
    figures.ready = statistics.median(starts)
    _say(f"{subject.name}: ready after {figures.ready:.2f} s")
    with running(subject) as collector:
        collector.wait_until_ready()
        client = collector.connect()
        spans, figures.rate = _intake(collector, client, intake, 1, 0)
        _say(f"{subject.name}: {figures.rate.passed:,.0f} spans/s into the empty store")
        for batch in batches(runs - 2 * intake, seed=2, spans_each=fill):
            collector.take(batch, client)
            spans += batch.spans
        collector.wait_until_stored(spans, client)
        _say(f"{subject.name}: {spans:,} spans stored")
        spans, figures.rate_full = _intake(collector, client, intake, 3, spans)
        *_, last = batches(intake, seed=3)
        for name, request in subject.pages(last).items():
            times: list[float] = []
            for _ in range(_ASKS):
                began = time.perf_counter()
                request.ask(client)
                times.append((time.perf_counter() - began) * 1e3)
            figures.pages[name] = statistics.median(times), max(times)
        figures.peak_bytes = collector.memory()[1]
        figures.disk_bytes = sum(path.stat().st_size for path in collector.folder.glob("*.db*"))
        client.close()
    return figures


def _intake(collector: Running, client: Client, runs: int, seed: int, before: int) -> tuple[int, Rate]:
    made = list(batches(runs, seed=seed))
    spans = sum(batch.spans for batch in made)
    began, worked = time.perf_counter(), collector.worked()
    for batch in made:
        collector.take(batch, client)
    collector.wait_until_stored(before + spans, client)
    passed = time.perf_counter() - began
    return before + spans, Rate(spans / passed, spans / (collector.worked() - worked))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _version(python: str, distribution: str) -> str:
    code = f"import importlib.metadata as m; print(m.version({distribution!r}))"
    return subprocess.run(  # noqa: S603 - our own interpreters
        [python, "-c", code], check=True, capture_output=True, text=True
    ).stdout.strip()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _replace(path: Path, written: str) -> None:
    begin, end = "<!-- local:begin -->", "<!-- local:end -->"
    before, _, rest = path.read_text().partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise SystemExit(f"{path} has no part between {begin} and {end}: put both there")
    path.write_text(f"{before}{begin}\n\n{written}\n\n{end}{after}")


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("phoenix", type=Path, nargs="?", help="a virtual environment with arize-phoenix")
    parser.add_argument("--only", choices=("ours",), help="measure this one alone; needs no environment")
    parser.add_argument("--runs", type=int, default=100_000, help="how many runs are stored at the end")
    parser.add_argument("--intake", type=int, default=4_250, help="how many runs the intake is timed with")
    parser.add_argument(
        "--fill", type=int, default=SPANS_PER_RUN, help="how many spans a run has that only fills the store"
    )
    parser.add_argument("--write", type=Path, help="the page whose part between marks is replaced")
    asked = parser.parse_args()
    if (asked.phoenix is None) != (asked.only is not None):
        parser.error(
            "name an environment with arize-phoenix, or measure this collector alone with --only ours"
        )
    if asked.only and asked.write:
        parser.error("the page shows both collectors: leave out --only or --write")
    subjects: list[tuple[Subject, str]] = [
        (Ours(sys.executable), _version(sys.executable, "contextcompany-otel"))
    ]
    if asked.phoenix is not None:
        binaries = asked.phoenix.resolve() / "bin"
        subjects.append((Phoenix(binaries), _version(str(binaries / "python"), "arize-phoenix")))
    figures = [
        measure(subject, version, asked.runs, asked.intake, asked.fill) for subject, version in subjects
    ]
    system = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    written = (
        f"{asked.runs:,} runs stored: {2 * asked.intake:,} of {SPANS_PER_RUN} spans, by which the intake\n"
        f"is timed, the others of {asked.fill}; 2.4 KB a span. {os.cpu_count()} cores, {system}.\n"
        f"Pages: what a browser asks for, {_ASKS} times, from a client on the same machine.\n\n"
        f"{table(figures, asked.runs)}"
    )
    print(written)
    if asked.write:
        _replace(asked.write, written)


if __name__ == "__main__":
    main()
