"""The demo, run as its user runs it: a program of its own, without a key and without the network."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import pytest

import examples.demo.__main__ as demo
from contextcompany.local.embedded.collector import Collector
from contextcompany.local.store.filters import RunFilter
from contextcompany.local.store.sqlite.store import SqliteRunStore
from contextcompany.semconv import attributes
from tests.examples.test_examples import as_sdk_span
from tests.local.agent_spans import run as run_span
from tests.local.samples import protobuf_request
from tests.registry import check_span
from tests.wire import arrived

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).resolve().parents[2]
PREFIXES: Final = ("TCC_", "OTEL_", "OPENAI_", "PYTHON")
OTHERS: Final = {"SERVE", "COLUMNS", "FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"}

TREES: Final = """\
session  demo-X  2 runs  T  $N

run  shop-support  ok  T  558 in (192 cached), 115 out  $N
id        UUID
who       user Ada Lindqvist (customer-7) · org Hus & Hem (shop-1)
metadata  channel=chat · language=en
models    gpt-5-2025-08-07
prompt    Hello, where is my order 1042?
├── step  gpt-5 (gpt-5-2025-08-07)  ok  T  91 in, 45 out  $N
│   says  query_shop(sql="SELECT id, product, state, delivery_date FROM orders WHERE id = 1042")
├── tool  query_shop  failed  T
│   args   {"sql": "SELECT id, product, state, delivery_date FROM orders WHERE id = 1042"}
│   error  sqlite3.OperationalError: no such column: delivery_date
├── step  gpt-5 (gpt-5-2025-08-07)  ok  T  175 in (64 cached), 37 out  $N
│   says  query_shop(sql="SELECT * FROM orders WHERE id = 1042")
├── tool  query_shop  ok  T
│   args    {"sql": "SELECT * FROM orders WHERE id = 1042"}
│   result  [{"id": 1042, "customer_id": 7, "product": "Walnut desk lamp", "price_eur": 129.0, "sta…
├── step  gpt-5 (gpt-5-2025-08-07)  ok  T  292 in (128 cached), 33 out  $N
│   says  Your order 1042 (Walnut desk lamp) is shipped with Nordlogistik. It was expected on 2026-…
└── answer  Your order 1042 (Walnut desk lamp) is shipped with Nordlogistik. It was expected on
            2026-03-10, so it is late. I am sorry about that.

run  shop-support  ok  T  1,004 in (320 cached), 122 out  $N
id        UUID
who       user Ada Lindqvist (customer-7) · org Hus & Hem (shop-1)
metadata  channel=chat · language=en
models    gpt-5-mini-2025-08-07, gpt-5-2025-08-07
prompt    That is late. Can I send it back when it comes, and who pays for the return label?
├── step  gpt-5  failed  T
│   error  openai.InternalServerError: Error code: 500 - The server had an error while it processed
│          your request.
├── step  gpt-5-mini (gpt-5-mini-2025-08-07)  ok  T  364 in, 50 out  $N
│   says  search_help(query="That is late. Can I send it back when it comes, and who pays for the r…
├── tool  search_help  ok  T
│   args    {"query": "That is late. Can I send it back when it comes, and who pays for the return …
│   result  [{"page": "Returns", "heading": "Who pays for the way back", "text": "Send a late, wron…
├── step  gpt-5 (gpt-5-2025-08-07)  ok  T  640 in (320 cached), 72 out  $N
│   says  Yes. Send a late, wrong or damaged item back at our cost: ask us for a label and hand the…
├── answer  Yes. Send a late, wrong or damaged item back at our cost: ask us for a label and hand
│           the parcel in at any shop of the carrier. If you only changed your mind, the label costs
│           4.90 euros, which we take off the refund. You find this on our page “Returns”, under
│           “Who pays for the way back”.
└── feedback  thumbs_up  “Quick and clear, thank you!”
"""


def _environment(**own: str) -> dict[str, str]:
    inherited = {
        key: value for key, value in os.environ.items() if not key.startswith(PREFIXES) and key not in OTHERS
    }
    return {**inherited, "COLUMNS": "100", "PYTHONUTF8": "1", **own}


def _demo(**own: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "examples.demo"],
        cwd=ROOT,
        env=_environment(**own),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=50,
        check=False,
    )


def _steady(text: str) -> str:
    """Replace what differs from one run of the demo to the next; prices belong to their own package."""
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID", text)
    text = re.sub(r"\bdemo-[0-9a-f]{8}\b", "demo-X", text)
    text = re.sub(r"(?<=  )[0-9.]+ m?s\b", "T", text)
    return re.sub(r"\$[0-9.]+", "$N", text)


def _urls(text: str) -> list[str]:
    return re.findall(r"http://(?:127\.0\.0\.1|localhost):\d+", text)


def _assert_nobody_listens(url: str) -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", urlsplit(url).port or 0), timeout=10)


def test_the_demo_shows_its_runs_as_trees_and_leaves_nothing_running() -> None:
    """Two turns, a failed tool, a failed step, feedback and costs are on the screen, and then all is over."""
    ended = _demo()
    assert (ended.returncode, ended.stderr) == (0, "")
    collector, scripted, *again = _urls(ended.stdout)
    assert _steady(ended.stdout) == (
        f"A collector with a dashboard listens at {collector}.\n"
        f"OPENAI_API_KEY is not set: a scripted model answers at {scripted}/v1.\n"
        f"\n{TREES}\n"
        f"12 spans delivered to {collector}.\n"
        f"The last run is at {collector}/runs/UUID (make demo SERVE=1 keeps it)\n"
    )
    assert again == [collector] * 2
    _assert_nobody_listens(collector)
    _assert_nobody_listens(scripted)


def test_a_taken_port_means_another() -> None:
    """Whoever holds the usual port, the demo runs."""
    with Collector(port=4318, fallback=True) as mine:
        # Where the usual port was taken by somebody else, that is just as good.
        ended = _demo()
        assert (ended.returncode, ended.stderr) == (0, "")
        assert urlsplit(_urls(ended.stdout)[0]).port not in {4318, mine.port}
        assert mine.store.spans() == ()


def test_tcc_url_sends_the_demo_elsewhere() -> None:
    """With TCC_URL all spans go there and no collector is started; each holds against the registry."""
    with Collector() as collector:
        ended = _demo(TCC_URL=f"{collector.url}?key=secret")
        spans = collector.store.spans()
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith(f"Sending to {collector.url}, as the environment says.\n")
    assert ended.stdout.endswith(f"12 spans delivered to {collector.url}.\n")
    assert "├──" not in ended.stdout
    assert [
        (span.name, check_span(as_sdk_span(span))) for span in spans if check_span(as_sdk_span(span))
    ] == []
    assert [(span.name, span.kind, span.parent, span.trace, span.status) for span in arrived(spans)] == [
        ("invoke_agent shop-support", "INTERNAL", None, 0, ("UNSET", "")),
        ("chat gpt-5", "CLIENT", 0, 0, ("UNSET", "")),
        ("execute_tool query_shop", "INTERNAL", 0, 0, ("ERROR", "no such column: delivery_date")),
        ("chat gpt-5", "CLIENT", 0, 0, ("UNSET", "")),
        ("execute_tool query_shop", "INTERNAL", 0, 0, ("UNSET", "")),
        ("chat gpt-5", "CLIENT", 0, 0, ("UNSET", "")),
        ("invoke_agent shop-support", "INTERNAL", None, 1, ("UNSET", "")),
        (
            "chat gpt-5",
            "CLIENT",
            6,
            1,
            ("ERROR", "Error code: 500 - The server had an error while it processed your request."),
        ),
        ("chat gpt-5-mini", "CLIENT", 6, 1, ("UNSET", "")),
        ("execute_tool search_help", "INTERNAL", 6, 1, ("UNSET", "")),
        ("chat gpt-5", "CLIENT", 6, 1, ("UNSET", "")),
        ("tcc.feedback", "INTERNAL", 6, 1, ("UNSET", "")),
    ]


def test_a_collector_that_is_not_there_is_told_truly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The agent answers all the same, and the exit code and the last line say what was not delivered."""
    with Collector() as collector:
        pass
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("TCC_URL", collector.url)
    # In this process, so that it need not wait as long as a user would.
    monkeypatch.setattr(demo, "SEND_SECONDS", 0.1)
    assert demo.main() == 1
    *_, delivered, pending = capsys.readouterr().out.splitlines()
    assert delivered == f"0 spans delivered to {collector.url}."
    assert pending.startswith(
        ("0 pending, 12 kept on disk, {} dropped: ", "12 pending, 0 kept on disk, {} dropped: ")
    )


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Run the demo with SERVE=1 for one test, with a database of its own."""
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "examples.demo"],
        cwd=ROOT,
        env=_environment(SERVE="1", PYTHONUNBUFFERED="1", TCC_LOCAL_DB=str(tmp_path / "runs.db")),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        watch = threading.Timer(50, process.kill)
        watch.start()
        yield process
        watch.cancel()
        process.kill()


def test_serve_keeps_the_collector_and_shows_further_runs(
    serving: subprocess.Popen[str], tmp_path: Path
) -> None:
    """With SERVE=1 runs of other programs appear as they end, until Ctrl-C; the database keeps them."""
    assert serving.stdout is not None
    assert serving.stderr is not None
    url = next(_urls(line)[0] for line in serving.stdout if line.startswith("Serving at "))
    further = run_span("r-further", {attributes.TCC_AGENT: "somebody-else"})
    body = protobuf_request(further).SerializeToString()
    with socket.create_connection(("127.0.0.1", urlsplit(url).port or 0), timeout=10) as connection:
        head = f"POST /v1/traces HTTP/1.1\r\nHost: {url[7:]}\r\nConnection: close\r\n"
        head += f"Content-Type: application/x-protobuf\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)
        assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
    assert next(line for line in serving.stdout if line.strip()) == "run  somebody-else  ok  10 ms\n"
    assert next(serving.stdout) == "id  r-further\n"
    serving.send_signal(signal.SIGINT)
    assert serving.wait(20) == 0
    assert serving.stderr.read() == ""
    _assert_nobody_listens(url)
    with SqliteRunStore.open(tmp_path / "runs.db", read_only=True) as store:
        assert len(store.runs(RunFilter()).items) == 3
