"""Addresses that are no list and no run: the API, what is not there, the way in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from contextcompany.local.server.access import Access
from contextcompany.local.server.tokens import Tokens
from tests.local.dashboard.pages import agent_run
from tests.local.served import served

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.browser.browsing import Opened
    from tests.local.served import Served


def test_the_api_is_explained(shown: Served, opened: Callable[..., Opened]) -> None:
    """Every operation of the description is on the page, and the description itself is one click away."""
    page = opened(shown).go("/api")
    described = shown.ask("/api/openapi.json").json
    operations = {path for path in described["paths"] if path.startswith("/api/")}
    index = page.get_by_role("navigation", name="Questions")
    for path in sorted(operations):
        expect(index.get_by_text(path, exact=True).first).to_be_visible()
    index.get_by_role("link").filter(has_text="/api/export").click()
    expect(page.locator(".api-one:target h2")).to_contain_text("/api/export")
    page.get_by_role("link", name="OpenAPI description").click()
    expect(page.locator("body")).to_contain_text('"openapi"')


@pytest.mark.parametrize(
    ("path", "said", "link"),
    [
        ("/nothing", "Not Found", "To the overview"),
        ("/runs/r-404", "There is no run r-404 here", "All runs"),
        ("/sessions/s-404", "There is no session s-404 here", "All sessions"),
    ],
)
def test_what_is_not_there_is_said(
    shown: Served, opened: Callable[..., Opened], path: str, said: str, link: str
) -> None:
    """An address that leads nowhere says so and shows a way on."""
    window = opened(shown)
    page = window.go(path)
    expect(page.get_by_role("heading", level=1)).to_have_text(said)
    window.forgive("404 (Not Found)")
    page.locator("main").get_by_role("link", name=link).click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_people_sign_in_and_out(tmp_path: Path, opened: Callable[..., Opened]) -> None:
    """With tokens a page asks for one, refuses a wrong one, then opens, and closes again."""
    tokens = Tokens.load(tmp_path / "tokens.json")
    secret, writing = tokens.create("ann", "read"), tokens.create("billing", "write")
    with served(tmp_path, access=Access(tokens)) as shown:
        shown.store.add(agent_run("r-1", prompt="A secret question"))
        window = opened(shown)
        page = window.go("/runs/r-1?span=x")
        expect(page).to_have_url(f"{window.origin}/login?next=%2Fruns%2Fr-1%3Fspan%3Dx")
        expect(page.locator("body")).not_to_contain_text("A secret question")
        field = page.get_by_label("Read token")
        expect(field).to_be_focused()
        field.fill(writing)
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_have_text("This is no read token that counts here.")
        window.forgive("403 (Forbidden)")
        field.fill(secret)
        page.keyboard.press("Enter")
        expect(page).to_have_url(f"{window.origin}/runs/r-1?span=x")
        expect(page.get_by_role("heading", level=1)).to_have_text("A secret question")
        window.live("/runs")
        shown.store.add(agent_run("r-2", seconds_ago=1))
        expect(page.locator("[data-address]")).to_have_count(2)
        window.go("/login")
        page.get_by_role("button", name="Sign out").click()
        expect(page).to_have_url(f"{window.origin}/login")
        window.go("/runs")
        expect(page).to_have_url(f"{window.origin}/login?next=%2Fruns")
        window.close()


def test_signing_in_needs_no_script(tmp_path: Path, opened: Callable[..., Opened]) -> None:
    """The form works as forms do, and an address elsewhere is not gone on to."""
    tokens = Tokens.load(tmp_path / "tokens.json")
    secret = tokens.create("ann", "read")
    with served(tmp_path, access=Access(tokens)) as shown:
        window = opened(shown, java_script_enabled=False)
        page = window.go("/login?next=//elsewhere.example/")
        page.get_by_label("Read token").fill(secret)
        page.get_by_role("button", name="Sign in").click()
        expect(page).to_have_url(f"{window.origin}/")
        window.close()
