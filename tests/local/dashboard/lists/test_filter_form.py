"""The form of a filter: what it reads from an address, and what it offers."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from contextcompany.local.dashboard.lists.filter_form import filter_form, range_links, read_question
from contextcompany.local.store.filters import RunFilter


def _request(*pairs: tuple[str, str]) -> Request:
    query = urlencode(pairs, errors="replace").encode()
    return Request({"type": "http", "path": "/runs", "query_string": query, "headers": []})


def test_a_filter_is_read_beside_other_parameters() -> None:
    """Conditions become a filter, parameters of the page stay apart."""
    asked = read_question(_request(("agent", "a/b"), ("cursor", "abc")), "/runs", ("cursor",))
    assert asked.wanted == RunFilter(agent="a/b")
    assert asked.more == {"cursor": "abc"}
    assert (asked.status, asked.redirect) == (200, None)


def test_a_form_without_javascript_gets_a_tidy_address() -> None:
    """Fields that were left empty and the two fields of new metadata become the address they mean."""
    asked = read_question(
        _request(("text", ""), ("agent", "a"), ("metadata-key", "tier"), ("metadata-value", "gold")), "/runs"
    )
    assert asked.redirect == "/runs?agent=a&metadata.tier=gold"


@pytest.mark.parametrize(
    ("pair", "name"),
    [
        (("since", "last week"), "since"),
        (("status", "great"), "status"),
        (("colour", "red"), "colour"),
        (("agent", "x" * 2_000), "agent"),
    ],
)
def test_a_bad_filter_is_named_and_kept_in_its_field(pair: tuple[str, str], name: str) -> None:
    """The page says which condition is wrong and shows what was typed; nothing is filtered."""
    asked = read_question(_request(pair, ("user", "ada")), "/runs")
    assert asked.status == 400
    assert asked.wanted == RunFilter()
    form = filter_form(asked)
    assert form.error_name == name
    assert name in form.error_text
    assert {field.name: field.value for field in form.fields}["user"] == "ada"
    assert form.open is (name in {"since", "agent"})


def test_each_condition_can_be_taken_away() -> None:
    """A chip leads to the same page without its condition, and without the place in the old list."""
    asked = read_question(
        _request(("text", "late"), ("status", "failed"), ("metadata.tier", "gold"), ("cursor", "c")),
        "/runs",
        ("cursor",),
    )
    chips = {chip.label: (chip.value, chip.without) for chip in filter_form(asked).chips}
    assert chips == {
        "Text": ("late", "/runs?status=failed&metadata.tier=gold"),
        "Status": ("Failed", "/runs?text=late&metadata.tier=gold"),
        "tier": ("gold", "/runs?text=late&status=failed"),
    }


def test_the_page_of_an_agent_filters_by_its_path() -> None:
    """The agent is a condition, but neither a chip nor a parameter."""
    asked = read_question(_request(("status", "ok")), "/agents/billing", ("cursor",), agent="billing")
    assert asked.wanted == RunFilter(agent="billing", status="ok")
    assert [chip.without for chip in filter_form(asked, leave_out=("agent",)).chips] == ["/agents/billing"]
    assert asked.going_on("next") == "/agents/billing?status=ok&cursor=next"
    assert read_question(_request(("agent", "other")), "/agents/billing", agent="billing").status == 400


def test_stretches_of_time_keep_the_other_conditions() -> None:
    """Each stretch leads to the same filter, and the one in force is marked."""
    links = range_links(read_question(_request(("user", "ada"), ("since", "7d")), "/users"))
    assert [label for label, _, on in links if on] == ["7 days"]
    assert links[0][1] == "/users?user=ada&since=1h"
    assert links[-1][1] == "/users?user=ada"


@given(
    st.lists(
        st.tuples(st.sampled_from(["text", "since", "metadata.", "metadata-key", "x"]) | st.text(), st.text())
    )
)
def test_any_query_gets_a_page(pairs: list[tuple[str, str]]) -> None:
    """Whatever stands in an address, the form can be shown, and a tidy address is tidy."""
    asked = read_question(_request(*pairs), "/runs", ("cursor",))
    form = filter_form(asked)
    assert (asked.error is None) or form.error_text
    assert all(chip.without.startswith("/runs") for chip in form.chips)
