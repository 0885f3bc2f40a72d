"""What a run costs the code that records it, beside the bare OpenTelemetry SDK in the same process.

One agent run is six spans: a run, three steps and two tool calls, about 17 KB of text. "Bare" starts and
ends the same spans with attributes that were built beforehand; we are given texts and dicts and make the
attributes. Both ways end before delivery: spans are thrown away where a background thread would get them.
The two take turns, so that a machine whose speed drifts spoils no ratio. After them the same run where
nothing of it is delivered.

    python benchmarks/caller_time.py [ROUNDS]
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

import contextcompany as tcc
from contextcompany.delivery.outbox.outbox import Outbox

if TYPE_CHECKING:
    from collections.abc import Callable

RUNS_PER_ROUND = 300
WORDS = "the order was shipped on monday and waits at the counter of the carrier in the old town "


def text(length: int) -> str:
    """Return prose of a length."""
    return (WORDS * (length // len(WORDS) + 1))[:length]


PROMPT, SYSTEM, ANSWER, QUESTION, REPLY, RESULT = map(text, (200, 500, 500, 2048, 500, 1024))
METADATA = {f"key{number}": f"value {number}" for number in range(6)}
ARGUMENTS = {"query": text(120), "limit": 10, "filters": {"lang": "en", "since": "2026-01-01"}}
TOOLS = json.dumps([{"name": f"tool{number}", "description": text(300)} for number in range(3)])
ORDER = ("step", "tool", "step", "tool", "step")

NOT_DELIVERED: dict[str, dict[str, Any]] = {
    "held back and forgotten": {"sample_rate": 0.0, "keep_errors": True},
    "left out by the sample rate": {"sample_rate": 0.0},
    "switched off": {"disabled": True},
}


def ours(_: int) -> None:
    """Record one run."""
    with tcc.run(session_id="session-1") as run:
        run.prompt(PROMPT, SYSTEM).metadata(METADATA)
        for kind in ORDER:
            if kind == "step":
                with run.step() as step:
                    step.prompt(QUESTION).response(REPLY).model("gpt-5", "gpt-5-2025-08-07")
                    step.tokens(150, 50, 25).finish_reason("stop").tool_definitions(TOOLS)
            else:
                with run.tool_call("search") as call:
                    call.args(ARGUMENTS).result(RESULT)
        run.response(ANSWER)


def bare_run() -> Callable[[int], None]:
    """Return the same run by hand: attributes built once, spans thrown away at their end."""
    provider = TracerProvider(resource=Resource.create({}))
    provider.add_span_processor(SpanProcessor())
    start = provider.get_tracer("bare").start_as_current_span
    root: dict[str, Any] = {"input": PROMPT, "system": SYSTEM, "output": ANSWER, "session": "s", **METADATA}
    step: dict[str, Any] = {f"attribute{number}": "value" for number in range(8)}
    step |= {"input": QUESTION, "output": REPLY, "tools": TOOLS}
    call: dict[str, Any] = {"name": "search", "id": "call-1", "args": json.dumps(ARGUMENTS), "result": RESULT}

    def run(_: int) -> None:
        with start("run") as outer:
            for kind in ORDER:
                with start(kind) as inner:
                    inner.set_attributes(step if kind == "step" else call)
            outer.set_attributes(root)

    return run


def microseconds(run: Callable[[int], None]) -> float:
    """Return the time of one run, as the mean of a round."""
    began = time.perf_counter()
    for number in range(RUNS_PER_ROUND):
        run(number)
    return (time.perf_counter() - began) / RUNS_PER_ROUND * 1e6


def main(rounds: int) -> None:
    """Print the medians and the ratio."""
    Outbox.submit = lambda *_: None  # type: ignore[method-assign]
    tcc.configure(tcc_url="http://127.0.0.1:9")
    bare = bare_run()
    for run in (bare, ours):
        microseconds(run)
    pairs = [(microseconds(bare), microseconds(ours)) for _ in range(rounds)]
    ratio = statistics.median(mine / other for other, mine in pairs)
    print(f"bare {statistics.median(other for other, _ in pairs):.0f} µs a run")
    print(f"ours {statistics.median(mine for _, mine in pairs):.0f} µs a run, {ratio:.2f} times the bare one")
    for name, settings in NOT_DELIVERED.items():
        tcc.configure(tcc_url="http://127.0.0.1:9", **settings)
        print(f"{name} {statistics.median(microseconds(ours) for _ in range(rounds)):.0f} µs a run")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 9)
