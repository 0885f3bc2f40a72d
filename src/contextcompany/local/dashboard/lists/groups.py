"""Lists of what runs share: sessions, agents, users, organisations, tools, models and kinds of error."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from contextcompany.local.dashboard.frame.addresses import agent_path, page_path, session_path
from contextcompany.local.dashboard.frame.rendering import redirect
from contextcompany.local.dashboard.lists.filter_form import filter_form, range_links, read_question
from contextcompany.local.store.rows import BadCursorError, Page

if TYPE_CHECKING:
    from fastapi import Request, Response

    from contextcompany.local.dashboard.frame.rendering import Pages
    from contextcompany.local.store.filters import RunFilter
    from contextcompany.local.store.interface import RunStore
    from contextcompany.local.store.rows import GroupBy, GroupRow

_MOST: Final = 50
_EMPTY: Final[Page[GroupRow]] = Page(())

RANKS: Final = {
    "runs": "Most runs",
    "recent": "Most recent",
    "cost": "Costliest",
    "failed": "Most failed",
    "slowest": "Slowest",
}


@dataclass(frozen=True, slots=True)
class Grouping:
    """One of the lists.

    Args:
        path: The path of its page.
        by: What the runs share.
        title: The heading.
        one: What a line of it is.
        rank: The order unless another is asked for.
        counts_calls: Whether its figures are those of calls, not of runs.
        without: Orders that mean nothing in it.
        about: What stands under the heading.
        empty: What is said where there is none.
    """

    path: str
    by: GroupBy
    title: str
    one: str
    rank: str = "runs"
    counts_calls: bool = False
    without: frozenset[str] = frozenset()
    about: str = ""
    empty: str = ""


GROUPINGS: Final = (
    Grouping(
        "/sessions",
        "session",
        "Sessions",
        "session",
        "recent",
        about="Runs that belong to one conversation.",
        empty="Give runs of one conversation the same session_id, and they show here as a thread.",
    ),
    Grouping(
        "/agents",
        "agent",
        "Agents",
        "agent",
        about="Every agent that ran, sub-agents included.",
        empty="Name an agent with the metadata key tcc.agent, and its runs show here together.",
    ),
    Grouping(
        "/users",
        "user",
        "Users",
        "user",
        about="For whom the agents ran.",
        empty="Say whom a run is for with the metadata key tcc.userId, and it shows here.",
    ),
    Grouping(
        "/organisations",
        "org",
        "Organisations",
        "organisation",
        about="For which organisations the agents ran.",
        empty="Say for which organisation a run is with the metadata key tcc.orgId, and it shows here.",
    ),
    Grouping(
        "/tools",
        "tool",
        "Tools",
        "tool",
        counts_calls=True,
        without=frozenset({"cost"}),
        about="What the agents called; durations are those of the calls.",
        empty="Tool calls that are recorded inside runs show here.",
    ),
    Grouping(
        "/models",
        "model",
        "Models",
        "model",
        counts_calls=True,
        about="What the agents asked; durations, tokens and cost are those of the requests.",
        empty="Steps that name a model show here.",
    ),
    Grouping(
        "/failures",
        "error",
        "Failures",
        "kind of error",
        "recent",
        without=frozenset({"failed"}),
        about="What went wrong in runs, by its kind; a run may well get over it.",
        empty="No run has failed.",
    ),
)


class GroupsPage:
    """Show one of the lists."""

    def __init__(self, store: RunStore, pages: Pages, grouping: Grouping) -> None:
        self._store = store
        self._pages = pages
        self._grouping = grouping

    def show(self, request: Request) -> Response:
        """Answer with the page."""
        grouping = self._grouping
        asked = read_question(request, grouping.path, ("rank", "cursor"))
        if asked.redirect is not None:
            return redirect(asked.redirect)
        rank = asked.more.get("rank", grouping.rank)
        problem = "" if rank in RANKS else f"rank must be one of {', '.join(RANKS)}."
        page = _EMPTY
        # Before the rows: what changes meanwhile is then fetched again, not missed.
        change = self._store.last_change()
        if not problem and asked.error is None:
            try:
                page = self._store.groups(
                    grouping.by, asked.wanted, order=rank, limit=_MOST, cursor=asked.more.get("cursor")
                )
            except BadCursorError:
                problem = "This address continues a list that is no longer the same."
        following = [("rank", asked.more.get("rank", "")), ("cursor", page.cursor or "")]
        return self._pages.answer(
            "groups.html",
            section=grouping.path,
            status=400 if problem else asked.status,
            grouping=grouping,
            form=filter_form(asked, leave_out=("order", "status") if grouping.by == "error" else ("order",)),
            asked=asked,
            ranges=range_links(asked),
            rank=rank,
            ranks={
                name: (label, page_path(grouping.path, asked.wanted, (("rank", name),)))
                for name, label in RANKS.items()
                if name not in grouping.without
            },
            rows=[(row, leads_to(grouping.by, row.key, asked.wanted)) for row in page.items],
            next_page=page_path(grouping.path, asked.wanted, following) if page.cursor else "",
            failed_path=page_path("/runs", asked.wanted.but(status="failed"))
            if grouping.by == "error"
            else "",
            problem=problem,
            change=change,
            now=time.time_ns(),
        )


def leads_to(by: GroupBy, key: str, wanted: RunFilter) -> str:
    """Return the address of the runs that share something, within the runs that are wanted."""
    if by == "session":
        return session_path(key)
    if by == "agent" and not wanted.pairs():
        return agent_path(key)
    return page_path("/runs", wanted.but(**{by: key}))
