"""What instrumentations of the application see of our requests, and put into them: nothing."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
import requests
import urllib3
from opentelemetry import trace

import contextcompany as tcc
from contextcompany.delivery.outbox.entry import Entry
from contextcompany.delivery.outbox.outbox import Outbox
from contextcompany.delivery.outbox.sinks import CollectorSink
from contextcompany.settings.destination import Destination, Source
from tests.delivery.sinks import packed_by
from tests.delivery.wire.instrumentation import instrumented_requests, instrumented_urllib3
from tests.handmade import STEP, ended_span
from tests.loopback import LoopbackServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

Application = tuple["TracerProvider", "InMemorySpanExporter"]

OURS = {
    "host",
    "user-agent",
    "content-type",
    "content-length",
    "accept",
    "accept-encoding",
    "connection",
    "authorization",
}


@pytest.fixture(params=["requests", "urllib3", "both"])
def _instrumented(request: pytest.FixtureRequest) -> Iterator[None]:
    """Instrument one HTTP library of the process, or both."""
    with ExitStack() as stack:
        if request.param != "urllib3":
            stack.enter_context(instrumented_requests())
        if request.param != "requests":
            stack.enter_context(instrumented_urllib3())
        yield


def sink(server: LoopbackServer) -> CollectorSink:
    """Return a sink with a key that sends to a server."""
    return CollectorSink(Destination(f"{server.url}/v1/traces", Source.OURS, "key"), user_agent="test")


def assert_untouched(server: LoopbackServer, application: Application, *, requests_made: int = 1) -> None:
    """Hold that what arrived, and what the application traced, is as without instrumentation."""
    assert len(server.requests) == requests_made
    for request in server.requests:
        assert set(request.headers) - OURS == set()
    assert [span.name for span in application[1].get_finished_spans()] == ["request"]


@pytest.mark.usefixtures("_instrumented")
def test_the_instrumentation_works(application: Application) -> None:
    """Requests of the application itself are traced and carry a traceparent: the tests below can fail."""
    with LoopbackServer() as server:
        requests.get(server.url, timeout=10).close()
        pool = urllib3.PoolManager()
        pool.request("GET", server.url)
        pool.clear()
        assert any("traceparent" in request.headers for request in server.requests)
    assert application[1].get_finished_spans()


@pytest.mark.usefixtures("_instrumented")
def test_runs_are_sent_untouched(application: Application) -> None:
    """A run recorded inside a span of the application is sent without a trace of that span."""
    with LoopbackServer() as server:
        tcc.configure(tcc_url=server.url, api_key="key")
        with trace.get_tracer("app").start_as_current_span("request"):
            with tcc.run().prompt("hi"):
                pass
            assert tcc.flush()
        assert_untouched(server, application)


@pytest.mark.usefixtures("_instrumented")
def test_what_is_sent_by_the_calling_thread_is_untouched(
    application: Application, exiting: Callable[[], AbstractContextManager[None]]
) -> None:
    """At exit, where no thread can be started, the calling thread sends: untouched too."""
    with LoopbackServer() as server:
        outbox = Outbox(sink(server))
        span = ended_span("chat", STEP)
        with trace.get_tracer("app").start_as_current_span("request"), exiting():
            outbox.submit(span)
            assert outbox.close(10.0) is True
        assert_untouched(server, application)


@pytest.mark.usefixtures("_instrumented")
def test_a_sink_used_by_any_thread_is_untouched(application: Application) -> None:
    """Whoever asks a sink to send: no header of others, no span of others."""
    with LoopbackServer() as server:
        target = sink(server)
        with trace.get_tracer("app").start_as_current_span("request"):
            for parcel in packed_by(target, [Entry(ended_span("chat", STEP), None)])[0]:
                target.send(parcel, timeout=10.0)
        target.close()
        assert_untouched(server, application)
