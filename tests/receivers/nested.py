"""Record one run under an application's span that no receiver gets: python nested.py {parent,link}.

TCC_URL and TCC_HEADERS say where the run goes. What was recorded is printed as one line of JSON.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

import contextcompany as tcc

if TYPE_CHECKING:
    from opentelemetry.trace import Span


def ids(span: Span) -> dict[str, str]:
    """Return the ids of a span as receivers write them."""
    context = span.get_span_context()
    return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}


def main() -> None:
    """Open a span of an application that exports nothing, and a run with one step inside it."""
    setting = sys.argv[1]
    if setting not in ("parent", "link"):
        raise SystemExit(f"foreign_parent is parent or link: got {setting}")
    tcc.configure(foreign_parent="parent" if setting == "parent" else "link")
    trace.set_tracer_provider(TracerProvider())
    with (
        trace.get_tracer("shop").start_as_current_span("POST /orders") as application,
        tcc.run(session_id=f"nested-{setting}") as run,
    ):
        run.prompt("Where is order 17?")
        with run.step() as step:
            step.prompt("Where is order 17?").response("At the depot.")
            step.model("gpt-4o-mini").tokens(prompt_uncached=12, completion=5)
        run.response("At the depot.")
    tcc.shutdown(timeout=20.0)
    print(json.dumps({"application": ids(application), "run": ids(run.span), "step": ids(step.span)}))


if __name__ == "__main__":
    main()
