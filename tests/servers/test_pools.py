"""Children of `multiprocessing` and of process pools deliver at their end, whatever the start method."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contextcompany.local.embedded.collector import Collector
from tests.loopback import Answer, LoopbackServer
from tests.servers.account import assert_each_once, assert_on_disk, noted
from tests.servers.program import Program

if TYPE_CHECKING:
    from pathlib import Path

RUNS = sorted(["parent", "process-0", "process-1", *(f"pool-{number}" for number in range(10))])


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_children_deliver_at_their_end(tmp_path: Path, method: str) -> None:
    """What a process or a worker of an executor records last arrives, though it never flushes."""
    with Collector() as collector:
        with Program(["-m", "tests.servers.pools", method], tmp_path, TCC_URL=collector.url) as program:
            assert program.end() == ""
            assert program.complaints == ""
        assert sorted(noted(tmp_path)) == RUNS
        assert_each_once(collector, RUNS)


def test_children_keep_on_disk_what_a_hanging_collector_does_not_take(tmp_path: Path) -> None:
    """Several children that end at once with a collector that hangs keep all of it, each run once."""
    command = ["-m", "tests.servers.pools", "children alone"]
    with LoopbackServer(Answer(hangs=True)) as server:
        with Program(command, tmp_path, TCC_URL=server.url) as program:
            assert program.end() == ""
        port = server.port
    assert_on_disk(port, [f"pool-{number}" for number in range(10)])


def test_children_that_a_pool_ends_by_sigterm(tmp_path: Path) -> None:
    """`multiprocessing.Pool` ends its workers by SIGTERM: with on_sigterm they deliver first."""
    with Collector() as collector:
        with Program(["-m", "tests.servers.pools", "terminated"], tmp_path, TCC_URL=collector.url) as program:
            assert program.end() == ""
        assert len(noted(tmp_path)) == 11
        assert_each_once(collector, noted(tmp_path))
