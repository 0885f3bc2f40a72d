"""What the tables say, worked out the slow way: every run is looked at, one condition after the other."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from contextcompany.local.store.filters import RunFilter


@dataclass(slots=True)
class Whole:
    """A top-level run with all that is in it."""

    run: dict[str, Any]
    inside: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    spans: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    texts: list[str] = field(default_factory=list[str])
    facets: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])

    def meets(self, wanted: RunFilter) -> bool:
        """Tell whether the run meets every condition of a filter; words of a text are words of one span."""
        run, facets = self.run, self.facets
        since, until = wanted.bounds_ns()
        pairs = [(kind, getattr(wanted, kind)) for kind in ("agent", "model", "tool", "error")]
        pairs += [(f"metadata.{key}", value) for key, value in wanted.metadata]
        feedback = {
            "": True,
            "up": run["thumbs_up"] > 0,
            "down": run["thumbs_down"] > 0,
            "text": run["feedback_text"] != "",
            "any": run["thumbs_up"] + run["thumbs_down"] > 0 or run["feedback_text"] != "",
            "none": run["thumbs_up"] + run["thumbs_down"] == 0 and run["feedback_text"] == "",
        }
        return all(
            (
                all(pair in facets for pair in pairs if pair[1]),
                wanted.user in {"", run["user_id"]} or wanted.user.lower() == run["user_name"].lower(),
                wanted.org in {"", run["org_id"]} or wanted.org.lower() == run["org_name"].lower(),
                wanted.session in {"", run["session_id"]},
                wanted.status in {"", run["status"]},
                feedback[wanted.feedback],
                since is None or run["start_ns"] >= since,
                until is None or run["start_ns"] < until,
                not wanted.text or self._says(wanted.text),
            )
        )

    def _says(self, text: str) -> bool:
        words = text.lower().split()
        names = {run[name] for run in (self.run, *self.inside) for name in ("address", "agent")}
        names |= {self.run["session_id"], self.run["user_id"], self.run["trace_id"]}
        return text in names or any(
            all(word in said for word in words[:-1]) and any(one.startswith(words[-1]) for one in said)
            for said in (set(text.split()) for text in self.texts)
        )


def wholes(connection: sqlite3.Connection, texts: dict[int, str]) -> list[Whole]:
    """Read all top-level runs; `texts` is what is searched of each span, which no index gives back."""
    runs = {row["id"]: dict(row) for row in connection.execute("SELECT * FROM run")}
    found = {number: Whole(run) for number, run in runs.items() if run["parent"] is None}
    for run in runs.values():
        if run["parent"]:
            found[run["top"]].inside.append(run)
    for row in connection.execute("SELECT * FROM span"):
        whole = found[runs[row["run"]]["top"]]
        whole.spans.append(dict(row))
        whole.texts.append(texts.get(row["id"], ""))
    for row in connection.execute("SELECT * FROM facet"):
        found[row["top"]].facets.add((row["kind"], row["value"]))
    return list(found.values())


KEYS = {
    "newest": lambda run: (-run["start_ns"], -run["id"]),
    "oldest": lambda run: (run["start_ns"], run["id"]),
    "slowest": lambda run: (run["start_ns"] - run["end_ns"], -run["id"]),
    "costliest": lambda run: (1.0 if run["cost"] is None else -run["cost"], -run["id"]),
    "most-tokens": lambda run: (-run["input_tokens"] - run["output_tokens"], -run["id"]),
}


def addresses(found: Sequence[Whole], wanted: RunFilter) -> list[str]:
    """Return the addresses of the runs that meet a filter, in its order."""
    runs = sorted((whole.run for whole in found if whole.meets(wanted)), key=KEYS[wanted.order])
    return [run["address"] for run in runs]


def percentile(durations: Sequence[int], percent: int) -> int:
    """Return the nearest rank."""
    rank = -(-len(durations) * percent // 100)
    return sorted(durations)[max(rank, 1) - 1]


def nearly(amount: float) -> float:
    """Return what equals an amount apart from the order in which it was added up."""
    near: Any = pytest.approx(amount)
    equal: float = near
    return equal


def together(rows: Sequence[dict[str, Any]], key: str) -> dict[str, list[dict[str, Any]]]:
    """Put rows together by one of their columns; those without it are left out."""
    ordered = sorted((row for row in rows if row[key]), key=lambda row: row[key])
    return {name: list(some) for name, some in groupby(ordered, key=lambda row: row[key])}


def metadata(run: dict[str, Any]) -> dict[str, str]:
    """Return the metadata of a run."""
    found: dict[str, str] = json.loads(run["metadata"])
    return found
