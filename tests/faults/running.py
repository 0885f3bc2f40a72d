"""Run a cell of the matrix: one fault of the collector, one way to end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from tests.faults import ledger
from tests.faults.behaviours import SIZE_LIMIT
from tests.faults.matrix import SPANS_A_RUN
from tests.faults.stage import Stage

if TYPE_CHECKING:
    from tests.faults.launch import Running
    from tests.faults.matrix import Cell, Scale
    from tests.faults.stage import Bench, Outcome

_FLUSH_SECONDS: Final = 1.0
_FLUSH_GRACE: Final = 0.25
_POISON_EVERY: Final = 5
# Who lacks a processor for so long of the two seconds of an exit may miss the answer of a healthy collector.
_MOST_STARVED_SECONDS: Final = 1.0


def run_cell(cell: Cell, bench: Bench) -> Outcome:
    """Run one cell and judge it."""
    way = cell.way
    stage = Stage(str(cell), bench, cell.fault)
    program = stage.start()
    signalled, flush = _record_and_end(stage, cell, bench.scale, program)
    end = program.wait()
    killed_at, starved = None, 0.0
    if not way.warned:
        recorded = ledger.read(stage.folder / "first")
        killed_at, starved = (recorded.left, recorded.starved) if signalled is None else signalled
    outcome = stage.outcome(killed_at=killed_at, starved=starved, has_counts=way.has_counts)
    stage.judge_end(
        outcome, program, end, code=way.code, began=signalled and signalled[0], is_bounded=way.warned
    )
    if flush is not None:
        _check_flush(outcome, flush, cell)
    found = outcome.account
    is_in_doubt = stage.starved(program) > _MOST_STARVED_SECONDS
    if cell.must_deliver_once and (found.duplicates or found.again) and not is_in_doubt:
        outcome.problems.append(f"{found.duplicates + found.again} spans arrive twice")
    if found.dropped and not cell.may_drop:
        outcome.problems.append(f"spans are dropped that could be kept: {dict(found.dropped)}")
    stage.deliver_rest(outcome)
    stage.station.close()
    return outcome


def _record_and_end(
    stage: Stage, cell: Cell, scale: Scale, program: Running
) -> tuple[tuple[float, float] | None, dict[str, Any] | None]:
    """Let a program record and end; returns when it got a signal, see `signal`, and what its flush said."""
    way = cell.way
    poison_every = _POISON_EVERY if cell.poisons else 0
    if way.handles_sigterm:
        program.do("configure", on_sigterm=True)
    if cell.has_large_span:
        program.do("record", runs=1, size=SIZE_LIMIT * 2)
    if way.signal is not None or not way.warned:
        program.say("record", runs=0, pause=scale.pause, poison_every=poison_every)
        time.sleep(stage.moments.uniform(*scale.kill_within))  # the moment of the end is what is drawn
        if way.signal is not None:
            return program.signal(way.signal), None
        program.say("leave", way=way.leave)
        return None, None
    runs = -(-scale.queued // SPANS_A_RUN) if way.fills_queue else scale.runs
    program.say("record", runs=runs, poison_every=poison_every)
    if way.forks:
        program.say("fork", runs=scale.runs)
    if way.opens:
        program.say("open")
    flush = None
    if way.flushes:
        program.did()
        flush = program.do("flush", timeout=_FLUSH_SECONDS)
    program.say("leave", way=way.leave)
    return None, flush


def _check_flush(outcome: Outcome, flush: dict[str, Any], cell: Cell) -> None:
    if flush["took"] > _FLUSH_SECONDS + _FLUSH_GRACE:
        outcome.problems.append(f"flush({_FLUSH_SECONDS}) took {flush['took']:.2f} s")
    all_there = outcome.account.delivered == outcome.account.sent
    if flush["true"] and not all_there:
        outcome.problems.append("flush() said that all was delivered, and it was not")
    if cell.must_deliver_once and not flush["true"]:
        outcome.problems.append("flush() did not say that all was delivered, and it was")
