"""Run the fault matrix and write docs/reliability.md, or soak: `python -m tests.faults --help`."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.faults.behaviours import HEALTHY
from tests.faults.figures import caller_latency, memory
from tests.faults.launch import ROOT, Collector, Fresh, Preloaded
from tests.faults.matrix import BOUNDED, FULL, cells
from tests.faults.report import page
from tests.faults.running import run_cell
from tests.faults.soak import soak
from tests.faults.special import UnavailableError, special_cells
from tests.faults.stage import Bench, idle_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.faults.stage import Outcome

PAGE: Final = ROOT / "docs" / "reliability.md"
_ROUNDS: Final = 60


def main() -> int:
    """Run what the arguments say and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--only", default="", help="run the cells whose name has this, and write no page")
    parser.add_argument("--bounded", action="store_true", help="do as little as the tests do")
    parser.add_argument("--jobs", type=int, default=2, help="cells at a time (default 2)")
    parser.add_argument("--seed", type=int, default=0, help="what random moments are drawn from (default 0)")
    parser.add_argument("--soak", type=float, metavar="MINUTES", help="random faults and load for so long")
    parser.add_argument("--folder", type=Path, help="keep ledgers, spools and outputs here")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="faults-") as temporary:
        folder = chosen.folder or Path(temporary)
        with Collector() as collector:
            if chosen.soak is not None:
                return soak(collector, folder, minutes=chosen.soak, seed=chosen.seed)
            if chosen.bounded:
                with Preloaded() as launcher:
                    return _matrix(_bench(collector, launcher, folder, chosen), chosen)
            return _matrix(_bench(collector, Fresh(), folder, chosen), chosen)


def _bench(
    collector: Collector, launcher: Fresh | Preloaded, folder: Path, chosen: argparse.Namespace
) -> Bench:
    station = collector.open(HEALTHY)
    idle = idle_seconds(launcher, folder / "idle", station.url)
    scale = BOUNDED if chosen.bounded else FULL
    return Bench(collector, launcher, folder, scale, idle, chosen.seed)


def _matrix(bench: Bench, chosen: argparse.Namespace) -> int:
    began = time.monotonic()
    pairs: dict[str, Callable[[Bench], Outcome]] = {
        str(cell): partial(run_cell, cell) for cell in cells() if chosen.only in str(cell)
    }
    specials = {
        name: run for name, run in special_cells(full=not chosen.bounded).items() if chosen.only in name
    }
    print(f"{len(pairs)} cells and {len(specials)} special ones, {chosen.jobs} at a time", flush=True)
    found, _ = _run_all(bench, pairs, chosen.jobs)
    special, skipped = _run_all(bench, specials, chosen.jobs)
    wrong = sum(bool(outcome.problems) for outcome in (*found.values(), *special.values()))
    elsewhere = bench.collector.elsewhere()
    if elsewhere.requests:
        print(
            f"{elsewhere.requests} requests followed a redirect, with these headers: {elsewhere.header_names}"
        )
        wrong += 1
    if not chosen.only:
        latency = caller_latency(bench, rounds=_ROUNDS)
        taken = [memory(bench, spool=True), memory(bench, spool=False)]
        for problem in (*latency.problems, *(problem for one in taken for problem in one.problems)):
            print(f"figures: {problem}")
            wrong += 1
        text = page(found, special, latency=latency, memory=taken, skipped=skipped, machine=_machine())
        print(text.partition("## All cells")[0])
        if not chosen.bounded:
            PAGE.write_text(text, encoding="utf-8")
            print(f"wrote {PAGE.relative_to(ROOT)}")
    print(f"{wrong} with a problem, {time.monotonic() - began:.0f} s")
    return int(wrong > 0)


def _run_all(
    bench: Bench, chosen: Mapping[str, Callable[[Bench], Outcome]], jobs: int
) -> tuple[dict[str, Outcome], dict[str, str]]:
    found: dict[str, Outcome] = {}
    skipped: dict[str, str] = {}
    with ThreadPoolExecutor(jobs) as pool:
        waiting = {name: pool.submit(run, bench) for name, run in chosen.items()}
        for name, future in waiting.items():
            try:
                outcome = future.result()
            except UnavailableError as error:
                skipped[name] = str(error)
                print(f"-- {name}: {error}", flush=True)
                continue
            found[name] = outcome
            _show(outcome)
    return found, skipped


def _show(outcome: Outcome) -> None:
    account = outcome.account
    held = "" if outcome.held is None else f", exit held {outcome.held:.2f} s"
    lost = f", {account.last_second} lost in the last second" if account.last_second else ""
    print(
        f"{'!!' if outcome.problems else 'ok'} {outcome.name}: {account.sent} sent, "
        f"{account.delivered} delivered, {account.spooled} on disk, "
        f"{dict(account.dropped) or 'none'} dropped{lost}, "
        f"{account.duplicates}+{account.again} twice{held}, {outcome.requests} requests",
        flush=True,
    )
    for problem in outcome.problems:
        print(f"     {problem}", flush=True)
    if outcome.last_words:
        print(outcome.last_words, flush=True)


def _machine() -> str:
    version = ".".join(map(str, sys.version_info[:3]))
    return f"{platform.system()} with {os.cpu_count()} processors, Python {version}"


if __name__ == "__main__":
    sys.exit(main())
