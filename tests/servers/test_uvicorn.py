"""A real uvicorn: it dies of SIGTERM in the end, so its applications ask for `on_sigterm`."""

from __future__ import annotations

import signal
import threading
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from contextcompany.local.embedded.collector import Collector
from tests.servers.account import assert_each_once, noted
from tests.servers.program import eventually
from tests.servers.serving import serving

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(
    find_spec("uvicorn") is None, reason="uvicorn is not installed: asyncio web servers are NOT tested"
)


def test_two_workers_that_are_stopped(tmp_path: Path) -> None:
    """Workers whose application was configured as it was loaded deliver all that was answered."""
    with (
        Collector() as collector,
        serving(
            lambda descriptor: [
                *("-m", "uvicorn", "--workers=2", f"--fd={descriptor}", "--lifespan=off"),
                *("--log-level=warning", "tests.servers.asgi:application"),
            ],
            tmp_path,
            TCC_URL=collector.url,
            ON_SIGTERM="1",
        ) as served,
    ):
        served.ask_until_seen("run", 2)
        served.ask("last")
        served.program.signal(signal.SIGTERM)
        served.program.end()
        assert noted(tmp_path)[-1] == "last"
        assert_each_once(collector, noted(tmp_path))


def test_a_request_under_way_at_the_stop(tmp_path: Path) -> None:
    """Configured before the server runs, what is answered while it stops is delivered too."""
    with (
        Collector() as collector,
        serving(
            lambda descriptor: ["-m", "tests.servers.asgi", str(descriptor)], tmp_path, TCC_URL=collector.url
        ) as served,
    ):
        served.ask("first")
        asking = threading.Thread(target=served.ask, args=("slow",))
        asking.start()
        eventually("the request", lambda: noted(tmp_path) == ["first", "under-way"])
        served.program.signal(signal.SIGTERM)
        asking.join()
        served.program.end(-signal.SIGTERM)
        assert noted(tmp_path) == ["first", "under-way", "slow"]
        assert_each_once(collector, ["first", "slow"])
