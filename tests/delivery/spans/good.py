"""Spans as the SDK hands them over: all kinds of fields, each with values that OTLP can hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util import BoundedList
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from contextcompany.delivery.spans.repairing import TAKES_NONE

if TYPE_CHECKING:
    from collections.abc import Sequence

TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
    # Around the lengths at which a length takes one byte more.
    st.builds(
        str.__mul__, st.sampled_from(["x", "é", "💥"]), st.sampled_from([30, 31, 63, 64, 125, 126, 128])
    ),
    st.integers(16_360, 16_400).map("x".__mul__),
)
_SCALARS = st.one_of(
    TEXTS,
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-2, 300),
    st.floats(),
    st.binary(max_size=140),
    *([st.none()] if TAKES_NONE else []),
)
VALUES = st.recursive(
    _SCALARS,
    lambda values: st.one_of(
        st.lists(values, max_size=3),
        st.lists(values, max_size=3).map(tuple),
        st.dictionaries(TEXTS, values, max_size=3),
    ),
    max_leaves=6,
)
"""Values that the encoder takes, nested as deep as they may be."""

_MAPPINGS = st.dictionaries(TEXTS, VALUES, max_size=4)
_COUNTS = st.one_of(st.just(0), st.integers(0, 2**32 - 1))
_TIMES = st.one_of(st.just(0), st.integers(0, 2**64 - 1))
_STATES = st.sampled_from([TraceState(), TraceState([("vendor", "1"), ("b", "2")])])
_CONTEXTS = st.builds(
    SpanContext,
    st.integers(1, 2**128 - 1),
    st.integers(1, 2**64 - 1),
    is_remote=st.booleans(),
    trace_flags=st.integers(0, 255).map(TraceFlags),
    trace_state=_STATES,
)


def _attributes(mapping: dict[str, Any], dropped: int) -> BoundedAttributes:
    attributes = BoundedAttributes()
    attributes._dict.update(mapping)  # past its cleaning, which refuses some of what the encoder takes
    attributes.dropped = dropped
    return attributes


def _bounded(items: Sequence[Any], dropped: int) -> BoundedList[Any]:
    kept: BoundedList[Any] = BoundedList(max(len(items), 1))
    kept.extend(items)
    kept.dropped = dropped
    return kept


ATTRIBUTES = st.one_of(st.none(), _MAPPINGS, st.builds(_attributes, _MAPPINGS, _COUNTS))
_EVENTS = st.lists(st.builds(Event, TEXTS, ATTRIBUTES, _TIMES), max_size=2)
_LINKS = st.lists(st.builds(Link, _CONTEXTS, ATTRIBUTES), max_size=2)

RESOURCES = [
    Resource({"service.name": "a"}),
    Resource({"service.name": "a"}),
    Resource({"service.name": "b", "host": "é" * 30, "ports": [1, 2]}, "https://schema/" + "é" * 20),
    Resource({}),
]
SCOPES = [
    None,
    InstrumentationScope("one", "1.2", "https://schema/" + "s" * 60, {"library": "x"}),
    InstrumentationScope("one", "1.2", "https://schema/" + "s" * 60, {"library": "x"}),
    InstrumentationScope("one", "1.2", "https://schema/" + "s" * 60, {"library": "y"}),
    InstrumentationScope("two"),
    InstrumentationScope(""),
]

SPANS = st.builds(
    ReadableSpan,
    TEXTS,
    _CONTEXTS,
    st.one_of(st.none(), _CONTEXTS),
    attributes=ATTRIBUTES,
    events=st.one_of(_EVENTS, st.builds(_bounded, _EVENTS, _COUNTS)),
    links=st.one_of(_LINKS, st.builds(_bounded, _LINKS, _COUNTS)),
    kind=st.sampled_from(SpanKind),
    status=st.one_of(
        st.sampled_from([Status(StatusCode.UNSET), Status(StatusCode.OK)]),
        st.builds(Status, st.just(StatusCode.ERROR), st.one_of(st.none(), TEXTS)),
    ),
    start_time=st.one_of(st.none(), _TIMES),
    end_time=st.one_of(st.none(), _TIMES),
    resource=st.sampled_from(RESOURCES),
    instrumentation_scope=st.sampled_from(SCOPES),
)
"""Spans that the encoder takes whole."""
