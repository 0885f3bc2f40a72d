"""The page on which people sign in with their token, on a server that others can reach."""

from __future__ import annotations

from html import escape
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from contextcompany.local.server.access import LOGIN_PATH, LOGOUT_PATH, own_target
from contextcompany.local.server.sessions import cookie

if TYPE_CHECKING:
    from contextcompany.local.server.sessions import Sessions

_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in</title>
<link rel="stylesheet" href="/static/style.css">
</head>
<body class="login">
<main>
<h1>Sign in</h1>
{problem}<form method="post" action="/login">
<input type="hidden" name="next" value="{target}">
<p><label for="token">Read token</label><br>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus></p>
<p><button type="submit">Sign in</button></p>
</form>
<p>A token is made on the machine of the server: <code>tcc tokens add NAME --read</code></p>
</main>
</body>
</html>
"""
_PROBLEM: Final = '<p role="alert">{}</p>\n'


def login_router(sessions: Sessions) -> APIRouter:
    """Build the pages to sign in and out.

    Args:
        sessions: Who is signed in.
    """
    router = APIRouter(include_in_schema=False)

    @router.get(LOGIN_PATH)
    def login_page(request: Request) -> Response:
        return _page(request.query_params.get("next", "/"))

    @router.post(LOGIN_PATH)
    async def login(request: Request) -> Response:
        fields = _fields(await request.body())
        target = own_target(fields.get("next", "/"))
        value = sessions.begin(fields.get("token", "").strip())
        if value is None:
            return _page(target, "This is no read token that counts here.", HTTPStatus.FORBIDDEN)
        secure = request.headers.get("origin", "").lower().startswith("https:")
        answer = RedirectResponse(target, HTTPStatus.SEE_OTHER)
        answer.headers["Set-Cookie"] = cookie(value, secure=secure)
        return answer

    @router.post(LOGOUT_PATH)
    def logout(request: Request) -> Response:
        sessions.end(request.headers.get("cookie", ""))
        answer = RedirectResponse(LOGIN_PATH, HTTPStatus.SEE_OTHER)
        answer.headers["Set-Cookie"] = cookie("", secure=False)
        return answer

    return router


def _page(target: str, problem: str = "", status: HTTPStatus = HTTPStatus.OK) -> Response:
    said = _PROBLEM.format(escape(problem)) if problem else ""
    return HTMLResponse(_PAGE.format(problem=said, target=escape(own_target(target))), status)


def _fields(body: bytes) -> dict[str, str]:
    try:
        found = parse_qs(body.decode("utf-8", "replace"), max_num_fields=10)
    except ValueError:
        return {}
    return {name: values[0] for name, values in found.items()}
