"""Light and dark: as the system says, or as the reader chose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.local.dashboard.pages import agent_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.browser.browsing import Opened
    from tests.local.served import Served

_BRIGHTNESS = """() => {
    const canvas = document.createElement("canvas").getContext("2d");
    canvas.fillStyle = getComputedStyle(document.body).backgroundColor;
    canvas.fillRect(0, 0, 1, 1);
    return canvas.getImageData(0, 0, 1, 1).data[0];
}"""


def _is_dark(page: Page) -> bool:
    brightness: int = page.evaluate(_BRIGHTNESS)
    return brightness < 64


@pytest.mark.parametrize("path", ["/", "/runs", "/runs/r-1", "/api", "/nothing"])
def test_the_system_decides(shown: Served, opened: Callable[..., Opened], path: str) -> None:
    """Without a choice a page is as dark as the system wants it, also when that changes."""
    shown.store.add(agent_run("r-1"))
    window = opened(shown, color_scheme="dark")
    page = window.go(path)
    assert _is_dark(page)
    page.emulate_media(color_scheme="light")
    assert not _is_dark(page)
    if path == "/nothing":
        window.forgive("404 (Not Found)")


def test_a_choice_is_remembered(shown: Served, opened: Callable[..., Opened]) -> None:
    """The button goes from the system's theme to light to dark and back, on all pages and after a reload."""
    page = opened(shown, color_scheme="light").live("/runs")
    toggle = page.get_by_role("button", name="Theme")
    toggle.click()
    expect(toggle).to_have_accessible_name("Theme: light")
    toggle.click()
    expect(toggle).to_have_accessible_name("Theme: dark")
    assert _is_dark(page)
    page.reload()
    expect(toggle).to_have_accessible_name("Theme: dark")
    assert _is_dark(page)
    page.get_by_role("link", name="Tools", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Tools")
    assert _is_dark(page)
    toggle.click()
    expect(toggle).to_have_accessible_name("Theme: as the system")
    assert not _is_dark(page)


def test_a_chosen_theme_does_not_flash(shown: Served, opened: Callable[..., Opened]) -> None:
    """The theme is set before anything is painted, not by the script at the end."""
    page = opened(shown, color_scheme="light").live("/runs")
    page.evaluate("localStorage.setItem('tcc-theme', 'dark')")
    page.add_init_script(
        "new MutationObserver(() => { "
        "if (document.body) window.early ??= document.documentElement.dataset.theme ?? 'none'; "
        "}).observe(document, {childList: true, subtree: true})"
    )
    page.reload()
    assert page.evaluate("window.early") == "dark"
