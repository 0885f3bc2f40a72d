"""The fault matrix in small: every cell, with few spans."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Final

import pytest

from tests.faults.behaviours import HEALTHY
from tests.faults.figures import caller_latency, memory
from tests.faults.launch import Collector, Preloaded
from tests.faults.matrix import BOUNDED, FAULTS, WAYS, Cell
from tests.faults.running import run_cell
from tests.faults.special import UnavailableError, special_cells
from tests.faults.stage import Bench, idle_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.faults.stage import Outcome

pytestmark = pytest.mark.timeout(150)

# Most of a cell is waiting: for a budget to be over, or for a moment to be killed at.
_AT_ONCE: Final = 3
_SPECIAL: Final = special_cells(full=False)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Start a collector, and a process that programs are forked from."""
    folder = tmp_path_factory.mktemp("faults")
    with Collector() as collector, Preloaded() as launcher:
        idle = idle_seconds(launcher, folder / "idle", collector.open(HEALTHY).url)
        yield Bench(collector, launcher, folder, BOUNDED, idle)


@pytest.mark.parametrize("fault", FAULTS)
def test_no_span_is_unaccounted_for(fault: str, bench: Bench) -> None:
    """Whatever a collector does, however a program ends: spans are delivered, kept or dropped and said."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        outcomes = list(pool.map(partial(run_cell, bench=bench), [Cell(fault, way) for way in WAYS]))
    assert _problems(outcomes) == {}
    assert bench.collector.elsewhere().requests == 0


@pytest.mark.parametrize("name", _SPECIAL)
def test_no_span_is_unaccounted_for_in_a_special_case(name: str, bench: Bench) -> None:
    """With full disks, closed homes, jumping clocks, comebacks and shared spools nothing is lost unsaid."""
    run: Callable[[Bench], Outcome] = _SPECIAL[name]
    try:
        outcome = run(bench)
    except UnavailableError as error:
        pytest.skip(str(error))
    assert _problems([outcome]) == {}


def test_callers_do_not_feel_a_hanging_collector(bench: Bench) -> None:
    """The slowest calls take no more than twice as long while the collector hangs.

    The 99.9th percentile of so few calls is the work of whoever else runs; what the interpreter gives another
    thread at a time says nothing of the package.
    """
    assert caller_latency(bench, rounds=8, floor=2 * sys.getswitchinterval()).problems == []


@pytest.mark.parametrize("spool", [True, False])
def test_memory_stays_within_its_bound(spool: bool, bench: Bench) -> None:
    """However much is recorded while the collector hangs, memory grows by the bound and a fifth at most."""
    assert memory(bench, spool=spool, runs=800).problems == []


def _problems(outcomes: list[Outcome]) -> dict[str, list[str]]:
    return {
        outcome.name: [*outcome.problems, *outcome.last_words.splitlines()]
        for outcome in outcomes
        if outcome.problems
    }
