"""What the server answers on the paths of intake, request by request, over real connections."""

from __future__ import annotations

import gzip
import json
import random
import socket
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.client import HTTPConnection
from typing import TYPE_CHECKING

import pytest
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    Gauge,
    Metric,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)

import contextcompany as tcc
from contextcompany.diagnostics import guard
from contextcompany.local.otlp import bodies
from contextcompany.local.store.rows import StoreError, StoreFullError, StoreLockedError
from contextcompany.semconv import attributes
from contextcompany.semconv.local import LOCAL_COLLECTOR_SERVICE
from tests.delivery.wire.posting import transport
from tests.local.intake.serving import JSON, PROTOBUF, Kept, ask, served
from tests.local.samples import JSON_BODY, PROTOBUF_BODY, RECORD, json_body, protobuf_request, span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contextcompany.local.otlp.spans import SpanRecord

PATHS = ("/v1/traces", "/v1/logs", "/v1/metrics", "/v1/otel-steps", "/v1/custom", "/v1/feedback")
OTLP_PATHS = PATHS[:4]
RUN = {
    "type": "run",
    "run_id": "r-1",
    "start_time": "2026-01-02T03:04:05.678Z",
    "end_time": "2026-01-02T03:04:06.789Z",
    "prompt": {"user_prompt": "hi"},
}


@pytest.mark.parametrize("encoding", ["identity", "gzip", "deflate"])
@pytest.mark.parametrize(("body", "headers"), [(PROTOBUF_BODY, PROTOBUF), (JSON_BODY, JSON)])
def test_spans_are_taken_in_both_encodings_packed_or_not(
    store: Kept, port: int, body: bytes, headers: dict[str, str], encoding: str
) -> None:
    """The same span arrives whatever way it was sent, and the answer is the empty message."""
    packed = {"identity": body, "gzip": gzip.compress(body), "deflate": zlib.compress(body)}[encoding]
    status, answered, answer = ask(port, "/v1/traces", packed, headers | {"Content-Encoding": encoding})
    assert (status, answered["content-type"]) == (200, headers["Content-Type"])
    assert answer == (b"{}" if answered["content-type"] == "application/json" else b"")
    assert store.kept == [RECORD]


def test_a_body_in_chunks_is_taken(store: Kept, port: int) -> None:
    """A sender that does not know its length in advance is understood."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(
        "POST", "/v1/traces", iter([PROTOBUF_BODY[:7], PROTOBUF_BODY[7:]]), PROTOBUF, encode_chunked=True
    )
    assert connection.getresponse().status == 200
    connection.close()
    assert store.kept == [RECORD]


def test_what_our_own_sdk_sends_arrives(store: Kept, port: int) -> None:
    """A recorded run goes through the real delivery into the store."""
    tcc.configure(tcc_url=f"http://127.0.0.1:{port}")
    with tcc.run(run_id="r-1") as run:
        run.prompt("hi")
        run.response("ho")
    assert tcc.flush().delivered == 1
    (arrived,) = store.kept
    assert arrived.attributes[attributes.TCC_RUN_ID] == "r-1"


def test_healthz_is_recognised_by_the_delivery(port: int) -> None:
    """The package tells its own collector from any other server on the port, with GET and with HEAD."""
    sender = transport(f"http://127.0.0.1:{port}/v1/traces", key=None)
    assert sender.identifies_itself()
    sender.close()
    status, headers, answer = ask(port, "/healthz", method="GET")
    assert (status, headers["content-type"]) == (200, "application/json")
    assert json.loads(answer) == {"service": LOCAL_COLLECTOR_SERVICE, "status": "ok"}
    status, headers, answer = ask(port, "/healthz", method="HEAD")
    assert (status, answer) == (200, b"")


def test_spans_that_are_none_are_refused_and_the_others_taken(store: Kept, port: int) -> None:
    """The answer of both encodings counts the refused spans and says why."""
    request = protobuf_request(RECORD, span("other"))
    request.resource_spans[1].scope_spans[0].spans[0].span_id = b""
    status, _, answer = ask(port, "/v1/traces", request.SerializeToString(), PROTOBUF)
    partial = ExportTraceServiceResponse.FromString(answer).partial_success
    reason = "spanId must be 8 bytes, not all zero, got ''"
    assert (status, partial.rejected_spans, partial.error_message) == (200, 1, reason)
    document = json_body()
    document["resourceSpans"][0]["scopeSpans"][0]["spans"].append({"traceId": RECORD.trace_id})
    status, _, answer = ask(port, "/v1/traces", json.dumps(document).encode(), JSON)
    partial_success = {"rejectedSpans": "1", "errorMessage": reason}
    assert (status, json.loads(answer)) == (200, {"partialSuccess": partial_success})
    assert store.kept == [RECORD]


def test_a_request_of_nothing_but_refused_spans_is_a_bad_request(store: Kept, port: int) -> None:
    """Where nothing could be taken, the sender hears an error and not a success."""
    request = protobuf_request(RECORD)
    request.resource_spans[0].scope_spans[0].spans[0].trace_id = b"\1"
    status, _, answer = ask(port, "/v1/traces", request.SerializeToString(), PROTOBUF)
    assert status == 400
    assert Status.FromString(answer).message == "traceId must be 16 bytes, not all zero, got '01'"
    assert store.kept == []


def test_logs_and_metrics_are_counted(store: Kept, port: int) -> None:
    """Other signals come with the same exporters: they are accepted and counted, in both encodings."""
    logs = ExportLogsServiceRequest(
        resource_logs=[ResourceLogs(scope_logs=[ScopeLogs(log_records=[LogRecord(), LogRecord()])] * 2)]
    )
    points = [NumberDataPoint(as_int=1), NumberDataPoint(as_int=2)]
    metrics = ExportMetricsServiceRequest(
        resource_metrics=[
            ResourceMetrics(
                scope_metrics=[
                    ScopeMetrics(
                        metrics=[
                            Metric(name="a", gauge=Gauge(data_points=points)),
                            Metric(name="b", sum=Sum(data_points=points[:1], is_monotonic=True)),
                        ]
                    )
                ]
            )
        ]
    )
    for path, request in (("/v1/logs", logs), ("/v1/metrics", metrics)):
        assert ask(port, path, request.SerializeToString(), PROTOBUF)[0::2] == (200, b"")
    assert store.signals == {"logs": 4, "metrics": 3}
    for path, document in (
        ("/v1/logs", {"resourceLogs": [{"scopeLogs": [{"logRecords": [{}]}]}]}),
        (
            "/v1/metrics",
            {"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"sum": {"dataPoints": [{}, {}]}}]}]}]},
        ),
    ):
        assert ask(port, path, json.dumps(document).encode(), JSON)[0::2] == (200, b"{}")
    assert store.signals == {"logs": 5, "metrics": 5}


def test_a_key_is_accepted_and_ignored(store: Kept, port: int) -> None:
    """Older SDKs always send one."""
    headers = JSON | {"Authorization": "Bearer tcc_secret"}
    assert ask(port, "/v1/custom", json.dumps(RUN).encode(), headers)[0] == 200
    assert len(store.kept) == 1


def test_a_bad_item_does_not_lose_the_others(store: Kept, port: int) -> None:
    """The answer says which item of a batch could not be taken, and why."""
    items = [RUN, {"type": "step", "run_id": "r-1"}, RUN | {"run_id": "r-2"}]
    status, _, answer = ask(port, "/v1/custom", json.dumps({"type": "batch", "items": items}).encode(), JSON)
    assert (status, json.loads(answer)) == (
        200,
        {
            "accepted": 2,
            "rejected": 1,
            "errors": ["items[1]: step_id must be a text of 1 to 1,000 characters, got NoneType"],
        },
    )
    assert len(store.kept) == 2


@pytest.mark.parametrize(
    ("path", "document", "reason"),
    [
        ("/v1/custom", [], "the body must be an object, got list"),
        ("/v1/custom", {}, "type must be run, step, tool_call or batch, got NoneType"),
        ("/v1/custom", {"type": "batch", "items": {}}, "items must be a list, got dict"),
        (
            "/v1/custom",
            {"type": "batch", "items": [7]},
            "items[0]: the object must be an object, got int '7'",
        ),
        (
            "/v1/custom",
            RUN | {"end_time": "soon"},
            "end_time must be a time in ISO 8601, got str 'soon'",
        ),
        ("/v1/feedback", {"score": "thumbs_up"}, "runId must be a text of 1 to 1,000 characters"),
        ("/v1/feedback", {"runId": "r", "score": "meh"}, "score must be thumbs_up or thumbs_down"),
        ("/v1/feedback", {"runId": "r"}, "feedback needs a score, a text or both"),
        ("/v1/feedback", {"runId": "r", "text": "x" * 2_001}, "text must have at most 2,000 characters"),
    ],
)
def test_bad_objects_are_refused_by_name(
    store: Kept, port: int, path: str, document: object, reason: str
) -> None:
    """The answer says what was wrong, in words for the person who reads the output of the SDK."""
    status, _, answer = ask(port, path, json.dumps(document).encode(), JSON)
    assert status == 400
    assert json.loads(answer)["message"].startswith(reason)
    assert store.kept == []


def test_feedback_arrives_as_a_span(store: Kept, port: int) -> None:
    """It carries the id of its run and what the recording API writes."""
    body = {"runId": "r-1", "score": "thumbs_down", "text": "wrong city"}
    assert ask(port, "/v1/feedback", json.dumps(body).encode(), JSON)[0] == 200
    (arrived,) = store.kept
    assert arrived.name == attributes.FEEDBACK_SPAN_NAME
    assert arrived.attributes == {
        attributes.TCC_RUN_ID: "r-1",
        attributes.GEN_AI_EVALUATION_NAME: attributes.EVALUATION_NAME_USER_FEEDBACK,
        attributes.GEN_AI_EVALUATION_SCORE_LABEL: attributes.SCORE_LABEL_THUMBS_DOWN,
        attributes.GEN_AI_EVALUATION_SCORE_VALUE: attributes.SCORE_VALUE_THUMBS_DOWN,
        attributes.GEN_AI_EVALUATION_EXPLANATION: "wrong city",
    }


@pytest.mark.parametrize("path", OTLP_PATHS)
def test_garbage_is_refused_in_its_own_encoding(port: int, path: str) -> None:
    """The sender can read why."""
    status, headers, answer = ask(port, path, b"\xff\xff", PROTOBUF)
    assert (status, headers["content-type"]) == (400, "application/x-protobuf")
    refusal = Status.FromString(answer)
    assert refusal.code == 3
    assert refusal.message.startswith("the body is no Export")
    status, headers, answer = ask(port, path, b"[]", JSON)
    assert (status, headers["content-type"]) == (400, "application/json")
    assert json.loads(answer) == {"code": 3, "message": "the body must be an object, got list"}


@pytest.mark.parametrize("path", PATHS)
def test_other_content_types_and_encodings_are_refused(port: int, path: str) -> None:
    """A page in a browser cannot send JSON unasked, so what does not say that it is JSON is not read."""
    taken = "application/x-protobuf, application/json" if path in OTLP_PATHS else "application/json"
    for content_type in ("text/plain", "application/xml", None):
        headers = {} if content_type is None else {"Content-Type": content_type}
        status, answered, answer = ask(port, path, b"{}", headers)
        assert (status, answered["accept-post"]) == (415, taken)
        assert json.loads(answer)["message"].endswith(f"got {content_type or 'none'!r}")
    status, answered, _ = ask(port, path, b"{}", JSON | {"Content-Encoding": "br"})
    assert (status, answered["accept-encoding"]) == (415, "gzip, deflate")


@pytest.mark.parametrize("path", [*PATHS, "/healthz"])
def test_other_methods_are_refused_with_those_that_are_taken(port: int, path: str) -> None:
    """405 names what the path takes."""
    method, allow = ("POST", "GET, HEAD") if path == "/healthz" else ("GET", "POST")
    status, headers, answer = ask(port, path, method=method)
    assert (status, headers["allow"]) == (405, allow)
    assert json.loads(answer)["code"] == 12


def test_a_body_that_is_announced_too_large_is_refused_unread(port: int) -> None:
    """The sender hears so before it has sent anything."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(
            b"POST /v1/traces HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n" % (64 * 1024 * 1024 + 1)
        )
        assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")


def test_a_body_that_grows_too_large_is_refused(port: int) -> None:
    """Chunks without an announced length are counted."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    piece = bytes(1024 * 1024)
    try:
        connection.request("POST", "/v1/traces", (piece for _ in range(65)), PROTOBUF, encode_chunked=True)
        assert connection.getresponse().status == 413
    finally:
        connection.close()
    assert ask(port, "/healthz", method="GET")[0] == 200


def test_a_bomb_is_refused_within_bounds(store: Kept, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small body that unpacks to gigabytes is given up at the bound, and the server goes on."""
    monkeypatch.setattr(bodies, "MAX_DECOMPRESSED_BYTES", 4 * 1024 * 1024)
    bomb = gzip.compress(bytes(64 * 1024 * 1024))
    status, _, answer = ask(port, "/v1/traces", bomb, PROTOBUF | {"Content-Encoding": "gzip"})
    assert status == 413
    assert Status.FromString(answer).message.startswith("the body is larger than 4 MiB after")
    assert ask(port, "/v1/traces", PROTOBUF_BODY, PROTOBUF)[0] == 200
    assert store.kept == [RECORD]


def test_a_slow_body_is_given_up(store: Kept) -> None:
    """A sender that does not come to an end hears so, and its connection is closed."""
    with served(store, body_seconds=0.2) as port:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            head = (
                b"POST /v1/traces HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                b"Content-Length: 100\r\n\r\n{"
            )
            connection.sendall(head)
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"the body did not arrive within 0.2 s" in answer
        assert ask(port, "/v1/traces", PROTOBUF_BODY, PROTOBUF)[0] == 200


def test_a_sender_that_leaves_in_the_middle_does_no_harm(store: Kept, port: int) -> None:
    """What it had sent until then is forgotten."""
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(
                b"POST /v1/traces HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                b"Content-Length: 100\r\n\r\n{"
            )
    assert ask(port, "/v1/traces", PROTOBUF_BODY, PROTOBUF)[0] == 200
    assert store.kept == [RECORD]


def test_reading_does_not_hold_up_others() -> None:
    """While the store is busy, the server answers; the request waits for the store and is then answered."""
    is_busy, may_go_on = threading.Event(), threading.Event()

    def busy(_: Sequence[SpanRecord]) -> None:
        is_busy.set()
        assert may_go_on.wait(10)

    store = Kept(busy)
    with served(store) as port, ThreadPoolExecutor(1) as pool:
        sent = pool.submit(ask, port, "/v1/traces", PROTOBUF_BODY, PROTOBUF)
        assert is_busy.wait(10)
        assert ask(port, "/healthz", method="GET")[0] == 200
        assert not sent.done()
        may_go_on.set()
        assert sent.result()[0] == 200


@pytest.mark.parametrize("error", [StoreFullError("the disk is full"), StoreLockedError("it is locked")])
@pytest.mark.parametrize("path", ["/v1/traces", "/v1/custom"])
def test_a_store_that_cannot_take_any_is_said_so_that_it_is_sent_again(error: StoreError, path: str) -> None:
    """OTLP calls 503 retryable: our own delivery keeps the spans and comes back."""

    def full(_: Sequence[SpanRecord]) -> None:
        raise error

    body = JSON_BODY if path == "/v1/traces" else json.dumps(RUN).encode()
    with served(Kept(full)) as port:
        status, headers, answer = ask(port, path, body, JSON)
    assert (status, headers["retry-after"]) == (503, "5")
    assert json.loads(answer) == {"code": 14, "message": str(error)}


def test_an_error_of_ours_is_answered_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A span that breaks the store is refused alone: it may hold content, so nothing of it is said."""
    monkeypatch.setattr(guard, "strict", False)
    poison = replace(RECORD, span_id="0" * 15 + "1")

    def breaks(spans: Sequence[SpanRecord]) -> None:
        if any(one.span_id == poison.span_id for one in spans):
            raise RuntimeError("the secret prompt")

    store = Kept(breaks)
    others = [span("other") for _ in range(40)]
    body = protobuf_request(*others[:20], poison, *others[20:]).SerializeToString()
    with served(store) as port:
        status, _, answer = ask(port, "/v1/traces", body, PROTOBUF)
    partial = ExportTraceServiceResponse.FromString(answer).partial_success
    assert (status, partial.rejected_spans, partial.error_message) == (200, 1, "a span cannot be stored")
    assert store.kept == others


def test_many_senders_at_once_lose_nothing(store: Kept, port: int) -> None:
    """Each span is there once, whoever sends it and how often."""
    records = [span(f"span {number}") for number in range(200)]
    bodies = [protobuf_request(*records[at : at + 10]).SerializeToString() for at in range(0, 200, 10)]
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda body: ask(port, "/v1/traces", body, PROTOBUF)[0], bodies * 3))
    assert set(statuses) == {200}
    assert sorted(store.kept, key=lambda one: one.span_id) == sorted(records, key=lambda one: one.span_id)


_BODIES = st.one_of(
    st.binary(max_size=200),
    st.binary(min_size=1, max_size=20).map(lambda tail: PROTOBUF_BODY + tail),
    st.integers(0, len(PROTOBUF_BODY)).map(lambda end: PROTOBUF_BODY[:end]),
    st.integers(0, len(JSON_BODY)).map(lambda end: JSON_BODY[:end]),
    st.integers(0, 2**32).map(lambda seed: _shuffled(JSON_BODY, seed)),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from([*RUN, "items", "runId", "score", "text", "resourceSpans"]), inner
            )
        ),
        max_leaves=12,
    ).map(lambda value: json.dumps(value).encode()),
    st.dictionaries(st.sampled_from([*RUN, "step_id", "metadata"]), st.text() | st.floats(), max_size=4).map(
        lambda fields: json.dumps(RUN | fields).encode()
    ),
)


def _shuffled(body: bytes, seed: int) -> bytes:
    chosen = random.Random(seed)
    changed = bytearray(body)
    for _ in range(4):
        changed[chosen.randrange(len(changed))] = chosen.randrange(256)
    return bytes(changed)


@pytest.mark.parametrize("path", PATHS)
def test_nothing_it_is_sent_stops_it(path: str) -> None:
    """Whatever the bytes are, each request is answered with success or a refusal, and the next one is too."""
    with served(Kept()) as port:
        connection = HTTPConnection("127.0.0.1", port, timeout=10)

        @settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
        @given(
            _BODIES,
            st.sampled_from([PROTOBUF, JSON, {"Content-Type": "text/html"}]),
            st.sampled_from(["identity", "gzip", "deflate", "br"]),
            st.booleans(),
        )
        def answers(body: bytes, headers: dict[str, str], encoding: str, packs: bool) -> None:
            if packs and encoding == "gzip":
                body = gzip.compress(body)
            connection.request("POST", path, body, headers | {"Content-Encoding": encoding})
            response = connection.getresponse()
            response.read()
            assert response.status in {200, 400, 415}

        answers()
        connection.close()
        assert ask(port, "/healthz", method="GET")[0] == 200
        assert ask(port, "/v1/traces", PROTOBUF_BODY, PROTOBUF)[0] == 200
