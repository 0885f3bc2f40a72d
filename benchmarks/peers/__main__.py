"""Measure what recording costs with this package, with the bare OpenTelemetry SDK, and with its peers.

    python -m benchmarks.peers [MEASURE …] [--peers NAME …] [--rounds N] [--write docs/benchmarks.md]

Each peer is installed in an environment of its own under `.venvs` (`make bench` installs them); `--here` runs
all with this interpreter, for the peers that it has. What is measured is added to a file, so that rounds can
be added later; without a measure all are taken.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers.catalogue import PEERS, peer
from benchmarks.peers.measures import MEASURES, ROUNDS, SMOKE, Bench, Scale
from benchmarks.peers.processes import ROOT, Places
from benchmarks.peers.records import Records
from benchmarks.peers.report import page, replace_part

if TYPE_CHECKING:
    from benchmarks.peers.records import Record


def say(record: Record) -> None:
    """Show a record while others are still to come."""
    figures = " ".join(f"{name}={value:.6g}" for name, value in record.values.items())
    arrived = f" {record.delivered}/{record.sent} spans" if record.sent else ""
    from_disk = f", {record.from_disk} from disk" if record.from_disk else ""
    error = f" FAILED: {record.error.strip()}" if record.error else ""
    print(f"{record.measure} {record.peer}{arrived}{from_disk} {figures}{error}", file=sys.stderr, flush=True)


def main() -> None:
    """Take the measures and print the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("measures", nargs="*", choices=[[], *MEASURES], help="what to measure, else all")
    parser.add_argument("--peers", nargs="*", help="whom to measure, else all: names or adapters")
    parser.add_argument("--rounds", type=int, help="how many rounds are added, else as many as it needs")
    parser.add_argument("--quick", action="store_true", help="small amounts, to see that everything works")
    parser.add_argument("--here", action="store_true", help="all peers with this interpreter")
    parser.add_argument("--results", type=Path, help="the file that keeps what is measured")
    parser.add_argument("--write", type=Path, help="the page whose part between marks is replaced")
    asked = parser.parse_args()
    places = Places(None if asked.here else ROOT / ".venvs")
    peers = [peer(name) for name in asked.peers] if asked.peers else list(PEERS)
    absent = [one.name for one in peers if not places.python(one).exists()]
    if absent:
        parser.error(f"not installed: {', '.join(absent)}; run make bench, or choose with --peers")
    records = Records(asked.results)
    bench = Bench(places, records, SMOKE if asked.quick else Scale(), say)
    for name in asked.measures or MEASURES:
        for _ in range(asked.rounds or ROUNDS.get(name, 1)):
            MEASURES[name](bench, peers, records.next_round(name))
    written = page(records, peers, places)
    print(written)
    if asked.write:
        replace_part(asked.write, written)


if __name__ == "__main__":
    main()
