"""Spans to OTLP bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from contextcompany.delivery.spans.assembling import Assembly, Group, Request
from contextcompany.delivery.spans.direct import DirectEncoder
from contextcompany.delivery.spans.own import OwnSpan
from contextcompany.delivery.spans.probe import takes_direct
from contextcompany.delivery.spans.reference import encoded_span
from contextcompany.delivery.spans.repairing import is_whole, repaired

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contextcompany.sdk import ReadableSpan


class Requests(NamedTuple):
    """Encoded requests of a bounded size.

    Attributes:
        requests: in the order of their spans; none if there is no span.
        unencodable: how many of the given spans could not be encoded and are in none of them.
    """

    requests: list[Request]
    unencodable: int


def encode_within(spans: Sequence[ReadableSpan], most: int) -> Requests:
    """Encode spans as the OpenTelemetry exporter does, into requests of at most `most` bytes each.

    What that exporter would not take is repaired first. A span that cannot be repaired (without ids,
    say) is left out and counted; its neighbours stay. A span that is larger than a request may be
    stays alone in one that is too large. Never raises for what is in a span, and never logs it.

    Args:
        spans: the spans of a batch.
        most: bytes.
    """
    assembly = Assembly()
    direct = DirectEncoder() if takes_direct() else None
    unencodable = 0
    for span in spans:
        try:
            group = assembly.group(span)
            written = _directly(direct, span) or _carefully(span, group)
            group.spans.append((_span_id(span), written))
        except Exception:  # noqa: BLE001  (whatever a value raises)
            unencodable += 1
    return Requests(list(assembly.requests(most)), unencodable)


def _span_id(span: ReadableSpan) -> int:
    if type(span) is OwnSpan:
        return span.span_id
    context: Any = span.context
    span_id: int = context.span_id
    return span_id


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
