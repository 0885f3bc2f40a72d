"""The gate: what imports behind it is never torn by a fork."""

from __future__ import annotations

import os
import threading

import pytest

from contextcompany.imports import Gate
from tests.interpreter import python

# A fork beside a thread, from Python 3.12 on, is warned of.
QUIET = {"PYTHONWARNINGS": "ignore::DeprecationWarning"}

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")

# A thread holds the gate until a fork has begun; what it still does then takes a while.
FORKING = """
import os, signal, sys, threading, time
from contextcompany.imports import gate

is_held, is_forking, is_over = threading.Event(), threading.Event(), threading.Event()

def hold(finish):
    def work():
        with gate:
            is_held.set()
            is_forking.wait(20)
            time.sleep(0.05)
            finish()
            is_over.set()
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert is_held.wait(20)
    # Registered last, so called first: the fork has begun, and has taken no lock yet.
    os.register_at_fork(before=is_forking.set)
    return thread

def enter_elsewhere():
    entered = threading.Event()
    def enter():
        with gate:
            entered.set()
    thread = threading.Thread(target=enter, daemon=True)
    thread.start()
    return entered.wait(5)

def fork(work):
    child = os.fork()
    if child == 0:
        signal.alarm(15)  # a child that hangs would outlive the test
        os._exit(0 if work() else 3)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
"""


def run(text: str) -> str:
    """Run a program that forks, hold that it ends well and in silence, and return what it printed."""
    finished = python(FORKING + text, **QUIET)
    assert (finished.code, finished.err) == (0, "")
    return finished.out.strip()


def is_free(tested: Gate) -> bool:
    """Return whether another thread could enter now."""
    found: list[bool] = []

    def look() -> None:
        found.append(tested._lock.acquire(blocking=False))
        if found[0]:
            tested._lock.release()

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    return found[0]


def test_a_thread_enters_what_it_has_entered() -> None:
    """An import inside an import goes through; others wait until the outermost block is left."""
    gate = Gate()
    with gate:
        assert not is_free(gate)
        with gate:
            assert not is_free(gate)
        assert not is_free(gate)
    assert is_free(gate)


def test_an_import_that_fails_opens_the_gate() -> None:
    """An error goes on unchanged to the caller, and nobody is kept out by it."""
    gate = Gate()
    error = ImportError("no such module")
    with pytest.raises(ImportError) as caught, gate, gate:
        raise error
    assert caught.value is error
    assert is_free(gate)


def test_nothing_of_ours_is_imported() -> None:
    """The gate itself needs no import that would have to stand behind it."""
    finished = python(
        """
        import sys
        before = set(sys.modules)
        import contextcompany.imports
        print(sorted(name for name in set(sys.modules) - before if name.startswith("contextcompany")))
        """
    )
    assert (finished.out.strip(), finished.err) == ("['contextcompany', 'contextcompany.imports']", "")


@needs_fork
def test_a_fork_waits() -> None:
    """A fork while another thread is inside happens after it has left: parent and child see it done."""
    text = """
done = []
thread = hold(lambda: done.append("imported"))
print(fork(lambda: done == ["imported"] and enter_elsewhere()), done, enter_elsewhere())
"""
    assert run(text) == "0 ['imported'] True"


@needs_fork
def test_a_fork_waits_without_the_lock_of_logging() -> None:
    """A module that makes a logger and logs while it is imported does not wait for the fork in turn."""
    text = """
import logging, concurrent.futures
done = []
def finish():
    logging.getLogger("of.the.imported.module").debug("hello")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        done.append(pool.submit(int).result(20))
thread = hold(finish)
began = time.monotonic()
print(fork(lambda: done == [0]), time.monotonic() - began < 4)
"""
    assert run(text) == "0 True"


@needs_fork
@pytest.mark.parametrize("entries", [1, 3, 50])
def test_a_fork_that_cannot_wait(entries: int) -> None:
    """After its time it forks, however often the gate was entered; the child has a gate that opens."""
    text = f"""
from contextcompany import imports
imports._MOST_SECONDS = 0.2
for _ in range({entries}):
    with gate:
        pass
is_left = threading.Event()
thread = hold(lambda: is_left.wait(20))
began = time.monotonic()
code = fork(lambda: enter_elsewhere() and enter_elsewhere())
print(code, 0.2 <= time.monotonic() - began < 3, is_over.is_set())
is_left.set()
thread.join(20)
print(enter_elsewhere(), fork(enter_elsewhere))
"""
    assert run(text).splitlines() == ["0 True False", "True 0"]


@needs_fork
def test_a_fork_of_the_thread_inside() -> None:
    """Whoever forks inside the gate is inside in the child too, and leaves it there as in the parent."""
    text = """
def leave():
    gate.__exit__()
    return enter_elsewhere()
with gate:
    code = fork(leave)
print(code, enter_elsewhere())
"""
    assert run(text) == "0 True"


@needs_fork
def test_forks_of_forks() -> None:
    """The gate of a child of a child opens as well."""
    text = """
with gate:
    pass
print(fork(lambda: enter_elsewhere() and fork(lambda: enter_elsewhere() and fork(enter_elsewhere) == 0) == 0))
"""
    assert run(text) == "0"


@needs_fork
def test_what_is_registered_is_bounded() -> None:
    """However often the gate is entered, a fork does not become slower for ever."""
    text = """
with gate:
    pass  # what is imported here registers functions of its own
register, calls = os.register_at_fork, []
os.register_at_fork = lambda **given: (calls.append(given), register(**given))
for _ in range(1_000):
    with gate:
        pass
print(0 < len(calls) <= 20)
"""
    assert run(text) == "True"


@needs_fork
def test_a_fork_has_its_turn() -> None:
    """One import after the other keeps no fork out for longer than the one that is under way."""
    text = """
def enter_for_ever():
    while not is_over.is_set():
        with gate:
            is_held.set()
            time.sleep(0.01)
thread = threading.Thread(target=enter_for_ever, daemon=True)
thread.start()
assert is_held.wait(20)
began = time.monotonic()
codes = [fork(lambda: True) for _ in range(5)]
took = time.monotonic() - began
is_over.set()
thread.join(20)
print(codes, took < 4, enter_elsewhere())
"""
    assert run(text) == "[0, 0, 0, 0, 0] True True"
