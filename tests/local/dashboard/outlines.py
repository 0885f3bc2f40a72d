"""Spans to the outline of their run, through a real store."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from contextcompany.local.store.sqlite.store import SqliteRunStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contextcompany.local.otlp.spans import SpanRecord
    from contextcompany.local.store.rows import RunOutline


def outline(spans: Sequence[SpanRecord], address: str = "r-1") -> RunOutline:
    """Put spans into a fresh store and take the outline of a run from it."""
    with (
        tempfile.TemporaryDirectory() as folder,
        SqliteRunStore.open(Path(folder) / "runs.db") as store,
    ):
        store.add(spans)
        found = store.outline(address)
        assert found is not None
        return found
