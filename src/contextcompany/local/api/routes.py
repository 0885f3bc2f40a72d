"""The questions of the API, as those of the pages: the same filters, lists with cursors, JSON."""

from __future__ import annotations

import re
from http import HTTPStatus
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Path, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from contextcompany.local.api import parameters
from contextcompany.local.api.errors import ApiError, ErrorAnswer, bad
from contextcompany.local.api.filling import (
    feedback_fields,
    group_fields,
    overview_fields,
    run_fields,
    stats_fields,
)
from contextcompany.local.api.giving import give_feedback, new_feedback
from contextcompany.local.api.importing import take_in
from contextcompany.local.api.lines import export_lines, line_of
from contextcompany.local.api.models import (
    Feedback,
    GivenFeedback,
    Group,
    Imported,
    List,
    Overall,
    Run,
    RunWithNested,
    Session,
    Stats,
    Values,
)
from contextcompany.local.otlp.json_writing import request_document

# Registers what `{name:segment}` in a path means.
from contextcompany.local.paths import segment  # noqa: F401  # pyright: ignore[reportUnusedImport]
from contextcompany.local.store.filters import METADATA_PREFIX

if TYPE_CHECKING:
    from contextcompany.local.store.interface import RunStore
    from contextcompany.local.store.rows import GroupBy

_GROUPS: Final[dict[str, tuple[GroupBy, str]]] = {
    "sessions": ("session", "Conversations"),
    "agents": ("agent", "Agents"),
    "users": ("user", "Users"),
    "organisations": ("org", "Organisations"),
    "tools": ("tool", "Tools"),
    "models": ("model", "Models"),
    "failures": ("error", "Kinds of errors"),
}
_VALUES: Final = ("agent", "user", "org", "session", "model", "tool", "error", "metadata")
_MOST_NAME: Final = 1_000


def _error(description: str) -> dict[str, Any]:
    return {"model": ErrorAnswer, "description": description}


_REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    400: _error("A parameter is not known or cannot be used."),
    503: _error("The store cannot answer or is full."),
}
_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "What was asked for."},
    **_REFUSALS,
}
_MISSING: Final[dict[int | str, dict[str, Any]]] = {404: _error("Nothing of it is here.")}
_LINES: Final = "application/jsonl"
_FEEDBACK_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/NewFeedback"}}},
    }
}
_IMPORT_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "Lines as an export writes them: OTLP JSON with resourceSpans, one request a line.",
        "content": {_LINES: {"schema": {"type": "string"}}},
    }
}


Address = Annotated[str, Path(description="Run id, or the id of a trace that has no run.")]
SessionId = Annotated[str, Path(description="Id of the session.")]
ValuesOf = Annotated[
    str,
    Path(
        description=f"{', '.join(_VALUES)} (its keys) or {METADATA_PREFIX}<key>.",
        json_schema_extra={"pattern": rf"^({'|'.join(_VALUES)}|{re.escape(METADATA_PREFIX)}.{{1,200}})$"},
    ),
]


def api_router(store: RunStore) -> APIRouter:
    """Build the routes of the API.

    Args:
        store: Where runs are kept.
    """
    router = APIRouter(prefix="/api", tags=["runs"])
    _add_runs(router, store)
    _add_groups(router, store)
    _add_exchange(router, store)
    return router


def _add_runs(router: APIRouter, store: RunStore) -> None:
    @router.get("/runs", openapi_extra=parameters.LIST, responses=_ANSWERS)
    def runs(request: Request) -> List[Run]:
        """List top-level runs."""
        asked = parameters.listing(request)
        page = store.runs(asked.wanted, limit=asked.limit, cursor=asked.cursor)
        return List[Run](items=[run_fields(row) for row in page.items], cursor=page.cursor)

    @router.get("/runs/{address:segment}", responses=_ANSWERS | _MISSING)
    def run(address: Address, request: Request) -> RunWithNested:
        """Return one run, nested or not."""
        parameters.nothing(request)
        outline = store.outline(address)
        if outline is None:
            raise _missing("run", address)
        row = outline.row
        nested = [run_fields(inner) for inner in store.nested_runs(row.address)]
        return RunWithNested(**dict(run_fields(row)), nested=nested)

    @router.get("/runs/{address:segment}/spans", response_model=dict[str, Any], responses=_ANSWERS | _MISSING)
    def spans(address: Address, request: Request) -> Response:
        """Return all spans of a run as an ExportTraceServiceRequest in OTLP JSON."""
        parameters.nothing(request)
        detail = store.run(address)
        if detail is None:
            raise _missing("run", address)
        body = line_of(request_document(detail.spans))
        return Response(body, media_type="application/json")

    @router.post(
        "/runs/{address:segment}/feedback",
        status_code=HTTPStatus.CREATED,
        openapi_extra=_FEEDBACK_BODY,
        responses={201: {"description": "It was kept."}}
        | _REFUSALS
        | _MISSING
        | {413: _error("The body is too large.")},
    )
    async def give(address: Address, request: Request) -> GivenFeedback:
        """Give feedback on a run."""
        parameters.nothing(request)
        given = new_feedback(request.headers.get("content-type", ""), await request.body())
        return await run_in_threadpool(give_feedback, store, address, given)

    @router.get("/sessions/{session_id:segment}", responses=_ANSWERS | _MISSING)
    def session(session_id: SessionId, request: Request) -> Session:
        """Return the runs of a session, earliest first; the newest 200 of them."""
        parameters.nothing(request)
        rows = store.session(session_id)
        if not rows:
            raise _missing("session", session_id)
        return Session(session_id=session_id, items=[run_fields(row) for row in rows])

    @router.get("/feedback", openapi_extra=parameters.LIST, responses=_ANSWERS)
    def feedback(request: Request) -> List[Feedback]:
        """List feedback, newest first."""
        asked = parameters.listing(request)
        page = store.feedback(asked.wanted, limit=asked.limit, cursor=asked.cursor)
        return List[Feedback](items=[feedback_fields(row) for row in page.items], cursor=page.cursor)


def _add_groups(router: APIRouter, store: RunStore) -> None:
    def add(name: str, by: GroupBy, what: str) -> None:
        def groups(request: Request) -> List[Group]:
            asked = parameters.listing(request, group=True)
            page = store.groups(by, asked.wanted, order=asked.order, limit=asked.limit, cursor=asked.cursor)
            return List[Group](items=[group_fields(row) for row in page.items], cursor=page.cursor)

        router.add_api_route(
            f"/{name}",
            groups,
            name=name,
            operation_id=name,
            description=f"{what}, each with the figures of its runs.",
            openapi_extra=parameters.GROUPS,
            responses=_ANSWERS,
        )

    for name, (by, what) in _GROUPS.items():
        add(name, by, what)

    @router.get("/overview", openapi_extra=parameters.OVERVIEW, responses=_ANSWERS)
    def overview(request: Request) -> Overall:
        """Sum up top-level runs over time."""
        wanted, buckets = parameters.filter_and_buckets(request)
        return overview_fields(store.overview(wanted, buckets=buckets))

    @router.get("/values/{of:segment}", openapi_extra=parameters.VALUES, responses=_ANSWERS)
    def values(of: ValuesOf, request: Request) -> Values:
        """Return what a filter can be set to, most used first; `metadata` for its keys."""
        prefix, limit = parameters.prefix_and_limit(request)
        if of not in _VALUES and not (
            of.startswith(METADATA_PREFIX) and len(METADATA_PREFIX) < len(of) <= _MOST_NAME
        ):
            raise bad(
                "of", f"of: must be one of {', '.join(_VALUES)} or {METADATA_PREFIX}<key>, got {of[:100]!r}"
            )
        return Values(items=list(store.values(of, prefix, limit=limit)))

    @router.get("/stats", responses=_ANSWERS)
    def stats(request: Request) -> Stats:
        """Count what is kept here."""
        parameters.nothing(request)
        return stats_fields(store.stats())


def _add_exchange(router: APIRouter, store: RunStore) -> None:
    @router.get(
        "/export",
        openapi_extra=parameters.FILTER,
        response_class=StreamingResponse,
        responses=_ANSWERS
        | {200: {"description": "One run a line.", "content": {_LINES: {"schema": {"type": "string"}}}}},
    )
    def export(request: Request) -> StreamingResponse:
        """Write runs as lines of JSON, each an ExportTraceServiceRequest with the run beside its spans."""
        lines = export_lines(store, parameters.filter_of(request))
        # Asked for here, so that a store that cannot answer is told with a status.
        first = next(lines, b"")
        return StreamingResponse(
            chain((first,), lines),
            media_type=_LINES,
            headers={"Content-Disposition": 'attachment; filename="runs.jsonl"'},
        )

    @router.post("/import", openapi_extra=_IMPORT_BODY, responses=_ANSWERS)
    async def import_lines(request: Request) -> Imported:
        """Take in what an export wrote, all or nothing; spans that are here already are left out."""
        parameters.nothing(request)
        return await take_in(store, request)


def _missing(what: str, name: str) -> ApiError:
    return ApiError(HTTPStatus.NOT_FOUND, f"there is no {what} {name[:100]!r} here")
