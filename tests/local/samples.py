"""Spans and bodies for the tests of the local collector."""

from __future__ import annotations

import itertools
import json
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import (
    AnyValue,
    ArrayValue,
    InstrumentationScope,
    KeyValue,
    KeyValueList,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from contextcompany.local.otlp.spans import EventRecord, LinkRecord, SpanRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contextcompany.local.embedded.collector import Collector
    from contextcompany.local.otlp.spans import AttributeValue

TRACE_ID = "5b8efff798038103d269b633813fc60c"
SPAN_ID = "eee19b7ec3c1b174"
PARENT_ID = "eee19b7ec3c1b173"
START_NS = 1_544_712_660_000_000_000

RECORD = SpanRecord(
    trace_id=TRACE_ID,
    span_id=SPAN_ID,
    parent_span_id=PARENT_ID,
    name="chat gpt-5",
    kind="CLIENT",
    start_ns=START_NS,
    end_ns=START_NS + 1_000_000_007,
    attributes={
        "text": "Grüße 👋",
        "flag": True,
        "least": -(2**63),
        "ratio": 0.25,
        "endless": float("inf"),
        "raw": b"\x00\xff",
        "list": ("stop", 2, None),
        "map": {"inner": ("a", {"deep": False})},
        "nothing": None,
    },
    events=(EventRecord("exception", START_NS + 5, {"exception.type": "ValueError"}),),
    links=(LinkRecord(TRACE_ID, PARENT_ID, {"why": "retry"}),),
    status_code="ERROR",
    status_message="it broke",
    resource={"service.name": "shop"},
    scope_name="contextcompany",
    scope_version="0.1.0",
)
"""A span with every kind of value; `JSON_BODY` and `PROTOBUF_BODY` hold this one span."""


def json_body() -> dict[str, Any]:
    """Build the OTLP JSON of `RECORD`, each field as the specification writes it, fresh for changes."""
    return {
        "resourceSpans": [
            {
                "resource": {
                    "attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}],
                    "droppedAttributesCount": 0,
                },
                "scopeSpans": [
                    {
                        "scope": {"name": "contextcompany", "version": "0.1.0", "attributes": []},
                        "spans": [
                            {
                                "traceId": TRACE_ID.upper(),
                                "spanId": SPAN_ID.upper(),
                                "parentSpanId": PARENT_ID,
                                "traceState": "",
                                "name": "chat gpt-5",
                                "kind": 3,
                                "flags": 256,
                                "startTimeUnixNano": str(START_NS),
                                "endTimeUnixNano": START_NS + 1_000_000_007,
                                "attributes": [
                                    {"key": "text", "value": {"stringValue": "Grüße 👋"}},
                                    {"key": "flag", "value": {"boolValue": True}},
                                    {"key": "least", "value": {"intValue": str(-(2**63))}},
                                    {"key": "ratio", "value": {"doubleValue": 0.25}},
                                    {"key": "endless", "value": {"doubleValue": "Infinity"}},
                                    {"key": "raw", "value": {"bytesValue": "AP8="}},
                                    {
                                        "key": "list",
                                        "value": {
                                            "arrayValue": {
                                                "values": [{"stringValue": "stop"}, {"intValue": 2}, {}]
                                            }
                                        },
                                    },
                                    {
                                        "key": "map",
                                        "value": {
                                            "kvlistValue": {
                                                "values": [
                                                    {
                                                        "key": "inner",
                                                        "value": {
                                                            "arrayValue": {
                                                                "values": [
                                                                    {"stringValue": "a"},
                                                                    {
                                                                        "kvlistValue": {
                                                                            "values": [
                                                                                {
                                                                                    "key": "deep",
                                                                                    "value": {
                                                                                        "boolValue": False
                                                                                    },
                                                                                }
                                                                            ]
                                                                        }
                                                                    },
                                                                ]
                                                            }
                                                        },
                                                    }
                                                ]
                                            }
                                        },
                                    },
                                    {"key": "nothing", "value": None},
                                ],
                                "events": [
                                    {
                                        "timeUnixNano": str(START_NS + 5),
                                        "name": "exception",
                                        "attributes": [
                                            {"key": "exception.type", "value": {"stringValue": "ValueError"}}
                                        ],
                                    }
                                ],
                                "links": [
                                    {
                                        "traceId": TRACE_ID,
                                        "spanId": PARENT_ID,
                                        "attributes": [{"key": "why", "value": {"stringValue": "retry"}}],
                                    }
                                ],
                                "status": {"message": "it broke", "code": 2},
                                "aFieldOfTomorrow": {"x": [1]},
                            }
                        ],
                    }
                ],
                "schemaUrl": "https://opentelemetry.io/schemas/1.37.0",
            }
        ]
    }


def any_value(value: AttributeValue) -> AnyValue:
    """Put a value into protobuf."""
    if value is None:
        return AnyValue()
    if isinstance(value, tuple):
        return AnyValue(array_value=ArrayValue(values=[any_value(item) for item in value]))
    if isinstance(value, dict):
        return AnyValue(kvlist_value=KeyValueList(values=key_values(value)))
    fields: dict[type, str] = {
        bool: "bool_value",
        int: "int_value",
        float: "double_value",
        bytes: "bytes_value",
        str: "string_value",
    }
    return AnyValue(**{fields[type(value)]: value})  # type: ignore[arg-type]


def key_values(attributes: Mapping[str, AttributeValue]) -> list[KeyValue]:
    """Put attributes into protobuf."""
    return [KeyValue(key=key, value=any_value(value)) for key, value in attributes.items()]


def protobuf_request(*records: SpanRecord) -> ExportTraceServiceRequest:
    """Put records into one request, each with its own resource and scope."""
    kinds = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
    return ExportTraceServiceRequest(
        resource_spans=[
            ResourceSpans(
                resource=Resource(attributes=key_values(record.resource)),
                scope_spans=[
                    ScopeSpans(
                        scope=InstrumentationScope(name=record.scope_name, version=record.scope_version),
                        spans=[
                            Span(
                                trace_id=bytes.fromhex(record.trace_id),
                                span_id=bytes.fromhex(record.span_id),
                                parent_span_id=bytes.fromhex(record.parent_span_id or ""),
                                name=record.name,
                                kind=Span.SpanKind.ValueType(kinds.index(record.kind)),
                                start_time_unix_nano=record.start_ns,
                                end_time_unix_nano=record.end_ns,
                                attributes=key_values(record.attributes),
                                events=[
                                    Span.Event(
                                        name=event.name,
                                        time_unix_nano=event.time_ns,
                                        attributes=key_values(event.attributes),
                                    )
                                    for event in record.events
                                ],
                                links=[
                                    Span.Link(
                                        trace_id=bytes.fromhex(link.trace_id),
                                        span_id=bytes.fromhex(link.span_id),
                                        attributes=key_values(link.attributes),
                                    )
                                    for link in record.links
                                ],
                                status=Status(
                                    code=Status.StatusCode.ValueType(
                                        ("UNSET", "OK", "ERROR").index(record.status_code)
                                    ),
                                    message=record.status_message,
                                ),
                            )
                        ],
                    )
                ],
            )
            for record in records
        ]
    )


JSON_BODY = json.dumps(json_body()).encode()
PROTOBUF_BODY = protobuf_request(RECORD).SerializeToString()

_numbers = itertools.count(1)


def span(
    name: str = "span",
    attributes: Mapping[str, AttributeValue] | None = None,
    *,
    parent: SpanRecord | None = None,
    trace_id: str | None = None,
    span_id: str | None = None,
    parent_span_id: str | None = None,
    kind: str = "INTERNAL",
    start_ms: float = 0,
    ms: float = 10,
    status: tuple[str, str] = ("UNSET", ""),
    events: tuple[EventRecord, ...] = (),
) -> SpanRecord:
    """Build a span with fresh ids, below a parent if one is given; times count from `START_NS`."""
    start_ns = START_NS + int(start_ms * 1_000_000)
    if parent is not None:
        trace_id, parent_span_id = trace_id or parent.trace_id, parent.span_id
    return SpanRecord(
        trace_id=trace_id or f"{next(_numbers):032x}",
        span_id=span_id or f"{next(_numbers):016x}",
        parent_span_id=parent_span_id,
        name=name,
        kind=kind,
        start_ns=start_ns,
        end_ns=start_ns + int(ms * 1_000_000),
        attributes=attributes or {},
        events=events,
        links=(),
        status_code=status[0],
        status_message=status[1],
        resource={"service.name": "shop"},
        scope_name="contextcompany",
        scope_version="0.1.0",
    )


def exchange(
    collector: Collector,
    body: bytes | None = None,
    *,
    method: str = "POST",
    path: str = "/v1/traces",
    headers: Mapping[str, str] | None = None,
) -> tuple[int, dict[str, str], bytes]:
    """Send one request on a connection of its own and return status, headers in lower case, and body."""
    connection = HTTPConnection("127.0.0.1", collector.port, timeout=10)
    try:
        connection.request(method, path, body, dict(headers or {}))
        response = connection.getresponse()
        answer = response.read()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, answer
    finally:
        connection.close()
