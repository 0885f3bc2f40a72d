"""What collecting costs a span of the application: the two calls that the SDK makes for each of its spans.

They are timed by themselves, on a span below another one of the application, as a web framework makes for
each query of a request. The best of some rounds counts, for other work on the machine only ever adds. Our
budget is 2 µs a span outside of runs.

    python benchmarks/collecting.py [ROUNDS]
"""

from __future__ import annotations

import sys
import timeit
from typing import TYPE_CHECKING, cast

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Span, SpanProcessor, TracerProvider

import contextcompany as tcc
from contextcompany.delivery.outbox.outbox import Outbox

if TYPE_CHECKING:
    from collections.abc import Callable

SPANS_PER_ROUND = 20_000


def microseconds(call: Callable[[], object], rounds: int) -> float:
    """Return the time of one call in the best round."""
    return min(timeit.repeat(call, number=SPANS_PER_ROUND, repeat=rounds)) / SPANS_PER_ROUND * 1e6


def main(rounds: int) -> None:
    """Print what a span costs without us, and what we add outside and inside of runs."""
    Outbox.submit = lambda *_: None  # type: ignore[method-assign]
    tcc.configure(tcc_url="http://127.0.0.1:9")
    provider = TracerProvider(resource=Resource.create({}))
    tracer = provider.get_tracer("shop")
    bare = microseconds(lambda: tracer.start_span("SELECT").end(), rounds)
    added: list[SpanProcessor] = []
    provider.add_span_processor = added.append  # type: ignore[method-assign, assignment]
    tcc.collect(provider)
    (ours,) = added
    with tracer.start_as_current_span("GET /"):
        span = cast("Span", tracer.start_span("SELECT"))
        span.end()

        def both() -> None:
            ours.on_start(span, None)
            ours.on_end(span)

        outside = microseconds(both, rounds)
        with tcc.run() as run:
            run.prompt("hi")
            inside = microseconds(both, rounds)
    print(f"a span without us: {bare:.2f} µs")
    print(f"what we add outside of runs: {outside:.2f} µs")
    print(f"what we add inside a run, where the span is not collected: {inside:.2f} µs")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 9)
