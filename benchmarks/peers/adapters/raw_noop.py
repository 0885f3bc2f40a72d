"""The same spans as raw's, thrown away at their end: what the SDK costs without any delivery."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.peers.adapters.raw import recorder

if TYPE_CHECKING:
    from benchmarks.peers.recorder import Recorder


def setup(url: str) -> Recorder:
    """See `benchmarks.peers.adapters`; nothing goes to the URL."""
    del url
    from opentelemetry.sdk.trace import SpanProcessor

    return recorder(SpanProcessor())
