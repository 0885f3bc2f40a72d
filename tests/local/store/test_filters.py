"""Tests of the filter of runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextcompany.local.store.filters import FEEDBACK, ORDERS, STATUSES, FilterError, RunFilter
from tests.local.conftest import BERLIN

NOW_NS = 1_780_000_000_000_000_000
HOUR_NS = 3_600_000_000_000


def _filter(fields: dict[str, Any]) -> RunFilter:
    return RunFilter(**fields)


values = st.text(min_size=1, max_size=30)
ages = st.builds("{}{}".format, st.integers(0, 999_999), st.sampled_from(("s", "min", "h", "d", "w")))
moments = st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat)
filters = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("text", "agent", "user", "org", "session", "model", "tool", "error"), values),
        "status": st.sampled_from(STATUSES),
        "feedback": st.sampled_from(FEEDBACK),
        "order": st.sampled_from(ORDERS),
        "since": ages | moments,
        "metadata": st.dictionaries(values, values, max_size=20).map(lambda one: tuple(sorted(one.items()))),
    },
).map(_filter)
names = st.sampled_from(
    (
        "text",
        "since",
        "until",
        "status",
        "order",
        "feedback",
        "agent",
        "metadata.",
        "metadata.k",
        "metadata",
        "of",
    )
)


@given(wanted=filters)
def test_what_a_filter_writes_it_reads(wanted: RunFilter) -> None:
    """The pairs of a filter read back give the same filter."""
    assert RunFilter.of(wanted.pairs()) == wanted


@given(wanted=filters)
def test_a_filter_lives_in_an_address(wanted: RunFilter) -> None:
    """A query string read back gives the same filter, apart from what no address can hold."""
    pairs = parse_qsl(wanted.query(), keep_blank_values=True)
    assert [name for name, _ in pairs] == [
        name.encode("utf-8", "replace").decode() for name, _ in wanted.pairs()
    ]
    if all((name + value).isprintable() for name, value in wanted.pairs()):
        assert RunFilter.of(pairs) == wanted


@given(pairs=st.lists(st.tuples(names | st.text(), st.text() | ages | moments), max_size=8))
def test_wild_pairs_make_a_filter_or_name_what_is_wrong(pairs: list[tuple[str, str]]) -> None:
    """Whatever pairs come, there is a filter, or an error that names one of them."""
    named = {name for name, _ in pairs} | {"metadata", "since"}
    try:
        wanted = RunFilter.of(pairs)
    except FilterError as error:
        wrong = error.name
    else:
        wanted.bounds_ns()
        assert RunFilter.of(wanted.pairs()) == wanted
        return
    assert wrong in named


@pytest.mark.parametrize(
    ("pairs", "name", "reason"),
    [
        ([("colour", "red")], "colour", "is no filter: use one of agent, .*text.* or metadata.<key>"),
        ([("metadata", "red")], "metadata", "is no filter"),
        ([("metadata.", "red")], "metadata.", "is no filter"),
        ([("agent", "a"), ("agent", "b")], "agent", "is given twice"),
        ([("metadata.k", "a"), ("metadata.k", "b")], "metadata.k", "is given twice"),
        ([("text", "x" * 1_001)], "text", "at most 1,000 characters, got 1,001"),
        ([(f"metadata.k{number}", "v") for number in range(21)], "metadata", "at most 20 keys, got 21"),
        ([("metadata." + "k" * 9_991, "v")], "metadata." + "k" * 91, "at most 1,000 characters, got 10,000"),
        ([("status", "fine")], "status", "must be one of ok, partial, failed, open, got 'fine'"),
        ([("feedback", "5")], "feedback", "must be one of up, down, text, any, none, got '5'"),
        ([("order", "best")], "order", "must be one of newest, .*, got 'best'"),
        ([("since", "yesterday")], "since", "must be a time such as .* got 'yesterday'"),
        ([("until", "7 months")], "until", "must be a time such as"),
        ([("since", "1h"), ("until", "2h")], "since", "must not be after until, got '1h' and '2h'"),
    ],
)
def test_a_bad_filter_is_named(pairs: list[tuple[str, str]], name: str, reason: str) -> None:
    """An error says which filter cannot be used, and what it must be."""
    with pytest.raises(FilterError, match=reason) as caught:
        RunFilter.of(pairs)
    assert caught.value.name == name


def test_an_empty_value_sets_nothing() -> None:
    """A form that was left empty makes the filter of everything."""
    assert RunFilter.of([("text", ""), ("status", ""), ("metadata.k", ""), ("colour", "")]) == RunFilter()
    assert RunFilter().query() == ""


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", None),
        ("90min", NOW_NS - HOUR_NS * 3 // 2),
        ("24h", NOW_NS - 24 * HOUR_NS),
        (" 7 d ", NOW_NS - 7 * 24 * HOUR_NS),
        ("2w", NOW_NS - 14 * 24 * HOUR_NS),
        ("30s", NOW_NS - 30_000_000_000),
        ("999999w", 0),
        ("2026-05-01", 1_777_593_600_000_000_000),
        ("2026-05-01T12:00", 1_777_636_800_000_000_000),
        ("2026-05-01T12:00:00.5+02:00", 1_777_629_600_500_000_000),
        ("0001-01-01", 0),
        ("0001-01-01T00:00+14:00", 0),
        ("9999-12-31", 2**63 - 1),
    ],
)
def test_a_bound_is_a_time_or_an_age(value: str, expected: int | None) -> None:
    """Times are local unless they say otherwise, ages count back from now, both within what can be stored."""
    assert RunFilter(since=value, until=value).bounds_ns(NOW_NS) == (expected, expected)


def test_another_condition_makes_another_filter() -> None:
    """A filter is changed by making another one."""
    wanted = RunFilter(agent="a", metadata=(("k", "v"),))
    assert wanted.but(agent="", tool="t") == RunFilter(tool="t", metadata=(("k", "v"),))
    assert wanted == RunFilter(agent="a", metadata=(("k", "v"),))


@given(st.integers(0, 2**63 // 1000))
def test_a_bound_is_exact_to_the_microsecond(microseconds: int) -> None:
    """A time that an answer of the API holds finds just what began then, whatever its last digits."""
    text = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)).isoformat()
    expected = min(microseconds * 1_000, 2**63 - 1)
    assert RunFilter(since=text).bounds_ns() == (expected, None)


@pytest.mark.zone(BERLIN)
@pytest.mark.parametrize(
    ("value", "utc"),
    [
        ("2026-01-15", "2026-01-14T23:00Z"),
        ("2026-05-01T12:00", "2026-05-01T10:00Z"),
        ("2026-05-01T12:00Z", "2026-05-01T12:00Z"),
        ("2026-05-01T12:00-04:00", "2026-05-01T16:00Z"),
    ],
)
def test_a_time_without_a_zone_is_local(value: str, utc: str) -> None:
    """What a person types is what the clock beside the page showed, in summer and in winter."""
    assert RunFilter(since=value).bounds_ns() == RunFilter(since=utc).bounds_ns()
