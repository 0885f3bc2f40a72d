"""Take the pictures of the dashboard for the README: `python -m tests.browser.screenshots [FOLDER]`."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from contextcompany.local.server.serving import Server
from contextcompany.local.store.sqlite.store import SqliteRunStore
from tests.browser.browsing import NARROW, WIDE, chromium, launched
from tests.browser.story import SESSION, TRIP_RUN, tell

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ViewportSize

_FOLDER: Final = Path(__file__).parents[2] / "docs" / "pictures"
_HEIGHT: Final = 720
_Theme: TypeAlias = Literal["light", "dark"]
_THEMES: Final[tuple[_Theme, ...]] = ("light", "dark")
_PAGES: Final = {
    "overview": "/?since=7d",
    "runs": "/runs",
    "run": f"/runs/{TRIP_RUN}",
    "session": f"/sessions/{SESSION}",
}
_NARROW: Final = ("runs", "run")


def main(folder: Path = _FOLDER) -> int:
    """Write the pictures into a folder."""
    path = chromium()
    if path is None:
        print("There is no Chromium: run make browser, or name one in CHROMIUM.", file=sys.stderr)
        return 2
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as place, SqliteRunStore.open(Path(place, "story.db")) as store:
        tell(store)
        with Server(store, port=0) as server, launched(path) as browser:
            for theme in _THEMES:
                for name, address in _PAGES.items():
                    _take(browser, server.url + address, WIDE, theme, folder / f"{name}-{theme}.png")
                    if name in _NARROW:
                        narrow = folder / f"{name}-narrow-{theme}.png"
                        _take(browser, server.url + address, NARROW, theme, narrow)
    for picture in sorted(folder.glob("*.png")):
        print(f"{picture.name:24} {picture.stat().st_size / 1024:6.0f} KB")
    return 0


def _take(browser: Browser, url: str, width: int, theme: _Theme, path: Path) -> None:
    size: ViewportSize = {"width": width, "height": _HEIGHT}
    with browser.new_context(viewport=size, color_scheme=theme) as context:
        page = context.new_page()
        page.goto(url)
        # The connection of the page to the server is there: nothing changes on it any more.
        page.wait_for_selector("html[data-connected=yes]")
        page.screenshot(path=path, animations="disabled", caret="hide")


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
