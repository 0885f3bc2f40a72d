"""The program under test: it does what it is told over a socket, and ends in the way it is told.

`python -m tests.faults.application ORDERS` runs one; ORDERS is JSON, see `Orders`. With `--serve` it loads
the package, without using it, and forks one such program per line of its standard input, which saves each
the time of importing; it says when one began and ended.
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import socket
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from tests.faults.starvation import Starvation

if TYPE_CHECKING:
    from types import FrameType

MOST_SECONDS: Final = 60.0
SYS_EXIT_CODE: Final = 3
OS_EXIT_CODE: Final = 7
RESULT: Final = ".result.json"
_PRELOADED: Final = (
    "contextcompany.recording.handles.run",
    "contextcompany.recording.handles.step",
    "contextcompany.recording.handles.tool_call",
    "contextcompany.runtime.process",
    "contextcompany.delivery.wire.transport",
    # What the background needs for its first batch; an agent's own client has most of it loaded anyway.
    "genai_prices",
)


@dataclass(frozen=True)
class Orders:
    """What a program is started with.

    Attributes:
        port: the loopback port on which it is told what to do.
        folder: where it leaves its ledger and its results.
        environment: its settings, beside what the machine gives.
        most_seconds: after so long it ends itself with the stacks of its threads.
        file_limit: no file of it may grow larger, in bytes; 0 for no limit.
        drops_privilege: whether modes of files hold for it even if it is root.
        moves_clock: whether its wall clock can be moved, see the act `jump`.
    """

    port: int
    folder: str
    environment: dict[str, str] = field(default_factory=dict[str, str])
    most_seconds: float = MOST_SECONDS
    file_limit: int = 0
    drops_privilege: bool = False
    moves_clock: bool = False


class Crash(Exception):  # noqa: N818  (it is no error of the tests)
    """Ends a program by an exception that nobody handles."""


class Program:
    """The life of one program."""

    def __init__(self, orders: Orders) -> None:
        import atexit

        from tests.faults.ledger import Ledger

        self._starvation = Starvation(os.getpid())
        self._starved = 0.0
        self._folder = Path(orders.folder)
        self._ledger = Ledger(self._folder)
        # Registered before the package is used, so that it runs after the package's own.
        atexit.register(self._write_result)
        self._flushes: list[dict[str, Any]] = []
        self._children: list[int] = []
        self._child_codes: list[int] = []
        self._open: list[Any] = []
        self._offset = 0.0
        self._is_child = False
        self.load = _new_load(self._ledger)
        self._control = socket.create_connection(("127.0.0.1", orders.port))
        self._lines = self._control.makefile("r", encoding="utf-8")
        self._say({"pid": os.getpid()})

    def run(self) -> None:
        """Do what is said until it is said to leave, or nobody says anything any more."""
        for line in self._lines:
            order = json.loads(line)
            act = order.pop("act")
            answer = getattr(self, f"do_{act}")(**order)
            self._say({"did": act, **(answer or {})})
        os._exit(1)  # whoever started this has gone

    def do_record(self, runs: int, pause: float = 0.0, size: int = 100, poison_every: int = 0) -> None:
        """Record so many runs; 0 for as long as nothing else is said."""
        self._until_told(runs, pause, size, poison_every)

    def do_open(self) -> None:
        """Leave a run and a step open."""
        self._open.append(self.load.open())

    def do_flush(self, timeout: float) -> dict[str, Any]:
        """Flush and tell the result."""
        import contextcompany as tcc

        began = time.monotonic()
        result = tcc.flush(timeout)
        self._flushes.append({**_plain(result), "true": bool(result), "took": time.monotonic() - began})
        return self._flushes[-1]

    def do_configure(self, **arguments: Any) -> None:
        """Configure the package."""
        import contextcompany as tcc

        tcc.configure(**arguments)

    def do_jump(self, seconds: float) -> None:
        """Move the wall clock."""
        jumping.offset += seconds

    def do_report(self) -> dict[str, Any]:
        """Tell counts, memory and threads."""
        import threading

        return {**self._counts(), **memory(), "threads": threading.active_count()}

    def do_forget_latencies(self) -> None:
        """Begin to measure anew."""
        del self.load.latencies[:]

    def do_fork(self, runs: int) -> None:
        """Fork while something may be on its way; parent and child go on recording."""
        # A forked child waits for ever for the watchdog of its parent, which is a thread.
        faulthandler.cancel_dump_traceback_later()
        pid = os.fork()
        faulthandler.dump_traceback_later(MOST_SECONDS, exit=True)
        if pid:
            self._children.append(pid)
            self._until_told(runs, 0.0, 100, 0)
            return
        from tests.faults.ledger import Ledger

        self._is_child = True
        self._children = []
        self._ledger = self.load.ledger = Ledger(self._folder)
        for _ in range(runs):
            self.load.run()
        sys.exit(0)

    def do_leave(self, way: str) -> None:
        """End in some way, if need be after the children have ended."""
        self._child_codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in self._children]
        self._starved = self._starvation.seconds
        self._ledger.leaves(self._starved)
        if way == "os_exit":
            os._exit(OS_EXIT_CODE)
        if way == "exception":
            self.load.crash(Crash("as the cell wants it"))
        sys.exit(SYS_EXIT_CODE if way == "sys_exit" else 0)

    def _until_told(self, runs: int, pause: float, size: int, poison_every: int) -> None:
        import select

        number = 0
        while runs == 0 or number < runs:
            number += 1
            self.load.run(size, poisoned=bool(poison_every) and number % poison_every == 1)
            if pause:
                time.sleep(pause)  # the load that is asked for, nobody waits for anything
            if runs == 0 and select.select([self._control], [], [], 0)[0]:
                return

    def _say(self, what: dict[str, Any]) -> None:
        if not self._is_child:
            self._control.sendall(json.dumps(what).encode() + b"\n")

    def _counts(self) -> dict[str, Any]:
        import contextcompany as tcc

        return {
            "stats": _plain(tcc.stats()),
            "flushes": self._flushes,
            "latencies": list(self.load.latencies),
            "child_codes": self._child_codes,
            # A thread that ended took its share out of the sum.
            "starved": max(self._starvation.seconds - self._starved, 0.0),
        }

    def _write_result(self) -> None:
        path = self._folder / f"{os.getpid()}{RESULT}"
        path.write_text(json.dumps(self._counts()), encoding="utf-8")


def _new_load(ledger: Any) -> Any:
    # Imported late: the clock may have to be replaced before anything else is imported.
    from tests.faults.load import Load

    return Load(ledger)


def _plain(value: Any) -> dict[str, Any]:
    import dataclasses

    fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return {name: dict(one) if hasattr(one, "items") else one for name, one in fields.items()}


def memory() -> dict[str, int]:
    """Return the resident memory of this process now and at its peak, in bytes; empty where unknown."""
    status = Path("/proc/self/status")
    if not status.exists():
        return {}
    lines = dict(line.split(":", 1) for line in status.read_text(encoding="ascii").splitlines())
    return {name: int(lines[key].split()[0]) * 1024 for name, key in (("now", "VmRSS"), ("peak", "VmHWM"))}


class _Jumping:
    """A wall clock that can be moved; the monotonic one goes on."""

    def __init__(self) -> None:
        self.offset = 0.0
        self._time, self._time_ns = time.time, time.time_ns

    def install(self) -> None:
        """Replace the wall clock of this process."""
        time.time = lambda: self._time() + self.offset
        time.time_ns = lambda: self._time_ns() + int(self.offset * 1e9)


jumping: Final = _Jumping()


def _drop_privilege() -> None:
    """Give up the right of root to ignore the modes of files."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return
    import ctypes

    version = 0x20080522
    dropped = {1, 2, 3}  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER
    header = (ctypes.c_uint32 * 2)(version, 0)
    data = (ctypes.c_uint32 * 6)()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.capget(header, data) != 0:
        raise OSError(ctypes.get_errno(), "capget failed")
    for place in (0, 1, 2):
        for capability in dropped:
            data[place] &= ~(1 << capability)
    if libc.capset(header, data) != 0:
        raise OSError(ctypes.get_errno(), "capset failed")


def live(orders: Orders) -> None:
    """Be the program."""
    faulthandler.dump_traceback_later(orders.most_seconds, exit=True)
    for name in [name for name in os.environ if name.startswith(("TCC_", "OTEL_", "XDG_"))]:
        del os.environ[name]
    os.environ.update(orders.environment)
    if orders.moves_clock:
        jumping.install()
    if orders.file_limit:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (orders.file_limit, orders.file_limit))
    if orders.drops_privilege:
        _drop_privilege()
    Program(orders).run()


def serve() -> Orders:
    """Fork a program per line of standard input; only the programs return."""
    import importlib
    import select

    for name in _PRELOADED:
        importlib.import_module(name)
    import tests.faults.load  # noqa: F401  (loaded here once, for all)

    woken, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.signal(signal.SIGCHLD, _remember)
    signal.set_wakeup_fd(waker)
    started: dict[int, int] = {}
    buffered = b""
    while True:
        ready, _, _ = select.select([0, woken], [], [])
        if woken in ready:
            os.read(woken, 4096)
            _tell_ended(started)
        if 0 not in ready:
            continue
        more = os.read(0, 1 << 16)
        if not more:
            os._exit(0)
        *lines, buffered = (buffered + more).split(b"\n")
        for line in lines:
            order = json.loads(line)
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                os.close(woken)
                os.close(waker)
                return _detached(Orders(**order["orders"]), order["output"])
            started[pid] = order["number"]
            print(json.dumps({"number": order["number"], "pid": pid}), flush=True)


def _detached(orders: Orders, output: str) -> Orders:
    """Leave the pipes of the server, and write to a file."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    written = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for number, file in ((0, nothing), (1, written), (2, written)):
        os.dup2(file, number)
    os.close(nothing)
    os.close(written)
    return orders


def _remember(number: int, frame: FrameType | None) -> None:
    """Do nothing: the wake-up pipe tells."""


def _tell_ended(started: dict[int, int]) -> None:
    while started:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        code = os.waitstatus_to_exitcode(status)
        print(json.dumps({"number": started.pop(pid), "code": code, "at": time.monotonic()}), flush=True)


def main() -> NoReturn:
    """Be one program, or many."""
    live(serve() if sys.argv[1] == "--serve" else Orders(**json.loads(sys.argv[1])))
    sys.exit(0)


if __name__ == "__main__":
    main()
