"""The two kinds of sink: an OTLP/HTTP collector, and a span exporter that the user passed."""

from __future__ import annotations

import time
from collections import Counter
from functools import cache, partial
from typing import TYPE_CHECKING, Final, Protocol

from contextcompany import imports
from contextcompany.delivery.outbox.parcel import Parcel
from contextcompany.delivery.spans.own import OwnSpan
from contextcompany.delivery.spans.pricing import forget_loading, load_prices
from contextcompany.delivery.spans.rebuild import rebuilt
from contextcompany.delivery.wire.outcomes import Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from contextcompany.delivery.outbox.entry import Entry, Prepare, Receipt
    from contextcompany.delivery.spans.encoding import Requests
    from contextcompany.delivery.wire.transport import Transport
    from contextcompany.sdk import ReadableSpan, SpanExporter
    from contextcompany.settings.destination import Destination

    Packed = tuple[list[Parcel], Counter[str]]

UNENCODABLE: Final = "cannot be encoded"

_MOST_BYTES: Final = 4 << 20
_LEAST_BYTES: Final = 64 << 10
# How long the redaction of one batch may take before what is done goes on its way.
_PREPARE_SECONDS: Final = 0.1


class Sink(Protocol):
    """What an outbox packs and sends by."""

    name: str
    """The destination, as it may be logged."""

    acceptances: int
    """How many requests were taken so far."""

    @property
    def must_identify(self) -> bool:
        """Return whether `identify()` comes before anything is sent."""
        ...

    def warm_up(self) -> None:
        """Load what packing needs."""
        ...

    def identify(self) -> bool:
        """Return whether what answers there is the local collector of this package."""
        ...

    def prepared(self, batch: Sequence[Entry]) -> list[ReadableSpan]:
        """Return the spans of the first entries as they leave; at least one, and as many as time allows."""
        ...

    def pack(self, batch: Sequence[Entry], spans: Sequence[ReadableSpan]) -> Packed:
        """Return parcels with prepared spans of entries, and how many could not be packed, by reason."""
        ...

    def send(self, parcel: Parcel, *, timeout: float) -> Outcome:
        """Send a parcel and tell the true outcome; never raises for a network reason."""
        ...

    def halves(self, parcel: Parcel) -> tuple[Parcel, Parcel] | None:
        """Return two parcels with about half of the spans each, or None for a single span."""
        ...

    def shortened(self, parcel: Parcel) -> Parcel | None:
        """Return a parcel of a single span cut to about half its size, or None at the minimum."""
        ...

    def renew(self) -> None:
        """Forget what a fork must not share."""
        ...

    def close(self) -> None:
        """Release what is held."""
        ...


class _Preparing:
    """Prepare the spans of a batch in the background.

    Args:
        prepare: what happens to a span before it leaves, its price and its redaction, where its entry
            says nothing else.
    """

    def __init__(self, prepare: Prepare | None) -> None:
        self._prepare = prepare

    def renew(self) -> None:
        """Forget what a fork must not share."""
        forget_loading()

    def warm_up(self) -> None:
        """Load what packing needs: the price list, which takes long."""
        if self._prepare is not None:
            load_prices()

    def prepared(self, batch: Sequence[Entry]) -> list[ReadableSpan]:
        """Return the spans of the first entries as they leave; at least one, and as many as time allows."""
        until = time.monotonic() + _PREPARE_SECONDS
        spans: list[ReadableSpan] = []
        for entry in batch:
            prepare = entry.prepare or self._prepare
            spans.append(entry.span if prepare is None else prepare(entry.span))
            if time.monotonic() > until:
                break
        return spans


class CollectorSink(_Preparing):
    """Encode batches and post them to one destination.

    What does that is loaded by the first who needs it, in the background: no first run waits for it. The
    implicit local default gets spans only after what answers there has identified itself.

    Args:
        destination: where to.
        user_agent: how requests name their sender.
        prepare: what happens to each span before it leaves: its price, its redaction.
        proxies: whether requests go through the proxies that the environment names.
        ca_bundle: a file or folder of certificates to trust instead of the usual ones.
    """

    def __init__(
        self,
        destination: Destination,
        *,
        user_agent: str,
        prepare: Prepare | None = None,
        proxies: bool = False,
        ca_bundle: str | None = None,
    ) -> None:
        super().__init__(prepare)
        self.name = destination.shown
        self.acceptances = 0
        self._connect = partial(
            _transport,
            destination,
            user_agent=user_agent,
            use_environment_proxies=proxies,
            ca_bundle=ca_bundle,
        )
        self._connected: Transport | None = None
        self._is_implicit = destination.is_implicit
        self._must_identify = self._is_implicit
        self._most_bytes = _MOST_BYTES

    @property
    def must_identify(self) -> bool:
        """Return whether nobody has identified themselves at the implicit destination yet."""
        return self._must_identify

    def warm_up(self) -> None:
        """Load what packing and sending need, which takes long."""
        _encode_within()
        self._transport()
        super().warm_up()

    def identify(self) -> bool:
        """Return whether what answers there is the local collector of this package."""
        self._must_identify = not self._transport().identifies_itself()
        return not self._must_identify

    def pack(self, batch: Sequence[Entry], spans: Sequence[ReadableSpan]) -> Packed:
        """Encode spans into requests of a bounded size."""
        requests, unencodable = _encode_within()(spans, self._most_bytes)
        lost = Counter({UNENCODABLE: unencodable} if unencodable else {})
        receipts = _receipts(batch)
        return [_parcel(body, len(ids), _among(receipts, ids)) for body, ids in requests], lost

    def send(self, parcel: Parcel, *, timeout: float) -> Outcome:
        """Post a parcel."""
        outcome = self._transport().post(parcel.body, timeout=timeout)
        if outcome.verdict is Verdict.TOO_LARGE and parcel.spans > 1:
            # What the collector refused for its size is not made again.
            self._most_bytes = min(self._most_bytes, max(len(parcel.body) // 2, _LEAST_BYTES))
        if outcome.verdict is not Verdict.DELIVERED:
            self._must_identify = self._is_implicit  # another program may have taken the port
        return outcome

    def halves(self, parcel: Parcel) -> tuple[Parcel, Parcel] | None:
        """Return two parcels with about half of the spans each, or None for a single span."""
        with imports.gate:
            from contextcompany.delivery.spans.requests import halves

        bodies = halves(parcel.body)
        if bodies is None:
            return None
        first, second = (_part(parcel, body) for body in bodies)
        return first, second

    def shortened(self, parcel: Parcel) -> Parcel | None:
        """Return a parcel of a single span cut to about half its size, or None at the minimum."""
        with imports.gate:
            from contextcompany.delivery.spans.shortening import shortened

        body = shortened(parcel.body)
        return None if body is None else _part(parcel, body)

    def renew(self) -> None:
        """Take a fresh connection."""
        super().renew()
        if self._connected is not None:
            self._connected.renew()

    def close(self) -> None:
        """Close the connections."""
        if self._connected is not None:
            self._connected.close()

    def _transport(self) -> Transport:
        if self._connected is None:
            with imports.gate:
                if self._connected is None:
                    self._connected = self._connect()
        return self._connected


class ExporterSink(_Preparing):
    """Give batches to a span exporter of the user, which keeps its own time.

    What the exporter does not take is not offered again: it may have tried already.
    """

    must_identify = False

    def __init__(self, exporter: SpanExporter, *, prepare: Prepare | None = None) -> None:
        super().__init__(prepare)
        self.name = type(exporter).__name__
        self.acceptances = 0
        self._exporter = exporter

    def identify(self) -> bool:
        """Return True: the user named it."""
        return True

    def pack(self, batch: Sequence[Entry], spans: Sequence[ReadableSpan]) -> Packed:
        """Return the spans of a batch as one parcel, in the form in which the SDK hands them to exporters."""
        parcel = Parcel(
            spans=len(batch),
            size=sum(entry.size for entry in batch),
            items=tuple(rebuilt(span) if type(span) is OwnSpan else span for span in spans),
            receipts=_receipts(batch),
            born=time.monotonic(),
        )
        return [parcel], Counter()

    def send(self, parcel: Parcel, *, timeout: float) -> Outcome:  # noqa: ARG002  (exporters keep their own time)
        """Export the spans of a parcel."""
        from contextcompany.sdk import SpanExportResult

        if self._exporter.export(parcel.items) is SpanExportResult.SUCCESS:
            return Outcome(Verdict.DELIVERED)
        return Outcome(Verdict.REJECTED, f"{self.name} did not take a batch")

    def halves(self, parcel: Parcel) -> None:
        """Return None: an exporter takes a batch or does not."""

    def shortened(self, parcel: Parcel) -> None:
        """Return None: an exporter takes a batch or does not."""

    def close(self) -> None:
        """Shut the exporter down."""
        self._exporter.shutdown()


@cache
def _encode_within() -> Callable[[Sequence[ReadableSpan], int], Requests]:
    with imports.gate:
        from contextcompany.delivery.spans.encoding import encode_within

    return encode_within


def _transport(
    destination: Destination, *, user_agent: str, use_environment_proxies: bool, ca_bundle: str | None
) -> Transport:
    from contextcompany.delivery.wire.transport import Transport

    return Transport(
        destination,
        user_agent=user_agent,
        use_environment_proxies=use_environment_proxies,
        ca_bundle=ca_bundle,
    )


def _receipts(batch: Sequence[Entry]) -> dict[int, Receipt]:
    return {
        entry.span.context.span_id: entry.receipt
        for entry in batch
        if entry.receipt is not None and entry.span.context is not None
    }


def _among(receipts: Mapping[int, Receipt], ids: Sequence[int]) -> dict[int, Receipt]:
    """Return the receipts of these spans."""
    return {span_id: receipts[span_id] for span_id in ids if span_id in receipts} if receipts else {}


def _parcel(body: bytes, spans: int, receipts: Mapping[int, Receipt]) -> Parcel:
    return Parcel(spans=spans, size=len(body), body=body, receipts=receipts, born=time.monotonic())


def _part(whole: Parcel, body: bytes) -> Parcel:
    with imports.gate:
        from contextcompany.delivery.spans.requests import span_ids

    ids = span_ids(body)
    part = _parcel(body, len(ids), _among(whole.receipts, ids))
    part.is_own = whole.is_own
    part.number = whole.number
    part.refused_at = whole.refused_at
    return part
