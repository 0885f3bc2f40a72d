"""Attach a carrier: what another process was doing is continued inside of a block."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from opentelemetry import context as otel_context
from opentelemetry import trace

from contextcompany.propagation import carriers
from contextcompany.runtime import provider as providers

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping


@contextmanager
def attach(carrier: Mapping[str, str] | None) -> Generator[None]:
    """Continue the trace that a carrier names (W3C `traceparent`): root runs inside nest under its span.

    A carrier that names none is ignored.
    """
    remote = carriers.span_context(carrier)
    if remote is None or providers.application_provider() is not None:
        yield
        return
    before = otel_context.get_current()
    inside = trace.set_span_in_context(trace.NonRecordingSpan(remote), before)
    otel_context.attach(inside)
    try:
        yield
    finally:
        # By value: the block may be left in another context than it was entered in.
        if otel_context.get_current() is inside:
            otel_context.attach(before)
