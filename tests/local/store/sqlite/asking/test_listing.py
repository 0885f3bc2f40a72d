"""Tests of the lists of runs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contextcompany.local.store.filters import FEEDBACK, ORDERS, STATUSES, RunFilter
from contextcompany.local.store.rows import BadCursorError
from contextcompany.local.store.sqlite.asking import finding, listing
from contextcompany.local.store.sqlite.store import SqliteRunStore
from contextcompany.semconv import attributes
from tests.local import agent_spans as spans
from tests.local.store.sqlite import filled, reference

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from tests.local.store.sqlite.conftest import Known


def moment(day: float) -> str:
    """Write the time so many days after the first run."""
    seconds = filled.FIRST_NS // filled.SECOND + int(day * 86_400)
    return datetime.fromtimestamp(seconds, UTC).isoformat()


TEXTS = ("order", "refund invoice", "ref", "product", "run-000007", "session-00011", "agent-00", "nowhere")
SOME = st.fixed_dictionaries(
    {},
    optional={
        "text": st.sampled_from(TEXTS),
        "agent": st.sampled_from(filled.AGENTS),
        "model": st.sampled_from(filled.MODELS),
        "tool": st.sampled_from(filled.TOOLS),
        "error": st.sampled_from(filled.ERRORS),
        "user": st.sampled_from(("user-0000", "PERSON 0001", "nobody")),
        "org": st.sampled_from(("org-00", "company 01")),
        "session": st.just("session-00011"),
        "status": st.sampled_from(STATUSES),
        "feedback": st.sampled_from(FEEDBACK),
        "since": st.sampled_from((moment(0), moment(12.5))),
        "until": st.sampled_from((moment(13), moment(40))),
        "metadata": st.sampled_from(((("env", "production"),), (("build", "0"), ("env", "test")))),
        "order": st.sampled_from(ORDERS),
    },
)
FIXTURES = HealthCheck.function_scoped_fixture


def paged(connection: sqlite3.Connection, wanted: RunFilter, limit: int) -> list[str]:
    """List the addresses of all runs page by page."""
    found: list[str] = []
    cursor = None
    while True:
        page = listing.runs(connection, wanted, limit=limit, cursor=cursor)
        found += [row.address for row in page.items]
        cursor = page.cursor
        if cursor is None:
            return found


@pytest.fixture(params=["gathered", "walked", "read", "mixed"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a small database take the ways of large ones."""
    sizes = {
        "gathered": (10**9, 10**9, 50),
        "walked": (0, 20, 50),
        "read": (0, 0, 10**9),
        "mixed": (10, 60, 30),
    }
    few, many, steps = sizes[request.param]
    monkeypatch.setattr(finding, "FEW", few)
    monkeypatch.setattr(finding, "_MANY", many)
    monkeypatch.setattr(finding, "_STEPS", steps)
    monkeypatch.setattr(finding, "_STEPS_OF_COUNT", steps)
    monkeypatch.setattr(finding, "_READ_AT_ONCE", 7)
    monkeypatch.setattr(finding, "_MOST_READ", few)


@pytest.mark.usefixtures("way")
@settings(max_examples=60, deadline=None, suppress_health_check=[FIXTURES])
@given(given_conditions=SOME, limit=st.sampled_from((1, 7, 500)))
def test_every_filter_finds_what_a_look_at_each_run_finds(
    known: Known, given_conditions: dict[str, Any], limit: int
) -> None:
    """Whatever way is taken, pages together are the runs that meet the filter, in order, each once."""
    wanted = RunFilter(**given_conditions)
    expected = reference.addresses(known.wholes, wanted)
    if limit == 1:
        expected = expected[:5]
        cursor, found = None, list[str]()
        for _ in expected:
            page = listing.runs(known.connection, wanted, limit=1, cursor=cursor)
            found += [row.address for row in page.items]
            cursor = page.cursor
    else:
        found = paged(known.connection, wanted, limit)
    assert found == expected


@pytest.mark.usefixtures("way")
@settings(max_examples=60, deadline=None, suppress_health_check=[FIXTURES])
@given(given_conditions=SOME, limit=st.sampled_from((1, 20, 10_000)))
def test_a_count_counts_what_the_list_holds(
    known: Known, given_conditions: dict[str, Any], limit: int
) -> None:
    """Runs are counted up to the limit, whatever way is taken."""
    wanted = RunFilter(**given_conditions)
    expected = len(reference.addresses(known.wholes, wanted))
    assert listing.count_runs(known.connection, wanted, limit=limit) == min(expected, limit)


@pytest.mark.usefixtures("way")
@settings(max_examples=30, deadline=None, suppress_health_check=[FIXTURES])
@given(given_conditions=SOME, since=st.integers(0, 450))
def test_changes_are_those_of_runs_that_meet_the_filter(
    known: Known, given_conditions: dict[str, Any], since: int
) -> None:
    """What changed after a number comes in the order of the changes, filtered like the list."""
    wanted = RunFilter(**given_conditions)
    meeting = [whole.run for whole in known.wholes if whole.meets(wanted) and whole.run["change"] > since]
    meeting.sort(key=lambda run: run["change"])
    found = listing.changed_runs(known.connection, wanted, since, limit=10)
    assert [row.address for row in found] == [run["address"] for run in meeting[:10]]


@settings(max_examples=200, deadline=None, suppress_health_check=[FIXTURES])
@given(text=st.one_of(st.text(), st.text(alphabet='"*():^-+{}ab AND')))
def test_no_text_is_a_mistake(known: Known, text: str) -> None:
    """A search for anything at all has an answer."""
    listing.runs(known.connection, RunFilter(text=text), limit=3)
    assert listing.count_runs(known.connection, RunFilter(text=text)) <= len(known.wholes)


@settings(max_examples=100, deadline=None, suppress_health_check=[FIXTURES])
@given(value=st.text(min_size=1), key=st.text(min_size=1))
def test_no_value_is_a_mistake(known: Known, value: str, key: str) -> None:
    """A condition may have any value, also one that no text in the database can have."""
    names = ("agent", "user", "org", "session", "model", "tool", "error")
    wanted = RunFilter(**dict.fromkeys(names, value), metadata=((key, value),))
    assert listing.runs(known.connection, wanted).items == ()


@settings(max_examples=150, deadline=None, suppress_health_check=[FIXTURES])
@given(cursor=st.one_of(st.text(), st.binary().map(lambda raw: raw.hex()), st.text("AQgw_-=", max_size=40)))
def test_what_is_no_cursor_is_refused(known: Known, cursor: str) -> None:
    """Text that was not given out as a cursor is refused as such."""
    with pytest.raises(BadCursorError):
        listing.runs(known.connection, RunFilter(), cursor=cursor)


def test_a_cursor_fits_its_own_list(known: Known) -> None:
    """The cursor of one filter or order is refused by another."""
    cursor = listing.runs(known.connection, RunFilter(status="ok"), limit=5).cursor
    for other in (RunFilter(), RunFilter(status="ok", order="oldest"), RunFilter(status="ok", agent="a")):
        with pytest.raises(BadCursorError, match="another filter or order"):
            listing.runs(known.connection, other, cursor=cursor)


def test_a_line_says_what_the_tables_say(known: Known) -> None:
    """A line has the columns of its run, the names of all inside it, and the address of the run around it."""
    whole = next(whole for whole in known.wholes if whole.inside)
    nested = whole.inside[0]
    row = listing.runs(known.connection, RunFilter(text=whole.run["address"]), limit=1).items[0]
    assert (row.address, row.parent, row.prompt) == (whole.run["address"], None, whole.run["prompt"])
    assert set(row.agents) == {whole.run["agent"], nested["agent"]}
    assert row.metadata == reference.metadata(whole.run)
    (inner,) = listing.nested_runs(known.connection, row.address)
    assert (inner.address, inner.parent) == (nested["address"], row.address)
    own = [span for span in whole.spans if span["run"] == nested["id"]]
    assert inner.agents == (nested["agent"],)
    assert set(inner.tools) == {span["name"] for span in own if span["kind"] == "tool"}


def test_bounds_around_all_runs_are_left_out(known: Known) -> None:
    """A bound in time stays in a filter only where a run is beyond it."""
    first, later, last, after = moment(0), moment(12.5), moment(29), moment(40)
    wide = RunFilter(since=first, until=after, agent="agent-00")
    assert listing.without_idle_bounds(known.connection, wide) == RunFilter(agent="agent-00")
    narrow = RunFilter(since=later, until=last)
    assert listing.without_idle_bounds(known.connection, narrow) == narrow


def test_a_session_is_told_from_its_beginning(known: Known) -> None:
    """Runs of a session come earliest first; of too many, the newest."""
    found = listing.session(known.connection, "session-00011")
    assert [row.address for row in found] == [f"run-{number:06}" for number in range(44, 48)]
    newest = listing.session(known.connection, "session-00011", limit=2)
    assert [row.address for row in newest] == ["run-000046", "run-000047"]
    assert listing.session(known.connection, "") == ()


def test_pages_neither_repeat_nor_leave_out_while_runs_arrive(tmp_path: Path) -> None:
    """A reader who goes on sees every run that was there at the beginning once, whatever arrives between."""

    def arrive(store: SqliteRunStore, numbers: range, offset: int) -> None:
        batch = [spans.run(f"r-{number}", start_ms=offset + number) for number in numbers]
        store.add(batch)

    with SqliteRunStore.open(tmp_path / "runs.db") as store:
        arrive(store, range(30), 0)
        seen: list[str] = []
        cursor = None
        for turn in range(10):
            page = store.runs(RunFilter(), limit=5, cursor=cursor)
            seen += [row.address for row in page.items]
            arrive(store, range(100 + turn * 10, 105 + turn * 10), 1_000)
            cursor = page.cursor
            if cursor is None:
                break
    assert seen == [f"r-{number}" for number in range(29, -1, -1)]


def test_a_name_in_another_case_is_the_same_name(tmp_path: Path) -> None:
    """Users are found by name without regard to case, beyond ASCII too."""
    with SqliteRunStore.open(tmp_path / "runs.db") as store:
        store.add([spans.run("r-1", {attributes.USER_ID: "u1", attributes.USER_NAME: "Jörg Özil"})])
        for name in ("jörg özil", "JÖRG ÖZIL", "Jörg Özil", "u1"):
            assert len(store.runs(RunFilter(user=name)).items) == 1, name
        assert store.runs(RunFilter(user="U1")).items == ()


SCANS = [
    RunFilter(),
    RunFilter(order="slowest"),
    RunFilter(agent="agent-00", status="failed"),
    RunFilter(user="user-0001", feedback="text"),
    RunFilter(text="order refund", tool="tool_01"),
    RunFilter(metadata=(("env", "test"),), feedback="none", order="costliest"),
]


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("wanted", SCANS, ids=lambda wanted: wanted.query() or "all")
def test_no_question_reads_every_span_or_every_wide_row(known: Known, wanted: RunFilter) -> None:
    """Lists and counts never go through the whole table of spans, nor through runs other than by an index."""
    asked: list[str] = []
    known.connection.set_trace_callback(asked.append)
    try:
        listing.runs(known.connection, wanted)
        listing.count_runs(known.connection, wanted)
        listing.changed_runs(known.connection, wanted, 100)
    finally:
        known.connection.set_trace_callback(None)
    selects = [query for query in asked if query.lstrip().startswith(("SELECT", "WITH"))]
    assert selects
    for query in selects:
        for row in known.connection.execute(f"EXPLAIN QUERY PLAN {query}"):
            step = row["detail"]
            is_scan_of_table = step.startswith(("SCAN s", "SCAN r", "SCAN q")) and " USING " not in step
            assert not is_scan_of_table, (step, query)
