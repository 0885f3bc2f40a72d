"""Questions about runs are answered as JSON, and wrong ones with what is wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from contextcompany.local.otlp.json import decode_json
from contextcompany.local.paths import segment
from contextcompany.semconv import attributes
from tests.local.agent_spans import feedback, run, said, step, tool
from tests.local.served import Served, served

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contextcompany.local.otlp.spans import SpanRecord

JSON = {"Content-Type": "application/json"}
WILD = [
    "a/b",
    "..",
    ".",
    "~.",
    "a%2Fb",
    "100%",
    "x/spans",
    "x/feedback",
    "ü 👋",
    "a\nb",
    "?x=1#y",
    "<b>",
    "\\",
]


def _conversation(run_id: str, number: int) -> list[SpanRecord]:
    top = run(
        run_id,
        {
            attributes.GEN_AI_CONVERSATION_ID: "s/1",
            attributes.GEN_AI_AGENT_NAME: "support",
            attributes.TCC_METADATA_PREFIX + "env": "test",
            attributes.GEN_AI_INPUT_MESSAGES: said("user", f"question {number}"),
            attributes.GEN_AI_OUTPUT_MESSAGES: said("assistant", f"answer {number}"),
        },
        start_ms=number * 1_000,
        ms=250.5,
    )
    return [top, step(run_id, tokens=(10, 2, 5), cost=0.25, parent=top), tool(run_id, parent=top)]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with three runs of one session, one nested run, feedback, and ids of every kind."""
    with served(tmp_path_factory.mktemp("routes")) as one:
        for number in range(3):
            one.store.add(_conversation(f"r-{number}", number))
        top = _conversation("outer", 5)
        one.store.add([*top, run("inner", parent=top[0], start_ms=5_001)])
        one.store.add([feedback("r-1", text="thanks")])
        one.store.add([run(run_id, start_ms=-1_000) for run_id in WILD])
        yield one


def _addresses(answer: Any) -> list[str]:
    return [item["address"] for item in answer["items"]]


def test_a_run_says_what_it_is(here: Served) -> None:
    """Facts, sums and times of a run, in units that a program can use."""
    found = here.ask("/api/runs/r-1").json
    assert {
        name: found[name]
        for name in ("address", "run_id", "status", "agent", "session_id", "prompt", "response", "steps")
    } == {
        "address": "r-1",
        "run_id": "r-1",
        "status": "ok",
        "agent": "support",
        "session_id": "s/1",
        "prompt": "question 1",
        "response": "answer 1",
        "steps": 1,
    }
    assert (found["start"], found["end"]) == ("2018-12-13T14:51:01.000000Z", "2018-12-13T14:51:01.250500Z")
    assert found["duration_ms"] == 250.5
    assert found["tokens"] == {"input": 10, "cached": 2, "output": 5}
    assert found["cost_usd"] == 0.25
    assert found["feedback"] == {"up": 1, "down": 0}
    assert found["feedback_text"] == "thanks"
    assert found["metadata"] == {"env": "test"}
    assert (found["models"], found["tools"], found["nested"]) == (["gpt-5"], ["search"], [])


def test_nested_runs_stand_in_the_run_around_them(here: Served) -> None:
    """A nested run is no line of the list, has its own address, and names what is around it."""
    assert [inner["address"] for inner in here.ask("/api/runs/outer").json["nested"]] == ["inner"]
    assert here.ask("/api/runs/inner").json["parent"] == "outer"
    assert "inner" not in _addresses(here.ask("/api/runs?limit=500").json)


def test_a_list_goes_on_where_it_stopped(here: Served) -> None:
    """Cursors lead through all runs, each once, newest first."""
    found: list[str] = []
    cursor = ""
    while True:
        answer = here.ask(f"/api/runs?agent=support&limit=2{cursor}").json
        found += _addresses(answer)
        if answer["cursor"] is None:
            break
        cursor = f"&cursor={answer['cursor']}"
    assert found == ["outer", "r-2", "r-1", "r-0"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("text=question+1", ["r-1"]),
        ("feedback=up", ["r-1"]),
        ("model=gpt-5&order=oldest&limit=1", ["r-0"]),
        ("metadata.env=test&session=s/1&limit=1", ["outer"]),
        ("metadata.env=other", []),
        ("status=failed", []),
        ("agent=support&since=2018-12-13T14:51:02Z", ["outer", "r-2"]),
        ("agent=support&until=2018-12-13T14:51:00.5", ["r-0"]),
        ("agent=&status=&since=&text=question+2", ["r-2"]),
    ],
)
def test_filters_of_the_pages_are_filters_here(here: Served, query: str, expected: list[str]) -> None:
    """Conditions combine, and empty ones set nothing."""
    assert _addresses(here.ask(f"/api/runs?{query}").json) == expected


@pytest.mark.parametrize(
    "path", ["/api/runs", "/api/feedback", "/api/agents", "/api/overview", "/api/export"]
)
@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("nonsense=1", "nonsense"),
        ("status=broken", "status"),
        ("order=upwards", "order"),
        ("since=yesterday", "since"),
        ("since=2020-01-01&until=2019-01-01", "since"),
        ("agent=a&agent=b", "agent"),
        ("metadata.=x", "metadata."),
        ("text=" + "x" * 1_001, "text"),
    ],
)
def test_a_bad_filter_is_named(here: Served, path: str, query: str, parameter: str) -> None:
    """A filter that cannot be used is a 400 that says which and what it must be."""
    answer = here.ask(f"{path}?{query}")
    assert answer.status == 400
    error = answer.json["error"]
    assert error["parameter"] == parameter
    assert error["message"].startswith(f"{parameter}: ")


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("/api/runs?limit=0", "limit"),
        ("/api/runs?limit=501", "limit"),
        ("/api/runs?limit=", "limit"),
        ("/api/runs?limit=1&limit=2", "limit"),
        ("/api/runs?limit=%D9%A1", "limit"),
        ("/api/runs?cursor=x", "cursor"),
        ("/api/runs?cursor=" + "x" * 5_000, "cursor"),
        ("/api/agents?cursor=x", "cursor"),
        ("/api/agents?order=newest", "order"),
        ("/api/feedback?cursor=x", "cursor"),
        ("/api/overview?buckets=501", "buckets"),
        ("/api/overview?limit=1", "limit"),
        ("/api/runs/r-1?x=1", "x"),
        ("/api/runs/r-1/spans?x=1", "x"),
        ("/api/sessions/s%2F1?x=1", "x"),
        ("/api/stats?x=1", "x"),
        ("/api/values/agent?limit=101", "limit"),
        ("/api/values/agent?agent=x", "agent"),
        ("/api/values/nonsense", "of"),
        ("/api/values/metadata.", "of"),
    ],
)
def test_a_bad_parameter_is_named(here: Served, path: str, parameter: str) -> None:
    """Parameters beside the filter are as strict."""
    answer = here.ask(path)
    assert (answer.status, answer.json["error"]["parameter"]) == (400, parameter)


@pytest.mark.parametrize("run_id", WILD)
def test_every_id_has_an_address(here: Served, run_id: str) -> None:
    """Whatever an id holds, its run, its spans and its feedback are found under it."""
    path = f"/api/runs/{segment(run_id)}"
    assert here.ask(path).json["address"] == run_id
    spans, _ = decode_json(here.ask(f"{path}/spans").body)
    assert spans[0].attributes[attributes.TCC_RUN_ID] == run_id
    given = here.ask(f"{path}/feedback", "POST", b'{"score": "down", "text": "no"}', JSON)
    assert (given.status, given.json["address"]) == (201, run_id)
    assert here.ask(path).json["feedback"] == {"up": 0, "down": 1}


def test_what_is_not_here_is_a_404(here: Served) -> None:
    """An unknown run or session is told, and named."""
    for path in ("/api/runs/nobody", "/api/runs/nobody/spans", "/api/sessions/nobody"):
        answer = here.ask(path)
        assert answer.status == 404
        assert "'nobody'" in answer.json["error"]["message"]
    assert here.ask("/api/runs/nobody/feedback", "POST", b'{"score": "up"}', JSON).status == 404


def test_spans_come_as_they_arrived(here: Served) -> None:
    """The spans of a run, nested ones included, are OTLP JSON that reads back equal."""
    body = here.ask("/api/runs/outer/spans").body
    spans, refusals = decode_json(body)
    assert not refusals.count
    detail = here.store.run("outer")
    assert detail is not None
    assert spans == list(detail.spans)
    assert {span.attributes[attributes.TCC_RUN_ID] for span in spans} == {"outer", "inner"}


def test_a_session_is_its_runs_in_order(here: Served) -> None:
    """A session, whose id may hold a slash, lists its runs earliest first."""
    found = here.ask("/api/sessions/s%2F1").json
    assert found["session_id"] == "s/1"
    assert _addresses(found) == ["r-0", "r-1", "r-2", "outer"]


@pytest.mark.parametrize(
    ("name", "key"),
    [("sessions", "s/1"), ("agents", "support"), ("tools", "search"), ("models", "gpt-5")],
)
def test_groups_sum_up_what_they_share(here: Served, name: str, key: str) -> None:
    """Each group has its key and the figures of its runs."""
    (found,) = [item for item in here.ask(f"/api/{name}?agent=support").json["items"] if item["key"] == key]
    assert found["runs"] == 4
    assert found["first"] == "2018-12-13T14:51:00.000000Z"
    assert found["failed"] == 0


@pytest.mark.parametrize("name", ["users", "organisations", "failures"])
def test_groups_of_nothing_are_empty(here: Served, name: str) -> None:
    """Where no run has one, there are no groups."""
    assert here.ask(f"/api/{name}").json == {"items": [], "cursor": None}


def test_the_overview_has_a_bucket_for_each_stretch(here: Served) -> None:
    """The buckets are about as many as asked for, without gaps, and add up to the whole."""
    found = here.ask("/api/overview?agent=support&buckets=6").json
    assert found["total"]["runs"] == sum(bucket["runs"] for bucket in found["buckets"]) == 4
    assert 4 <= len(found["buckets"]) <= 8
    edges = [(bucket["start"], bucket["end"]) for bucket in found["buckets"]]
    assert [end for _, end in edges[:-1]] == [start for start, _ in edges[1:]]


def test_values_suggest_what_a_filter_takes(here: Served) -> None:
    """Agents, metadata keys and their values, by their beginning."""
    assert here.ask("/api/values/agent?prefix=SUP").json == {"items": ["support"]}
    assert here.ask("/api/values/metadata").json == {"items": ["env"]}
    assert here.ask("/api/values/metadata.env").json == {"items": ["test"]}


def test_feedback_is_kept_and_listed(here: Served) -> None:
    """What was given is in the answer, in the list and on the run."""
    body = json.dumps({"text": "<b>ü</b>"}).encode()
    given = here.ask("/api/runs/r-2/feedback", "POST", body, JSON).json
    assert (given["score"], given["text"]) == (None, "<b>ü</b>")
    newest = here.ask("/api/feedback?limit=1").json["items"][0]
    assert (newest["address"], newest["text"], newest["run"]["address"]) == ("r-2", "<b>ü</b>", "r-2")


@pytest.mark.parametrize(
    ("body", "content_type", "parameter"),
    [
        (b"{}", "application/json", "score"),
        (b'{"score": null, "text": ""}', "application/json", "score"),
        (b'{"score": "great"}', "application/json", "score"),
        (b'{"score": "up", "text": 5}', "application/json", "text"),
        (b'{"text": "' + b"x" * 2_001 + b'"}', "application/json", "text"),
        (b'{"score": "up", "more": 1}', "application/json", "more"),
        (b"[]", "application/json", "body"),
        (b"{", "application/json", "body"),
        (b"\xff", "application/json", "body"),
        (b'{"text": "\\ud800"}', "application/json", "body"),
        (b'{"score": "up"}', "text/plain", "Content-Type"),
        (b"score=up", "application/x-www-form-urlencoded", "Content-Type"),
    ],
)
def test_feedback_that_is_none_is_refused(
    here: Served, body: bytes, content_type: str, parameter: str
) -> None:
    """What says nothing, too much or something else is a 400 that names it, and nothing is kept."""
    before = here.store.stats().spans
    answer = here.ask("/api/runs/r-0/feedback", "POST", body, {"Content-Type": content_type})
    assert (answer.status, answer.json["error"]["parameter"]) == (400, parameter)
    assert here.store.stats().spans == before
