"""Headers on every answer: what a browser may do with it, and who may keep it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.datastructures import MutableHeaders

from contextcompany.local.server.answers import STATIC_PATH

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_ALWAYS: Final = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_CONTENT: Final = "no-store"
_STATIC: Final = "no-cache"
_FOREVER: Final = "public, max-age=31536000, immutable"


class SafeHeaders:
    """Add the headers that keep runs private.

    Content is never stored. Files under `/static/` are asked for again each time, and kept for good where
    their address carries a version (`?v=…`), which changes with them.

    Args:
        app: What answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the headers added."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _ALWAYS.items():
                    headers[name] = value
                headers["Cache-Control"] = _keeping(scope, message["status"])
            await send(message)

        await self._app(scope, receive, send_safely)


def _keeping(scope: Scope, status: int) -> str:
    if status >= 400 or not scope["path"].startswith(STATIC_PATH):  # noqa: PLR2004 - the first error status
        return _CONTENT
    return _FOREVER if scope["query_string"].startswith(b"v=") else _STATIC
