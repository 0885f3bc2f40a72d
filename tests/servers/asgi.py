"""An ASGI application that records a run per request."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import contextcompany as tcc
from tests.servers.ledger import note

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Message = MutableMapping[str, Any]

if "ON_SIGTERM" in os.environ:
    tcc.configure(on_sigterm=True)


async def application(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """Record a run with the id that the path names, and answer with the process id."""
    if scope["type"] != "http":
        raise NotImplementedError("this application has no lifespan")
    run_id = str(scope["path"]).removeprefix("/")
    async with tcc.run(run_id) as r:
        r.prompt("hi")
        if run_id == "slow":
            note("under-way")
            await asyncio.sleep(0.5)  # meanwhile the server is told to stop
        async with r.step() as s:
            s.prompt("q").response("a")
    note(run_id)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": str(os.getpid()).encode()})


if __name__ == "__main__":
    import sys

    import uvicorn

    tcc.configure(on_sigterm=True)
    uvicorn.run(application, fd=int(sys.argv[1]), log_level="warning")
