"""OTLP JSON to span records.

Definition: the section "JSON Protobuf Encoding" of the OTLP specification. It differs from the canonical
JSON of protobuf: hexadecimal ids, enums as integers only, and no field names but the lowerCamelCase ones.
"""

from __future__ import annotations

import base64
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from contextcompany.local.otlp.fields import (
    Object,
    as_integer,
    as_object,
    as_text,
    child,
    enum_number,
    hexadecimal,
    items,
    objects,
    read_document,
    refuse,
    text,
)
from contextcompany.local.otlp.json_spans import LARGE_BYTES, Taken
from contextcompany.local.otlp.spans import (
    AttributeValue,
    EventRecord,
    LinkRecord,
    MalformedBodyError,
    Refusals,
    Shared,
    SpanRecord,
    attributes_weight,
    kind_name,
    moment,
    parent_id_text,
    span_id_text,
    status_code_name,
    trace_id_text,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

# Protobuf refuses deeper messages itself; here the bound keeps recursion far from the limit of the stack.
_MOST_DEPTH: Final = 50
_INT64: Final = range(-(2**63), 2**63)
_UINT64: Final = range(2**64)


def decode_json(body: bytes) -> tuple[list[SpanRecord], Refusals]:
    """Read the spans of an ExportTraceServiceRequest in OTLP JSON, and what had to be refused.

    Unknown fields are ignored, null counts as absent, and halves of surrogate pairs become U+FFFD.

    Raises:
        MalformedBodyError: The body is no JSON, or a field around the spans has the wrong type.
    """
    refusals = Refusals()
    return list(spans_in_json(body, refusals)), refusals


def spans_in_json(body: bytes, refusals: Refusals) -> Iterator[SpanRecord]:
    """Read an ExportTraceServiceRequest in OTLP JSON span by span.

    Of a large one a span that is no JSON costs only itself.

    Args:
        body: The request.
        refusals: Takes note of each span that has no valid ids or a field of the wrong type.

    Raises:
        MalformedBodyError: As `decode_json` does; before the first span is returned.
    """
    taken = Taken(body) if len(body) > LARGE_BYTES else None
    document = read_document(body) if taken is None else taken.document
    groups = [
        (
            items(scope_spans, "spans"),
            _attributes(child(resource_spans, "resource"), "attributes"),
            text(child(scope_spans, "scope"), "name"),
            text(child(scope_spans, "scope"), "version"),
        )
        for resource_spans in objects(as_object(document, "the body"), "resourceSpans")
        for scope_spans in objects(resource_spans, "scopeSpans")
    ]
    shared = Shared()
    for spans, resource, name, version in groups:
        shared.add(attributes_weight(resource) + len(name) + len(version), len(spans))
    return _taken(groups, refusals, taken)


def _taken(
    groups: list[tuple[list[object], dict[str, AttributeValue], str, str]],
    refusals: Refusals,
    taken: Taken | None,
) -> Iterator[SpanRecord]:
    for spans, resource, name, version in groups:
        for span in spans:
            try:
                found = span if taken is None else taken.span(span)
                yield _span(as_object(found, "an item of spans"), resource, name, version)
            except MalformedBodyError as error:
                refusals.add(str(error))


def _span(
    span: Object, resource: Mapping[str, AttributeValue], scope_name: str, scope_version: str
) -> SpanRecord:
    status = child(span, "status")
    return SpanRecord(
        trace_id=trace_id_text(hexadecimal(span, "traceId")),
        span_id=span_id_text(hexadecimal(span, "spanId")),
        parent_span_id=parent_id_text(hexadecimal(span, "parentSpanId")),
        name=text(span, "name"),
        kind=kind_name(enum_number(span, "kind")),
        start_ns=_nanoseconds(span, "startTimeUnixNano"),
        end_ns=_nanoseconds(span, "endTimeUnixNano"),
        attributes=_attributes(span, "attributes"),
        events=tuple(
            EventRecord(
                text(event, "name"), _nanoseconds(event, "timeUnixNano"), _attributes(event, "attributes")
            )
            for event in objects(span, "events")
        ),
        links=tuple(
            LinkRecord(
                trace_id_text(hexadecimal(link, "traceId")),
                span_id_text(hexadecimal(link, "spanId")),
                _attributes(link, "attributes"),
            )
            for link in objects(span, "links")
        ),
        status_code=status_code_name(enum_number(status, "code")),
        status_message=text(status, "message"),
        resource=resource,
        scope_name=scope_name,
        scope_version=scope_version,
    )


def _attributes(holder: Object, field: str, depth: int = 0) -> dict[str, AttributeValue]:
    return {text(pair, "key"): _value(child(pair, "value"), depth + 1) for pair in objects(holder, field)}


def _value(value: Object, depth: int) -> AttributeValue:
    if depth > _MOST_DEPTH:
        raise MalformedBodyError(f"an attribute value is nested more than {_MOST_DEPTH} levels deep")
    for kind, content in value.items():
        if content is None:
            continue
        if kind == "arrayValue":
            values = objects(as_object(content, kind), "values", null_is_empty=True)
            return tuple(_value(item, depth + 1) for item in values)
        if kind == "kvlistValue":
            return _attributes(as_object(content, kind), "values", depth)
        if kind in _SCALARS:
            return _SCALARS[kind](content, kind)
    return None


def _nanoseconds(holder: Object, field: str) -> int:
    value = holder.get(field)
    return 0 if value is None else moment(as_integer(value, field, _UINT64), field)


def _boolean(value: object, field: str) -> bool:
    return value if isinstance(value, bool) else refuse(field, "true or false", value)


def _int64(value: object, field: str) -> int:
    return as_integer(value, field, _INT64)


def _double(value: object, field: str) -> float:
    # Non-finite numbers are the strings "NaN", "Infinity" and "-Infinity", which float() reads.
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        with suppress(ValueError, OverflowError):
            return float(value)
    return refuse(field, "a number of 64 bits", value)


def _base64(value: object, field: str) -> bytes:
    if isinstance(value, str):
        with suppress(ValueError):
            return base64.b64decode(value, validate=True)
    return refuse(field, "base64 text", value)


_SCALARS: Final[Mapping[str, Callable[[object, str], AttributeValue]]] = {
    "stringValue": as_text,
    "boolValue": _boolean,
    "intValue": _int64,
    "doubleValue": _double,
    "bytesValue": _base64,
}
