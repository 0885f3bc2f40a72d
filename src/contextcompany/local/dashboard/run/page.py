"""The page of a run, the pieces of it that come later, and the feedback given on it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.concurrency import run_in_threadpool

from contextcompany.local.dashboard.frame.addresses import run_path
from contextcompany.local.dashboard.frame.rendering import redirect
from contextcompany.local.dashboard.run.feedback_form import (
    MOST_BYTES,
    FeedbackForm,
    FeedbackFormError,
    read_feedback,
)
from contextcompany.local.dashboard.run.links import below, query_path
from contextcompany.local.dashboard.run.span_view import span_text
from contextcompany.local.dashboard.run.view import RunView, Shapes
from contextcompany.local.dashboard.run.waterfall import SCALE
from contextcompany.local.otlp.json_writing import request_document
from contextcompany.local.reading.feedback import MOST_CHARACTERS, feedback_span

if TYPE_CHECKING:
    from fastapi import Request

    from contextcompany.local.dashboard.frame.rendering import Pages
    from contextcompany.local.otlp.spans import SpanRecord
    from contextcompany.local.store.interface import RunStore

_SECTION: Final = "/runs"


class RunPage:
    """Answer all addresses below that of a run.

    Args:
        store: Where runs are kept.
        pages: Renders the templates.
    """

    def __init__(self, store: RunStore, pages: Pages) -> None:
        self._store = store
        self._pages = pages
        self._shapes = Shapes(store)

    def show(self, request: Request) -> Response:
        """Answer with the page."""
        address = _address(request)
        return self._page(address, request, FeedbackForm())

    def lines(self, request: Request) -> Response:
        """Answer with a part of the waterfall."""
        view = self._view(_address(request))
        if view is None:
            return _gone()
        part = view.lines_part(_number(request, "line"), None)
        return self._fragment("_lines.html", view, lines=view.lines(part), lines_part=part, chosen=None)

    def turns(self, request: Request) -> Response:
        """Answer with a part of the conversation."""
        view = self._view(_address(request))
        if view is None:
            return _gone()
        part = view.turns_part(_number(request, "turn"))
        return self._fragment("_turns.html", view, turns=view.turns(part), turns_part=part)

    def span(self, request: Request) -> Response:
        """Answer with one span in full."""
        view = self._view(_address(request))
        place = view.chosen(request.query_params.get("span", "")) if view is not None else None
        if view is None or place is None:
            return _gone()
        return self._fragment("_span.html", view, place=place, detail=view.span(place))

    def span_json(self, request: Request) -> Response:
        """Answer with one span as an ExportTraceServiceRequest in OTLP JSON."""
        span = self._span(request)
        return JSONResponse(request_document([span])) if span is not None else _gone()

    def text(self, request: Request) -> Response:
        """Answer with one text in full, as plain text."""
        span = self._span(request)
        text = span_text(span, request.query_params.get("part", "")) if span is not None else None
        if text is None:
            return _gone()
        return PlainTextResponse(text.encode("utf-8", "backslashreplace"))

    def change(self, request: Request) -> Response:
        """Answer with the number of the newest change of the run."""
        row = self._store.row(_address(request))
        return PlainTextResponse(str(row.change)) if row is not None else _gone()

    async def feedback(self, request: Request) -> Response:
        """Keep feedback from the form of the page and go back to it; or the page with what is wrong."""
        address = _address(request)
        body = await _body(request)
        return await run_in_threadpool(self._give, address, body, request)

    def _give(self, address: str, body: bytes | None, request: Request) -> Response:
        form = read_feedback(body)
        row = self._store.row(address)
        if row is None:
            return self._unknown(address)
        try:
            given = form.checked()
        except FeedbackFormError as error:
            return self._page(address, request, form.refused(str(error)), status=400)
        span = feedback_span(
            row.run_id or row.address, score=given.score, text=given.text, trace_id=row.trace_id
        )
        self._store.add([span])
        return redirect(f"{run_path(address)}#feedback")

    def _page(self, address: str, request: Request, form: FeedbackForm, *, status: int = 200) -> Response:
        view = self._view(address)
        if view is None:
            return self._unknown(address)
        wanted = request.query_params.get("span", "")
        place = view.chosen(wanted)
        lines_part = view.lines_part(_number(request, "line"), place if wanted else None)
        turns_part = view.turns_part(_number(request, "turn"))
        return self._pages.answer(
            "run.html",
            section=_SECTION,
            status=status,
            **self._values(view),
            ticks=view.ticks,
            lines=view.lines(lines_part),
            lines_part=lines_part,
            chosen=place.key if place is not None else None,
            place=place,
            detail=view.span(place) if place is not None else None,
            is_lost=bool(wanted) and place is None,
            wanted=wanted,
            turns=view.turns(turns_part),
            turns_part=turns_part,
            feedback=view.feedback,
            form=form,
            most_feedback=MOST_CHARACTERS,
        )

    def _span(self, request: Request) -> SpanRecord | None:
        view = self._view(_address(request))
        place = view.chosen(request.query_params.get("span", "")) if view is not None else None
        return view.body(place) if view is not None and place is not None else None

    def _view(self, address: str) -> RunView | None:
        shape = self._shapes.of(address)
        return RunView(self._store, shape) if shape is not None else None

    def _fragment(self, template: str, view: RunView, **values: Any) -> Response:
        text = self._pages.text(template, **self._values(view), **values)
        return HTMLResponse(text.encode("utf-8", "replace"))

    def _values(self, view: RunView) -> dict[str, Any]:
        return {
            "row": view.row,
            "at": below(view.row.address),
            "query": query_path,
            "scale": SCALE,
            "began_ns": view.waterfall.start_ns,
        }

    def _unknown(self, address: str) -> Response:
        return self._pages.answer(
            "unknown.html", section=_SECTION, status=404, what="run", key=address, query=query_path
        )


def _address(request: Request) -> str:
    address: str = request.path_params["address"]
    return address


def _number(request: Request, name: str) -> int | None:
    text = request.query_params.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 10 else None  # noqa: PLR2004  # No run has more.


def _gone() -> Response:
    return PlainTextResponse("Nothing of this is here.", 404)


async def _body(request: Request) -> bytes | None:
    """Read the body of a form; None for one that is too long."""
    body = b""
    with contextlib.suppress(ValueError):
        if int(request.headers.get("content-length", "0")) > MOST_BYTES:
            return None
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            return None
    return body
