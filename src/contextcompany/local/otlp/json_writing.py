"""Span records to OTLP JSON, which `decode_json` and every OTLP receiver read.

Definition: the section "JSON Protobuf Encoding" of the OTLP specification.
"""

from __future__ import annotations

import base64
import math
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from contextcompany.local.otlp.spans import AttributeValue, SpanRecord

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"

_KINDS: Final = {"INTERNAL": 1, "SERVER": 2, "CLIENT": 3, "PRODUCER": 4, "CONSUMER": 5}
_STATUS_CODES: Final = {"OK": 1, "ERROR": 2}
_INT64: Final = range(-(2**63), 2**63)
_LATEST_NS: Final = 2**63 - 1
# The reader refuses deeper values, and what was written must be readable.
_MOST_DEPTH: Final = 48


def request_document(spans: Iterable[SpanRecord]) -> dict[str, Json]:
    """Write spans as an ExportTraceServiceRequest, ready for `json.dumps`.

    Their order is kept: neighbours of one resource and scope share it. What JSON or OTLP cannot hold is
    mended: a number beyond 64 bits is written as a double, what is nested too deep as text.
    """
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": _attributes(members[0].resource, 0)},
                "scopeSpans": [
                    {
                        "scope": {"name": members[0].scope_name, "version": members[0].scope_version},
                        "spans": [_span(span) for span in members],
                    }
                ],
            }
            for members in _neighbours(spans)
        ]
    }


def _neighbours(spans: Iterable[SpanRecord]) -> Iterable[list[SpanRecord]]:
    # Compared by what is written, since 1 and True are equal as values and are not as attributes.
    for _, members in groupby(spans, lambda span: (repr(span.resource), span.scope_name, span.scope_version)):
        yield list(members)


def _span(span: SpanRecord) -> Json:
    status: dict[str, Json] = {}
    if span.status_message:
        status["message"] = span.status_message
    if span.status_code in _STATUS_CODES:
        status["code"] = _STATUS_CODES[span.status_code]
    written: dict[str, Json] = {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "name": span.name,
        "kind": _KINDS.get(span.kind, 0),
        "startTimeUnixNano": _time(span.start_ns),
        "endTimeUnixNano": _time(span.end_ns),
        "attributes": _attributes(span.attributes, 0),
        "status": status,
    }
    if span.parent_span_id is not None:
        written["parentSpanId"] = span.parent_span_id
    if span.events:
        written["events"] = [
            {
                "timeUnixNano": _time(event.time_ns),
                "name": event.name,
                "attributes": _attributes(event.attributes, 0),
            }
            for event in span.events
        ]
    if span.links:
        written["links"] = [
            {
                "traceId": link.trace_id,
                "spanId": link.span_id,
                "attributes": _attributes(link.attributes, 0),
            }
            for link in span.links
        ]
    return written


def _time(nanoseconds: int) -> str:
    return str(min(max(0, nanoseconds), _LATEST_NS))


def _attributes(attributes: Mapping[str, AttributeValue], depth: int) -> Json:
    return [{"key": key, "value": _value(value, depth + 1)} for key, value in attributes.items()]


def _value(value: AttributeValue, depth: int) -> Json:
    write = _SCALARS.get(type(value))
    if write is not None:
        return write(value)
    if depth >= _MOST_DEPTH:
        return {"stringValue": str(value)}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": _attributes(value, depth)}}
    items = cast("tuple[AttributeValue, ...]", value)
    return {"arrayValue": {"values": [_value(item, depth + 1) for item in items]}}


def _integer(value: int) -> Json:
    return {"intValue": str(value)} if value in _INT64 else {"doubleValue": _double(value)}


def _double(value: float) -> Json:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf if value > 0 else -math.inf
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    return number


_SCALARS: Final[Mapping[type, Callable[[Any], Json]]] = {
    str: lambda value: {"stringValue": value},
    type(None): lambda _: {},
    bool: lambda value: {"boolValue": value},
    int: _integer,
    float: lambda value: {"doubleValue": _double(value)},
    bytes: lambda value: {"bytesValue": base64.b64encode(value).decode("ascii")},
}
