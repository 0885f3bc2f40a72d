"""A list of a hundred thousand runs is as easy to scroll as one of fifty."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from contextcompany.local.store.sqlite.store import SqliteRunStore
from tests.local.dashboard.pages import agent_run
from tests.local.served import served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.browser.browsing import Opened
    from tests.local.served import Served

_RUNS = 100_000
_SECOND = 1_000_000_000


@pytest.fixture
def many(tmp_path: Path) -> Iterator[Served]:
    """Serve a hundred thousand runs, a second apart; of all but the oldest there is only the line."""
    path = tmp_path / "runs.db"
    with SqliteRunStore.open(path) as store:
        store.add(agent_run("r-0", seconds_ago=_RUNS, prompt="Where is it all?"))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        made = {
            "id": "id + n",
            "top": "id + n",
            "address": "'r-' || n",
            "run_id": "'r-' || n",
            "trace_id": "printf('%032x', n)",
            "change": "change + n",
            "start_ns": f"start_ns + n * {_SECOND}",
            "end_ns": f"end_ns + n * {_SECOND}",
            "prompt": "prompt || ' ' || n",
        }
        names = [row[1] for row in connection.execute("PRAGMA table_info(run)")]
        connection.executescript(
            f"""
            BEGIN;
            INSERT INTO run ({", ".join(names)})
                WITH RECURSIVE number(n) AS
                    (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {_RUNS - 1})
                SELECT {", ".join(made.get(name, name) for name in names)} FROM run, number;
            UPDATE counter SET value = (SELECT max(change) FROM run) WHERE name = 'change';
            UPDATE counter SET value = (SELECT max(id) FROM run) WHERE name = 'last_run';
            COMMIT;
            """
        )
    with served(tmp_path) as shown:
        yield shown


def _shown_numbers(page: Page) -> list[int]:
    addresses: list[str] = page.evaluate(
        """[...document.querySelectorAll("[data-address]")].filter((row) => {
            const box = row.getBoundingClientRect();
            return box.bottom > 120 && box.top < innerHeight;
        }).map((row) => row.dataset.address)"""
    )
    return [int(address.removeprefix("r-")) for address in addresses]


def test_a_long_list_scrolls(many: Served, opened: Callable[..., Opened]) -> None:
    """Thousands of rows deep the page is small and in order, and its head is there again at once."""
    window = opened(many)
    page = window.live("/runs")
    expect(page.locator(".page-count")).to_have_text("10,000+ runs")
    older = page.locator("a.older").first.get_attribute("href")
    _scrolls(page)
    _has_an_address(page, older)
    expect(window.live("/?range=all").locator(".chart-figure").first).to_have_text("100k")
    # The last of the list, which is the first that came, opens as any other does.
    window.go("/runs?order=oldest").locator("[data-open]").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Where is it all?")
    # New runs are still told at the head.
    window.live("/runs")
    shown_first = page.locator("[data-address]").first
    many.store.add(agent_run("new", seconds_ago=0))
    expect(shown_first).to_have_attribute("data-address", "new")


def _scrolls(page: Page) -> None:
    parts = "document.querySelectorAll('.runs-part').length"
    for _ in range(20):
        before = page.evaluate(parts)
        page.keyboard.press("End")
        # Rows get their height when they come into sight, so the end may move once it is reached.
        page.wait_for_function(
            f"(before) => {{ scrollTo(0, document.documentElement.scrollHeight); return {parts} > before; }}",
            arg=before,
        )
    # What is in sight are neighbours: nothing was left out on the way, and nothing came twice.
    numbers = _settled_numbers(page)
    assert numbers == list(range(numbers[0], numbers[0] - len(numbers), -1))
    assert numbers[0] < _RUNS - 1_500
    assert page.evaluate("document.querySelectorAll('[data-address]').length") < 1_500
    # A frame has as much to do here as at the head of the list: the page does not grow.
    assert page.evaluate("document.querySelectorAll('*').length") < 60_000
    page.keyboard.press("Home")
    expect(page.locator(f"[data-address=r-{_RUNS - 1}]")).to_be_in_viewport()
    numbers = _settled_numbers(page)
    assert numbers == list(range(_RUNS - 1, _RUNS - 1 - len(numbers), -1))


def _settled_numbers(page: Page) -> list[int]:
    """Return the numbers in sight once the parts that were taken out there are back, or after 300 frames."""
    numbers = _shown_numbers(page)
    for _ in range(300):
        if numbers and numbers == list(range(numbers[0], numbers[0] - len(numbers), -1)):
            break
        page.evaluate("new Promise((done) => requestAnimationFrame(done))")
        numbers = _shown_numbers(page)
    return numbers


def _has_an_address(page: Page, older: str | None) -> None:
    """The link to older runs can be followed without the script, kept, and left again."""
    assert older is not None
    page.goto(older)
    expect(page.locator("[data-address]").first).to_have_attribute("data-address", f"r-{_RUNS - 51}")
    page.get_by_role("link", name="Back to the beginning").click()
    expect(page.locator("[data-address]").first).to_have_attribute("data-address", f"r-{_RUNS - 1}")
