"""Addresses of pages for names of any text."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from contextcompany.local.dashboard.frame.addresses import agent_path, page_path, run_path, session_path
from contextcompany.local.paths import segment_text
from contextcompany.local.store.filters import RunFilter


@given(st.text(min_size=1).filter(lambda text: text.isprintable()))
def test_a_name_stays_one_segment_that_reads_back(name: str) -> None:
    """No name leaves its folder, and each is read back as it was."""
    for folder, path in (
        ("/runs/", run_path(name)),
        ("/sessions/", session_path(name)),
        ("/agents/", agent_path(name)),
    ):
        assert path.startswith(folder)
        sent = path.removeprefix(folder)
        assert "/" not in sent
        assert sent not in {".", ".."}
        assert segment_text(sent) == name


def test_a_page_carries_its_filter_and_what_else_is_set() -> None:
    """The filter and further parameters come as a query; those that are not set are left out."""
    wanted = RunFilter(text="a&b=c", metadata=(("tier", "gölð"),))
    path = page_path("/runs", wanted, (("cursor", "x"), ("rank", "")))
    assert parse_qsl(urlsplit(path).query) == [("text", "a&b=c"), ("metadata.tier", "gölð"), ("cursor", "x")]
    assert page_path("/runs", RunFilter()) == "/runs"
