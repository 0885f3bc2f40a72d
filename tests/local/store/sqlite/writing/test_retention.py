"""What is too old or too much leaves whole, and gives its room back."""

from __future__ import annotations

import random
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from contextcompany.local.store.filters import RunFilter
from contextcompany.local.store.sqlite.store import SqliteRunStore
from contextcompany.semconv import attributes
from tests.local.agent_spans import feedback, run, said, step, tool
from tests.local.samples import span
from tests.local.store.sqlite.contents import contents

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from contextcompany.local.otlp.spans import SpanRecord

ALL = RunFilter()


def _fresh(*spans: SpanRecord) -> list[SpanRecord]:
    now = time.time_ns()
    return [replace(each, start_ns=now, end_ns=now + 1) for each in spans]


def _work(word: str) -> list[SpanRecord]:
    """Build an application's request with a run, one inside it, and feedback from elsewhere."""
    server = span("GET /")
    own = run(f"r-{word}", {attributes.GEN_AI_INPUT_MESSAGES: said("user", f"{word} please")}, parent=server)
    inner = run(f"n-{word}", parent=tool(f"r-{word}", parent=own))
    return [server, own, inner, step(f"n-{word}", parent=inner), feedback(f"r-{word}", text=word)]


def _indexed(path: Path, word: str) -> list[int]:
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute("SELECT rowid FROM words WHERE words MATCH ?", (word,))]


def test_old_runs_leave_with_all_that_is_theirs(tmp_path: Path) -> None:
    """Nested runs, feedback, words, facets and the application's spans go; what is young stays as it was."""
    path, other = tmp_path / "runs.db", tmp_path / "other.db"
    young = _fresh(*_work("young"))
    with SqliteRunStore.open(other) as expected:
        expected.add(young)
    with SqliteRunStore.open(path, max_age_days=30) as store:
        old = _work("old")
        store.add([*old, *young])
        assert len(_indexed(path, "old")) == len(_indexed(path, "young")) == 1
        assert store.expire() == 5
        assert store.stats().expired == 5
        assert contents(path) == contents(other)
        assert _indexed(path, "old") == []
        assert len(_indexed(path, "young")) == 1
        with closing(sqlite3.connect(path)) as connection:
            packed = connection.execute("SELECT sum(last - first + 1) FROM pack").fetchone()[0]
        assert packed == 5
        assert store.expire() == 0
        store.add(old)
        assert store.run("r-old") is not None


def test_a_number_is_not_given_out_again(tmp_path: Path) -> None:
    """After all has left, and after the end of the process, spans, runs and changes get new numbers."""
    path = tmp_path / "runs.db"

    def numbers() -> tuple[int, int, int]:
        with closing(sqlite3.connect(path)) as connection:
            found: tuple[int, int, int] = connection.execute(
                "SELECT (SELECT min(id) FROM span), (SELECT min(id) FROM run), (SELECT min(change) FROM run)"
            ).fetchone()
            return found

    with SqliteRunStore.open(path, max_age_days=30) as store:
        store.add(_work("first"))
        before = numbers()
        assert store.expire() == 5
    with SqliteRunStore.open(path) as store:
        store.add(_work("second"))
        assert all(after > old for after, old in zip(numbers(), before, strict=True))


def test_the_oldest_leave_while_there_is_too_much(tmp_path: Path) -> None:
    """The file shrinks below its bound, newest runs last, and can be filled again."""
    path = tmp_path / "runs.db"
    noise = random.Random(1)
    most = 1_500_000

    def filled(first: int) -> None:
        for number in range(first, first + 100):
            text = noise.randbytes(15_000).hex()
            store.add(
                [
                    run(
                        f"r-{number:04}",
                        {attributes.GEN_AI_INPUT_MESSAGES: said("user", text)},
                        start_ms=number,
                    )
                ]
            )

    with SqliteRunStore.open(path, max_bytes=most) as store:
        filled(0)
        while store.expire():
            pass
        assert 0 < store.stats().expired < 100
        left = [row.address for row in store.runs(ALL, limit=500).items]
        assert len(left) > 20
        assert left == [f"r-{number:04}" for number in range(99, 99 - len(left), -1)]
        filled(100)
        while store.expire():
            pass
        assert store.runs(ALL).items[0].address == "r-0199"
    assert path.stat().st_size < most * 1.1


def test_words_that_are_read_otherwise_by_now_stay_out_of_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the text in the index cannot be told any more, the run leaves and the search finds nothing."""
    path = tmp_path / "runs.db"
    with SqliteRunStore.open(path, max_age_days=30) as store:
        store.add(_work("old"))
        monkeypatch.setattr(
            "contextcompany.local.store.sqlite.writing.retention.searched", lambda reading: "other"
        )
        assert store.expire() == 5
        assert _indexed(path, "old") != []
        assert store.runs(RunFilter(text="old")).items == ()
        store.add(_fresh(*_work("young")))
        assert [row.address for row in store.runs(RunFilter(text="young")).items] == ["r-young"]
        assert store.runs(RunFilter(text="old")).items == ()


def test_it_happens_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that is open lets go of old runs without being asked."""
    monkeypatch.setattr("contextcompany.local.store.sqlite.writing.keeping._SECONDS_BETWEEN", 0.01)
    with SqliteRunStore.open(tmp_path / "runs.db", max_age_days=30) as store:
        store.add(_work("old"))
        until = time.monotonic() + 30
        while store.stats().runs and time.monotonic() < until:
            store.wait_for_change(store.last_change(), 0.01)
        assert store.stats().runs == 0


def test_two_at_a_time_remove_no_more_than_one(tmp_path: Path) -> None:
    """Whoever comes second finds that nothing is too much any more."""
    path = tmp_path / "runs.db"
    noise = random.Random(1)
    with SqliteRunStore.open(path) as store:
        for number in range(100):
            text = noise.randbytes(15_000).hex()
            store.add([run(f"r-{number}", {attributes.GEN_AI_TOOL_DEFINITIONS: text}, start_ms=number)])
        most = store.stats().bytes // 2
    with SqliteRunStore.open(path, max_bytes=most) as store, ThreadPoolExecutor() as pool:
        removed = [future.result() for future in [pool.submit(store.expire) for _ in range(4)]]
        assert store.stats().runs == 100 - sum(removed) > 25
