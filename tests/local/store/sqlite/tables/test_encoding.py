"""What is written of a span comes back equal."""

from __future__ import annotations

import math
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from contextcompany.local.otlp.protobuf import decode_protobuf
from contextcompany.local.otlp.spans import EventRecord, LinkRecord, SpanRecord
from contextcompany.local.store.sqlite.tables.encoding import decode, encode, pack, unpack
from tests.local.samples import PROTOBUF_BODY, RECORD

# Halves of surrogate pairs too, which JSON can bring.
_TEXTS = st.text(st.characters())
_VALUES = st.recursive(
    st.one_of(
        _TEXTS,
        st.booleans(),
        st.integers(-(2**63), 2**64),
        st.floats(allow_nan=False),
        st.binary(max_size=20),
        st.none(),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.one_of(_TEXTS, st.sampled_from(("b", "m"))), inner, max_size=3),
    ),
    max_leaves=8,
)
_ATTRIBUTES = st.dictionaries(_TEXTS, _VALUES, max_size=4)
_TIMES = st.integers(0, 2**64 - 1)
_SPANS = st.builds(
    SpanRecord,
    trace_id=_TEXTS,
    span_id=_TEXTS,
    parent_span_id=st.none() | _TEXTS,
    name=_TEXTS,
    kind=_TEXTS,
    start_ns=_TIMES,
    end_ns=_TIMES,
    attributes=_ATTRIBUTES,
    events=st.lists(st.builds(EventRecord, _TEXTS, _TIMES, _ATTRIBUTES), max_size=2).map(tuple),
    links=st.lists(st.builds(LinkRecord, _TEXTS, _TEXTS, _ATTRIBUTES), max_size=2).map(tuple),
    status_code=_TEXTS,
    status_message=_TEXTS,
    resource=_ATTRIBUTES,
    scope_name=_TEXTS,
    scope_version=_TEXTS,
)


@given(_SPANS)
def test_a_span_comes_back_equal(span: SpanRecord) -> None:
    """Every kind of value, nested or not, comes back with its type."""
    back = decode(encode(span))
    assert back == span
    assert repr(back) == repr(span)


def test_what_is_no_number_comes_back() -> None:
    """NaN and infinities, which JSON has no words for, are kept."""
    span = replace(RECORD, attributes={"nan": math.nan, "inner": (math.nan, -math.inf)})
    assert repr(decode(encode(span))) == repr(span)


def test_what_nests_without_end_is_cut() -> None:
    """A value nested deeper than a collector takes is cut there, and never raises."""
    value: tuple[object, ...] = ()
    for _ in range(5_000):
        value = (value,)
    inner = decode(encode(replace(RECORD, attributes={"deep": value}))).attributes["deep"]  # type: ignore[dict-item]
    depth = 0
    while isinstance(inner, tuple):
        depth, inner = depth + 1, inner[0]
    assert (depth, inner) == (121, None)


def test_a_span_in_protobuf_is_kept_as_it_came() -> None:
    """What is read from protobuf is not written again, and comes back equal; a changed span is."""
    [span], _ = decode_protobuf(PROTOBUF_BODY)
    assert encode(span) is span.wire
    assert decode(encode(span)) == RECORD
    changed = replace(span, name="changed")
    assert decode(encode(changed)) == changed


@given(st.lists(_SPANS, min_size=1, max_size=4))
def test_packed_spans_are_found_by_their_place(spans: list[SpanRecord]) -> None:
    """A pack gives back its lines in their order, whatever they hold."""
    lines = [encode(span) for span in spans]
    assert unpack(pack(lines)) == lines
