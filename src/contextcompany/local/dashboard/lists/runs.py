"""The list of runs, whole and in parts, and the page of an agent, which is the list of its runs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from contextcompany.local.dashboard.frame.addresses import agent_path, page_path
from contextcompany.local.dashboard.frame.rendering import redirect
from contextcompany.local.dashboard.lists.filter_form import filter_form, range_links, read_question
from contextcompany.local.dashboard.lists.live import is_change
from contextcompany.local.store.filters import ORDERS, RunFilter
from contextcompany.local.store.rows import BadCursorError, Page

if TYPE_CHECKING:
    from fastapi import Request, Response

    from contextcompany.local.dashboard.frame.rendering import Pages
    from contextcompany.local.dashboard.lists.filter_form import Asked
    from contextcompany.local.store.interface import RunStore
    from contextcompany.local.store.rows import RunRow

_FIRST: Final = 50
_NEXT: Final = 100
_MOST_CHANGED: Final = 200
_MOST_COUNTED: Final = 10_000
_FRAGMENT: Final = "/fragments/runs"
_EMPTY: Final[Page[RunRow]] = Page(())


class RunsPage:
    """Show the runs that are wanted, newest first unless asked otherwise."""

    def __init__(self, store: RunStore, pages: Pages) -> None:
        self._store = store
        self._pages = pages

    def show(self, request: Request) -> Response:
        """Answer with the page of all runs."""
        return self._answer(read_question(request, "/runs", ("cursor",)))

    def agent(self, request: Request) -> Response:
        """Answer with the page of one agent: its figures and its runs."""
        agent: str = request.path_params["name"]
        asked = read_question(request, agent_path(agent), ("cursor",), agent=agent)
        return self._answer(asked, agent)

    def rows(self, request: Request) -> Response:
        """Answer with a part of the list: what follows a cursor, or what changed after a change number."""
        asked = read_question(request, "/runs", ("cursor", "after", "others"))
        after = asked.more.get("after", "")
        if asked.error is not None:
            return self._pages.answer("_problem.html", status=400, problem=str(asked.error))
        if after:
            if not is_change(after):
                return self._pages.answer("_problem.html", status=400, problem="after must be a number")
            return self._changed(asked.wanted, int(after), others="others" in asked.more)
        page, problem = self._page(asked, _NEXT)
        if problem:
            return self._pages.answer("_problem.html", status=400, problem=problem)
        return self._pages.answer("_run_list.html", list=_listed(asked, page, 0), now=time.time_ns())

    def _answer(self, asked: Asked, agent: str = "") -> Response:
        if asked.redirect is not None:
            return redirect(asked.redirect)
        # Before the rows: what changes meanwhile is then fetched again, not missed.
        change = self._store.last_change()
        page, problem = self._page(asked, _FIRST)
        right = asked.error is None
        return self._pages.answer(
            "runs.html",
            section="/agents" if agent else "/runs",
            status=400 if problem else asked.status,
            agent=agent,
            form=filter_form(asked, leave_out=("agent",) if agent else ()),
            asked=asked,
            ranges=range_links(asked),
            list=_listed(asked, page, change),
            figures=self._store.overview(asked.wanted, buckets=1).total if agent and right else None,
            total=self._store.count_runs(asked.wanted, limit=_MOST_COUNTED) if right else 0,
            most_counted=_MOST_COUNTED,
            problem=problem,
            now=time.time_ns(),
            nothing_at_all=not change,
        )

    def _changed(self, wanted: RunFilter, after: int, *, others: bool) -> Response:
        """Answer with what changed; with `others`, also with changed runs that do not match any more."""
        # Before the rows, for the same reason.
        newest = self._store.last_change()
        rows = self._store.changed_runs(wanted, after, limit=_MOST_CHANGED)
        whole = len(rows) < _MOST_CHANGED
        matching = {row.address for row in rows}
        changed = self._store.changed_runs(RunFilter(), after, limit=_MOST_CHANGED) if others else ()
        return self._pages.answer(
            "_changed_runs.html",
            headers={"X-Change": str(newest), "X-Whole": "yes" if whole else "no"},
            rows=rows if whole else (),
            others=[row for row in changed if row.address not in matching],
            now=time.time_ns(),
        )

    def _page(self, asked: Asked, limit: int) -> tuple[Page[RunRow], str]:
        if asked.error is not None:
            return _EMPTY, ""
        try:
            found = self._store.runs(asked.wanted, limit=limit, cursor=asked.more.get("cursor"))
        except BadCursorError:
            return _EMPTY, "This address goes on in a list that is no longer the same."
        return found, ""


def _listed(asked: Asked, page: Page[RunRow], change: int) -> dict[str, object]:
    """Gather what the template of a list of runs needs: the rows, and where it goes on."""
    following = () if page.cursor is None else (("cursor", page.cursor),)
    return {
        "rows": page.items,
        "change": change,
        "live": asked.wanted.order == ORDERS[0] and "cursor" not in asked.more and asked.error is None,
        "fragment": page_path(_FRAGMENT, asked.wanted),
        "next_page": asked.going_on(page.cursor) if page.cursor else "",
        "next_part": page_path(_FRAGMENT, asked.wanted, following) if following else "",
    }
