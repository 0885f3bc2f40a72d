"""Span records become OTLP JSON, and the same records again."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING

from google.protobuf.json_format import ParseDict
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from contextcompany.local.otlp.json_writing import request_document
from contextcompany.local.otlp.spans import AttributeValue, EventRecord, LinkRecord, SpanRecord
from tests.local.otlp.reading_back import read_back
from tests.local.samples import RECORD, span

if TYPE_CHECKING:
    from collections.abc import Sequence

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES: st.SearchStrategy[AttributeValue] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | TEXT
    | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=4,
)
ATTRIBUTES = st.dictionaries(TEXT, VALUES, max_size=3)
FEW = st.dictionaries(TEXT, VALUES, max_size=1)
TIMES = st.integers(0, 2**63 - 1)
TRACE_IDS = st.integers(1, 2**128 - 1).map(lambda number: f"{number:032x}")
SPAN_IDS = st.integers(1, 2**64 - 1).map(lambda number: f"{number:016x}")
SPANS = st.builds(
    SpanRecord,
    trace_id=TRACE_IDS,
    span_id=SPAN_IDS,
    parent_span_id=st.none() | SPAN_IDS,
    name=TEXT,
    kind=st.sampled_from(["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"]),
    start_ns=TIMES,
    end_ns=TIMES,
    attributes=ATTRIBUTES,
    events=st.lists(st.builds(EventRecord, TEXT, TIMES, FEW), max_size=2).map(tuple),
    links=st.lists(st.builds(LinkRecord, TRACE_IDS, SPAN_IDS, FEW), max_size=2).map(tuple),
    status_code=st.sampled_from(["UNSET", "OK", "ERROR"]),
    status_message=TEXT,
    resource=st.sampled_from([{}, {"service.name": "shop"}, {"n": 1}, {"n": True}, {"n": 1.0}]),
    scope_name=st.sampled_from(["", "a"]),
    scope_version=TEXT,
)


@given(st.lists(SPANS, max_size=3))
def test_what_is_written_reads_back_equal(spans: Sequence[SpanRecord]) -> None:
    """Every value comes back with its value and its type, in the same order."""
    assert repr(read_back(spans)) == repr(list(spans))


def test_the_sample_with_every_kind_of_value_reads_back() -> None:
    """Numbers at the edges, bytes, lists, maps and nothing at all survive."""
    assert read_back([RECORD]) == [RECORD]


def test_a_number_that_is_none_is_written_as_a_word() -> None:
    """JSON has no NaN; OTLP spells it as text."""
    found = read_back([replace(RECORD, attributes={"x": math.nan})])[0].attributes["x"]
    assert isinstance(found, float)
    assert math.isnan(found)


def test_neighbours_share_their_resource_and_scope() -> None:
    """A batch of one program is one group, and another scope begins another."""
    one, other = span("a"), span("b")
    apart = replace(span("c"), scope_name="elsewhere")
    document = request_document([one, other, apart])
    groups = document["resourceSpans"]
    assert isinstance(groups, list)
    assert len(groups) == 2


def test_what_otlp_cannot_hold_is_mended_and_stays_readable() -> None:
    """Numbers beyond 64 bits become doubles, times are bounded, and bottomless values end in text."""
    deep: AttributeValue = ()
    for _ in range(100):
        deep = (deep,)
    broken = replace(
        RECORD, start_ns=-5, end_ns=2**70, attributes={"huge": 10**400, "large": 2**64, "deep": deep}
    )
    found = read_back([broken])[0]
    assert (found.start_ns, found.attributes["huge"]) == (0, math.inf)
    assert found.attributes["large"] == float(2**64)


def test_protobuf_reads_it_too() -> None:
    """What is written is the JSON of the request's definition, but for ids, which are hexadecimal."""
    document = json.loads(json.dumps(request_document([replace(RECORD, attributes={"a": 1}, links=())])))
    written = document["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    for name in ("traceId", "spanId", "parentSpanId"):
        del written[name]
    request = ParseDict(document, ExportTraceServiceRequest())
    assert request.resource_spans[0].scope_spans[0].spans[0].end_time_unix_nano == RECORD.end_ns
