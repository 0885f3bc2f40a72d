"""What only this package is measured by, in its own process: `python -m benchmarks.peers.own NAME URL SHARE`.

SHARE is the share of the full amount. Each prints one JSON object of figures. Where the time of the caller
alone is asked for, spans are thrown away where a background thread would get them.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, Any, Final

import contextcompany as tcc
from benchmarks.peers.adapters.ours import recorder
from benchmarks.peers.timing import NOBODY, ROUNDS, added, discard, per_call, seconds
from benchmarks.peers.workload import RUNS

if TYPE_CHECKING:
    from collections.abc import Sequence

Figures = dict[str, float]

_LARGE: Final = 10_000_000
_LARGE_MESSAGES: Final = 1_000
_REQUESTS: Final = 10
_FIRST_RUN: Final = """\
import time
import contextcompany as tcc
began = time.perf_counter()
with tcc.run() as run:
    run.prompt("Where is my parcel?")
    with run.step() as step:
        step.prompt("Where is my parcel?").response("On its way.").model("gpt-5")
    run.response("On its way.")
print(time.perf_counter() - began)
"""


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
        tcc.configure(tcc_url=NOBODY, **settings)
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
    for _ in range(ROUNDS):
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
    from contextcompany.agents import Agent

    discard()

    def look(city: str) -> str:
        """Look up the weather.

        Args:
            city: the city's name.
        """
        del city
        return "clear"

    task, instructions = "How is the weather?", "You are a weather clerk."
    model = Asked()
    clerk = Agent(
        name="clerk", model=model, tools=[tcc.tool(look)], instructions=instructions, max_steps=_REQUESTS
    )
    loop = asyncio.new_event_loop()
    messages = loop.run_until_complete(clerk.run(task)).messages
    # After the system prompt and the task an answer and the result of a call take turns.
    requests = [(messages[:end], messages[end]) for end in range(2, len(messages), 2)]

    def by_hand() -> None:
        with tcc.run() as run:
            run.prompt(task, instructions).metadata({"tcc.agent": "clerk"})
            for asked, answer in requests:
                with run.step() as step:
                    step.prompt(asked).model(requested=model.name)
                    step.tool_definitions([schema.openai() for schema in model.tools])
                    step.response(answer).model(used=None).finish_reason(None).tokens(10, 0, 5)
                if answer is not messages[-1]:
                    with run.tool_call("look", "call") as call:
                        call.args({"city": "Oslo"}).result("clear")
            run.response("clear")

    try:
        more = added(by_hand, lambda: loop.run_until_complete(clerk.run(task)), share, calls=20)
    finally:
        loop.close()
    return {"request": more / _REQUESTS}


class Asked:
    """A model that asks for a tool until it has been asked often enough."""

    name = "scripted"

    def __init__(self) -> None:
        self.tools: Sequence[Any] = ()

    async def reply(self, messages: Sequence[Any], tools: Sequence[Any]) -> Any:
        """See `contextcompany.agents.Model`."""
        from contextcompany.agents import ModelReply, ModelUsage, ToolRequest

        self.tools = tools
        usage = ModelUsage(prompt_uncached=10, prompt_cached=0, completion=5)
        if len(messages) >= 2 * _REQUESTS:
            return ModelReply(text="clear", usage=usage)
        request = ToolRequest(id="call", name="look", arguments='{"city":"Oslo"}')
        return ModelReply(tool_calls=(request,), usage=usage)


def first_run(url: str, share: float) -> Figures:
    """Measure the first run of a process that has imported the package and nothing else; seconds."""
    del share
    finished = subprocess.run(  # noqa: S603  (ours)
        [sys.executable, "-c", _FIRST_RUN],
        env={**os.environ, "TCC_URL": url},
        capture_output=True,
        text=True,
        check=True,
    )
    return {"first": float(finished.stdout)}


CALLS: Final = {measure.__name__: measure for measure in (first_run, off, large, decorators, agent_loop)}

if __name__ == "__main__":
    print(json.dumps(CALLS[sys.argv[1]](sys.argv[2], float(sys.argv[3]))))
