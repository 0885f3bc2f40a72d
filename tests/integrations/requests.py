"""What both kinds of middleware are tested with: recorded runs, carriers, and what is current."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from opentelemetry import context as otel_context
from opentelemetry import trace

import contextcompany as tcc
from contextcompany.integrations.request import _CHAINS
from tests.recording.rows import parsed

if TYPE_CHECKING:
    from contextcompany.testing import Captured

TRACE_ID: Final = "0af7651916cd43dd8448eb211c80319c"
SPAN_ID: Final = "b7ad6b7169203331"
TRACEPARENT: Final = f"00-{TRACE_ID}-{SPAN_ID}-01"

_SAID: Final = ("tcc.sessionId", "tcc.userId", "tcc.userName", "tcc.orgId", "tcc.orgName")


def record(run_id: str) -> None:
    """Record a run."""
    with tcc.run(run_id) as r:
        r.prompt("p")


def runs(captured: Captured) -> dict[str, dict[str, Any]]:
    """Return what each run says of session, user and organisation."""
    return {
        found["tcc.runId"]: {key: found[key] for key in _SAID if key in found}
        for found in map(parsed, captured.named("invoke_agent"))
    }


def places(captured: Captured) -> dict[str, tuple[str, str | None]]:
    """Return the trace of each run and its parent."""
    return {
        str((span.attributes or {})["tcc.runId"]): (
            trace.format_trace_id(span.context.trace_id),
            None if span.parent is None else trace.format_span_id(span.parent.span_id),
        )
        for span in captured.named("invoke_agent")
    }


def current() -> tuple[object, ...]:
    """Return all that this package may make current."""
    return *(chain.snapshot() for chain in _CHAINS), otel_context.get_current()
