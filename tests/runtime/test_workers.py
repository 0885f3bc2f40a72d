"""Worker processes end in ways of their own: what they recorded arrives all the same."""

from __future__ import annotations

import gc
import os
import signal
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from contextcompany.local.embedded.collector import Collector
from contextcompany.runtime.workers import call_at_end
from tests.interpreter import python
from tests.servers.account import assert_each_arrives, noted
from tests.servers.program import Program

if TYPE_CHECKING:
    from pathlib import Path

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")

# A process that is started anew imports the functions that it runs, so they have a module of their own.
STARTING = """
import multiprocessing, signal, sys
from tests.servers.ledger import record
method = sys.argv[1]
def start(*run_ids):
    children = [
        multiprocessing.get_context(method).Process(target=record, args=(run_id,)) for run_id in run_ids
    ]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0] * len(children)
"""


@pytest.mark.parametrize("method", [pytest.param("fork", marks=needs_fork), "spawn"])
@pytest.mark.parametrize("first", ["parent", "child"])
def test_a_child_of_multiprocessing_delivers_at_its_end(tmp_path: Path, method: str, first: str) -> None:
    """Children deliver what they recorded, whether their parent has used the package before or not."""
    lines = ["record('parent')", "start('child-1', 'child-2')"]
    text = STARTING + "\n".join(lines if first == "parent" else reversed(lines))
    with Collector() as collector:
        with Program(["-c", text, method], tmp_path, TCC_URL=collector.url) as program:
            assert program.end() == ""
        assert sorted(noted(tmp_path)) == ["child-1", "child-2", "parent"]
        assert_each_arrives(collector, noted(tmp_path))


@needs_fork
def test_a_child_of_a_child_delivers_at_its_end(tmp_path: Path) -> None:
    """Each generation delivers its own, once."""
    text = STARTING.replace("target=record", "target=work") + (
        "def work(run_id):\n"
        "    record(run_id)\n"
        "    if len(run_id) < 3:\n"
        "        start(run_id + '1', run_id + '2')\n"
        "work('a')\n"
    )
    with Collector() as collector:
        with Program(["-c", text, "fork"], tmp_path, TCC_URL=collector.url) as program:
            assert program.end() == ""
        assert sorted(noted(tmp_path)) == ["a", "a1", "a11", "a12", "a2", "a21", "a22"]
        assert_each_arrives(collector, noted(tmp_path))


def test_nothing_is_imported_for_it() -> None:
    """Where the application uses neither multiprocessing nor Celery, both stay unknown to the process."""
    finished = python(
        """
        import sys
        from contextcompany.runtime import workers
        before = set(sys.modules)
        workers.call_at_end(lambda: print("called"))
        print(sorted(set(sys.modules) - before))
        """
    )
    assert (finished.out.splitlines(), finished.err, finished.code) == (["[]"], "", 0)


def test_recording_imports_nothing_for_it() -> None:
    """A whole life with a run in it leaves the ends of workers to those who have workers."""
    finished = python(
        """
        import sys
        import contextcompany as tcc
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
        tcc.configure(exporter=InMemorySpanExporter())
        before = set(sys.modules)
        tcc.run().prompt("hi").end()
        assert tcc.flush()
        imported = {name.partition(".")[0] for name in set(sys.modules) - before}
        print(sorted(imported & {"multiprocessing", "celery"}))
        """
    )
    assert (finished.out.splitlines(), finished.err, finished.code) == (["[]"], "", 0)


def test_a_process_that_is_no_worker() -> None:
    """A parent that only starts processes ends as any other: its `atexit` functions do the work."""
    finished = python(
        """
        import multiprocessing
        from contextcompany.runtime import workers
        workers.call_at_end(lambda: print("called"))
        """
    )
    assert (finished.out, finished.err, finished.code) == ("", "", 0)


@needs_fork
def test_it_is_called_once_and_last() -> None:
    """In a worker the function comes after the finalizers of the application, and once."""
    finished = python(
        """
        import multiprocessing, multiprocessing.util, os
        from contextcompany.runtime import workers

        def work():
            workers.call_at_end(lambda: os.write(1, b"ours\\n"))
            multiprocessing.util.Finalize(None, os.write, (1, b"theirs\\n"), exitpriority=10)

        child = multiprocessing.get_context("fork").Process(target=work)
        child.start()
        child.join()
        """
    )
    assert (finished.out.splitlines(), finished.err, finished.code) == (["theirs", "ours"], "", 0)


@pytest.fixture
def shutdown_signal(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A real signal of Celery, in a module that stands where Celery keeps its own ones."""
    dispatch = pytest.importorskip("celery.utils.dispatch", reason="Celery is not installed: NOT tested")
    signals = ModuleType("celery.signals")
    sent = dispatch.Signal(name="worker_process_shutdown", providing_args={"pid", "exitcode"})
    signals.worker_process_shutdown = sent  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    monkeypatch.setitem(sys.modules, "celery.signals", signals)
    return sent


def test_a_worker_of_celery(shutdown_signal: Any) -> None:
    """When Celery says that a worker process ends the function is called, though nobody else holds it."""
    called: list[str] = []
    call_at_end(lambda: called.append("ours"))
    gc.collect()
    assert called == []
    answers = shutdown_signal.send(sender=None, pid=1, exitcode=0)
    assert called == ["ours"]
    assert [answer for _, answer in answers] == [None]


def test_workers_that_come_after_each_other(shutdown_signal: Any) -> None:
    """Each function that was given is called, as each child gives its own after a fork."""
    called: list[str] = []
    call_at_end(lambda: called.append("first"))
    call_at_end(lambda: called.append("second"))
    shutdown_signal.send(sender=None, pid=1, exitcode=signal.SIGTERM)
    assert sorted(called) == ["first", "second"]


def test_other_receivers_of_celery_are_heard(shutdown_signal: Any) -> None:
    """A receiver of the application gets what Celery sends, before us or after."""
    heard: list[dict[str, object]] = []

    def theirs(**given: object) -> None:
        heard.append(given)

    shutdown_signal.connect(theirs)
    call_at_end(lambda: None)
    shutdown_signal.send(sender=None, pid=7, exitcode=0)
    assert [(given["pid"], given["exitcode"]) for given in heard] == [(7, 0)]
