"""The page on which people sign in with their token, on a server that others can reach."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from fastapi import APIRouter
from starlette.responses import RedirectResponse

from contextcompany.local.server.access import LOGIN_PATH, LOGOUT_PATH, own_target
from contextcompany.local.server.sessions import cookie

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from contextcompany.local.dashboard.frame.rendering import Pages
    from contextcompany.local.server.sessions import Sessions


def login_router(sessions: Sessions, pages: Pages) -> APIRouter:
    """Build the pages to sign in and out.

    Args:
        sessions: Who is signed in.
        pages: Renders them.
    """
    router = APIRouter()

    def page(
        request: Request, target: str, problem: str = "", status: HTTPStatus = HTTPStatus.OK
    ) -> Response:
        is_in = sessions.is_open(request.headers.get("cookie", ""))
        return pages.answer(
            "login.html", status=status, target=own_target(target), problem=problem, is_in=is_in
        )

    def login_page(request: Request) -> Response:
        return page(request, request.query_params.get("next", "/"))

    async def login(request: Request) -> Response:
        fields = _fields(await request.body())
        target = own_target(fields.get("next", "/"))
        value = sessions.begin(fields.get("token", "").strip())
        if value is None:
            return page(request, target, "This is no read token that counts here.", HTTPStatus.FORBIDDEN)
        secure = request.headers.get("origin", "").lower().startswith("https:")
        answer = RedirectResponse(target, HTTPStatus.SEE_OTHER)
        answer.headers["Set-Cookie"] = cookie(value, secure=secure)
        return answer

    def logout(request: Request) -> Response:
        sessions.end(request.headers.get("cookie", ""))
        answer = RedirectResponse(LOGIN_PATH, HTTPStatus.SEE_OTHER)
        answer.headers["Set-Cookie"] = cookie("", secure=False)
        return answer

    router.add_route(LOGIN_PATH, login_page, methods=["GET"], include_in_schema=False)
    router.add_route(LOGIN_PATH, login, methods=["POST"], include_in_schema=False)
    router.add_route(LOGOUT_PATH, logout, methods=["POST"], include_in_schema=False)
    return router


def _fields(body: bytes) -> dict[str, str]:
    try:
        found = parse_qs(body.decode("utf-8", "replace"), max_num_fields=10)
    except ValueError:
        return {}
    return {name: values[0] for name, values in found.items()}
