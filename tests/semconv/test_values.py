"""Data never throws: any value as a bounded, valid attribute value."""

from __future__ import annotations

import copy
import datetime
import decimal
import fractions
import json
import threading
import uuid
from pathlib import PurePosixPath
from typing import Any

import anthropic.types
import openai.types.chat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contextcompany.semconv.values import (
    MAX_DEPTH,
    MAX_SPAN_BYTES,
    MAX_VALUE_BYTES,
    amount,
    attribute_value,
    count,
    freeze,
    read_json,
    to_json,
)
from tests.semconv import hostile

BLOB = {
    "type": "blob",
    "size": 3,
    "digest": "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
}


def refuse(name: str) -> None:
    """Fail on what Python's JSON reader takes and JSON has not."""
    raise AssertionError(f"{name} is no JSON")


def strictly(text: str) -> Any:
    """Read JSON as other languages do."""
    return json.loads(text, parse_constant=refuse)


def test_the_bounds_are_those_of_the_contract() -> None:
    """1 MiB a value, 4 MiB a span, depth 20."""
    assert (MAX_VALUE_BYTES, MAX_SPAN_BYTES, MAX_DEPTH) == (1_048_576, 4_194_304, 20)


@pytest.mark.parametrize(
    ("value", "expected"),
    hostile.rows(
        [
            (None, None),
            (True, True),
            (3, 3),
            (1.5, 1.5),
            ("text", "text"),
            ("a\ud800\0", "a\ufffd\ufffd"),
            (-(1 << 63), -(1 << 63)),
            (1 << 63, "9223372036854775808"),
            (float("nan"), "NaN"),
            (float("-inf"), "-Infinity"),
            ([1, (2, {3})], [1, [2, [3]]]),
            ({"a": {1: None}}, {"a": {"1": None}}),
            (b"abc", BLOB),
            ({"a": bytearray(b"abc")}, {"a": BLOB}),
            (hostile.Account("ada", ["x"]), {"user": "ada", "tags": ["x"]}),
            (hostile.Point(1, [2]), {"x": 1, "y": [2]}),
            (hostile.Mode.FAST, "fast"),
            (datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC), "2026-01-02T00:00:00+00:00"),
            (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
            (PurePosixPath("a/b"), "a/b"),
            (decimal.Decimal("1.10"), "1.10"),
            (ValueError("no"), "ValueError: no"),
            (hostile.RaisesEverywhere(), "<unprintable RaisesEverywhere>"),
            (hostile.Nameless(), "<unprintable Nameless>"),
            (hostile.BrokenMapping(), "<unprintable BrokenMapping>"),
            (hostile.DumpRaises(), "<unprintable DumpRaises>"),
            (hostile.ReturnsItself(), "<cycle>"),
            (hostile.cycle(), [1, {"again": ["<cycle>"]}]),
        ]
    ),
)
def test_freezing_gives_json_types(value: Any, expected: object) -> None:
    """Every kind of value has one form in JSON types, and nothing of these is cut."""
    assert freeze(value) == (expected, False)


def test_freezing_is_a_snapshot() -> None:
    """What the owner changes later does not change what was recorded."""
    value: dict[str, Any] = {
        "messages": [{"role": "user", "content": ["a"]}],
        "account": hostile.Account("a", []),
    }
    frozen, _ = freeze(value)
    before = copy.deepcopy(frozen)
    value["messages"][0]["content"].append("b")
    value["messages"].append({"role": "user", "content": "c"})
    value["account"].tags.append("d")
    value["new"] = 1
    assert (
        frozen
        == before
        == {"messages": [{"role": "user", "content": ["a"]}], "account": {"user": "a", "tags": []}}
    )


def test_message_objects_of_clients_are_read() -> None:
    """The models of the openai and anthropic packages become the JSON they came from."""
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    said = openai.types.chat.ChatCompletionMessage.model_validate(
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [call],
        }
    )
    frozen, cut = freeze(said)
    assert isinstance(frozen, dict)
    assert ({key: item for key, item in frozen.items() if item is not None}, cut) == (
        {"role": "assistant", "tool_calls": [call]},
        False,
    )
    block = anthropic.types.ToolUseBlock(type="tool_use", id="t", name="f", input={"a": 1})
    frozen, cut = freeze([block])
    assert isinstance(frozen, list)
    assert isinstance(frozen[0], dict)
    assert {key: item for key, item in frozen[0].items() if item is not None} == {
        "type": "tool_use",
        "id": "t",
        "name": "f",
        "input": {"a": 1},
    }


def test_a_model_that_was_filled_with_wrong_types_warns_nobody() -> None:
    """Clients build models without validation; dumping one prints no warning into the application."""
    said = openai.types.chat.ChatCompletionMessage.model_construct(role="assistant", content=3)
    frozen, _ = freeze(said)
    assert isinstance(frozen, dict)
    assert (frozen["role"], frozen["content"]) == ("assistant", 3)


def test_other_threads_may_change_what_is_frozen() -> None:
    """A dict that grows and shrinks all the while can be frozen."""
    value: dict[int, int] = dict.fromkeys(range(1000), 0)
    stop = threading.Event()

    def change() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            value[number % 5000] = number
            value.pop((number * 7) % 5000, None)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        frozen = [freeze([value, value.keys(), set(value)])[0] for _ in range(40)]
    finally:
        stop.set()
        thread.join()
    assert all(isinstance(item, list) and isinstance(item[0], dict) for item in frozen)


def test_freezing_at_the_end_of_the_stack_does_not_raise() -> None:
    """Called where almost no stack is left, it gives what it can."""
    value = {"a": [{"b": ["c"]}]}
    failed: list[RecursionError] = []

    def dive() -> object:
        try:
            return dive()
        except RecursionError as error:
            failed.append(error)
            return freeze(value)[0]

    assert dive() == "<unprintable>"
    # The first is the one that ends the dive; then freeze() itself cannot be called in the last frames.
    assert len(failed) < 6


@pytest.mark.parametrize(
    ("plain", "expected"),
    [
        ({"a": [1, None, True, "é"]}, '{"a":[1,null,true,"é"]}'),
        ("text", '"text"'),
        (None, "null"),
        ([], "[]"),
    ],
)
def test_json_is_compact(plain: Any, expected: str) -> None:
    """JSON has no spaces and no escapes that are not needed."""
    assert to_json(plain) == (expected, False)


@pytest.mark.parametrize(
    ("plain", "limit"),
    [
        (["\x01" * 1000] * 50, 5000),
        ("\x01" * 5000, 2000),
        ({"a": '"' * 5000}, 100),
        ({"a": {"b": ["x" * 100] * 100}}, 60),
        ([1.1234567890123] * 1000, 500),
        ({"key" * 100: 1}, 10),
        (123456789, 5),
        ([1], 0),
        ("x", -1),
    ],
)
def test_json_that_is_too_long_is_cut_and_stays_json(plain: Any, limit: int) -> None:
    """Whatever escapes do to its length, the text keeps to the limit and is valid."""
    text, cut = to_json(plain, limit)
    assert (len(text.encode()) <= max(limit, 2), cut) == (True, True)
    strictly(text)


def test_json_of_values_that_were_never_frozen_is_valid() -> None:
    """A NaN, a surrogate or a foreign object that slipped in is frozen on the way."""
    wild: Any = {"a": float("nan"), "b": "\ud800", "c": hostile.Account("a", [])}
    assert to_json(wild) == ('{"a":"NaN","b":"\ufffd","c":{"user":"a","tags":[]}}', False)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(hostile.VALUES, st.one_of(st.just(MAX_VALUE_BYTES), st.integers(2, 2000)))
def test_any_value_becomes_valid_json_within_the_limit(value: object, limit: int) -> None:
    """Wild values never raise; their JSON parses, is valid UTF-8 and keeps to the limit."""
    plain, cut = freeze(value, limit)
    text, _ = to_json(plain, limit)
    assert len(text.encode()) <= limit
    strictly(text)
    again, _ = freeze(plain)
    assert cut or again == plain


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(hostile.VALUES)
def test_any_value_becomes_an_attribute(value: object) -> None:
    """Wild values become None or a type that OpenTelemetry takes."""
    found, _ = attribute_value(value)
    items = found if isinstance(found, list) else [found]
    assert len({type(item) for item in items}) <= 1
    for item in items:
        assert item is None or type(item) in {str, bool, int, float}
        if isinstance(item, str):
            item.encode()


@pytest.mark.parametrize(
    ("value", "expected"),
    hostile.rows(
        [
            ("text", "text"),
            ("a\ud800", "a\ufffd"),
            (True, True),
            (3, 3),
            (1.5, 1.5),
            (None, None),
            ([], []),
            ((), []),
            (["a", "b"], ["a", "b"]),
            (("a", hostile.HostileText("b")), ["a", "b"]),
            ([True, False], [True, False]),
            ([1, 2], [1, 2]),
            ((1.5, 2.0), [1.5, 2.0]),
            ([True, 1], "[true,1]"),
            ([1, 2.5], "[1,2.5]"),
            (["a", None], '["a",null]'),
            ([["a"]], '[["a"]]'),
            (float("nan"), "NaN"),
            ([1.0, float("inf")], '[1.0,"Infinity"]'),
            ([float("nan")], '["NaN"]'),
            (1 << 63, "9223372036854775808"),
            ([1 << 63], '["9223372036854775808"]'),
            ({"a": 1}, '{"a":1}'),
            ({1}, "[1]"),
            (datetime.date(2026, 1, 2), "2026-01-02"),
            ([datetime.date(2026, 1, 2)], '["2026-01-02"]'),
            (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
            (hostile.Level.HIGH, 3),
            (hostile.RaisesEverywhere(), "<unprintable RaisesEverywhere>"),
        ]
    ),
)
def test_metadata_keeps_simple_types(value: Any, expected: Any) -> None:
    """Texts, numbers, booleans and lists of one of them keep their type; anything else becomes text."""
    found, cut = attribute_value(value)
    assert (found, type(found), cut) == (expected, type(expected), False)
    if isinstance(found, list):
        assert [type(item) for item in found] == [type(item) for item in expected]


def test_metadata_is_cut_and_a_copy() -> None:
    """Long metadata is cut and says so, and a list is no longer the caller's."""
    text, cut = attribute_value("x" * (MAX_VALUE_BYTES + 1))
    assert isinstance(text, str)
    assert (MAX_VALUE_BYTES - 10 < len(text) <= MAX_VALUE_BYTES, cut) == (True, True)
    given_list = ["a"]
    kept, _ = attribute_value(given_list)
    assert kept is not given_list
    json_text, cut = attribute_value({"a": "x" * (2 * MAX_VALUE_BYTES)})
    assert isinstance(json_text, str)
    assert (len(json_text) <= MAX_VALUE_BYTES, cut) == (True, True)


class Number:
    """What a numpy number looks like."""

    def __init__(self, value: float) -> None:
        self._value = value

    def __index__(self) -> int:
        return int(self._value)

    def __float__(self) -> float:
        return float(self._value)

    def __eq__(self, other: object) -> bool:
        return self._value == other

    def __le__(self, other: float) -> bool:
        return self._value <= other

    def __ge__(self, other: float) -> bool:
        return self._value >= other


numpy_bool = type("bool_", (Number,), {})


@pytest.mark.parametrize(
    ("value", "whole", "number"),
    hostile.rows(
        [
            (0, 0, 0.0),
            (3, 3, 3.0),
            (3.0, 3, 3.0),
            (-0.0, 0, 0.0),
            (2.5, None, 2.5),
            (decimal.Decimal(4), 4, 4.0),
            (decimal.Decimal("4.5"), None, 4.5),
            (decimal.Decimal("1e999999999"), None, None),
            (decimal.Decimal("sNaN"), None, None),
            (fractions.Fraction(4, 2), 2, 2.0),
            (fractions.Fraction(1, 2), None, 0.5),
            (Number(5), 5, 5.0),
            (hostile.Level.HIGH, 3, 3.0),
            ((1 << 63) - 1, (1 << 63) - 1, float(1 << 63)),
            (1 << 63, None, float(1 << 63)),
            (10**400, None, None),
            (-1, None, None),
            (-0.5, None, None),
            (float("nan"), None, None),
            (float("inf"), None, None),
            (True, None, None),
            (numpy_bool(1), None, None),
            ("3", None, None),
            (b"3", None, None),
            (None, None, None),
            ([3], None, None),
            (3j, None, None),
            (hostile.RaisesEverywhere(), None, None),
            (hostile.Nameless(), None, None),
        ]
    ),
)
def test_counts_and_amounts(value: Any, whole: int | None, number: float | None) -> None:
    """A count is whole and within 64 bits, an amount finite; neither is negative, a bool or text."""
    assert (count(value), type(count(value))) == (whole, type(whole))
    assert (amount(value), type(amount(value))) == (number, type(number))
    assert str(amount(value)) != "-0.0"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a":[1,"x"]}', ({"a": [1, "x"]}, True)),
        ("null", (None, True)),
        ('"\\ud800"', ("\ufffd", True)),
        ("[1e400]", (["Infinity"], True)),
        ("NaN", (None, False)),
        ("[Infinity]", (None, False)),
        ("{", (None, False)),
        ("", (None, False)),
        ("words", (None, False)),
        ("[" * 100_000, (None, False)),
        ("[" * 30 + "]" * 30, (None, False)),
        ("1" * 5000, (None, False)),
    ],
    ids=range(12),
)
def test_json_text_is_read_if_it_fits(text: str, expected: object) -> None:
    """JSON comes back frozen; what is none, or too deep to be kept whole, is no JSON."""
    assert read_json(text) == expected
