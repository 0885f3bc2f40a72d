"""A real browser, and pages that watch what goes wrong on them."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Generator

    from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, Request

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
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


def viewport(width: int) -> dict[str, int]:
    """Return the size of a window of a width."""
    return {"width": width, "height": _HEIGHTS[width]}


@dataclass(slots=True)
class Watch:
    """Note what goes wrong on a page: its console, its scripts, its requests, its dialogs."""

    host: str
    problems: list[str] = field(default_factory=list[str])

    def over(self, page: Page) -> Page:
        """Begin with a page."""
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.problems.append(f"script: {error}"))
        page.on("requestfailed", self._failed)
        page.on("request", self._asked)
        page.on("dialog", self._dialog)
        return page

    def forgive(self, text: str) -> None:
        """Take out what a test provoked on purpose; it must be there."""
        kept = [problem for problem in self.problems if text not in problem]
        assert len(kept) < len(self.problems), f"{text!r} is not among {self.problems}"
        self.problems[:] = kept

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning", "assert"}:
            self.problems.append(f"console: {message.type}: {message.text} {message.location}")

    def _failed(self, request: Request) -> None:
        if request.failure != _ENDED:
            self.problems.append(f"request: {request.failure}: {request.url}")

    def _asked(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.netloc != self.host and parts.scheme not in {"data", "blob"}:
            self.problems.append(f"request to elsewhere: {request.url}")

    def _dialog(self, dialog: Dialog) -> None:
        self.problems.append(f"dialog: {dialog.message}")
        dialog.dismiss()
