"""Which page answers which address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter

from contextcompany.local.dashboard.frame.rendering import Pages, redirect
from contextcompany.local.dashboard.lists.feedback import FeedbackPage
from contextcompany.local.dashboard.lists.groups import GROUPINGS, GroupsPage
from contextcompany.local.dashboard.lists.live import Live
from contextcompany.local.dashboard.lists.overview import OverviewPage
from contextcompany.local.dashboard.lists.runs import RunsPage
from contextcompany.local.dashboard.lists.suggestions import Suggestions
from contextcompany.local.dashboard.run.routes import run_router

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fastapi import Request, Response

    from contextcompany.local.store.interface import RunStore


def dashboard_router(store: RunStore) -> APIRouter:
    """Return the pages of the dashboard over a store; static files are served by whoever includes it."""
    pages = Pages()
    router = APIRouter()

    def page(path: str, answer: Callable[[Request], Response | Awaitable[Response]]) -> None:
        router.add_route(path, answer, methods=["GET"], include_in_schema=False)

    runs = RunsPage(store, pages)
    page("/", OverviewPage(store, pages).show)
    page("/runs", runs.show)
    page("/fragments/runs", runs.rows)
    page("/fragments/values", Suggestions(store, pages).show)
    page("/live", Live(store).events)
    # Browsers ask for it beside answers that cannot name an icon, such as JSON.
    page("/favicon.ico", lambda _request: redirect("/static/icon.svg"))
    for grouping in GROUPINGS:
        page(grouping.path, GroupsPage(store, pages, grouping).show)
    page("/agents/{name:segment}", runs.agent)
    page("/feedback", FeedbackPage(store, pages).show)
    router.include_router(run_router(store, pages))
    return router
