"""One request and its outcome, against real servers on loopback."""

from __future__ import annotations

import gzip
import json
import socket
import tracemalloc
import zlib
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from contextcompany.delivery.wire.outcomes import Outcome, Verdict
from contextcompany.local.embedded.collector import Collector
from tests.delivery.wire.posting import AGENT, BODY, SECRET, TIMEOUT, posted, transport
from tests.loopback import Answer, LoopbackServer


def test_a_request_carries_what_is_needed_and_nothing_else() -> None:
    """The wire carries the body as it is, the key, our own headers, and no other."""
    with LoopbackServer() as server:
        sender = transport(f"{server.url}/v1/traces?tenant=t", headers=(("x-tenant", "t"),))
        assert sender.post(BODY, timeout=TIMEOUT) == Outcome(Verdict.DELIVERED)
        sender.close()
        (request,) = server.requests
    assert (request.method, request.path, request.body) == ("POST", "/v1/traces?tenant=t", BODY)
    assert dict(request.headers) == {
        "host": server.url.removeprefix("http://"),
        "user-agent": AGENT,
        "content-type": "application/x-protobuf",
        "content-length": str(len(BODY)),
        "authorization": f"Bearer {SECRET}",
        "x-tenant": "t",
        **{name: value for name, value in request.headers.items() if name == "accept-encoding"},
    }
    # The HTTP library may say that it takes no encoding; it may not offer one we did not choose.
    assert request.headers.get("accept-encoding", "identity") == "identity"


def test_a_real_collector_takes_it() -> None:
    """The embedded collector decodes what is sent."""
    with Collector() as collector:
        sender = transport(f"{collector.url}/v1/traces")
        assert sender.post(BODY, timeout=TIMEOUT) == Outcome(Verdict.DELIVERED)
        sender.close()
        assert [span.name for span in collector.store.spans()] == ["chat"]


@pytest.mark.usefixtures("names_of_this_machine")
def test_other_machines_get_gzip() -> None:
    """What leaves the machine is compressed, what stays on it is not."""
    with LoopbackServer() as server:
        for host, encoding in (("collector.example", "gzip"), ("localhost", None), ("127.0.0.1", None)):
            sender = transport(f"http://{host}:{server.port}/v1/traces", allow_insecure=True)
            assert sender.post(BODY, timeout=TIMEOUT).verdict is Verdict.DELIVERED
            sender.close()
            request = server.requests[-1]
            assert request.headers.get("content-encoding") == encoding
            assert (gzip.decompress(request.body) if encoding else request.body) == BODY
            assert request.headers["authorization"] == f"Bearer {SECRET}"


@pytest.mark.usefixtures("names_of_this_machine")
def test_keys_do_not_travel_in_clear_text(caplog: pytest.LogCaptureFixture) -> None:
    """Over http to another machine spans go without key and secret headers, and one warning says so."""
    with LoopbackServer() as server:
        sender = transport(
            f"http://collector.example:{server.port}/v1/traces",
            headers=(("x-api-key", SECRET), ("x-tenant", "t")),
        )
        for _ in range(2):
            assert sender.post(BODY, timeout=TIMEOUT) == Outcome(Verdict.DELIVERED)
            sender.renew()
        sender.close()
        for request in server.requests:
            assert SECRET not in str(dict(request.headers))
            assert request.headers["x-tenant"] == "t"
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert SECRET not in caplog.text


REDIRECTS = [300, 301, 302, 303, 304, 307, 308]


@pytest.mark.parametrize("status", REDIRECTS)
def test_redirects_are_refused(status: int) -> None:
    """No 3xx counts as success, none is followed, and no key reaches its target."""
    with (
        LoopbackServer() as target,
        LoopbackServer(Answer(status, headers=(("Location", f"{target.url}/v1/traces"),))) as server,
    ):
        outcome = posted(server)
        assert outcome.verdict is Verdict.STAYS
        assert "redirect" in outcome.reason
        assert server.url in outcome.reason
        assert len(server.requests) == 1
        assert target.requests == []


OUTCOMES = [
    (200, Verdict.DELIVERED, ""),
    (204, Verdict.DELIVERED, ""),
    (400, Verdict.MALFORMED, "400"),
    (401, Verdict.STAYS, "key"),
    (404, Verdict.STAYS, "TCC_URL"),
    (413, Verdict.TOO_LARGE, "413"),
    (429, Verdict.LATER, "429"),
    (500, Verdict.STAYS, "500"),
    (503, Verdict.LATER, "503"),
]


@pytest.mark.parametrize(("status", "verdict", "said"), OUTCOMES)
def test_what_an_answer_means(status: int, verdict: Verdict, said: str) -> None:
    """What a status means is told from the wire, and the reason names the place without its query."""
    with LoopbackServer(Answer(status, b"why", headers=(("Retry-After", "7"),))) as server:
        outcome = posted(server, path=f"/v1/traces?key={SECRET}")
        assert outcome.verdict is verdict
        assert outcome.retry_after == (7.0 if verdict is Verdict.LATER else None)
        assert said in outcome.reason
        assert SECRET not in outcome.reason
        assert len(server.requests) == 1
        if verdict is not Verdict.DELIVERED:
            assert server.url in outcome.reason


def test_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused connection is tried once, again only later, and the reason names the place."""
    asked: list[object] = []
    ask = socket.getaddrinfo

    def answer(host: Any, *args: Any, **kwargs: Any) -> Any:
        asked.append(host)
        return ask(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    with LoopbackServer() as server:
        url = f"{server.url}/v1/traces"
    sender = transport(url)
    outcome = sender.post(BODY, timeout=TIMEOUT)
    sender.close()
    assert outcome == Outcome(Verdict.LATER, f"nobody listens at {url}")
    assert asked == ["127.0.0.1"]


def partial(refused: int) -> ExportTraceServiceResponse:
    """Return an OTLP answer that refuses spans."""
    return ExportTraceServiceResponse(
        partial_success=ExportTracePartialSuccess(rejected_spans=refused, error_message=SECRET)
    )


PROTOBUF = (("Content-Type", "application/x-protobuf"),)
JSON = (("Content-Type", "application/json; charset=utf-8"),)


def test_partial_success() -> None:
    """What a collector refuses of a request that it accepted is counted, and its own words are not shown."""
    with LoopbackServer(Answer(200, partial(3).SerializeToString(), PROTOBUF)) as server:
        outcome = posted(server)
    assert outcome == Outcome(
        Verdict.DELIVERED, f"{server.url}/v1/traces refused 3 spans of a request", refused_spans=3
    )


GZIPPED = (("Content-Encoding", "gzip"), *PROTOBUF)
DEFLATED = (("Content-Encoding", "deflate"), *PROTOBUF)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (GZIPPED, gzip.compress(partial(3).SerializeToString())),
        (DEFLATED, zlib.compress(partial(3).SerializeToString())),
    ],
    ids=["gzip", "deflate"],
)
def test_encoded_answers_are_read(headers: tuple[tuple[str, str], ...], body: bytes) -> None:
    """An answer that is compressed although nobody asked for it is read all the same."""
    with LoopbackServer(Answer(200, body, headers)) as server:
        assert posted(server).refused_spans == 3


BEHIND_A_200 = {
    "no gzip": (Answer(200, b"plain", GZIPPED), Verdict.STAYS, "OTLP"),
    "half a gzip": (Answer(200, gzip.compress(b"x" * 99)[:-9], GZIPPED), Verdict.STAYS, "OTLP"),
    "an encoding nobody asked for": (Answer(200, b"x", (("Content-Encoding", "br"),)), Verdict.STAYS, "OTLP"),
    "half a body": (Answer(200, b"half", PROTOBUF, length=100), Verdict.LATER, "broke off"),
    "a huge body": (Answer(200, b"x" * (5 << 20), PROTOBUF), Verdict.DELIVERED, "too long"),
    "a bomb": (Answer(200, gzip.compress(b"\0" * (64 << 20)), GZIPPED), Verdict.DELIVERED, "too long"),
}


@pytest.mark.parametrize(("answer", "verdict", "said"), BEHIND_A_200.values(), ids=BEHIND_A_200.keys())
def test_strange_bodies_behind_a_200(answer: Answer, verdict: Verdict, said: str) -> None:
    """A body that is broken, encoded or endless raises nothing, and the spans count as the rules say."""
    with LoopbackServer(answer) as server:
        outcome = posted(server)
        assert (outcome.verdict, outcome.refused_spans) == (verdict, 0)
        assert said in outcome.reason
        assert len(server.requests) == 1


def test_a_bomb_is_not_unpacked() -> None:
    """A small answer that unpacks to 256 MiB costs a few MiB of memory."""
    bomb = gzip.compress(b"\0" * (256 << 20), 1)
    with LoopbackServer(Answer(200, bomb, GZIPPED)) as server:
        tracemalloc.start()
        try:
            assert posted(server).verdict is Verdict.DELIVERED
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 48 << 20


HEALTH = [
    (Answer(200, json.dumps({"service": "contextcompany-local-collector"}).encode(), JSON), True),
    (Answer(200, json.dumps({"service": "another"}).encode(), JSON), False),
    (Answer(200, b'["contextcompany-local-collector"]', JSON), False),
    (Answer(200, b"OK", JSON), False),
    (Answer(200, b"{", JSON), False),
    (Answer(404, b"", JSON), False),
    (Answer(200, b"plain", (("Content-Encoding", "gzip"), *JSON)), False),
    (Answer(200, b'{"service"', JSON, length=1_000), False),
    (Answer(302, b"", (("Location", "/health"),)), False),
]


@pytest.mark.parametrize(("answer", "identified"), HEALTH)
def test_who_answers(answer: Answer, identified: bool) -> None:
    """Only the word of our own local collector identifies it; whatever else answers is asked once."""
    with LoopbackServer(answer) as server:
        sender = transport(f"{server.url}/v1/traces", key=None)
        assert sender.identifies_itself() is identified
        sender.close()
        assert [(request.method, request.path) for request in server.requests] == [("GET", "/healthz")]


def test_a_real_collector_identifies_itself() -> None:
    """The embedded collector is recognised; a port where nobody listens is not."""
    with Collector() as collector:
        sender = transport(f"{collector.url}/v1/traces", key=None)
        assert sender.identifies_itself() is True
    assert sender.identifies_itself() is False
    sender.close()
