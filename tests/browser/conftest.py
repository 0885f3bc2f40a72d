"""A browser for the tests of the dashboard, and pages on which nothing may go wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.browsing import WIDE, Opened, chromium, launched
from tests.local.served import Served, served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser


# Not for the session: a Playwright that runs leaves its event loop in the way of the tests that need one.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Run one browser for all tests of this folder."""
    path = chromium()
    if path is None:
        pytest.skip("there is no Chromium: run make browser, or name one in CHROMIUM")
    with launched(path) as found:
        yield found


@pytest.fixture
def shown(tmp_path: Path) -> Iterator[Served]:
    """Serve an empty store."""
    with served(tmp_path) as found:
        yield found


@pytest.fixture
def opened(browser: Browser) -> Iterator[Callable[..., Opened]]:
    """Open windows of the browser; at the end nothing has gone wrong on any page."""
    all_opened: list[Opened] = []

    def open_window(shown: Served, *, width: int = WIDE, **more: Any) -> Opened:
        window = Opened.on(browser, shown.origin, width=width, **more)
        all_opened.append(window)
        return window

    yield open_window
    for window in all_opened:
        window.close()
    assert [problem for window in all_opened for problem in window.problems] == []
