"""Bounds for the bodies of requests: how large one may be, and how long its sender may take."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from fastapi import HTTPException

from contextcompany.local.server.answers import INTAKE_PATH

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES: Final = 1024 * 1024
"""The largest body but for spans, which come under bounds of their own."""

_SECONDS: Final = 30.0
_OWN_BOUNDS: Final = (INTAKE_PATH, "/api/import")
_CLOSE: Final = {"Connection": "close"}


class BodyBounds:
    """Give up a request whose body is too large or takes too long.

    Args:
        app: What is asked; it answers the HTTPException that it gets in place of the body.
        seconds: How long a sender may take for the whole body.
    """

    def __init__(self, app: ASGIApp, *, seconds: float = _SECONDS) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Go on with a body that is counted."""
        if scope["type"] != "http" or scope["path"].startswith(_OWN_BOUNDS):
            await self._app(scope, receive, send)
            return
        total = 0
        is_whole = False
        until = asyncio.get_running_loop().time() + self._seconds

        async def receive_bounded() -> Message:
            nonlocal total, is_whole
            if is_whole:
                # What comes now is the end of the connection, for which a stream of events waits long.
                return await receive()
            try:
                async with asyncio.timeout_at(until):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(
                    HTTPStatus.REQUEST_TIMEOUT, f"the body took longer than {self._seconds:g} seconds", _CLOSE
                ) from None
            total += len(message.get("body", b""))
            is_whole = not message.get("more_body", False)
            if total > MOST_BYTES:
                raise HTTPException(
                    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                    f"the body is larger than {MOST_BYTES // 1024} KiB",
                    _CLOSE,
                )
            return message

        await self._app(scope, receive_bounded, send)
