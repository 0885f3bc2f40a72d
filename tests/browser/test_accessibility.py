"""Every page, in both themes and at both widths: accessible, within its window, nothing in the console."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

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
_LOOKS: Final = pytest.mark.parametrize(
    ("width", "theme"), [(WIDE, "light"), (WIDE, "dark"), (NARROW, "light"), (NARROW, "dark")]
)


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve the runs of the pictures, recorded by a process of its own."""
    folder = tmp_path_factory.mktemp("week")
    made = python(_TELL, str(folder / "runs.db"))
    assert made.code == 0, made.err
    with served(folder) as shown:
        yield shown


def _check(page: Page) -> None:
    """Hold a page against axe, and its content against its window."""
    page.wait_for_load_state("load")
    found = Axe().run(page, options=_AXE).response["violations"]
    problems = [
        (page.url, one["id"], node["html"][:200], node["failureSummary"])
        for one in found
        for node in one["nodes"]
    ]
    assert problems == []
    assert page.evaluate("document.scrollingElement.scrollWidth - innerWidth") <= 0, page.url


@_LOOKS
@pytest.mark.parametrize("path", _PAGES)
def test_every_page_is_accessible(
    week: Served, opened: Callable[..., Opened], path: str, width: int, theme: Literal["light", "dark"]
) -> None:
    """Axe has nothing to say, and no page is wider than its window."""
    page = opened(week, width=width, color_scheme=theme).go(path)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    _check(page)


@_LOOKS
def test_pages_in_use_are_accessible(
    week: Served, opened: Callable[..., Opened], width: int, theme: Literal["light", "dark"]
) -> None:
    """So it is with filters open, keys listed, all unfolded, a form refused, an address wrong."""
    window = opened(week, width=width, color_scheme=theme)
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


@_LOOKS
def test_the_first_pages_are_accessible(
    tmp_path_factory: pytest.TempPathFactory,
    opened: Callable[..., Opened],
    width: int,
    theme: Literal["light", "dark"],
) -> None:
    """So are the pages of an empty store, and those on which people sign in and out."""
    tokens = Tokens.load(tmp_path_factory.mktemp("tokens") / "tokens.json")
    secret = tokens.create("ann", "read")
    with served(tmp_path_factory.mktemp("empty"), access=Access(tokens)) as shown:
        window = opened(shown, width=width, color_scheme=theme)
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
