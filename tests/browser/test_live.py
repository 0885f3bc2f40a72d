"""What arrives shows at once, on pages that are open."""

from __future__ import annotations

import subprocess
import sys
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.local.dashboard.pages import agent_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Locator

    from tests.browser.browsing import Opened
    from tests.local.served import Served

_AGENT = dedent(
    """
    import sys
    import contextcompany as tcc

    tcc.configure(tcc_url=sys.argv[1])

    def next_act(done):
        assert tcc.flush(20.0), done
        print(done, flush=True)
        sys.stdin.readline()

    with tcc.run(run_id="live") as r:
        r.prompt("Which way to the harbour?").metadata({"tcc.agent": "pilot"})
        with r.step() as s:
            s.prompt("Which way to the harbour?").response("I look at the chart.").model(requested="gpt-5")
            s.tokens(prompt_uncached=1200, completion=34)
        next_act("step")
        with r.tool_call("read_chart") as t:
            t.args({"area": "north"}).result({"course": 271})
        next_act("tool")
        r.response("Steer 271 degrees.")
    next_act("end")
    """
)


class _Agent:
    """An agent in a process of its own that acts when it is told to."""

    def __init__(self, url: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _AGENT, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def has_done(self) -> str:
        """Return what has been delivered."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def go_on(self) -> None:
        """Let it act."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def end(self) -> None:
        """Wait for its end."""
        self._process.communicate(timeout=20)


@pytest.fixture
def agent(shown: Served) -> Iterator[_Agent]:
    """Run an agent that records with this package and sends to the server that is shown."""
    agent = _Agent(shown.server.url)
    yield agent
    agent.end()


def test_a_run_shows_while_it_runs(shown: Served, opened: Callable[..., Opened], agent: _Agent) -> None:
    """A run of another process appears without a reload; then its response, status and figures arrive."""
    shown.store.add(agent_run("before", seconds_ago=60))
    page = opened(shown).live("/runs")
    page.evaluate("window.wasNotLoadedAgain = true")
    assert agent.has_done() == "step"
    row = page.locator("[data-address=live]")
    expect(row.locator(".mark-open")).to_be_visible()
    expect(row).to_contain_text("I look at the chart.")
    agent.go_on()
    assert agent.has_done() == "tool"
    agent.go_on()
    assert agent.has_done() == "end"
    expect(row.locator(".mark-ok")).to_be_visible()
    expect(row).to_contain_text("Which way to the harbour?")
    expect(row).to_contain_text("Steer 271 degrees.")
    expect(row).to_contain_text("pilot")
    expect(row.locator(".run-tokens")).to_contain_text("1,234")
    expect(row).to_have_count(1)
    assert page.evaluate("window.wasNotLoadedAgain")


def test_a_page_of_a_run_grows_with_it(shown: Served, opened: Callable[..., Opened], agent: _Agent) -> None:
    """The waterfall and the conversation of an open run gain what arrives, and its status ends as OK."""
    assert agent.has_done() == "step"
    page = opened(shown).live("/runs/live")
    lines = page.get_by_role("treeitem")
    expect(lines).to_have_count(2)
    expect(page.locator(".run-title .badge")).to_have_text("Running")
    agent.go_on()
    assert agent.has_done() == "tool"
    expect(lines).to_have_count(3)
    expect(page.locator(".turns")).to_contain_text("read_chart")
    agent.go_on()
    assert agent.has_done() == "end"
    expect(page.locator(".run-title .badge")).to_have_text("OK")
    expect(page.locator(".turns")).to_contain_text("Steer 271 degrees.")
    expect(page.get_by_role("heading", level=1)).to_have_text("Which way to the harbour?")


def test_an_empty_dashboard_fills_itself(shown: Served, opened: Callable[..., Opened]) -> None:
    """The pages that explain how to begin become lists and charts with the first run."""
    page = opened(shown).live("/")
    expect(page.get_by_role("heading", name="No run has arrived yet")).to_be_visible()
    shown.store.add(agent_run("first", seconds_ago=1))
    expect(page.locator(".chart")).to_have_count(6)


def test_the_list_can_be_held(shown: Served, opened: Callable[..., Opened]) -> None:
    """A paused list takes nothing in; going on brings what was missed."""
    shown.store.add(agent_run("before", seconds_ago=60))
    page = opened(shown).live("/runs")
    rows = page.locator("[data-address]")
    page.get_by_role("button", name="Live").click()
    paused = page.get_by_role("button", name="Paused")
    expect(paused).to_have_attribute("aria-pressed", "false")
    heard = page.evaluate_handle(
        "import('/static/live.js').then(({onChange}) => ({change: new Promise((done) => onChange(done))}))"
    )
    shown.store.add(agent_run("missed", seconds_ago=30))
    heard.evaluate("(heard) => heard.change")
    expect(rows).to_have_count(1)
    paused.click()
    expect(rows).to_have_count(2)
    expect(rows.first).to_have_attribute("data-address", "missed")


def _top(place: Locator) -> int:
    box = place.bounding_box()
    assert box is not None
    return round(box["y"])


def test_new_runs_do_not_move_what_is_read(shown: Served, opened: Callable[..., Opened]) -> None:
    """Who has scrolled down is told how many came, keeps the place, and gets to them with one click."""
    for number in range(60):
        shown.store.add(agent_run(f"r-{number}", seconds_ago=1_000 - number))
    page = opened(shown).live("/runs")
    place = page.locator("[data-address=r-20]")
    place.scroll_into_view_if_needed()
    before = _top(place)
    for number in range(3):
        shown.store.add(agent_run(f"new-{number}", seconds_ago=3 - number))
    pill = page.locator("[data-new-runs]")
    expect(pill).to_have_text("3 new runs")
    assert _top(place) == before
    pill.click()
    expect(page.locator("[data-address]").first).to_have_attribute("data-address", "new-2")
    assert page.evaluate("scrollY") == 0
