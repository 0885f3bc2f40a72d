"""Tables filled with many runs as agents in use leave them, without the writing side of the store."""

from __future__ import annotations

import json
import random
import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from contextcompany.local.store.sqlite.tables import schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

SECOND: Final = 1_000_000_000
FIRST_NS: Final = 1_780_000_000 * SECOND
"""When the first run begins; the last one begins 30 days later."""

STRETCH_NS: Final = 30 * 86_400 * SECOND
AGENTS: Final = tuple(f"agent-{number:02}" for number in range(20))
MODELS: Final = tuple(f"model-{number}" for number in range(8))
TOOLS: Final = tuple(f"tool_{number:02}" for number in range(30))
ERRORS: Final = ("RateLimitError", "TimeoutError", "ValueError", "ToolError")
WORDS: Final = re.findall(
    r"\w+",
    "order refund invoice weather flight hotel please the a of in search policy customer reply cancel change "
    "address shipment delay status ticket urgent account password summary report python query table chart "
    "budget contract legal review draft email calendar meeting plan route price compare product",
)
_SPAN_COLUMNS: Final = (
    "id, trace, span_id, run, kind, status, claims, own, within, says, start_ns, end_ns, name, error_type, "
    "error, input_tokens, cached_tokens, output_tokens, cost, score, feedback_text, checksum"
)


@dataclass(slots=True)
class _Run:
    """The row of a run while its spans are made."""

    columns: dict[str, Any]
    facets: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])


class Filler:
    """Makes rows, the same ones every time; `texts` takes up what is searched of each span."""

    def __init__(self, connection: sqlite3.Connection, texts: dict[int, str] | None = None) -> None:
        self._connection = connection
        self._texts = texts
        self._random = random.Random(6)
        self._run_id = 0
        self._span_id = 0
        self._change = 0

    def fill(self, count: int) -> None:
        """Write `count` top-level runs with all that belongs to them, in the order of their start."""
        for begun in range(0, count, 5_000):
            self._write([self._made(index, count) for index in range(begun, min(begun + 5_000, count))])

    def _write(self, made: Sequence[tuple[list[_Run], list[tuple[Any, ...]], list[tuple[int, str]]]]) -> None:
        runs = [run for found, _, _ in made for run in found]
        names = list(runs[0].columns)
        self._connection.executemany(
            f"INSERT INTO run ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})",
            [tuple(run.columns.values()) for run in runs],
        )
        self._connection.executemany(
            "INSERT INTO trace VALUES (?, ?, 0, 1)",
            [
                (int(run.columns["trace_id"], 16), run.columns["trace_id"])
                for run in runs
                if run.columns["parent"] is None
            ],
        )
        self._connection.executemany(
            "INSERT OR IGNORE INTO facet (top, kind, value) VALUES (?, ?, ?)",
            sorted((run.columns["top"], *facet) for run in runs for facet in run.facets),
        )
        self._connection.executemany(
            f"INSERT INTO span ({_SPAN_COLUMNS}) VALUES ({', '.join('?' * 22)})",
            [span for _, spans, _ in made for span in spans],
        )
        self._connection.executemany(
            "INSERT INTO words (rowid, text) VALUES (?, ?)", [text for _, _, texts in made for text in texts]
        )
        if self._texts is not None:
            self._texts.update(text for _, _, texts in made for text in texts)
        self._connection.commit()

    def _skewed(self, values: Sequence[str]) -> str:
        return values[int(len(values) * self._random.random() ** 2.5)]

    def _said(self, words: int) -> str:
        return " ".join(self._skewed(WORDS) for _ in range(words))

    def _made(
        self, index: int, count: int
    ) -> tuple[list[_Run], list[tuple[Any, ...]], list[tuple[int, str]]]:
        start = FIRST_NS + index * STRETCH_NS // count
        top = self._run(index, start, None)
        runs = [top]
        if self._random.random() < 0.05:
            runs.append(self._run(index, start + SECOND, top))
        spans: list[tuple[Any, ...]] = []
        texts: list[tuple[int, str]] = []
        for run in runs:
            for span, text in self._spans(run, top, index):
                spans.append(span)
                texts.append((span[0], text))
        for run in runs[1:]:
            run.columns["end_ns"] = min(run.columns["end_ns"], top.columns["end_ns"])
        return runs, spans, texts

    def _run(self, index: int, start: int, parent: _Run | None) -> _Run:
        self._run_id += 1
        self._change += 1
        chance = self._random.random()
        user = int(2_000 * self._random.random() ** 1.5)
        failed = chance < 0.05
        columns: dict[str, Any] = {
            "id": self._run_id,
            "address": f"run-{index:06}" + ("" if parent is None else "-nested"),
            "run_id": f"run-{index:06}" + ("" if parent is None else "-nested"),
            "trace_id": f"{index + 1:032x}",
            "parent": None if parent is None else parent.columns["id"],
            "top": self._run_id if parent is None else parent.columns["top"],
            "change": self._change,
            "status": "failed" if failed else "partial" if chance < 0.07 else "ok",
            "start_ns": start,
            "end_ns": start + int(self._random.lognormvariate(1.2, 0.8) * SECOND),
            "name": "invoke_agent",
            "agent": self._skewed(AGENTS),
            "service": "shop",
            "session_id": f"session-{index // 4:05}",
            "user_id": f"user-{user:04}",
            "user_name": f"Person {user:04}",
            "org_id": f"org-{user % 50:02}",
            "org_name": f"Company {user % 50:02}",
            "prompt": self._said(20),
            "response": self._said(25),
            "error_type": "",
            "error": "",
            **dict.fromkeys(("steps", "tool_calls", "failures", "spans"), 0),
            **dict.fromkeys(("input_tokens", "cached_tokens", "output_tokens"), 0),
            "cost": None,
            **dict.fromkeys(("head", "tail", "asker", "answerer", "priced", "unpriced"), 0),
            "wanted": None,
            "named_parent": "",
            **dict.fromkeys(("thumbs_up", "thumbs_down"), 0),
            "feedback_text": "",
            "metadata": json.dumps(
                {"env": "production" if index % 5 else "test", "build": str(index // 500)}
            ),
        }
        if failed:
            columns["error_type"] = self._skewed(ERRORS)
            columns["error"] = f"{columns['error_type']}: attempt {index} went wrong"
        run = _Run(columns)
        run.facets.add(("agent", columns["agent"]))
        for key, value in json.loads(columns["metadata"]).items():
            run.facets.add((f"metadata.{key}", value))
        return run

    def _spans(self, run: _Run, top: _Run, index: int) -> Iterator[tuple[tuple[Any, ...], str]]:
        own = run.columns
        yield (
            self._span(run, top, "run", own["agent"], status=own["status"]),
            f"{own['prompt']}\n{own['response']}",
        )
        for _ in range(self._random.choice((1, 2, 2, 3))):
            tokens = self._random.randrange(200, 4_000), self._random.randrange(20, 600)
            cost = None if self._random.random() < 0.1 else (tokens[0] + 4 * tokens[1]) / 1_000_000
            span = self._span(run, top, "step", self._skewed(MODELS), tokens=tokens, cost=cost)
            yield span, self._said(60)
        for _ in range(self._random.choice((0, 1, 2, 3, 4))):
            failed = self._random.random() < 0.03
            span = self._span(run, top, "tool", self._skewed(TOOLS), status="failed" if failed else "ok")
            yield span, self._said(30)
        if run is top and self._random.random() < 0.03:
            score = self._random.choice(("up", "up", "down", ""))
            text = f"needle{index} was fine" if not score or self._random.random() < 0.4 else ""
            yield self._span(run, top, "feedback", "tcc.feedback", score=score, text=text), text

    def _span(
        self,
        run: _Run,
        top: _Run,
        kind: str,
        name: str,
        *,
        status: str = "ok",
        tokens: tuple[int, int] = (0, 0),
        cost: float | None = None,
        score: str = "",
        text: str = "",
    ) -> tuple[Any, ...]:
        self._span_id += 1
        own = run.columns
        length = own["end_ns"] - own["start_ns"]
        start = own["start_ns"] + (0 if kind == "run" else int(length * self._random.random() * 0.5))
        end = own["end_ns"] if kind == "run" else start + int(length * self._random.random() * 0.5)
        if kind == "feedback":
            start = end = own["end_ns"] + int(self._random.random() * 3_600 * SECOND)
        error_type = (own["error_type"] if kind == "run" else "ToolError") if status == "failed" else ""
        around = (run,) if run is top else (run, top)
        self._add_up(around, kind, status, tokens=tokens, cost=cost, score=score, text=text)
        if kind in {"step", "tool"}:
            run.facets.add(("model" if kind == "step" else "tool", name))
        if error_type:
            run.facets.add(("error", error_type))
        return (
            self._span_id,
            int(own["trace_id"], 16),
            f"{self._span_id:016x}",
            own["id"],
            kind,
            status,
            1,
            kind == "run",
            0,
            0,
            start,
            end,
            name,
            error_type,
            own["error"] if kind == "run" else "",
            tokens[0],
            0,
            tokens[1],
            cost,
            score,
            text,
            1,
        )

    def _add_up(
        self,
        runs: tuple[_Run, ...],
        kind: str,
        status: str,
        *,
        tokens: tuple[int, int],
        cost: float | None,
        score: str,
        text: str,
    ) -> None:
        for run in runs:
            sums = run.columns
            sums["spans"] += 1
            sums["steps"] += kind == "step"
            sums["tool_calls"] += kind == "tool"
            sums["failures"] += kind != "run" and status == "failed"
            sums["input_tokens"] += tokens[0]
            sums["output_tokens"] += tokens[1]
            sums["priced"] += cost is not None
            sums["unpriced"] += cost is None and tokens != (0, 0)
            sums["cost"] = sums["cost"] if cost is None else (sums["cost"] or 0.0) + cost
            sums["thumbs_up"] += score == "up"
            sums["thumbs_down"] += score == "down"
            sums["feedback_text"] = text or sums["feedback_text"]


def filled(path: Path | str, count: int, texts: dict[int, str] | None = None) -> sqlite3.Connection:
    """Make a database of `count` top-level runs and return a connection to it."""
    with closing(sqlite3.connect(path)) as writing:
        writing.execute(f"PRAGMA page_size = {schema.PAGE_BYTES}")
        writing.execute("PRAGMA journal_mode = WAL")
        writing.execute("PRAGMA synchronous = OFF")
        writing.executescript(schema.TABLES)
        Filler(writing, texts).fill(count)
        writing.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        writing.execute(f"PRAGMA user_version = {schema.VERSION}")
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    return connection
