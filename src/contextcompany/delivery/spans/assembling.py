"""Encoded spans put together to requests, under the resources and scopes that they share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from contextcompany.delivery.spans.own import OwnSpan
from contextcompany.delivery.spans.protobuf import varint
from contextcompany.delivery.spans.reference import encoded_origin
from contextcompany.delivery.spans.repairing import whole_resource, whole_scope

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    from contextcompany.delivery.spans.origin import Origin
    from contextcompany.delivery.spans.reference import Around
    from contextcompany.sdk import ReadableSpan, Resource

_RESOURCE_SPANS: Final = b"\x0a"
_SCOPE_SPANS: Final = b"\x12"
_SPAN: Final = b"\x12"
_MOST_FRAME_BYTES: Final = 6  # one of tag, five of length


class Request(NamedTuple):
    """An encoded `ExportTraceServiceRequest`.

    Attributes:
        body: the request in protobuf.
        span_ids: the ids of the spans in it, in their order.
    """

    body: bytes
    span_ids: list[int]


class Group:
    """The spans of one resource and one scope.

    Attributes:
        resource: as the OpenTelemetry encoder takes it.
        scope: as the OpenTelemetry encoder takes it.
        around_scopes: the encoded resource; one object for all groups of the resource.
        around_spans: the encoded scope.
        spans: the id and the encoded `Span` of each.
    """

    __slots__ = ("around_scopes", "around_spans", "resource", "scope", "spans")

    def __init__(self, resource: Resource, scope: InstrumentationScope | None) -> None:
        self.resource = resource
        self.scope = scope
        self.around_scopes, self.around_spans = encoded_origin(resource, scope)
        self.spans: list[tuple[int, bytes]] = []


class Assembly:
    """Collect the encoded spans of one batch in the groups and in the order that the exporter gives them."""

    __slots__ = ("_groups", "_known", "_own")

    def __init__(self) -> None:
        self._groups: dict[Resource, dict[InstrumentationScope | None, Group]] = {}
        # With the objects themselves, so that none of these ids is given to another object meanwhile.
        self._known: dict[tuple[int, int], tuple[Group, object, object]] = {}
        self._own: dict[int, tuple[Group, Origin]] = {}

    def group(self, span: ReadableSpan) -> Group:
        """Return the group that a span belongs to.

        Raises:
            Exception: any class of it, if the resource or the scope of the span is beyond repair.
        """
        if type(span) is OwnSpan:
            shared = self._own.get(id(span.origin))
            if shared is not None:
                return shared[0]
        resource, scope = span.resource, span.instrumentation_scope
        known = self._known.get((id(resource), id(scope)))
        if known is not None:
            return known[0]
        # Comparing resources is costly: once for each object, and not for each span.
        group = self._group(whole_resource(resource), whole_scope(scope))
        self._known[id(resource), id(scope)] = group, resource, scope
        if type(span) is OwnSpan:
            self._own[id(span.origin)] = group, span.origin
        return group

    def _group(self, resource: Resource, scope: InstrumentationScope | None) -> Group:
        scopes = self._groups.setdefault(resource, {})
        if scope not in scopes:
            made = Group(resource, scope)
            if scopes:
                made.around_scopes = next(iter(scopes.values())).around_scopes
            scopes[scope] = made
        return scopes[scope]

    def requests(self, most: int) -> Iterator[Request]:
        """Yield all spans as requests, in their order; none if there are no spans.

        Args:
            most: bytes of a request. A span that is larger stays alone in a request that is too large.
        """
        draft = _Draft()
        for scopes in self._groups.values():
            for group in scopes.values():
                draft.enter(group)
                for span_id, span in group.spans:
                    if draft.size + _MOST_FRAME_BYTES + len(span) > most:
                        yield from draft.requests()
                        draft = _Draft()
                        draft.enter(group)
                    draft.add(span_id, span)
        yield from draft.requests()


class _Draft:
    """A request that is being filled.

    Attributes:
        size: the most bytes that it takes.
    """

    __slots__ = ("_resources", "_span_ids", "_spans", "size")

    def __init__(self) -> None:
        self.size = 0
        self._resources: list[tuple[Around, list[tuple[Around, list[bytes]]]]] = []
        self._spans: list[bytes] = []
        self._span_ids: list[int] = []

    def enter(self, group: Group) -> None:
        """Let the spans that follow stand in the messages of a group."""
        if not self._resources or self._resources[-1][0] is not group.around_scopes:
            self._resources.append((group.around_scopes, []))
            self.size += _most_bytes(group.around_scopes)
        self._spans = []
        self._resources[-1][1].append((group.around_spans, self._spans))
        self.size += _most_bytes(group.around_spans)

    def add(self, span_id: int, span: bytes) -> None:
        """Add a span."""
        self._spans.append(_SPAN + varint(len(span)))
        self._spans.append(span)
        self._span_ids.append(span_id)
        self.size += _MOST_FRAME_BYTES + len(span)

    def requests(self) -> Iterator[Request]:
        """Yield it encoded, if there is a span in it."""
        if not self._span_ids:
            return
        whole: list[bytes] = []
        for around_scopes, scopes in self._resources:
            inner: list[bytes] = []
            for around_spans, spans in scopes:
                if spans:
                    _put(inner, _SCOPE_SPANS, [around_spans.before, *spans, around_spans.after])
            if inner:
                _put(whole, _RESOURCE_SPANS, [around_scopes.before, *inner, around_scopes.after])
        yield Request(b"".join(whole), self._span_ids)


def _most_bytes(around: Around) -> int:
    return _MOST_FRAME_BYTES + len(around.before) + len(around.after)


def _put(fields: list[bytes], tag: bytes, content: list[bytes]) -> None:
    """Append a message to the fields of another, piece by piece: nothing is copied before the end."""
    fields.append(tag + varint(sum(map(len, content))))
    fields += content
