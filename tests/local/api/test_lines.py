"""Runs leave as lines and come back, all or nothing."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from contextcompany.local.api import lines as module
from contextcompany.local.api.lines import BadLineError, export_lines, import_lines, merged
from contextcompany.local.otlp.json import decode_json
from contextcompany.local.store.filters import RunFilter
from contextcompany.local.store.sqlite.store import SqliteRunStore
from tests.local.agent_spans import feedback, run, step, tool
from tests.local.samples import JSON_BODY, RECORD
from tests.local.served import Served, served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ALL = RunFilter()


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with 130 runs, one of them with a nested run, and feedback from another process."""
    with served(tmp_path_factory.mktemp("lines")) as one:
        for number in range(130):
            top = run(f"r-{number}", start_ms=number * 10)
            one.store.add([top, step(f"r-{number}", tokens=(1, 0, 1), parent=top)])
        top = run("outer", start_ms=-50)
        inner = run("inner", parent=top)
        one.store.add([tool("inner", parent=inner), inner, top, feedback("outer")])
        one.store.add([replace(RECORD, start_ns=RECORD.start_ns - 1_000_000)])
        yield one


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[SqliteRunStore]:
    """A store with nothing in it."""
    with SqliteRunStore.open(tmp_path / "other.db") as one:
        yield one


def _spans(store: SqliteRunStore) -> set[str]:
    return {repr(span) for whole in store.whole_runs(ALL) for span in whole.spans}


def test_what_is_exported_is_the_same_store_again(here: Served, tmp_path: Path) -> None:
    """Through the API out and in, every span and every line of the list is the same."""
    exported = here.ask("/api/export")
    assert exported.headers["content-type"] == "application/jsonl"
    assert "attachment" in exported.headers["content-disposition"]
    with served(tmp_path) as other:
        answer = other.ask("/api/import", "POST", exported.body)
        assert answer.json == {"accepted": here.store.stats().spans, "duplicates": 0}
        assert _spans(other.store) == _spans(here.store)
        again = other.ask("/api/import", "POST", exported.body)
        assert again.json == {"accepted": 0, "duplicates": here.store.stats().spans}

        def listed(one: Served) -> list[dict[str, object]]:
            items = one.ask("/api/runs?limit=500").json["items"]
            return [item | {"change": 0} for item in items]

        assert listed(other) == listed(here)


def test_each_line_is_one_run_that_any_collector_reads(here: Served) -> None:
    """A line is the run with its nested runs, as an OTLP request with the run beside its spans."""
    found = here.ask("/api/export?order=oldest").body.splitlines()
    runs = [json.loads(line)["run"] for line in found]
    assert len(runs) == 132
    (outer,) = [line for line in found if json.loads(line)["run"]["address"] == "outer"]
    spans, refusals = decode_json(outer)
    assert (len(spans), refusals.count) == (4, 0)


def test_an_export_takes_the_filters(here: Served) -> None:
    """Only what is wanted leaves, in the order that is wanted."""
    found = list(export_lines(here.store, RunFilter.of([("feedback", "up")])))
    assert [json.loads(line)["run"]["address"] for line in found] == ["outer"]
    assert here.ask("/api/export?status=failed&agent=nobody").body == b""


def test_a_very_large_run_takes_several_lines(empty: SqliteRunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """No line grows without bounds, and what comes back is one run."""
    monkeypatch.setattr(module, "_SPANS_PER_LINE", 7)
    monkeypatch.setattr(module, "_LINE_BYTES", 4_000)
    top = run("large")
    empty.add([top, *(step("large", {"x": "y" * 900}, parent=top) for _ in range(20))])
    found = list(export_lines(empty, ALL))
    assert len(found) > 5
    assert {json.loads(line)["run"]["address"] for line in found} == {"large"}
    spans = [span for batch in import_lines(io.BytesIO(b"".join(found))) for span in batch]
    assert {repr(span) for span in spans} == _spans(empty)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"nonsense", "no JSON"),
        (b"{}", "holds no spans"),
        (b'{"run": {}, "resourceSpans": []}', "holds no spans"),
        (b"[]", "must be an object"),
        (b"\xff", "no JSON in UTF-8"),
        (JSON_BODY[:-5], "no JSON"),
        (JSON_BODY.replace(b'"traceId": "5B8E', b'"traceId": "5B'), "traceId must be 16 bytes"),
        (b"[" * 100_000, "no JSON"),
    ],
)
def test_a_line_that_is_none_is_named_and_nothing_is_taken_in(
    here: Served, tmp_path: Path, line: bytes, reason: str
) -> None:
    """The third line is bad: the answer says so, and the two before it are not kept."""
    good = here.ask("/api/export?order=oldest").body.splitlines()
    with served(tmp_path) as other:
        body = b"\n".join([good[0], b"", good[1], line, good[2]])
        answer = other.ask("/api/import", "POST", body)
        assert (answer.status, answer.json["error"]["parameter"]) == (400, "line 4")
        assert reason in answer.json["error"]["message"]
        assert answer.json["error"]["message"].endswith("nothing was taken in")
        assert other.store.stats().spans == 0
        assert other.ask("/api/import", "POST", good[0]).status == 200


def test_an_import_of_nothing_is_refused(here: Served) -> None:
    """An empty body, or one of empty lines, is a 400, as is one that is packed."""
    for body in (b"", b"\n \n"):
        answer = here.ask("/api/import", "POST", body)
        assert (answer.status, answer.json["error"]["parameter"]) == (400, "body")
    packed = here.ask("/api/import", "POST", b"x", {"Content-Encoding": "gzip"})
    assert (packed.status, packed.json["error"]["parameter"]) == (400, "Content-Encoding")


def test_a_line_that_never_ends_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line beyond the bound is not read into memory."""
    monkeypatch.setattr(module, "MOST_LINE_BYTES", 1_000)
    with pytest.raises(BadLineError, match="line 2: is longer than"):
        list(import_lines(io.BytesIO(b"\n" + b"x" * 2_000)))


def test_small_lines_go_to_the_store_together() -> None:
    """Batches are put together up to a size, and none is lost."""
    found = list(merged(([RECORD] for _ in range(10)), most=4))
    assert [len(batch) for batch in found] == [4, 4, 2]


def test_a_large_import_goes_by_way_of_the_disk(here: Served, tmp_path: Path) -> None:
    """An import larger than what is kept in memory arrives whole."""
    top = run("large")
    with SqliteRunStore.open(tmp_path / "source.db") as source:
        source.add([top, *(step("large", {"x": "y" * 100_000}, parent=top) for _ in range(60))])
        body = b"".join(export_lines(source, ALL))
    assert len(body) > 5 * 1024 * 1024
    with served(tmp_path / "other") as other:
        assert other.ask("/api/import", "POST", body).json["accepted"] == 61
