"""Tests of the sums over time."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contextcompany.local.store.filters import RunFilter
from contextcompany.local.store.rows import Bucket, Overview
from contextcompany.local.store.sqlite.asking import finding, overview
from contextcompany.local.store.sqlite.store import SqliteRunStore
from contextcompany.local.store.sqlite.tables import schema
from tests.local import agent_spans as spans
from tests.local.conftest import BERLIN
from tests.local.store.sqlite import reference
from tests.local.store.sqlite.asking.test_listing import SOME, moment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.local.store.sqlite.conftest import Known

DAY_NS = 86_400_000_000_000


def bucket(start_ns: int, end_ns: int, runs: Sequence[dict[str, Any]]) -> Bucket:
    """Add up runs one by one."""
    if not runs:
        return Bucket(start_ns, end_ns)
    durations = [run["end_ns"] - run["start_ns"] for run in runs]
    return Bucket(
        start_ns,
        end_ns,
        runs=len(runs),
        failed=sum(run["status"] == "failed" for run in runs),
        p50_ns=reference.percentile(durations, 50),
        p95_ns=reference.percentile(durations, 95),
        input_tokens=sum(run["input_tokens"] for run in runs),
        output_tokens=sum(run["output_tokens"] for run in runs),
        cost=reference.nearly(sum(run["cost"] or 0.0 for run in runs)),
        thumbs_up=sum(run["thumbs_up"] for run in runs),
        thumbs_down=sum(run["thumbs_down"] for run in runs),
    )


@pytest.fixture(params=[0, 10**9], ids=["listed", "gathered"])
def many(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a small database take the ways of large ones."""
    monkeypatch.setattr(finding, "_MANY", request.param)


@pytest.mark.usefixtures("many")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(given_conditions=SOME, buckets=st.integers(1, 60))
def test_every_stretch_is_what_its_runs_add_up_to(
    known: Known, given_conditions: dict[str, Any], buckets: int
) -> None:
    """Stretches follow each other without a gap, hold each run once, and sums and percentiles are exact."""
    wanted = RunFilter(**given_conditions)
    found = overview.overview(known.connection, wanted, buckets=buckets)
    runs = [whole.run for whole in known.wholes if whole.meets(wanted)]
    assert len(found.buckets) <= buckets + buckets // 4
    for stretch in found.buckets:
        own = [run for run in runs if stretch.start_ns <= run["start_ns"] < stretch.end_ns]
        assert stretch == bucket(stretch.start_ns, stretch.end_ns, own)
    for left, right in zip(found.buckets, found.buckets[1:], strict=False):
        assert left.end_ns == right.start_ns
        assert left.end_ns - left.start_ns == right.end_ns - right.start_ns
    assert found.total == bucket(found.buckets[0].start_ns, found.buckets[-1].end_ns, runs)


@pytest.mark.parametrize(
    ("since", "until", "length", "count"),
    [
        (moment(1), moment(2), 1_800, 49),
        (moment(1), moment(8), 3 * 3_600, 57),
        (moment(0), moment(30), 86_400, 31),
        (moment(0), moment(365), 7 * 86_400, 53),
        ("2026-06-01T12:00", "2026-06-01T12:00", 1, 1),
        ("1970-01-01", "2262-01-01", 52 * 7 * 86_400 * 8, 37),
    ],
)
def test_stretches_are_round(known: Known, since: str, until: str, length: int, count: int) -> None:
    """The axes of charts are calm: stretches have a round length and begin at a multiple of it."""
    found = overview.overview(known.connection, RunFilter(since=since, until=until)).buckets
    first = found[0]
    assert (first.end_ns - first.start_ns, len(found)) == (length * 10**9, count)
    offset = 4 * DAY_NS if length >= 7 * 86_400 and since > "1970-01-04" else 0
    assert (first.start_ns - offset) % (length * 10**9) == 0


def test_an_age_reaches_to_now(known: Known) -> None:
    """What was asked for by its age ends now, also where the last run was long ago."""
    before = time.time_ns()
    found = overview.overview(known.connection, RunFilter(since="6h"))
    assert found.buckets[-1].start_ns <= time.time_ns()
    assert found.buckets[-1].end_ns > before


def test_an_empty_store_has_no_stretches() -> None:
    """Where nothing is, nothing is summed up."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(schema.TABLES)
        assert overview.overview(connection, RunFilter()) == Overview(Bucket(0, 0), ())
        assert (
            overview.overview(connection, RunFilter(since="2026-05-01", until="2026-05-02")).total.runs == 0
        )


def test_hostile_times_are_borne(tmp_path: Path) -> None:
    """Runs at the beginning and at the end of all time make few, long stretches."""
    with SqliteRunStore.open(tmp_path / "runs.db") as store:
        for start_ms in (-1_544_712_660_000, 0, 7_600_000_000_000):
            store.add([spans.run(f"r{start_ms}", start_ms=start_ms)])
        found = store.overview(RunFilter())
    assert found.total.runs == 3
    assert len(found.buckets) <= 60


@pytest.mark.zone(BERLIN)
@pytest.mark.parametrize("buckets", [1, 2, 3])
@pytest.mark.parametrize("wanted", [RunFilter(), RunFilter(agent="a")])
def test_few_stretches_cover_all_of_time(tmp_path: Path, buckets: int, wanted: RunFilter) -> None:
    """However few stretches are asked for, from whichever beginning, they hold every run."""
    begins = (0, 1_544_712_660_000_000_000, 2**63 - 1)
    with SqliteRunStore.open(tmp_path / "runs.db") as store:
        for count, start_ns in enumerate(begins, 1):
            one = spans.run(f"r-{count}", {"tcc.agent": "a"})
            store.add([replace(one, start_ns=start_ns, end_ns=start_ns)])
            found = store.overview(wanted, buckets=buckets)
            assert sum(stretch.runs for stretch in found.buckets) == found.total.runs == count
            assert len(found.buckets) <= buckets


@pytest.mark.zone(BERLIN)
@pytest.mark.parametrize(("month", "ahead"), [("01", 1), ("06", 2)])
def test_days_begin_at_midnight_of_this_machine(known: Known, month: str, ahead: int) -> None:
    """Stretches of hours and days are those of the clock that people look at."""
    wanted = RunFilter(since=f"2026-{month}-01", until=f"2026-{month}-21")
    for buckets, days in ((4, 7), (20, 1), (40, 0.5)):
        found = overview.overview(known.connection, wanted, buckets=buckets).buckets
        length = int(days * DAY_NS)
        assert [stretch.end_ns - stretch.start_ns for stretch in found] == [length] * len(found)
        monday = 4 * DAY_NS if days == 7 else 0
        assert (found[0].start_ns + ahead * 3_600 * 10**9 - monday) % length == 0
