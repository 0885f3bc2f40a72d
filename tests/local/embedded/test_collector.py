"""The embedded collector as senders and programs see it."""

from __future__ import annotations

import errno
import socket
import threading
from typing import TYPE_CHECKING

import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanKind, StatusCode

from contextcompany.local.embedded.collector import Collector
from contextcompany.local.embedded.memory import SpanStore
from contextcompany.local.otlp.spans import EventRecord, LinkRecord, SpanRecord
from tests.local.samples import JSON_BODY, RECORD, exchange

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.sdk.trace import ReadableSpan

JSON = {"Content-Type": "application/json"}


def _as_record(span: ReadableSpan) -> SpanRecord:
    """Write what the SDK holds in the form in which the collector keeps it."""

    def attributes(given: Mapping[str, object] | None) -> dict[str, object]:
        return dict(given or {})

    assert span.context is not None
    assert span.instrumentation_scope is not None
    return SpanRecord(
        trace_id=f"{span.context.trace_id:032x}",
        span_id=f"{span.context.span_id:016x}",
        parent_span_id=f"{span.parent.span_id:016x}" if span.parent else None,
        name=span.name,
        kind=span.kind.name,
        start_ns=span.start_time or 0,
        end_ns=span.end_time or 0,
        attributes=attributes(span.attributes),  # type: ignore[arg-type]
        events=tuple(
            EventRecord(event.name, event.timestamp, attributes(event.attributes))  # type: ignore[arg-type]
            for event in span.events
        ),
        links=tuple(
            LinkRecord(
                f"{link.context.trace_id:032x}",
                f"{link.context.span_id:016x}",
                attributes(link.attributes),  # type: ignore[arg-type]
            )
            for link in span.links
        ),
        status_code=span.status.status_code.name,
        status_message=span.status.description or "",
        resource=attributes(span.resource.attributes),  # type: ignore[arg-type]
        scope_name=span.instrumentation_scope.name,
        scope_version=span.instrumentation_scope.version or "",
    )


@pytest.mark.parametrize("compression", list(Compression))
def test_the_stock_exporter_is_understood(compression: Compression) -> None:
    """Spans of the OpenTelemetry SDK arrive equal in all fields, plain, gzip and deflate."""
    with Collector() as collector:
        provider = TracerProvider(resource=Resource({"service.name": "shop"}), shutdown_on_exit=False)
        exporter = OTLPSpanExporter(f"{collector.url}/v1/traces", compression=compression)
        memory = InMemorySpanExporter()
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        provider.add_span_processor(SimpleSpanProcessor(memory))
        tracer = provider.get_tracer("contextcompany", "0.1.0")
        with tracer.start_as_current_span("run", kind=SpanKind.INTERNAL) as run:
            run.set_attributes({"text": "👋", "list": ["a", "b"], "count": 2**62, "flag": False, "cost": 0.5})
            with tracer.start_as_current_span(
                "step", kind=SpanKind.CLIENT, links=[Link(run.get_span_context(), {"why": "retry"})]
            ) as step:
                step.add_event("exception", {"exception.type": "ValueError"})
                step.set_status(StatusCode.ERROR, "it broke")
        assert collector.store.spans() == tuple(_as_record(span) for span in memory.get_finished_spans())
        assert len(collector.store) == 2
        provider.shutdown()


def test_the_stock_exporter_reads_refusals() -> None:
    """A refused request is a failure for the exporter, not a success."""
    with Collector() as collector:
        exporter = OTLPSpanExporter(f"{collector.url}/elsewhere")
        assert exporter.export([]) is SpanExportResult.FAILURE
        exporter.shutdown()  # type: ignore[no-untyped-call]


def test_many_senders_at_once_lose_nothing() -> None:
    """Parallel senders are served in parallel and all spans arrive."""
    with Collector() as collector:
        statuses: list[int] = []

        def send(number: int) -> None:
            for part in range(5):
                body = JSON_BODY.replace(
                    RECORD.span_id.upper().encode(), f"{number:08x}{part + 1:08x}".encode()
                )
                statuses.append(exchange(collector, body, headers=JSON)[0])

        senders = [threading.Thread(target=send, args=(number,)) for number in range(8)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        assert statuses == [200] * 40
        assert len(collector.store) == 40


def test_any_free_port_is_taken_by_default() -> None:
    """Port 0 becomes a real one, and the URL names it."""
    with Collector() as one, Collector() as two:
        assert one.port != two.port
        assert one.url == f"http://127.0.0.1:{one.port}"


def test_a_taken_port_is_an_error_that_says_what_to_do() -> None:
    """Without fallback a taken port raises, and the error keeps its number."""
    with Collector() as first, pytest.raises(OSError, match="is taken: choose another, port=0") as caught:
        Collector(port=first.port).start()
    assert caught.value.errno == errno.EADDRINUSE


def test_a_taken_port_means_another_with_fallback() -> None:
    """With fallback the wanted port is used when it is free, another one when it is not."""
    with Collector() as first:
        with Collector(port=first.port, fallback=True) as second:
            assert second.port != first.port
            assert exchange(second, method="GET", path="/healthz")[0] == 200
        wanted = first.port
    with Collector(port=wanted, fallback=True) as third:
        assert third.port == wanted


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com", ""])
def test_only_loopback_is_listened_on(host: str) -> None:
    """Prompts of a desk are never offered to the network."""
    with pytest.raises(ValueError, match="listens on loopback addresses only, got host="):
        Collector(host)


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_is_none_is_refused(port: int) -> None:
    """The error names the range."""
    with pytest.raises(ValueError, match=f"port must be 0 to 65535, got {port}"):
        Collector(port=port)


def test_localhost_and_ipv6_are_served() -> None:
    """`localhost` means 127.0.0.1; an IPv6 address stands in brackets in the URL."""
    with Collector("localhost") as collector:
        assert collector.url == f"http://127.0.0.1:{collector.port}"
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError as error:
        pytest.skip(f"this machine has no IPv6 loopback: {error}")
    with Collector("::1") as collector:
        assert collector.url == f"http://[::1]:{collector.port}"
        with socket.create_connection(("::1", collector.port), timeout=10) as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: [::1]\r\n\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.1 200 ")


def test_it_may_be_started_again_and_keeps_what_it_has() -> None:
    """A second start serves again; spans of before are still there."""
    collector = Collector()
    for _ in range(2):
        collector.start()
        assert exchange(collector, JSON_BODY, headers=JSON)[0] == 200
        collector.stop()
    assert collector.store.spans() == (RECORD,)
    assert collector.store.duplicates == 1


def test_start_twice_is_an_error_and_stop_twice_is_none() -> None:
    """Starting a running collector is a mistake; stopping a stopped one is not."""
    collector = Collector()
    collector.stop()
    with collector, pytest.raises(RuntimeError, match="is running already"):
        collector.start()
    collector.stop()


def test_after_stop_nobody_listens() -> None:
    """The port is free once stop() returns, and the URL is still known."""
    with Collector() as collector:
        pass
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", collector.port), timeout=10)
    assert collector.url.endswith(str(collector.port))


def test_what_is_not_there_yet_is_an_error_that_says_what_to_do() -> None:
    """Port, URL and requests explain themselves instead of answering nonsense."""
    collector = Collector()
    with pytest.raises(RuntimeError, match=r"no port yet: start\(\) it first"):
        _ = collector.url
    with pytest.raises(RuntimeError, match="make it with record_requests=True"):
        _ = collector.requests


def test_a_store_may_be_given() -> None:
    """Spans go to the caller's store, with the caller's bounds."""
    store = SpanStore(max_spans=1)
    with Collector(store=store) as collector:
        exchange(collector, JSON_BODY, headers=JSON)
    assert store.spans() == (RECORD,)


def test_repr_shows_state_and_count() -> None:
    """The repr tells where it listens and how much came."""
    collector = Collector()
    assert repr(collector) == "<Collector not started spans=0>"
    with collector:
        exchange(collector, JSON_BODY, headers=JSON)
        assert repr(collector) == f"<Collector {collector.url} spans=1>"
    assert repr(collector) == f"<Collector {collector.url} stopped spans=1>"
