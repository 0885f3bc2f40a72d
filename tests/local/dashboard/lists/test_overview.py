"""The overview, over a real server and store."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.local.dashboard.pages import agent_run, see
from tests.local.served import Served, served

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path


@pytest.fixture
def shown(tmp_path: Path) -> Generator[Served]:
    """Serve ten runs of the last hours, two of which failed, and one of long ago."""
    with served(tmp_path) as found:
        for number in range(10):
            found.store.add(
                agent_run(
                    f"r-{number}",
                    seconds_ago=60 + 1_000 * number,
                    agent="support" if number % 2 else "billing",
                    error="TimeoutError" if number in {3, 5} else "",
                )
            )
        found.store.add(agent_run("r-old", seconds_ago=20 * 86_400, agent="retired"))
        yield found


def test_the_last_day_is_summed_up(shown: Served) -> None:
    """Without a word about time, the shortest stretch from a day on that has runs is shown."""
    page = see(shown, "/")
    assert page.status == 200
    assert "Runs: 10, 2 failed." in page.text
    assert "Error rate: 20%, 2 of 10 runs failed." in page.text
    assert "Cost: $0.20, $0.02 a run." in page.text
    assert "retired" not in page.text


def test_all_time_is_one_of_the_stretches(shown: Served) -> None:
    """The links for stretches of time lead to the same page with other bounds."""
    page = see(shown, see(shown, "/").links["All time"])
    assert "Runs: 11," in page.text
    assert page.links["7 days"] == "/?since=7d"
    assert "Runs: 3," in see(shown, "/?since=35min").text


def test_a_column_leads_to_its_runs(shown: Served) -> None:
    """The columns of the charts, one after the other, lead to all runs of the page, each once."""
    page = see(shown, "/?since=24h&agent=support")
    columns = re.findall(r'<a href="(/runs\?[^"]+)" tabindex="-1"><title>[^<]*: 1 run, ', page.source)
    found = [run for href in columns for run in see(shown, href.replace("&amp;", "&")).runs]
    assert sorted(found) == ["r-1", "r-3", "r-5", "r-7", "r-9"]


@pytest.mark.parametrize("since", ["5000s", "8000s"])
def test_a_column_at_the_edge_leads_to_no_more_than_it_shows(shown: Served, since: str) -> None:
    """What began in the first stretch before the bound of the page is on no page that a column leads to."""
    page = see(shown, f"/?since={since}")
    columns = re.findall(
        r'<a href="(/runs\?[^"]+)" tabindex="-1"><title>[^<]*: ([0-9]+) runs?, [0-9]+ failed', page.source
    )
    assert [len(see(shown, href.replace("&amp;", "&")).runs) for href, _ in columns] == [
        int(count) for _, count in columns
    ]
    assert sum(int(count) for _, count in columns) == {"5000s": 5, "8000s": 8}[since]


@pytest.mark.parametrize("start_ns", [0, 1, 2**63 - 1])
def test_a_run_without_a_time_stops_no_page(shown: Served, start_ns: int) -> None:
    """A span that came without times, or with those of another age, is in the sums like any other."""
    shown.store.add(
        [replace(span, start_ns=start_ns, end_ns=start_ns) for span in agent_run("odd", agent="x")]
    )
    for path in ("/?range=all", "/agents/x", "/?agent=x", "/agents", "/runs"):
        assert see(shown, path).status == 200
    assert shown.ask("/api/overview?buckets=1").json["total"]["runs"] == 12


def test_the_charts_stand_in_a_table_as_well(shown: Served) -> None:
    """Who does not see the charts has their figures, with the same links."""
    page = see(shown, "/")
    rows = re.findall(r'<tr><th scope="row"><a href="([^"]+)">', page.source)
    assert sum(len(see(shown, href.replace("&amp;", "&")).runs) for href in rows) == 10


@pytest.mark.parametrize(
    ("rank", "agents"), [("cost", ["billing", "support"]), ("failed", ["support"]), ("slowest", None)]
)
def test_what_stands_out_is_ranked(shown: Served, rank: str, agents: list[str] | None) -> None:
    """Agents, models and tools are ranked by cost, failures or duration, and lead to their runs."""
    page = see(shown, f"/?since=24h&rank={rank}")
    ranked = page.source.partition("What stands out")[2]
    found = re.findall(r"data-open><bdi>(\w+)</bdi>", ranked.partition(">Models<")[0])
    if agents is not None:
        assert sorted(found) == agents
    assert page.links["support"] == "/runs?agent=support&since=24h"
    assert f'href="/models?since=24h&amp;rank={rank}"' in ranked


@pytest.mark.parametrize("query", ["rank=best", "range=week", "since=lately"])
def test_the_page_says_what_is_wrong(shown: Served, query: str) -> None:
    """A bad parameter is a 400 with the page and without charts."""
    page = see(shown, f"/?{query}")
    assert page.status == 400
    assert "must be" in page.text
    assert "What stands out" not in page.text
