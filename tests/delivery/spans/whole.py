"""Spans as one request, however large."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from contextcompany.delivery.spans.encoding import encode_within

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan

UNBOUNDED: Final = 1 << 62


class Encoded(NamedTuple):
    """The request, how many spans are in it, and how many could not be encoded."""

    body: bytes
    spans: int
    unencodable: int


def encode(spans: Sequence[ReadableSpan]) -> Encoded:
    """Encode spans into a single request; an empty body if there is none in it."""
    requests, unencodable = encode_within(spans, UNBOUNDED)
    for body, ids in requests:
        return Encoded(body, len(ids), unencodable)
    return Encoded(b"", 0, unencodable)
