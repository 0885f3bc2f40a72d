"""Carriers: the trace context of another process, or nothing."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.propagate import inject
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import SpanContext, TraceFlags, TraceState

from contextcompany.propagation.carriers import span_context

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN_ID = "00f067aa0ba902b7"
SAMPLED = f"00-{TRACE_ID}-{SPAN_ID}-01"

EXPECTED = SpanContext(
    int(TRACE_ID, 16), int(SPAN_ID, 16), is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED)
)


@pytest.mark.parametrize("name", ["traceparent", "Traceparent", "TRACEPARENT"])
def test_a_carrier_is_read(name: str) -> None:
    """A traceparent becomes the context of a remote span, however its name is written."""
    assert span_context({name: SAMPLED, "Accept": "text/html"}) == EXPECTED


def test_flags_and_state_are_kept() -> None:
    """An unsampled parent stays unsampled, and the trace state comes along."""
    found = span_context({"traceparent": f"00-{TRACE_ID}-{SPAN_ID}-00", "TraceState": "vendor=x,other=y"})
    assert found is not None
    assert found.trace_flags == TraceFlags(0)
    assert found.trace_state == TraceState([("vendor", "x"), ("other", "y")])
    assert found.is_remote


def test_what_opentelemetry_injects_is_read() -> None:
    """A carrier that any OpenTelemetry process filled leads back to its span."""
    provider = TracerProvider(shutdown_on_exit=False)
    span = provider.get_tracer("elsewhere").start_span("work")
    carrier: dict[str, str] = {}
    inject(carrier, context=trace.set_span_in_context(span))
    found = span_context(carrier)
    assert found is not None
    assert (found.trace_id, found.span_id) == (
        span.get_span_context().trace_id,
        span.get_span_context().span_id,
    )


NO_CARRIERS: list[Any] = [
    {"accept": "text/html"},
    {"traceparent": ""},
    {"traceparent": "x"},
    {"traceparent": f"00-{'0' * 32}-{SPAN_ID}-01"},
    {"traceparent": f"00-{TRACE_ID}-{'0' * 16}-01"},
    {"traceparent": f"ff-{TRACE_ID}-{SPAN_ID}-01"},
    {"traceparent": f"00-{TRACE_ID}-{SPAN_ID}"},
    {"traceparent": f"00-{TRACE_ID[:-1]}g-{SPAN_ID}-01"},
    {"traceparent": None},
    {"traceparent": SAMPLED.encode()},
    {"traceparent": 1},
    {b"traceparent": SAMPLED},
    {"tracestate": "vendor=x"},
    ["traceparent", SAMPLED],
    SAMPLED,
    1,
]


@pytest.mark.parametrize("carrier", NO_CARRIERS)
def test_what_carries_nothing(carrier: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A carrier without a valid traceparent is ignored, with a debug line and no warning."""
    caplog.set_level(logging.DEBUG, "contextcompany")
    assert span_context(carrier) is None
    ours = [record for record in caplog.records if record.name == "contextcompany"]
    assert [record.levelname for record in ours] == ["DEBUG"]


@pytest.mark.parametrize("carrier", [None, {}])
def test_no_carrier(carrier: dict[str, str] | None, caplog: pytest.LogCaptureFixture) -> None:
    """No carrier, or an empty one, is nothing to talk about."""
    caplog.set_level(logging.DEBUG, "contextcompany")
    assert span_context(carrier) is None
    assert caplog.records == []


@pytest.mark.usefixtures("application")
def test_the_current_span_is_not_taken_for_the_carrier() -> None:
    """A carrier without a trace leads nowhere, also where the application has a current span."""
    with trace.get_tracer("app").start_as_current_span("request"):
        assert span_context({"accept": "text/html"}) is None


@given(st.dictionaries(st.sampled_from(["traceparent", "tracestate", "baggage", "x"]), st.text()))
def test_any_text_is_survived(carrier: dict[str, str]) -> None:
    """Whatever a carrier holds: a valid remote context or None, never an exception."""
    found = span_context(carrier)
    assert found is None or (found.is_valid and found.is_remote)
