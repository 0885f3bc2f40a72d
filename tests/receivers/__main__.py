"""Install the receivers, check one after the other, and print what each does as a table."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from typing import TYPE_CHECKING

from tests.receivers.check import Result, check
from tests.receivers.environments import environment, version
from tests.receivers.isolation import isolate
from tests.receivers.mlflow import MLflow
from tests.receivers.phoenix import Phoenix
from tests.receivers.processes import ProgramError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import FrameType

    from tests.receivers.receiver import Receiver

RECEIVERS: tuple[Receiver, ...] = (Phoenix(), MLflow())


def main() -> int:
    """Run the checks and return the exit code."""
    parser = argparse.ArgumentParser(prog="tests/receivers/run.py", description=__doc__)
    parser.add_argument("--only", choices=[receiver.name for receiver in RECEIVERS], help="check this one")
    only = parser.parse_args().only
    chosen = [receiver for receiver in RECEIVERS if only in (None, receiver.name)]
    signal.signal(signal.SIGTERM, _leave)

    # Installing needs the network, which is gone afterwards.
    try:
        environments = {
            receiver.name: environment(receiver.name, receiver.requirement) for receiver in chosen
        }
    except ProgramError as error:
        print(error)
        return 1
    if isolate():
        print("receivers and senders share a network namespace of their own, which has only loopback")
    else:
        print(
            "no right to a network namespace of our own: the gRPC port of Phoenix listens on all interfaces "
            "of this machine until the checks are over"
        )

    results: dict[str, Result] = {}
    for receiver in chosen:
        print(f"{receiver.name}: starting, sending, reading ...", flush=True)
        started = time.monotonic()
        folder = environments[receiver.name]
        result = check(receiver, folder)
        result.rows = {"version": version(folder, receiver.distribution)} | result.rows
        result.rows["all took"] = f"{time.monotonic() - started:.1f} s"
        results[receiver.name] = result
    print(table({name: result.rows for name, result in results.items()}))
    return report(results)


def report(results: Mapping[str, Result]) -> int:
    """Print what is wrong, with the logs of the receiver concerned, and return the exit code."""
    for name, result in results.items():
        if result.wrong:
            print(f"\n{name}: {len(result.wrong)} things are not as they should be")
            for difference in result.wrong:
                print(f"  [{difference.aspect}] {difference.text}")
            print(f"{name}: the end of its log\n{result.log}")
    wrong = any(result.wrong for result in results.values())
    print("\nnot every run was read as it was sent" if wrong else "\nevery run was read as it was sent")
    return int(wrong)


def table(columns: Mapping[str, Mapping[str, str]]) -> str:
    """Draw a table with a column for each receiver."""
    # The fullest column names the rows: one that failed early lacks some.
    fullest = sorted(columns.values(), key=len, reverse=True)
    names = list(dict.fromkeys(row for rows in fullest for row in rows))
    left = max(len(name) for name in names)
    widths = {name: max(len(name), *map(len, rows.values())) for name, rows in columns.items()}
    lines = ["  ".join([" " * left, *(name.ljust(width) for name, width in widths.items())])]
    lines.append("  ".join(["-" * left, *("-" * width for width in widths.values())]))
    lines += [
        "  ".join([row.ljust(left), *(columns[name].get(row, "-").ljust(widths[name]) for name in widths)])
        for row in names
    ]
    return "\n".join(["", *(line.rstrip() for line in lines)])


def _leave(number: int, frame: FrameType | None) -> None:
    """Turn a termination signal into an exit that ends what was started."""
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
