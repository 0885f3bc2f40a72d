"""What is measured of every peer, each in fresh processes and in rounds that take turns.

Raw is the first and the last of each round, so that a machine whose speed drifts spoils no ratio.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from benchmarks.peers.catalogue import OURS, QUIET, RAW
from benchmarks.peers.order import Order
from benchmarks.peers.own import CALLS
from benchmarks.peers.processes import ChildError, Home, Sink, play, read_json
from benchmarks.peers.records import Record
from benchmarks.peers.sizes import SIZES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from benchmarks.peers.catalogue import Peer
    from benchmarks.peers.processes import Finished, Places
    from benchmarks.peers.records import Records

NOBODY: Final = "http://127.0.0.1:9"
_SETTLE_SECONDS: Final = 10.0
_AT_ONCE: Final = 4


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is recorded.

    Attributes:
        caller: runs at a pace, for the time of the caller.
        warm_up: runs before them.
        rate: runs a second there.
        full_speed: runs as fast as can be.
        memory: the same, for the memory.
        exit: runs before an exit.
        tasks: asyncio tasks that share the runs of full speed.
        blocking: runs at most of a peer whose caller waits for each delivery.
        imports: fresh processes for the time of the import.
        own: the share of the full amount for what only this package is measured by.
        limit: seconds that one process may take; what takes longer is given up.
    """

    caller: int = 400
    warm_up: int = 100
    rate: float = 100.0
    full_speed: int = 5_000
    memory: int = 20_000
    exit: int = 100
    tasks: int = 1_000
    blocking: int = 300
    imports: int = 10
    own: float = 1.0
    limit: float = 180.0


SMOKE: Final = Scale(
    caller=10,
    warm_up=5,
    rate=0.0,
    full_speed=40,
    memory=60,
    exit=5,
    tasks=10,
    imports=1,
    own=0.001,
    limit=50.0,
)


@dataclass(frozen=True, slots=True)
class Bench:
    """What all measures need."""

    places: Places
    records: Records
    scale: Scale
    say: Callable[[Record], None]

    def add(self, record: Record) -> None:
        """Keep a record and show it."""
        self.records.add(record)
        self.say(record)


def validate(bench: Bench, peers: Sequence[Peer], number: int) -> None:
    """Look whether every span of the workload arrives, and how large a run is."""
    for one in peers:
        bench.add(_measured(bench, "validate", one, Order("", "", 3), number))


def caller(bench: Bench, peers: Sequence[Peer], number: int) -> None:
    """Measure what the caller pays for a run at a pace that services have, and what the process pays."""
    scale = bench.scale
    order = Order("", "", scale.caller, scale.warm_up, scale.rate)
    for one in _around(peers):
        bench.add(_measured(bench, "caller", one, order, number))


def full_speed(bench: Bench, peers: Sequence[Peer], number: int) -> None:
    """Measure what arrives of runs that come as fast as one thread can."""
    order = Order("", "", bench.scale.full_speed)
    for one in _around(peers):
        bench.add(_measured(bench, "full_speed", one, _for(one, order, bench.scale), number))


def together(bench: Bench, peers: Sequence[Peer], number: int) -> None:
    """Measure what arrives, and the memory at most: from one thread, eight, and many asyncio tasks."""
    scale = bench.scale
    ways = {
        "memory": Order("", "", scale.memory),
        "threads": Order("", "", scale.memory, threads=8),
        "tasks": Order("", "", scale.memory, tasks=scale.tasks),
    }
    for name, order in ways.items():
        for one in peers:
            if one.delivers and (name == "memory" or one in (OURS, RAW)):
                bench.add(_measured(bench, name, one, _for(one, order, scale), number))


def exits(bench: Bench, peers: Sequence[Peer], number: int) -> None:
    """Measure how long a process takes to end with a collector that is healthy, absent, refusing or hanging.

    Where that is mostly waiting, several processes run at once, each with a collector of its own; ours and
    raw have the machine to themselves.
    """
    senders = [one for one in peers if one.delivers]
    for behaviour in ("healthy", "absent", "refusing", "hanging"):

        def measured(one: Peer, behaviour: str = behaviour) -> Record:
            # A caller that waits for each delivery would never come to its exit.
            runs = 1 if one.is_blocking and behaviour == "hanging" else bench.scale.exit
            order = Order("", "", runs, rate=bench.scale.rate / 2, flush=False)
            return _measured(bench, f"exit_{behaviour}", one, order, number, behaviour=behaviour)

        if behaviour == "healthy":
            # Beside what sends nothing, which takes what the interpreter takes to end.
            alone = [*(one for one in peers if one is QUIET), *senders]
        else:
            alone = [one for one in senders if one in (OURS, RAW)]
        for one in alone:
            bench.add(measured(one))
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for record in pool.map(measured, [one for one in senders if one not in alone]):
                bench.add(record)


_IMPORTING: Final = """\
import importlib, json, sys, time
began = time.perf_counter()
for name in sys.argv[1:]:
    importlib.import_module(name)
took = time.perf_counter() - began
tracing = sum(name.partition(".")[0] in ("opentelemetry", "wrapt") for name in sys.modules)
print(json.dumps({"took": took, "modules": len(sys.modules), "tracing_modules": tracing}))
"""


def imports(bench: Bench, peers: Sequence[Peer], number: int) -> None:
    """Measure what an import adds to a fresh process, beside one of the same environment without it."""
    importing = [one for one in peers if one.imports]
    with Home() as home:

        def process(one: Peer, names: Sequence[str]) -> tuple[float, dict[str, float]]:
            began = time.perf_counter()
            told = read_json(one, ["-c", _IMPORTING, *names], bench.places, home)
            return time.perf_counter() - began, told

        for one in importing:
            process(one, one.imports)  # compiles what is not compiled yet
        for _ in range(bench.scale.imports):
            for one in importing:
                bare, _ = process(one, ())
                whole, values = process(one, one.imports)
                bench.records.add(
                    Record("imports", one.name, number, values={**values, "added": whole - bare})
                )
    for one in importing:
        added = bench.records.median("imports", one.name, lambda record: record.values["added"])
        bench.say(Record("imports", one.name, number, values={"added": added or 0.0}))


def own(bench: Bench, peers: Sequence[Peer], number: int) -> None:
    """Measure what only this package is measured by, call by call; see `own`."""
    if OURS in peers:
        _in_own_process(bench, "own", CALLS, number)


def sizes(bench: Bench, peers: Sequence[Peer], number: int) -> None:
    """Measure this package over the size of a process and of a run; see `sizes`."""
    if OURS in peers:
        _in_own_process(bench, "sizes", SIZES, number)


def _in_own_process(bench: Bench, module: str, names: Iterable[str], number: int) -> None:
    with Sink() as sink:
        for name in names:
            sink.behave("healthy")
            arguments = ["-m", f"benchmarks.peers.{module}", name, sink.url, str(bench.scale.own)]
            try:
                with Home() as home:
                    told = read_json(OURS, arguments, bench.places, home)
            except ChildError as error:
                bench.add(Record(name, OURS.name, number, error=str(error)))
                continue
            sent = int(told.pop("sent", 0))
            delivered = sink.counts().spans if sent else 0
            bench.add(Record(name, OURS.name, number, sent, delivered, values=told))


MEASURES: Final = {
    measure.__name__: measure
    for measure in (validate, caller, full_speed, together, exits, imports, own, sizes)
}
ROUNDS: Final = {"caller": 5, "full_speed": 3, "exits": 2, "own": 5}
"""How often what changes from one time to the next is measured, where it is not once."""


def _around(peers: Sequence[Peer]) -> list[Peer]:
    """Put raw first and last."""
    return [RAW, *(one for one in peers if one is not RAW), RAW]


def _for(one: Peer, order: Order, scale: Scale) -> Order:
    return replace(order, runs=min(order.runs, scale.blocking)) if one.is_blocking else order


def _measured(
    bench: Bench, measure: str, one: Peer, order: Order, number: int, *, behaviour: str = "healthy"
) -> Record:
    with Sink() as sink, Home() as home:
        sink.behave("healthy" if behaviour == "absent" else behaviour)
        url = NOBODY if behaviour == "absent" else sink.url
        given = replace(order, adapter=one.adapter, url=url)
        finished = play(one, given, bench.places, home, bench.scale.limit)
        spans = order.recorded * one.spans_per_run
        arrived = sink.counts()
        from_disk = 0
        if one.keeps_on_disk and arrived.spans < spans and behaviour == "healthy":
            from_disk = _from_disk(bench, one, sink, home, spans) - arrived.spans
        values = _values(finished)
        if arrived.spans:
            values["wire_bytes"] = arrived.wire_bytes / arrived.spans * one.spans_per_run
            values["plain_bytes"] = arrived.plain_bytes / arrived.spans * one.spans_per_run
            values["requests"] = arrived.requests
        # A caller that waits for a collector that never answers does not come to its exit.
        is_stuck = finished.was_killed and behaviour != "healthy"
        error = "" if finished.told or is_stuck else finished.error
        account = finished.told.account if finished.told else ""
        delivered = arrived.spans + from_disk
        return Record(measure, one.name, number, spans, delivered, from_disk, values, error, account)


def _from_disk(bench: Bench, one: Peer, sink: Sink, home: Path, spans: int) -> int:
    """Let next processes deliver what the first one left on disk; return how many spans have arrived."""
    given_up = time.monotonic() + _SETTLE_SECONDS
    while True:
        play(one, Order(one.adapter, sink.url, 0), bench.places, home, bench.scale.limit)
        arrived = sink.counts().spans
        if arrived >= spans or time.monotonic() > given_up:
            return arrived


def _values(finished: Finished) -> dict[str, float]:
    told = finished.told
    if told is None:
        return {"was_killed": float(finished.was_killed), "exit": finished.exit}
    return {
        "setup": told.setup,
        "first": told.first,
        "median": told.median,
        "p99": told.p99,
        "longest": told.longest,
        "cpu": told.cpu,
        "elapsed": told.elapsed,
        "flushed": told.flushed,
        "peak": float(told.peak),
        "exit": finished.exit,
        "was_killed": float(finished.was_killed),
    }
