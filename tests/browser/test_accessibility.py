"""Every page, in both themes and at both widths: accessible, within its window, nothing in the console."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import expect

from contextcompany.local.server.access import Access
from contextcompany.local.server.tokens import Tokens
from tests.browser.browsing import NARROW, WIDE
from tests.browser.story import SESSION, TRIP_RUN
from tests.interpreter import python
from tests.local.served import served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page

    from tests.browser.browsing import Opened
    from tests.local.served import Served

_PAGES: Final = (
    "/",
    "/?since=7d&rank=failed",
    "/runs",
    "/runs?status=failed&text=invoice&since=30d",
    f"/runs/{TRIP_RUN}",
    "/sessions",
    f"/sessions/{SESSION}",
    "/agents",
    "/agents/shop-support",
    "/users",
    "/organisations",
    "/tools",
    "/models",
    "/failures",
    "/feedback",
    "/api",
)
_WRONG: Final = {"/runs/nothing": "404", "/runs?since=soon": "400"}
_TELL: Final = """
    import sys
    from tests.browser.story import write

    write(sys.argv[1], copies=1)
"""
_EMPTY: Final = ("/", "/feedback")
_AXE: Final[dict[str, Any]] = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
# The themes differ in nothing but colours, so the second one is held against the rules about them alone.
_AXE_OF_COLOURS: Final[dict[str, Any]] = {
    "runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]},
    "resultTypes": ["violations"],
}
_WIDTHS: Final = pytest.mark.parametrize("width", [WIDE, NARROW])


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve the runs of the pictures, recorded by a process of its own."""
    folder = tmp_path_factory.mktemp("week")
    made = python(_TELL, str(folder / "runs.db"))
    assert made.code == 0, made.err
    with served(folder) as shown:
        yield shown


def _check(page: Page) -> None:
    """Hold a page against axe in both themes, and its content against its window."""
    page.wait_for_load_state("load")
    problems = _problems(page, _AXE)
    page.emulate_media(color_scheme="dark")
    problems += _problems(page, _AXE_OF_COLOURS)
    page.emulate_media(color_scheme="light")
    assert problems == []
    assert page.evaluate("document.scrollingElement.scrollWidth - innerWidth") <= 0, page.url


def _problems(page: Page, options: dict[str, Any]) -> list[tuple[str, ...]]:
    return [
        (page.url, one["id"], node["html"][:200], node["failureSummary"])
        for one in Axe().run(page, options=options).response["violations"]
        for node in one["nodes"]
    ]


@_WIDTHS
@pytest.mark.parametrize("path", _PAGES)
def test_every_page_is_accessible(week: Served, opened: Callable[..., Opened], path: str, width: int) -> None:
    """Axe has nothing to say, and no page is wider than its window."""
    page = opened(week, width=width, color_scheme="light").go(path)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    _check(page)


@_WIDTHS
def test_pages_in_use_are_accessible(week: Served, opened: Callable[..., Opened], width: int) -> None:
    """So it is with filters open, keys listed, all unfolded, a form refused, an address wrong."""
    window = opened(week, width=width, color_scheme="light")
    page = window.live("/runs")
    page.locator("details.more summary").click()
    _check(page)
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    _check(page)
    page = window.live(f"/runs/{TRIP_RUN}")
    page.get_by_role("treeitem").filter(has_text="search_hotels").click()
    expect(page.locator("#span-title")).to_have_text("search_hotels")
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("alert")).to_be_visible()
    window.forgive("400")
    _check(page)
    page = window.go("/")
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    _check(page)
    for path, status in _WRONG.items():
        _check(window.go(path))
        window.forgive(status)


@_WIDTHS
def test_the_first_pages_are_accessible(
    tmp_path_factory: pytest.TempPathFactory,
    opened: Callable[..., Opened],
    width: int,
) -> None:
    """So are the pages of an empty store, and those on which people sign in and out."""
    tokens = Tokens.load(tmp_path_factory.mktemp("tokens") / "tokens.json")
    secret = tokens.create("ann", "read")
    with served(tmp_path_factory.mktemp("empty"), access=Access(tokens)) as shown:
        window = opened(shown, width=width, color_scheme="light")
        page = window.go("/login")
        page.get_by_label("Read token").fill("wrong")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_be_visible()
        window.forgive("403")
        _check(page)
        page.get_by_label("Read token").fill(secret)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="No run has arrived yet")).to_be_visible()
        for path in _EMPTY:
            _check(window.go(path))
        _check(window.go("/login"))
        window.close()
