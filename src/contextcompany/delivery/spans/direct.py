"""Ended spans written as OTLP bytes, without a message object for each of their parts.

Field numbers and types are those of `opentelemetry/proto/trace/v1/trace.proto` and
`opentelemetry/proto/common/v1/common.proto`; fields are written in the order of their numbers, and those at
their default are left out, as protobuf does. What is written for a span is what the encoder of the
OpenTelemetry exporter makes of it.
"""

from __future__ import annotations

from itertools import islice
from struct import Struct
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.trace import SpanKind, StatusCode

from contextcompany.delivery.spans.own import OwnSpan
from contextcompany.delivery.spans.protobuf import ONE_BYTE, framed, varint
from contextcompany.delivery.spans.repairing import TAKES_NONE, plain
from contextcompany.semconv.plain import LARGEST_INT, MAX_DEPTH, SMALLEST_INT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from opentelemetry.trace import Link, Status, TraceState
    from opentelemetry.util.types import AnyValue, Attributes

    from contextcompany.sdk import Event, ReadableSpan

    Add = Callable[[bytes], None]

# By identity: hashing a member of an enumeration runs Python code.
_KINDS: Final = {id(kind): bytes((0x30, kind.value + 1)) for kind in SpanKind}
_CODES: Final = {id(code): bytes((0x18, code.value)) if code.value else b"" for code in StatusCode}

_MORE: Final = len(ONE_BYTE)
_OPENINGS: Final = tuple(bytes((size + 2, 0x0A, size)) for size in range(_MORE - 2))
_LOCAL: Final = 1 << 8  # SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK
_REMOTE: Final = _LOCAL | 1 << 9  # SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK
_SPAN_FLAGS: Final = tuple(b"\x85\x01" + flags.to_bytes(4, "little") for flags in (_LOCAL, _REMOTE))
_LINK_FLAGS: Final = tuple(b"\x35" + flags.to_bytes(4, "little") for flags in (_LOCAL, _REMOTE))

_NO_STATUS: Final = b"\x7a\x00"

_DOUBLE: Final = Struct("<2sd").pack
_TIME: Final = Struct("<cQ").pack

_MOST_COUNT: Final = (1 << 32) - 1
_UNSIGNED: Final = (1 << 64) - 1
_TWO_BYTES: Final = 1 << 7  # from here on a length takes two bytes,
_THREE_BYTES: Final = 1 << 14  # and from here on three
_SHORT: Final = 64  # characters of a text that may come again
_MOST_REMEMBERED: Final = 4_096  # texts, so that a batch in which nothing repeats takes no memory for it


class UnknownValueError(Exception):
    """Something in a span has no certain form here; the slower encoder knows what to make of it."""


class DirectEncoder:
    """Write the spans of one batch; what repeats in them is written once and remembered until its end."""

    __slots__ = ("_common", "_event_attributes", "_link_attributes", "_names", "_span_attributes")

    def __init__(self) -> None:
        self._span_attributes = _Attributes(b"\x4a")
        self._event_attributes = _Attributes(b"\x1a")
        self._link_attributes = _Attributes(b"\x22")
        self._names: dict[str, bytes] = {}
        self._common: dict[int, tuple[bytes, object]] = {}

    def span(self, span: ReadableSpan) -> bytes:
        """Return a span as an encoded `opentelemetry.proto.trace.v1.Span`.

        Raises:
            Exception: any class of it, if something in the span is not what spans usually hold. That is
                no verdict on the span.
        """
        return self._own(span) if type(span) is OwnSpan else self._other(span)

    def _own(self, span: OwnSpan) -> bytes:
        """Write a span of ours past the forms in which the API shows it."""
        below = span.below
        is_remote = False
        if below is None or isinstance(below, int):
            parent_id = below
        else:
            parent_id, is_remote = below.span_id, below.is_remote
        parts = self._opening(span.trace_id, span.span_id, span.trace_state, parent_id)
        add = parts.append
        attributes = span.all_attributes()
        add(self._name(span.name))
        add(_KINDS[id(span.span_kind)])
        add(_time(b"\x39", span.began))
        add(_time(b"\x41", span.ended))
        common = span.common
        if common and list(islice(attributes.items(), len(common))) == list(common.items()):
            add(self._common_of(common))
            self._span_attributes.write(islice(attributes.items(), len(common), None), add)
        else:  # of too many attributes those of the run stand last, and others may have set one
            self._span_attributes.write(attributes.items(), add)
        if span.has_more:
            self._add_more(span, add)
        else:
            add(_NO_STATUS)
        add(_SPAN_FLAGS[is_remote])
        return b"".join(parts)

    def _other(self, span: ReadableSpan) -> bytes:
        context: Any = span.get_span_context()
        parent = span.parent
        parent_id = parent.span_id if parent else None
        parts = self._opening(context.trace_id, context.span_id, context.trace_state, parent_id)
        add = parts.append
        add(self._name(span.name))
        add(_KINDS[id(span.kind)])
        add(_time(b"\x39", span.start_time))
        add(_time(b"\x41", span.end_time))
        self._span_attributes.write(_pairs(span.attributes), add)
        self._add_more(span, add)
        add(_SPAN_FLAGS[bool(parent and parent.is_remote)])
        return b"".join(parts)

    def _opening(
        self, trace_id: int, span_id: int, state: TraceState | None, parent_id: int | None
    ) -> list[bytes]:
        parts: list[bytes] = [
            b"\x0a\x10",
            trace_id.to_bytes(16, "big"),
            b"\x12\x08",
            span_id.to_bytes(8, "big"),
        ]
        if state:
            parts.append(_text(b"\x1a", ",".join([f"{key}={value}" for key, value in state.items()])))
        if parent_id is not None:
            parts.append(b"\x22\x08" + parent_id.to_bytes(8, "big"))
        return parts

    def _add_more(self, span: ReadableSpan, add: Add) -> None:
        """Add what comes behind the attributes: events, links, what was dropped of all, the status."""
        if dropped := span.dropped_attributes:
            add(_count(b"\x50", dropped))
        for event in span.events:
            add(self._event(event))
        if dropped := span.dropped_events:
            add(_count(b"\x60", dropped))
        for link in span.links:
            add(self._link(link))
        if dropped := span.dropped_links:
            add(_count(b"\x70", dropped))
        add(_status(span.status))

    def _common_of(self, common: Mapping[str, AnyValue]) -> bytes:
        """Return the attributes that many spans of a run start with, written once."""
        found = self._common.get(id(common))
        if found is None:
            parts: list[bytes] = []
            self._span_attributes.write(common.items(), parts.append)
            # With the object itself, so that its id is given to no other meanwhile.
            found = self._common[id(common)] = b"".join(parts), common
        return found[0]

    def _name(self, name: str) -> bytes:
        if type(name) is not str:
            raise UnknownValueError
        found = self._names.get(name)
        if found is None:
            found = _text(b"\x2a", name)
            if len(name) < _SHORT and len(self._names) < _MOST_REMEMBERED:
                self._names[name] = found
        return found

    def _event(self, event: Event) -> bytes:
        parts = [_time(b"\x09", event.timestamp), _text(b"\x12", event.name)]
        self._event_attributes.write(_pairs(event.attributes), parts.append)
        if dropped := event.dropped_attributes:
            parts.append(_count(b"\x20", dropped))
        return framed(b"\x5a", b"".join(parts))

    def _link(self, link: Link) -> bytes:
        context = link.context
        parts = [
            b"\x0a\x10" + context.trace_id.to_bytes(16, "big"),
            b"\x12\x08" + context.span_id.to_bytes(8, "big"),
        ]
        self._link_attributes.write(_pairs(link.attributes), parts.append)
        if dropped := link.dropped_attributes:
            parts.append(_count(b"\x28", dropped))
        parts.append(_LINK_FLAGS[bool(context.is_remote)])
        return framed(b"\x6a", b"".join(parts))


class _Attributes:
    """Write attributes as fields of one kind of message.

    Args:
        tag: of the field that holds them.
    """

    __slots__ = ("_frames", "_keys", "_remembered", "_tag")

    def __init__(self, tag: bytes) -> None:
        self._tag = tag
        # The tag with each length of one byte.
        self._frames = tuple(tag + length for length in ONE_BYTE)
        # For each key what stands before its value, and the short texts it came with, fully written.
        # The numbers too: a status code, say, or the tokens of a prompt that stays the same.
        self._keys: dict[str, tuple[bytes, dict[str, bytes], dict[int, bytes]]] = {}
        self._remembered = 0

    def write(self, attributes: Iterable[tuple[str, Any]], add: Add) -> None:
        """Write attributes, each as a tag, a length and a `KeyValue`."""
        keys = self._keys
        for key, value in attributes:
            try:
                head, texts, numbers = keys[key]
            except KeyError:
                head, texts, numbers = self._key(key)
            if type(value) is str:
                if len(value) < _SHORT:
                    add(texts.get(value) or self._short(head, texts, value))
                    continue
                text = value.encode()
                size = len(text)
                whole = size + len(head) + 5
                if size >= _TWO_BYTES and whole < _THREE_BYTES:
                    # The lengths of text, value and attribute take two bytes each, as most do: at once.
                    add(self._tag + (whole & 127 | 128 | whole >> 7 << 8).to_bytes(2, "little"))
                    add(head)
                    inner = size + 3
                    lengths = inner & 127 | 128 | inner >> 7 << 8
                    lengths |= 0x0A0000 | (size & 127 | 128) << 24 | size >> 7 << 32
                    add(lengths.to_bytes(5, "little"))
                else:
                    opening = _text_opening(size)
                    add(self._frame(len(head) + len(opening) + size))
                    add(head)
                    add(opening)
                add(text)  # in pieces, so that a long text is copied once more and not three times
            elif type(value) is int:
                add(numbers.get(value) or self._number(head, numbers, value))
            else:
                written = _value(value, MAX_DEPTH)
                add(self._frame(len(head) + len(written)))
                add(head)
                add(written)

    def _key(self, key: str) -> tuple[bytes, dict[str, bytes], dict[int, bytes]]:
        entry: tuple[bytes, dict[str, bytes], dict[int, bytes]] = (_text(b"\x0a", key) + b"\x12", {}, {})
        if len(key) < _SHORT and self._has_room():
            self._keys[key] = entry
        return entry

    def _short(self, head: bytes, texts: dict[str, bytes], value: str) -> bytes:
        text = value.encode()
        opening = _text_opening(len(text))
        written = self._frame(len(head) + len(opening) + len(text)) + head + opening + text
        if self._has_room():
            texts[value] = written
        return written

    def _number(self, head: bytes, numbers: dict[int, bytes], value: int) -> bytes:
        number = _value(value, MAX_DEPTH)
        written = self._frame(len(head) + len(number)) + head + number
        if self._has_room():
            numbers[value] = written
        return written

    def _frame(self, size: int) -> bytes:
        return self._frames[size] if size < _MORE else self._tag + varint(size)

    def _has_room(self) -> bool:
        self._remembered += 1
        return self._remembered <= _MOST_REMEMBERED


def _pairs(attributes: Attributes) -> Iterable[tuple[str, Any]]:
    """Return attributes as pairs, if their keys are what keys usually are."""
    pairs: Any = plain(attributes).items()
    for key, _ in pairs:
        if type(key) is not str:
            raise UnknownValueError
    found: Iterable[tuple[str, Any]] = pairs
    return found


def _text_opening(size: int) -> bytes:
    """Return what stands before the bytes of a text in an `AnyValue`, from the length of that on."""
    if size < len(_OPENINGS):
        return _OPENINGS[size]
    opening = b"\x0a" + varint(size)
    return varint(len(opening) + size) + opening


def _value(value: object, depth: int) -> bytes:
    """Return an `AnyValue` with its length before it.

    Args:
        value: the value.
        depth: how many containers there may be inside each other.
    """
    kind = type(value)
    given: Any = value
    if kind is int and SMALLEST_INT <= given <= LARGEST_INT:
        number = varint(given & _UNSIGNED)
        return ONE_BYTE[1 + len(number)] + b"\x18" + number
    if kind is str:
        text: bytes = given.encode()
        return _text_opening(len(text)) + text  # within a oneof an empty text is not left out
    if kind is float:
        return _DOUBLE(b"\x09\x21", given)
    if kind is bool:
        return b"\x02\x10\x01" if given else b"\x02\x10\x00"
    if value is None and TAKES_NONE:
        return b"\x00"
    content = _other_value(value, depth)
    return varint(len(content)) + content


def _other_value(value: object, depth: int) -> bytes:
    kind = type(value)
    given: Any = value
    if depth and (kind is tuple or kind is list):
        return framed(b"\x2a", b"".join([b"\x0a" + _value(item, depth - 1) for item in given]))
    if depth and kind is dict:
        return framed(b"\x32", b"".join([_pair(key, item, depth - 1) for key, item in given.items()]))
    if kind is bytes:
        return framed(b"\x3a", given)
    raise UnknownValueError


def _pair(key: object, value: object, depth: int) -> bytes:
    return framed(b"\x0a", _text(b"\x0a", key) + b"\x12" + _value(value, depth))


def _text(tag: bytes, value: object) -> bytes:
    if type(value) is not str:
        raise UnknownValueError
    return framed(tag, value.encode()) if value else b""


def _time(tag: bytes, value: object) -> bytes:
    if type(value) is int:
        return _TIME(tag, value) if value else b""
    if value is None:
        return b""
    raise UnknownValueError


def _count(tag: bytes, value: object) -> bytes:
    if type(value) is not int or not 0 < value <= _MOST_COUNT:
        raise UnknownValueError
    return tag + varint(value)


def _status(status: Status) -> bytes:
    description = status.description
    code = _CODES[id(status.status_code)]
    return framed(b"\x7a", code if description is None else _text(b"\x12", description) + code)
