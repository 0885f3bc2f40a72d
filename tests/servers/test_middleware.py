"""The middleware in real servers: each run is for the tenant of its request, and for no other."""

from __future__ import annotations

import signal
import socket
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from contextcompany.local.embedded.collector import Collector
from tests.servers.program import LIMIT
from tests.servers.serving import serving
from tests.servers.tenants import ask_for_all, assert_all_arrive

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_has_asgi = pytest.mark.skipif(
    find_spec("uvicorn") is None or find_spec("fastapi") is None,
    reason="uvicorn and fastapi are not installed: the ASGI middleware is NOT tested in a server",
)
_has_wsgi = pytest.mark.skipif(
    find_spec("gunicorn") is None or find_spec("flask") is None,
    reason="gunicorn and flask are not installed: the WSGI middleware is NOT tested in a server",
)


def uvicorn(descriptor: int) -> Sequence[str]:
    """Return the command line of an uvicorn."""
    return [
        *("-m", "uvicorn", f"--fd={descriptor}", "--log-level=warning"),
        "tests.servers.tenants_asgi:application",
    ]


@_has_asgi
def test_uvicorn_and_fastapi(tmp_path: Path) -> None:
    """Asynchronous, synchronous and streaming endpoints under 200 requests of 20 tenants at once."""
    with Collector() as collector, serving(uvicorn, tmp_path, TCC_URL=collector.url) as served:
        expected = ask_for_all(served, "async", "sync", "stream")
        assert_all_arrive(collector, expected)
        served.program.signal(signal.SIGTERM)
        served.program.end(-signal.SIGTERM)


@_has_asgi
def test_pipelined_requests(tmp_path: Path) -> None:
    """A request that uvicorn starts from the task of the one before it sees nothing of that one."""
    who = {"X-Session": "s-1", "X-User": "u-1", "X-Org": "o-1", "Traceparent": f"00-{1:032x}-{1:016x}-01"}
    first = "".join(f"{name}: {value}\r\n" for name, value in who.items())
    requests = "".join(
        f"GET /pipelined/{number} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n"
        for number, headers in (("1", first), ("2", "Connection: close\r\n"))
    )
    with Collector() as collector, serving(uvicorn, tmp_path, TCC_URL=collector.url) as served:
        with socket.create_connection(("127.0.0.1", served.port), timeout=LIMIT) as connection:
            connection.sendall(requests.encode())
            with connection.makefile("rb") as answers:
                assert answers.read().count(b"200 OK") == 2
        collector.store.wait_for(lambda spans: len(spans) == 2, LIMIT / 3)
        spans = {str(span.attributes["tcc.runId"]): span for span in collector.store.spans()}
    one, two = spans["pipelined/1"], spans["pipelined/2"]
    said = ("tcc.sessionId", "tcc.userId", "tcc.orgId")
    assert [one.attributes[key] for key in said] == ["s-1", "u-1", "o-1"]
    assert one.parent_span_id == f"{1:016x}"
    assert [key for key in said if key in two.attributes] == []
    assert two.parent_span_id is None


@_has_wsgi
@pytest.mark.parametrize("options", [("--worker-class=sync",), ("--worker-class=gthread", "--threads=8")])
def test_gunicorn_and_flask(tmp_path: Path, options: tuple[str, ...]) -> None:
    """Views and streamed bodies under 200 requests of 20 tenants at once, one thread after the other."""

    def gunicorn(descriptor: int) -> Sequence[str]:
        return [
            *("-m", "gunicorn", "--workers=2", f"--bind=fd://{descriptor}"),
            *options,
            "tests.servers.tenants_wsgi:application",
        ]

    with Collector() as collector, serving(gunicorn, tmp_path, TCC_URL=collector.url) as served:
        expected = ask_for_all(served, "call", "stream")
        assert_all_arrive(collector, expected)
        served.program.signal(signal.SIGTERM)
        served.program.end()
