"""The store as its users see it: what is acknowledged stays, all or nothing, whoever reads meanwhile."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from contextcompany.local.reading.feedback import feedback_span
from contextcompany.local.store.filters import RunFilter
from contextcompany.local.store.rows import (
    Added,
    StoreError,
    StoreFullError,
    StoreLockedError,
)
from contextcompany.local.store.sqlite.store import SqliteRunStore
from contextcompany.local.store.sqlite.tables.ownership import owner_url
from contextcompany.semconv import attributes
from tests.local.agent_spans import feedback, run, said, step, tool
from tests.local.samples import RECORD, span
from tests.local.store.sqlite.contents import contents

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from contextcompany.local.otlp.spans import SpanRecord

ALL = RunFilter()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a database that is not there yet."""
    return tmp_path / "runs.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteRunStore]:
    """Open a new store, and close it after the test."""
    with SqliteRunStore.open(path) as opened:
        yield opened


def _run(number: int, steps: int = 2) -> list[SpanRecord]:
    """Build a run whose spans a child process builds alike."""
    run_id, trace_id = f"r-{number}", f"{number + 1:032x}"
    own = run(run_id, trace_id=trace_id, span_id=f"{number + 1:08x}{0:08x}")
    return [
        *(
            step(run_id, parent=own, span_id=f"{number + 1:08x}{each:08x}", tokens=(1, 0, 1), cost=0.001)
            for each in range(1, steps + 1)
        ),
        own,
    ]


def test_a_span_comes_back_as_it_came(store: SqliteRunStore) -> None:
    """Every kind of value is there again, under the id of its trace where it has no run."""
    assert store.add([RECORD]) == Added(1)
    detail = store.run(RECORD.trace_id)
    assert detail is not None
    assert detail.spans == (RECORD,)
    assert (detail.row.run_id, detail.row.trace_id) == (None, RECORD.trace_id)
    assert store.run("r-9") is None


def test_a_run_is_open_until_its_own_span_is_there(store: SqliteRunStore) -> None:
    """It shows with its first step, and is taken from its own span from then on."""
    more = {attributes.TCC_SESSION_ID: "s-1", attributes.GEN_AI_INPUT_MESSAGES: said("user", "Hi")}
    own = run("r-1", {attributes.GEN_AI_OUTPUT_MESSAGES: said("assistant", "Yes")}, ms=50)
    store.add([step("r-1", more, parent=own, tokens=(5, 1, 2), cost=0.25, start_ms=5)])
    first = store.run("r-1")
    assert first is not None
    assert (first.row.status, first.row.session_id, first.row.prompt) == ("open", "s-1", "Hi")
    store.add([own])
    second = store.run("r-1")
    assert second is not None
    row = second.row
    assert (row.status, row.session_id, row.prompt, row.response) == ("ok", "", "Hi", "Yes")
    assert (row.steps, row.input_tokens, row.cached_tokens, row.output_tokens) == (1, 5, 1, 2)
    assert (row.cost, row.end_ns - row.start_ns) == (0.25, 50_000_000)
    assert row.change > first.row.change


def test_nested_runs_count_in_those_around_them(store: SqliteRunStore) -> None:
    """Sums go all the way up, whatever came first, and a run that failed inside is a failure."""
    top = run("top")
    call = tool("top", parent=top)
    middle = run("middle", parent=call)
    inner = run("inner", parent=middle, status=("ERROR", "no"))
    work = step("inner", parent=inner, tokens=(10, 0, 5), cost=0.5)
    for each in (work, inner, middle, top, call):
        store.add([each])
    details = {name: store.run(name) for name in ("top", "middle", "inner")}
    rows = {name: detail.row for name, detail in details.items() if detail is not None}
    assert {name: row.parent for name, row in rows.items()} == {
        "top": None,
        "middle": "top",
        "inner": "middle",
    }
    assert {(row.steps, row.cost, row.input_tokens) for row in rows.values()} == {(1, 0.5, 10)}
    assert {name: row.failures for name, row in rows.items()} == {"top": 1, "middle": 1, "inner": 0}
    assert {name: row.spans for name, row in rows.items()} == {"top": 5, "middle": 3, "inner": 2}
    assert {name: len(detail.spans) for name, detail in details.items() if detail} == {
        "top": 5,
        "middle": 3,
        "inner": 2,
    }


def test_a_run_stands_in_the_one_it_names(store: SqliteRunStore) -> None:
    """`tcc.parentRunId` joins runs of two traces, also where the outer one comes last."""
    store.add([run("inner", {attributes.TCC_PARENT_RUN_ID: "outer"})])
    before = store.run("inner")
    assert before is not None
    assert before.row.parent is None
    store.add([run("outer")])
    after = store.run("inner")
    assert after is not None
    assert after.row.parent == "outer"
    assert [row.address for row in store.runs(ALL).items] == ["outer"]


def test_the_spans_of_an_application_are_no_run_beside_its_runs(store: SqliteRunStore) -> None:
    """A trace of plain spans is listed until a run shows in it; what is below a run belongs to it."""
    server = span("GET /ask")
    query = span("SELECT", parent=server)
    store.add([server, query])
    assert [row.address for row in store.runs(ALL).items] == [server.trace_id]
    own = run("r-1", parent=server)
    work = step("r-1", parent=own)
    request = span("POST", parent=work)
    store.add([request])
    store.add([work, own])
    assert [row.address for row in store.runs(ALL).items] == ["r-1"]
    detail = store.run("r-1")
    assert detail is not None
    assert {each.name for each in detail.spans} == {own.name, work.name, "POST"}
    assert store.stats().runs == 1


def test_work_without_a_run_is_a_row_beside_the_runs_of_its_trace(store: SqliteRunStore) -> None:
    """A request to a model that no run holds is listed under its trace."""
    server = span("GET /ask", trace_id="a" * 32)
    store.add([server, run("r-1", parent=server), step(None, parent=server)])
    assert {row.address for row in store.runs(ALL).items} == {"r-1", "a" * 32}


def test_a_second_look_at_the_same_request_counts_once(store: SqliteRunStore) -> None:
    """A step directly inside a step is the same request; one inside a tool is not."""
    own = run("r-1")
    outer = step("r-1", parent=own, tokens=(1, 0, 1), cost=0.5)
    seen_again = step("r-1", parent=span("POST", parent=outer), tokens=(1, 0, 1), cost=0.5)
    call = tool("r-1", parent=outer)
    own_request = step("r-1", parent=call, tokens=(1, 0, 1), cost=0.5)
    store.add([seen_again, own_request, call])
    store.add([outer, own])
    detail = store.run("r-1")
    assert detail is not None
    # The span between them is not here, so that nothing says that the two are one request.
    assert (detail.row.steps, detail.row.cost) == (3, 1.5)
    direct = step("r-2", tokens=(1, 0, 1), cost=0.5)
    store.add([step("r-2", parent=direct, tokens=(1, 0, 1), cost=0.5)])
    store.add([direct])
    second = store.run("r-2")
    assert second is not None
    assert (second.row.steps, second.row.cost, second.row.spans) == (1, 0.5, 2)


def test_feedback_finds_its_run_from_anywhere(store: SqliteRunStore) -> None:
    """It may come first, from another trace, and on a trace without a run; the newest words stand."""
    store.add([feedback("r-1", text="good", start_ms=2), feedback("r-1", None, "earlier", start_ms=1)])
    store.add([run("r-1"), feedback("r-1", attributes.SCORE_LABEL_THUMBS_DOWN)])
    detail = store.run("r-1")
    assert detail is not None
    row = detail.row
    assert (row.thumbs_up, row.thumbs_down, row.feedback_text) == (1, 1, "good")
    trace_id = "b" * 32
    store.add([feedback_span(trace_id, score="up")])
    store.add([step(None, trace_id=trace_id)])
    found = store.run(trace_id)
    assert found is not None
    assert (found.row.thumbs_up, found.row.run_id, found.row.steps) == (1, None, 1)
    assert [row.address for row in store.runs(ALL).items if row.trace_id == trace_id] == [trace_id]


def test_ids_of_any_kind_are_addresses(store: SqliteRunStore) -> None:
    """Very long ones, halves of surrogate pairs and zeros are taken, and found again."""
    for run_id in ("x" * 500, "x" * 501, "\ud800", "a\0b", "/../?#"):
        store.add([run(run_id)])
        detail = store.run(run_id)
        assert detail is not None
        assert len(detail.row.address) < 500
        assert store.nested_runs(run_id) == ()
        assert len(detail.spans) == 1
        assert store.run(detail.row.address) == detail


def test_what_came_before_is_a_duplicate(store: SqliteRunStore) -> None:
    """The same ids are counted and left out, within a batch and later; nothing changes."""
    spans = _run(1)
    assert store.add([*spans, spans[0]]) == Added(3, 1)
    change = store.last_change()
    assert store.add(spans) == Added(0, 3)
    assert store.last_change() == change
    assert store.stats().duplicates == 4
    assert store.add([]) == Added(0)


def test_an_import_that_fails_leaves_no_trace(store: SqliteRunStore, path: Path) -> None:
    """What was read before the failure is taken back, and the store goes on."""
    store.add(_run(1))
    before = contents(path)

    def batches() -> Iterator[list[SpanRecord]]:
        yield _run(2)
        yield _run(3)
        raise OSError("the file ends in the middle")

    with pytest.raises(OSError, match="in the middle"):
        store.add_all(batches())
    assert contents(path) == before
    assert store.add_all([_run(2), [], _run(3)]) == Added(6)
    assert {row.address for row in store.runs(ALL).items} == {"r-1", "r-2", "r-3"}


def test_a_full_disk_refuses_whole_batches(store: SqliteRunStore, path: Path) -> None:
    """What does not fit is refused with what to do, nothing of it stays, and later there is room again."""
    store.add(_run(0))
    writer = store._writer
    assert writer is not None
    writer.execute(f"PRAGMA max_page_count = {writer.execute('PRAGMA page_count').fetchone()[0] + 12}")
    store.add(_run(1, steps=50))
    before = contents(path)
    with pytest.raises(StoreFullError, match="full") as caught:
        store.add(_run(2, steps=500))
    assert str(path) in str(caught.value)
    assert contents(path) == before
    writer.execute("PRAGMA max_page_count = 1000000")
    assert store.add(_run(2, steps=500)) == Added(501)
    assert store.stats().runs == 3


def test_one_writes_and_others_read(store: SqliteRunStore, path: Path) -> None:
    """A second writer is refused at once; readers need no lock, see what is new, and cannot write."""
    with pytest.raises(StoreLockedError):
        SqliteRunStore.open(path)
    with SqliteRunStore.open(path, read_only=True) as reader:
        store.add(_run(1))
        assert [row.address for row in reader.runs(ALL).items] == ["r-1"]
        assert reader.wait_for_change(0, 10) == reader.last_change() == store.last_change() > 0
        assert reader.wait_for_change(store.last_change(), 0.01) == store.last_change()
        with pytest.raises(StoreError, match="reading only"):
            reader.add(_run(2))
    store.announce("http://localhost:4318")
    assert owner_url(path) == "http://localhost:4318"


def test_readers_need_nobody_who_writes(path: Path) -> None:
    """What was closed is read by others, and can be opened again; what is not there is not made."""
    with pytest.raises(StoreError, match="is not there"):
        SqliteRunStore.open(path, read_only=True)
    with SqliteRunStore.open(path) as store:
        store.add(_run(1))
    with SqliteRunStore.open(path, read_only=True) as reader:
        detail = reader.run("r-1")
        assert detail is not None
        assert len(detail.spans) == 3
    with SqliteRunStore.open(path) as store:
        assert store.last_change() == 1
        store.add(_run(2))
        assert store.last_change() == 2
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.add(_run(3))


def test_whoever_waits_is_told_of_a_change(store: SqliteRunStore) -> None:
    """The wait ends with the change, or with the store."""
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(store.wait_for_change, 0, 30)
        store.add(_run(1))
        assert waiting.result(10) == 1
        ending = pool.submit(store.wait_for_change, 1, 30)
        store.close()
        assert ending.result(10) == 1


def test_threads_add_and_read_together(store: SqliteRunStore, path: Path, tmp_path: Path) -> None:
    """What four threads add in pieces is what one adds at once, and readers see whole batches."""
    pieces = [[each] for number in range(40) for each in _run(number)]
    random.Random(7).shuffle(pieces)
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            for row in store.runs(ALL).items:
                detail = store.run(row.address)
                assert detail is not None
                assert len(detail.spans) == detail.row.spans

    with ThreadPoolExecutor() as pool:
        reading = [pool.submit(read) for _ in range(3)]
        list(pool.map(store.add, pieces))
        done.set()
        for each in reading:
            each.result()
    other = tmp_path / "other.db"
    with SqliteRunStore.open(other) as single:
        single.add([each for number in range(40) for each in _run(number)])
    assert contents(path) == contents(other)


def test_signals_are_counted(path: Path) -> None:
    """Logs and metrics are counted at once, and still after the end."""
    with SqliteRunStore.open(path) as store:
        store.count_signals(logs=2, metrics=3)
        store.add(_run(1))
        store.count_signals(logs=1)
        assert (store.stats().logs, store.stats().metrics) == (3, 3)
    with SqliteRunStore.open(path, read_only=True) as reader:
        stats = reader.stats()
        assert (stats.logs, stats.metrics, stats.runs, stats.spans) == (3, 3, 1, 3)
        assert stats.bytes == path.stat().st_size


def test_an_export_is_an_import(store: SqliteRunStore, tmp_path: Path) -> None:
    """The spans that come out, those of a top-level run together, make the same store again."""
    for number in range(150):
        store.add(_run(number))
    store.add([run("nested", parent=_run(5)[-1])])
    groups = [whole.spans for whole in store.whole_runs(ALL)]
    assert sorted(map(len, groups)) == [3] * 149 + [4]
    with SqliteRunStore.open(tmp_path / "other.db") as other:
        assert other.add_all(iter(groups)) == Added(451)
    assert contents(tmp_path / "other.db") == contents(store.path)


_CHILD = """
import sys
sys.path.insert(0, sys.argv[2])
from contextcompany.local.store.sqlite.store import SqliteRunStore
from tests.local.store.sqlite.test_store import _run
store = SqliteRunStore.open(sys.argv[1])
number = int(sys.argv[3])
while True:
    first, *rest = _run(number, steps=9)
    store.add([first])
    store.add(rest)
    print(number, flush=True)
    number += 1
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
@pytest.mark.timeout(240)
def test_what_was_acknowledged_survives_a_kill(path: Path, pytestconfig: pytest.Config) -> None:
    """Killed at any moment, again and again: every span is there, and every line agrees with its spans."""
    acknowledged = -1
    pauses = random.Random(3)
    for _ in range(6):
        with subprocess.Popen(
            [sys.executable, "-c", _CHILD, str(path), str(pytestconfig.rootpath), str(acknowledged + 1)],
            stdout=subprocess.PIPE,
        ) as child:
            assert child.stdout is not None
            for _ in range(pauses.randint(1, 25)):
                acknowledged = int(child.stdout.readline())
            child.send_signal(signal.SIGKILL)
            rest = child.stdout.read().split(b"\n")
            acknowledged = max([acknowledged, *(int(line) for line in rest if line)])
        with SqliteRunStore.open(path, read_only=True) as reader:
            rows = {row.address: row for row in reader.runs(ALL, limit=1000).items}
            for number in range(acknowledged + 1):
                detail = reader.run(f"r-{number}")
                assert detail is not None
                assert len(detail.spans) == detail.row.spans == 10
                assert rows[detail.row.address].steps == 9
