"""The list of feedback, over a real server and store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contextcompany.local.reading.feedback import feedback_span
from tests.local.dashboard.pages import HOSTILE, agent_run, see
from tests.local.served import Served, served

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path


@pytest.fixture
def shown(tmp_path: Path) -> Generator[Served]:
    """Serve a run with three pieces of feedback, and one on a run that is not here."""
    with served(tmp_path) as found:
        found.store.add(agent_run("r/1"))
        found.store.add([feedback_span("r/1", score="up"), feedback_span("r/1", score="down", text=HOSTILE)])
        found.store.add([feedback_span("r/1", text="Only words")])
        yield found


def test_feedback_leads_to_its_run(shown: Served) -> None:
    """Each piece says what was thought, as text, and leads to the run."""
    page = see(shown, "/feedback")
    assert page.status == 200
    assert page.source.count('class="voice"') == 3
    assert page.links["Where is my order?"] == "/runs/r%2F1"
    assert "Only words" in page.text
    assert "<script>alert" not in page.source
    assert "\u202e" not in page.text


@pytest.mark.parametrize("query", ["since=lately", "cursor=zzz", "feedback=great"])
def test_the_page_says_what_is_wrong(shown: Served, query: str) -> None:
    """A bad filter or cursor is a 400 with the page."""
    page = see(shown, f"/feedback?{query}")
    assert page.status == 400
    assert 'class="voice"' not in page.source


def test_an_empty_page_says_how_feedback_comes(tmp_path: Path) -> None:
    """Without any feedback the page tells where it is given."""
    with served(tmp_path) as empty:
        assert "submit_feedback" in see(empty, "/feedback").text


def test_a_long_list_goes_on(shown: Served) -> None:
    """Older feedback is behind a link."""
    shown.store.add([feedback_span("r/1", score="up") for _ in range(60)])
    first = see(shown, "/feedback")
    second = see(shown, first.links["Older feedback"])
    assert first.source.count('class="voice"') + second.source.count('class="voice"') == 63
