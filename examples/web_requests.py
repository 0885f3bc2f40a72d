"""Requests of two tenants: the middleware says who each run is for, and the trace of the caller goes on.

A bare ASGI application, called by hand here and by any ASGI server elsewhere. It knows its user only after
the request came in; the middleware asks when the run starts.
"""

import asyncio
from typing import Any

import contextcompany as tcc


async def application(scope: Any, _receive: Any, send: Any) -> None:
    """Answer a request, in a run."""
    scope["user"] = f"user of {scope['path']}"  # what an authentication would find out
    async with tcc.run() as r:
        r.prompt("Where is my order?")
        r.step().prompt("Where is my order?").response("On its way.").end()
        r.response("On its way.")
    await send({"type": "http.response.body", "body": b"On its way."})


app = tcc.ASGIMiddleware(
    application, user=lambda scope: scope["user"], org=lambda scope: scope["path"].strip("/")
)
caller = (b"traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")


async def request(path: str, *headers: tuple[bytes, bytes]) -> None:
    """Do what a server does with a request."""
    answers: asyncio.Queue[Any] = asyncio.Queue()
    await app({"type": "http", "path": path, "headers": headers}, answers.get, answers.put)
    print(path, answers.get_nowait()["body"].decode())


asyncio.run(request("/acme", caller))
asyncio.run(request("/globex"))
print(tcc.flush())
