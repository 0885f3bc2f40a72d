"""Processes in which gevent patched everything before our import."""

from __future__ import annotations

import signal
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from contextcompany.local.embedded.collector import Collector
from tests.loopback import Answer, LoopbackServer
from tests.servers.account import assert_each_once, assert_on_disk, noted
from tests.servers.program import Program

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(
    find_spec("gevent") is None, reason="gevent is not installed: greenlets are NOT tested"
)

PATCHED = """
from gevent import monkey
monkey.patch_all()
import os, signal, sys, time
import gevent
import gevent.os
import contextcompany as tcc
from tests.servers.ledger import note, record

def put(line):
    os.write(1, (line + "\\n").encode())
"""


def test_many_greenlets_each_with_a_run(tmp_path: Path) -> None:
    """Runs of greenlets that take turns keep their steps; a flush and the exit deliver each once."""
    with Collector() as collector:
        text = """
def work(name):
    with tcc.run(name) as r:
        r.prompt("hi")
        gevent.sleep(0)
        with tcc.step() as s:
            s.prompt("q")
            gevent.sleep(0)
            s.response("a")
        assert tcc.current_run() is r
    note(name)

gevent.joinall([gevent.spawn(work, f"flushed-{number}") for number in range(100)], raise_error=True)
results = [gevent.spawn(tcc.flush, 20) for _ in range(5)]
gevent.joinall(results, raise_error=True)
assert all(result.value for result in results), results
assert (tcc.stats().delivered, tcc.stats().pending) == (200, 0), tcc.stats()
gevent.joinall([gevent.spawn(work, f"at-exit-{number}") for number in range(100)], raise_error=True)
assert tcc.stats().internal_errors == 0
"""
        with Program.script(PATCHED + text, tmp_path, TCC_URL=collector.url) as program:
            assert program.end() == ""
            assert program.complaints == ""
        assert len(noted(tmp_path)) == 200
        assert_each_once(collector, noted(tmp_path))
        spans = {span.span_id: span for span in collector.store.spans()}
        for span in spans.values():
            if span.name == "chat":
                assert span.parent_span_id is not None
                parent = spans[span.parent_span_id]
                assert parent.attributes["tcc.runId"] == span.attributes["tcc.runId"]


def test_real_threads_beside_the_hub(tmp_path: Path) -> None:
    """Threads of the hub's pool record too, and what they recorded arrives."""
    with Collector() as collector:
        text = """
record("hub")
pool = gevent.get_hub().threadpool
gevent.joinall([pool.spawn(record, f"thread-{number}") for number in range(20)], raise_error=True)
assert tcc.flush(20)
"""
        with Program.script(PATCHED + text, tmp_path, TCC_URL=collector.url) as program:
            assert program.end() == ""
        assert len(noted(tmp_path)) == 21
        assert_each_once(collector, noted(tmp_path))


def test_a_hanging_collector_does_not_hold_the_hub(tmp_path: Path) -> None:
    """While a request hangs the other greenlets go on; the exit is in time, and all is on disk."""
    with LoopbackServer(Answer(hangs=True)) as server:
        text = """
record("first")
assert not tcc.flush(2)  # what is loaded once, at the first delivery, holds the hub by itself
gaps = []
def tick():
    while True:
        before = time.monotonic()
        gevent.sleep(0.01)
        gaps.append(time.monotonic() - before)

ticking = gevent.spawn(tick)
for number in range(50):
    record(f"run-{number}")
    gevent.sleep(0.02)
assert not tcc.flush(1)
ticking.kill()
assert max(gaps) < 0.5, max(gaps)
put("leaving")
"""
        with Program.script(PATCHED + text, tmp_path, TCC_URL=server.url) as program:
            assert program.hear() == "leaving"
            began = time.monotonic()
            program.end()
            assert time.monotonic() - began < 2.5
        assert server.requests
        port = server.port
    runs = noted(tmp_path)
    assert len(runs) == 51
    assert_on_disk(port, runs)


def test_a_fork_of_the_hub(tmp_path: Path) -> None:
    """A child forked beside running greenlets delivers its own runs, and its parent goes on."""
    with Collector() as collector:
        text = """
record("parent")
assert tcc.flush(20)
for number in range(3):
    record(f"pending-{number}")
    child = os.fork()
    if child == 0:
        record(f"child-{number}")
        os._exit(0 if tcc.flush(20) else 3)
    assert os.waitpid(child, 0)[1] == 0
"""
        with Program.script(PATCHED + text, tmp_path, TCC_URL=collector.url) as program:
            assert program.end() == ""
        assert len(noted(tmp_path)) == 7
        assert_each_once(collector, noted(tmp_path))


def test_a_fork_of_the_hub_while_a_request_is_under_way(tmp_path: Path) -> None:
    """The copy of our greenlets that a child inherits sends and keeps nothing of its parent's."""
    text = """
record("parent")
gevent.os.tp_read(0, 100)
child = os.fork()
if child == 0:
    record("child")
    os._exit(0 if tcc.flush(20) else 3)
assert os.waitpid(child, 0)[1] == 0
put("done")
assert tcc.flush(20)
"""
    with LoopbackServer(Answer(hangs=True), Answer()) as server:
        with Program.script(PATCHED + text, tmp_path, TCC_URL=server.url) as program:
            server.wait_for(1)
            program.say("fork")
            assert program.hear() == "done"
            server.release()
            assert program.end() == ""
        assert_each_once(server, ["parent", "child"])


def test_a_drain_at_sigterm(tmp_path: Path) -> None:
    """`on_sigterm` delivers from a hub that waits, and the process dies of the signal."""
    with Collector() as collector:
        text = """
tcc.configure(on_sigterm=True)
gevent.joinall([gevent.spawn(record, f"run-{number}") for number in range(20)])
put("ready")
gevent.sleep(60)
"""
        with Program.script(PATCHED + text, tmp_path, TCC_URL=collector.url) as program:
            assert program.hear() == "ready"
            program.signal(signal.SIGTERM)
            began = time.monotonic()
            program.end(-signal.SIGTERM)
            assert time.monotonic() - began < 2.5
        assert_each_once(collector, noted(tmp_path))
