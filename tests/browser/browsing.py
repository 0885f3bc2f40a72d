"""A real browser, and pages that watch what goes wrong on them."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

from playwright.sync_api import expect, sync_playwright

if TYPE_CHECKING:
    from collections.abc import Generator

    from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, Request, ViewportSize

WIDE: Final = 1280
NARROW: Final = 390
_HEIGHTS: Final = {WIDE: 860, NARROW: 780}
_ARGUMENTS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# On a machine that does other things too a page may take its time; only a failing test waits that long.
_PATIENCE_MS: Final = 30_000
# A page that is left ends its stream of changes and what it was fetching.
_ENDED: Final = "net::ERR_ABORTED"


def chromium() -> str | None:
    """Find the browser: the one that CHROMIUM names, else the one of the system."""
    named = os.environ.get("CHROMIUM")
    found = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
    return shutil.which(named) if named else next((path for path in found if path), None)


@contextmanager
def launched(path: str) -> Generator[Browser]:
    """Run a browser until the block ends."""
    expect.set_options(timeout=_PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


def viewport(width: int) -> ViewportSize:
    """Return the size of a window of a width."""
    return {"width": width, "height": _HEIGHTS.get(width, _HEIGHTS[WIDE])}


# Without slots: Playwright keeps something of its own on whatever listens.
@dataclass
class Opened:
    """A window of the browser with one page, which notes all that goes wrong on it.

    Its console, scripts, requests that fail or go elsewhere, dialogs.
    """

    page: Page
    origin: str
    problems: list[str] = field(default_factory=list[str])

    @classmethod
    def on(cls, browser: Browser, origin: str, *, width: int = WIDE, **more: Any) -> Self:
        """Open a window of a width on the dashboard at an origin; `more` goes to the browser's context."""
        # What moves has no place or colour to hold to, and keeps a processor busy where none draws for it.
        context = browser.new_context(
            base_url=origin, viewport=viewport(width), locale="en-GB", reduced_motion="reduce", **more
        )
        context.set_default_timeout(_PATIENCE_MS)
        window = cls(context.new_page(), origin)
        window._watch()
        return window

    def go(self, path: str) -> Page:
        """Open a page of the dashboard, with its scripts at work where there are any."""
        self.page.goto(path)
        return self.page

    def live(self, path: str) -> Page:
        """Open a page and wait until it is told of changes."""
        self.page.goto(path)
        self.page.wait_for_selector("html[data-connected=yes]")
        return self.page

    def forgive(self, text: str) -> None:
        """Take out what a test provoked on purpose; it must be there."""
        kept = [problem for problem in self.problems if text not in problem]
        assert len(kept) < len(self.problems), f"{text!r} is not among {self.problems}"
        self.problems[:] = kept

    def close(self) -> None:
        """Close the window."""
        self.page.context.close()

    def _watch(self) -> None:
        page = self.page
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.problems.append(f"script: {error}"))
        page.on("requestfailed", self._failed)
        page.on("request", self._asked)
        page.on("dialog", self._dialog)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning", "assert"}:
            self.problems.append(f"console: {message.type}: {message.text}")

    def _failed(self, request: Request) -> None:
        if request.failure != _ENDED:
            self.problems.append(f"request: {request.failure}: {request.url}")

    def _asked(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if f"{parts.scheme}://{parts.netloc}" != self.origin and parts.scheme not in {"data", "blob"}:
            self.problems.append(f"request to elsewhere: {request.url}")

    def _dialog(self, dialog: Dialog) -> None:
        self.problems.append(f"dialog: {dialog.message}")
        dialog.dismiss()
