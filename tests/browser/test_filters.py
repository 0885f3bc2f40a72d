"""Every filter is set on the page, stands in the address, and goes with its chip."""

from __future__ import annotations

import re
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import expect

from contextcompany.semconv import attributes
from tests.local import agent_spans
from tests.local.dashboard.pages import agent_run, ago_ms
from tests.local.served import served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page

    from tests.browser.browsing import Opened
    from tests.local.served import Served


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve one run that differs from the other in everything one can filter by."""
    wanted: dict[str, Any] = {
        attributes.TCC_USER_ID: "u-1",
        attributes.TCC_USER_NAME: "Ada Lindqvist",
        attributes.TCC_ORG_ID: "org-1",
        attributes.TCC_ORG_NAME: "Hus & Hem",
        attributes.TCC_SESSION_ID: "s-1",
        f"{attributes.TCC_METADATA_PREFIX}tier": "gold & more",
    }
    other = {attributes.TCC_USER_ID: "u-2", attributes.TCC_ORG_ID: "org-2", attributes.TCC_SESSION_ID: "s-2"}
    with served(tmp_path_factory.mktemp("runs")) as shown:
        shown.store.add(
            agent_run(
                "wanted",
                seconds_ago=3 * 3_600,
                prompt="Cancel the subscription",
                agent="billing/eu",
                model="claude-opus-4-1",
                tool="cancel",
                error="TimeoutError",
                more=wanted,
            )
        )
        shown.store.add(agent_run("other", seconds_ago=60, more=other))
        shown.store.add([agent_spans.feedback("wanted", text="Too slow", start_ms=ago_ms(30))])
        yield shown


def _listed(page: Page, *addresses: str) -> None:
    """Wait until just these runs are listed."""
    expect(page.locator("[data-address]")).to_have_count(len(addresses))
    for address in addresses:
        expect(page.locator(f"[data-address='{address}']")).to_be_visible()


def _conditions(page: Page) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(page.url).query)


def _without(page: Page, label: str) -> None:
    page.get_by_role("link", name=f"Remove the filter {label}").click()
    expect(page.get_by_role("list", name="Filters in force")).to_have_count(0)
    assert urlsplit(page.url).query == ""
    _listed(page, "other", "wanted")


def test_text_is_searched_for(runs: Served, opened: Callable[..., Opened]) -> None:
    """What is typed into the field is looked for on Enter."""
    page = opened(runs).live("/runs")
    search = page.get_by_role("searchbox", name="Text in prompts")
    search.fill("subscription")
    search.press("Enter")
    expect(page).to_have_url(re.compile(r"/runs\?text=subscription$"))
    _listed(page, "wanted")
    _without(page, "Text")


@pytest.mark.parametrize(
    ("choice", "label", "condition"),
    [("Status", "Failed", "status=failed"), ("Feedback", "Thumbs up", "feedback=up")],
)
def test_a_choice_holds_at_once(
    runs: Served, opened: Callable[..., Opened], choice: str, label: str, condition: str
) -> None:
    """Choosing a status or a kind of feedback filters without another click."""
    page = opened(runs).live("/runs")
    page.get_by_role("combobox", name=choice, exact=True).select_option(label)
    expect(page).to_have_url(re.compile(rf"/runs\?{condition}$"))
    _listed(page, "wanted")
    _without(page, choice)


@pytest.mark.parametrize(
    ("label", "value", "name"),
    [
        ("Agent", "billing/eu", "agent"),
        ("User", "Ada Lindqvist", "user"),
        ("Organisation", "org-1", "org"),
        ("Session", "s-1", "session"),
        ("Model", "claude-opus-4-1", "model"),
        ("Tool", "cancel", "tool"),
        ("Error", "TimeoutError", "error"),
        ("Until", "1h", "until"),
    ],
)
def test_a_field_is_typed_into(
    runs: Served, opened: Callable[..., Opened], label: str, value: str, name: str
) -> None:
    """Each field among the further filters holds after Enter."""
    page = opened(runs).live("/runs")
    page.locator("details.more summary").click()
    field = page.get_by_role("combobox" if name != "until" else "textbox", name=label, exact=True)
    field.fill(value)
    field.press("Enter")
    _listed(page, "wanted")
    assert _conditions(page) == [(name, value)]
    _without(page, label)


def test_metadata_is_filtered_by_any_key(runs: Served, opened: Callable[..., Opened]) -> None:
    """A key and a value make one condition, which has a field of its own from then on."""
    page = opened(runs).live("/runs")
    page.locator("details.more summary").click()
    page.get_by_role("combobox", name="Key of metadata").fill("tier")
    page.get_by_role("combobox", name="Value of metadata").fill("gold & more")
    page.get_by_role("button", name="Apply").click()
    _listed(page, "wanted")
    assert _conditions(page) == [("metadata.tier", "gold & more")]
    page.locator("details.more summary").click()
    expect(page.get_by_role("combobox", name="tier", exact=True)).to_have_value("gold & more")
    page.keyboard.press("Escape")
    _without(page, "tier")


def test_time_is_one_click(runs: Served, opened: Callable[..., Opened]) -> None:
    """The stretches of time beside the heading are links."""
    page = opened(runs).live("/runs")
    page.get_by_role("navigation", name="Time").get_by_role("link", name="1 hour").click()
    _listed(page, "other")
    assert _conditions(page) == [("since", "1h")]
    expect(page.get_by_role("link", name="1 hour")).to_have_attribute("aria-current", "true")
    page.get_by_role("link", name="All time").click()
    _listed(page, "other", "wanted")
    assert _conditions(page) == []


def test_fields_are_completed(runs: Served, opened: Callable[..., Opened]) -> None:
    """A field offers what is stored, and a value of metadata what its key has."""
    page = opened(runs).live("/runs")
    page.locator("details.more summary").click()
    page.get_by_role("combobox", name="Tool", exact=True).fill("ca")
    expect(page.locator("datalist option[value=cancel]")).to_have_count(1)
    page.get_by_role("combobox", name="Key of metadata").fill("tier")
    page.get_by_role("combobox", name="Value of metadata").focus()
    expect(page.locator("datalist option[value='gold & more']")).to_have_count(1)


def test_filters_combine_and_the_way_back_undoes_them(runs: Served, opened: Callable[..., Opened]) -> None:
    """Conditions add up in the address, go one by one or all at once, and the back button undoes each."""
    page = opened(runs).live("/runs")
    page.get_by_role("combobox", name="Status", exact=True).select_option("Failed")
    expect(page).to_have_url(re.compile("status=failed"))
    search = page.get_by_role("searchbox", name="Text in prompts")
    search.fill("subscription")
    search.press("Enter")
    expect(page).to_have_url(re.compile("text=subscription"))
    page.get_by_role("navigation", name="Time").get_by_role("link", name="24 hours").click()
    expect(page).to_have_url(re.compile("since=24h"))
    assert sorted(_conditions(page)) == [("since", "24h"), ("status", "failed"), ("text", "subscription")]
    _listed(page, "wanted")
    chips = page.get_by_role("list", name="Filters in force").get_by_role("listitem")
    expect(chips.filter(has_text=re.compile("Status|Text"))).to_have_count(2)
    page.get_by_role("link", name="Remove the filter Status").click()
    expect(chips.filter(has_text=re.compile("Status|Text"))).to_have_count(1)
    assert sorted(_conditions(page)) == [("since", "24h"), ("text", "subscription")]
    page.go_back()
    expect(chips.filter(has_text=re.compile("Status|Text"))).to_have_count(2)
    expect(page.get_by_role("combobox", name="Status", exact=True)).to_have_value("failed")
    page.get_by_role("link", name="Clear all").click()
    _listed(page, "other", "wanted")
    for _ in range(4):
        page.go_back()
    assert _conditions(page) == []


def test_an_order_is_a_choice_too(runs: Served, opened: Callable[..., Opened]) -> None:
    """Another order holds at once, and such a list does not move by itself."""
    page = opened(runs).live("/runs")
    page.get_by_role("combobox", name="Order").select_option("Oldest first")
    expect(page).to_have_url(re.compile(r"\?order=oldest$"))
    expect(page.locator("[data-address]").first).to_have_attribute("data-address", "wanted")
    expect(page.get_by_role("button", name="Live")).to_have_count(0)


def test_a_filter_that_cannot_be_used_is_named(runs: Served, opened: Callable[..., Opened]) -> None:
    """The field says what is wrong with it, and no list stands below it."""
    window = opened(runs)
    page = window.go("/runs?since=soon")
    field = page.get_by_role("textbox", name="Since")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_role("alert")).to_contain_text("such as 24h or 7d, got 'soon'")
    expect(page.locator("[data-address]")).to_have_count(0)
    window.forgive("400 (Bad Request)")


def test_live_runs_obey_the_filter(
    tmp_path_factory: pytest.TempPathFactory, opened: Callable[..., Opened]
) -> None:
    """A filtered list takes in what matches as it arrives, and nothing else."""
    with ExitStack() as stack:
        shown = stack.enter_context(served(tmp_path_factory.mktemp("live")))
        shown.store.add(agent_run("before", seconds_ago=60, agent="billing"))
        window = opened(shown)
        page = window.live("/runs?agent=billing")
        shown.store.add([*agent_run("no", seconds_ago=2, agent="else")])
        shown.store.add([*agent_run("yes", seconds_ago=1, agent="billing")])
        _listed(page, "before", "yes")
        window.close()
