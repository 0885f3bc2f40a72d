"""The collector, the API and the dashboard in one application, behind the rule of who may ask."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, cast

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.staticfiles import StaticFiles

from contextcompany.local.api.description import describe
from contextcompany.local.api.errors import answer_errors
from contextcompany.local.api.routes import api_router
from contextcompany.local.dashboard.frame.rendering import STATIC, Pages
from contextcompany.local.dashboard.routes import dashboard_router
from contextcompany.local.intake.routes import intake_router
from contextcompany.local.paths import SegmentPaths
from contextcompany.local.server.access import AccessRule
from contextcompany.local.server.answers import is_page, refusal
from contextcompany.local.server.api_page import api_page_router
from contextcompany.local.server.bounds import BodyBounds
from contextcompany.local.server.faults import Faults
from contextcompany.local.server.headers import SafeHeaders
from contextcompany.local.server.login import login_router

if TYPE_CHECKING:
    from starlette.responses import Response

    from contextcompany.local.server.access import Access
    from contextcompany.local.store.interface import RunStore


_COMPRESSION: Final = 5
# FastAPI can report requests to the telemetry of the process, messages of errors included.
_NO_TELEMETRY: Final[Any] = dict.fromkeys(
    ("tracing", "metrics", "logs", "operation_spans", "auto_configure"), False
)


def build_app(store: RunStore, access: Access) -> FastAPI:
    """Put the server together.

    Args:
        store: Where runs are kept.
        access: Who may ask.
    """
    app = FastAPI(
        title="contextcompany local",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        telemetry=_NO_TELEMETRY,
        middleware=[
            Middleware(SegmentPaths),
            Middleware(SafeHeaders),
            Middleware(Faults),
            Middleware(AccessRule, access=access),
            Middleware(BodyBounds),
            Middleware(GZipMiddleware, compresslevel=_COMPRESSION),
        ],
    )
    describe(app)
    pages = Pages()
    app.include_router(intake_router(store))
    app.include_router(api_router(store))
    app.include_router(dashboard_router(store))
    if access.sessions is not None:
        app.include_router(login_router(access.sessions, pages))
    app.include_router(api_page_router(app.openapi, pages))
    app.mount("/static", StaticFiles(directory=STATIC, check_dir=False))
    answer_errors(app)
    app.add_exception_handler(HTTPException, _HttpErrors(pages).answer)
    return app


class _HttpErrors:
    """Answer what no route has answered, and what routes refuse in the words of HTTP."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def answer(self, request: Request, error: Exception) -> Response:
        found = cast("HTTPException", error)
        status = HTTPStatus(found.status_code)
        path: str = request.scope["path"]
        reason = str(found.detail or status.phrase)
        if status is HTTPStatus.NOT_FOUND:
            reason = "There is nothing at this address."
        if is_page(path) and "text/html" in request.headers.get("accept", ""):
            headers = dict(found.headers or {})
            return self._pages.answer(
                "notice.html", status=status, headers=headers, title=status.phrase, message=reason
            )
        return refusal(path, status, reason, found.headers)
