"""OTLP protobuf to span records. Definition: opentelemetry/proto/trace/v1/trace.proto."""

from __future__ import annotations

from array import array
from itertools import chain
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from contextcompany.local.otlp.spans import (
    AttributeValue,
    EventRecord,
    LinkRecord,
    MalformedBodyError,
    Refusals,
    Shared,
    SpanRecord,
    kind_name,
    moment,
    parent_id_text,
    span_id_text,
    status_code_name,
    trace_id_text,
)
from contextcompany.local.otlp.wire import FramingError, field_of, holds_more, messages

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    from contextcompany.local.otlp.wire import Fields

MOST_SPANS: Final = 1_000_000
"""So many spans a request may hold."""

MOST_SPAN_BYTES: Final = 16 * 1024 * 1024
"""The largest span that is taken; parsed it can weigh many times its bytes."""

MOST_SPAN_VALUES: Final = 100_000
"""So many attributes, values in lists and maps, events and links a span may hold together."""

_NO_REQUEST: Final = "the body is no ExportTraceServiceRequest in protobuf"
_SCALARS: Final = frozenset({"string_value", "bool_value", "int_value", "double_value", "bytes_value"})
# So many bytes hold too few values to be counted.
_FEW_BYTES: Final = 64 * 1024
# Fields: KeyValue.value; AnyValue.array_value and kvlist_value; the values of both.
_IN_VALUE: Final[Fields] = {}
_IN_ATTRIBUTE: Final[Fields] = {2: _IN_VALUE}
_IN_VALUE.update({5: {1: _IN_VALUE}, 6: {1: _IN_ATTRIBUTE}})
# Fields: attributes, events and links of a span, and the attributes of these.
_IN_SPAN: Final[Fields] = {9: _IN_ATTRIBUTE, 11: {3: _IN_ATTRIBUTE}, 13: {4: _IN_ATTRIBUTE}}
# Fields: ExportTraceServiceRequest.resource_spans; of ResourceSpans and ScopeSpans what they are about, and
# what they hold.
_RESOURCE_SPANS: Final = 1
_ABOUT: Final = 1
_HELD: Final = 2


def decode_protobuf(body: bytes) -> tuple[list[SpanRecord], Refusals]:
    """Read the spans of an ExportTraceServiceRequest in protobuf, and what had to be refused.

    Raises:
        MalformedBodyError: The body is no ExportTraceServiceRequest.
    """
    refusals = Refusals()
    return list(spans_in_protobuf(body, refusals)), refusals


def spans_in_protobuf(body: bytes, refusals: Refusals) -> Iterator[SpanRecord]:
    """Read an ExportTraceServiceRequest in protobuf span by span.

    The body is looked through to its end before the first span is returned.

    Args:
        body: The request.
        refusals: Takes note of each span that has no valid ids or cannot be parsed.

    Raises:
        MalformedBodyError: The body is no ExportTraceServiceRequest.
    """
    from google.protobuf.message import DecodeError

    groups: list[_Group] = []
    shared = Shared()
    count = 0
    try:
        for resource_spans in _each(body, (0, len(body)), _RESOURCE_SPANS):
            held: list[tuple[_Scope, array[int]]] = []
            before = count
            for scope_spans in _each(body, resource_spans, _HELD):
                places = array("Q")
                for place in _each(body, scope_spans, _HELD):
                    places.extend(place)
                    count += 1
                    if count > MOST_SPANS:
                        raise MalformedBodyError(
                            f"the body holds more than {MOST_SPANS:,} spans; send smaller batches"
                        )
                if places:
                    scope = _scope(body, scope_spans)
                    shared.add(len(scope.field), len(places) // 2)
                    held.append((scope, places))
            if held:
                resource = _resource(body, resource_spans)
                shared.add(len(resource.field), count - before)
                groups += (_Group(resource, scope, places) for scope, places in held)
    except (DecodeError, FramingError) as error:
        raise MalformedBodyError(_NO_REQUEST) from error
    return chain.from_iterable(group.spans(body, refusals) for group in groups)


class _Resource(NamedTuple):
    """A resource, and the field of a ResourceSpans that holds it."""

    attributes: Mapping[str, AttributeValue]
    field: bytes


class _Scope(NamedTuple):
    """A scope, and the field of a ScopeSpans that holds it."""

    name: str
    version: str
    field: bytes


class _Group(NamedTuple):
    """The spans of one scope of one resource, by the places where they begin and end."""

    resource: _Resource
    scope: _Scope
    places: array[int]

    def spans(self, body: bytes, refusals: Refusals) -> Iterator[SpanRecord]:
        """Read one span after another, and pass over those that have to be refused."""
        from google.protobuf.message import DecodeError
        from opentelemetry.proto.trace.v1.trace_pb2 import Span

        places = iter(self.places)
        for start, end in zip(places, places, strict=True):
            if end - start > MOST_SPAN_BYTES:
                refusals.add(f"a span is larger than {MOST_SPAN_BYTES // (1024 * 1024)} MiB")
                continue
            held = body[start:end]
            try:
                if end - start > _FEW_BYTES and holds_more(body, start, end, _IN_SPAN, MOST_SPAN_VALUES):
                    refusals.add(f"a span holds more than {MOST_SPAN_VALUES:,} values")
                    continue
                span = _span(Span.FromString(held), self.resource.attributes, self.scope)
                span.came_as(self._alone(held))
                yield span
            except (DecodeError, FramingError):
                refusals.add("a span cannot be parsed")
            except MalformedBodyError as error:
                refusals.add(str(error))

    def _alone(self, span: bytes) -> bytes:
        """Write a request that holds one span and nothing else."""
        scope_spans = field_of(_HELD, self.scope.field, field_of(_HELD, span))
        return field_of(_RESOURCE_SPANS, self.resource.field, scope_spans)


def _each(body: bytes, within: tuple[int, int], wanted: int) -> Iterator[tuple[int, int]]:
    return ((start, end) for number, start, end in messages(body, *within) if number == wanted)


def _about(body: bytes, within: tuple[int, int]) -> bytes:
    """Return the bytes of a resource or a scope; pieces of it count as one, as protobuf has it."""
    about = b"".join(body[start:end] for start, end in _each(body, within, _ABOUT))
    # Before it is parsed; for how many spans it stands is counted later.
    Shared().add(len(about), 1)
    return about


def _resource(body: bytes, resource_spans: tuple[int, int]) -> _Resource:
    from opentelemetry.proto.resource.v1.resource_pb2 import Resource

    about = _about(body, resource_spans)
    return _Resource(_attributes(Resource.FromString(about).attributes), field_of(_ABOUT, about))


def _scope(body: bytes, scope_spans: tuple[int, int]) -> _Scope:
    from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope

    about = _about(body, scope_spans)
    scope = InstrumentationScope.FromString(about)
    return _Scope(scope.name, scope.version, field_of(_ABOUT, about))


def _span(span: Span, resource: Mapping[str, AttributeValue], scope: _Scope) -> SpanRecord:
    status = span.status
    return SpanRecord(
        trace_id=trace_id_text(span.trace_id),
        span_id=span_id_text(span.span_id),
        parent_span_id=parent_id_text(span.parent_span_id),
        name=span.name,
        kind=kind_name(span.kind),
        start_ns=moment(span.start_time_unix_nano, "startTimeUnixNano"),
        end_ns=moment(span.end_time_unix_nano, "endTimeUnixNano"),
        attributes=_attributes(span.attributes),
        events=tuple(
            EventRecord(
                event.name, moment(event.time_unix_nano, "timeUnixNano"), _attributes(event.attributes)
            )
            for event in span.events
        ),
        links=tuple(
            LinkRecord(trace_id_text(link.trace_id), span_id_text(link.span_id), _attributes(link.attributes))
            for link in span.links
        ),
        status_code=status_code_name(status.code),
        status_message=status.message,
        resource=resource,
        scope_name=scope.name,
        scope_version=scope.version,
    )


def _attributes(pairs: Iterable[KeyValue]) -> dict[str, AttributeValue]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> AttributeValue:
    # Most values are texts, and to read one is cheaper than to ask what the value is.
    if text := value.string_value:
        return text
    # Recursion is safe here: the parser has refused messages that are nested more than 100 levels deep.
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return tuple(_value(item) for item in value.array_value.values)
    if kind == "kvlist_value":
        return _attributes(value.kvlist_value.values)
    return cast("AttributeValue", getattr(value, kind)) if kind in _SCALARS else None
