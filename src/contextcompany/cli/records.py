"""Runs as JSON on the standard output, in ASCII, so that no terminal and no encoding stands in its way."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from contextcompany.local.store.rows import RunRow

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def run_record(row: RunRow) -> dict[str, Any]:
    """Return a run's line as JSON has it: times of ISO 8601, the duration in milliseconds."""
    record = asdict(row)
    start_ns, end_ns = record.pop("start_ns"), record.pop("end_ns")
    times = {
        "start": moment_text(start_ns),
        "end": moment_text(end_ns),
        "duration_ms": max(0, end_ns - start_ns) / 1_000_000,
    }
    return {"address": record.pop("address"), "status": record.pop("status"), **times, **record}


def moment_text(nanoseconds: int) -> str:
    """Write nanoseconds since the epoch as a time of ISO 8601 in UTC, to the microsecond."""
    try:
        moment = _EPOCH + timedelta(microseconds=nanoseconds // 1_000)
    except OverflowError:
        moment = datetime.max.replace(tzinfo=UTC)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def print_record(record: object, *, indent: int | None = None) -> None:
    """Print a value as JSON, on one line unless it is to be indented."""
    sys.stdout.write(json.dumps(record, indent=indent) + "\n")
    sys.stdout.flush()
