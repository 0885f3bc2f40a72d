"""Who may ask: this machine without a key, others with a token, and no web page but our own."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from starlette.responses import RedirectResponse

from contextcompany.local.otlp.hosts import is_loopback
from contextcompany.local.server.answers import INTAKE_PATH, STATIC_PATH, is_api, refusal
from contextcompany.local.server.sessions import Sessions

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

    from contextcompany.local.server.tokens import Role, Token, Tokens

LOGIN_PATH: Final = "/login"
LOGOUT_PATH: Final = "/logout"
HEALTH_PATH: Final = "/healthz"
IMPORT_PATH: Final = "/api/import"

_BEARER: Final = re.compile(r"bearer +([\x21-\x7e]{1,512})", re.ASCII | re.IGNORECASE)
_PORT: Final = 80


@dataclass(frozen=True, slots=True)
class Access:
    """The rule of a server.

    Without tokens only this machine may ask, under a loopback name and the server's own port. With them
    anyone may who has one: services write spans with theirs, people read with theirs.
    """

    tokens: Tokens | None = None
    sessions: Sessions | None = field(init=False)

    def __post_init__(self) -> None:
        """Keep the sessions of those who sign in."""
        object.__setattr__(self, "sessions", None if self.tokens is None else Sessions(self.tokens))


class AccessRule:
    """Let in what may ask and refuse the rest, before anything else looks at a request.

    Args:
        app: What is asked.
        access: The rule.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Go on, or answer with a refusal."""
        if scope["type"] == "http":
            refused = self._refused(scope)
            if refused is not None:
                await refused(scope, receive, send)
                return
        elif scope["type"] != "lifespan":
            return
        await self._app(scope, receive, send)

    def _refused(self, scope: Scope) -> Response | None:
        path: str = scope["path"]
        headers = _Headers(scope)
        tokens = self._access.tokens
        host = headers.only("host")
        if host is None:
            return refusal(path, HTTPStatus.BAD_REQUEST, "one Host header is needed")
        if tokens is None and not _is_ours(host, scope):
            port = scope["server"][1]
            return refusal(
                path,
                HTTPStatus.FORBIDDEN,
                f"this server answers to localhost:{port} only, not to the Host {host[:100]!r}: "
                f"ask it at http://localhost:{port}, and forward ports to the same number",
            )
        if not _is_own_page(scope, headers, host, any_scheme=tokens is not None):
            return refusal(
                path, HTTPStatus.FORBIDDEN, "a page from elsewhere may not ask this server for anything"
            )
        if tokens is None or path in {HEALTH_PATH, LOGIN_PATH, LOGOUT_PATH} or path.startswith(STATIC_PATH):
            return None
        return self._refused_without_token(scope, path, headers, tokens)

    def _refused_without_token(
        self, scope: Scope, path: str, headers: _Headers, tokens: Tokens
    ) -> Response | None:
        wanted: Role = "write" if path.startswith(INTAKE_PATH) or path == IMPORT_PATH else "read"
        token = _token(headers, tokens)
        if token is not None:
            if token.role == wanted:
                return None
            return refusal(
                path,
                HTTPStatus.FORBIDDEN,
                f"the token {token.name!r} is a {token.role} token: use a {wanted} one",
            )
        sessions = self._access.sessions
        if wanted == "read" and sessions is not None and sessions.is_open(headers.all("cookie")):
            return None
        if wanted == "write" or is_api(path) or scope["method"] not in {"GET", "HEAD"}:
            return refusal(
                path,
                HTTPStatus.UNAUTHORIZED,
                f"a {wanted} token is needed: send Authorization: Bearer <token>",
                {"WWW-Authenticate": "Bearer"},
            )
        return RedirectResponse(f"{LOGIN_PATH}?next={quote(_target(scope), safe='')}", HTTPStatus.SEE_OTHER)


class _Headers:
    def __init__(self, scope: Scope) -> None:
        self._pairs: list[tuple[bytes, bytes]] = scope["headers"]

    def values(self, name: str) -> list[str]:
        wanted = name.encode()
        return [value.decode("latin-1").strip() for key, value in self._pairs if key == wanted]

    def only(self, name: str) -> str | None:
        found = self.values(name)
        return found[0] if len(found) == 1 and found[0] else None

    def all(self, name: str) -> str:
        return "; ".join(self.values(name))


def own_target(target: str) -> str:
    """Return a path and query of this server to go on with; `/` for anything that may lead elsewhere."""
    return target if _OWN_TARGET.fullmatch(target) else "/"


# Browsers take a backslash for a slash and drop control characters, and two slashes begin the name of a host.
_OWN_TARGET: Final = re.compile(r"/(?:[\x21-\x2e\x30-\x5b\x5d-\x7e][\x21-\x5b\x5d-\x7e]*)?", re.ASCII)


def _is_ours(host: str, scope: Scope) -> bool:
    name, port = _split(host)
    server: tuple[str, int | None] | None = scope.get("server")
    return is_loopback(name) and server is not None and port == server[1]


def _split(host: str) -> tuple[str, int | None]:
    """Take a Host header apart; a port that is none is None."""
    if host.startswith("["):
        name, _, rest = host[1:].partition("]")
        if rest and not rest.startswith(":"):
            return "", None
        port = rest[1:]
    else:
        name, _, port = host.partition(":")
    if not port:
        return name, _PORT
    return name, int(port) if port.isascii() and port.isdigit() and len(port) <= 5 else None  # noqa: PLR2004


def _is_own_page(scope: Scope, headers: _Headers, host: str, *, any_scheme: bool) -> bool:
    """Tell whether a request comes from a page of ours, from the address bar, or from no browser at all."""
    origins = headers.values("origin")
    # A proxy in front of a server with tokens may speak https where we hear http.
    schemes = ("http", "https") if any_scheme else ("http",)
    allowed = [f"{scheme}://{host.lower()}" for scheme in schemes]
    if any(origin.lower() not in allowed for origin in origins):
        return False
    sites = headers.values("sec-fetch-site")
    if all(site in {"same-origin", "none"} for site in sites):
        return True
    # A link on another page may open a page of ours, which that page then cannot look into.
    return (
        scope["method"] == "GET"
        and headers.values("sec-fetch-mode") == ["navigate"]
        and headers.values("sec-fetch-dest") == ["document"]
        and not is_api(scope["path"])
    )


def _token(headers: _Headers, tokens: Tokens) -> Token | None:
    sent = headers.only("authorization")
    found = _BEARER.fullmatch(sent) if sent is not None else None
    return tokens.check(found[1]) if found is not None else None


def _target(scope: Scope) -> str:
    path: bytes = scope.get("raw_path") or b"/"
    query: bytes = scope["query_string"]
    return (path + (b"?" + query if query else b"")).decode("latin-1")
