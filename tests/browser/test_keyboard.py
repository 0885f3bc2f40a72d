"""Everything can be reached with keys, and nothing is taken from who is typing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.local.dashboard.pages import agent_run
from tests.local.served import served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page

    from tests.browser.browsing import Opened
    from tests.local.served import Served

_RING = """() => {
    const style = getComputedStyle(document.activeElement);
    const item = document.activeElement.closest("[data-item]");
    const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
    return ring || (item !== null && getComputedStyle(item).boxShadow !== "none");
}"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve three runs."""
    with served(tmp_path_factory.mktemp("runs")) as shown:
        for number in range(3):
            shown.store.add(agent_run(f"r-{number}", seconds_ago=60 - number, prompt=f"Question {number}"))
        yield shown


def _focused(page: Page) -> str:
    name: str = page.evaluate(
        "document.activeElement.getAttribute('aria-label') || document.activeElement.name || "
        "document.activeElement.textContent.trim()"
    )
    return name


def test_keys_move_and_open(runs: Served, opened: Callable[..., Opened]) -> None:
    """`j` and `k` go through the list with a ring to see, Enter opens, and the way back is one key."""
    page = opened(runs).live("/runs")
    links = page.locator("[data-open]")
    page.keyboard.press("j")
    expect(links.nth(0)).to_be_focused()
    assert page.evaluate(_RING)
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(links.nth(2)).to_be_focused()
    page.keyboard.press("k")
    expect(links.nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/runs/r-1$"))
    page.go_back()
    expect(page).to_have_url(re.compile("/runs$"))


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("o", "/"),
        ("r", "/runs"),
        ("s", "/sessions"),
        ("a", "/agents"),
        ("u", "/users"),
        ("c", "/organisations"),
        ("t", "/tools"),
        ("m", "/models"),
        ("f", "/failures"),
        ("b", "/feedback"),
        ("i", "/api"),
    ],
)
def test_two_keys_lead_to_each_page(runs: Served, opened: Callable[..., Opened], key: str, path: str) -> None:
    """`g` and a letter go to a section, whose link is marked as where one is."""
    window = opened(runs)
    page = window.go("/runs/r-0")
    page.wait_for_function("!document.querySelector('[data-theme-toggle]').hidden")
    page.keyboard.press("g")
    page.keyboard.press(key)
    expect(page).to_have_url(window.origin + path)
    expect(page.locator("nav[aria-label=Sections] [aria-current=page]")).to_have_attribute("href", path)


def test_search_is_one_key_away(runs: Served, opened: Callable[..., Opened]) -> None:
    """`/` goes to the field and Escape leaves it; what is typed there does nothing else."""
    page = opened(runs).live("/runs")
    page.keyboard.press("/")
    search = page.get_by_role("searchbox", name="Text in prompts")
    expect(search).to_be_focused()
    page.keyboard.type("jk?g r/")
    expect(search).to_have_value("jk?g r/")
    expect(page.locator("dialog[open]")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(search).not_to_be_focused()
    page.keyboard.press("Control+j")
    page.keyboard.press("Alt+j")
    expect(page.locator("[data-open]:focus")).to_have_count(0)


def test_the_keys_are_listed(runs: Served, opened: Callable[..., Opened]) -> None:
    """`?` opens the list of keys, which takes the focus and gives it back; Escape closes it."""
    page = opened(runs).live("/runs")
    page.keyboard.press("j")
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keys")
    expect(keys).to_be_visible()
    page.keyboard.press("j")
    expect(keys.get_by_role("button", name="Close")).to_be_focused()
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()
    expect(page.locator("[data-open]").first).to_be_focused()


def test_tab_goes_through_the_page_in_its_order(runs: Served, opened: Callable[..., Opened]) -> None:
    """The first stop skips to the content; then come bar, filters and runs; each stop can be seen."""
    page = opened(runs).live("/runs")
    page.keyboard.press("Tab")
    assert _focused(page) == "Skip to the content"
    expect(page.get_by_role("link", name="Skip to the content")).to_be_in_viewport()
    stops = []
    for _ in range(40):
        page.keyboard.press("Tab")
        stops.append(_focused(page))
        assert page.evaluate(_RING), stops
        if stops[-1].startswith("Question 0"):
            break
    order = [
        "Overview",
        "API",
        "text",
        "status",
        "feedback",
        "order",
        "More filters",
        "Question 2",
        "Question 0",
    ]
    assert [stops.index(name) for name in order] == sorted(stops.index(name) for name in order)


def test_the_skip_link_leads_to_the_content(runs: Served, opened: Callable[..., Opened]) -> None:
    """After it, the next stop is inside the page, not in the bar."""
    page = opened(runs).live("/runs")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


def test_typing_feedback_moves_nothing(runs: Served, opened: Callable[..., Opened]) -> None:
    """In the text of feedback every key is a letter."""
    page = opened(runs).live("/runs/r-0")
    field = page.locator("[data-feedback] textarea")
    field.focus()
    page.keyboard.type("j k / ? g r")
    expect(field).to_have_value("j k / ? g r")
    expect(field).to_be_focused()


def test_the_panel_of_filters_opens_and_closes(runs: Served, opened: Callable[..., Opened]) -> None:
    """Enter opens the further filters, Escape closes them and stays at their button."""
    page = opened(runs).live("/runs")
    summary = page.locator("details.more summary")
    summary.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Agent", exact=True)).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(page.get_by_label("Agent", exact=True)).to_be_hidden()
    expect(summary).to_be_focused()
