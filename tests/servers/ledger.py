"""Record runs, and note each in a file once it has ended."""

from __future__ import annotations

import os
from typing import Final

import contextcompany as tcc

LEDGER: Final = "LEDGER"
"""The environment variable with the path of the notes."""


def record(run_id: str) -> None:
    """Record a run with one step, and note it."""
    with tcc.run(run_id) as r:
        r.prompt("hi")
        r.step().prompt("q").response("a").end()
    note(run_id)


def note(run_id: str) -> None:
    """Note a run that has ended."""
    # One write to a file opened for appending: no process tears the line of another.
    descriptor = os.open(os.environ[LEDGER], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(descriptor, f"{run_id}\n".encode())
    os.close(descriptor)
