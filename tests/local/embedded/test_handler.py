"""What the collector answers, request by request."""

from __future__ import annotations

import gzip
import json
import socket
import time
from http.client import HTTPConnection
from typing import TYPE_CHECKING

import pytest
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from contextcompany.local.embedded.collector import Collector
from contextcompany.local.embedded.handler import RequestRecord
from contextcompany.semconv.local import LOCAL_COLLECTOR_SERVICE
from tests.local.samples import JSON_BODY, PROTOBUF_BODY, RECORD, exchange, protobuf_request

if TYPE_CHECKING:
    from collections.abc import Iterator

JSON = {"Content-Type": "application/json"}
PROTOBUF = {"Content-Type": "application/x-protobuf"}


@pytest.fixture
def collector() -> Iterator[Collector]:
    """Run a collector for one test."""
    with Collector(record_requests=True) as running:
        yield running


def _raw(collector: Collector, request: bytes) -> bytes:
    """Send bytes as they are and read until the collector closes."""
    with socket.create_connection(("127.0.0.1", collector.port), timeout=10) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
        return answer


def test_protobuf_is_taken_and_answered_in_protobuf(collector: Collector) -> None:
    """A full success is an ExportTraceServiceResponse without a partial success."""
    status, headers, answer = exchange(collector, PROTOBUF_BODY, headers=PROTOBUF)
    assert (status, headers["content-type"]) == (200, "application/x-protobuf")
    assert ExportTraceServiceResponse.FromString(answer) == ExportTraceServiceResponse()
    assert collector.store.spans() == (RECORD,)


def test_json_is_taken_and_answered_in_json(collector: Collector) -> None:
    """JSON comes back as JSON; a charset beside the type does no harm."""
    status, headers, answer = exchange(
        collector, JSON_BODY, headers={"Content-Type": "application/json; charset=utf-8"}
    )
    assert (status, headers["content-type"], answer) == (200, "application/json", b"{}")
    assert collector.store.spans() == (RECORD,)


def test_gzip_is_taken(collector: Collector) -> None:
    """Compressed bodies arrive as plain ones do."""
    body = gzip.compress(JSON_BODY)
    assert exchange(collector, body, headers=JSON | {"Content-Encoding": "gzip"})[0] == 200
    assert collector.store.spans() == (RECORD,)


def test_healthz_says_who_answers(collector: Collector) -> None:
    """The answer carries the name by which the package recognises its own collector."""
    status, headers, answer = exchange(collector, method="GET", path="/healthz?now=1")
    assert (status, headers["content-type"]) == (200, "application/json")
    assert json.loads(answer) == {"service": LOCAL_COLLECTOR_SERVICE, "status": "ok"}
    status, headers, answer = exchange(collector, method="HEAD", path="/healthz")
    assert (status, answer) == (200, b"")
    assert int(headers["content-length"]) > 0


def test_garbage_is_answered_with_the_reason_in_its_own_encoding(collector: Collector) -> None:
    """The sender can read why, and nothing is stored."""
    status, headers, answer = exchange(collector, b"\xff\xff", headers=PROTOBUF)
    assert (status, headers["content-type"]) == (400, "application/x-protobuf")
    assert Status.FromString(answer) == Status(
        code=3, message="the body is no ExportTraceServiceRequest in protobuf"
    )
    status, headers, answer = exchange(collector, b"[]", headers=JSON)
    assert (status, headers["content-type"]) == (400, "application/json")
    assert json.loads(answer) == {"code": 3, "message": "the body must be an object, got list"}
    assert collector.store.spans() == ()


def test_spans_that_are_none_are_refused_and_the_others_taken(collector: Collector) -> None:
    """A partial success counts the refused spans; a request of nothing else is a bad request."""
    request = protobuf_request(RECORD, RECORD)
    request.resource_spans[1].scope_spans[0].spans[0].span_id = b""
    status, _, answer = exchange(collector, request.SerializeToString(), headers=PROTOBUF)
    partial = ExportTraceServiceResponse.FromString(answer).partial_success
    reason = "spanId must be 8 bytes, not all zero, got ''"
    assert (status, partial.rejected_spans, partial.error_message) == (200, 1, reason)
    assert collector.store.spans() == (RECORD,)
    del request.resource_spans[0]
    status, _, answer = exchange(collector, request.SerializeToString(), headers=PROTOBUF)
    assert (status, Status.FromString(answer).message) == (400, reason)
    assert [record.spans for record in collector.requests] == [1, 0]


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/xml", "application/grpc"])
def test_other_content_types_are_refused(collector: Collector, content_type: str | None) -> None:
    """Only what is said to be protobuf or JSON is read: a page in a browser cannot say so unasked."""
    headers = {} if content_type is None else {"Content-Type": content_type}
    status, answered, answer = exchange(collector, JSON_BODY, headers=headers)
    assert status == 415
    assert answered["accept-post"] == "application/x-protobuf, application/json"
    assert json.loads(answer)["message"].endswith(f"got {content_type or 'none'!r}")
    assert collector.store.spans() == ()


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("POST", "/", 404, None),
        ("POST", "/v1/logs", 404, None),
        ("GET", "/v1/traces/", 404, None),
        ("GET", "/v1/traces", 405, "POST"),
        ("OPTIONS", "/v1/traces", 405, "POST"),
        ("PUT", "/v1/traces", 405, "POST"),
        ("POST", "/healthz", 405, "GET, HEAD"),
        ("BREW", "/v1/traces", 501, None),
    ],
)
def test_elsewhere_nothing_is(
    collector: Collector, method: str, path: str, status: int, allow: str | None
) -> None:
    """Unknown paths are 404, other methods 405 with what is allowed, unknown methods 501."""
    got, headers, answer = exchange(collector, b"x", method=method, path=path, headers=JSON)
    assert (got, headers.get("allow"), headers["connection"]) == (status, allow, "close")
    assert set(json.loads(answer)) == {"code", "message"}


@pytest.mark.parametrize(
    "host", ["evil.example:4318", "192.0.2.1", "localhost.evil.example", "[2001:db8::1]:80", ""]
)
def test_names_of_other_hosts_are_refused(collector: Collector, host: str) -> None:
    """A page that points its own name at this machine (DNS rebinding) reaches nothing."""
    status, _, answer = exchange(collector, JSON_BODY, headers=JSON | {"Host": host})
    assert (status, json.loads(answer)["code"]) == (403, 7)
    assert collector.store.spans() == ()
    status, _, _ = exchange(collector, method="GET", path="/healthz", headers={"Host": host})
    assert status == 403


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:4318", "127.0.0.1:1", "127.8.9.10", "[::1]:4318"])
def test_loopback_names_with_any_port_are_served(collector: Collector, host: str) -> None:
    """A forwarded port has another number, so only the name counts."""
    assert exchange(collector, JSON_BODY, headers=JSON | {"Host": host})[0] == 200


@pytest.mark.parametrize("hosts", [b"", b"Host: localhost\r\nHost: localhost\r\n"])
def test_one_host_header_is_needed(collector: Collector, hosts: bytes) -> None:
    """Without a Host header, or with two, nobody can tell who is meant."""
    answer = _raw(collector, b"GET /healthz HTTP/1.1\r\n" + hosts + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"POST /v1/traces HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 200 + b"\r\n",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nx: " + b"a" * 70_000 + b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n",
        b"",
    ],
)
def test_what_is_no_http_does_no_harm(collector: Collector, request_bytes: bytes) -> None:
    """Broken heads, TLS hellos and silence are answered or closed, and the next sender is served."""
    answer = _raw(collector, request_bytes)
    assert answer == b"" or b'"code"' in answer
    assert exchange(collector, JSON_BODY, headers=JSON)[0] == 200


def test_a_sender_that_leaves_in_between_leaves_nothing_behind(collector: Collector) -> None:
    """Half a body is no request."""
    head = b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    assert _raw(collector, head + b"Content-Length: 1000\r\n\r\n{") == b""
    assert _raw(collector, head + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{") == b""
    assert collector.requests == ()
    assert exchange(collector, JSON_BODY, headers=JSON)[0] == 200


def test_chunked_bodies_are_taken(collector: Collector) -> None:
    """Senders that compress while they send know no length."""
    connection = HTTPConnection("127.0.0.1", collector.port, timeout=10)
    pieces = [JSON_BODY[:100], JSON_BODY[100:]]
    connection.request("POST", "/v1/traces", iter(pieces), JSON, encode_chunked=True)
    assert connection.getresponse().status == 200
    connection.close()
    assert collector.store.spans() == (RECORD,)


def test_an_oversized_body_is_refused_while_it_is_being_sent(collector: Collector) -> None:
    """The sender gets to read 413, though it sends on without looking."""
    body = bytes(65 * 1024 * 1024)
    status, headers, answer = exchange(collector, body, headers=PROTOBUF)
    assert (status, headers["connection"]) == (413, "close")
    assert Status.FromString(answer).code == 8


def test_a_refused_sender_that_waits_is_not_kept_waiting(collector: Collector) -> None:
    """The end of the answer comes at once, though the body it announced never does."""
    with socket.create_connection(("127.0.0.1", collector.port), timeout=10) as connection:
        connection.sendall(b"POST /elsewhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n")
        began = time.monotonic()
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
        assert answer.startswith(b"HTTP/1.1 404 ")
        assert time.monotonic() - began < 1.5


def test_a_sender_that_asks_first_sends_no_refused_body(collector: Collector) -> None:
    """`Expect: 100-continue` is answered 100 where the body is wanted, and with the refusal where not."""
    head = (
        b"POST %b HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n"
    )
    length = b"Content-Length: %d\r\n\r\n" % len(JSON_BODY)
    answer = _raw(collector, head % b"/v1/traces" + length + JSON_BODY)
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert _raw(collector, head % b"/elsewhere" + length).startswith(b"HTTP/1.1 404 ")


def test_a_connection_serves_many_requests(collector: Collector) -> None:
    """Keep-alive holds across successes and refusals whose body was read."""
    connection = HTTPConnection("127.0.0.1", collector.port, timeout=10)
    sockets = set()
    for body in (JSON_BODY, b"[]", JSON_BODY):
        connection.request("POST", "/v1/traces", body, JSON)
        sockets.add(connection.sock)
        connection.getresponse().read()
    connection.close()
    assert len(sockets) == 1
    assert [request.status for request in collector.requests] == [200, 400, 200]
    assert collector.store.duplicates == 1


def test_an_unread_body_is_not_taken_for_the_next_request(collector: Collector) -> None:
    """A body where none belongs ends the connection."""
    smuggled = b"GET /v1/traces HTTP/1.1\r\nHost: localhost\r\n\r\n"
    answer = _raw(
        collector,
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(smuggled) + smuggled,
    )
    assert answer.count(b"HTTP/1.1") == 1
    assert [request.path for request in collector.requests] == ["/healthz"]


def test_requests_are_recorded_as_they_came(collector: Collector) -> None:
    """The record shows what went over the wire, refused requests too; keys stay out of the repr."""
    exchange(
        collector,
        JSON_BODY,
        path="/v1/traces?tenant=a",
        headers=JSON | {"Authorization": "Bearer k-1", "X-Twice": "b"},
    )
    exchange(collector, JSON_BODY, path="/other", headers=JSON)
    first, second = collector.requests
    assert first == RequestRecord(
        "POST",
        "/v1/traces?tenant=a",
        {
            "host": f"127.0.0.1:{collector.port}",
            "accept-encoding": "identity",
            "content-length": str(len(JSON_BODY)),
            "content-type": "application/json",
            "authorization": "Bearer k-1",
            "x-twice": "b",
        },
        200,
        1,
    )
    assert repr(first) == "RequestRecord(method='POST', path='/v1/traces?tenant=a', status=200, spans=1)"
    assert (second.path, second.status, second.spans) == ("/other", 404, 0)
