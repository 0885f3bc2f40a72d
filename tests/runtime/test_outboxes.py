"""The outboxes of the process: one for each destination and way, for as long as the process lives."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest

import contextcompany as tcc
from contextcompany.delivery.outbox import encoder
from contextcompany.local.embedded.collector import Collector
from contextcompany.runtime.outboxes import Outboxes
from contextcompany.runtime.process import process
from contextcompany.runtime.results import Stats
from contextcompany.settings.settings import load
from contextcompany.testing import capture
from tests.interpreter import python
from tests.loopback import PATIENCE, LoopbackServer
from tests.servers.account import assert_each_once, noted
from tests.servers.program import Program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from contextcompany.delivery.outbox.outbox import Outbox
    from contextcompany.sdk import ReadableSpan

URL = "http://localhost:9/v1/traces"


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let spans go only when they are flushed, so that what is pending is known."""
    monkeypatch.setattr(encoder, "BATCH_SECONDS", 3_600.0)


@pytest.fixture
def outboxes() -> Iterator[Outboxes]:
    """Outboxes of a process, none yet."""
    made = Outboxes()
    yield made
    for box in made.all():
        box.close(0)


def unchanged(span: ReadableSpan) -> ReadableSpan:
    """Prepare nothing."""
    return span


def get(outboxes: Outboxes, *, reopen: bool = True, **arguments: Any) -> Outbox:
    """Return the outbox that some arguments of configure lead to."""
    settings = load(**{"tcc_url": URL, **arguments})
    return outboxes.get(
        settings.destination, settings, user_agent="tests/1", prepare=unchanged, reopen=reopen
    )


def recorded(run_id: str, prompt: str = "hi", **where: Any) -> None:
    """Record a short run."""
    tcc.run(run_id, **where).prompt(prompt).end()


def shared() -> list[Outbox]:
    """Return the outboxes that the configurations of this process share."""
    return process._outboxes.all()


def taken_in() -> list[int]:
    """Return how many spans each of them has had; a configure sends at once what waits."""
    found = [box.counters() for box in shared()]
    assert all((counters.spooled, dict(counters.dropped)) == (0, {}) for counters in found)
    return [counters.pending + counters.delivered for counters in found]


def seen(collector: Collector) -> list[tuple[str, bool, bool]]:
    """Return the run of each span that arrived, and whether its prompt has the word of a hook in it."""
    return [
        (
            str(span.attributes["tcc.runId"]),
            "[one]" in str(span.attributes["gen_ai.input.messages"]),
            "[two]" in str(span.attributes["gen_ai.input.messages"]),
        )
        for span in collector.store.spans()
    ]


def one(text: str, name: str) -> str:
    """Redact as the first configuration does."""
    return text.replace("secret", "[one]")


def two(text: str, name: str) -> str:
    """Redact as the second configuration does."""
    return text.replace("secret", "[two]")


# Which outbox


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"redact": one},
        {"redact_secrets": "all"},
        {"capture_content": False},
        {"service_name": "shop"},
        {"resource_attributes": {"deployment": "eu"}},
        {"run_timeout": 3.0},
        {"foreign_parent": "link"},
        {"debug": True},
        {"tcc_url": "http://localhost:9"},
    ],
    ids=lambda arguments: next(iter(arguments), "nothing"),
)
def test_what_does_not_change_the_way(outboxes: Outboxes, arguments: dict[str, Any]) -> None:
    """What is recorded and how it is redacted says nothing of the way: the outbox is the same."""
    assert get(outboxes, **arguments) is get(outboxes)
    assert outboxes.all() == [get(outboxes)]


@pytest.mark.parametrize(
    "arguments",
    [
        {"tcc_url": "http://localhost:10"},
        {"api_key": "another-key"},
        {"headers": {"x-tenant": "t"}},
        {"spool_dir": "spools"},
        {"spool": False},
        {"proxies": True},
        {"ca_bundle": "."},
    ],
    ids=lambda arguments: next(iter(arguments)),
)
def test_what_changes_the_way(
    outboxes: Outboxes, arguments: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another place, key or header, another disk and another network are another outbox, each found again."""
    monkeypatch.chdir(tmp_path)
    first, second = get(outboxes), get(outboxes, **arguments)
    assert first is not second
    assert (get(outboxes), get(outboxes, **arguments)) == (first, second)
    assert outboxes.all() == [first, second]


def test_many_threads_at_once(outboxes: Outboxes) -> None:
    """Threads that need an outbox at the same moment get the same one."""
    together = Barrier(8)

    def ask(_: int) -> Outbox:
        together.wait(PATIENCE)
        return get(outboxes)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, range(8)))
    assert outboxes.all() == [found[0]]
    assert all(box is found[0] for box in found)


def test_forgotten(outboxes: Outboxes) -> None:
    """After forgetting there is none, and the next one is new."""
    before = get(outboxes)
    outboxes.forget()
    assert outboxes.all() == []
    assert get(outboxes) is not before
    before.close(0)


def test_what_lies_on_disk() -> None:
    """Something is left where the destination has a request on disk; not for others, nor without a disk."""
    outboxes = Outboxes()

    def has_left(**arguments: Any) -> bool:
        settings = load(**arguments)
        return outboxes.has_left_something(settings.destination, settings)

    with LoopbackServer() as server:
        url = server.url
    assert not has_left(tcc_url=url)
    tcc.configure(tcc_url=url)
    recorded("run-1")
    assert not tcc.shutdown(PATIENCE)
    assert tcc.stats().spooled == 1
    assert has_left(tcc_url=url)
    assert not has_left(tcc_url=url, api_key="another-key")
    assert not has_left(tcc_url=url, spool=False)
    assert not has_left()
    assert outboxes.all() == []


# Over several configurations


def test_configured_again() -> None:
    """However often configure is called, what goes the same way has one outbox, and one count."""
    with Collector() as collector:
        tcc.configure(tcc_url=collector.url)
        recorded("run-0")
        (box,) = shared()
        later: list[dict[str, Any]] = [{}, {"redact": one}, {"capture_content": False}]
        for number, more in enumerate(later, 1):
            tcc.configure(tcc_url=collector.url, **more)
            assert taken_in() == [number]
            recorded(f"run-{number}")
        assert shared() == [box]
        assert taken_in() == [4]
        assert tcc.flush(PATIENCE)
        tcc.configure(tcc_url=collector.url)
        assert tcc.stats() == Stats(delivered=4, pending=0)
        assert len(collector.store) == 4


def test_the_first_run_reads_no_disk(tmp_path: Path) -> None:
    """What earlier processes left is looked for in the background: the caller waits for no file."""
    with Collector() as collector:
        url = collector.url
    variables = {"TCC_URL": url, "TCC_SPOOL_DIR": str(tmp_path / "spool")}
    record = "import contextcompany as tcc\ntcc.run().prompt('hi').end()\n"
    assert python(record, **variables).code == 0
    assert list((tmp_path / "spool").rglob("*.otlp"))
    watch = """
        import os, sys, threading
        import contextcompany as tcc
        tcc.run  # imports read files, of course
        def hook(event, arguments):
            if threading.current_thread() is threading.main_thread():
                asked.extend(str(one) for one in arguments if os.environ["TCC_SPOOL_DIR"] in str(one))
        asked = []
        sys.addaudithook(hook)
        tcc.run().prompt("hi").end()
        print(asked)
        """
    finished = python(watch, **variables)
    assert (finished.code, finished.out.strip()) == (0, "[]")


@pytest.mark.parametrize("name", ["api_key", "spool_dir", "proxies", "ca_bundle"])
def test_configured_for_another_way(name: str, tmp_path: Path) -> None:
    """What waited before goes its own way, what comes after goes the other, and the counts are of both."""
    values: dict[str, Any] = {
        "api_key": "another-key",
        "spool_dir": tmp_path / "spools",
        "proxies": True,
        "ca_bundle": tmp_path,
    }
    with Collector() as collector:
        tcc.configure(tcc_url=collector.url, api_key="first-key")
        recorded("before")
        tcc.configure(**{"tcc_url": collector.url, "api_key": "first-key", name: values[name]})
        recorded("after")
        assert taken_in() == [1, 1]
        assert tcc.flush(PATIENCE)
        assert tcc.stats() == Stats(delivered=2, pending=0)
        assert sorted(run_id for run_id, *_ in seen(collector)) == ["after", "before"]


def test_there_and_back() -> None:
    """A configuration that returns to an earlier way finds what waits there."""
    with Collector() as first, Collector() as second:
        tcc.configure(tcc_url=first.url)
        recorded("run-1")
        tcc.configure(tcc_url=second.url)
        recorded("run-2")
        tcc.configure(tcc_url=first.url)
        recorded("run-3")
        assert taken_in() == [2, 1]
        assert tcc.flush(PATIENCE)
        assert [run_id for run_id, *_ in seen(first)] == ["run-1", "run-3"]
        assert [run_id for run_id, *_ in seen(second)] == ["run-2"]


def test_each_span_passes_the_redaction_that_it_was_recorded_under() -> None:
    """In one outbox, even in one batch, each text has passed the hook of its own configuration alone."""
    with Collector() as collector:
        tcc.configure(tcc_url=collector.url, redact=one)
        recorded("run-1", "a secret")
        still_open = tcc.run("run-2").prompt("a secret")
        tcc.configure(tcc_url=collector.url, redact=two)
        recorded("run-3", "a secret")
        still_open.end()
        tcc.configure(tcc_url=collector.url)
        recorded("run-4", "a secret")
        assert len(shared()) == 1
        assert tcc.flush(PATIENCE)
        assert sorted(seen(collector)) == [
            ("run-1", True, False),
            ("run-2", True, False),
            ("run-3", False, True),
            ("run-4", False, False),
        ]
        prompts = [str(span.attributes["gen_ai.input.messages"]) for span in collector.store.spans()]
        assert sum("secret" in prompt for prompt in prompts) == 1


def test_each_key_is_masked_by_its_own_configuration() -> None:
    """The key of a configuration is hidden in what was recorded under it, whatever is configured later."""
    with Collector() as collector:
        for key in ("first-key-of-mine-0123", "second-key-of-mine-0123"):
            tcc.configure(tcc_url=collector.url, api_key=key, redact_secrets="all")
            recorded(key[:5], f"my key is {key}")
        assert tcc.flush(PATIENCE)
        prompts = [str(span.attributes["gen_ai.input.messages"]) for span in collector.store.spans()]
        assert len(prompts) == 2
        assert not any("-key-of-mine-0123" in prompt for prompt in prompts)


# Over the end


def test_shut_down_and_configured_again() -> None:
    """After a shutdown the same outbox takes spans again, and goes on counting."""
    with Collector() as collector:
        tcc.configure(tcc_url=collector.url)
        recorded("run-1")
        (box,) = shared()
        assert tcc.shutdown(PATIENCE)
        assert tcc.stats() == Stats(delivered=1, pending=0)
        tcc.configure(tcc_url=collector.url)
        assert tcc.stats() == Stats(delivered=1, pending=0)
        recorded("run-2")
        assert tcc.stats() == Stats(delivered=1, pending=1)
        assert tcc.flush(PATIENCE)
        assert tcc.stats() == Stats(delivered=2, pending=0)
        assert shared() == [box]
        assert [run_id for run_id, *_ in seen(collector)] == ["run-1", "run-2"]


def test_what_was_left_on_disk_at_a_shutdown_is_sent_after_the_next_configure() -> None:
    """What one shutdown brought to disk is delivered once by the same process, and counted as its own."""
    with LoopbackServer() as server:
        port, url = server.port, server.url
    tcc.configure(tcc_url=url)
    recorded("run-1")
    assert not tcc.shutdown(PATIENCE)
    after = tcc.stats()
    assert (after.delivered, after.pending, after.spooled, dict(after.dropped)) == (0, 0, 1, {})
    with Collector(port=port) as collector:
        tcc.configure(tcc_url=url)
        assert tcc.flush(PATIENCE)
        found = tcc.stats()
        assert (found.delivered, found.spooled, found.recovered, dict(found.dropped)) == (1, 0, 0, {})
        assert [run_id for run_id, *_ in seen(collector)] == ["run-1"]


def test_one_that_was_closed_stays_closed_unless_asked(outboxes: Outboxes) -> None:
    """A configuration that has ended itself finds the outbox, and does not open it."""
    box = get(outboxes, spool=False)
    box.close(0)
    assert get(outboxes, spool=False, reopen=False) is box
    assert box._desk.closed
    assert get(outboxes, spool=False) is box
    assert not box._desk.closed


# Beside them


def test_capture_leaves_the_others_open() -> None:
    """A `capture` block delivers what it gave to a shared outbox, and that goes on taking spans."""
    with Collector() as collector:
        tcc.configure(tcc_url=collector.url)
        recorded("before")
        with capture() as spans:
            recorded("captured")
            recorded("elsewhere", tcc_url=collector.url)
            assert [span.name for span in spans.spans] == ["invoke_agent"]
        assert len(shared()) == 1
        assert [run_id for run_id, *_ in seen(collector)] == ["before", "elsewhere"]
        recorded("after")
        assert tcc.flush(PATIENCE)
        assert [run_id for run_id, *_ in seen(collector)] == ["before", "elsewhere", "after"]
        assert dict(tcc.stats().dropped) == {}


def test_an_exporter_has_no_part_in_it() -> None:
    """Spans for an exporter of the application are in no shared outbox."""
    with capture() as spans:
        recorded("run-1")
        assert shared() == []
        assert len(spans.spans) == 1


# Forks


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_fork(tmp_path: Path) -> None:
    """A child has the same outboxes, empty and open; what waited stays with the parent, and goes once."""
    text = """
import os, signal
import contextcompany as tcc
from contextcompany.delivery.outbox import encoder
from contextcompany.runtime.process import process
from contextcompany.runtime.results import Stats
from tests.servers.ledger import record

encoder.BATCH_SECONDS = 3600.0
tcc.configure(tcc_url=os.environ["FIRST"])
record("first")
assert tcc.flush(10)
tcc.configure(tcc_url=os.environ["SECOND"])
record("second")
before = process._outboxes.all()
assert tcc.stats() == Stats(delivered=2, pending=2), tcc.stats()

child = os.fork()
if child == 0:
    signal.alarm(20)
    assert process._outboxes.all() == before
    assert tcc.stats() == Stats(delivered=0, pending=0), tcc.stats()
    record("of-child")
    assert tcc.stats() == Stats(delivered=0, pending=2), tcc.stats()
    assert tcc.flush(10)
    assert tcc.stats() == Stats(delivered=2, pending=0), tcc.stats()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert process._outboxes.all() == before
assert tcc.stats() == Stats(delivered=2, pending=2), tcc.stats()
assert tcc.flush(10)
assert tcc.stats() == Stats(delivered=4, pending=0), tcc.stats()
"""
    with Collector() as first, Collector() as second:
        with Program.script(text, tmp_path, FIRST=first.url, SECOND=second.url) as program:
            assert program.end() == ""
        assert noted(tmp_path) == ["first", "second", "of-child"]
        assert_each_once(first, ["first"])
        assert_each_once(second, ["second", "of-child"])
