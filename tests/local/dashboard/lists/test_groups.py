"""Lists of what runs share, over a real server and store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contextcompany.semconv import attributes
from tests.local.dashboard.pages import agent_run, see
from tests.local.served import Served, served

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path


def _facts(**more: str) -> dict[str, str]:
    return {
        attributes.TCC_USER_ID: more.get("user", "u-1"),
        attributes.TCC_USER_NAME: "Ada",
        attributes.TCC_ORG_ID: "o-1",
        attributes.TCC_ORG_NAME: "Acme",
        attributes.GEN_AI_CONVERSATION_ID: "s/1",
    }


@pytest.fixture
def shown(tmp_path: Path) -> Generator[Served]:
    """Serve three runs: two of one session, one that failed."""
    with served(tmp_path) as found:
        found.store.add(agent_run("r-1", seconds_ago=90, more=_facts()))
        found.store.add(agent_run("r-2", seconds_ago=80, prompt="And now?", more=_facts()))
        found.store.add(
            agent_run("r-3", seconds_ago=7_000, agent="billing", tool="pay", error="TimeoutError")
        )
        yield found


@pytest.mark.parametrize(
    ("path", "link", "leads_to", "says"),
    [
        ("/sessions", "And now?", "/sessions/s%2F1", "s/1"),
        ("/agents", "billing", "/agents/billing", "100%"),
        ("/users", "Ada", "/runs?user=u-1", "u-1"),
        ("/organisations", "Acme", "/runs?org=o-1", "o-1"),
        ("/tools", "pay", "/runs?tool=pay", "120 ms"),
        ("/models", "gpt-5", "/runs?model=gpt-5", "$0.06"),
        ("/failures", "TimeoutError", "/runs?error=TimeoutError", "it went wrong"),
    ],
)
def test_a_line_leads_to_its_runs(shown: Served, path: str, link: str, leads_to: str, says: str) -> None:
    """Each list names what runs share, with figures, and leads to those runs."""
    page = see(shown, path)
    assert page.status == 200
    assert page.links[link] == leads_to
    assert says in page.text
    assert see(shown, leads_to).status == 200


def test_a_line_keeps_the_filter(shown: Served) -> None:
    """The runs that a filtered list leads to are those that it counted."""
    page = see(shown, "/tools?since=1h")
    assert page.links["search"] == "/runs?tool=search&since=1h"
    assert "pay" not in page.links
    assert see(shown, page.links["search"]).runs == ["r-2", "r-1"]
    assert see(shown, "/agents?status=failed").links["billing"] == "/runs?agent=billing&status=failed"


@pytest.mark.parametrize("rank", ["runs", "recent", "cost", "failed", "slowest"])
def test_a_list_has_an_order(shown: Served, rank: str) -> None:
    """Each order is a link that keeps the filter, and puts what has most of it first."""
    page = see(shown, f"/agents?rank={rank}&since=7d")
    assert page.status == 200
    first = next(name for name in page.links if name in {"support", "billing"})
    assert first == ("billing" if rank == "failed" else "support" if rank != "slowest" else first)
    assert page.links["Most failed"] == "/agents?since=7d&rank=failed"


@pytest.mark.parametrize("query", ["rank=best", "cursor=zzz", "since=lately"])
def test_a_list_says_what_is_wrong(shown: Served, query: str) -> None:
    """A bad order, cursor or filter is a 400 with the page."""
    page = see(shown, f"/users?{query}")
    assert page.status == 400
    assert "Users" in page.text


def test_an_empty_list_says_how_to_fill_it(tmp_path: Path) -> None:
    """A list without lines names what would make one; a filter without a match says so instead."""
    with served(tmp_path) as empty:
        assert "session_id" in see(empty, "/sessions").text
        assert "No run has failed." in see(empty, "/failures").text
        assert "Nothing matches." in see(empty, "/failures?agent=x").text


def test_a_long_list_goes_on(tmp_path: Path) -> None:
    """Further lines are behind a link."""
    with served(tmp_path) as many:
        for number in range(60):
            many.store.add(agent_run(f"r-{number}", more=_facts(user=f"u-{number}")))
        first = see(many, "/users")
        second = see(many, first.links["More"])
        found = [
            href for page in (first, second) for href in page.links.values() if href.startswith("/runs?user=")
        ]
        assert "More" not in second.links
    assert len(first.links) > len(second.links)
    # All have one name, so the links of a page are counted by their addresses.
    assert found
    assert first.source.count("data-item") + second.source.count("data-item") == 60
