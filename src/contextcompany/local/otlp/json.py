"""OTLP JSON to span records.

Definition: the section "JSON Protobuf Encoding" of the OTLP specification. It differs from the canonical
JSON of protobuf: hexadecimal ids, enums as integers only, and no field names but the lowerCamelCase ones.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NoReturn, TypeAlias, cast

from contextcompany.local.otlp.spans import (
    AttributeValue,
    EventRecord,
    LinkRecord,
    MalformedBodyError,
    SpanRecord,
    kind_name,
    parent_id_text,
    span_id_text,
    status_code_name,
    trace_id_text,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_Object: TypeAlias = "dict[str, object]"

# Protobuf refuses deeper messages itself; here the bound keeps recursion far from the limit of the stack.
_MOST_DEPTH: Final = 50
_INT64: Final = range(-(2**63), 2**63)
_UINT64: Final = range(2**64)
_DIGITS: Final = re.compile(r"-?[0-9]{1,20}", re.ASCII)


def decode_json(body: bytes) -> list[SpanRecord]:
    """Read the spans of an ExportTraceServiceRequest in OTLP JSON.

    Unknown fields are ignored, null counts as absent, and halves of surrogate pairs become U+FFFD.

    Raises:
        MalformedBodyError: The body is no JSON, a field has the wrong type, or a span has no valid ids.
    """
    try:
        document: object = json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except MalformedBodyError:
        raise
    except (ValueError, RecursionError) as error:
        raise MalformedBodyError(f"the body is no JSON in UTF-8: {error}") from error
    spans: list[SpanRecord] = []
    for resource_spans in _objects(_object(document, "the body"), "resourceSpans"):
        resource = _attributes(_child(resource_spans, "resource"), "attributes")
        for scope_spans in _objects(resource_spans, "scopeSpans"):
            scope = _child(scope_spans, "scope")
            name, version = _text(scope, "name"), _text(scope, "version")
            spans.extend(_span(span, resource, name, version) for span in _objects(scope_spans, "spans"))
    return spans


def _span(
    span: _Object, resource: Mapping[str, AttributeValue], scope_name: str, scope_version: str
) -> SpanRecord:
    status = _child(span, "status")
    return SpanRecord(
        trace_id=trace_id_text(_hexadecimal(span, "traceId")),
        span_id=span_id_text(_hexadecimal(span, "spanId")),
        parent_span_id=parent_id_text(_hexadecimal(span, "parentSpanId")),
        name=_text(span, "name"),
        kind=kind_name(_enum_number(span, "kind")),
        start_ns=_nanoseconds(span, "startTimeUnixNano"),
        end_ns=_nanoseconds(span, "endTimeUnixNano"),
        attributes=_attributes(span, "attributes"),
        events=tuple(
            EventRecord(
                _text(event, "name"),
                _nanoseconds(event, "timeUnixNano"),
                _attributes(event, "attributes"),
            )
            for event in _objects(span, "events")
        ),
        links=tuple(
            LinkRecord(
                trace_id_text(_hexadecimal(link, "traceId")),
                span_id_text(_hexadecimal(link, "spanId")),
                _attributes(link, "attributes"),
            )
            for link in _objects(span, "links")
        ),
        status_code=status_code_name(_enum_number(status, "code")),
        status_message=_text(status, "message"),
        resource=resource,
        scope_name=scope_name,
        scope_version=scope_version,
    )


def _attributes(holder: _Object, field: str, depth: int = 0) -> dict[str, AttributeValue]:
    return {_text(pair, "key"): _value(_child(pair, "value"), depth + 1) for pair in _objects(holder, field)}


def _value(value: _Object, depth: int) -> AttributeValue:
    if depth > _MOST_DEPTH:
        raise MalformedBodyError(f"an attribute value is nested more than {_MOST_DEPTH} levels deep")
    for kind, content in value.items():
        if content is None:
            continue
        if kind == "arrayValue":
            items = _objects(_object(content, kind), "values", null_is_empty=True)
            return tuple(_value(item, depth + 1) for item in items)
        if kind == "kvlistValue":
            return _attributes(_object(content, kind), "values", depth)
        if kind in _SCALARS:
            return _SCALARS[kind](content, kind)
    return None


def _refuse(field: str, wanted: str, got: object) -> NoReturn:
    shown = f" {str(got)[:60]!r}" if isinstance(got, str | int | float) else ""
    raise MalformedBodyError(f"{field} must be {wanted}, got {type(got).__name__}{shown}")


def _refuse_constant(name: str) -> NoReturn:
    raise MalformedBodyError(f"the body is no JSON: {name} stands there without quotes")


def _object(value: object, field: str) -> _Object:
    return cast("_Object", value) if isinstance(value, dict) else _refuse(field, "an object", value)


def _child(holder: _Object, field: str) -> _Object:
    value = holder.get(field)
    return {} if value is None else _object(value, field)


def _objects(holder: _Object, field: str, *, null_is_empty: bool = False) -> list[_Object]:
    value = holder.get(field)
    if value is None:
        return []
    if not isinstance(value, list):
        _refuse(field, "a list", value)
    items = cast("list[object]", value)
    return [{} if item is None and null_is_empty else _object(item, f"an item of {field}") for item in items]


def _text(holder: _Object, field: str) -> str:
    value = holder.get(field)
    return "" if value is None else _string(value, field)


def _hexadecimal(holder: _Object, field: str) -> bytes:
    text = _text(holder, field)
    try:
        return binascii.unhexlify(text)
    except ValueError:
        _refuse(field, "hexadecimal digits", text)


def _enum_number(holder: _Object, field: str) -> int:
    value = holder.get(field)
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int):
        _refuse(field, "the number of the enum", value)
    return value


def _nanoseconds(holder: _Object, field: str) -> int:
    value = holder.get(field)
    return 0 if value is None else _integer(value, field, _UINT64)


def _integer(value: object, field: str, allowed: range) -> int:
    number: int | None = None
    if (isinstance(value, str) and _DIGITS.fullmatch(value)) or (
        isinstance(value, float) and value.is_integer()
    ):
        number = int(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        number = value
    if number is None or number not in allowed:
        _refuse(field, "an integer of 64 bits, or a string of its digits", value)
    return number


def _string(value: object, field: str) -> str:
    if not isinstance(value, str):
        _refuse(field, "a string", value)
    if value.isascii():
        return value
    # JSON can spell half a surrogate pair, which no encoder and no terminal takes.
    return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _boolean(value: object, field: str) -> bool:
    return value if isinstance(value, bool) else _refuse(field, "true or false", value)


def _int64(value: object, field: str) -> int:
    return _integer(value, field, _INT64)


def _double(value: object, field: str) -> float:
    # Non-finite numbers are the strings "NaN", "Infinity" and "-Infinity", which float() reads.
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        with suppress(ValueError, OverflowError):
            return float(value)
    _refuse(field, "a number of 64 bits", value)


def _base64(value: object, field: str) -> bytes:
    if isinstance(value, str):
        with suppress(ValueError):
            return base64.b64decode(value, validate=True)
    _refuse(field, "base64 text", value)


_SCALARS: Final[Mapping[str, Callable[[object, str], AttributeValue]]] = {
    "stringValue": _string,
    "boolValue": _boolean,
    "intValue": _int64,
    "doubleValue": _double,
    "bytesValue": _base64,
}
