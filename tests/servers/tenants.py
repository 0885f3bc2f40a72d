"""Requests of many tenants at the same time, and what their runs have to say."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any, Final

from tests.servers.program import LIMIT

if TYPE_CHECKING:
    from contextcompany.local.embedded.collector import Collector
    from contextcompany.local.otlp.spans import SpanRecord
    from tests.servers.serving import Served

TENANTS: Final = 20
_REQUESTS: Final = 200
_CONNECTIONS: Final = 20
_SAID: Final = ("tcc.sessionId", "tcc.userId", "tcc.orgId")


def ask_for_all(served: Served, *kinds: str) -> dict[str, dict[str, Any]]:
    """Send 200 requests of 20 tenants at the same time; each connection carries those of several tenants.

    Args:
        served: the server.
        *kinds: the first parts of the paths, in turns.

    Returns:
        What is to arrive, by run: the trace and the parent that the request named, and who it was for.
    """
    expected: dict[str, dict[str, Any]] = {}
    for number in range(_REQUESTS):
        tenant, user = f"o-{number % TENANTS}", f"u-{number}"
        expected[f"{kinds[number % len(kinds)]}/{number}"] = {
            "trace": f"{number + 1:032x}",
            "parent": f"{number + 1:016x}",
            "said": {"tcc.sessionId": f"s-{number}", "tcc.userId": user, "tcc.orgId": tenant},
        }
    items = list(expected.items())
    with ThreadPoolExecutor(_CONNECTIONS) as connections:
        share = _REQUESTS // _CONNECTIONS
        parts = [items[start : start + share] for start in range(0, _REQUESTS, share)]
        list(connections.map(lambda part: _ask(served, part), parts))
    return expected


def _ask(served: Served, requests: list[tuple[str, dict[str, Any]]]) -> None:
    connection = HTTPConnection("127.0.0.1", served.port, timeout=LIMIT)
    try:
        for path, wanted in requests:
            said = wanted["said"]
            headers = {
                "X-Session": said["tcc.sessionId"],
                "X-User": said["tcc.userId"],
                "X-Org": said["tcc.orgId"],
                "Traceparent": f"00-{wanted['trace']}-{wanted['parent']}-01",
            }
            connection.request("GET", f"/{path}", headers=headers)
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (200, b"done"), served.program.complaints
    finally:
        connection.close()


def assert_all_arrive(collector: Collector, expected: dict[str, dict[str, Any]]) -> None:
    """Hold that of each request the run, its step and the run outside of the middleware arrived.

    The one outside is nobody's and continues nothing, though the same thread has served others.
    """
    collector.store.wait_for(lambda spans: len(spans) == 3 * len(expected), LIMIT / 3)
    spans = collector.store.spans()
    runs = {str(span.attributes["tcc.runId"]): span for span in spans if span.name == "invoke_agent"}
    steps = {str(span.attributes["tcc.runId"]): span for span in spans if span.name == "chat"}
    assert {name: _seen(span) for name, span in runs.items() if not name.startswith("outside/")} == expected
    assert {name: _seen(span) for name, span in steps.items()} == {
        name: {**wanted, "parent": runs[name].span_id} for name, wanted in expected.items()
    }
    outside = {name: _seen(span) for name, span in runs.items() if name.startswith("outside/")}
    assert len(outside) == len(expected)
    assert [name for name, seen in outside.items() if seen["said"] or seen["parent"]] == []


def _seen(span: SpanRecord) -> dict[str, Any]:
    return {
        "trace": span.trace_id,
        "parent": span.parent_span_id,
        "said": {key: span.attributes[key] for key in _SAID if key in span.attributes},
    }
