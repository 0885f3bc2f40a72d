"""What this package is to cost at most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchmarks.peers.catalogue import OURS, PEERS, QUIET, RAW

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.peers.records import Record, Records


@dataclass(frozen=True, slots=True)
class Target:
    """One promise in numbers.

    Attributes:
        name: what is measured.
        limit: what it may be at most.
        unit: what a figure is multiplied by for the page, and the word behind it.
        measured: the figure; None where it was not measured.
    """

    name: str
    limit: float
    unit: tuple[float, str]
    measured: Callable[[Records], float | None]

    def shown(self, figure: float) -> str:
        """Write a figure in the target's unit."""
        factor, word = self.unit
        value = figure * factor
        digits = 0 if abs(value) >= 100 else 2  # noqa: PLR2004  (enough to read)
        return f"{value:.{digits}f}".removesuffix(".00") + word


_TIMES_RAW: Final = (1.0, " times raw")
_TIMES: Final = (1.0, " times")
_SECONDS: Final = (1.0, " s")
_MILLISECONDS: Final = (1e3, " ms")
_MICROSECONDS: Final = (1e6, " µs")
_MEGABYTES: Final = (1e-6, " MB")

_SETTLED: Final = 1_000
"""What is measured of fewer is mostly the beginning: imports, caches, threads that start."""


def targets() -> list[Target]:
    """Return all targets, in the order of the page."""
    return [
        Target("caller's time of a run", 1.5, _TIMES_RAW, _ratio("caller", _value("median"))),
        Target("the same, 99th percentile", 2.0, _TIMES_RAW, _ratio("caller", _value("p99"))),
        Target("caller's time, beside that of the quickest peer", 1.0, _TIMES, _beside_quickest),
        Target(
            "CPU of the process per delivered run",
            0.6,
            _TIMES_RAW,
            _ratio("caller", lambda record: record.cpu_of_delivered),
        ),
        Target("lost of 5,000 runs at full speed", 0.0, (1.0, " spans"), _worst("full_speed", _missing)),
        *(
            target
            for measure, way in (("memory", "one thread"), ("threads", "8 threads"), ("tasks", "1,000 tasks"))
            for target in (
                Target(f"lost of 20,000 runs, {way}", 0.0, (1.0, " spans"), _worst(measure, _missing)),
                Target(f"memory at most, {way}", 100e6, _MEGABYTES, _worst(measure, _value("peak"))),
            )
        ),
        Target("added to the exit, collector healthy", 0.05, _MILLISECONDS, _added_to_exit),
        Target("lost at that exit", 0.0, (1.0, " spans"), _worst("exit_healthy", _missing)),
        *(
            Target(f"exit, collector {name}", 2.5, _SECONDS, _worst(f"exit_{name}", _value("exit")))
            for name in ("absent", "refusing", "hanging")
        ),
        Target("import over bare Python", 0.015, _MILLISECONDS, _median("imports", _value("added"))),
        Target(
            "modules of OpenTelemetry and wrapt that it loads",
            0.0,
            (1.0, ""),
            _worst("imports", _value("tracing_modules")),
        ),
        Target("first run", 0.09, _MILLISECONDS, _median("first_run", _value("first"))),
        Target("a run, disabled", 10e-6, _MICROSECONDS, _median("off", _value("disabled"))),
        Target("a run, sampled out", 10e-6, _MICROSECONDS, _median("off", _value("sampled_out"))),
        *(
            Target(f"10 MB of {what}", 2.0, (1.0, " times json.dumps"), _median("large", _value(what)))
            for what in ("text", "messages")
        ),
        *(
            Target(f"@tcc.{name} over its span", 5e-6, _MICROSECONDS, _median("decorators", _value(name)))
            for name in ("tool", "model", "agent")
        ),
        Target(
            "an Agent's request to a model over its spans",
            100e-6,
            _MICROSECONDS,
            _median("agent_loop", _value("request")),
        ),
        Target("a run in a process of 100,000, beside one of 1,000", 1.1, _TIMES, _growth("over_process")),
        Target("a step in a run of 10,000, beside one of 1,000", 1.1, _TIMES, _growth("over_run")),
        Target("memory left behind by 900,000 runs", 2e6, _MEGABYTES, _worst("leaks", _value("grown"))),
    ]


def _value(name: str) -> Callable[[Record], float]:
    return lambda record: record.values[name]


def _missing(record: Record) -> float:
    return record.missing


def _median(measure: str, figure: Callable[[Record], float]) -> Callable[[Records], float | None]:
    return lambda records: records.median(measure, OURS.name, figure)


def _worst(measure: str, figure: Callable[[Record], float]) -> Callable[[Records], float | None]:
    return lambda records: max(map(figure, records.of(measure, OURS.name)), default=None)


def _ratio(measure: str, figure: Callable[[Record], float]) -> Callable[[Records], float | None]:
    def measured(records: Records) -> float | None:
        found = records.ratio(measure, OURS.name, RAW.name, figure)
        return None if found is None else found[0]

    return measured


def _growth(measure: str) -> Callable[[Records], float | None]:
    def figure(record: Record) -> float:
        sizes = [name for name in record.values if name.isdigit()]
        settled = next((name for name in sizes if int(name) >= _SETTLED), sizes[0])
        return record.values[sizes[-1]] / record.values[settled]

    return _median(measure, figure)


def _added_to_exit(records: Records) -> float | None:
    ours, bare = (records.median("exit_healthy", peer.name, _value("exit")) for peer in (OURS, QUIET))
    return None if ours is None or bare is None else ours - bare


def _beside_quickest(records: Records) -> float | None:
    found = [
        ratio[0]
        for peer in PEERS
        if peer.environment != RAW.environment
        and (ratio := records.ratio("caller", OURS.name, peer.name, _value("median"))) is not None
    ]
    return max(found, default=None)
