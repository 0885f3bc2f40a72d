"""A WSGI application that records a run per request, and has recorded before its first one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from uuid import uuid4

import contextcompany as tcc
from tests.servers.ledger import record

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment

if "ON_SIGTERM" in os.environ:
    tcc.configure(on_sigterm=True)

record(f"loaded-{uuid4()}")
# Under --preload it crosses the fork into every worker.
left_open = tcc.run("left-open").prompt("hi") if "LEFT_OPEN" in os.environ else None


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Record a run with the id that the path names, and answer with the process id."""
    if left_open is not None:
        left_open.response("from a worker")
    record(environ["PATH_INFO"].removeprefix("/"))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]
