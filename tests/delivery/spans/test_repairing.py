"""What no encoder takes becomes what every receiver reads, and nothing else changes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, SpanLimits
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, Status, StatusCode

from contextcompany.delivery.spans.repairing import is_whole, repaired, whole_resource, whole_scope
from tests.delivery.spans.hostile import LONE, SPANS
from tests.handmade import ELSEWHERE, STEP, ended_span, whole
from tests.recording.hostile import Raising, cyclic_list, deep


def raw(attributes: dict[Any, Any], **fields: Any) -> ReadableSpan:
    """Return a span made past the SDK, which would have cleaned its attributes."""
    return ReadableSpan("chat", ELSEWHERE, attributes=attributes, **fields)


WHOLE: list[Any] = [
    "text",
    "é💥\0",
    "",
    True,
    0,
    -(2**63),
    2**63 - 1,
    0.5,
    float("inf"),
    b"\xff",
    ("a", "b"),
    [1, 2.5],
    {"a": [{"b": 1}]},
    deep(20),
]

BAD: dict[str, tuple[Any, Any]] = {
    "lone surrogate": (f"a{LONE}b", "a\ufffdb"),
    "surrogates that belong together": ("\ud83d\udca5", "💥"),
    "large integer": (2**63, "9223372036854775808"),
    "small integer": (-(2**63) - 1, "-9223372036854775809"),
    "texts": (["a", LONE], ["a", "\ufffd"]),
    "integers": ([1, 2**64], '[1,"18446744073709551616"]'),
    "object": ({"a": [LONE, None]}, '{"a":["\ufffd",null]}'),
    "key in an object": ({LONE: 1}, '{"\ufffd":1}'),
    "raising object": (Raising(), "<unprintable Raising>"),
    "class": (ValueError, "<class 'ValueError'>"),
}


@pytest.mark.parametrize("value", WHOLE, ids=repr)
def test_what_the_encoder_takes_is_whole(value: Any) -> None:
    """Texts, numbers, bytes and containers of them up to a depth that every receiver parses need nothing."""
    assert is_whole(raw({"key": value}))


@pytest.mark.parametrize("name", BAD)
def test_bad_values_become_readable(name: str) -> None:
    """A value that the encoder drops is kept in the form that a setter would have given it."""
    value, expected = BAD[name]
    span = raw({"before": "same", "key": value, "after": ("same",)})
    assert not is_whole(span)
    assert dict(repaired(span).attributes or {}) == {
        "before": "same",
        "key": expected,
        "after": ("same",),
    }


def test_a_cycle_becomes_readable() -> None:
    """A value that holds itself is written once."""
    copy = repaired(raw({"key": cyclic_list()}))
    text = (copy.attributes or {})["key"]
    assert isinstance(text, str)
    assert text.startswith('[1,"<cycle>",{"again":"<cycle>"')


def test_what_lies_too_deep_is_text() -> None:
    """Nesting that receivers refuse to parse becomes JSON text, cut where values are cut, and says so."""
    span = raw({"key": deep(60)})
    assert not is_whole(span)
    assert dict(repaired(span).attributes or {}) == {
        "key": "[" * 20 + '"<too deep>"' + "]" * 20,
        "tcc.truncated": ["key"],
    }


def test_bad_keys_stay_apart() -> None:
    """Keys that become the same text, or one that is there already, take no value from each other."""
    other = "\udfff"
    span = raw({f"a{LONE}": 1, f"a{other}": 2, "a\ufffd": 3, 5: 4})
    assert dict(repaired(span).attributes or {}) == {
        "a\ufffd\ufffd": 1,
        "a\ufffd\ufffd\ufffd": 2,
        "a\ufffd": 3,
        "5": 4,
    }


def test_cuts_are_added_to_the_earlier_ones() -> None:
    """What a repair had to cut stands in `tcc.truncated` beside what was cut when it was recorded."""
    long = "x" * (2 << 20) + LONE
    span = raw(
        {"tcc.truncated": ("gen_ai.input.messages",), "long": long},
        events=[Event("exception", {"exception.stacktrace": long}, 1)],
        status=Status(StatusCode.ERROR, long),
    )
    assert (repaired(span).attributes or {})["tcc.truncated"] == [
        "exception.stacktrace",
        "gen_ai.input.messages",
        "long",
        "tcc.statusMessage",
    ]


def test_everything_else_stays() -> None:
    """A repair changes what is bad and nothing else, what the SDK counted as dropped included."""
    events = [("first", {"a": 1}), ("second", {"b": 2})]
    span = ended_span(
        f"chat {LONE}",
        {**STEP, "last": 1},
        events=events,
        links=[Link(ELSEWHERE, {"why": "a"}), Link(ELSEWHERE, {"why": "b"})],
        status=Status(StatusCode.ERROR, "refused"),
        limits=SpanLimits(max_span_attributes=3, max_events=1, max_links=1),
    )
    copy = repaired(span)
    assert whole(copy) == {**whole(span), "name": "chat \ufffd"}
    assert (copy.dropped_attributes, copy.dropped_events, copy.dropped_links) == (3, 1, 1)


def test_dropped_attributes_of_events_and_links_stay_counted() -> None:
    """The counts of what events and links lost are kept."""
    attributes = BoundedAttributes(attributes={"a": LONE})
    attributes.dropped = 7
    span = raw({}, events=[Event("e", attributes, 1)], links=[Link(ELSEWHERE, attributes)])
    copy = repaired(span)
    assert [event.dropped_attributes for event in copy.events] == [7]
    assert [link.dropped_attributes for link in copy.links] == [7]
    assert [dict(event.attributes or {}) for event in copy.events] == [{"a": "\ufffd"}]
    assert [dict(link.attributes or {}) for link in copy.links] == [{"a": "\ufffd"}]


@pytest.mark.parametrize(
    ("given_time", "expected"),
    [(None, None), (-5, 0), (2**64, 2**64 - 1), (1_000.5, 1_000), ("now", 0), (7, 7)],
)
def test_times_are_brought_into_range(given_time: Any, expected: int | None) -> None:
    """A time that OTLP cannot hold becomes the nearest that it can."""
    copy = repaired(raw({}, start_time=given_time, end_time=given_time))
    assert (copy.start_time, copy.end_time) == (expected, expected)


def test_resources_and_scopes() -> None:
    """A resource with bytes or a scope with a bad name would fail the whole batch: both are repaired."""
    resource = Resource({"host.name": "h", "raw": b"\xff", "ports": [1, 2]}, "https://schema")
    scope = InstrumentationScope(f"by-hand {LONE}", "1.2", None, {"library": f"x{LONE}"})
    span = raw({}, resource=resource, instrumentation_scope=scope)
    copy = repaired(span)
    assert whole_resource(copy.resource) is copy.resource
    assert whole_scope(copy.instrumentation_scope) is copy.instrumentation_scope
    assert copy.resource.schema_url == "https://schema"
    assert {key: copy.resource.attributes[key] for key in ("host.name", "ports")} == {
        "host.name": "h",
        "ports": (1, 2),
    }
    assert copy.instrumentation_scope == InstrumentationScope(
        "by-hand \ufffd", "1.2", None, {"library": "x\ufffd"}
    )


def test_good_resources_and_scopes_stay_the_same_objects() -> None:
    """What the encoder takes is not copied: spans of one resource go on sharing it."""
    resource = Resource({"host.name": "h", "ports": [1, 2]}, "https://schema")
    scope = InstrumentationScope("by-hand", None, None, {"library": "x"})
    assert whole_resource(resource) is resource
    assert whole_scope(scope) is scope
    assert whole_scope(None) is None


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SPANS)
def test_a_repair_is_whole_and_repairs_once(span: ReadableSpan) -> None:
    """Whatever a span holds, its repair holds only what can be encoded, and repairing it changes nothing."""
    copy = repaired(span)
    assert is_whole(copy)
    assert whole_resource(copy.resource) is copy.resource
    assert whole_scope(copy.instrumentation_scope) is copy.instrumentation_scope
    again = repaired(copy)
    assert repr(whole(again)) == repr(whole(copy))
