"""What the caller pays and how much memory is taken while the collector hangs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tests.faults.account import results
from tests.faults.behaviours import HEALTHY
from tests.faults.launch import Fresh, environment
from tests.faults.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.faults.stage import Bench

HANGS: Final = "hangs before headers"
MOST_RATIO: Final = 2.0
OUTBOX_BYTES: Final = 32 << 20
MOST_MEMORY: Final = int(OUTBOX_BYTES * 1.2)
MOST_THREADS: Final = 6
_CHUNK: Final = 40
_WARM_UP: Final = 40
_PAUSE: Final = 0.001
_LARGE: Final = 20_000
_LARGE_RUNS: Final = 2_500


@dataclass(slots=True)
class Latency:
    """Seconds that single calls took, with a healthy and with a hanging collector.

    Attributes:
        calls: how many calls were measured on each side.
        healthy: the 99.9th percentile with a healthy collector.
        hanging: the same with a hanging one.
        worst_healthy: the longest call with a healthy collector.
        worst_hanging: the longest call with a hanging one.
        problems: what should not be.
    """

    calls: int
    healthy: float
    hanging: float
    worst_healthy: float
    worst_hanging: float
    problems: list[str] = field(default_factory=list[str])

    @property
    def ratio(self) -> float:
        """Return how many times longer calls take while the collector hangs."""
        return self.hanging / self.healthy


@dataclass(slots=True)
class Memory:
    """Bytes that a program took above what it took before.

    Attributes:
        name: what the program did.
        recorded: bytes of text that were recorded meanwhile.
        growth: the peak above the memory after warming up.
        threads: how many threads there were at the end.
        dropped: spans that were dropped, since they came faster than they could be brought to disk.
        problems: what should not be.
    """

    name: str
    recorded: int
    growth: int
    threads: int
    dropped: int
    problems: list[str] = field(default_factory=list[str])


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that a share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def caller_latency(bench: Bench, *, rounds: int, floor: float = 0.0) -> Latency:
    """Measure two programs in turn, so that whatever else the machine does meets both.

    Args:
        bench: what it runs on.
        rounds: how often each program records a little.
        floor: seconds up to which a percentile is fine whatever the ratio, where few calls are measured.
    """
    stages = [Stage(f"latency, {fault}", bench, fault) for fault in (HEALTHY, HANGS)]
    programs = [stage.start(launcher=Fresh()) for stage in stages]
    for program in programs:
        program.do("record", runs=_WARM_UP)
        program.do("flush", timeout=1.0)
        program.do("forget_latencies")
    for number in range(rounds):
        # Each begins as often as the other.
        for program in programs if number % 2 else reversed(programs):
            program.do("record", runs=_CHUNK, pause=_PAUSE)
    measured = [program.do("report")["latencies"] for program in programs]
    problems: list[str] = []
    for stage, program in zip(stages, programs, strict=True):
        program.say("leave", way="return")
        end = program.wait()
        outcome = stage.outcome()
        stage.judge_end(outcome, program, end)
        problems += outcome.problems
    healthy, hanging = measured
    found = Latency(
        len(healthy),
        percentile(healthy, 0.999),
        percentile(hanging, 0.999),
        max(healthy),
        max(hanging),
        problems,
    )
    if found.ratio > MOST_RATIO and found.hanging > floor:
        problems.append(
            f"99.9 % of calls take {found.ratio:.1f} times as long while the collector hangs "
            f"({found.hanging * 1e6:.0f} µs, {found.healthy * 1e6:.0f} µs)"
        )
    return found


def memory(bench: Bench, *, spool: bool, runs: int = _LARGE_RUNS) -> Memory:
    """Record far more than the outbox holds while the collector hangs."""
    name = "the collector hangs" if spool else "the collector hangs, TCC_SPOOL=off"
    stage = Stage(f"memory, {name}", bench, HANGS)
    more = {} if spool else {"TCC_SPOOL": "off"}
    program = stage.start(
        launcher=Fresh(), variables=environment(stage.station.url, stage.spool, **more), most_seconds=120.0
    )
    # Whatever is imported for the first batch is no part of what waits.
    program.do("record", runs=_WARM_UP)
    program.do("flush", timeout=1.0)
    before = program.do("report")
    program.do("record", runs=runs, size=_LARGE)
    after = program.do("report")
    program.say("leave", way="return")
    end = program.wait()
    outcome = stage.outcome()
    stage.judge_end(outcome, program, end)
    growth = after["peak"] - before["now"] if "peak" in after else 0
    recorded = runs * _LARGE * 5
    dropped = outcome.account.dropped.total()
    found = Memory(name, recorded, growth, after["threads"], dropped, outcome.problems)
    if growth > MOST_MEMORY:
        found.problems.append(
            f"memory grew by {growth / 2**20:.1f} MiB, more than {MOST_MEMORY / 2**20:.1f} MiB"
        )
    if found.threads > MOST_THREADS:
        found.problems.append(f"{found.threads} threads run, more than {MOST_THREADS}")
    if not results(stage.folder / "first"):
        found.problems.append("the program left no counts")
    return found
