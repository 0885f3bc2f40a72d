"""The two sinks: a collector, which at the default must say who it is, and an exporter of the user."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext, Status, StatusCode

from contextcompany.delivery.outbox import sinks
from contextcompany.delivery.outbox.entry import Entry, Receipt
from contextcompany.delivery.outbox.sinks import UNENCODABLE, CollectorSink, ExporterSink
from contextcompany.delivery.wire.outcomes import Outcome, Verdict
from contextcompany.local.embedded.collector import Collector
from contextcompany.settings.destination import Destination, Source
from tests.delivery.sinks import bare_span, packed_by
from tests.delivery.spool.otlp import names_in
from tests.handmade import STEP, ended_span
from tests.interpreter import python
from tests.loopback import Answer, LoopbackServer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contextcompany.delivery.outbox.parcel import Parcel
    from contextcompany.delivery.outbox.sinks import Sink

SPAN = ended_span("chat", STEP)
SURROGATE = ended_span("of another", status=Status(StatusCode.ERROR, "\ud800"))
# No trace id of OTLP has more than 16 bytes.
UNENCODABLE_SPAN = ReadableSpan("broken", context=SpanContext(1 << 200, 5, is_remote=False))


def sink(url: str = "http://127.0.0.1:9", source: Source = Source.OURS) -> CollectorSink:
    """Return a sink for the collector at a base URL."""
    return CollectorSink(Destination(f"{url}/v1/traces", source), user_agent="test")


def entries(*spans: ReadableSpan) -> list[Entry]:
    """Return entries for which nobody waits."""
    return [Entry(span, None) for span in spans]


def packed(target: CollectorSink | ExporterSink, *spans: ReadableSpan) -> Parcel:
    """Return the one parcel that spans become."""
    (parcel,), lost = packed_by(target, entries(*spans))
    assert lost == Counter()
    return parcel


def test_a_batch_becomes_a_request() -> None:
    """All spans of a batch are in one parcel, in order, with those who wait for them."""
    receipts = [Receipt(), None, Receipt()]
    spans = [bare_span(name) for name in "abc"]
    target = sink()
    (parcel,), lost = packed_by(target, [Entry(*pair) for pair in zip(spans, receipts, strict=True)])
    assert (parcel.spans, names_in(parcel.body), parcel.size) == (3, ["a", "b", "c"], len(parcel.body))
    assert list(parcel.receipts.values()) == [receipts[0], receipts[2]]
    assert (parcel.items, parcel.file, parcel.is_own, lost) == ((), None, True, Counter())
    target.close()


def test_a_large_batch_becomes_several_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """No request is larger than 4 MiB, order and receipts are kept, and nothing is missing."""
    monkeypatch.setattr(sinks, "_MOST_BYTES", 10_000)
    receipts = [Receipt() for _ in range(5)]
    spans = [bare_span(str(number), "x" * 3_000) for number in range(5)]
    target = sink()
    parcels, lost = packed_by(target, [Entry(*pair) for pair in zip(spans, receipts, strict=True)])
    assert [names_in(parcel.body) for parcel in parcels] == [["0", "1", "2"], ["3", "4"]]
    assert [parcel.spans for parcel in parcels] == [3, 2]
    assert [list(parcel.receipts.values()) for parcel in parcels] == [receipts[:3], receipts[3:]]
    assert (max(parcel.size for parcel in parcels) <= 10_000, lost) == (True, Counter())
    target.close()


def test_spans_are_prepared_in_the_background() -> None:
    """Each span leaves as it was prepared: priced, redacted."""
    target = CollectorSink(
        Destination("http://127.0.0.1:9/v1/traces", Source.OURS),
        user_agent="test",
        prepare=lambda span: bare_span(f"prepared {span.name}"),
    )
    assert names_in(packed(target, bare_span("a"), bare_span("b")).body) == ["prepared a", "prepared b"]
    target.close()


def test_a_text_that_cannot_travel_is_repaired() -> None:
    """A span with a lone surrogate is sent, and so are its neighbours."""
    target = sink()
    assert names_in(packed(target, SPAN, SURROGATE, SPAN).body) == ["chat", "of another", "chat"]
    target.close()


def test_a_span_that_cannot_be_encoded() -> None:
    """Its neighbours are packed, and it is counted as lost; alone it makes no parcel."""
    target = sink()
    (parcel,), lost = packed_by(target, entries(SPAN, UNENCODABLE_SPAN, SPAN))
    assert (names_in(parcel.body), parcel.spans, lost) == (["chat", "chat"], 2, Counter({UNENCODABLE: 1}))
    assert packed_by(target, entries(UNENCODABLE_SPAN)) == ([], Counter({UNENCODABLE: 1}))
    target.close()


def test_a_receipt_goes_with_its_span() -> None:
    """Who waits for a span that could not be encoded is not told that it went with its neighbours."""
    target, kept, lost = sink(), Receipt(), Receipt()
    (parcel,), _ = packed_by(target, [Entry(SPAN, kept), Entry(UNENCODABLE_SPAN, lost)])
    parcel.settle(delivered=True)
    assert (kept.delivered, lost.delivered) == (True, False)
    target.close()


def test_a_named_collector_is_not_asked_who_it_is() -> None:
    """Where somebody named the destination, spans go there without further questions."""
    for source in (Source.OURS, Source.PLATFORM, Source.OTEL):
        with LoopbackServer() as server:
            target = sink(server.url, source)
            assert target.must_identify is False
            assert target.send(packed(target, SPAN), timeout=10.0) == Outcome(Verdict.DELIVERED)
            target.close()
            assert [(request.method, request.path) for request in server.requests] == [("POST", "/v1/traces")]
            assert server.requests[0].span_names == ["chat"]


def test_the_implicit_default_takes_our_collector() -> None:
    """At the default, a collector that identifies itself gets the spans, and is asked once."""
    with Collector(record_requests=True) as collector:
        target = sink(collector.url, Source.LOCAL)
        assert target.must_identify is True
        assert target.identify() is True
        for _ in range(2):
            assert target.must_identify is False
            assert target.send(packed(target, SPAN), timeout=10.0) == Outcome(Verdict.DELIVERED)
        target.close()
        assert [(request.method, request.path) for request in collector.requests] == [
            ("GET", "/healthz"),
            ("POST", "/v1/traces"),
            ("POST", "/v1/traces"),
        ]


STRANGERS = {
    "another collector": Answer(200, b"{}"),
    "a web page": Answer(200, b"<html></html>"),
    "another service": Answer(200, json.dumps({"service": "shop"}).encode()),
    "nothing there": Answer(404),
    "a redirect": Answer(302, headers=(("Location", "/"),)),
    "a broken answer": Answer(200, b'{"service"', length=1_000),
    "no gzip": Answer(200, b"plain", (("Content-Encoding", "gzip"),)),
}


@pytest.mark.parametrize("answer", STRANGERS.values(), ids=STRANGERS.keys())
def test_the_implicit_default_knows_strangers(answer: Answer) -> None:
    """Whoever else answers there is not our collector; nobody who listens gets a span by being asked."""
    with LoopbackServer(answer) as server:
        target = sink(server.url, Source.LOCAL)
        assert target.identify() is False
        assert target.must_identify is True
        target.close()
        assert [(request.method, request.path) for request in server.requests] == [("GET", "/healthz")]


def test_the_implicit_default_where_nobody_listens() -> None:
    """Nobody is there until a collector of ours starts."""
    with Collector() as collector:
        port = collector.port
    target = sink(f"http://127.0.0.1:{port}", Source.LOCAL)
    assert (target.identify(), target.must_identify) == (False, True)
    with Collector(port=port):
        assert (target.identify(), target.must_identify) == (True, False)
    target.close()


def test_the_implicit_default_asks_again_after_an_outage() -> None:
    """Who answers after a failure has to say who it is: another program may have taken the port."""
    with Collector() as collector:
        target = sink(collector.url, Source.LOCAL)
        assert target.identify() is True
        assert target.send(packed(target, SPAN), timeout=10.0) == Outcome(Verdict.DELIVERED)
    assert target.send(packed(target, SPAN), timeout=10.0).verdict is Verdict.LATER
    assert target.must_identify is True
    target.close()


def test_a_named_collector_is_not_asked_after_an_outage() -> None:
    """A failure of a collector that somebody named raises no question of who it is."""
    with LoopbackServer(Answer(503)) as server:
        target = sink(server.url)
        assert target.send(packed(target, SPAN), timeout=10.0).verdict is Verdict.LATER
        assert target.must_identify is False
        target.close()


def test_what_is_too_large_is_not_made_again() -> None:
    """After a 413 the next batches are packed into requests of half the size that was refused."""
    with LoopbackServer(Answer(413), Answer(413), Answer(200)) as server:
        target = sink(server.url)
        spans = [bare_span(str(number), "x" * 50_000) for number in range(8)]
        whole = packed(target, *spans)
        assert target.send(whole, timeout=10.0).verdict is Verdict.TOO_LARGE
        halves, lost = packed_by(target, entries(*spans))
        assert max(part.size for part in halves) <= whole.size // 2
        assert [name for part in halves for name in names_in(part.body)] == [str(n) for n in range(8)]
        assert lost == Counter()
        (single,), _ = packed_by(target, entries(bare_span("single", "x" * 90_000)))
        assert target.send(single, timeout=10.0).verdict is Verdict.TOO_LARGE
        assert max(part.size for part in packed_by(target, entries(*spans))[0]) == max(
            part.size for part in halves
        )
        target.close()


def test_parcels_are_halved() -> None:
    """Halves know whose they are, when they were refused, and who waits for them; a single span has none."""
    target, receipts = sink(), [Receipt(), Receipt(), Receipt()]
    batch = [Entry(bare_span(name), receipt) for name, receipt in zip("abc", receipts, strict=True)]
    (whole,), _ = packed_by(target, batch)
    whole.is_own, whole.refused_at, whole.file = False, 7, "a file"
    parts = target.halves(whole)
    assert parts is not None
    assert [names_in(part.body) for part in parts] == [["a"], ["b", "c"]]
    assert [list(part.receipts.values()) for part in parts] == [receipts[:1], receipts[1:]]
    assert [(part.spans, part.is_own, part.refused_at, part.file) for part in parts] == [
        (1, False, 7, None),
        (2, False, 7, None),
    ]
    assert target.halves(parts[0]) is None
    target.close()


def test_parcels_are_shortened() -> None:
    """A single span is cut again and again until nothing is left to cut, and stays the same span."""
    target, receipt = sink(), Receipt()
    (one,), _ = packed_by(target, [Entry(bare_span("a", "x" * 100_000), receipt)])
    sizes = [one.size]
    while (shorter := target.shortened(one)) is not None:
        one = shorter
        sizes.append(one.size)
        assert (names_in(one.body), one.spans, list(one.receipts.values())) == (["a"], 1, [receipt])
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < 2_000
    target.close()


def test_a_renewed_sink_still_sends() -> None:
    """After a fork a sink takes a fresh connection."""
    with LoopbackServer() as server:
        target = sink(server.url)
        target.send(packed(target, SPAN), timeout=10.0)
        target.renew()
        assert target.send(packed(target, SPAN), timeout=10.0) == Outcome(Verdict.DELIVERED)
        target.close()
        assert len(server.requests) == 2


def test_nothing_is_loaded_before_it_is_needed() -> None:
    """Making, closing and renewing a sink loads nothing of what packs and sends; warming up loads it all."""
    finished = python(
        """
        import sys
        from contextcompany.delivery.outbox.sinks import CollectorSink
        from contextcompany.settings.destination import Destination, Source
        target = CollectorSink(Destination("http://127.0.0.1:9/v1/traces", Source.OURS), user_agent="test")
        target.close()
        target.renew()
        needed = [f"contextcompany.delivery.{name}" for name in ("spans.encoding", "wire.transport")]
        print([name in sys.modules for name in needed])
        target.warm_up()
        print([name in sys.modules for name in needed])
        """
    )
    assert (finished.out.splitlines(), finished.err) == (["[False, False]", "[True, True]"], "")


def test_a_sink_is_named_after_its_place() -> None:
    """Its name can be logged: it has no query."""
    target = CollectorSink(Destination("https://b.example/v1/traces?key=x", Source.OURS), user_agent="test")
    assert target.name == "https://b.example/v1/traces"
    target.close()


class Refusing(SpanExporter):
    """An exporter that takes nothing."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Refuse."""
        return SpanExportResult.FAILURE


def test_an_exporter_gets_the_spans() -> None:
    """An exporter of the user gets the span objects, and is shut down when the sink is closed."""
    exporter = InMemorySpanExporter()
    target = ExporterSink(exporter)
    assert (target.name, target.must_identify, target.identify()) == ("InMemorySpanExporter", False, True)
    receipt = Receipt()
    (parcel,), lost = packed_by(target, [Entry(SPAN, receipt)])
    assert (parcel.spans, parcel.items, list(parcel.receipts.values())) == (1, (SPAN,), [receipt])
    assert (parcel.size, lost) == (Entry(SPAN, None).size, Counter())
    assert target.send(parcel, timeout=10.0) == Outcome(Verdict.DELIVERED)
    assert exporter.get_finished_spans()[0] is SPAN
    target.renew()
    target.close()
    assert target.send(parcel, timeout=10.0).verdict is Verdict.REJECTED


def test_an_exporter_that_refuses() -> None:
    """What an exporter does not take is rejected with its name: exporters do their own retries."""
    target = ExporterSink(Refusing())
    parcel = packed(target, SPAN, SPAN)
    smaller: Sink = target
    assert target.send(parcel, timeout=10.0) == Outcome(Verdict.REJECTED, "Refusing did not take a batch")
    assert smaller.halves(parcel) is None
    assert smaller.shortened(parcel) is None


def test_an_exporter_gets_prepared_spans() -> None:
    """The user's exporter gets spans as they leave: priced, redacted."""
    exporter = InMemorySpanExporter()
    target = ExporterSink(exporter, prepare=lambda span: bare_span(f"prepared {span.name}"))
    target.send(packed(target, SPAN), timeout=10.0)
    assert [span.name for span in exporter.get_finished_spans()] == ["prepared chat"]
