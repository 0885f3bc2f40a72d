"""Functions that a platform freezes the moment they have answered."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from contextcompany.local.embedded.collector import Collector
from tests.loopback import Answer, LoopbackServer
from tests.servers.account import assert_each_once, assert_on_disk
from tests.servers.program import Program

if TYPE_CHECKING:
    from pathlib import Path

# Each line of input is an invocation; the process freezes itself in the instruction after it.
FUNCTION = """
import asyncio, os, signal, sys
import contextcompany as tcc

def invoke(run_id):
    with tcc.run(run_id, flush=True) as r:
        r.prompt("hi")
        r.step().prompt("q").response("a").end()

async def invoke_async(run_id):
    async with tcc.run(run_id, flush=True) as r:
        r.prompt("hi")
        async with r.step() as s:
            s.prompt("q").response("a")

def invoke_by_end(run_id):
    r = tcc.run(run_id, flush=True).prompt("hi")
    r.step().prompt("q").response("a").end()
    r.end()

def freeze():
    os.kill(os.getpid(), signal.SIGSTOP)
"""

HANDLERS = {
    "block": "invoke(line)",
    "async block": "asyncio.run(invoke_async(line))",
    "end": "invoke_by_end(line)",
}


def frozen(program: Program) -> None:
    """Wait until a program has stopped itself."""
    pid, status = os.waitpid(program.pid, os.WUNTRACED)
    assert pid == program.pid
    assert os.WIFSTOPPED(status), program.complaints


@pytest.mark.parametrize("handler", HANDLERS)
def test_a_function_that_is_frozen_after_its_answer(tmp_path: Path, handler: str) -> None:
    """With flush=True all of a run is at the collector when its block is left, in a thawed process too."""
    text = f"""
for line in map(str.strip, sys.stdin):
    {HANDLERS[handler]}
    freeze()
"""
    with (
        Collector() as collector,
        Program.script(FUNCTION + text, tmp_path, TCC_URL=collector.url) as program,
    ):
        for invocations in (["1"], ["1", "2"], ["1", "2", "3"]):
            program.say(invocations[-1])
            frozen(program)
            assert_each_once(collector, invocations)
            program.signal(signal.SIGCONT)
        program.signal(signal.SIGKILL)


def test_a_connection_that_died_during_the_freeze(tmp_path: Path) -> None:
    """A thawed function whose kept connection is gone delivers over a new one."""
    text = """
for line in map(str.strip, sys.stdin):
    invoke(line)
    freeze()
"""
    with Collector() as first:
        port = first.port
        with Program.script(FUNCTION + text, tmp_path, TCC_URL=first.url) as program:
            program.say("1")
            frozen(program)
            assert_each_once(first, ["1"])
            first.stop()
            with Collector(port=port) as second:
                program.signal(signal.SIGCONT)
                program.say("2")
                frozen(program)
                assert_each_once(second, ["2"])
            program.signal(signal.SIGKILL)


def test_a_hanging_collector_does_not_lose_the_run_of_a_frozen_function(tmp_path: Path) -> None:
    """Where delivery does not succeed in time, the run is on disk before the function answers."""
    text = """
invoke("run")
freeze()
"""
    with LoopbackServer(Answer(hangs=True)) as server:
        with Program.script(FUNCTION + text, tmp_path, TCC_URL=server.url) as program:
            frozen(program)
            program.signal(signal.SIGKILL)
        port = server.port
    assert_on_disk(port, ["run"])


def test_a_run_that_is_flushed_beside_busy_threads(tmp_path: Path) -> None:
    """flush=True waits for what its own run recorded, not for what other threads go on to record."""
    text = """
import threading, time
done = threading.Event()

def work(name):
    number = 0
    while not done.wait(0.002):
        tcc.run(f"{name}-{number}").prompt("hi").end()
        number += 1

threads = [threading.Thread(target=work, args=(name,)) for name in ("a", "b", "c")]
for thread in threads:
    thread.start()
invoke("first")
began = time.monotonic()
invoke("mine")
print(time.monotonic() - began, flush=True)
sys.stdin.readline()
done.set()
for thread in threads:
    thread.join()
"""
    with (
        Collector() as collector,
        Program.script(FUNCTION + text, tmp_path, TCC_URL=collector.url) as program,
    ):
        assert float(program.hear()) < 1.0
        names = [span.name for span in collector.store.spans() if span.attributes["tcc.runId"] == "mine"]
        assert sorted(names) == ["chat", "invoke_agent"]
        program.say("enough")
        program.end()
