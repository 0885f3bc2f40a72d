"""A list of a hundred thousand runs is as easy to scroll as one of fifty."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from contextcompany.local.otlp.spans import SpanRecord
from contextcompany.semconv import attributes
from tests.local.served import served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page

    from tests.browser.browsing import Opened
    from tests.local.served import Served

_RUNS = 100_000
_AT_ONCE = 10_000
_MS = 1_000_000


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve a hundred thousand runs, a second apart."""
    begun = time.time_ns() - _RUNS * 1_000 * _MS
    own: dict[str, Any] = {
        attributes.GEN_AI_OPERATION_NAME: attributes.OPERATION_INVOKE_AGENT,
        attributes.TCC_AGENT: "counter",
    }
    rest: dict[str, Any] = {
        "events": (),
        "links": (),
        "status_code": "UNSET",
        "status_message": "",
        "resource": {},
        "scope_name": "",
        "scope_version": "",
    }
    with served(tmp_path_factory.mktemp("many")) as shown:
        for first in range(0, _RUNS, _AT_ONCE):
            shown.store.add(
                [
                    SpanRecord(
                        trace_id=f"{number + 1:032x}",
                        span_id=f"{number + 1:016x}",
                        parent_span_id=None,
                        name="invoke_agent",
                        kind="INTERNAL",
                        start_ns=begun + number * 1_000 * _MS,
                        end_ns=begun + (number * 1_000 + 250) * _MS,
                        attributes=own | {attributes.TCC_RUN_ID: f"r-{number}"},
                        **rest,
                    )
                    for number in range(first, first + _AT_ONCE)
                ]
            )
        yield shown


def _shown_numbers(page: Page) -> list[int]:
    addresses: list[str] = page.evaluate(
        """[...document.querySelectorAll("[data-address]")].filter((row) => {
            const box = row.getBoundingClientRect();
            return box.bottom > 120 && box.top < innerHeight;
        }).map((row) => row.dataset.address)"""
    )
    return [int(address.removeprefix("r-")) for address in addresses]


# One test, so that one process fills one store.
@pytest.mark.timeout(120)
def test_a_long_list_scrolls(many: Served, opened: Callable[..., Opened]) -> None:
    """Thousands of rows deep the page is small, in order and quick, and its head is there again at once."""
    window = opened(many)
    page = window.live("/runs")
    expect(page.locator(".page-count")).to_have_text("10,000+ runs")
    older = page.locator("a.older").first.get_attribute("href")
    _scrolls(page)
    _has_an_address(page, older)
    # Any of them opens, and the overview counts them all.
    expect(window.live("/runs/r-4711").locator(".fact-id")).to_contain_text("r-4711")
    expect(window.live("/?range=all").locator(".chart").first).to_contain_text("100k")


def _scrolls(page: Page) -> None:
    parts = "document.querySelectorAll('.runs-part').length"
    for _ in range(40):
        before = page.evaluate(parts)
        page.keyboard.press("End")
        page.wait_for_function(f"(before) => {parts} > before", arg=before)
    # What is in sight are neighbours: nothing was left out on the way, and nothing came twice.
    numbers = _shown_numbers(page)
    assert numbers == list(range(numbers[0], numbers[0] - len(numbers), -1))
    assert numbers[0] < _RUNS - 3_000
    assert page.evaluate("document.querySelectorAll('[data-address]').length") < 2_500
    # A frame takes little while one scrolls, on a machine that does other things too.
    assert page.evaluate(_SLOW_FRAME) < 100
    page.keyboard.press("Home")
    expect(page.locator(f"[data-address=r-{_RUNS - 1}]")).to_be_in_viewport()
    numbers = _shown_numbers(page)
    assert numbers == list(range(_RUNS - 1, _RUNS - 1 - len(numbers), -1))


def _has_an_address(page: Page, older: str | None) -> None:
    """The link to older runs can be followed without the script, kept, and left again."""
    assert older is not None
    page.goto(older)
    expect(page.locator("[data-address]").first).to_have_attribute("data-address", f"r-{_RUNS - 51}")
    page.get_by_role("link", name="Back to the beginning").click()
    expect(page.locator("[data-address]").first).to_have_attribute("data-address", f"r-{_RUNS - 1}")


# Of 60 frames while scrolling, what the slow tenth takes at least, in milliseconds.
_SLOW_FRAME = """async () => {
    const took = [];
    for (let number = 0; number < 60; number++) {
        const begun = performance.now();
        scrollBy(0, -300);
        await new Promise(requestAnimationFrame);
        took.push(performance.now() - begun);
    }
    return took.sort((a, b) => a - b)[Math.floor(took.length * 0.9)];
}"""
