"""Addresses below that of a run."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from contextcompany.local.dashboard.run.links import below, query_path
from contextcompany.local.paths import segment_text

_text = st.text(st.characters(codec="utf-8"))


@given(address=st.text(st.characters(codec="utf-8"), min_size=1), value=_text)
def test_any_id_and_any_value_read_back(address: str, value: str) -> None:
    """Neither leaves its place in the address."""
    parts = urlsplit(below(address)("text", span=value))
    _, runs, name, action = parts.path.split("/")
    assert (runs, segment_text(name), action) == ("runs", address, "text")
    assert parse_qsl(parts.query, keep_blank_values=True) == [("span", value)]


def test_an_address_without_parameters_has_no_question_mark() -> None:
    """Addresses are as short as they can be."""
    assert below("r-1")() == "/runs/r-1"
    assert query_path("/runs") == "/runs"
