"""The cells that are no pair of a fault and an end: disks, clocks, comebacks, two processes at once."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

from tests.faults.behaviours import HEALTHY
from tests.faults.launch import Fresh, environment
from tests.faults.matrix import SIGKILL, SPANS_A_RUN
from tests.faults.stage import Stage, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from pathlib import Path

    from tests.faults.stage import Bench, Outcome

_DISK_BYTES: Final = 128 << 10
_FILE_BYTES: Final = 48 << 10
_LARGE: Final = 2_000
_FILLINGS: Final = 8
_WRITING_SECONDS: Final = 5.0
_GLANCE: Final = 0.0005
_DAY: Final = 86_400.0
_DOWN_SECONDS: Final = 1.2
_COMEBACK_SECONDS: Final = 20.0


class UnavailableError(Exception):
    """This machine cannot show a cell; the message says why."""


def full_disk(bench: Bench) -> Outcome:
    """Fill a small file system of its own."""
    spool = bench.folder / "small-disk"
    with _small_disk(spool):
        stage = Stage("full disk (a small file system)", bench, "refuses", spool=spool)
        return _on_a_small_disk(stage)


def file_limit(bench: Bench) -> Outcome:
    """Let no file grow beyond a limit of the process."""
    stage = Stage("full disk (a limit on file sizes)", bench, "refuses")
    return _on_a_small_disk(stage, file_limit=_FILE_BYTES)


def read_only_home(bench: Bench) -> Outcome:
    """Give the program a home in which it may write nothing, and no collector."""
    stage = Stage("read-only home", bench, "refuses")
    outcome = _in_a_closed_home(stage)
    if not outcome.account.dropped:
        outcome.problems.append("nothing is counted as dropped, although nothing could be kept")
    return outcome


def read_only_home_and_healthy(bench: Bench) -> Outcome:
    """Give the program a home in which it may write nothing: with a collector it needs none."""
    stage = Stage("read-only home, healthy collector", bench, HEALTHY)
    outcome = _in_a_closed_home(stage)
    _check_all_delivered(outcome)
    return outcome


def spool_off(fault: str, bench: Bench) -> Outcome:
    """Switch the spool off: what cannot be delivered is dropped at the end, and said."""
    stage = Stage(f"TCC_SPOOL=off, {fault}", bench, fault)
    program = stage.start(variables=environment(stage.station.url, stage.spool, TCC_SPOOL="off"))
    program.do("record", runs=bench.scale.runs)
    program.say("leave", way="return")
    end = program.wait()
    outcome = stage.outcome()
    stage.judge_end(outcome, program, end)
    if stage.spool.exists():
        outcome.problems.append("a spool was made although it is switched off")
    if fault == HEALTHY:
        _check_all_delivered(outcome)
    return outcome


def jumping_clock(bench: Bench) -> Outcome:
    """Move the wall clock by more days than the spool keeps, both ways, while the collector is down."""
    stage = Stage("a clock that jumps", bench, "refuses")
    program = stage.start(launcher=Fresh(), moves_clock=True)
    for days in (0, 10, -20):
        program.do("jump", seconds=days * _DAY)
        program.do("record", runs=bench.scale.runs)
        program.do("flush", timeout=0.5)
    program.say("leave", way="return")
    end = program.wait()
    outcome = stage.outcome()
    stage.judge_end(outcome, program, end)
    if outcome.account.dropped:
        outcome.problems.append(f"spans are dropped that could be kept: {dict(outcome.account.dropped)}")
    stage.deliver_rest(outcome)
    return outcome


def killed_while_writing(number: int, bench: Bench) -> Outcome:
    """Kill a program in the moment in which it writes a file of the spool."""
    stage = Stage(f"SIGKILL mid-write of the spool, {number}", bench, "refuses")
    program = stage.start()
    program.say("record", runs=0, size=5 * _LARGE, pause=0.003)
    time.sleep(stage.moments.uniform(0.0, _DOWN_SECONDS))  # which of its writes it is to be
    until = time.monotonic() + _WRITING_SECONDS
    while not any(stage.spool.rglob("*.part")) and time.monotonic() < until:
        time.sleep(_GLANCE)  # a write takes milliseconds; looking without a pause would starve the program
    assert SIGKILL.signal is not None
    killed_at, starved = program.signal(SIGKILL.signal)
    end = program.wait()
    outcome = stage.outcome(killed_at=killed_at, starved=starved, has_counts=False)
    stage.judge_end(outcome, program, end, code=SIGKILL.code, is_bounded=False)
    outcome.note = f"{len(stage.shelf().unfinished)} files were unfinished"
    stage.deliver_rest(outcome)
    return outcome


def comeback(fault: str, bench: Bench) -> Outcome:
    """Let the collector come back while the program lives: nobody has to ask for the delivery."""
    stage = Stage(f"{fault}, comes back", bench, fault)
    program = stage.start()
    program.say("record", runs=0, pause=bench.scale.pause)
    time.sleep(_DOWN_SECONDS)  # how long the collector is down
    stage.station.behave(HEALTHY)
    time.sleep(_DOWN_SECONDS)  # how long it is back while the program records
    program.say("report")
    program.did()
    sent = program.did()["stats"]
    total = sum(sent[name] for name in ("delivered", "pending", "spooled")) + sum(sent["dropped"].values())
    came = wait_until(lambda: len(stage.station.report().kept) >= total, _COMEBACK_SECONDS)
    program.say("leave", way="return")
    end = program.wait()
    outcome = stage.outcome()
    if not came:
        outcome.problems.append(f"not all was delivered within {_COMEBACK_SECONDS:.0f} s of the comeback")
    stage.judge_end(outcome, program, end)
    _check_all_delivered(outcome)
    return outcome


def comeback_of_the_key(bench: Bench) -> Outcome:
    """Refuse the key until the program is configured anew."""
    stage = Stage("401, configured anew", bench, "401")
    program = stage.start()
    program.do("record", runs=bench.scale.runs)
    program.do("flush", timeout=1.0)
    stage.station.behave(HEALTHY)
    program.do("configure")
    program.do("record", runs=bench.scale.runs)
    flush = program.do("flush", timeout=10.0)
    program.say("leave", way="return")
    end = program.wait()
    outcome = stage.outcome()
    stage.judge_end(outcome, program, end)
    _check_all_delivered(outcome)
    if not flush["true"]:
        outcome.problems.append("flush() did not say that all was delivered")
    return outcome


def two_processes(bench: Bench) -> Outcome:
    """Let two programs at once write to one spool, and then two at once deliver it."""
    stage = Stage("two processes, one spool", bench, "refuses")
    programs = [stage.start() for _ in range(2)]
    for program in programs:
        program.say("record", runs=0, pause=bench.scale.pause)
    time.sleep(2 * _DOWN_SECONDS)  # how long both write
    for program in programs:
        program.say("leave", way="return")
    ends = [program.wait() for program in programs]
    outcome = stage.outcome()
    for program, end in zip(programs, ends, strict=True):
        stage.judge_end(outcome, program, end)
    waiting = set(stage.shelf().spans)
    stage.deliver_rest(outcome, others=2)
    twice = sum(count - 1 for name, count in stage.station.report().kept.items() if name in waiting)
    if twice:
        outcome.problems.append(f"{twice} spans arrive twice from the spool")
    return outcome


def outbox_full(bench: Bench) -> Outcome:
    """Record more than fits, faster than anything leaves, with no spool to put it into."""
    stage = Stage("more than the outbox holds, TCC_SPOOL=off", bench, "hangs before headers")
    program = stage.start(variables=environment(stage.station.url, stage.spool, TCC_SPOOL="off"))
    program.do("record", runs=600, size=10 * _LARGE)
    program.say("leave", way="return")
    end = program.wait()
    outcome = stage.outcome()
    stage.judge_end(outcome, program, end)
    if not outcome.account.dropped:
        outcome.problems.append("nothing is counted as dropped, although the outbox cannot hold it all")
    return outcome


def ten_thousand_queued(bench: Bench) -> Outcome:
    """End with ten thousand spans queued while the collector hangs."""
    stage = Stage("exit with 10,000 spans queued, the collector hangs", bench, "hangs before headers")
    program = stage.start()
    program.say("record", runs=10_000 // SPANS_A_RUN + 1)
    program.say("leave", way="return")
    end = program.wait()
    outcome = stage.outcome()
    stage.judge_end(outcome, program, end)
    if outcome.account.dropped:
        outcome.problems.append(f"spans are dropped that could be kept: {dict(outcome.account.dropped)}")
    stage.deliver_rest(outcome)
    return outcome


def special_cells(*, full: bool) -> Mapping[str, Callable[[Bench], Outcome]]:
    """Return the special cells by name."""
    found: dict[str, Callable[[Bench], Outcome]] = {
        "full disk": full_disk,
        "file limit": file_limit,
        "read-only home": read_only_home,
        "read-only home, healthy": read_only_home_and_healthy,
        "jumping clock": jumping_clock,
        "two processes": two_processes,
        "401, configured anew": comeback_of_the_key,
        "outbox full": outbox_full,
        "10,000 queued": ten_thousand_queued,
    }
    for fault in (HEALTHY, "refuses", "hangs before headers"):
        found[f"spool off, {fault}"] = partial(spool_off, fault)
    for number in range(12 if full else 3):
        found[f"killed while writing {number}"] = partial(killed_while_writing, number)
    for fault in ("refuses", "resets", "hangs before headers", "hangs after headers", "503 for a while"):
        found[f"comeback, {fault}"] = partial(comeback, fault)
    return found


def _on_a_small_disk(stage: Stage, file_limit: int = 0) -> Outcome:
    program = stage.start(file_limit=file_limit)
    for _ in range(_FILLINGS):
        program.do("record", runs=_DISK_BYTES // _LARGE // _FILLINGS, size=_LARGE)
        program.do("flush", timeout=0.3)
    program.say("leave", way="return")
    end = program.wait()
    outcome = stage.outcome()
    stage.judge_end(outcome, program, end)
    if not outcome.account.dropped:
        outcome.problems.append("nothing is counted as dropped, although the disk is too small for all")
    stage.deliver_rest(outcome)
    return outcome


def _in_a_closed_home(stage: Stage) -> Outcome:
    home = stage.folder / "home"
    home.mkdir()
    home.chmod(0o555)
    variables = {**environment(stage.station.url, stage.spool), "HOME": str(home)}
    del variables["TCC_SPOOL_DIR"]
    program = stage.start(variables=variables, drops_privilege=True)
    program.do("record", runs=20)
    program.say("leave", way="return")
    end = program.wait()
    outcome = stage.outcome()
    stage.judge_end(outcome, program, end)
    if any(home.iterdir()):
        outcome.problems.append("something was written into a home that allows nothing")
    return outcome


def _check_all_delivered(outcome: Outcome) -> None:
    if outcome.account.delivered != outcome.account.sent:
        missing = outcome.account.sent - outcome.account.delivered
        outcome.problems.append(f"{missing} spans are not delivered, although the collector is well")


@contextmanager
def _small_disk(folder: Path) -> Generator[None]:
    """Mount a small file system of its own for the length of a block."""
    if sys.platform != "linux" or os.geteuid() != 0:
        raise UnavailableError("only root may mount a file system")
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={_DISK_BYTES}", "tmpfs", str(folder)]
    mounted = subprocess.run(["mount", *options], capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        raise UnavailableError(f"no file system could be mounted: {mounted.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
