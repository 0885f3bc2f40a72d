"""The two kinds of sink: an OTLP/HTTP collector, and a span exporter that the user passed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from contextcompany.delivery.spans.encoding import encode
from contextcompany.delivery.wire.transport import Outcome, Transport, Verdict
from contextcompany.diagnostics import logger
from contextcompany.sdk import SpanExportResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contextcompany.sdk import ReadableSpan, SpanExporter
    from contextcompany.settings.destination import Destination

_PROBE_SECONDS: Final = 1.0


class CollectorSink:
    """Encode batches and post them to one destination.

    The implicit local default gets spans only after what answers there has identified itself.
    """

    def __init__(self, destination: Destination, *, user_agent: str) -> None:
        self.name = destination.shown
        self._transport = Transport(destination, user_agent=user_agent)
        self._is_implicit = destination.is_implicit
        self._must_identify = self._is_implicit
        self._next_probe = 0.0
        self._said = False

    def send(self, spans: Sequence[ReadableSpan], *, timeout: float) -> Outcome:
        """Encode and post a batch."""
        if self._must_identify and not self._is_identified():
            return Outcome(Verdict.LATER)
        encoded = encode(spans)
        if encoded.unencodable and not encoded.spans:
            return Outcome(Verdict.REJECTED, f"{encoded.unencodable} spans cannot be encoded")
        outcome = self._transport.post(encoded.body, timeout=timeout)
        if outcome.verdict is not Verdict.DELIVERED:
            self._must_identify = self._is_implicit  # another program may have taken the port
        if outcome.verdict is Verdict.DELIVERED and encoded.unencodable:
            reason = f"{encoded.unencodable} spans cannot be encoded and were left out"
            return Outcome(Verdict.DELIVERED, reason, outcome.refused_spans + encoded.unencodable)
        return outcome

    def renew(self) -> None:
        """Take a fresh connection."""
        self._transport.renew()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def _is_identified(self) -> bool:
        now = time.monotonic()
        if now < self._next_probe:
            return False
        self._next_probe = now + _PROBE_SECONDS
        if self._transport.identifies_itself():
            self._must_identify = False
            return True
        if not self._said:
            self._said = True
            logger.info(
                "no destination is set and no local collector runs: spans stay in memory. "
                "Set TCC_URL to your collector, or TCC_API_KEY for the platform"
            )
        return False


class ExporterSink:
    """Give batches to a span exporter."""

    def __init__(self, exporter: SpanExporter) -> None:
        self.name = type(exporter).__name__
        self._exporter = exporter

    def send(self, spans: Sequence[ReadableSpan], *, timeout: float) -> Outcome:  # noqa: ARG002  (exporters keep their own time)
        """Export a batch; what the exporter does not take is not offered again."""
        if self._exporter.export(spans) is SpanExportResult.SUCCESS:
            return Outcome(Verdict.DELIVERED)
        return Outcome(Verdict.REJECTED, f"{self.name} did not take a batch")

    def renew(self) -> None:
        """Keep the exporter: it is the user's."""

    def close(self) -> None:
        """Shut the exporter down."""
        self._exporter.shutdown()
