"""The page of a run: chosen spans, the waterfall, copying, feedback."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from contextcompany.local.store.filters import RunFilter
from contextcompany.semconv import attributes
from tests.local import agent_spans
from tests.local.dashboard.pages import agent_run, ago_ms
from tests.local.served import served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Locator, Page

    from tests.browser.browsing import Opened
    from tests.local.served import Served


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve a run with a sub-agent: host, step, tool call, helper, its step."""
    with served(tmp_path_factory.mktemp("run")) as shown:
        spans = agent_run("host", seconds_ago=50, agent="host")
        helper = agent_spans.run(
            "helper",
            {attributes.TCC_AGENT: "helper", attributes.TCC_PARENT_RUN_ID: "host"},
            start_ms=ago_ms(49),
            ms=300,
            parent=spans[0],
        )
        inner = agent_spans.step(
            "helper",
            {
                attributes.GEN_AI_INPUT_MESSAGES: agent_spans.said("user", "And the weather?"),
                attributes.GEN_AI_OUTPUT_MESSAGES: agent_spans.said("assistant", "Mild."),
            },
            model="gpt-5-mini",
            start_ms=ago_ms(48.9),
            ms=100,
            parent=helper,
        )
        shown.store.add([*spans, helper, inner])
        yield shown


def _line(page: Page, name: str) -> Locator:
    return page.get_by_role("treeitem").filter(has_text=name)


def test_a_span_has_an_address(run: Served, opened: Callable[..., Opened]) -> None:
    """Choosing a span writes it into the address; the address opens on it; the back button goes back."""
    window = opened(run)
    page = window.live("/runs/host")
    _line(page, "search").click()
    expect(page.locator("#span-title")).to_have_text("search")
    expect(page).to_have_url(re.compile(r"/runs/host\?span="))
    deep = page.url
    _line(page, "gpt-5-mini").click()
    expect(page.locator("#span-title")).to_have_text("gpt-5-mini")
    page.go_back()
    expect(page.locator("#span-title")).to_have_text("search")
    assert page.url == deep
    again = opened(run).live(deep.removeprefix(run.origin))
    expect(again.locator("#span-title")).to_have_text("search")
    expect(_line(again, "search")).to_have_attribute("aria-selected", "true")
    expect(again.locator("[role=treeitem][aria-selected=true]")).to_have_count(1)


def test_a_span_that_is_not_there_is_said(run: Served, opened: Callable[..., Opened]) -> None:
    """A link to a span that the run does not have opens the run and says so."""
    page = opened(run).live("/runs/host?span=nothing")
    expect(page.locator("[data-span-panel]").get_by_role("status")).to_contain_text(
        "There is no span nothing"
    )


def test_the_waterfall_is_a_tree_for_the_arrows(run: Served, opened: Callable[..., Opened]) -> None:
    """Down and up go from line to line and show each; left and right fold and unfold; Home and End jump."""
    page = opened(run).live("/runs/host")
    lines = page.get_by_role("treeitem")
    expect(lines).to_have_count(5)
    lines.first.focus()
    page.keyboard.press("ArrowDown")
    expect(lines.nth(1)).to_be_focused()
    expect(lines.nth(1)).to_have_attribute("aria-selected", "true")
    expect(page.locator("#span-title")).to_have_text("gpt-5")
    page.keyboard.press("End")
    expect(lines.last).to_be_focused()
    expect(page.locator("#span-title")).to_have_text(re.compile("gpt-5-mini"))
    page.keyboard.press("ArrowLeft")
    expect(_line(page, "helper")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(_line(page, "helper")).to_have_attribute("aria-expanded", "false")
    expect(_line(page, "gpt-5-mini")).to_be_hidden()
    page.keyboard.press("ArrowRight")
    expect(_line(page, "gpt-5-mini")).to_be_visible()
    page.keyboard.press("Home")
    expect(lines.first).to_be_focused()
    expect(page.locator("[role=treeitem][tabindex='0']")).to_have_count(1)


def test_a_span_is_copied_as_json(run: Served, opened: Callable[..., Opened]) -> None:
    """The buttons put the JSON of the span and of the run into the clipboard."""
    window = opened(run, permissions=["clipboard-read", "clipboard-write"])
    page = window.live("/runs/host")
    _line(page, "search").click()
    panel = page.locator("[data-span-panel]")
    expect(panel.locator("#span-title")).to_have_text("search")
    panel.get_by_role("button", name="Copy as JSON").click()
    expect(panel.get_by_role("button", name="Copied")).to_be_visible()
    assert "execute_tool search" in page.evaluate("navigator.clipboard.readText()")
    page.locator(".run-tools").get_by_role("button", name="Copy as JSON").click()
    expect(page.locator(".run-tools").get_by_role("button", name="Copied")).to_be_visible()
    whole = json.loads(page.evaluate("navigator.clipboard.readText()"))
    assert whole == run.ask("/api/runs/host/spans").json


def test_attributes_can_be_searched(run: Served, opened: Callable[..., Opened]) -> None:
    """The raw attributes are there, and a word leaves only those that have it."""
    page = opened(run).live("/runs/host")
    _line(page, "search").click()
    expect(page.locator("#span-title")).to_have_text("search")
    page.locator("#attributes > summary").click()
    rows = page.locator("#attributes [data-row]")
    expect(rows.filter(has_text=attributes.GEN_AI_TOOL_NAME)).to_be_visible()
    page.get_by_role("searchbox", name="Filter attributes").fill("tool.name")
    expect(rows.filter(visible=True)).to_have_count(1)


def test_feedback_arrives_in_the_store(shown: Served, opened: Callable[..., Opened]) -> None:
    """A thumb and a text given on the page are kept, shown on it, and listed on two other pages."""
    shown.store.add(agent_run("judged", prompt="Is it done?"))
    window = opened(shown)
    page = window.live("/runs/judged")
    form = page.locator("[data-feedback]")
    form.get_by_role("button", name="Send").click()
    expect(page.get_by_role("alert")).to_contain_text("There is nothing to send")
    window.forgive("400 (Bad Request)")
    form.locator("label", has_text="Thumbs down").click()
    form.get_by_role("textbox").fill("Not <b>yet</b>, Grüße 👋")
    form.get_by_role("button", name="Send").click()
    expect(page.locator(".given")).to_contain_text("Not <b>yet</b>, Grüße 👋")
    expect(page.locator(".given .voice-down")).to_be_visible()
    expect(page.locator("[data-said]")).to_have_text("Thank you. The feedback is kept.")
    (kept,) = shown.store.feedback(RunFilter()).items
    assert (kept.address, kept.score, kept.text) == ("judged", "down", "Not <b>yet</b>, Grüße 👋")
    expect(window.go("/feedback").locator(".voice")).to_contain_text("Is it done?")
    expect(window.go("/runs?feedback=down").locator("[data-address=judged] .thumb-down")).to_be_visible()
