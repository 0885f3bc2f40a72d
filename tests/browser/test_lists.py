"""What runs share: each list leads to just those runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from contextcompany.semconv import attributes
from tests.local import agent_spans
from tests.local.dashboard.pages import agent_run, ago_ms
from tests.local.served import served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.browser.browsing import Opened
    from tests.local.served import Served


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve two runs that share everything, and one that shares nothing with them."""
    shared = {
        attributes.TCC_USER_ID: "u-1",
        attributes.TCC_USER_NAME: "Ada",
        attributes.TCC_ORG_ID: "o-1",
        attributes.TCC_ORG_NAME: "Hus & Hem",
        attributes.TCC_SESSION_ID: "s-1",
    }
    with served(tmp_path_factory.mktemp("runs")) as shown:
        for number in (1, 2):
            shown.store.add(
                agent_run(
                    f"both-{number}",
                    seconds_ago=300 - 60 * number,
                    prompt=f"Question {number}",
                    answer=f"Answer {number}",
                    agent="a/b c",
                    tool="look up",
                    model="m/1",
                    error="TimeoutError",
                    more=dict(shared),
                )
            )
        shown.store.add(agent_run("alone", seconds_ago=30, agent="else", tool="else", model="else"))
        shown.store.add([agent_spans.feedback("both-1", text="Too late", start_ms=ago_ms(10))])
        yield shown


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("agents", "a/b c"),
        ("users", "Ada"),
        ("organisations", "Hus & Hem"),
        ("tools", "look up"),
        ("models", "m/1"),
        ("failures", "TimeoutError"),
    ],
)
def test_a_line_leads_to_its_runs(runs: Served, opened: Callable[..., Opened], path: str, name: str) -> None:
    """A line counts as many runs as the API does, and as the list has that it leads to."""
    window = opened(runs)
    page = window.go(f"/{path}")
    (told,) = [row for row in runs.ask(f"/api/{path}").json["items"] if name in {row["key"], row["label"]}]
    line = page.locator("tbody tr").filter(has_text=name)
    expect(line.locator("[data-label=Runs]")).to_have_text(str(told["runs"]))
    line.get_by_role("link", name=name).click()
    expect(page.locator("[data-address]")).to_have_count(told["runs"])
    for number in (1, 2):
        expect(page.locator(f"[data-address=both-{number}]")).to_be_visible()
    page.go_back()
    assert page.url == f"{window.origin}/{path}"


def test_a_session_is_a_thread(shown: Served, opened: Callable[..., Opened]) -> None:
    """A session shows what was said in order, gains what comes, and each exchange leads to its run."""

    def say(number: int) -> None:
        more = {attributes.TCC_SESSION_ID: "s-1"}
        prompt, answer = f"Question {number}", f"Answer {number}"
        ago = 60 - number
        shown.store.add(agent_run(f"r-{number}", seconds_ago=ago, prompt=prompt, answer=answer, more=more))

    say(1)
    say(2)
    page = opened(shown).live("/sessions")
    page.locator("tbody [data-open]").filter(has_text="Question 2").click()
    said = page.locator(".bubble")
    expect(said).to_contain_text(["Question 1", "Answer 1", "Question 2", "Answer 2"])
    say(3)
    expect(said).to_have_count(6)
    page.get_by_role("link", name="Run 1", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Question 1")


def test_feedback_leads_to_its_run(runs: Served, opened: Callable[..., Opened]) -> None:
    """What people said is listed by its kind, with the run that it is about."""
    page = opened(runs).go("/feedback")
    expect(page.locator(".voice")).to_have_count(1)
    kinds = page.get_by_role("navigation", name="Kind of feedback")
    kinds.get_by_role("link", name="Thumbs down").click()
    expect(page.locator(".voice")).to_have_count(0)
    kinds.get_by_role("link", name="With text").click()
    expect(page.locator(".voice")).to_contain_text("Too late")
    page.locator(".voice [data-open]").click()
    expect(page.locator(".given")).to_contain_text("Too late")


def test_the_overview_leads_on(runs: Served, opened: Callable[..., Opened]) -> None:
    """What stands out, and each column of a chart, lead to the runs they count."""
    page = opened(runs).live("/?rank=failed")
    expect(page.locator(".chart-figure").nth(1)).to_have_text("67%")
    page.locator(".ranking").first.locator("[data-open]").first.click()
    expect(page.get_by_role("list", name="Filters in force")).to_contain_text("a/b c")
    expect(page.locator("[data-address]")).to_have_count(2)
    page.go_back()
    page.get_by_text("The charts as a table").click()
    page.locator(".table-plain tbody a").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Runs")
    expect(page.get_by_role("list", name="Filters in force")).to_contain_text("Until")
    expect(page.locator("[data-address]").first).to_be_visible()
