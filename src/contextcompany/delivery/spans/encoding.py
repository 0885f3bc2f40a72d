"""Spans to OTLP bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from contextcompany.delivery.spans.assembling import Assembly, Group, Request
from contextcompany.delivery.spans.direct import DirectEncoder
from contextcompany.delivery.spans.probe import takes_direct
from contextcompany.delivery.spans.reference import encoded_span
from contextcompany.delivery.spans.repairing import is_whole, repaired

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contextcompany.sdk import ReadableSpan


class Encoded(NamedTuple):
    """An encoded `ExportTraceServiceRequest`.

    Attributes:
        body: the request in protobuf; empty if there is no span in it.
        spans: how many spans are in it.
        unencodable: how many of the given spans could not be encoded and are not in it.
    """

    body: bytes
    spans: int
    unencodable: int


class Requests(NamedTuple):
    """Encoded requests of a bounded size.

    Attributes:
        requests: in the order of their spans; none if there is no span.
        unencodable: how many of the given spans could not be encoded and are in none of them.
    """

    requests: list[Request]
    unencodable: int


def encode(spans: Sequence[ReadableSpan]) -> Encoded:
    """Encode spans as the OpenTelemetry exporter does; what it would not take is repaired first.

    A span that cannot be repaired (without ids, say) is left out and counted; its neighbours stay. Never
    raises for what is in a span, and never logs it.
    """
    assembly, unencodable = _assembled(spans)
    for request in assembly.requests():
        return Encoded(request.body, len(request.span_ids), unencodable)
    return Encoded(b"", 0, unencodable)


def encode_within(spans: Sequence[ReadableSpan], most: int) -> Requests:
    """Encode spans as `encode` does, into requests of at most `most` bytes each.

    A span that is larger than that stays alone in a request that is too large.

    Args:
        spans: the spans of a batch.
        most: bytes.
    """
    assembly, unencodable = _assembled(spans)
    return Requests(list(assembly.requests(most)), unencodable)


def _assembled(spans: Sequence[ReadableSpan]) -> tuple[Assembly, int]:
    """Return the encoded spans, and how many could not be encoded."""
    assembly = Assembly()
    direct = DirectEncoder() if takes_direct() else None
    unencodable = 0
    for span in spans:
        try:
            group = assembly.group(span)
            written = _directly(direct, span) or _carefully(span, group)
            context: Any = span.context
            group.spans.append((context.span_id, written))
        except Exception:  # noqa: BLE001  (whatever a value raises)
            unencodable += 1
    return assembly, unencodable


def _directly(direct: DirectEncoder | None, span: ReadableSpan) -> bytes | None:
    """Return the encoded span, or None if the direct encoder is not the one to judge it."""
    if direct is None:
        return None
    try:
        return direct.span(span)
    except Exception:  # noqa: BLE001  (it stops at whatever it does not know; nothing is lost by that)
        return None


def _carefully(span: ReadableSpan, group: Group) -> bytes:
    """Return the span as OpenTelemetry encodes it, repaired where that encoder would not take it."""
    # That encoder logs what is bad in a resource, too, so it gets one that the group found whole.
    if group.resource is span.resource and group.scope is span.instrumentation_scope and is_whole(span):
        try:
            return encoded_span(span)
        except Exception:  # noqa: BLE001, S110  (protobuf raises several classes; the repair takes it)
            pass
    return encoded_span(repaired(span))
