"""Spans to OTLP bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

from contextcompany.delivery.spans.repairing import Origins, is_whole, repaired

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


def encode(spans: Sequence[ReadableSpan]) -> Encoded:
    """Encode spans as the OpenTelemetry exporter does; what it would not take is repaired first.

    A span that cannot be repaired (without ids, say) is left out and counted; its neighbours stay. Never
    raises for what is in a span, and never logs it.
    """
    origins = Origins()
    ready = [copy for span in spans if (copy := _prepared(span, origins)) is not None]
    try:
        body = _body(ready)
    except Exception:  # noqa: BLE001  (protobuf raises several classes, and whatever a value raises)
        ready = [copy for span in ready if (copy := _encodable(span)) is not None]
        body = _body(ready)
    return Encoded(body, len(ready), len(spans) - len(ready))


def _body(spans: Sequence[ReadableSpan]) -> bytes:
    return encode_spans(spans).SerializeToString()


def _prepared(span: ReadableSpan, origins: Origins) -> ReadableSpan | None:
    """Return the span if its attributes can be encoded, else repaired, or None if that fails."""
    try:
        return span if is_whole(span) and origins.are_whole(span) else repaired(span)
    except Exception:  # noqa: BLE001  (whatever a value raises)
        return None


def _encodable(span: ReadableSpan) -> ReadableSpan | None:
    """Return the span if it can be encoded alone, else repaired, or None if that fails."""
    for prepare in (_unchanged, repaired):
        try:
            copy = prepare(span)
            _body([copy])
        except Exception:  # noqa: BLE001, S112  (as above; what is left out is counted)
            continue
        return copy
    return None


def _unchanged(span: ReadableSpan) -> ReadableSpan:
    return span
