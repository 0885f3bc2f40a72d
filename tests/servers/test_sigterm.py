"""SIGTERM: untouched unless asked for, and then everything is delivered or on disk before it acts."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

from contextcompany.local.embedded.collector import Collector
from tests.loopback import PATIENCE, Answer, LoopbackServer
from tests.servers.account import assert_each_arrives, assert_each_once, assert_on_disk, noted
from tests.servers.program import Program, eventually

if TYPE_CHECKING:
    from pathlib import Path

DRAINED_SECONDS = 2.5
KILLED = -signal.SIGTERM
MANY = 100

RECORDING = f"""
import os, signal, sys, threading, time
import contextcompany as tcc
from tests.servers.ledger import note, record

def put(line):
    os.write(1, (line + "\\n").encode())

def record_many():
    for number in range({MANY}):
        record(f"run-{{number}}")
"""

# What was there before us, by name: how it is set, and what happens in the end.
HANDLERS = {
    "default": "",
    "ignored": "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n",
    "function": "signal.signal(signal.SIGTERM, lambda *given: put(f'called {given[0]}'))\n",
}

# How the main thread waits.
WAITS = {
    "sleep": "time.sleep(60)",
    "lock": "lock = threading.Lock(); lock.acquire(); lock.acquire(timeout=60)",
    "thread": "t = threading.Thread(target=time.sleep, args=(60,), daemon=True); t.start(); t.join()",
    "busy": "while True: sum(range(1000))",
}


def script(text: str, folder: Path, url: str) -> Program:
    """Start a program that records."""
    return Program.script(RECORDING + text, folder, TCC_URL=url)


# Without being asked


@pytest.mark.parametrize("handler", HANDLERS)
def test_nothing_is_installed_unless_asked_for(tmp_path: Path, handler: str) -> None:
    """Recording, flushing and shutting down leave the handler of SIGTERM, and what it does, as they were."""
    with Collector() as collector:
        text = HANDLERS[handler] + (
            "before = signal.getsignal(signal.SIGTERM)\n"
            "tcc.configure()\n"
            "record('run')\n"
            "assert tcc.flush(20)\n"
            "assert signal.getsignal(signal.SIGTERM) == before\n"
            "tcc.shutdown()\n"
            "tcc.configure()\n"
            "assert signal.getsignal(signal.SIGTERM) == before\n"
            "put('ready')\n"
            "sys.stdin.readline()\n"
        )
        with script(text, tmp_path, collector.url) as program:
            assert program.hear() == "ready"
            program.signal(signal.SIGTERM)
            if handler == "default":
                assert program.end(KILLED) == ""
            else:
                if handler == "function":
                    assert program.hear() == "called 15"
                program.say("go")
                assert program.end() == ""
        assert_each_once(collector, ["run"])


# When asked, with what was there before


def test_the_default_ends_the_process(tmp_path: Path) -> None:
    """With the default handling before us everything is delivered, and the process dies of the signal."""
    with Collector() as collector:
        text = "tcc.configure(on_sigterm=True)\nrecord_many()\nput('ready')\ntime.sleep(60)\n"
        with script(text, tmp_path, collector.url) as program:
            assert program.hear() == "ready"
            program.signal(signal.SIGTERM)
            began = time.monotonic()
            program.end(KILLED)
            assert time.monotonic() - began < DRAINED_SECONDS
        assert_each_once(collector, noted(tmp_path))
        assert len(noted(tmp_path)) == MANY


def test_what_is_open_is_closed_and_delivered(tmp_path: Path) -> None:
    """Where the process dies, handles that are open arrive as abandoned, with what was set on them."""
    with Collector() as collector:
        text = """
tcc.configure(on_sigterm=True)
with tcc.run("open") as r:
    r.prompt("hi")
    put("ready")
    time.sleep(60)
"""
        with script(text, tmp_path, collector.url) as program:
            assert program.hear() == "ready"
            program.signal(signal.SIGTERM)
            program.end(KILLED)
        (span,) = collector.store.spans()
        assert (span.name, span.status_code, span.attributes["tcc.runId"], span.attributes["error.type"]) == (
            "invoke_agent",
            "ERROR",
            "open",
            "tcc.abandoned",
        )
        assert "hi" in str(span.attributes["gen_ai.input.messages"])


def test_a_function_is_called_after_the_delivery_and_the_process_lives_on(tmp_path: Path) -> None:
    """A handler of the application is called once everything is delivered, open runs stay open."""
    with Collector() as collector:
        text = """
def mine(number, frame):
    put(f"called {number} {frame is not None} {tcc.stats().delivered} {tcc.stats().pending}")

signal.signal(signal.SIGTERM, mine)
tcc.configure(on_sigterm=True)
with tcc.run("open") as r:
    r.prompt("hi")
    record_many()
    put("ready")
    sys.stdin.readline()
    r.step().prompt("q").response("a").end()
note("open")
record("after")
assert signal.getsignal(signal.SIGTERM) != mine
"""
        with script(text, tmp_path, collector.url) as program:
            assert program.hear() == "ready"
            program.signal(signal.SIGTERM)
            assert program.hear() == f"called 15 True {2 * MANY} 0"
            program.say("go on")
            assert program.end() == ""
        assert_each_once(collector, noted(tmp_path))


def test_ignored_stays_ignored(tmp_path: Path) -> None:
    """Where SIGTERM was ignored the process delivers, and lives on."""
    with Collector() as collector:
        text = """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
tcc.configure(on_sigterm=True)
record_many()
put("ready")
sys.stdin.readline()
record("after")
"""
        with script(text, tmp_path, collector.url) as program:
            assert program.hear() == "ready"
            program.signal(signal.SIGTERM)
            collector.store.wait_for(lambda spans: len(spans) == 2 * MANY, PATIENCE)
            program.say("go on")
            assert program.end() == ""
        assert_each_once(collector, noted(tmp_path))


# With a collector that hangs


@pytest.mark.parametrize("handler", HANDLERS)
def test_a_hanging_collector_holds_the_signal_no_longer_than_the_budget(tmp_path: Path, handler: str) -> None:
    """What cannot be delivered is on disk before the handler of before acts, and the next process has it."""
    text = (
        HANDLERS[handler]
        + """
tcc.configure(on_sigterm=True)
record_many()
put("ready")
while tcc.stats().pending:
    time.sleep(0.01)
put("saved")
sys.stdin.readline()
"""
    )
    with LoopbackServer(Answer(hangs=True)) as server:
        with script(text, tmp_path, server.url) as program:
            assert program.hear() == "ready"
            program.signal(signal.SIGTERM)
            began = time.monotonic()
            if handler == "default":
                program.end(KILLED)
            else:
                heard = {program.hear() for _ in range(2 if handler == "function" else 1)}
                assert heard == ({"saved", "called 15"} if handler == "function" else {"saved"})
            assert time.monotonic() - began < DRAINED_SECONDS
            if handler != "default":
                program.signal(signal.SIGKILL)
                assert program.wait() == -signal.SIGKILL
        port = server.port
    assert len(noted(tmp_path)) == MANY
    assert_on_disk(port, noted(tmp_path))


def test_a_dead_collector(tmp_path: Path) -> None:
    """Where nobody listens the process does not use up the budget: all goes to disk at once."""
    with LoopbackServer() as server:
        url, port = server.url, server.port
    text = "tcc.configure(on_sigterm=True)\nrecord_many()\nput('ready')\ntime.sleep(60)\n"
    with script(text, tmp_path, url) as program:
        assert program.hear() == "ready"
        program.signal(signal.SIGTERM)
        began = time.monotonic()
        program.end(KILLED)
        assert time.monotonic() - began < DRAINED_SECONDS / 2
    assert_on_disk(port, noted(tmp_path))


# Wherever the main thread is


@pytest.mark.parametrize("wait", WAITS)
def test_wherever_the_main_thread_waits(tmp_path: Path, wait: str) -> None:
    """The signal acts while the main thread sleeps, waits for a lock or a thread, or computes."""
    with Collector() as collector:
        text = f"tcc.configure(on_sigterm=True)\nrecord('run')\nput('ready')\n{WAITS[wait]}\n"
        with script(text, tmp_path, collector.url) as program:
            assert program.hear() == "ready"
            program.signal(signal.SIGTERM)
            began = time.monotonic()
            program.end(KILLED)
            assert time.monotonic() - began < DRAINED_SECONDS
        # On a machine that is busy too, the budget may be over before the first request.
        assert_each_arrives(collector, ["run"])


def test_a_main_thread_that_records_without_pause(tmp_path: Path) -> None:
    """However the signal meets the recording thread, all that ended before it arrives: no hole, no double."""
    with Collector() as collector:
        text = """
tcc.configure(on_sigterm=True)
record("0")
put("ready")
number = 0
while True:
    number += 1
    tcc.run(str(number)).prompt("hi").end()
    note(str(number))
"""
        with script(text, tmp_path, collector.url) as program:
            assert program.hear() == "ready"
            eventually("some runs", lambda: len(noted(tmp_path)) > MANY)
            at_signal = len(noted(tmp_path))
            program.signal(signal.SIGTERM)
            began = time.monotonic()
            program.end(KILLED)
            assert time.monotonic() - began < DRAINED_SECONDS
        spans = [span for span in collector.store.spans() if span.name == "invoke_agent"]
        assert sorted(int(str(span.attributes["tcc.runId"])) for span in spans) == list(range(len(spans)))
        assert len(spans) >= at_signal
        assert collector.store.duplicates == 0


def test_many_signals_at_any_point_of_recording(tmp_path: Path) -> None:
    """Eight signals, each at another point of the main thread's recording, drain and are passed on."""
    with Collector() as collector:
        text = """
called = threading.Event()
signal.signal(signal.SIGTERM, lambda *given: called.set())
tcc.configure(on_sigterm=True)

def interrupt():
    for _ in range(8):
        os.kill(os.getpid(), signal.SIGTERM)
        assert called.wait(20)
        called.clear()
    done.set()

done = threading.Event()
threading.Thread(target=interrupt, daemon=True).start()
number = 0
while not done.is_set():
    record(str(number))
    number += 1
    if number % 4 == 0:
        done.wait(0.001)  # the collector of the test keeps 100,000 spans
"""
        with script(text, tmp_path, collector.url) as program:
            assert program.end() == ""
        assert_each_once(collector, noted(tmp_path))


def test_a_second_signal_while_draining(tmp_path: Path) -> None:
    """Further signals while a drain is under way neither cut it short nor make it longer."""
    text = """
signal.signal(signal.SIGTERM, lambda *given: put("called"))
tcc.configure(on_sigterm=True)
record_many()
put("ready")
sys.stdin.readline()
put("awake")
sys.stdin.readline()
"""
    with LoopbackServer(Answer(hangs=True)) as server:
        with script(text, tmp_path, server.url) as program:
            assert program.hear() == "ready"
            program.signal(signal.SIGTERM)
            began = time.monotonic()
            server.wait_for(1)
            program.signal(signal.SIGTERM)
            program.say("are you awake?")
            assert program.hear() == "awake"
            program.signal(signal.SIGTERM)
            assert program.hear() == "called"
            assert time.monotonic() - began < DRAINED_SECONDS
            program.signal(signal.SIGKILL)
            program.wait()
        port = server.port
    assert_on_disk(port, noted(tmp_path))


# Under an event loop


def test_an_event_loop_that_sleeps(tmp_path: Path) -> None:
    """A process that awaits in asyncio delivers and dies of the signal."""
    with Collector() as collector:
        text = """
import asyncio
tcc.configure(on_sigterm=True)

async def main():
    for number in range(10):
        async with tcc.run(f"task-{number}") as r:
            r.prompt("hi")
            r.step().prompt("q").response("a").end()
        note(f"task-{number}")
    put("ready")
    await asyncio.sleep(60)

asyncio.run(main())
"""
        with script(text, tmp_path, collector.url) as program:
            assert program.hear() == "ready"
            program.signal(signal.SIGTERM)
            program.end(KILLED)
        assert_each_once(collector, noted(tmp_path))


@pytest.mark.parametrize("first", ["loop", "ours"])
def test_a_handler_of_the_event_loop(tmp_path: Path, first: str) -> None:
    """A handler given to the event loop, before us or after, is called once, and the exit delivers all."""
    steps = {
        "loop": "asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, mine)",
        "ours": "tcc.configure(on_sigterm=True)",
    }
    with Collector() as collector:
        text = f"""
import asyncio
async def main():
    stop = asyncio.Event()
    calls = []
    def mine():
        calls.append(1)
        stop.set()
    {steps[first]}
    {steps["ours" if first == "loop" else "loop"]}
    record_many()
    put("ready")
    await stop.wait()
    record("last")
    assert tcc.flush(20)
    await asyncio.sleep(0.1)  # where a second call would come
    assert len(calls) == 1, calls

asyncio.run(main())
record("after-the-loop")
"""
        with script(text, tmp_path, collector.url) as program:
            assert program.hear() == "ready"
            program.signal(signal.SIGTERM)
            program.end()
        assert noted(tmp_path)[-1] == "after-the-loop"
        assert_each_once(collector, noted(tmp_path))


# Installing and removing


def test_a_later_configure_gives_the_signal_back(tmp_path: Path) -> None:
    """Asking twice installs one handler, and a configure that does not ask restores the one of before."""
    with Collector() as collector:
        text = """
def mine(number, frame):
    put("called")

signal.signal(signal.SIGTERM, mine)
tcc.configure(on_sigterm=True)
ours = signal.getsignal(signal.SIGTERM)
assert ours != mine
tcc.configure(on_sigterm=True)
assert signal.getsignal(signal.SIGTERM) == ours
tcc.configure(on_sigterm=False)
assert signal.getsignal(signal.SIGTERM) is mine
tcc.configure(on_sigterm=True)
tcc.configure()
assert signal.getsignal(signal.SIGTERM) is mine
os.kill(os.getpid(), signal.SIGTERM)
tcc.configure(on_sigterm=True)
signal.signal(signal.SIGTERM, signal.SIG_DFL)
tcc.configure()
assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
"""
        with script(text, tmp_path, collector.url) as program:
            assert program.end() == "called"
            assert program.complaints == ""


def test_configure_outside_the_main_thread_says_that_it_cannot(tmp_path: Path) -> None:
    """Off the main thread nothing is installed, one warning says so, and the process dies as before."""
    with Collector() as collector:
        text = """
for _ in range(2):
    thread = threading.Thread(target=tcc.configure, kwargs={"on_sigterm": True})
    thread.start()
    thread.join()
assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
record("run")
assert tcc.flush(20)
put("ready")
time.sleep(60)
"""
        with script(text, tmp_path, collector.url) as program:
            assert program.hear() == "ready"
            program.signal(signal.SIGTERM)
            program.end(KILLED)
            (line,) = program.complaints.splitlines()
            assert "on_sigterm" in line
            assert "main thread" in line
        assert_each_once(collector, ["run"])


def test_a_forked_child_drains_by_itself(tmp_path: Path) -> None:
    """A child inherits the handler: it delivers its own runs and dies, and its parent goes on."""
    with Collector() as collector:
        text = """
tcc.configure(on_sigterm=True)
record("parent")
child = os.fork()
if child == 0:
    signal.alarm(40)
    record("child")
    put("ready")
    put(str(os.getpid()))
    time.sleep(60)
assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGTERM
record("after")
"""
        with script(text, tmp_path, collector.url) as program:
            assert program.hear() == "ready"
            child = int(program.hear())
            os.kill(child, signal.SIGTERM)
            assert program.end() == ""
        assert_each_once(collector, ["parent", "child", "after"])
