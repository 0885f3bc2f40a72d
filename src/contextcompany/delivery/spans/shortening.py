"""A span that no collector takes for its size, cut until one does."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from contextcompany.semconv import attributes as names
from contextcompany.semconv.snapshot import fair_share
from contextcompany.semconv.text import byte_size, clean_text
from contextcompany.semconv.values import freeze, to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
    from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

SMALLEST: Final = 1 << 10
"""Texts of at most so many bytes are never cut."""

SMALLEST_LIST: Final = 4 << 10
"""Lists and objects of at most so many bytes lose no items."""

_TEXTS: Final = frozenset(
    {*names.CONTENT_KEYS, names.GEN_AI_TOOL_DEFINITIONS, names.TCC_STATUS_MESSAGE},
)
_IDENTITY: Final = names.KNOWN_KEYS - _TEXTS
"""What says which span it is and how it went: ids, names, models, counts. Never cut."""


class _Part(NamedTuple):
    """Something in a span that can be cut.

    Attributes:
        key: of the attribute it belongs to.
        size: in bytes.
        cut: brings it to at most so many bytes, and returns whether anything of it was lost.
    """

    key: str
    size: int
    cut: Callable[[int], bool]


def shortened(body: bytes) -> bytes | None:
    """Return a request cut to about half its size, or None if there is nothing left to cut.

    The longest texts of attributes, events, links and status are cut, down to 1 KiB each; JSON stays valid
    JSON. Where no longer text is left, lists and objects of more than 4 KiB lose their last items. The
    keys of what was cut are added to `tcc.truncated`. Ids, names, models, tokens and status codes stay.
    Each call returns fewer bytes, so that calls with their own result come to None after a few.

    Args:
        body: an encoded request, meant to hold the one span that is too large alone.

    Raises:
        google.protobuf.message.DecodeError: the bytes are no encoded request.
    """
    for find, smallest in ((_texts, SMALLEST), (_containers, SMALLEST_LIST)):
        request = ExportTraceServiceRequest.FromString(body)
        found = [
            (span, part)
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
            for part in find(span)
        ]
        sizes = [part.size for _, part in found]
        limit = max(fair_share(sizes, sum(sizes) - (len(body) + 1) // 2), smallest)
        for span, part in found:
            if part.size > limit and part.cut(limit):
                _note(span, part.key)
        # To name what was cut may take more bytes than the cut saved.
        if found and len(smaller := request.SerializeToString()) < len(body):
            return smaller
    return None


def _texts(span: Span) -> Iterator[_Part]:
    """Find the long texts and binary values of a span, at any depth."""
    size = byte_size(span.status.message)
    if size > SMALLEST:
        yield _Part(names.TCC_STATUS_MESSAGE, size, partial(_cut_status, span.status))
    for pair in _pairs(span):
        for value in _leaves(pair.value):
            size = byte_size(value.string_value) if value.HasField("string_value") else len(value.bytes_value)
            if size > SMALLEST:
                yield _Part(pair.key, size, partial(_cut_leaf, value))


def _containers(span: Span) -> Iterator[_Part]:
    """Find the long lists and objects of a span that hold no such list or object themselves."""
    for pair in _pairs(span):
        for value in _innermost(pair.value):
            yield _Part(pair.key, value.ByteSize(), partial(_cut_container, value))


def _pairs(span: Span) -> Iterator[KeyValue]:
    owners: Iterable[Iterable[KeyValue]] = (
        span.attributes,
        *(event.attributes for event in span.events),
        *(link.attributes for link in span.links),
    )
    for attributes in owners:
        for pair in attributes:
            if pair.key not in _IDENTITY:
                yield pair


def _leaves(value: AnyValue) -> Iterator[AnyValue]:
    if value.WhichOneof("value") in {"string_value", "bytes_value"}:
        yield value
    for child in _children(value):
        yield from _leaves(child)


def _innermost(value: AnyValue) -> Iterator[AnyValue]:
    inner = [found for child in _children(value) for found in _innermost(child)]
    if inner:
        yield from inner
    elif value.ByteSize() > SMALLEST_LIST and len(_children(value)) > 1:
        yield value


def _children(value: AnyValue) -> list[AnyValue]:
    if value.HasField("kvlist_value"):
        return [pair.value for pair in value.kvlist_value.values]
    return [*value.array_value.values]


def _cut_status(status: Status, limit: int) -> bool:
    status.message, was_cut = clean_text(status.message, limit)
    return was_cut


def _cut_leaf(value: AnyValue, limit: int) -> bool:
    if value.HasField("bytes_value"):
        value.bytes_value = value.bytes_value[:limit]
        return True
    value.string_value, was_cut = _cut_text(value.string_value, limit)
    return was_cut


def _cut_text(text: str, limit: int) -> tuple[str, bool]:
    """Cut text; what is a JSON list or object stays one, the texts inside of it are cut."""
    if text.lstrip()[:1] in {"[", "{"}:
        try:
            value: object = json.loads(text)
        except (ValueError, RecursionError):
            return clean_text(text, limit)
        plain, was_cut = freeze(value, limit)
        smaller, was_cut_again = to_json(plain, limit)
        return smaller, was_cut or was_cut_again
    return clean_text(text, limit)


def _cut_container(value: AnyValue, limit: int) -> bool:
    items = value.array_value.values if value.HasField("array_value") else value.kvlist_value.values
    while len(items) > 1 and value.ByteSize() > limit:
        del items[(len(items) + 1) // 2 :]
    return True


def _note(span: Span, key: str) -> None:
    """Add the key of what was cut to `tcc.truncated`."""
    noted = next((pair for pair in span.attributes if pair.key == names.TCC_TRUNCATED), None)
    if noted is None:
        noted = span.attributes.add(key=names.TCC_TRUNCATED)
    values = noted.value.array_value.values
    if all(value.string_value != key for value in values):
        values.add(string_value=key)
