"""Spans as bytes and back, without loss.

What came in protobuf is kept as it came; any other span is a line of JSON, with marks for what JSON cannot
say. Spans of one trace that arrive together are packed together: what they repeat of each other, such as the
instructions of an agent, then takes no room, and compressing them takes half the time.
"""

from __future__ import annotations

import base64
import json
import struct
import zlib
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from contextcompany.local.otlp.protobuf import decode_protobuf
from contextcompany.local.otlp.spans import EventRecord, LinkRecord, SpanRecord

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from contextcompany.local.otlp.spans import AttributeValue

_Json: TypeAlias = Any

_PLAIN: Final = frozenset({str, int, float, bool, type(None)})
# Attribute values nest without bound; what is deeper than any collector takes is left out.
_MOST_DEPTH: Final = 120
_LEVEL: Final = 1
# A line of JSON begins with a bracket, a request in protobuf with the tag of its only field.
_WIRE: Final = b"\n"
_SIZE: Final = struct.Struct("<I")

_encoder: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False)


def encode(span: SpanRecord) -> bytes:
    """Write a span as a line of bytes from which `decode` makes an equal one."""
    if span.wire:
        return span.wire
    fields = [
        span.trace_id,
        span.span_id,
        span.parent_span_id,
        span.name,
        span.kind,
        span.start_ns,
        span.end_ns,
        _mapping(span.attributes),
        [[event.name, event.time_ns, _mapping(event.attributes)] for event in span.events],
        [[link.trace_id, link.span_id, _mapping(link.attributes)] for link in span.links],
        span.status_code,
        span.status_message,
        _mapping(span.resource),
        span.scope_name,
        span.scope_version,
    ]
    # Halves of surrogate pairs are no UTF-8 and still come back.
    return _encoder.encode(fields).encode("utf-8", "surrogatepass")


def decode(line: bytes) -> SpanRecord:
    """Read what `encode` wrote."""
    if line.startswith(_WIRE):
        return decode_protobuf(line)[0][0]
    fields: list[_Json] = json.loads(line.decode("utf-8", "surrogatepass"))
    fields[7] = _attributes(fields[7])
    fields[8] = tuple(EventRecord(name, time_ns, _attributes(found)) for name, time_ns, found in fields[8])
    fields[9] = tuple(LinkRecord(trace, span, _attributes(found)) for trace, span, found in fields[9])
    fields[12] = _attributes(fields[12])
    return SpanRecord(*fields)


def pack(lines: Sequence[bytes]) -> bytes:
    """Put lines together and compress them."""
    return zlib.compress(b"".join([_SIZE.pack(len(line)) + line for line in lines]), _LEVEL)


def unpack(packed: bytes) -> list[bytes]:
    """Read what `pack` wrote."""
    held = zlib.decompress(packed)
    lines: list[bytes] = []
    at = 0
    while at < len(held):
        (size,) = _SIZE.unpack_from(held, at)
        at += _SIZE.size + size
        lines.append(held[at - size : at])
    return lines


def _mapping(values: Mapping[str, AttributeValue]) -> _Json:
    for value in values.values():
        if type(value) not in _PLAIN:
            return {key: _marked(value, 0) for key, value in values.items()}
    return dict(values)


def _marked(value: AttributeValue, depth: int) -> _Json:
    """Put what JSON has no word for into an object: bytes under `b`, a map under `m`."""
    if depth > _MOST_DEPTH:
        return None
    if isinstance(value, bytes):
        return {"b": base64.b64encode(value).decode("ascii")}
    if isinstance(value, dict):
        return {"m": {key: _marked(inner, depth + 1) for key, inner in value.items()}}
    if isinstance(value, tuple):
        return [_marked(inner, depth + 1) for inner in value]
    return value


def _attributes(found: _Json) -> dict[str, AttributeValue]:
    for value in found.values():
        if type(value) is dict or type(value) is list:
            return {key: _unmarked(value) for key, value in found.items()}
    attributes: dict[str, AttributeValue] = found
    return attributes


def _unmarked(value: _Json) -> AttributeValue:
    if _is(value, list):
        return tuple(_unmarked(inner) for inner in value)
    if _is(value, dict):
        if "m" in value:
            return {key: _unmarked(inner) for key, inner in value["m"].items()}
        return base64.b64decode(value["b"])
    plain: AttributeValue = value
    return plain


def _is(value: object, kind: type) -> bool:
    return type(value) is kind
