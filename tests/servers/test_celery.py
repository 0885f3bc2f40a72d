"""A real Celery worker with a pool of forked children: what its tasks record arrives, each once."""

from __future__ import annotations

import signal
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from contextcompany.local.embedded.collector import Collector
from tests.servers.account import assert_each_once, noted
from tests.servers.program import Program, eventually

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(
    find_spec("celery") is None, reason="Celery is not installed: its forking pool is NOT tested"
)

TASKS = 7


# Two tasks a child and an odd number of tasks: the last child has not done its share at the stop.
COMMAND = [
    *("-m", "celery", "--app=tests.servers.tasks:application", "worker"),
    *("--pool=prefork", "--concurrency=2", "--max-tasks-per-child=2", "--loglevel=WARNING"),
    *("--without-gossip", "--without-mingle", "--without-heartbeat"),
]


def test_a_worker_whose_children_are_replaced_and_stopped(tmp_path: Path) -> None:
    """Runs of the parent and of its children arrive, whether a child ends after its share or at the stop."""
    broker = tmp_path / "broker"
    for name in ("queue", "control"):
        (broker / name).mkdir(parents=True)
    with (
        Collector() as collector,
        Program(COMMAND, tmp_path, TCC_URL=collector.url, BROKER=str(broker), C_FORCE_ROOT="1") as program,
    ):
        eventually("all tasks", lambda: len(noted(tmp_path)) == TASKS + 2)
        program.signal(signal.SIGTERM)
        program.end()
        children = [run_id.rpartition("-")[2] for run_id in noted(tmp_path) if run_id.startswith("task-")]
        assert len(children) == TASKS
        assert len(set(children)) > TASKS / 2
        assert str(program.pid) not in children
        assert_each_once(collector, noted(tmp_path))
