"""Where one cell takes place: a station of the collector, a spool, programs before and after."""

from __future__ import annotations

import random
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tests.faults import ledger, shelf
from tests.faults.account import account, results
from tests.faults.behaviours import HEALTHY
from tests.faults.launch import KEY, PATIENCE, environment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.faults.account import Account
    from tests.faults.launch import Collector, Launcher, Running
    from tests.faults.matrix import Scale

MOST_EXIT_SECONDS: Final = 2.5
NEXT_SECONDS: Final = 12.0
_BRIEFLY: Final = 0.02
_LAST_WORDS: Final = 700
_NO_NAME: Final = re.compile(r"[^A-Za-z0-9]+")


@dataclass(frozen=True, slots=True)
class Bench:
    """What cells run on.

    Attributes:
        collector: the collector process.
        launcher: starts the programs under test.
        folder: where each cell gets a folder of its own.
        scale: how much each does.
        idle: seconds that the end of the same program takes if it recorded nothing.
        seed: what random moments are drawn from.
    """

    collector: Collector
    launcher: Launcher
    folder: Path
    scale: Scale
    idle: float
    seed: int = 0


@dataclass(slots=True)
class Outcome:
    """What a cell showed.

    Attributes:
        name: the cell.
        account: what became of its spans when the program had ended.
        left_behind: spans of it that the next process did not deliver either; None where none was needed.
        held: seconds that its end took, beyond that of the same program without spans; None if killed.
        worst: the longest single call to the package, in seconds; 0 where the program could not tell.
        requests: how many requests it made.
        problems: what should not be.
        note: what else there is to say.
        last_words: the end of what a program wrote that did not end as it should.
    """

    name: str
    account: Account
    left_behind: int | None = None
    held: float | None = None
    worst: float = 0.0
    requests: int = 0
    problems: list[str] = field(default_factory=list[str])
    note: str = ""
    last_words: str = ""


class Stage:
    """One cell.

    Args:
        name: the cell.
        bench: what it runs on.
        fault: how the collector behaves at first.
        spool: where the spool is, or None for a folder of the cell's own.

    Attributes:
        folder: the cell's own folder.
        spool: where the programs keep what they cannot deliver.
        station: its port of the collector.
        moments: draws random moments, the same for the same seed and cell.
    """

    def __init__(self, name: str, bench: Bench, fault: str, *, spool: Path | None = None) -> None:
        self.name = name
        self.folder = bench.folder / _NO_NAME.sub("-", name)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.spool = spool or self.folder / "spool"
        self.station = bench.collector.open(fault)
        self.moments = random.Random(f"{bench.seed} {name}")
        self._bench = bench

    def start(
        self,
        act: str = "first",
        *,
        launcher: Launcher | None = None,
        variables: dict[str, str] | None = None,
        **orders: Any,
    ) -> Running:
        """Start a program.

        Args:
            act: programs of the same act are accounted for together.
            launcher: what starts it, else that of the bench.
            variables: its settings, else this station and this spool.
            **orders: see `Orders`.
        """
        settings = environment(self.station.url, self.spool) if variables is None else variables
        return (launcher or self._bench.launcher).start(self.folder / act, environment=settings, **orders)

    def outcome(self, act: str = "first", **how: Any) -> Outcome:
        """Account for the spans of all programs of an act; see `account`."""
        seen = self.station.report()
        ends = results(self.folder / act)
        found = account(ledger.read(self.folder / act), seen, self.shelf(), ends, **how)
        worst = max((latency for end in ends for latency in end.latencies), default=0.0)
        return Outcome(self.name, found, worst=worst, requests=seen.requests, problems=found.problems)

    def shelf(self) -> shelf.Shelf:
        """Return what lies in the spool."""
        return shelf.read(self.spool, KEY)

    def end(self, outcome: Outcome, program: Running, *, code: int = 0, began: float | None = None) -> None:
        """Wait for the end of a program and judge it.

        Args:
            outcome: where problems go.
            program: the program.
            code: the exit code that it must have.
            began: when its end began if a signal brought it; else its ledger says.
        """
        self.judge_end(outcome, program, program.wait(), code=code, began=began)

    def judge_end(
        self,
        outcome: Outcome,
        program: Running,
        end: tuple[int, float],
        *,
        code: int = 0,
        began: float | None = None,
        is_bounded: bool = True,
    ) -> None:
        """Judge how a program ended: its exit code, and how long its exit was held."""
        found, ended = end
        if found != code:
            outcome.problems.append(f"the program ended with {found} instead of {code}")
            outcome.last_words = program.output()[-_LAST_WORDS:]
        left = ledger.read(program.folder).left if began is None else began
        if is_bounded and left is not None:
            outcome.held = max(ended - left - self._bench.idle, 0.0)
            if outcome.held - self.starved(program) <= MOST_EXIT_SECONDS:
                return
            # Whoever else runs may have come since the bench was made, and makes every end a longer one.
            idle = idle_seconds(
                self._bench.launcher, self.folder / f"idle {time.monotonic_ns()}", self.station.url
            )
            outcome.held = max(ended - left - idle, 0.0)
            if outcome.held - self.starved(program) > MOST_EXIT_SECONDS:
                outcome.problems.append(f"the exit was held for {outcome.held:.2f} s")

    @staticmethod
    def starved(program: Running) -> float:
        """Return for how long a program, and those it forked, lacked a processor while they ended."""
        return sum(end.starved for end in results(program.folder))

    def deliver_rest(self, outcome: Outcome, *, others: int = 1, **orders: Any) -> None:
        """Let the collector be well and the next processes start: they must deliver what is on disk.

        Args:
            outcome: where problems go.
            others: how many processes start at once.
            **orders: see `start`.
        """
        before = self.shelf()
        waiting = set(before.spans)
        if not waiting:
            return
        self.station.behave(HEALTHY)
        programs = [self.start("next", **orders) for _ in range(others)]
        for program in programs:
            program.do("record", runs=1)
            program.say("flush", timeout=NEXT_SECONDS)
        for program in programs:
            program.did()
        wait_until(lambda: _recovered(programs) >= len(waiting), NEXT_SECONDS)
        for program in programs:
            program.say("leave", way="return")
        ends = [program.wait() for program in programs]
        after = self.outcome("next", books=False, debris=len(before.unfinished))
        outcome.left_behind = len(waiting - self.station.report().kept.keys())
        problems = after.problems
        if outcome.left_behind:
            problems.append(f"{outcome.left_behind} spans are not delivered")
        left = self.shelf()
        if left.files:
            problems.append(f"{left.files} files are left in the spool")
        recovered = sum(end.stats.get("recovered", 0) for end in results(self.folder / "next"))
        if recovered != len(waiting):
            problems.append(f"{recovered} spans count as recovered, {len(waiting)} were on disk")
        for program, end in zip(programs, ends, strict=True):
            self.judge_end(after, program, end)
        outcome.problems.extend(f"next process: {problem}" for problem in problems)


def _recovered(programs: list[Running]) -> int:
    """Return how many spans of others the programs know to have delivered."""
    return sum(program.do("report")["stats"]["recovered"] for program in programs)


def wait_until(is_so: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    """Look again and again until something is so; returns whether it was within so many seconds."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(_BRIEFLY)
    return True


def idle_seconds(launcher: Launcher, folder: Path, url: str) -> float:
    """Measure how long the end of the program takes if it records nothing."""
    program = launcher.start(folder, environment=environment(url, folder / "spool"))
    program.say("leave", way="return")
    _, ended = program.wait()
    left = ledger.read(folder).left
    assert left is not None
    return ended - left
