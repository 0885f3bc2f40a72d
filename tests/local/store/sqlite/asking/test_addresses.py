"""Runs by the beginning of their address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from contextcompany.local.store.sqlite.store import SqliteRunStore
from tests.local import agent_spans

if TYPE_CHECKING:
    from pathlib import Path

IDS = ("a", "ab", "ab%", "ab_", "abc", "b", "é", "\U0010ffff", "\U0010ffffx")


def test_addresses_by_their_beginning(tmp_path: Path) -> None:
    """In their own order, nested runs too, as many as are wanted; no character means another."""
    with SqliteRunStore.open(tmp_path / "runs.db") as store:
        store.add([agent_spans.run(one) for one in IDS])
        assert store.addresses("ab") == ("ab", "ab%", "ab_", "abc")
        assert store.addresses("ab", limit=2) == ("ab", "ab%")
        assert store.addresses("ab%") == ("ab%",)
        assert store.addresses("é") == ("é",)
        assert store.addresses("\udc80") == ()
        assert store.addresses("z") == ()

        @given(st.text(st.sampled_from("ab%_cé")))
        def any_beginning(prefix: str) -> None:
            assert set(store.addresses(prefix)) >= {one for one in IDS[:-2] if one.startswith(prefix)}
            assert all(one.startswith(prefix) for one in store.addresses(prefix))

        any_beginning()
