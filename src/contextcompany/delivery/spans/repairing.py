"""Spans with something in them that the OpenTelemetry encoder does not take, made encodable.

That encoder fails for the whole batch where a name, a status or a time is bad. For a bad attribute it logs a
traceback with the value in it and leaves the attribute out. So bad attributes are found before it sees them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, cast

from opentelemetry.exporter.otlp.proto.common.version import __version__ as encoder_version
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanKind, Status

from contextcompany.sdk import Event, ReadableSpan, Resource
from contextcompany.semconv import attributes as names
from contextcompany.semconv.plain import LARGEST_INT, MAX_DEPTH, SMALLEST_INT
from contextcompany.semconv.values import attribute_value, clean_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.util.types import Attributes

TAKES_NONE: Final = tuple(map(int, encoder_version.split(".")[:2])) >= (1, 43)
"""Whether the encoder takes None for a value."""

_LATEST_TIME: Final = (1 << 64) - 1
_LONGEST_KEY: Final = 1 << 10


def is_whole(span: ReadableSpan) -> bool:
    """Return whether the encoder takes every attribute of a span with its events and links.

    It may still refuse the span for its name, its status, its times or its ids.
    """
    return (
        _is_whole(span.attributes)
        and all(_is_whole(event.attributes) for event in span.events)
        and all(_is_whole(link.attributes) for link in span.links)
    )


def repaired(span: ReadableSpan) -> ReadableSpan:
    """Return a copy of a span in which everything can be encoded; what could be before is unchanged.

    Lone surrogates become U+FFFD, integers beyond 64 bit their digits, values without a form in OTLP the
    text that a setter would have made of them. Times outside of the range become its nearest end. The
    given span is not touched.
    """
    cut: set[str] = set()
    attributes = _repaired(span.attributes, cut)
    events = [_event(event, cut) for event in span.events]
    links = [_link(link, cut) for link in span.links]
    status = _status(span.status, cut)
    if cut:
        earlier: Any = attributes.get(names.TCC_TRUNCATED)
        if type(earlier) in {list, tuple}:
            cut.update(key for key in earlier if isinstance(key, str))
        attributes[names.TCC_TRUNCATED] = sorted(cut)
    copy = _Repaired(
        name=_text(span.name),
        context=span.context,
        parent=span.parent,
        resource=whole_resource(span.resource),
        attributes=attributes,
        events=events,
        links=links,
        kind=span.kind if isinstance(span.kind, SpanKind) else SpanKind.INTERNAL,
        status=status,
        start_time=_time(span.start_time),
        end_time=_time(span.end_time),
        instrumentation_scope=whole_scope(span.instrumentation_scope),
    )
    copy.counts = (span.dropped_attributes, span.dropped_events, span.dropped_links)
    return copy


def whole_resource(resource: Resource) -> Resource:
    """Return a resource if the encoder takes all of it, else a copy in which everything can be encoded."""
    if _is_whole_resource(resource):
        return resource
    return Resource(_repaired(resource.attributes, set(), _is_scalar), _text(resource.schema_url))


def whole_scope(scope: InstrumentationScope | None) -> InstrumentationScope | None:
    """Return a scope if the encoder takes all of it, else a copy in which everything can be encoded."""
    if scope is None or _is_whole_scope(scope):
        return scope
    version, schema_url = scope.version, scope.schema_url
    return InstrumentationScope(
        _text(scope.name),
        version if version is None else _text(version),
        schema_url if schema_url is None else _text(schema_url),
        _repaired(scope.attributes, set(), _is_scalar),
    )


def plain(attributes: Attributes) -> dict[object, object]:
    """Return attributes as a dict."""
    # The SDK's mapping is several times faster copied than read: it locks and looks up key by key.
    mapping: Any = attributes or {}
    return mapping.copy() if hasattr(mapping, "copy") else dict(mapping)


class _Repaired(ReadableSpan):
    """A span whose attributes are a plain dict; the SDK's own class would clean, and drop, once more."""

    counts: tuple[int, int, int]

    @property
    def dropped_attributes(self) -> int:
        return self.counts[0]

    @property
    def dropped_events(self) -> int:
        return self.counts[1]

    @property
    def dropped_links(self) -> int:
        return self.counts[2]


class _RepairedEvent(Event):
    count: int

    @property
    def dropped_attributes(self) -> int:
        return self.count


class _RepairedLink(Link):
    count: int

    @property
    def dropped_attributes(self) -> int:
        return self.count


def _status(status: Status, cut: set[str]) -> Status:
    if status.description is None or _is_text(status.description):
        return status
    description, was_cut = clean_text(status.description)
    cut |= {names.TCC_STATUS_MESSAGE} if was_cut else set()
    return Status(status.status_code, description)


def _event(event: Event, cut: set[str]) -> Event:
    copy = _RepairedEvent(_text(event.name), _repaired(event.attributes, cut), _time(event.timestamp) or 0)
    copy.count = event.dropped_attributes
    return copy


def _link(link: Link, cut: set[str]) -> Link:
    copy = _RepairedLink(link.context, _repaired(link.attributes, cut))
    copy.count = link.dropped_attributes
    return copy


def _repaired(
    attributes: Attributes, cut: set[str], is_kept: Callable[[object], bool] | None = None
) -> dict[str, Any]:
    """Return attributes with the bad keys and values repaired; add the keys of those that had to be cut."""
    given = plain(attributes)
    taken: set[object] = {key for key in given if _is_text(key)}
    kept: dict[str, Any] = {}
    for name, value in given.items():
        if _is_text(name):
            key = str.__str__(cast("str", name))
        else:
            key = clean_text(name, _LONGEST_KEY)[0]
            while key in taken:
                key += "\ufffd"
            taken.add(key)
        kept[key] = value
        if not (is_kept or _is_value)(value):
            kept[key], was_cut = ("null", False) if value is None else attribute_value(value)
            if was_cut:
                cut.add(key)
    return kept


def _is_whole(attributes: Attributes) -> bool:
    if not attributes:
        return True
    for key, value in plain(attributes).items():
        # The usual values first, without a call: this runs for every attribute of every span.
        is_plain = (
            (type(value) is str and value.isascii())
            or (type(value) is int and SMALLEST_INT <= value <= LARGEST_INT)
            or type(value) is bool
            or type(value) is float
        )
        if not is_plain and not _is_value(value):
            return False
        if not (type(key) is str and key.isascii()) and not _is_text(key):
            return False
    return True


def _is_whole_resource(resource: Resource) -> bool:
    try:
        hash(resource)  # the encoder groups by it, and it fails for values that JSON does not know
    except Exception:  # noqa: BLE001  (json raises several classes, and whatever a value raises)
        return False
    return _is_text(resource.schema_url) and _is_whole(resource.attributes)


def _is_whole_scope(scope: InstrumentationScope | None) -> bool:
    if scope is None:
        return True
    texts = (scope.name, scope.version or "", scope.schema_url or "")
    return all(map(_is_text, texts)) and _is_whole(scope.attributes)


# Objects are asked for their class by `type`: what `isinstance` reads, `__class__`, may raise.


def _is_text(value: object) -> bool:
    """Tell whether a value is text without lone surrogates."""
    if not issubclass(type(value), str):
        return False
    text: Any = value
    if str.isascii(text):
        return True
    try:
        str.encode(text)
    except UnicodeEncodeError:
        return False
    return True


def _is_scalar(value: object) -> bool:
    if issubclass(type(value), int):
        number: Any = value
        return SMALLEST_INT <= int.__int__(number) <= LARGEST_INT
    return issubclass(type(value), float) or _is_text(value)


def _is_value(value: object, depth: int = MAX_DEPTH) -> bool:
    """Tell whether the encoder takes a value whole, and every receiver parses what it makes of it."""
    if value is None:
        return TAKES_NONE
    held: Any = value
    if type(value) is tuple or type(value) is list:
        return depth > 0 and all(_is_value(item, depth - 1) for item in held)
    if type(value) is dict:
        return depth > 0 and all(_is_text(key) and _is_value(item, depth - 1) for key, item in held.items())
    return type(value) is bytes or _is_scalar(value)


def _text(value: str) -> str:
    return value if _is_text(value) else clean_text(value)[0]


def _time(value: object) -> int | None:
    """Return nanoseconds since the epoch as OTLP can hold them."""
    if value is None:
        return None
    if type(value) is float and math.isfinite(value):
        value = int(value)
    return min(max(value, 0), _LATEST_TIME) if type(value) is int else 0
