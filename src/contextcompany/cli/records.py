"""Runs as JSON on the standard output, as the API writes them, in ASCII.

No terminal and no encoding stands in its way then, and no text of a run can steer a terminal.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from contextcompany.local.store.rows import RunDetail, RunRow


def run_record(row: RunRow) -> dict[str, Any]:
    """Return a run's line as the API has it."""
    # Loading the models takes longer than most commands.
    from contextcompany.local.api.filling import run_fields

    return run_fields(row).model_dump(mode="json")


def detail_record(detail: RunDetail) -> dict[str, Any]:
    """Return a run with all its spans in OTLP/JSON, as a line of an export has it."""
    from contextcompany.local.otlp.json_writing import request_document

    return {"run": run_record(detail.row), **request_document(detail.spans)}


def print_record(record: object, *, indent: int | None = None) -> None:
    """Print a value as JSON, on one line unless it is to be indented."""
    sys.stdout.write(json.dumps(record, indent=indent) + "\n")
    sys.stdout.flush()
