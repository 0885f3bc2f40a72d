"""What only this package is measured by, in its own process: `python -m benchmarks.peers.own NAME URL SHARE`.

SHARE is the share of the full amount. Each prints one JSON object of figures. Where the time of the caller
alone is asked for, spans are thrown away where a background thread would get them.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

import contextcompany as tcc
from benchmarks.peers.adapters.ours import recorder
from benchmarks.peers.workload import RUNS, VARIANTS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Figures = dict[str, float]

_ROUNDS: Final = 15
_NOBODY: Final = "http://127.0.0.1:9"
_LARGE: Final = 10_000_000
_LARGE_MESSAGES: Final = 1_000
_SIZES_OF_PROCESS: Final = (10, 100, 1_000, 10_000, 100_000)
_SIZES_OF_RUN: Final = (1, 10, 100, 1_000, 10_000)
_MANY: Final = 1_000_000
_BATCH: Final = 1_000
_REQUESTS: Final = 50


def off(url: str, share: float) -> Figures:
    """Measure a run that is switched off, left out, or held back and forgotten; seconds."""
    del url
    discard()
    ways: dict[str, dict[str, Any]] = {
        "disabled": {"disabled": True},
        "sampled_out": {"sample_rate": 0.0},
        "held_back": {"sample_rate": 0.0, "keep_errors": True},
    }
    found: Figures = {}
    record = recorder().run
    for name, settings in ways.items():
        tcc.configure(tcc_url=_NOBODY, **settings)
        found[name] = per_call(lambda: record(RUNS[0]), share)
    return found


def large(url: str, share: float) -> Figures:
    """Measure 10 MB as text and as messages against one `json.dumps` of the same; ratios of seconds."""
    tcc.configure(tcc_url=url)
    size = max(int(_LARGE * share), 10_000)
    text = (" ".join(RUNS[0].step_prompts) * (size // 6_000 + 1))[:size]
    part = text[: size // _LARGE_MESSAGES]
    messages = [{"role": "user", "content": part} for _ in range(_LARGE_MESSAGES)]

    def prompt() -> None:
        with tcc.run() as run:
            run.prompt(text)

    def conversation() -> None:
        with tcc.run() as run:
            run.prompt("p")
            with run.step() as step:
                step.prompt(messages).response("r")

    ratios: dict[str, list[float]] = {"text": [], "messages": []}
    for _ in range(_ROUNDS):
        for name, given, work in (("text", text, prompt), ("messages", messages, conversation)):
            dumped = seconds(partial(json.dumps, given))
            ratios[name].append(seconds(work) / dumped)
            tcc.flush(30)
    return {name: median(found) for name, found in ratios.items()}


def decorators(url: str, share: float) -> Figures:
    """Measure what a decorated call adds to the same span by hand; seconds."""
    del url
    discard()
    answered = "on its way"

    def find(query: str, limit: int = 3) -> str:
        del query, limit
        return answered

    tool, model, agent = tcc.tool(find), tcc.model(find), tcc.agent(find)

    def tool_by_hand() -> None:
        with tcc.tool_call(tool_name="find") as call:
            call.args({"query": "parcels", "limit": 10}).result(find("parcels", limit=10))

    def model_by_hand() -> None:
        with tcc.step() as step:
            step.prompt("parcels").response(find("parcels", limit=10))

    def agent_by_hand() -> None:
        with tcc.run() as run:
            run.metadata({"tcc.agent": "find"}).prompt("parcels").response(find("parcels", limit=10))

    with tcc.run() as run:
        run.prompt("p")
        return {
            "tool": added(tool_by_hand, lambda: tool("parcels", limit=10), share),
            "model": added(model_by_hand, lambda: model("parcels", limit=10), share),
            "agent": added(agent_by_hand, lambda: agent("parcels", limit=10), share),
        }


def agent_loop(url: str, share: float) -> Figures:
    """Measure what a loop of an `Agent` adds to its spans by hand, for each request to the model; seconds."""
    del url
    from contextcompany.agents import Agent, ModelReply, ScriptedModel, ToolRequest

    discard()

    def look(city: str) -> str:
        """Look up the weather.

        Args:
            city: the city's name.
        """
        del city
        return "clear"

    asked = ModelReply(text=None, tool_calls=(ToolRequest(id="1", name="look", arguments='{"city":"Oslo"}'),))
    clerk = Agent(
        name="clerk",
        model=ScriptedModel(_endless([asked] * (_REQUESTS - 1) + ["clear"])),
        tools=[tcc.tool(look)],
        instructions="You are a weather clerk.",
        max_steps=_REQUESTS,
    )
    loop = asyncio.new_event_loop()
    requests: list[list[dict[str, Any]]] = []
    result = loop.run_until_complete(clerk.run("How is the weather?"))
    requests = [list(result.messages[: 2 + 2 * number]) for number in range(_REQUESTS)]

    def by_hand() -> None:
        with tcc.run() as run:
            run.prompt("How is the weather?", "You are a weather clerk.").metadata({"tcc.agent": "clerk"})
            for messages in requests:
                with run.step() as step:
                    step.prompt(messages).response(asked.text).model("scripted").finish_reason("stop")
                with run.tool_call("look", "1") as call:
                    call.args({"city": "Oslo"}).result("clear")
            run.response("clear")

    try:
        more = added(
            by_hand, lambda: loop.run_until_complete(clerk.run("How is the weather?")), share, calls=4
        )
    finally:
        loop.close()
    return {"request": more / _REQUESTS}


def over_process(url: str, share: float) -> Figures:
    """Measure a run after so many others in the process, delivered and flushed in between; seconds."""
    tcc.configure(tcc_url=url)
    record = recorder()
    found: Figures = {}
    done = 0
    for size in _SIZES_OF_PROCESS:
        durations: list[float] = []
        while done < max(size * share, 10):
            durations.append(seconds(partial(record.run, RUNS[done % VARIANTS])))
            done += 1
            if done % _BATCH == 0:
                record.flush()
        if durations:
            found[str(size)] = median(durations)
    record.flush()
    return {**found, "delivered": float(tcc.stats().delivered), "sent": done * 6.0}


def over_run(url: str, share: float) -> Figures:
    """Measure a step of a run that has so many; seconds."""
    tcc.configure(tcc_url=url)
    found: Figures = {}
    sent = 0
    for size in _SIZES_OF_RUN:
        count = max(int(size * share), 1)
        durations: list[float] = []
        with tcc.run() as run:
            run.prompt("p")
            for number in range(count):
                began = time.perf_counter()
                with run.step() as step:
                    step.prompt("q").response("a")
                durations.append(time.perf_counter() - began)
                if number % _BATCH == 0:
                    tcc.flush(30)
        tcc.flush(30)
        sent += count + 1
        found[str(size)] = median(durations)
    return {**found, "delivered": float(tcc.stats().delivered), "sent": float(sent)}


def leaks(url: str, share: float) -> Figures:
    """Measure what a million runs leave behind: bytes of memory from a tenth of them to the last."""
    tcc.configure(tcc_url=url)
    count = max(int(_MANY * share), 1_000)
    at_first = 0
    for number in range(count):
        with tcc.run() as run:
            run.prompt("p")
        if number % _BATCH == 0:
            tcc.flush(30)
        if number == count // 10:
            at_first = resident()
    tcc.flush(60)
    return {
        "grown": float(resident() - at_first),
        "delivered": float(tcc.stats().delivered),
        "sent": float(count),
    }


def first_run(url: str, share: float) -> Figures:
    """Measure the first run of this process, with all that it imports; seconds."""
    del share
    tcc.configure(tcc_url=url)
    return {"first": seconds(lambda: recorder().run(RUNS[0]))}


def discard() -> None:
    """Throw spans away where a background thread would get them."""
    from contextcompany.delivery.outbox.outbox import Outbox

    Outbox.submit = lambda *_: None  # type: ignore[method-assign]
    tcc.configure(tcc_url=_NOBODY)


def seconds(work: Callable[[], object]) -> float:
    """Return the time of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def per_call(work: Callable[[], object], share: float, calls: int = 500) -> float:
    """Return the time of one call, as the median of rounds."""
    count = max(int(calls * share), 2)
    return median(_round(work, count) for _ in range(max(int(_ROUNDS * share), 2)))


def added(base: Callable[[], object], work: Callable[[], object], share: float, *, calls: int = 500) -> float:
    """Return what one call takes more than another; the two take turns."""
    count = max(int(calls * share), 2)
    pairs = [(_round(base, count), _round(work, count)) for _ in range(max(int(_ROUNDS * share), 2) + 1)]
    return median(mine - other for other, mine in pairs[1:])


def resident() -> int:
    """Return the bytes of memory that the process has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4_096


def _round(work: Callable[[], object], count: int) -> float:
    began = time.perf_counter()
    for _ in range(count):
        work()
    return (time.perf_counter() - began) / count


def _endless(replies: Sequence[Any]) -> Any:
    while True:
        yield from replies


CALLS: Final = {measure.__name__: measure for measure in (first_run, off, large, decorators, agent_loop)}
SIZES: Final = {measure.__name__: measure for measure in (over_process, over_run, leaks)}

if __name__ == "__main__":
    chosen = (CALLS | SIZES)[sys.argv[1]]
    print(json.dumps(chosen(sys.argv[2], float(sys.argv[3]))))
