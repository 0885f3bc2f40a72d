"""One peer in a fresh process: `python -m benchmarks.peers.child ORDER FILE`, see `order`."""

from __future__ import annotations

import asyncio
import gc
import logging
import resource
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers.catalogue import peer
from benchmarks.peers.order import Order, Told
from benchmarks.peers.workload import RUNS, VARIANTS

if TYPE_CHECKING:
    from benchmarks.peers.recorder import Recorder


def main(order: Order, file: Path) -> None:
    """Record what is ordered and write what that took."""
    # What libraries say of a full queue would time the terminal.
    logging.disable(logging.CRITICAL)
    began = time.perf_counter()
    recorder = peer(order.adapter).setup(order.url)
    is_set_up = time.perf_counter()
    if order.recorded:
        recorder.run(RUNS[0])
    first = time.perf_counter() - is_set_up
    if order.warm_up:
        for number in range(1, order.warm_up):
            recorder.run(RUNS[number % VARIANTS])
        recorder.flush()
    gc.collect()
    cpu, start = time.process_time(), time.perf_counter()
    durations = _record(recorder, order)
    elapsed = time.perf_counter() - start
    if order.flush:
        recorder.flush()
    flushed = time.perf_counter() - start - elapsed
    cpu = time.process_time() - cpu
    durations.sort()
    count = max(len(durations), 1)
    told = Told(
        setup=is_set_up - began,
        first=first,
        median=_at(durations, 0.5),
        p99=_at(durations, 0.99),
        longest=_at(durations, 1.0),
        cpu=cpu / count,
        elapsed=elapsed,
        flushed=flushed,
        peak=_peak_bytes(),
        ended=time.monotonic(),
    )
    file.write_text(told.text())


def _record(recorder: Recorder, order: Order) -> list[float]:
    # The first run of all was recorded already where nothing warms up.
    runs = order.runs if order.warm_up else order.runs - 1
    if order.tasks:
        return asyncio.run(_in_tasks(recorder, runs, order.tasks))
    if order.threads > 1:
        return _in_threads(recorder, runs, order.threads)
    return _in_turn(recorder, range(runs), order.rate)


def _in_turn(recorder: Recorder, numbers: range, rate: float = 0.0) -> list[float]:
    durations: list[float] = []
    clock, record = time.perf_counter, recorder.run
    start = clock()
    for number in numbers:
        if rate:
            time.sleep(max(start + number / rate - clock(), 0.0))
        given = RUNS[number % VARIANTS]
        began = clock()
        record(given)
        durations.append(clock() - began)
    return durations


def _in_threads(recorder: Recorder, runs: int, count: int) -> list[float]:
    durations: list[list[float]] = []
    threads = [
        threading.Thread(
            target=lambda first=first: durations.append(_in_turn(recorder, range(first, runs, count)))
        )
        for first in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [duration for part in durations for duration in part]


async def _in_tasks(recorder: Recorder, runs: int, count: int) -> list[float]:
    durations: list[float] = []

    async def work(first: int) -> None:
        for number in range(first, runs, count):
            durations.extend(_in_turn(recorder, range(number, number + 1)))
            await asyncio.sleep(0)

    await asyncio.gather(*(work(first) for first in range(count)))
    return durations


def _at(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def _peak_bytes() -> int:
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    # Elsewhere; on Linux this figure is inherited from the process that started this one.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main(Order.read(sys.argv[1]), Path(sys.argv[2]))
