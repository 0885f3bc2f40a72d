"""Tests of what a filter can be set to."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contextcompany.local.store.sqlite.asking import values

if TYPE_CHECKING:
    from tests.local.store.sqlite.conftest import Known


@pytest.mark.parametrize("of", ["agent", "model", "tool", "error", "metadata.env"])
def test_values_come_most_used_first(known: Known, of: str) -> None:
    """What most runs have stands first; equals stand in the order of their names."""
    used = Counter(value for whole in known.wholes for kind, value in whole.facets if kind == of)
    ranked = sorted(used, key=lambda value: (-used[value], value))
    assert values.values(known.connection, of, limit=5) == tuple(ranked[:5])


@pytest.mark.parametrize("of", ["user_id", "org_id", "session_id"])
def test_ids_come_most_used_first(known: Known, of: str) -> None:
    """Users, organisations and sessions are offered by id first."""
    used = Counter(whole.run[of] for whole in known.wholes)
    ranked = sorted(used, key=lambda value: (-used[value], value))
    assert values.values(known.connection, of.removesuffix("_id"), limit=5) == tuple(ranked[:5])


def test_names_are_offered_too(known: Known) -> None:
    """What begins like the name of a user is offered as that name."""
    assert values.values(known.connection, "user", "person 000")[0].startswith("Person 000")
    assert values.values(known.connection, "org", "COMPANY 01") == ("Company 01",)


def test_keys_of_metadata_are_offered(known: Known) -> None:
    """The keys are offered without what the store puts before them."""
    assert values.values(known.connection, "metadata") == ("build", "env")
    assert values.values(known.connection, "metadata", "E") == ("env",)
    assert values.values(known.connection, "metadata.env", "prod") == ("production",)
    assert values.values(known.connection, "metadata.none") == ()
    assert values.values(known.connection, "colour") == ()


def test_a_pattern_is_plain_text(known: Known) -> None:
    """What begins the values means itself, whatever SQLite's patterns would make of it."""
    assert values.values(known.connection, "tool", "tool_0", limit=1)
    for prefix in ("tool%", "%", "_ool", "tool\\_"):
        assert values.values(known.connection, "tool", prefix) == ()


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(of=st.sampled_from(("agent", "user", "session", "metadata")) | st.text(), prefix=st.text())
def test_no_beginning_is_a_mistake(known: Known, of: str, prefix: str) -> None:
    """Every question has an answer, and every answer begins as asked."""
    for value in values.values(known.connection, of, prefix):
        assert value.lower().startswith(prefix.lower())


def test_a_very_long_beginning_finds_nothing(known: Known) -> None:
    """SQLite refuses long patterns; nothing begins like one."""
    assert values.values(known.connection, "agent", "a" * 100_000) == ()
