"""Carriers: the W3C trace context of another process, read from a mapping of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from contextcompany.diagnostics import logger

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.trace import SpanContext

_TRACEPARENT = "traceparent"
_propagator = TraceContextTextMapPropagator()


def span_context(carrier: Mapping[str, str] | None) -> SpanContext | None:
    """Return the span context that a carrier holds (`traceparent`, `tracestate`), or None.

    A carrier without a valid traceparent is ignored with a debug line. Names are compared in lower
    case, as HTTP header names are.

    Source: W3C Trace Context, https://www.w3.org/TR/trace-context/.
    """
    if not carrier:
        return None
    try:
        texts = {
            key.lower(): value
            for key, value in carrier.items()
            if isinstance(key, str) and isinstance(value, str)
        }
        found = trace.get_current_span(_propagator.extract(texts, context=Context())).get_span_context()
    except (AttributeError, TypeError, ValueError):
        found = trace.INVALID_SPAN_CONTEXT
    if found.is_valid:
        return found
    logger.debug("a carrier without a valid %s is ignored", _TRACEPARENT)
    return None
