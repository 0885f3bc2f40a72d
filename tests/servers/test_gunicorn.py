"""A real gunicorn: what its master and its workers record arrives, each once."""

from __future__ import annotations

import signal
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from contextcompany.local.embedded.collector import Collector
from tests.servers.account import assert_each_once, noted
from tests.servers.serving import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

pytestmark = pytest.mark.skipif(
    find_spec("gunicorn") is None, reason="gunicorn is not installed: forking web servers are NOT tested"
)


def gunicorn(*options: str) -> Callable[[int], Sequence[str]]:
    """Return the command line of a gunicorn with two workers."""
    return lambda descriptor: [
        *("-m", "gunicorn", "--workers=2", f"--bind=fd://{descriptor}"),
        *options,
        "tests.servers.wsgi:application",
    ]


def test_a_preloaded_application_that_is_reloaded_and_stopped(tmp_path: Path) -> None:
    """With --preload what the master and all workers, old and new, record until the stop arrives once."""
    with (
        Collector() as collector,
        serving(gunicorn("--preload"), tmp_path, TCC_URL=collector.url, LEFT_OPEN="1") as served,
    ):
        old = served.ask_until_seen("old", 2)
        served.program.signal(signal.SIGHUP)
        new = served.ask_until_seen("new", 2, but=old)
        served.ask("last")
        served.program.signal(signal.SIGTERM)
        served.program.end()
        assert served.program.pid not in old | new
        runs = noted(tmp_path)
        assert runs[-1] == "last"
        assert_each_once(collector, runs, more=[("left-open", "invoke_agent", "ERROR")])


def test_workers_that_end_after_some_requests(tmp_path: Path) -> None:
    """A worker that leaves after its share of requests, as --max-requests has it, delivers its last run."""
    with (
        Collector() as collector,
        serving(gunicorn("--preload", "--max-requests=1"), tmp_path, TCC_URL=collector.url) as served,
    ):
        served.ask_until_seen("run", 3)
        served.program.signal(signal.SIGTERM)
        served.program.end()
        assert_each_once(collector, noted(tmp_path))


def test_workers_that_load_and_drain_at_sigterm(tmp_path: Path) -> None:
    """Without --preload, on_sigterm drains in each worker and then leaves the stop to gunicorn."""
    with (
        Collector() as collector,
        serving(gunicorn(), tmp_path, TCC_URL=collector.url, ON_SIGTERM="1") as served,
    ):
        served.ask_until_seen("run", 2)
        served.program.signal(signal.SIGTERM)
        served.program.end()
        assert_each_once(collector, noted(tmp_path))


@pytest.mark.skipif(find_spec("gevent") is None, reason="gevent is not installed: its workers are NOT tested")
def test_a_gevent_worker(tmp_path: Path) -> None:
    """A worker that patches everything delivers as others do."""
    with (
        Collector() as collector,
        serving(gunicorn("--worker-class=gevent", "--workers=1"), tmp_path, TCC_URL=collector.url) as served,
    ):
        served.ask_until_seen("run", 1)
        served.program.signal(signal.SIGTERM)
        served.program.end()
        assert_each_once(collector, noted(tmp_path))
