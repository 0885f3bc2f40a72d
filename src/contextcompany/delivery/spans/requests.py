"""Encoded requests taken apart again, because a collector refused one for its size or for a span in it.

A request is an `ExportTraceServiceRequest` of the OpenTelemetry protocol in protobuf. Bytes that are none
raise `google.protobuf.message.DecodeError`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from opentelemetry.proto.trace.v1.trace_pb2 import Span


class _Placed(NamedTuple):
    """A span with the messages it stands in."""

    resource: ResourceSpans
    scope: ScopeSpans
    span: Span


def span_ids(body: bytes) -> list[int]:
    """Return the ids of the spans in an encoded request, in their order."""
    request = ExportTraceServiceRequest.FromString(body)
    return [int.from_bytes(placed.span.span_id, "big") for placed in _placed(request)]


def halves(body: bytes) -> tuple[bytes, bytes] | None:
    """Return two requests with half of the spans each, or None for a request of fewer than two.

    Order, resources and scopes are kept; of an odd number the second request has one more.
    """
    request = ExportTraceServiceRequest.FromString(body)
    placed = list(_placed(request))
    middle = len(placed) // 2
    return (_encoded(placed[:middle]), _encoded(placed[middle:])) if middle else None


def _placed(request: ExportTraceServiceRequest) -> Iterator[_Placed]:
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield _Placed(resource, scope, span)


def _encoded(spans: Sequence[_Placed]) -> bytes:
    request = ExportTraceServiceRequest()
    resource, scope = ResourceSpans(), ScopeSpans()
    before: _Placed | None = None
    for placed in spans:
        if before is None or placed.resource is not before.resource:
            resource = request.resource_spans.add(schema_url=placed.resource.schema_url)
            if placed.resource.HasField("resource"):
                resource.resource.CopyFrom(placed.resource.resource)
        if before is None or placed.scope is not before.scope:
            scope = resource.scope_spans.add(schema_url=placed.scope.schema_url)
            if placed.scope.HasField("scope"):
                scope.scope.CopyFrom(placed.scope.scope)
        scope.spans.append(placed.span)
        before = placed
    return request.SerializeToString()
