"""Where scripts are off, every page still answers, by links and forms."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from contextcompany.local.store.filters import RunFilter
from contextcompany.semconv import attributes
from tests.local.dashboard.pages import agent_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser.browsing import Opened
    from tests.local.served import Served


@pytest.fixture
def plain(shown: Served, opened: Callable[..., Opened]) -> Opened:
    """Open a window without scripts on more runs than a page has."""
    for number in range(60):
        more = {attributes.TCC_SESSION_ID: f"s-{number % 3}"}
        error = "TimeoutError" if number == 3 else ""
        shown.store.add(agent_run(f"r-{number}", seconds_ago=900 - number, error=error, more=more))
    return opened(shown, java_script_enabled=False)


def test_the_list_is_filtered_and_paged(plain: Opened) -> None:
    """The form has a button then, the further filters open, and a link leads to older runs."""
    page = plain.go("/runs")
    rows = page.locator("[data-address]")
    expect(rows).to_have_count(50)
    page.get_by_role("link", name="Older runs").click()
    expect(rows).to_have_count(10)
    page.get_by_role("link", name="Back to the beginning").click()
    page.get_by_role("combobox", name="Status", exact=True).select_option("Failed")
    page.locator("[data-filters] > button").click()
    expect(page).to_have_url(re.compile(r"/runs\?status=failed$"))
    expect(rows).to_have_count(1)
    page.get_by_role("link", name="Remove the filter Status").click()
    page.locator("details.more summary").click()
    page.get_by_label("Session", exact=True).fill("s-1")
    page.locator(".more-panel").get_by_role("button", name="Apply").click()
    expect(page).to_have_url(re.compile(r"/runs\?session=s-1$"))
    expect(rows).to_have_count(20)


def test_what_needs_a_script_is_not_offered(plain: Opened) -> None:
    """No button is there that would do nothing."""
    page = plain.go("/runs")
    for name in ("Live", "Theme", "Show the keys"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    page = plain.go("/runs/r-1")
    expect(page.get_by_role("button", name=re.compile("Copy"))).to_have_count(0)


def test_a_run_is_read(plain: Opened) -> None:
    """A line of the waterfall is a link to the page with that span."""
    page = plain.go("/runs/r-1")
    page.get_by_role("treeitem").filter(has_text="search").click()
    expect(page).to_have_url(re.compile(r"/runs/r-1\?span=.*#span$"))
    expect(page.locator("#span-title")).to_have_text("search")
    expect(page.locator("[role=treeitem][aria-selected=true]")).to_contain_text("search")
    page.locator("#attributes > summary").click()
    expect(page.locator("#attributes [data-row]").first).to_be_visible()


def test_feedback_is_given(plain: Opened, shown: Served) -> None:
    """The form is sent as forms are, and the page comes back with what was said."""
    page = plain.go("/runs/r-1")
    page.locator("[data-feedback] label", has_text="Thumbs up").click()
    page.locator("[data-feedback] textarea").fill("Fine")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".given")).to_contain_text("Fine")
    (kept,) = shown.store.feedback(RunFilter()).items
    assert (kept.address, kept.score, kept.text) == ("r-1", "up", "Fine")


@pytest.mark.parametrize(
    "path", ["/", "/sessions", "/sessions/s-1", "/agents", "/agents/support", "/tools", "/failures", "/api"]
)
def test_other_pages_are_whole(plain: Opened, path: str) -> None:
    """Overview, lists, a session, an agent and the API have their heading and their content."""
    page = plain.go(path)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator("table, .chart, .thread, .runs, .api-one").first).to_be_visible()
