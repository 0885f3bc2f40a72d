"""The page of a run, over real connections."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from contextcompany.local.paths import segment
from contextcompany.local.reading.read import read
from contextcompany.semconv import attributes
from tests.local.agent_spans import feedback, run, said, step, tool
from tests.local.served import Answer, Served, served

if TYPE_CHECKING:
    from collections.abc import Iterator

WILD_IDS = (
    "..",
    ".",
    "~..",
    "a/lines",
    "../../etc",
    "rows",
    "%2e%2e",
    "ü\n\u202e<x>'\"",
    "a?b#c",
    " ",
    "/",
    "\\",
)
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\u202e\x1b[31m{{7*7}}</textarea>"
IN = attributes.GEN_AI_INPUT_MESSAGES
OUT = attributes.GEN_AI_OUTPUT_MESSAGES


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with a few runs."""
    with served(tmp_path_factory.mktemp("run-page")) as one:
        yield one


@pytest.mark.parametrize("run_id", WILD_IDS)
def test_a_run_of_any_id_has_a_page_and_feedback(here: Served, run_id: str) -> None:
    """Slashes, dots, controls: the address of the list leads to the run, and the form back to its page."""
    here.store.add([run(run_id, {IN: said("user", "Hi")})])
    path = f"/runs/{segment(run_id)}"
    answer = here.ask(path)
    assert answer.status == 200
    assert f'action="{path}/feedback"' in answer.text.replace("&#39;", "'")
    given = _send(here, path, score="up")
    assert given.status == 303
    assert given.headers["location"] == f"{path}#feedback"
    row = here.store.row(run_id)
    assert row is not None
    assert row.thumbs_up == 1


def test_nothing_of_a_span_becomes_markup(here: Served) -> None:
    """Prompts, names, errors, attributes, metadata: whatever they hold is text on the page."""
    own = {
        IN: said("user", HOSTILE),
        OUT: said("assistant", f"```{HOSTILE}\n{HOSTILE}\n```"),
        attributes.TCC_AGENT: HOSTILE,
        attributes.TCC_USER_ID: HOSTILE,
        attributes.TCC_METADATA_PREFIX + HOSTILE: HOSTILE,
        HOSTILE: HOSTILE,
    }
    root = run("hostile", own, status=("ERROR", HOSTILE), ms=100)
    call = tool(
        "hostile",
        {attributes.GEN_AI_TOOL_CALL_ARGUMENTS: json.dumps({HOSTILE: HOSTILE})},
        name=HOSTILE,
        parent=root,
        status=("ERROR", HOSTILE),
    )
    here.store.add([root, call, feedback("hostile", text=HOSTILE)])
    for place in ("", f"?span={root.span_id}", f"/span?span={call.span_id}", "/lines", "/turns"):
        answer = here.ask(f"/runs/hostile{place}")
        assert answer.status == 200
        body = answer.text.replace('<script src="/static/', "").replace(
            '<script type="module" src="/static/', ""
        )
        assert "<script" not in body
        assert "<img" not in body
        assert "\u202e" not in body
        assert "\x1b" not in body
        assert "{{7*7}}" in body


def test_a_text_is_had_whole_and_as_text(here: Served) -> None:
    """A long prompt is cut on the page; its address gives all of it, as what no browser takes for a page."""
    words = "<b>word</b> " * 100_000
    here.store.add([run("long", {IN: said("user", words)})])
    page = here.ask("/runs/long")
    assert len(page.body) < 200_000
    whole = here.ask("/runs/long/text?span=&part=asked.0.0")
    assert whole.text == words
    assert whole.headers["content-type"] == "text/plain; charset=utf-8"
    assert whole.headers["x-content-type-options"] == "nosniff"
    for query in ("", "?part=asked.7.0", "?span=none&part=asked.0.0"):
        assert here.ask(f"/runs/long/text{query}").status == 404


def test_a_span_is_had_as_json(here: Served) -> None:
    """What is copied is OTLP, as any tool reads it."""
    root = run("json", {IN: said("user", "Hi")})
    here.store.add([root])
    found = here.ask(f"/runs/json/span.json?span={root.span_id}").json
    (resource,) = found["resourceSpans"]
    assert resource["scopeSpans"][0]["spans"][0]["spanId"] == root.span_id


def test_a_link_to_a_span_opens_it(here: Served) -> None:
    """Without any script: the line is selected, its detail is there; a span that is not there is said."""
    root = run("deep", {IN: said("user", "Hi")})
    call = tool("deep", name="the-tool", parent=root)
    here.store.add([root, call])
    page = here.ask(f"/runs/deep?span={call.span_id}").text
    assert f'aria-selected="true" data-span="{call.span_id}"' in page
    assert '<h2 id="span-title"><bdi>the-tool</bdi></h2>' in page
    lost = here.ask("/runs/deep?span=gone")
    assert lost.status == 200
    assert "There is no span <bdi>gone</bdi> in this run" in lost.text


def test_a_run_that_is_not_here_is_a_404_that_helps(here: Served) -> None:
    """The page says why that may be and where to look; the pieces of the page are gone as well."""
    answer = here.ask("/runs/%3Cnone%3E")
    assert answer.status == 404
    assert "There is no run <bdi>&lt;none&gt;</bdi> here" in answer.text
    assert 'href="/runs?text=%3Cnone%3E"' in answer.text
    for place in ("lines", "turns", "span", "text", "span.json", "change"):
        assert here.ask(f"/runs/none/{place}").status == 404
    assert _send(here, "/runs/none", score="up").status == 404


@pytest.mark.parametrize(
    "query", ["line=-1", "line=x", "line=" + "9" * 4_000, "turn=99999", "turn=²", "span=%00"]
)
def test_parameters_that_make_no_sense_do_no_harm(here: Served, query: str) -> None:
    """A part that is not there is answered with the nearest that is."""
    here.store.add([run("odd", {IN: said("user", "Hi")})])
    for place in ("", "/lines", "/turns"):
        assert here.ask(f"/runs/odd{place}?{query}".replace("²", "%C2%B2")).status == 200


def test_the_number_of_the_last_change_is_cheap_to_ask_for(here: Served) -> None:
    """A page that is open asks for it before it asks for itself."""
    root = run("live")
    here.store.add([root])
    before = here.ask("/runs/live/change").text
    here.store.add([step("live", parent=root)])
    after = here.ask("/runs/live/change").text
    assert int(after) > int(before)
    assert f'data-change="{after}"' in here.ask("/runs/live").text


def test_feedback_of_the_page_is_that_of_the_recording_api(here: Served) -> None:
    """It is kept as a span of the run, is listed on the page, and says the same as one that was recorded."""
    root = run("fed")
    here.store.add([root])
    _send(here, "/runs/fed", score="down", text="too <slow>\r\nand wrong")
    detail = here.store.run("fed")
    assert detail is not None
    (kept,) = (one for one in detail.spans if one.span_id != root.span_id)
    said_of_it = read(kept)
    assert (said_of_it.kind, said_of_it.score, said_of_it.feedback_text) == (
        "feedback",
        "down",
        "too <slow>\nand wrong",
    )
    assert kept.trace_id == root.trace_id
    assert "too &lt;slow&gt; and wrong" in here.ask("/runs/fed").text


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "There is nothing to send"),
        ({"text": "x" * 2_001}, "too long"),
        ({"text": "x" * 100_000}, "too long"),
    ],
)
def test_feedback_that_cannot_be_kept_is_given_back(here: Served, fields: dict[str, str], words: str) -> None:
    """The page comes again with status 400, what was wrong, and what was written."""
    here.store.add([run("refused")])
    answer = _send(here, "/runs/refused", **fields)
    assert answer.status == 400
    assert words in answer.text
    row = here.store.row("refused")
    assert row is not None
    assert not row.feedback_text


def test_a_foreign_page_gives_no_feedback(here: Served) -> None:
    """A form on another site that posts here is refused."""
    here.store.add([run("guarded")])
    answer = here.ask(
        "/runs/guarded/feedback", "POST", b"score=up", {"Origin": "https://evil.example"} | _FORM
    )
    assert answer.status == 403
    row = here.store.row("guarded")
    assert row is not None
    assert row.thumbs_up == 0


def test_a_run_of_ten_thousand_spans_opens_in_parts(here: Served) -> None:
    """The first view is bounded, however long the run is."""
    root = run("big", ms=100_000)
    here.store.add([root, *(tool("big", parent=root, start_ms=number) for number in range(10_000))])
    page = here.ask("/runs/big")
    assert page.status == 200
    assert len(page.body) < 600_000
    assert "10,001 lines" in page.text
    assert page.text.count('role="treeitem"') == 300
    more = here.ask("/runs/big/lines?line=9900").text
    assert more.count('role="treeitem"') == 101


_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def _send(here: Served, path: str, **fields: str) -> Answer:
    return here.ask(f"{path}/feedback", "POST", urlencode(fields).encode(), {"Origin": here.origin} | _FORM)
