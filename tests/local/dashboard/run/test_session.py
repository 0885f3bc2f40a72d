"""The page of a session, over real connections."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from contextcompany.local.dashboard.run.session import MOST_RUNS
from contextcompany.local.paths import segment
from contextcompany.semconv import attributes
from tests.local.agent_spans import feedback, run, said, step
from tests.local.served import Served, served

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from contextcompany.local.otlp.spans import AttributeValue, SpanRecord

IN = attributes.GEN_AI_INPUT_MESSAGES
OUT = attributes.GEN_AI_OUTPUT_MESSAGES


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with a few sessions."""
    with served(tmp_path_factory.mktemp("session-page")) as one:
        yield one


def _turn(
    session: str, number: int, more: Mapping[str, AttributeValue] | None = None, **fields: object
) -> SpanRecord:
    own = {
        attributes.TCC_SESSION_ID: session,
        IN: said("user", f"question {number}"),
        OUT: said("assistant", f"answer {number}"),
    }
    return run(f"{session}-{number}", own | dict(more or {}), start_ms=number * 1_000, **fields)


def test_a_session_is_one_thread(here: Served) -> None:
    """Questions and answers follow each other in time, each with its run and its figures."""
    second, first = _turn("talk", 2), _turn("talk", 1)
    here.store.add([second, first, step("talk-1", parent=first, tokens=(1_000, 0, 50), cost=0.5)])
    here.store.add([feedback("talk-2", text="fine")])
    page = here.ask("/sessions/talk")
    assert page.status == 200
    assert re.findall(r"(?:question|answer) \d", page.text) == [
        "question 1",
        "answer 1",
        "question 2",
        "answer 2",
    ]
    assert re.findall(r'href="/runs/(talk-\d)"', page.text) == ["talk-1", "talk-2"]
    assert "1,000 in, 50 out" in page.text
    assert "$0.50" in page.text
    assert 'class="thumb thumb-up"' in page.text


def test_errors_of_a_session_are_seen(here: Served) -> None:
    """A turn that failed shows why, in its place."""
    here.store.add([_turn("bad", 1), _turn("bad", 2, {OUT: None}, status=("ERROR", "bank <refused>"))])
    page = here.ask("/sessions/bad").text
    assert "bank &lt;refused&gt;" in page
    assert "1 failed" in page
    assert page.index("answer 1") < page.index("bank &lt;refused&gt;")


@pytest.mark.parametrize("session", ["..", "a/b", "ü <b>\n", "%", "~."])
def test_a_session_of_any_id_has_a_page(here: Served, session: str) -> None:
    """Whatever the id is made of, its page is found and shows it as text."""
    here.store.add([_turn(session, 1)])
    page = here.ask(f"/sessions/{segment(session)}")
    assert page.status == 200
    assert "<b>" not in page.text


def test_a_session_that_is_not_here_is_a_404_that_helps(here: Served) -> None:
    """The page says how runs come to a session."""
    answer = here.ask("/sessions/none")
    assert answer.status == 404
    assert "There is no session <bdi>none</bdi> here" in answer.text


def test_a_session_without_end_stays_on_a_page(here: Served) -> None:
    """The newest runs are shown, long texts are folded, and the page says where the others are."""
    long = {IN: said("user", "word " * 20_000)}
    here.store.add([_turn("endless", number, long) for number in range(MOST_RUNS + 20)])
    page = here.ask("/sessions/endless")
    assert len(page.body) < 1_500_000
    assert page.text.count('class="exchange"') == MOST_RUNS
    assert f"answer {MOST_RUNS + 19}" in page.text
    assert 'href="/runs?session=endless"' in page.text
