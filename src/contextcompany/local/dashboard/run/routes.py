"""The addresses of runs and sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter

from contextcompany.local.dashboard.run.page import RunPage
from contextcompany.local.dashboard.run.session import SessionPage

if TYPE_CHECKING:
    from contextcompany.local.dashboard.frame.rendering import Pages
    from contextcompany.local.store.interface import RunStore


def run_router(store: RunStore, pages: Pages) -> APIRouter:
    """Return the pages of runs and sessions; their ids are segments as `paths.SegmentPaths` leaves them."""
    router = APIRouter()
    run = RunPage(store, pages)
    page = "/runs/{address:segment}"
    router.add_route(page, run.show, methods=["GET"], include_in_schema=False)
    for name, answer in (
        ("lines", run.lines),
        ("turns", run.turns),
        ("span", run.span),
        ("span.json", run.span_json),
        ("text", run.text),
        ("change", run.change),
    ):
        router.add_route(f"{page}/{name}", answer, methods=["GET"], include_in_schema=False)
    router.add_route(f"{page}/feedback", run.feedback, methods=["POST"], include_in_schema=False)
    session = SessionPage(store, pages)
    router.add_route("/sessions/{session_id:segment}", session.show, methods=["GET"], include_in_schema=False)
    return router
