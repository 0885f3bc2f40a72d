"""The list of runs over a real server and store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contextcompany.semconv import attributes
from tests.local import agent_spans
from tests.local.dashboard.pages import HOSTILE, agent_run, ago_ms, see
from tests.local.served import Served, served

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path


@pytest.fixture
def shown(tmp_path: Path) -> Generator[Served]:
    """Serve an empty store."""
    with served(tmp_path) as found:
        yield found


class TestTheList:
    """`/runs`."""

    def test_shows_each_run_newest_first(self, shown: Served) -> None:
        """A line tells status, words, agent, duration, tokens, cost and age, and leads to its run."""
        shown.store.add(agent_run("r-old", seconds_ago=7_300, prompt="Cancel it", error="TimeoutError"))
        shown.store.add(agent_run("r/new", seconds_ago=70))
        page = see(shown, "/runs")
        assert (page.status, page.runs) == (200, ["r/new", "r-old"])
        assert page.links["Where is my order?"] == "/runs/r%2Fnew"
        assert page.links["Agent support"] == "/agents/support"
        for said in ("2 runs", "On its way.", "1.5 s", "1,234", "$0.02", "1 min ago", "2 h ago", "Failed"):
            assert said in page.text
        assert "it went wrong" in page.text

    def test_before_the_first_run_tells_how_to_record_one(self, shown: Served) -> None:
        """An empty store shows an example, not an empty table."""
        for path in ("/runs", "/"):
            page = see(shown, path)
            assert page.status == 200
            assert "import contextcompany as tcc" in page.text

    def test_goes_on_with_older_runs(self, shown: Served) -> None:
        """Pages follow each other by plain links, without a gap and without doubles; parts do as well."""
        for number in range(120):
            shown.store.add(agent_run(f"r-{number}", seconds_ago=10 + number))
        first = see(shown, "/runs?agent=support")
        second = see(shown, first.links["Older runs"])
        third = see(shown, second.links["Older runs"])
        assert first.runs + second.runs + third.runs == [f"r-{number}" for number in range(120)]
        assert "Older runs" not in third.links
        assert second.links["Back to the beginning of the list"] == "/runs?agent=support"
        part = first.source.partition('data-part="')[2].partition('"')[0].replace("&amp;", "&")
        assert see(shown, part).runs == [f"r-{number}" for number in range(50, 120)]

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("text=refund", ["r-2"]),
            ("agent=billing", ["r-2"]),
            ("user=ada", ["r-2"]),
            ("org=acme", ["r-2"]),
            ("session=s-1", ["r-2"]),
            ("status=failed", ["r-2"]),
            ("model=claude-opus-4-1", ["r-2"]),
            ("tool=send", ["r-2"]),
            ("error=TimeoutError", ["r-2"]),
            ("feedback=down", ["r-2"]),
            ("metadata.tier=gold", ["r-2"]),
            ("until=1h", ["r-2"]),
            ("since=1h", ["r-1"]),
            ("tool=search&status=ok", ["r-1"]),
            ("tool=search&status=failed", []),
            ("order=oldest", ["r-2", "r-1"]),
        ],
    )
    def test_is_filtered_by_its_address(self, shown: Served, query: str, found: list[str]) -> None:
        """Each filter, and some together, choose the runs that are listed."""
        other = agent_run(
            "r-2",
            seconds_ago=9_000,
            prompt="I want a refund",
            agent="billing",
            error="TimeoutError",
            tool="send",
            model="claude-opus-4-1",
            more={
                attributes.TCC_USER_ID: "ada",
                attributes.TCC_ORG_ID: "acme",
                attributes.GEN_AI_CONVERSATION_ID: "s-1",
                f"{attributes.TCC_METADATA_PREFIX}tier": "gold",
            },
        )
        judged = agent_spans.feedback(
            "r-2", attributes.SCORE_LABEL_THUMBS_DOWN, start_ms=ago_ms(8_000), parent=other[0]
        )
        shown.store.add([*agent_run("r-1"), *other, judged])
        page = see(shown, f"/runs?{query}")
        assert (page.status, page.runs) == (200, found)
        if not found:
            assert "No run matches." in page.text

    def test_tidies_the_address_of_a_plain_form(self, shown: Served) -> None:
        """What a browser without scripts sends ends at an address that says only what is set."""
        page = see(shown, "/runs?text=&agent=a&metadata-key=tier&metadata-value=gold")
        assert (page.status, page.headers["location"]) == (303, "/runs?agent=a&metadata.tier=gold")

    @pytest.mark.parametrize(
        ("query", "says"),
        [
            ("since=lately", "since: must be a time"),
            ("status=great", "status: must be one of"),
            ("colour=red", "colour: is no filter"),
            ("cursor=zzz", "no longer the same"),
        ],
    )
    def test_says_what_is_wrong(self, shown: Served, query: str, says: str) -> None:
        """A bad filter or cursor is answered with 400 and the page that names it."""
        shown.store.add(agent_run("r-1"))
        page = see(shown, f"/runs?{query}")
        assert page.status == 400
        assert says in page.text
        assert page.runs == []

    def test_shows_hostile_text_as_text(self, shown: Served) -> None:
        """Nothing that a span carries becomes markup, and direction characters are written out."""
        shown.store.add(
            agent_run(HOSTILE, prompt=HOSTILE, answer=HOSTILE, agent=HOSTILE, error=HOSTILE, tool=HOSTILE)
        )
        for path in ("/runs", "/", "/agents", "/tools", "/failures"):
            page = see(shown, path)
            assert page.status == 200
            assert "alert(1)" in page.text
            assert "<script>alert" not in page.source
            assert "\u202e" not in page.text
            assert "\x1b" not in page.text


class TestParts:
    """`/fragments/runs`."""

    def test_hold_what_changed(self, shown: Served) -> None:
        """After a change number come the runs that changed since, and the number to go on from."""
        shown.store.add(agent_run("r-1"))
        before = shown.store.last_change()
        assert see(shown, f"/fragments/runs?after={before}").runs == []
        shown.store.add(agent_run("r-2"))
        page = see(shown, f"/fragments/runs?after={before}")
        assert page.runs == ["r-2"]
        assert page.headers["x-whole"] == "yes"
        assert int(page.headers["x-change"]) == shown.store.last_change()
        assert see(shown, f"/fragments/runs?after={before}&agent=other").runs == []
        assert see(shown, f"/fragments/runs?after={before}&agent=other&others=yes").runs == ["r-2"]

    def test_say_when_too_much_changed(self, shown: Served) -> None:
        """More changes than a page would put in one by one are not sent."""
        shown.store.add([one for number in range(250) for one in agent_run(f"r-{number}")])
        page = see(shown, "/fragments/runs?after=0")
        assert (page.headers["x-whole"], page.runs) == ("no", [])

    @pytest.mark.parametrize(
        "query", ["after=x", "after=-1", "after=" + "9" * 40, "status=great", "cursor=zzz"]
    )
    def test_refuse_what_they_cannot_read(self, shown: Served, query: str) -> None:
        """A bad part is a 400."""
        assert see(shown, f"/fragments/runs?{query}").status == 400


class TestTheAgent:
    """`/agents/{name}`."""

    @pytest.mark.parametrize(
        "name",
        ["support", "runs", "..", ".", "a/b", "/", "%2F", "triage ü 🙂", "?a=b&c", "#x", "~..", HOSTILE],
    )
    def test_has_a_page_whatever_its_name(self, shown: Served, name: str) -> None:
        """Any name leads from the list of agents to the figures and the runs of that agent alone."""
        shown.store.add([*agent_run("r-1", agent=name), *agent_run("r-2", agent="another")])
        listed = see(shown, "/agents")
        (path,) = {href for href in listed.links.values() if href.startswith("/agents/")} - {
            "/agents/another"
        }
        page = see(shown, path)
        assert (page.status, page.runs) == (200, ["r-1"])
        assert "Median duration" in page.text
        assert see(shown, f"{path}?status=failed").runs == []

    def test_filters_within_its_runs(self, shown: Served) -> None:
        """The form of the page leads back to the page."""
        shown.store.add([*agent_run("r-1"), *agent_run("r-2", error="TimeoutError")])
        page = see(shown, "/agents/support?status=failed")
        assert page.runs == ["r-2"]
        assert page.links["Remove the filter Status"] == "/agents/support"
