"""One request and its outcome, against real servers on loopback."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import requests
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from contextcompany.delivery.spans.encoding import encode
from contextcompany.delivery.wire.transport import Outcome, Transport, Verdict
from contextcompany.local.collector import Collector
from contextcompany.settings.destination import Destination, Source
from tests.handmade import STEP, ended_span
from tests.loopback import Answer, LoopbackServer

if TYPE_CHECKING:
    from pathlib import Path

AGENT = "contextcompany-otel/1.2.3"
SECRET = "hunter22"
BODY = encode([ended_span("chat", STEP)]).body
TIMEOUT = 10.0


def transport(url: str, **fields: Any) -> Transport:
    """Return a transport to a URL, with a key unless told otherwise."""
    return Transport(Destination(url, Source.OURS, **{"key": SECRET, **fields}), user_agent=AGENT)


def posted(server: LoopbackServer, *, path: str = "/v1/traces", timeout: float = TIMEOUT) -> Outcome:
    """Post one request to a server and close the connection."""
    sender = transport(server.url + path)
    try:
        return sender.post(BODY, timeout=timeout)
    finally:
        sender.close()


@pytest.fixture
def names_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every host name lead to loopback, as a name server of the test's own would."""
    ask = socket.getaddrinfo

    def answer(host: Any, *args: Any, **kwargs: Any) -> Any:
        return ask("127.0.0.1" if host in {"collector.example", "localhost"} else host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", answer)


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
        assert outcome.verdict is Verdict.REJECTED
        assert "redirect" in outcome.reason
        assert server.url in outcome.reason
        assert len(server.requests) == 1
        assert target.requests == []


OUTCOMES = [
    (200, Verdict.DELIVERED, ""),
    (202, Verdict.DELIVERED, ""),
    (204, Verdict.DELIVERED, ""),
    (400, Verdict.REJECTED, "400"),
    (401, Verdict.REJECTED, "key"),
    (403, Verdict.REJECTED, "key"),
    (404, Verdict.REJECTED, "TCC_URL"),
    (405, Verdict.REJECTED, "TCC_URL"),
    (413, Verdict.REJECTED, "413"),
    (429, Verdict.LATER, "429"),
    (500, Verdict.REJECTED, "500"),
    (502, Verdict.LATER, "502"),
    (503, Verdict.LATER, "503"),
    (504, Verdict.LATER, "504"),
]


@pytest.mark.parametrize(("status", "verdict", "said"), OUTCOMES)
def test_what_an_answer_means(status: int, verdict: Verdict, said: str) -> None:
    """2xx is delivered, the four retryable codes of OTLP are tried again, anything else is final."""
    with LoopbackServer(Answer(status, headers=(("Retry-After", "3600"),))) as server:
        outcome = posted(server, path=f"/v1/traces?key={SECRET}")
        assert outcome.verdict is verdict
        assert said in outcome.reason
        assert SECRET not in outcome.reason
        assert len(server.requests) == 1
        if verdict is not Verdict.DELIVERED:
            assert server.url in outcome.reason


def test_nobody_listens() -> None:
    """A refused connection is tried again later, and the reason names the place."""
    with LoopbackServer() as server:
        url = server.url
    sender = transport(f"{url}/v1/traces")
    outcome = sender.post(BODY, timeout=TIMEOUT)
    sender.close()
    assert outcome.verdict is Verdict.LATER
    assert url in outcome.reason


def partial(refused: int) -> ExportTraceServiceResponse:
    """Return an OTLP answer that refuses spans."""
    return ExportTraceServiceResponse(
        partial_success=ExportTracePartialSuccess(rejected_spans=refused, error_message=SECRET)
    )


PROTOBUF = (("Content-Type", "application/x-protobuf"),)
JSON = (("Content-Type", "application/json; charset=utf-8"),)

PARTIAL = [
    (PROTOBUF, partial(3).SerializeToString(), 3),
    (PROTOBUF, partial(0).SerializeToString(), 0),
    (PROTOBUF, b"", 0),
    (JSON, b'{"partialSuccess": {"rejectedSpans": 3}}', 3),
    (JSON, b'{"partialSuccess": {"rejectedSpans": "3"}}', 3),
    (JSON, b'{"partialSuccess": {}}', 0),
    (JSON, b"{}", 0),
    (JSON, b"", 0),
]


@pytest.mark.parametrize(("headers", "body", "refused"), PARTIAL)
def test_partial_success(headers: tuple[tuple[str, str], ...], body: bytes, refused: int) -> None:
    """What a collector refuses of a request it accepted is counted, in protobuf and in JSON."""
    with LoopbackServer(Answer(200, body, headers)) as server:
        outcome = posted(server)
    assert outcome.verdict is Verdict.DELIVERED
    assert outcome.refused_spans == refused
    assert bool(outcome.reason) == bool(refused)
    assert SECRET not in outcome.reason


GARBAGE = {
    "no protobuf": Answer(200, b"\xff\xff\xff\xff", PROTOBUF),
    "no JSON": Answer(200, b"{", JSON),
    "JSON of another shape": Answer(200, b'[{"partialSuccess": 1}]', JSON),
    "JSON with a strange count": Answer(200, b'{"partialSuccess": {"rejectedSpans": {"x": 1}}}', JSON),
    "JSON with a negative count": Answer(200, b'{"partialSuccess": {"rejectedSpans": -5}}', JSON),
    "JSON with infinity": Answer(200, b'{"partialSuccess": {"rejectedSpans": 1e999}}', JSON),
    "deep JSON": Answer(200, b"[" * 200_000, JSON),
    "no gzip": Answer(200, b"plain", (("Content-Encoding", "gzip"), *PROTOBUF)),
    "half a body": Answer(200, b"half", PROTOBUF, length=100),
    "a huge body": Answer(200, b"x" * (6 << 20), PROTOBUF),
    "a bomb": Answer(200, gzip.compress(b"\0" * (64 << 20)), (("Content-Encoding", "gzip"), *PROTOBUF)),
}


@pytest.mark.parametrize("answer", GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage_behind_a_200(answer: Answer) -> None:
    """A collector that said 200 has the spans, whatever follows; nothing is raised and nothing sent again."""
    with LoopbackServer(answer) as server:
        outcome = posted(server)
        assert (outcome.verdict, outcome.refused_spans) == (Verdict.DELIVERED, 0)
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    "raw", [b"", b"\x00\x01\x02", b"220 mail.example ESMTP\r\n", b"HTTP/1.1 abc\r\n\r\n"]
)
def test_what_is_no_http(raw: bytes) -> None:
    """Something that does not speak HTTP, or hangs up, is tried again later; nothing is raised."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1)
                connection.sendall(raw)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65_536):
                    pass

        thread = threading.Thread(target=answer)
        thread.start()
        sender = transport(f"http://127.0.0.1:{server.getsockname()[1]}/v1/traces")
        outcome = sender.post(BODY, timeout=TIMEOUT)
        sender.close()
        thread.join(TIMEOUT)
    assert outcome.verdict is Verdict.LATER


@pytest.mark.parametrize(
    "answer",
    [
        Answer(hangs=True),
        Answer(pace=0.03, body=b"x" * 100),
        Answer(pace=0.03, headers=(("X-Long", "x" * 100),)),
    ],
    ids=["never", "a body byte by byte", "headers byte by byte"],
)
def test_a_hanging_server_is_left_in_time(answer: Answer) -> None:
    """A request ends within its time limit and a margin, however the server spreads its silence."""
    with LoopbackServer(answer) as server:
        began = time.monotonic()
        outcome = posted(server, timeout=0.4)
        taken = time.monotonic() - began
    assert taken < 2.5
    assert outcome.verdict in {Verdict.LATER, Verdict.DELIVERED}


def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTP_PROXY and its kin see no span and no key, while other clients of the process use them."""
    with LoopbackServer() as proxy, LoopbackServer() as server:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        requests.get(f"{server.url}/other", timeout=TIMEOUT).close()
        assert [request.path for request in proxy.requests] == [f"{server.url}/other"]
        assert posted(server).verdict is Verdict.DELIVERED
        assert [request.path for request in server.requests] == ["/v1/traces"]
        assert len(proxy.requests) == 1


def test_netrc_does_not_replace_the_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Credentials of `.netrc` for the same host are not sent, with a key of ours or without one."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login joe password from-netrc\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with LoopbackServer() as server:
        requests.get(f"{server.url}/other", timeout=TIMEOUT).close()
        assert server.requests[0].headers["authorization"].startswith("Basic ")
        posted(server)
        assert server.requests[1].headers["authorization"] == f"Bearer {SECRET}"
        keyless = transport(f"{server.url}/v1/traces", key=None)
        keyless.post(BODY, timeout=TIMEOUT)
        keyless.close()
        assert "authorization" not in server.requests[2].headers


def test_cookies_are_not_kept() -> None:
    """A cookie that a collector sets does not come back to it."""
    with LoopbackServer(Answer(headers=(("Set-Cookie", "session=1; Path=/"),))) as server:
        sender = transport(f"{server.url}/v1/traces")
        for _ in range(2):
            sender.post(BODY, timeout=TIMEOUT)
        sender.close()
        assert "cookie" not in server.requests[1].headers


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


def test_a_web_page_is_no_collector() -> None:
    """A 200 with a web page (a login, another port) has no spans: they wait, and the reason says why."""
    with LoopbackServer(Answer(200, b"<html>It works!</html>", (("Content-Type", "text/html"),))) as server:
        outcome = posted(server)
        assert (outcome.verdict, outcome.refused_spans) == (Verdict.LATER, 0)
        assert "web page" in outcome.reason
