"""The first page: how the agents did over a stretch of time, and what to look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from contextcompany.local.dashboard.frame.addresses import page_path
from contextcompany.local.dashboard.frame.charts import overview_charts, stretch_text
from contextcompany.local.dashboard.frame.formatting import cost_text, count_text, filter_time, rate_text
from contextcompany.local.dashboard.frame.rendering import redirect
from contextcompany.local.dashboard.lists.filter_form import RANGES, filter_form, read_question
from contextcompany.local.dashboard.lists.groups import leads_to
from contextcompany.local.reading.figures import duration_text

if TYPE_CHECKING:
    from fastapi import Request, Response

    from contextcompany.local.dashboard.frame.rendering import Pages
    from contextcompany.local.dashboard.lists.filter_form import Asked
    from contextcompany.local.store.filters import RunFilter
    from contextcompany.local.store.interface import RunStore
    from contextcompany.local.store.rows import Bucket, GroupBy, GroupRow

ALL: Final = "all"
"""The value of the parameter `range` that sets no bound."""

RANKS: Final = {"cost": "Cost most", "failed": "Fail most", "slowest": "Take longest"}

_MOST: Final = 6
_NOTHING: Final[dict[str, Any]] = {"total": None, "nothing_at_all": False, "change": 0}
_MEASURES: Final = {"runs": "most called", "cost": "cost", "failed": "failed", "slowest": "95th percentile"}
_RANKED: Final[tuple[tuple[GroupBy, str, str], ...]] = (
    ("agent", "Agents", "/agents"),
    ("model", "Models", "/models"),
    ("tool", "Tools", "/tools"),
)


@dataclass(frozen=True, slots=True)
class Standing:
    """One line of a ranking: `share` is its part of the first one's figure, in percent."""

    row: GroupRow
    figure: str
    detail: str
    share: float
    href: str


@dataclass(frozen=True, slots=True)
class Ranking:
    """The first few of a list, in the order that was asked for."""

    title: str
    measure: str
    all_path: str
    standings: tuple[Standing, ...]


class OverviewPage:
    """Show runs over time, and which agents, models and tools stand out."""

    def __init__(self, store: RunStore, pages: Pages) -> None:
        self._store = store
        self._pages = pages

    def show(self, request: Request) -> Response:
        """Answer with the page."""
        asked = read_question(request, "/", ("range", "rank"))
        if asked.redirect is not None:
            return redirect(asked.redirect)
        rank = asked.more.get("rank", "cost")
        problem = "" if rank in RANKS else f"rank must be one of {', '.join(RANKS)}."
        if asked.more.get("range", ALL) != ALL:
            problem = f"range must be {ALL}; give since for a bound."
        if problem or asked.error is not None:
            return self._pages.answer(
                "overview.html",
                section="/",
                status=400,
                **self._frame(asked, asked.wanted, rank, problem),
                **_NOTHING,
            )
        wanted = self._ranged(asked)
        return self._pages.answer(
            "overview.html",
            section="/",
            **self._frame(asked, wanted, rank, ""),
            **self._contents(wanted, rank),
        )

    def _ranged(self, asked: Asked) -> RunFilter:
        """Choose the shortest stretch, from a day up, that has any run, unless one was asked for."""
        wanted = asked.wanted
        if wanted.since or wanted.until or "range" in asked.more:
            return wanted
        for since, _ in RANGES[1:]:
            narrowed = wanted.but(since=since)
            if self._store.count_runs(narrowed, limit=1):
                return narrowed
        return wanted

    def _frame(self, asked: Asked, wanted: RunFilter, rank: str, problem: str) -> dict[str, Any]:
        more = (("rank", rank if rank != "cost" else ""),)
        kept = ("range", asked.more.get("range", ""))
        spans = [
            (label, since, page_path("/", wanted.but(since=since, until=""), more)) for since, label in RANGES
        ]
        everything = page_path("/", wanted.but(since="", until=""), (("range", ALL), *more))
        return {
            "form": filter_form(asked, leave_out=("order",)),
            "asked": asked,
            "wanted": wanted,
            "spans": [*spans, ("All time", "", everything)],
            "rank": rank,
            "ranks": [
                (
                    name,
                    label,
                    page_path("/", wanted, (("rank", name), kept)),
                )
                for name, label in RANKS.items()
            ],
            "runs_path": page_path("/runs", wanted),
            "problem": problem,
        }

    def _contents(self, wanted: RunFilter, rank: str) -> dict[str, Any]:
        # Before the figures: what changes meanwhile is then fetched again, not missed.
        change = self._store.last_change()
        bounds = wanted.bounds_ns()
        overview = self._store.overview(wanted)
        return {
            "change": change,
            "charts": overview_charts(overview, lambda bucket: _stretch_path(wanted, bounds, bucket)),
            "buckets": [
                (bucket, stretch_text(bucket), _stretch_path(wanted, bounds, bucket))
                for bucket in overview.buckets
                if bucket.runs
            ],
            "total": overview.total,
            "rankings": self._rankings(wanted, rank),
            "nothing_at_all": not overview.total.runs and not change,
        }

    def _rankings(self, wanted: RunFilter, rank: str) -> tuple[Ranking, ...]:
        found: list[Ranking] = []
        for by, title, path in _RANKED:
            # Tools have no cost of their own: there what is called most takes its place.
            order = "runs" if by == "tool" and rank == "cost" else rank
            rows = self._store.groups(by, wanted, order=order, limit=_MOST).items
            sizes = [(row, *_measured(row, order)) for row in rows]
            most = max((size for _, size, _, _ in sizes), default=0.0)
            standings = tuple(
                Standing(row, figure, detail, round(100 * size / most, 2), leads_to(by, row.key, wanted))
                for row, size, figure, detail in sizes
                if size > 0
            )
            found.append(
                Ranking(title, _MEASURES[order], page_path(path, wanted, (("rank", order),)), standings)
            )
        return tuple(found)


def _measured(row: GroupRow, order: str) -> tuple[float, str, str]:
    """Return how large a line is in an order, that as text, and what stands beside it."""
    of_calls = row.calls > 0
    times, failed = (row.calls, row.failed_calls) if of_calls else (row.runs, row.failed)
    counted = f"{count_text(times)} {'call' if of_calls else 'run'}{'' if times == 1 else 's'}"
    match order:
        case "cost":
            return row.cost or 0.0, cost_text(row.cost), counted
        case "failed":
            return failed, rate_text(failed, times), f"{count_text(failed)} of {counted}"
        case "slowest":
            return row.p95_ns, duration_text(row.p95_ns), counted
        case _:
            return times, count_text(times), f"{rate_text(failed, times)} failed"


def _stretch_path(wanted: RunFilter, bounds: tuple[int | None, int | None], bucket: Bucket) -> str:
    """Lead to the runs of a stretch; the first and the last one reach beyond the bounds of the page."""
    since, until = bounds
    start = bucket.start_ns if since is None else max(bucket.start_ns, since)
    end = bucket.end_ns if until is None else min(bucket.end_ns, until)
    return page_path("/runs", wanted.but(since=filter_time(start), until=filter_time(end), order="newest"))
