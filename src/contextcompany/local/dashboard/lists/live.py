"""Tell open pages that something changed, so that they fetch what is new."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import anyio
import anyio.to_thread
from fastapi.responses import PlainTextResponse, StreamingResponse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from fastapi import Request, Response
    from starlette.types import Receive, Scope, Send

    from contextcompany.local.store.interface import RunStore

_MOST_DIGITS: Final = 18
_MOST_PAGES: Final = 64
# How long a thread may wait: what holds up the end of the server, and of a page that was closed.
_WAIT_SECONDS: Final = 0.5
_REST_SECONDS: Final = 0.25
_SILENCE_SECONDS: Final = 15.0
# A browser that lost the stream comes back after this time.
_RETRY: Final = "retry: 2000\n\n"
_STILL_HERE: Final = ": here\n\n"


class Live:
    """A stream of change numbers for each open page.

    Pages wait in threads of their own number, so that no number of open pages keeps an answer waiting.
    """

    def __init__(self, store: RunStore) -> None:
        self._store = store
        self._open = 0

    async def events(self, request: Request) -> Response:
        """Answer with a stream of events: one for each change, at most four a second."""
        if self._open >= _MOST_PAGES:
            return PlainTextResponse(
                f"{_MOST_PAGES} pages are live already: close one", 503, {"Retry-After": "5"}
            )
        # Counted from here on, not from the first event: very many may ask at once.
        self._open += 1
        # The id of the last event that a browser had before the stream broke.
        last = request.headers.get("last-event-id", "")
        since = int(last) if is_change(last) else None
        return _Counted(
            self._stream(since),
            self._leave,
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    async def _stream(self, since: int | None) -> AsyncIterator[str]:
        limiter = anyio.CapacityLimiter(1)
        seen = await anyio.to_thread.run_sync(self._store.last_change, limiter=limiter)
        yield f"{_RETRY}id: {seen}\nevent: here\ndata: {seen}\n\n"
        if since is not None and since != seen:
            yield _event(seen)
        quiet = 0.0
        while True:
            newest = await anyio.to_thread.run_sync(
                self._store.wait_for_change, seen, _WAIT_SECONDS, limiter=limiter
            )
            if newest != seen:
                seen, quiet = newest, 0.0
                yield _event(seen)
                await asyncio.sleep(_REST_SECONDS)
                continue
            quiet += _WAIT_SECONDS
            if quiet >= _SILENCE_SECONDS:
                quiet = 0.0
                yield _STILL_HERE

    def _leave(self) -> None:
        self._open -= 1


class _Counted(StreamingResponse):
    """A stream that says when it is over, also when it never began."""

    def __init__(
        self,
        content: AsyncIterator[str],
        when_over: Callable[[], None],
        *,
        media_type: str,
        headers: dict[str, str],
    ) -> None:
        super().__init__(content, media_type=media_type, headers=headers)
        self._when_over = when_over

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._when_over()


def is_change(text: str) -> bool:
    """Tell whether text can be a change number."""
    return text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS


def _event(change: int) -> str:
    return f"id: {change}\nevent: change\ndata: {change}\n\n"
