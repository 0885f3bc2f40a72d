"""The two sinks: a collector, which at the default must say who it is, and an exporter of the user."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Status, StatusCode

from contextcompany.delivery.outbox import sinks
from contextcompany.delivery.outbox.sinks import CollectorSink, ExporterSink
from contextcompany.delivery.wire.transport import Outcome, Verdict
from contextcompany.local.collector import Collector
from contextcompany.settings.destination import Destination, Source
from tests.handmade import STEP, ended_span
from tests.loopback import Answer, LoopbackServer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan

SPAN = ended_span("chat", STEP)
POISONED = ended_span("of another", status=Status(StatusCode.ERROR, "\ud800"))


def sink(url: str, source: Source = Source.OURS) -> CollectorSink:
    """Return a sink for the collector at a base URL."""
    return CollectorSink(Destination(f"{url}/v1/traces", source), user_agent="test")


def test_a_named_collector_is_not_asked_who_it_is() -> None:
    """Where somebody named the destination, spans go there without further questions."""
    for source in (Source.OURS, Source.PLATFORM, Source.OTEL):
        with LoopbackServer() as server:
            target = sink(server.url, source)
            assert target.send([SPAN], timeout=10.0) == Outcome(Verdict.DELIVERED)
            target.close()
            assert [(request.method, request.path) for request in server.requests] == [("POST", "/v1/traces")]
            assert server.requests[0].span_names == ["chat"]


def test_the_implicit_default_takes_our_collector() -> None:
    """At the default, a collector that identifies itself gets the spans, and is asked once."""
    with Collector(record_requests=True) as collector:
        target = sink(collector.url, Source.LOCAL)
        for _ in range(2):
            assert target.send([SPAN], timeout=10.0) == Outcome(Verdict.DELIVERED)
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
def test_the_implicit_default_gives_nothing_to_strangers(
    answer: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever else listens there gets no span; they wait, and one quiet line says how to see them."""
    caplog.set_level(logging.INFO, "contextcompany")
    with LoopbackServer(answer) as server:
        target = sink(server.url, Source.LOCAL)
        for _ in range(2):
            assert target.send([SPAN], timeout=10.0) == Outcome(Verdict.LATER)
        target.close()
        assert [(request.method, request.path) for request in server.requests] == [("GET", "/healthz")]
    assert [record.levelname for record in caplog.records] == ["INFO"]
    assert "TCC_URL" in caplog.text


def test_the_implicit_default_where_nobody_listens(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spans wait in silence until a collector of ours starts there; then they go."""
    monkeypatch.setattr(sinks, "_PROBE_SECONDS", 0.0)
    with Collector() as collector:
        port = collector.port
    target = sink(f"http://127.0.0.1:{port}", Source.LOCAL)
    for _ in range(3):
        assert target.send([SPAN], timeout=10.0) == Outcome(Verdict.LATER)
    with Collector(port=port) as collector:
        assert target.send([SPAN], timeout=10.0) == Outcome(Verdict.DELIVERED)
        assert [span.name for span in collector.store.spans()] == ["chat"]
    target.close()
    assert [record.levelname for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_the_implicit_default_asks_again_after_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger that takes over the port of our collector gets no span: who answers has to say who it is."""
    monkeypatch.setattr(sinks, "_PROBE_SECONDS", 0.0)
    with Collector() as collector:
        port = collector.port
        target = sink(collector.url, Source.LOCAL)
        assert target.send([SPAN], timeout=10.0) == Outcome(Verdict.DELIVERED)
    assert target.send([SPAN], timeout=10.0).verdict is Verdict.LATER
    with LoopbackServer(port=port) as stranger:
        assert target.send([SPAN], timeout=10.0).verdict is Verdict.LATER
        assert [request.method for request in stranger.requests] == ["GET"]
    target.close()


def test_a_span_that_cannot_be_encoded() -> None:
    """Its neighbours are delivered and it is counted as lost; alone it is rejected, and nothing is sent."""
    with LoopbackServer() as server:
        target = sink(server.url)
        outcome = target.send([SPAN, POISONED, SPAN], timeout=10.0)
        assert (outcome.verdict, outcome.refused_spans) == (Verdict.DELIVERED, 1)
        assert "encoded" in outcome.reason
        assert server.requests[0].span_names == ["chat", "chat"]
        assert target.send([POISONED], timeout=10.0).verdict is Verdict.REJECTED
        assert len(server.requests) == 1
        target.close()


def test_a_renewed_sink_still_sends() -> None:
    """After a fork, and after close, a sink takes a fresh connection."""
    with LoopbackServer() as server:
        target = sink(server.url)
        target.send([SPAN], timeout=10.0)
        target.renew()
        assert target.send([SPAN], timeout=10.0) == Outcome(Verdict.DELIVERED)
        target.close()
        assert len(server.requests) == 2


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
    assert target.name == "InMemorySpanExporter"
    assert target.send([SPAN], timeout=10.0) == Outcome(Verdict.DELIVERED)
    assert exporter.get_finished_spans()[0] is SPAN
    target.renew()
    target.close()
    assert target.send([SPAN], timeout=10.0).verdict is Verdict.REJECTED


def test_an_exporter_that_refuses() -> None:
    """What an exporter does not take is rejected with its name: exporters do their own retries."""
    assert ExporterSink(Refusing()).send([SPAN], timeout=10.0) == Outcome(
        Verdict.REJECTED, "Refusing did not take a batch"
    )
