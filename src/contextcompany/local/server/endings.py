"""The end of live pages: a stream of events has none of its own, and the server must not wait for one."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_EVENTS: Final = b"text/event-stream"


class EventStreamsEnd:
    """Tell streams of events that their reader has left as soon as the server closes.

    Args:
        app: What answers.
        closing: Set when the server begins to close.
    """

    def __init__(self, app: ASGIApp, closing: asyncio.Event) -> None:
        self._app = app
        self._closing = closing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Go on; for a stream of events with a reader who leaves when the server does."""
        if scope["type"] != "http" or not any(
            name == b"accept" and _EVENTS in value for name, value in scope["headers"]
        ):
            await self._app(scope, receive, send)
            return

        async def receive_or_close() -> Message:
            waiting = (asyncio.ensure_future(receive()), asyncio.ensure_future(self._closing.wait()))
            try:
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                if waiting[0].done():
                    return waiting[0].result()
                return {"type": "http.disconnect"}
            finally:
                for task in waiting:
                    task.cancel()
                    with suppress(asyncio.CancelledError):
                        await task

        await self._app(scope, receive_or_close, send)
