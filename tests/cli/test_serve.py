"""`tcc serve` and the commands around it, as a user meets them."""

from __future__ import annotations

import json
import signal
import socket
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

import contextcompany as tcc
from contextcompany.cli.asking import ask, is_local_collector
from contextcompany.local.embedded.collector import Collector
from tests.cli.commands import ran, running, serving
from tests.loopback import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path


def send(url: str, run_id: str, prompt: str = "Where is my order?") -> str | None:
    """Record a run, deliver it to a collector, and return the address of its page."""
    tcc.configure(tcc_url=url)
    with tcc.run(run_id=run_id) as run:
        run.metadata({"tcc.agent": "shop", "plan": "pro"})
        run.prompt(prompt)
        with run.step() as step:
            step.prompt(prompt)
            step.response("On its way.")
            step.model("gpt-5")
            step.tokens(100, completion=20)
        run.response("On its way.")
    assert tcc.flush(PATIENCE)
    return run.url


def test_from_serving_to_another_database(tmp_path: Path) -> None:
    """A run that is sent is listed, shown, exported, imported elsewhere, and what is wrong is found."""
    here, there, lines = tmp_path / "here.db", tmp_path / "there.db", tmp_path / "runs.jsonl"
    with serving(here) as (server, url):
        said = [next(server.lines()).split(maxsplit=1) for _ in range(2)]
        assert said[0] == ["Data", f"{here} (0 runs, {said[0][1].rpartition('(0 runs, ')[2]}"]
        assert said[1] == ["Send", f"TCC_URL={url}\n"]
        page = send(url, "run-1")
        assert page == f"{url}/runs/run-1"
        answer = ask(url, "/runs/run-1")
        assert answer is not None
        assert answer.status == 200

        listed = ran("runs", TCC_LOCAL_DB=str(here))
        assert (listed.returncode, listed.stderr) == (0, "")
        assert listed.stdout.splitlines()[1].split()[0] == "run-1"

        shown = ran("show", "last", "--db", str(here))
        assert (shown.returncode, shown.stderr) == (0, "")
        assert shown.stdout.startswith("run  shop  ok  ")
        assert "step  gpt-5" in shown.stdout

        exported = ran("export", str(lines), "--db", str(here))
        assert (exported.returncode, exported.stdout) == (0, "")
        assert exported.stderr == f"1 line written to {lines}.\n"

        imported = ran("import", str(lines), "--db", str(there))
        assert (imported.returncode, imported.stderr) == (0, "2 spans taken in.\n")
        again = ran("import", "-", "--db", str(here), typed=lines.read_text(encoding="utf-8"))
        assert (again.returncode, again.stderr) == (0, "0 spans taken in, 2 were here already.\n")

        doctor = ran(
            "doctor", "--json", "--db", str(here), TCC_URL=url, TCC_SPOOL_DIR=str(tmp_path / "spool")
        )
        findings = json.loads(doctor.stdout)["findings"]
        assert [one for one in findings if one["state"] == "problem"] == []
        assert doctor.returncode == 0
        assert findings[-1]["text"].startswith(f"it is there: {url}/runs/tcc-doctor-")
        assert server.end() == (0, "")
    first, second = (ran("export", "--db", str(one), "--agent", "shop") for one in (here, there))
    assert json.loads(first.stdout)["resourceSpans"] == json.loads(second.stdout)["resourceSpans"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_at_once(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C and SIGTERM end it quietly, and do not wait for a page that follows along."""
    with serving(tmp_path / "runs.db") as (server, url):
        port = urlsplit(url).port or 0
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as page:
            page.sendall(
                f"GET /live HTTP/1.1\r\nHost: localhost:{port}\r\nAccept: text/event-stream\r\n\r\n".encode()
            )
            page.recv(1)
            began = time.monotonic()
            assert server.end(number) == (0, "")
            assert time.monotonic() - began < PATIENCE / 2


def test_a_second_one_says_where_the_first_is(tmp_path: Path) -> None:
    """The same database or the same port: one line that says where it is served, and what to do."""
    with serving(tmp_path / "runs.db") as (_, url):
        same_database = ran("serve", "--port", "0", "--db", str(tmp_path / "runs.db"))
        same_port = ran("serve", "--port", str(urlsplit(url).port), "--db", str(tmp_path / "other.db"))
    for second in (same_database, same_port):
        assert (second.returncode, second.stdout) == (2, "")
        assert second.stderr.startswith(f"tcc: tcc serve is running already at {url}: ")
        assert second.stderr.count("\n") == 1


def test_a_port_that_another_program_has(tmp_path: Path) -> None:
    """One line that says what to do."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        second = ran("serve", "--port", str(port), "--db", str(tmp_path / "runs.db"))
    assert (second.returncode, second.stdout) == (2, "")
    assert second.stderr == (
        f"tcc: port {port} is taken by another program: stop that one, or choose another with --port\n"
    )


def test_other_machines_need_tokens(tmp_path: Path) -> None:
    """It does not start without where others can reach it; with them services write and people read."""
    database = tmp_path / "runs.db"
    open_to_all = ran("serve", "--host", "0.0.0.0", "--port", "0", "--db", str(database))
    assert (open_to_all.returncode, open_to_all.stdout) == (2, "")
    assert "tcc tokens add" in open_to_all.stderr
    write = ran("tokens", "add", "shop", "--write", "--db", str(database))
    read = ran("tokens", "add", "ada", "--read", "--db", str(database))
    assert write.stdout.startswith("tcc_w_")
    assert read.stdout.startswith("tcc_r_")
    with serving(database, "--host", "0.0.0.0") as (server, url):
        next(server.lines())
        assert "TCC_API_KEY" in next(server.lines())
        tcc.configure(tcc_url=url, api_key=write.stdout.strip())
        with tcc.run(run_id="run-1") as run:
            run.prompt("x")
        assert tcc.flush(PATIENCE)
        lines = ran("export", "--db", str(database)).stdout
        refused = ran("import", "-", "--db", str(database), typed=lines)
        assert refused.returncode == 2
        assert "TCC_API_KEY" in refused.stderr
        key = {"TCC_API_KEY": write.stdout.strip()}
        taken = ran("import", "-", "--db", str(database), typed=lines, **key)
        assert taken.stderr == "0 spans taken in, 1 were here already.\n"
        asked = [
            ask(url, "/api/runs/run-1", headers=headers) for headers in ({}, _bearer(read), _bearer(write))
        ]
        assert [one and one.status for one in asked] == [401, 200, 403]


def _bearer(added: object) -> dict[str, str]:
    return {"Authorization": f"Bearer {getattr(added, 'stdout', '').strip()}"}


def test_following_shows_a_new_run(tmp_path: Path) -> None:
    """A run that comes while `tcc runs --follow` waits is shown as it ends; Ctrl-C is quiet."""
    database = tmp_path / "runs.db"
    with serving(database) as (_, url):
        send(url, "run-1")
        with running("runs", "--follow", "--json", "--db", str(database)) as follower:
            lines = follower.lines()
            assert json.loads(next(lines))["address"] == "run-1"
            send(url, "run-2")
            assert json.loads(next(lines))["address"] == "run-2"
            assert follower.end() == (130, "")


def test_what_serve_was_asked_is_checked(tmp_path: Path) -> None:
    """An age or a size that is none, a folder in place of a file: one line each, nothing is made."""
    for arguments, words in (
        (("--max-age", "soon"), "--max-age: must be an age"),
        (("--max-size", "2"), "--max-size: must be a size"),
        (("--port", "70000"), "'--port'"),
        (("--db", str(tmp_path)), "is a folder"),
    ):
        refused = ran("serve", "--port", "0", "--db", str(tmp_path / "runs.db"), *arguments)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert words in refused.stderr
        assert refused.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_collector_in_a_program_is_told_from_a_server() -> None:
    """The small collector of a test identifies itself too; the doctor finds that it has no dashboard."""
    with Collector() as collector:
        assert is_local_collector(collector.url)
        doctor = ran("doctor", TCC_URL=collector.url, TCC_SPOOL="off", TCC_LOCAL_DB="/nowhere/runs.db")
    assert doctor.returncode == 0
    assert "has no dashboard" in doctor.stdout
