"""What stands in the tables of a store, in words that do not depend on the order of arrival."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_REFERENCES = ("parent", "top", "wanted")
_SPANS = ("head", "tail", "asker", "answerer")
_UNSTEADY = ("id", "change")


def contents(path: Path) -> dict[str, Any]:
    """Read all tables; numbers of rows are replaced by what they stand for."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row

        def rows(query: str) -> list[dict[str, Any]]:
            return [dict(row) for row in connection.execute(query)]

        runs = rows("SELECT * FROM run")
        spans = rows("SELECT * FROM span")
        addresses = {run["id"]: run["address"] for run in runs} | {0: "0"}
        span_ids = {span["id"]: span["span_id"] for span in spans} | {0: "0"}
        traces = {trace["id"]: trace["trace_id"] for trace in rows("SELECT * FROM trace")}
        for run in runs:
            for name in _REFERENCES:
                run[name] = addresses[run[name]] if run[name] is not None else None
            for name in _SPANS:
                run[name] = span_ids[run[name]]
        for span in spans:
            span["run"] = addresses[span["run"]]
            span["trace"] = traces[span["trace"]]
        kept = [{key: run[key] for key in run if key not in _UNSTEADY} for run in runs]
        return {
            "run": sorted(kept, key=lambda run: run["address"]),
            "span": sorted(
                ({key: span[key] for key in span if key != "id"} for span in spans),
                key=lambda span: (span["trace"], span["span_id"]),
            ),
            "facet": sorted(
                (addresses[row["top"]], row["kind"], row["value"]) for row in rows("SELECT * FROM facet")
            ),
            "trace": sorted(
                (row["trace_id"], addresses[row["unit"]], row["has_runs"])
                for row in rows("SELECT * FROM trace")
            ),
            "changes": len({run["change"] for run in runs}) == len(runs),
        }
