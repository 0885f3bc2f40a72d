"""What this package costs over the size of a process and of a run.

`python -m benchmarks.peers.sizes NAME URL SHARE`, where SHARE is the share of the full amount. Each delivers
everything, and prints one JSON object of figures.
"""

from __future__ import annotations

import json
import sys
import time
from functools import partial
from statistics import median
from typing import Final

import contextcompany as tcc
from benchmarks.peers.adapters.ours import recorder
from benchmarks.peers.timing import resident, seconds
from benchmarks.peers.workload import RUNS, SPANS_PER_RUN, VARIANTS

Figures = dict[str, float]

_PROCESS: Final = (10, 100, 1_000, 10_000, 100_000)
_RUN: Final = (1, 10, 100, 1_000, 10_000)
_MANY: Final = 1_000_000
_BATCH: Final = 1_000


def over_process(url: str, share: float) -> Figures:
    """Measure a run after so many others in the process, delivered and flushed in between; seconds."""
    tcc.configure(tcc_url=url)
    record = recorder()
    found: Figures = {}
    done = 0
    for size in _PROCESS:
        durations: list[float] = []
        while done < max(size * share, 10):
            durations.append(seconds(partial(record.run, RUNS[done % VARIANTS])))
            done += 1
            if done % _BATCH == 0:
                record.flush()
        if durations:
            found[str(size)] = median(durations)
    record.flush()
    return {**found, "delivered": float(tcc.stats().delivered), "sent": float(done * SPANS_PER_RUN)}


def over_run(url: str, share: float) -> Figures:
    """Measure a step of a run that has so many; seconds."""
    tcc.configure(tcc_url=url)
    found: Figures = {}
    sent = 0
    for size in _RUN:
        count = max(int(size * share), 1)
        durations: list[float] = []
        with tcc.run() as run:
            run.prompt("p")
            for number in range(count):
                began = time.perf_counter()
                with run.step() as step:
                    step.prompt("q").response("a")
                durations.append(time.perf_counter() - began)
                if number % _BATCH == 0:
                    tcc.flush(30)
        tcc.flush(30)
        sent += count + 1
        found[str(size)] = median(durations)
    return {**found, "delivered": float(tcc.stats().delivered), "sent": float(sent)}


def leaks(url: str, share: float) -> Figures:
    """Measure what a million runs leave behind: bytes of memory from a tenth of them to the last."""
    tcc.configure(tcc_url=url)
    count = max(int(_MANY * share), 1_000)
    at_first = 0
    for number in range(count):
        with tcc.run() as run:
            run.prompt("p")
        if number % _BATCH == 0:
            tcc.flush(30)
        if number == count // 10:
            at_first = resident()
    tcc.flush(60)
    return {
        "grown": float(resident() - at_first),
        "delivered": float(tcc.stats().delivered),
        "sent": float(count),
    }


SIZES: Final = {measure.__name__: measure for measure in (over_process, over_run, leaks)}

if __name__ == "__main__":
    print(json.dumps(SIZES[sys.argv[1]](sys.argv[2], float(sys.argv[3]))))
