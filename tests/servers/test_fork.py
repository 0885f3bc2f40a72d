"""Plain forks at awkward moments: nothing is sent twice, nothing hangs, nothing is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contextcompany.local.embedded.collector import Collector
from tests.loopback import Answer, LoopbackServer
from tests.servers.account import assert_each_once, assert_on_disk, noted
from tests.servers.program import Program

if TYPE_CHECKING:
    from pathlib import Path

FORKING = """
import os, signal, sys, threading, time
import contextcompany as tcc
# These hold a lock of their own during a fork; that they come after us makes it harder.
import concurrent.futures.thread, logging

def put(line):
    os.write(1, (line + "\\n").encode())

def fork(work):
    child = os.fork()
    if child == 0:
        signal.alarm(15)  # a child that hangs would outlive the test
        work()
        os._exit(0 if tcc.flush(10) else 3)
    return child

def end_of(child):
    code = os.waitpid(child, 0)[1]
    assert code == 0, code
"""

RECORD = "from tests.servers.ledger import record\n"

# Where a thread imports a package for the first time, that takes long, as from a cold disk, and is told.
SLOW_IMPORTS = """
class Slow:
    def __init__(self, threads):
        self.threads = threads
        self.packages = set()
        self.is_importing = threading.Event()

    def find_spec(self, name, path=None, target=None):
        package = name.partition(".")[0]
        if threading.current_thread().name.startswith(self.threads) and package not in self.packages:
            self.packages.add(package)
            self.is_importing.set()
            time.sleep(0.02)

    def fork_meanwhile(self, quiet_seconds):
        number = 0
        while self.is_importing.wait(quiet_seconds):
            self.is_importing.clear()
            end_of(fork(lambda: record(f"child-{number}")))
            number += 1
        put(str(number))
"""


def test_a_fork_while_a_request_is_under_way(tmp_path: Path) -> None:
    """A child sends over its own connection while its parent waits for an answer; each span goes once."""
    text = """
record("parent")
sys.stdin.readline()
end_of(fork(lambda: record("child")))
put("done")
assert tcc.flush(20)
"""
    with LoopbackServer(Answer(hangs=True), Answer()) as server:
        with Program.script(FORKING + RECORD + text, tmp_path, TCC_URL=server.url) as program:
            server.wait_for(1)
            program.say("fork")
            assert program.hear() == "done"
            server.release()
            assert program.end() == ""
        assert_each_once(server, ["parent", "child"])


def test_forks_while_a_thread_records(tmp_path: Path) -> None:
    """Children forked at any moment of a busy parent deliver their runs, and the parent all of its own."""
    with Collector() as collector:
        text = """
record("first")
done = threading.Event()
def work():
    number = 0
    while not done.is_set():
        record(f"parent-{number}")
        number += 1
thread = threading.Thread(target=work)
thread.start()
children = [fork(lambda number=number: record(f"child-{number}")) for number in range(10)]
for child in children:
    end_of(child)
done.set()
thread.join()
"""
        with Program.script(FORKING + RECORD + text, tmp_path, TCC_URL=collector.url) as program:
            assert program.end() == ""
        runs = noted(tmp_path)
        assert sum(run_id.startswith("child") for run_id in runs) == 10
        assert_each_once(collector, runs)


def test_forks_while_another_thread_uses_the_package_for_the_first_time(tmp_path: Path) -> None:
    """A child forked in the middle of our imports is not left with a module that is locked for ever."""
    with Collector() as collector:
        text = """
slow = Slow("first-use")
sys.meta_path.insert(0, slow)

def record(run_id):
    with tcc.run(run_id) as r:
        r.prompt("hi").step().prompt("q").response("a").end()

thread = threading.Thread(target=record, args=("parent",), name="first-use")
thread.start()
slow.fork_meanwhile(0.5)
thread.join()
assert "opentelemetry" in slow.packages, slow.packages
"""
        with Program.script(FORKING + SLOW_IMPORTS + text, tmp_path, TCC_URL=collector.url) as program:
            forks = int(program.end())
        assert_each_once(collector, ["parent", *(f"child-{number}" for number in range(forks))])


def test_forks_while_our_threads_import(tmp_path: Path) -> None:
    """Whatever our threads import late, a child forked in the middle of it records, prices and delivers."""
    with Collector() as collector:
        text = """
slow = Slow("contextcompany-")
sys.meta_path.insert(0, slow)

def record(run_id):
    with tcc.run(run_id) as r:
        r.prompt("hi").step().prompt("q").response("a").model("gpt-4o").tokens(10, 0, 10).end()

record("parent")
slow.fork_meanwhile(1.5)
assert "genai_prices" in slow.packages, slow.packages
"""
        with Program.script(FORKING + SLOW_IMPORTS + text, tmp_path, TCC_URL=collector.url) as program:
            forks = int(program.end())
        runs = ["parent", *(f"child-{number}" for number in range(forks))]
        names = ("invoke_agent", "chat gpt-4o")
        assert_each_once(collector, [], more=[(run_id, name, "UNSET") for run_id in runs for name in names])
        steps = [span for span in collector.store.spans() if span.name == "chat gpt-4o"]
        assert all("tcc.cost" in span.attributes for span in steps)


def test_a_fork_that_could_not_wait_for_an_import(tmp_path: Path) -> None:
    """Where an import takes longer than a fork waits, the child still has a gate that opens."""
    text = """
from contextcompany import imports
imports._MOST_SECONDS = 0.05
is_held, is_over = threading.Event(), threading.Event()
def hold():
    with imports.gate:
        is_held.set()
        is_over.wait(20)
thread = threading.Thread(target=hold, daemon=True)
thread.start()
is_held.wait()
child = os.fork()
if child == 0:
    signal.alarm(3)
    with imports.gate:
        os._exit(0)
end_of(child)
is_over.set()
thread.join()
with imports.gate:
    pass
"""
    with Program.script(FORKING + text, tmp_path) as program:
        assert program.end() == ""


@pytest.mark.parametrize("last", ["parent", "child"])
def test_a_handle_that_crossed_a_fork(tmp_path: Path, last: str) -> None:
    """In the child nothing of an inherited handle has an effect but one warning each; the parent ends it."""
    with Collector() as collector:
        text = f"""
r = tcc.run("crossed").prompt("hi")
s = r.step().prompt("q")
calls = []
class Count(logging.Handler):
    def emit(self, record):
        calls.append(record.getMessage())
logging.getLogger("contextcompany").addHandler(Count())

def inherit():
    if {last == "child"}:
        sys.stdin.readline()
    assert s.prompt("child").response("child").model("gpt-4o").tokens(1).status(2, "child") is s
    s.end()
    s.error("child")
    assert r.prompt("child").response("child").metadata(child=True).status(2, "child") is r
    r.end()
    r.error("child")
    assert len(calls) == 2 and all("fork" in call for call in calls), calls
    record("child")

child = fork(inherit)
if {last == "parent"}:
    end_of(child)
s.response("a").end()
r.end()
assert tcc.flush(20)
if {last == "child"}:
    put("ended")
    end_of(child)
assert calls == [], calls
"""
        with Program.script(FORKING + RECORD + text, tmp_path, TCC_URL=collector.url) as program:
            if last == "child":
                assert program.hear() == "ended"
                program.say("go on")
            assert program.end() == ""
            assert program.complaints == ""
        assert_each_once(collector, ["crossed", "child"])
        crossed = [span for span in collector.store.spans() if span.attributes["tcc.runId"] == "crossed"]
        assert not any("child" in str(span.attributes) for span in crossed)


def test_a_block_that_a_fork_leaves_twice(tmp_path: Path) -> None:
    """A child that leaves its parent's `with` block by an exception sends nothing of it and goes on."""
    with Collector() as collector:
        text = """
with tcc.run("crossed") as r:
    r.prompt("hi")
    with r.step() as s:
        s.prompt("q").response("a")
        child = os.fork()
        if child == 0:
            signal.alarm(15)
            try:
                with r, s:
                    raise KeyError("in the child")
            except KeyError:
                pass
if child == 0:
    record("child")
else:
    end_of(child)
"""
        with Program.script(FORKING + RECORD + text, tmp_path, TCC_URL=collector.url) as program:
            assert program.end() == ""
        assert_each_once(collector, ["crossed", "child"])


def test_a_parent_with_spans_on_disk(tmp_path: Path) -> None:
    """What a parent has on disk at a fork is its own: the child keeps its runs beside it, each run once."""
    with LoopbackServer() as server:
        url, port = server.url, server.port
    text = """
record("parent")
assert not tcc.flush(1)
assert tcc.stats().spooled == 2, tcc.stats()
child = os.fork()
if child == 0:
    signal.alarm(15)
    assert tcc.stats().spooled == 0, tcc.stats()
    record("child")
    sys.exit()
end_of(child)
record("after")
"""
    with Program.script(FORKING + RECORD + text, tmp_path, TCC_URL=url) as program:
        assert program.end() == ""
    assert_on_disk(port, ["parent", "child", "after"])
