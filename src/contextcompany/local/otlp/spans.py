"""Spans as they arrived: one frozen record per span, the same whatever encoding brought it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

AttributeValue: TypeAlias = (
    "str | bool | int | float | bytes | tuple[AttributeValue, ...] | dict[str, AttributeValue] | None"
)
"""What an attribute may hold; lists are tuples, as on the spans of the SDK."""

_KINDS: Final = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
_STATUS_CODES: Final = ("UNSET", "OK", "ERROR")
_TRACE_ID_BYTES: Final = 16
_SPAN_ID_BYTES: Final = 8


# The largest integer of a database; in nanoseconds since the epoch it is in the year 2262.
_LATEST_NS: Final = 2**63 - 1
_MOST_REASONS: Final = 3
# What a value weighs beside its characters.
_EACH: Final = 16
_MOST_SHARED: Final = 64 * 1024
_MOST_REPEATED: Final = 256 * 1024 * 1024


class MalformedBodyError(ValueError):
    """A request body, or a span in it, is not what it must be; the message says where it stops being it."""


@dataclass(slots=True)
class Refusals:
    """How many spans of a request were refused, and why the first of them were."""

    count: int = 0
    reasons: list[str] = field(default_factory=list[str])

    def add(self, reason: str) -> None:
        """Count a span that is refused."""
        self.count += 1
        if len(self.reasons) < _MOST_REASONS and reason not in self.reasons:
            self.reasons.append(reason)

    def __str__(self) -> str:
        return "; ".join(self.reasons)


@dataclass(frozen=True, slots=True)
class EventRecord:
    """Something that happened during a span; `time_ns` counts nanoseconds since the epoch."""

    name: str
    time_ns: int
    attributes: Mapping[str, AttributeValue]


@dataclass(frozen=True, slots=True)
class LinkRecord:
    """A reference to a span elsewhere; the ids are lower-case hexadecimal text."""

    trace_id: str
    span_id: str
    attributes: Mapping[str, AttributeValue]


@dataclass(frozen=True, slots=True)
class SpanRecord:
    """One span as it arrived.

    Ids are lower-case hexadecimal text, `parent_span_id` is None for a root. Times are nanoseconds since
    the epoch. `kind` is `INTERNAL`, `SERVER`, `CLIENT`, `PRODUCER`, `CONSUMER` or `UNSPECIFIED`;
    `status_code` is `UNSET`, `OK` or `ERROR`. `resource` holds the attributes of the resource.

    `wire` is the span alone as an ExportTraceServiceRequest in protobuf where it came in one, so that it can
    be kept without being written again; a record that is made in another way has none. It is no part of what
    the record says, and `replace()` leaves it out.
    """

    trace_id: str
    span_id: str
    parent_span_id: str | None
    name: str
    kind: str
    start_ns: int
    end_ns: int
    attributes: Mapping[str, AttributeValue]
    events: tuple[EventRecord, ...]
    links: tuple[LinkRecord, ...]
    status_code: str
    status_message: str
    resource: Mapping[str, AttributeValue]
    scope_name: str
    scope_version: str
    wire: bytes = field(default=b"", init=False, repr=False, compare=False)

    def came_as(self, wire: bytes) -> None:
        """Take note of the bytes that the span was read from."""
        object.__setattr__(self, "wire", wire)


@dataclass(slots=True)
class Shared:
    """What the spans of a request share, and are each kept with: so it may not be large and stand often."""

    _characters: int = 0

    def add(self, characters: int, spans: int) -> None:
        """Count resource or scope, or both.

        Args:
            characters: How long it is.
            spans: How many spans share it.

        Raises:
            MalformedBodyError: It is too long, or all of them are for so many spans.
        """
        if characters > _MOST_SHARED:
            raise MalformedBodyError(
                f"a resource or a scope is larger than {_MOST_SHARED // 1024} KiB: say less in it"
            )
        self._characters += characters * spans
        if self._characters > _MOST_REPEATED:
            raise MalformedBodyError("so many spans share so large a resource; send smaller batches")


def weight(span: SpanRecord) -> int:
    """Return about how many characters a span has, to tell large ones from small ones."""
    return (
        attributes_weight(span.attributes)
        + sum(_EACH + attributes_weight(event.attributes) for event in span.events)
        + sum(_EACH + attributes_weight(link.attributes) for link in span.links)
        + attributes_weight(span.resource)
    )


def attributes_weight(values: Mapping[str, AttributeValue]) -> int:
    """Return about how many characters attributes have, those of nested values included."""
    total = _EACH * len(values)
    for value in values.values():
        if type(value) is str:
            total += len(value)
        elif type(value) is tuple or type(value) is dict or type(value) is bytes:
            total += _inner_weight(value)
    return total


def _inner_weight(value: AttributeValue) -> int:
    """Weigh a value that may nest as deeply as the readers let it."""
    if isinstance(value, str | bytes):
        return len(value)
    if isinstance(value, tuple):
        return _EACH * len(value) + sum(map(_inner_weight, value))
    return attributes_weight(value) if isinstance(value, dict) else 0


def trace_id_text(raw: bytes) -> str:
    """Write a trace id as hexadecimal text; MalformedBodyError unless it is 16 bytes, not all zero."""
    return _id_text(raw, _TRACE_ID_BYTES, "traceId")


def span_id_text(raw: bytes) -> str:
    """Write a span id as hexadecimal text; MalformedBodyError unless it is 8 bytes, not all zero."""
    return _id_text(raw, _SPAN_ID_BYTES, "spanId")


def parent_id_text(raw: bytes) -> str | None:
    """Write the id of a parent as hexadecimal text; no id, or zeros as some exporters write, is None."""
    return _id_text(raw, _SPAN_ID_BYTES, "parentSpanId") if any(raw) else None


def moment(nanoseconds: int, field_name: str) -> int:
    """Return nanoseconds since the epoch; MalformedBodyError for what is later than the year 2262."""
    if nanoseconds > _LATEST_NS:
        raise MalformedBodyError(f"{field_name} must be nanoseconds before the year 2262, got {nanoseconds}")
    return nanoseconds


def kind_name(number: int) -> str:
    """Name a span kind; a number without a name is `UNSPECIFIED`, since enums of proto3 are open."""
    return _KINDS[number] if 0 <= number < len(_KINDS) else _KINDS[0]


def status_code_name(number: int) -> str:
    """Name a status code; a number without a name is `UNSET`, since enums of proto3 are open."""
    return _STATUS_CODES[number] if 0 <= number < len(_STATUS_CODES) else _STATUS_CODES[0]


def _id_text(raw: bytes, length: int, field: str) -> str:
    if len(raw) != length or not any(raw):
        raise MalformedBodyError(f"{field} must be {length} bytes, not all zero, got {raw[:32].hex()!r}")
    return raw.hex()
