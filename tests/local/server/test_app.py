"""The whole server: safe headers everywhere, nothing said of content, bounds on what is sent."""

from __future__ import annotations

import gzip
import logging
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from contextcompany.local.paths import segment
from contextcompany.local.server.bounds import MOST_BYTES
from contextcompany.local.store.sqlite.store import SqliteRunStore
from tests.local.agent_spans import run
from tests.local.samples import JSON_BODY
from tests.local.served import Served, served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from contextcompany.local.store.rows import RunOutline

HTML = {"Accept": "text/html"}
SECRET = "the-prompt-of-a-user"


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with one run."""
    with served(tmp_path_factory.mktemp("app")) as one:
        one.store.add([run("r-1")])
        yield one


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/", "GET", 200),
        ("/api/runs", "GET", 200),
        ("/api/runs?x=1", "GET", 400),
        ("/api/export", "GET", 200),
        ("/healthz", "GET", 200),
        ("/static/style.css", "GET", 200),
        ("/nothing", "GET", 404),
        ("/api/nothing", "GET", 404),
        ("/static/nothing", "GET", 404),
        ("/api/runs", "DELETE", 405),
        ("/v1/traces", "POST", 415),
        ("/v1/nothing", "POST", 404),
    ],
)
def test_every_answer_has_the_safe_headers(here: Served, path: str, method: str, status: int) -> None:
    """Pages, JSON, files and errors alike: nothing foreign is loaded, nothing is framed, guessed or kept."""
    answer = here.ask(path, method, headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.status == status
    policy = answer.headers["content-security-policy"]
    assert policy == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    is_file = path.startswith("/static/") and status == 200
    assert answer.headers["cache-control"] == ("no-cache" if is_file else "no-store")
    assert "server" not in answer.headers


def test_refusals_have_the_safe_headers_too(here: Served) -> None:
    """What is turned away at the door is turned away safely."""
    answer = here.ask("/runs", headers={"Host": "evil.test"})
    assert answer.status == 403
    assert "content-security-policy" in answer.headers


def test_a_file_is_sent_once(here: Served) -> None:
    """A browser that has a file gets no second copy, and one that carries its version is kept for good."""
    first = here.ask("/static/style.css")
    again = here.ask("/static/style.css", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    versioned = here.ask("/static/style.css?v=1")
    assert versioned.headers["cache-control"] == "public, max-age=31536000, immutable"
    missing = here.ask("/static/nothing.css?v=1")
    assert (missing.status, missing.headers["cache-control"]) == (404, "no-store")


@pytest.mark.parametrize(
    "path",
    ["/static/../rendering.py", "/static/%2e%2e/rendering.py", "/static/..%2frendering.py", "/static/"],
)
def test_no_file_but_those_for_browsers_is_sent(here: Served, path: str) -> None:
    """No path leads out of the folder, and the folder itself is not listed."""
    assert here.ask(path).status == 404


def test_text_is_compressed_for_who_takes_it(here: Served) -> None:
    """Pages and JSON come as gzip where it is asked for."""
    plain = here.ask("/api/openapi.json")
    packed = here.ask("/api/openapi.json", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) < len(plain.body) / 3


def test_what_is_missing_is_told_in_the_form_that_was_asked_for(here: Served) -> None:
    """People get a page, programs get the error of the API or a line of text."""
    page = here.ask("/nothing", headers=HTML)
    assert page.status == 404
    assert "There is nothing at this address." in page.text
    assert "<nav" in page.text
    assert here.ask("/nothing").text == "There is nothing at this address.\n"
    assert here.ask("/api/nothing", headers=HTML).json == {
        "error": {"parameter": None, "message": "There is nothing at this address."}
    }
    refused = here.ask("/api/runs", "DELETE")
    assert (refused.status, refused.headers["allow"]) == (405, "GET")


def test_names_in_paths_lead_to_pages_whatever_they_hold(here: Served) -> None:
    """Ids with slashes, dots and markup reach the page of one run."""
    for run_id in ("a/b", "..", ".", "a%2Fb", "x/spans", "<script>", "ü", "a b", "rows"):
        here.store.add([run(run_id)])
        answer = here.ask(f"/runs/{segment(run_id)}", headers=HTML)
        assert answer.status == 200
        assert "<script>alert" not in answer.text
        assert here.ask(f"/api/runs/{segment(run_id)}").json["address"] == run_id
        assert here.ask(f"/agents/{segment(run_id)}", headers=HTML).status == 200


class _Broken(SqliteRunStore):
    """A store whose answers fail with what it knows of the user."""

    def outline(self, address: str) -> RunOutline | None:
        raise LookupError(f"{SECRET} {address}")


def test_an_error_of_ours_is_answered_and_logged_without_content(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """What a failure knows of a request goes neither to the log nor to the error stream."""
    from contextcompany.local.server.serving import Server

    caplog.set_level(logging.INFO)
    with _Broken.open(tmp_path / "runs.db") as store, Server(store, port=0) as server:
        answer = Served(server, store).ask(f"/api/runs/{SECRET}")
    assert answer.status == 500
    assert answer.json["error"]["message"] == "the server failed with LookupError; its log says where"
    assert "content-security-policy" in answer.headers
    assert SECRET not in caplog.text
    assert "LookupError at " in caplog.text
    assert "test_app.py" in caplog.text
    assert capfd.readouterr().err == ""


def test_requests_are_not_logged(
    here: Served, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Addresses hold what people searched for: nothing is said of them, nor of requests that are none."""
    caplog.set_level(logging.DEBUG)
    here.ask(f"/api/runs?text={SECRET}")
    here.ask(f"/runs?status={SECRET}", headers=HTML)
    with socket.create_connection(("127.0.0.1", here.server.port)) as connection:
        connection.sendall(f"{SECRET}\r\n\r\n".encode())
        assert connection.recv(20).startswith(b"HTTP/1.1 400")
    assert SECRET not in caplog.text
    assert SECRET not in "".join(capfd.readouterr())


def test_a_body_that_is_too_large_is_refused(here: Served) -> None:
    """Forms and feedback are small; what is larger is not read to its end."""
    body = b'{"text": "' + b"x" * MOST_BYTES + b'"}'
    answer = here.ask("/api/runs/r-1/feedback", "POST", body, {"Content-Type": "application/json"})
    assert answer.status == 413
    assert "1024 KiB" in answer.json["error"]["message"]
    assert here.ask("/v1/traces", "POST", JSON_BODY, {"Content-Type": "application/json"}).status == 200


def test_headers_that_never_end_are_refused(here: Served) -> None:
    """A request head beyond 64 KiB is answered 400, and the server goes on."""
    with socket.create_connection(("127.0.0.1", here.server.port), timeout=20) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nX: " + b"x" * 100_000)
        assert connection.recv(20).startswith(b"HTTP/1.1 400")
    assert here.ask("/healthz").status == 200


def test_many_may_ask_at_once(here: Served) -> None:
    """Thirty connections at a time are all answered."""
    statuses: list[int] = []

    def ask() -> None:
        statuses.extend(here.ask(path).status for path in ("/api/runs", "/", "/api/overview"))

    threads = [threading.Thread(target=ask) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 90


def test_a_sender_that_leaves_in_the_middle_is_no_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """An import that breaks off takes nothing in and is nothing to report."""
    with served(tmp_path) as one:
        port = one.server.port
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            head = f"POST /api/import HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Length: 99000\r\n\r\n"
            connection.sendall(head.encode() + JSON_BODY + b"\n")
        # The server stops once it has dealt with all connections.
        one.server.stop()
        assert one.store.stats().spans == 0
    assert caplog.text == ""
