"""Baggage: members of ours are written beside those of others and read back, within the bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import baggage as api
from opentelemetry.baggage.propagation import W3CBaggagePropagator

from contextcompany.propagation.baggage import MOST_BYTES, MOST_MEMBERS, found, member, merged

OURS = frozenset({"run", "session"})

values = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200)


@given(values)
def test_a_value_comes_back(value: str) -> None:
    """Any text without lone surrogates is read as it was written, and takes ASCII only on the way."""
    written = member("run", value)
    assert written.isascii()
    assert found(written, OURS) == {"run": value}


@given(st.text(st.characters(exclude_categories=["Cs", "Z", "Cc"]), min_size=1, max_size=200))
def test_opentelemetry_carries_a_value_on(value: str) -> None:
    """A value that passes through the propagator of another service on its way is the same after it."""
    propagator = W3CBaggagePropagator()
    context = propagator.extract({"baggage": member("run", value)})
    assert api.get_baggage("run", context) == value
    further: dict[str, str] = {}
    propagator.inject(further, context)
    assert found(further["baggage"], OURS) == {"run": value}


@given(st.text())
def test_any_baggage_is_survived(text: str) -> None:
    """Whatever the header holds, reading gives text of the wanted names, and merging keeps the bounds."""
    assert set(found(text, OURS)) <= OURS
    written, left_out = merged(text, {"run": "1"}, OURS)
    if not left_out:
        assert found(written, OURS) == {"run": "1"}
        assert len(written.encode("utf-8", "surrogatepass")) <= MOST_BYTES


def test_members_of_others_stay_as_they_are() -> None:
    """What others wrote keeps its place, its properties and its encoding; ours of before is replaced."""
    text = "a=1;secure;ttl=5 ,run=old, b=x%20y+z,session=old;p"
    assert merged(text, {"run": "new"}, OURS) == ("a=1;secure;ttl=5,b=x%20y+z,run=new", [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("run=1", {"run": "1"}),
        (" run =\t1 ;p=2, session = 2", {"run": "1", "session": "2"}),
        ("run=1,run=2", {"run": "1"}),
        ("RUN=1", {}),
        ("run", {}),
        ("run=", {"run": ""}),
        ("=1", {}),
        (",,;,=", {}),
        ("run=%ZZ", {"run": "%ZZ"}),
        ("run=%FF", {"run": "�"}),
        (f"run={'1' * 5_000},session=2", {"session": "2"}),
        ("xrun=1,run2=2", {}),
    ],
)
def test_members_are_read_as_the_specification_says(text: str, expected: dict[str, str]) -> None:
    """White space, properties, repeated, malformed and overlong members."""
    assert found(text, OURS) == expected


def test_what_does_not_fit_is_left_out_by_its_order() -> None:
    """Where the bytes run out, the members named first are written and the others are reported."""
    room = "a=" + "1" * (MOST_BYTES - len(",run=1") - len("a="))
    assert merged(room, {"run": "1", "session": "2"}, OURS) == (f"{room},run=1", ["session"])
    assert merged(f"{room}1", {"run": "1"}, OURS) == (f"{room}1", ["run"])


def test_the_number_of_members_is_bounded() -> None:
    """No more than 180 members are written, those of others first."""
    full = ",".join(f"k{number}=1" for number in range(MOST_MEMBERS - 1))
    assert merged(full, {"run": "1", "session": "2"}, OURS) == (f"{full},run=1", ["session"])


def test_a_member_that_propagators_would_drop_is_left_out() -> None:
    """A value of more than 4096 bytes would not come through, so it is not written."""
    assert merged("", {"run": "1" * 4_096}, OURS) == ("", ["run"])


def test_baggage_without_end_is_read_to_a_bound() -> None:
    """What stands far beyond the bounds is not looked at, and a member at the bound is whole or not there."""
    filling = "a=1," * 16_383
    assert found(f"{filling}run=1,x=2", ["run"]) == {}
    assert found(f"run=1,{filling}run=2", ["run"]) == {"run": "1"}
    assert found(f"{filling[:-8]}run=1,{filling}", ["run"]) == {"run": "1"}
    assert found(f"{filling[:-4]}run=12345,{filling}", ["run"]) == {}
