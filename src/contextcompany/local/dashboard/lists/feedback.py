"""What people said about runs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from contextcompany.local.dashboard.frame.addresses import page_path
from contextcompany.local.dashboard.frame.rendering import redirect
from contextcompany.local.dashboard.lists.filter_form import filter_form, range_links, read_question
from contextcompany.local.store.rows import BadCursorError, Page

if TYPE_CHECKING:
    from fastapi import Request, Response

    from contextcompany.local.dashboard.frame.rendering import Pages
    from contextcompany.local.store.interface import RunStore
    from contextcompany.local.store.rows import FeedbackRow

_MOST: Final = 50
_EMPTY: Final[Page[FeedbackRow]] = Page(())
_KINDS: Final = (("", "All"), ("down", "Thumbs down"), ("up", "Thumbs up"), ("text", "With text"))


class FeedbackPage:
    """Show feedback, newest first, each with the run it is about."""

    def __init__(self, store: RunStore, pages: Pages) -> None:
        self._store = store
        self._pages = pages

    def show(self, request: Request) -> Response:
        """Answer with the page."""
        asked = read_question(request, "/feedback", ("cursor",))
        if asked.redirect is not None:
            return redirect(asked.redirect)
        page, problem = _EMPTY, ""
        # Before the rows: what changes meanwhile is then fetched again, not missed.
        change = self._store.last_change()
        if asked.error is None:
            try:
                page = self._store.feedback(asked.wanted, limit=_MOST, cursor=asked.more.get("cursor"))
            except BadCursorError:
                problem = "This address continues a list that is no longer the same."
        following = (("cursor", page.cursor or ""),)
        return self._pages.answer(
            "feedback.html",
            section="/feedback",
            status=400 if problem else asked.status,
            form=filter_form(asked, leave_out=("order", "feedback")),
            asked=asked,
            ranges=range_links(asked),
            kinds=[(kind, label, asked.at(feedback=kind)) for kind, label in _KINDS],
            rows=page.items,
            next_page=page_path("/feedback", asked.wanted, following) if page.cursor else "",
            problem=problem,
            change=change,
            now=time.time_ns(),
        )
