"""Random faults and random load for a long time, with ceilings on memory and threads."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tests.faults import ledger, shelf
from tests.faults.account import LAST_SECONDS, results
from tests.faults.behaviours import HEALTHY
from tests.faults.figures import MOST_MEMORY, MOST_THREADS
from tests.faults.launch import KEY, Fresh, environment
from tests.faults.matrix import FAULTS, WAYS
from tests.faults.stage import MOST_EXIT_SECONDS, NEXT_SECONDS, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.launch import Collector, Running, Station
    from tests.faults.matrix import Way

_LINE_SECONDS: Final = 10.0
_WARM_UP: Final = 100
_LIFE: Final = (1.0, 10.0)
_FAULT_LASTS: Final = (0.5, 6.0)
_CHUNK_RUNS: Final = (1, 40)
_PAUSES: Final = (0.0, 0.002, 0.01)
_SIZES: Final = (20, 200, 2_000, 20_000)
_DRAIN_SECONDS: Final = 60.0
# A collector that judges spans makes the package drop them, as it should; here no drop at all is expected.
_JUDGES: Final = ("partial success", "400 for a poisoned span", "400 always")
_CHOSEN: Final = tuple(fault for fault in FAULTS if fault not in _JUDGES)


@dataclass(slots=True)
class _Life:
    """One program from its start to its end.

    Attributes:
        program: the program.
        folder: where it leaves its ledger.
        way: how it will end; None for the one that lives as long as the soak.
        until: when it is to end, on the monotonic clock.
        before: its memory after warming up, in bytes.
        peak: the most memory seen since, in bytes.
        threads: the most threads seen.
    """

    program: Running
    folder: Path
    way: Way | None
    until: float
    before: int = 0
    peak: int = 0
    threads: int = 0


@dataclass(slots=True)
class _Soak:
    """What a soak is made of and has seen."""

    station: Station
    folder: Path
    moments: random.Random
    lives: int = 0
    kills: list[tuple[Path, float]] = field(default_factory=list["tuple[Path, float]"])
    problems: list[str] = field(default_factory=list[str])
    peak: int = 0
    threads: int = 0

    @property
    def spool(self) -> Path:
        return self.folder / "spool"

    def start(self, way: Way | None, until: float) -> _Life:
        folder = self.folder / f"life-{self.lives}"
        self.lives += 1
        longest = until - time.monotonic() + 120.0
        variables = environment(self.station.url, self.spool)
        program = Fresh().start(folder, environment=variables, most_seconds=longest)
        if way is not None and way.handles_sigterm:
            program.do("configure", on_sigterm=True)
        program.do("record", runs=_WARM_UP)
        program.do("flush", timeout=1.0)
        life = _Life(program, folder, way, until)
        life.before = self.look(life).get("now", 0)
        return life

    def work(self, life: _Life) -> None:
        """Let a program record a little."""
        choose = self.moments.choice
        life.program.do(
            "record", runs=self.moments.randint(*_CHUNK_RUNS), pause=choose(_PAUSES), size=choose(_SIZES)
        )

    def look(self, life: _Life) -> dict[str, Any]:
        """Look at the memory and the threads of a program."""
        found = life.program.do("report")
        life.program.do("forget_latencies")
        life.threads = max(life.threads, found["threads"])
        self.threads = max(self.threads, life.threads)
        if life.before and "now" in found:
            life.peak = max(life.peak, found["now"] - life.before)
            self.peak = max(self.peak, life.peak)
        return found

    def end(self, life: _Life) -> None:
        """End a program in its way and judge the end."""
        way = life.way
        code, began, starved = 0, None, 0.0
        if way is None:
            life.program.say("leave", way="return")
        elif way.signal is not None:
            life.program.say("record", runs=0, pause=0.005)
            time.sleep(self.moments.uniform(0.0, 1.5))  # the moment of the kill is what is drawn
            began, starved = life.program.signal(way.signal)
            code = way.code
        else:
            life.program.say("leave", way=way.leave)
            code = way.code
        found, ended = life.program.wait()
        recorded = ledger.read(life.folder)
        left = recorded.left if began is None else began
        if found != code:
            self.problems.append(f"{life.folder.name} ended with {found} instead of {code}")
        warned = way is None or way.warned
        if not warned:
            assert left is not None
            # What the program could not do for lack of a processor is excused.
            self.kills.append((life.folder, left - (recorded.starved if began is None else starved)))
        elif left is not None and ended - left > MOST_EXIT_SECONDS:
            self.problems.append(f"{life.folder.name}: the exit was held for {ended - left:.2f} s")
        if life.peak > MOST_MEMORY:
            self.problems.append(f"{life.folder.name}: memory grew by {life.peak / 2**20:.1f} MiB")
        if life.threads > MOST_THREADS:
            self.problems.append(f"{life.folder.name}: {life.threads} threads ran")

    def account(self) -> str:
        """Account for all spans of all programs, and return a sentence."""
        kept = self.station.report().kept
        spool = shelf.read(self.spool, KEY)
        killed = dict(self.kills)
        sent = missing = last = dropped = 0
        for number in range(self.lives):
            folder = self.folder / f"life-{number}"
            recorded = ledger.read(folder)
            ids = set(recorded.ended)
            ids |= recorded.left_open if folder not in killed else set()
            lost = ids - kept.keys() - spool.spans.keys()
            sent += len(ids)
            if folder in killed:
                last += (late := sum(killed[folder] - recorded.ended[one] <= LAST_SECONDS for one in lost))
                missing += len(lost) - late
            else:
                told = sum(sum(end.dropped.values()) for end in results(folder))
                dropped += told
                missing += abs(len(lost) - told)
        twice = sum(count - 1 for count in kept.values())
        if missing:
            self.problems.append(f"{missing} spans are unaccounted for")
        if dropped:
            self.problems.append(f"{dropped} spans are dropped that could be kept")
        if spool.files or spool.torn or spool.leaks:
            self.problems.append(
                f"spool: {spool.files} files, {len(spool.torn)} torn, the key is in {len(spool.leaks)}"
            )
        return (
            f"{sent} spans of {self.lives} programs: {len(kept)} delivered, {len(spool.spans)} on disk, "
            f"{dropped} dropped, {last} lost in the last second before a kill, {missing} unaccounted for, "
            f"{twice} arrived twice"
        )


def soak(collector: Collector, folder: Path, *, minutes: float, seed: int) -> int:
    """Soak for so many minutes and return the exit code."""
    began = time.monotonic()
    until = began + minutes * 60
    running = _Soak(collector.open(HEALTHY), folder, random.Random(seed))
    moments = running.moments
    # One lives as long as the soak and shows leaks; the other ends again and again, in every way.
    lasting = running.start(None, until)
    passing: _Life | None = None
    fault, fault_until, line_at = HEALTHY, began, began
    while time.monotonic() < until:
        now = time.monotonic()
        if now >= fault_until:
            fault = moments.choice(_CHOSEN) if fault == HEALTHY else HEALTHY
            running.station.behave(fault)
            fault_until = now + moments.uniform(*_FAULT_LASTS)
        if passing is None:
            way = moments.choice([way for way in WAYS if not way.forks])
            passing = running.start(way, now + moments.uniform(*_LIFE))
        running.work(lasting)
        running.work(passing)
        if now >= passing.until:
            running.look(passing)
            running.end(passing)
            passing = None
        if now >= line_at:
            line_at = now + _LINE_SECONDS
            seen = running.look(lasting)
            _show(running, lasting, seen, fault, now - began)
    running.station.behave(HEALTHY)
    for life in filter(None, (passing, lasting)):
        running.end(life)
    _drain(running)
    print(running.account())
    print(f"memory grew by {running.peak / 2**20:.1f} MiB at most, {running.threads} threads at most")
    for problem in running.problems:
        print(f"!! {problem}")
    print("something is not as it should be" if running.problems else "all is as it should be")
    return int(bool(running.problems))


def _drain(running: _Soak) -> None:
    """Let a last program deliver what is on disk."""
    life = running.start(None, time.monotonic() + _DRAIN_SECONDS)
    life.program.do("flush", timeout=NEXT_SECONDS)
    wait_until(lambda: not shelf.read(running.spool, KEY).files, _DRAIN_SECONDS)
    running.end(life)


def _show(running: _Soak, lasting: _Life, seen: dict[str, Any], fault: str, seconds: float) -> None:
    stats = seen["stats"]
    print(
        f"{seconds:6.0f} s  {running.lives} programs, {len(running.problems)} problems; the lasting one: "
        f"{stats['delivered']} delivered, {stats['pending']} pending, {stats.get('spooled', 0)} on disk, "
        f"{sum(stats['dropped'].values())} dropped, {seen['now'] / 2**20 if 'now' in seen else 0:.0f} MiB "
        f"({lasting.peak / 2**20:+.1f} at most), {seen['threads']} threads; collector: {fault}",
        flush=True,
    )
