"""Spans that no encoder expects, made past the SDK, and what is in encoded requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from tests.recording.hostile import VALUES, cyclic_list, deep

if TYPE_CHECKING:
    from opentelemetry.proto.trace.v1 import trace_pb2

LONE = "\ud800"

TEXTS = st.text(
    st.one_of(st.characters(), st.sampled_from(f"{LONE}\udfff\0\ufffd\n")), min_size=1, max_size=6
)
_KEYS = st.one_of(TEXTS, st.sampled_from(["tcc.runId", "tcc.truncated", "gen_ai.input.messages"]))
_ANYTHING = st.one_of(VALUES, st.builds(cyclic_list), st.sampled_from([20, 21, 60, 2_000]).map(deep))
MAPPINGS = st.dictionaries(_KEYS, _ANYTHING, max_size=3)
_TIMES = st.one_of(st.none(), st.integers(), st.sampled_from([2**64, 2**64 - 1, -1]))
CONTEXTS = st.builds(
    SpanContext,
    st.integers(1, 2**128 - 1),
    st.integers(1, 2**64 - 1),
    is_remote=st.booleans(),
    trace_flags=st.just(TraceFlags(1)),
)


def _resource(text: str, schema_url: str) -> Resource:
    return Resource({"host.name": text, "raw": text.encode("utf-8", "replace"), "n": [1, 2]}, schema_url)


def _scope(name: str, version: str, text: str) -> InstrumentationScope:
    return InstrumentationScope(name, version, text, {"library": text})


SPANS = st.builds(
    ReadableSpan,
    TEXTS,
    CONTEXTS,
    st.one_of(st.none(), CONTEXTS),
    attributes=MAPPINGS,
    events=st.lists(st.builds(Event, TEXTS, MAPPINGS, st.integers()), max_size=2),
    links=st.lists(st.builds(Link, CONTEXTS, MAPPINGS), max_size=2),
    kind=st.sampled_from(SpanKind),
    status=st.one_of(st.just(Status(StatusCode.UNSET)), st.builds(Status, st.just(StatusCode.ERROR), TEXTS)),
    start_time=_TIMES,
    end_time=_TIMES,
    resource=st.one_of(st.just(Resource({})), st.builds(_resource, TEXTS, TEXTS)),
    instrumentation_scope=st.one_of(st.none(), st.builds(_scope, TEXTS, TEXTS, TEXTS)),
)
"""Spans whose ids are right and everything else is anything."""


def spans_in(body: bytes) -> list[trace_pb2.Span]:
    """Return the spans of an encoded request, in its order."""
    request = ExportTraceServiceRequest.FromString(body)
    return [
        span for resource in request.resource_spans for scope in resource.scope_spans for span in scope.spans
    ]


def plain(value: Any) -> Any:
    """Return an encoded value as plain data."""
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [plain(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return pairs(value.kvlist_value.values)
    return None if kind is None else getattr(value, kind)


def pairs(encoded: Any) -> dict[str, Any]:
    """Return encoded attributes as plain data."""
    return {pair.key: plain(pair.value) for pair in encoded}
