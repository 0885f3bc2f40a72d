"""Spans to OTLP bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contextcompany.sdk import ReadableSpan


class Encoded(NamedTuple):
    """An `ExportTraceServiceRequest` in protobuf, what it holds, and how many spans it could not."""

    body: bytes
    spans: tuple[ReadableSpan, ...]
    unencodable: int


def encode(spans: Sequence[ReadableSpan]) -> Encoded:
    """Encode spans; one that cannot be encoded is left out and counted, its neighbours stay."""
    try:
        return Encoded(encode_spans(spans).SerializeToString(), tuple(spans), 0)
    except Exception:  # noqa: BLE001  (protobuf raises several classes, and whatever a value raises)
        good = tuple(span for span in spans if _is_encodable(span))
        body = encode_spans(good).SerializeToString() if good else b""
        return Encoded(body, good, len(spans) - len(good))


def _is_encodable(span: ReadableSpan) -> bool:
    try:
        encode_spans([span]).SerializeToString()
    except Exception:  # noqa: BLE001  (see above)
        return False
    return True
