"""The page: a table of all peers, the targets of this package, the machine and the versions."""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.peers.catalogue import OURS, RAW
from benchmarks.peers.targets import targets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from benchmarks.peers.catalogue import Peer
    from benchmarks.peers.processes import Places
    from benchmarks.peers.records import Record, Records

BEGIN: Final = "<!-- peers:begin -->"
END: Final = "<!-- peers:end -->"
_MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the table: its title, and what it tells of a peer."""

    title: str
    cell: Callable[[Records, Peer], str]


def page(records: Records, peers: Sequence[Peer], places: Places) -> str:
    """Return what stands between the marks."""
    raw = records.median("caller", RAW.name, _value("median"))
    base = (
        "" if raw is None else f" Raw took {raw * 1e6:.0f} µs for a run's caller, the median of all rounds."
    )
    parts = [
        f"{machine()}.{base}",
        _table(["", *(column.title for column in COLUMNS)], _rows(records, peers)),
        "What is aimed at, and what came out:",
        _table(
            ["", "at most", "measured", ""],
            (
                [
                    target.name,
                    target.shown(target.limit),
                    target.shown(found),
                    "✓" if found <= target.limit else "✗",
                ]
                for target in targets()
                if (found := target.measured(records)) is not None
            ),
        ),
        "Versions: " + ", ".join(f"{name} {found}" for name, found in _versions(peers, places)) + ".",
        *_failures(records),
    ]
    return "\n\n".join(part.rstrip() for part in parts)


def replace_part(file: Path, written: str) -> None:
    """Put text between the marks of a page.

    Raises:
        SystemExit: where the page has no marks.
    """
    before, _, rest = file.read_text().partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise SystemExit(f"{file} has no part between {BEGIN} and {END}: put both there")
    file.write_text(f"{before}{BEGIN}\n\n{written}\n\n{END}{after}")


def machine() -> str:
    """Describe the machine and the interpreter, and how busy it is with other things."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    system = f"{platform.system()} {platform.release()}"
    return f"{os.cpu_count()} cores of {model}, {system}, Python {platform.python_version()}{load}"


def _value(name: str) -> Callable[[Record], float]:
    return lambda record: record.values[name]


def _ratio(measure: str, figure: Callable[[Record], float]) -> Callable[[Records, Peer], str]:
    def cell(records: Records, peer: Peer) -> str:
        found = records.ratio(measure, peer.name, RAW.name, figure)
        if found is not None and peer is RAW:
            return "1"
        return "" if found is None else f"{found[0]:.2f} ({found[1]:.2f} to {found[2]:.2f})"

    return cell


def _cpu(records: Records, peer: Peer) -> str:
    ratio = _ratio("caller", lambda record: record.cpu_of_delivered)
    return ratio(records, peer) if peer.delivers else ""


def _delivered(records: Records, peer: Peer) -> str:
    found = records.median("full_speed", peer.name, lambda record: record.delivered / record.sent)
    return "" if found is None or not peer.delivers else f"{found:.0%}"


def _peak(records: Records, peer: Peer) -> str:
    found = records.median("memory", peer.name, _value("peak"))
    return "" if found is None else f"{found / _MIB:.0f} MiB"


def _exit(behaviour: str) -> Callable[[Records, Peer], str]:
    def cell(records: Records, peer: Peer) -> str:
        found = records.median(f"exit_{behaviour}", peer.name, _value("exit"))
        if found is None:
            return ""
        killed = records.median(f"exit_{behaviour}", peer.name, _value("was_killed"))
        return f"over {found:.0f} s" if killed else f"{found:.2f} s"

    return cell


def _import(records: Records, peer: Peer) -> str:
    found = records.median("imports", peer.name, _value("added"))
    return "" if found is None else f"{found * 1e3:.0f} ms"


COLUMNS: Final = (
    Column("caller's time", _ratio("caller", _value("median"))),
    Column("the same, 99th percentile", _ratio("caller", _value("p99"))),
    Column("CPU per delivered run", _cpu),
    Column("delivered at full speed", _delivered),
    Column("memory at most", _peak),
    Column("exit, collector healthy", _exit("healthy")),
    Column("absent", _exit("absent")),
    Column("refusing", _exit("refusing")),
    Column("hanging", _exit("hanging")),
    Column("import", _import),
)


def _rows(records: Records, peers: Sequence[Peer]) -> Iterable[list[str]]:
    for peer in peers:
        name = f"**{peer.name}**" if peer is OURS else peer.name
        yield [name, *(column.cell(records, peer) for column in COLUMNS)]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *rows))


def _versions(peers: Sequence[Peer], places: Places) -> Iterable[tuple[str, str]]:
    for distribution, peer in {peer.distribution: peer for peer in reversed(peers)}.items():
        code = f"import importlib.metadata as m; print(m.version({distribution!r}))"
        found = subprocess.run(  # noqa: S603  (ours)
            [str(places.python(peer)), "-c", code], capture_output=True, text=True, check=False
        )
        yield distribution, found.stdout.strip() or "not installed"


def _failures(records: Records) -> Iterable[str]:
    failed = [record for record in records if record.error]
    if failed:
        yield "What failed: " + "; ".join(
            f"{record.measure} of {record.peer}, round {record.round}: {record.error.splitlines()[-1]}"
            for record in failed
        )
