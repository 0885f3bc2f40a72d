"""A FastAPI application that records a run per request, of whom the middleware says it is for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse, StreamingResponse

import contextcompany as tcc

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

inner = FastAPI()


@inner.get("/async/{number}")
async def in_the_loop(number: str, request: Request) -> PlainTextResponse:
    """Record in the event loop, with other requests in between."""
    request.state.user = request.headers.get("x-user")
    await asyncio.sleep(0)
    async with tcc.run(f"async/{number}") as r:
        r.prompt("p")
        await asyncio.sleep(0.001)
        r.step().prompt("q").response("a").end()
    return PlainTextResponse("done")


@inner.get("/sync/{number}")
def in_a_thread(number: str, request: Request) -> PlainTextResponse:
    """Record in a worker thread."""
    request.state.user = request.headers.get("x-user")
    with tcc.run(f"sync/{number}") as r:
        r.prompt("p").step().prompt("q").response("a").end()
    return PlainTextResponse("done")


@inner.get("/stream/{number}")
async def while_it_is_sent(number: str, request: Request) -> StreamingResponse:
    """Record while the body is sent."""
    request.state.user = request.headers.get("x-user")

    async def body() -> AsyncIterator[bytes]:
        async with tcc.run(f"stream/{number}") as r:
            r.prompt("p")
            yield b"do"
            await asyncio.sleep(0)
            r.step().prompt("q").response("a").end()
            yield b"ne"

    return StreamingResponse(body())


def header(name: str) -> Any:
    """Return a function that finds a header."""

    def found(scope: Any) -> str | None:
        return next((value.decode() for key, value in scope["headers"] if key == name.encode()), None)

    return found


inner.add_middleware(
    tcc.ASGIMiddleware,
    session=header("x-session"),
    user=lambda scope: scope["state"]["user"],  # the endpoint has put it there by now
    org=header("x-org"),
)


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Record a run outside of the middleware, then pass the request on."""
    if scope["type"] == "http" and not scope["path"].startswith("/pipelined/"):
        tcc.run(f"outside/{uuid4()}").prompt("p").end()
    await inner(scope, receive, send)


@inner.get("/pipelined/{number}")
async def pipelined(number: str, request: Request) -> PlainTextResponse:
    """Record a run, and nothing outside."""
    request.state.user = request.headers.get("x-user")
    tcc.run(f"pipelined/{number}").prompt("p").end()
    return PlainTextResponse("done")
