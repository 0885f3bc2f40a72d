"""Hold what arrived against what the programs noted: every run exactly once."""

from __future__ import annotations

import gzip
from collections import Counter
from typing import TYPE_CHECKING

import contextcompany as tcc
from contextcompany.local.embedded.collector import Collector
from contextcompany.local.otlp.protobuf import decode_protobuf
from tests.loopback import PATIENCE
from tests.servers.program import eventually

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from contextcompany.local.otlp.spans import SpanRecord
    from tests.loopback import LoopbackServer


def noted(folder: Path) -> list[str]:
    """Return the runs that were noted, in order."""
    path = folder / "ledger"
    return path.read_text().split() if path.exists() else []


def assert_each_once(
    seen: Collector | LoopbackServer, run_ids: Iterable[str], *, more: Iterable[tuple[str, str, str]] = ()
) -> None:
    """Hold that of each run the run and its step arrived once, and nothing else.

    Args:
        seen: where they should be.
        run_ids: the runs that `record` made.
        more: other spans that belong there, by run, name and status.
    """
    recorded = [(run_id, name, "UNSET") for run_id in run_ids for name in ("chat", "invoke_agent")]
    found = [(str(span.attributes["tcc.runId"]), span.name, span.status_code) for span in _spans(seen)]
    assert Counter(found) == Counter([*recorded, *more])
    if isinstance(seen, Collector):
        assert seen.store.duplicates == 0


def assert_each_arrives(collector: Collector, run_ids: Sequence[str]) -> None:
    """Hold that these runs are at a collector, each once, when the next process has sent what is on disk."""
    if len(collector.store.spans()) < 2 * len(run_ids):
        tcc.configure(tcc_url=collector.url)
    collector.store.wait_for(lambda spans: len(spans) == 2 * len(run_ids), PATIENCE)
    assert_each_once(collector, run_ids)


def assert_on_disk(port: int, run_ids: Sequence[str]) -> None:
    """Hold that the next process brings these runs to a collector, each once; it is this one.

    Args:
        port: where the programs tried to deliver them.
        run_ids: the runs that `record` made.
    """
    with Collector(port=port) as collector:
        tcc.configure(tcc_url=collector.url)
        eventually("everything that was on disk", lambda: tcc.stats().recovered >= 2 * len(run_ids))
        assert_each_once(collector, run_ids)
        assert tcc.stats().recovered == 2 * len(run_ids)


def _spans(seen: Collector | LoopbackServer) -> Sequence[SpanRecord]:
    if isinstance(seen, Collector):
        return seen.store.spans()
    bodies = [
        gzip.decompress(request.body) if "content-encoding" in request.headers else request.body
        for request in seen.requests
    ]
    return [span for body in bodies for span in decode_protobuf(body)[0]]
