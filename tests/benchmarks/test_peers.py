"""The measures against the peers still run, and lose nothing; no time is asserted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider

from benchmarks.peers import workload
from benchmarks.peers.catalogue import OURS, PEERS, RAW, peer
from benchmarks.peers.measures import MEASURES, SMOKE, Bench
from benchmarks.peers.own import CALLS
from benchmarks.peers.processes import ROOT, Places
from benchmarks.peers.records import Record, Records
from benchmarks.peers.report import BEGIN, END, page, replace_part
from benchmarks.peers.sizes import SIZES
from benchmarks.peers.targets import targets
from benchmarks.peers.wire import count_spans

if TYPE_CHECKING:
    from pathlib import Path

HERE = Places(None)


def measured(name: str, *peers: str) -> Records:
    """Take a measure once, in small, and hold that no process failed."""
    records = Records()
    MEASURES[name](
        Bench(HERE, records, SMOKE, lambda _: None), [peer(one) for one in peers], records.next_round(name)
    )
    assert [record.error for record in records if record.error] == []
    return records


def test_a_run_is_six_spans_of_seventeen_kilobytes_for_everyone() -> None:
    """Every way that is installed here delivers each span of the workload, with all of its texts."""
    records = measured("validate", "raw", "raw_json", "ours", "openinference")
    for record in records:
        assert record.delivered == record.sent == 18, record
        assert 15_000 < record.values["plain_bytes"] < 25_000, record


@pytest.mark.parametrize("name", ["caller", "full_speed", "together"])
def test_all_spans_arrive(name: str) -> None:
    """What is recorded at a pace, at full speed, from threads and from tasks arrives whole."""
    records = measured(name, "raw", "ours")
    assert {record.peer for record in records} == {RAW.name, OURS.name}
    for record in records:
        assert record.delivered == record.sent > 0, record
        assert 0 < record.values["median"] <= record.values["p99"] <= record.values["longest"]
        assert record.values["cpu"] > 0


def test_an_exit_is_seen_with_every_collector() -> None:
    """A process ends by itself with a collector that is healthy, absent, refusing or hanging."""
    records = measured("exits", "ours")
    assert [record.measure for record in records] == [
        "exit_healthy",
        "exit_absent",
        "exit_refusing",
        "exit_hanging",
    ]
    assert not any(record.values["was_killed"] for record in records)
    (healthy,) = records.of("exit_healthy", OURS.name)
    assert healthy.delivered == healthy.sent > 0


def test_an_import_is_beside_the_bare_interpreter() -> None:
    """Importing raw loads OpenTelemetry, and importing this package does not."""
    records = measured("imports", "raw", "ours")
    (raw,), (ours,) = records.of("imports", RAW.name), records.of("imports", OURS.name)
    assert raw.values["tracing_modules"] > 0
    assert ours.values["tracing_modules"] == 0


@pytest.mark.parametrize(("name", "parts"), [("own", CALLS), ("sizes", SIZES)])
def test_what_only_this_package_is_measured_by_runs(name: str, parts: dict[str, object]) -> None:
    """Each of these measures has figures, and loses nothing."""
    records = measured(name, "ours")
    assert {record.measure for record in records} == set(parts)
    assert all(record.values for record in records)
    assert all(record.delivered == record.sent for record in records)


def test_spans_are_counted_as_they_stand_in_a_request() -> None:
    """The collector counts what the stock encoder wrote, over several scopes and with events."""
    provider = TracerProvider(shutdown_on_exit=False)
    spans = []
    for number in range(7):
        span = provider.get_tracer(f"scope {number % 3}").start_span("s", attributes={"a": "ü" * 300})
        span.add_event("e")
        span.end()
        assert isinstance(span, ReadableSpan)
        spans.append(span)
    body = encode_spans(spans).SerializeToString()
    assert count_spans(body) == 7
    assert count_spans(b"") == 0
    with pytest.raises(ValueError, match="ends within a field"):
        count_spans(body[:1])


def test_the_texts_have_the_sizes_that_the_page_tells() -> None:
    """The workload is the same in every process: sizes, and the very texts."""
    assert len(workload.TOOLS_JSON) == 1_024
    assert len({run.session_id for run in workload.RUNS}) == workload.VARIANTS
    for run in workload.RUNS:
        assert [len(text) for text in (run.user_prompt, run.system_prompt, run.response)] == [200, 500, 500]
        assert {len(text) for text in run.step_prompts} == {2_048}
        assert {len(text) for text in run.tool_results} == {1_024}
        assert {len(json.dumps(arguments)) for arguments in run.tool_arguments} == {200}


def test_ratios_are_taken_within_a_round(tmp_path: Path) -> None:
    """A round that was slow as a whole changes no ratio, and records come back from their file."""
    records = Records(tmp_path / "results.jsonl")
    for number, speed in ((1, 1.0), (2, 10.0)):
        for name, seconds in (("raw", 1.0), ("ours", 4.0), ("raw", 3.0)):
            records.add(Record("caller", name, number, values={"median": seconds * speed}))
    records.add(Record("caller", "ours", 3, error="it crashed"))
    again = Records(tmp_path / "results.jsonl")
    assert list(again) == list(records)
    assert again.ratio("caller", "ours", "raw", lambda record: record.values["median"]) == (2.0, 2.0, 2.0)
    assert again.next_round("caller") == 4
    assert again.median("caller", "raw", lambda record: record.values["median"]) == 6.5


def test_the_page_has_a_row_for_each_peer_and_each_target(tmp_path: Path) -> None:
    """What was measured stands between the marks, and what was not is left empty."""
    records = Records()
    for number in (1, 2):
        for name, seconds in ((RAW.name, 1e-4), (OURS.name, 3e-4)):
            records.add(
                Record(
                    "caller",
                    name,
                    number,
                    sent=60,
                    delivered=30 if name == RAW.name else 60,
                    values={"median": seconds, "p99": seconds, "cpu": seconds},
                )
            )
    file = tmp_path / "page.md"
    file.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    replace_part(file, page(records, [RAW, OURS], HERE))
    text = file.read_text()
    assert text.startswith(f"before\n{BEGIN}\n\n")
    assert text.endswith(f"\n\n{END}\nafter\n")
    assert "old" not in text
    assert (
        "| **contextcompany-otel** | 3.00 (3.00 to 3.00) | 3.00 (3.00 to 3.00) | 1.50 (1.50 to 1.50) |"
        in text
    )
    assert "| caller's time of a run | 1.50 times raw | 3 times raw | ✗ |" in text
    assert [target.name for target in targets() if target.measured(records) is not None] == [
        "caller's time of a run",
        "the same, 99th percentile",
        "CPU of the process per delivered run",
    ]
    with pytest.raises(SystemExit, match="no part between"):
        replace_part(ROOT / "README.md", "")


def test_every_peer_can_be_installed_and_named() -> None:
    """Each peer has an adapter and a file that says what to install; a wrong name is answered with all."""
    for one in PEERS:
        assert peer(one.adapter) is peer(one.name) is one
        assert (ROOT / "benchmarks" / "peers" / "adapters" / f"{one.adapter}.py").exists()
        name = one.environment.removeprefix("peer-")
        assert any(
            file.exists()
            for file in (ROOT / "constraints" / "peers" / f"{name}.txt", ROOT / "constraints" / f"{name}.txt")
        )
    with pytest.raises(ValueError, match="there is no peer 'nobody': choose of raw, "):
        peer("nobody")
