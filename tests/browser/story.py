"""A week in the life of a few agents, recorded with the real API; times and ids are the same each time.

`python -m tests.browser.story DATABASE` writes it into a database, as of now.
"""

from __future__ import annotations

import itertools
import random
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import openai

import contextcompany as tcc
from contextcompany.local.embedded.collector import Collector
from contextcompany.local.store.sqlite.store import SqliteRunStore
from contextcompany.semconv import attributes
from examples.demo.agent import SupportAgent
from examples.demo.scripted_openai import ScriptedOpenAI
from examples.demo.tools import Tools
from tests.browser.retelling import MS, Retelling
from tests.browser.tales import PEOPLE, QUESTIONS, TALES, TRIP, TRIP_ANSWER, TRIP_SYSTEM, Call, Tale

if TYPE_CHECKING:
    from contextcompany.local.otlp.spans import SpanRecord

TRIP_RUN: Final = "trip-to-lisbon"
"""The address of the run with sub-agents."""
SESSION: Final = "chat-ada-7"
"""The session with the support agent of the demo."""
RUNS: Final = len(TALES) + len(QUESTIONS) + 1
"""How many different runs there are; the week repeats them."""

_COPIES: Final = 24
_MINUTE: Final = 60_000 * MS
_DAY: Final = 1_440 * _MINUTE


def tell(store: SqliteRunStore, *, copies: int = _COPIES) -> None:
    """Fill a store with the week that ends now."""
    chance = random.Random(6)
    recorded = _recorded()
    now = time.time_ns()
    spans: list[SpanRecord] = []
    # The newest of each are a few minutes apart, the conversation last.
    newest = [*recorded[len(QUESTIONS) :], *recorded[: len(QUESTIONS)]]
    for number, one in enumerate(newest):
        minutes = 3 + 2.3 * (len(newest) - 1 - number) ** 1.35 + chance.random()
        spans += one.retold(chance, now - round(minutes * _MINUTE))
    for copy in range(1, copies):
        for number, one in enumerate(recorded):
            # Fewer at night and at the weekend, as people are.
            day = now - round((chance.random() * 6.6 + 0.2) * _DAY)
            hour = chance.gauss(13.0, 3.2) - (day // (60 * _MINUTE)) % 24
            begun = day + round(hour * 60 * _MINUTE)
            if now - 7 * _DAY < begun < now - 300 * _MINUTE and chance.random() < _busy(begun):
                spans += one.retold(chance, begun, f"-{copy}-{number}")
    store.add(spans)


def _busy(when_ns: int) -> float:
    weekday = (when_ns // _DAY + 3) % 7  # the epoch began on a Thursday
    return 0.35 if weekday >= 5 else 0.95


@dataclass(frozen=True, slots=True)
class _Recorded:
    """One run as it was recorded: its spans, and what its id is to become."""

    spans: tuple[SpanRecord, ...]
    run_id: str
    name: str

    def retold(self, chance: random.Random, begun_ns: int, end: str = "") -> list[SpanRecord]:
        """Return its spans at a time; its ids and those of its session end in a text."""
        ids = {
            value: value + end
            for span in self.spans
            for key in (attributes.TCC_RUN_ID, attributes.TCC_SESSION_ID)
            if isinstance(value := span.attributes.get(key), str)
        }
        return Retelling(self.spans, chance, ids | {self.run_id: self.name + end}).at(begun_ns)


def _recorded() -> list[_Recorded]:
    """Record every run once, the conversation with the demo's agent first."""
    with Collector() as collector:
        tcc.configure(tcc_url=collector.url, service_name="agents")
        made = [(run, f"ada-{number}") for number, run in enumerate(_conversation(), 1)]
        made += [(run, run.run_id) for run in (*map(_told, TALES, itertools.count()), _trip())]
        tcc.flush(20.0)
        tcc.shutdown()
        spans = collector.store.spans()
    by_trace: defaultdict[str, list[SpanRecord]] = defaultdict(list)
    for span in spans:
        by_trace[span.trace_id].append(span)
    return [_Recorded(tuple(by_trace[run.trace_id]), run.run_id, name) for run, name in made]


def _conversation() -> list[tcc.Run]:
    """Let a customer talk to the agent of the demo."""
    with (
        ScriptedOpenAI(failures={4: 500}, seconds=0.0) as scripted,
        openai.OpenAI(api_key="none", base_url=scripted.base_url, max_retries=0) as client,
    ):
        tools = Tools()
        agent = SupportAgent(client, tools, session_id=SESSION)
        made = [agent.answer(question) for question in QUESTIONS]
        tools.close()
    made[1].feedback(score="thumbs_up", text="Quick and clear, thank you!")
    return made


def _told(tale: Tale, number: int) -> tcc.Run:
    user, name, org, org_name = PEOPLE[number % len(PEOPLE)]
    run = tcc.run(run_id=f"{tale.agent}-{number}", session_id=f"s-{user}-{number // len(PEOPLE)}")
    run.prompt(tale.prompt, system_prompt=f"You are {tale.agent}. Be brief, and say when you are not sure.")
    run.metadata(
        {
            "tcc.agent": tale.agent,
            "tcc.userId": user,
            "tcc.userName": name,
            "tcc.orgId": org,
            "tcc.orgName": org_name,
        },
        release="2026.11" if number % 3 else "2026.12-rc1",
    )
    messages: list[dict[str, object]] = [{"role": "user", "content": tale.prompt}]
    for place, call in enumerate(tale.calls):
        wish = {"name": call.tool, "arguments": dict(call.args)}
        asked = {"type": "function", "id": f"call_{place}", "function": wish}
        step = run.step().prompt(messages).model(requested=tale.model)
        step.response({"role": "assistant", "content": None, "tool_calls": [asked]})
        step.finish_reason("tool_calls")
        step.tokens(prompt_uncached=tale.read - tale.cached, prompt_cached=tale.cached, completion=26).end()
        _called(run, call)
        messages += [
            {"role": "assistant", "content": None, "tool_calls": [asked]},
            {"role": "tool", "tool_call_id": f"call_{place}", "content": str(call.error or call.result)},
        ]
    last = run.step().prompt(messages).model(requested=tale.model)
    if tale.error:
        last.error(_error(tale.error))
        run.error(_error(tale.error))
        return run
    last.response(tale.answer).finish_reason("stop")
    last.tokens(prompt_uncached=tale.read, prompt_cached=tale.cached, completion=tale.words).end()
    run.response(tale.answer)
    if tale.partial:
        run.status(1, tale.partial)
    run.end()
    if tale.score:
        run.feedback(score=tale.score, text=tale.said or None)  # type: ignore[arg-type]
    return run


def _called(run: tcc.Run, call: Call) -> None:
    handle = run.tool_call(call.tool).args(dict(call.args))
    if call.error:
        handle.error(_error(call.error))
    else:
        handle.result(call.result).end()


def _error(text: str) -> Exception:
    """Make an exception of a type and a message."""
    kind, message = text.split(": ", 1)
    made: Exception = type(kind, (Exception,), {"__module__": "builtins"})(message)
    return made


def _trip() -> tcc.Run:
    model = "claude-sonnet-4-5"
    with tcc.run(run_id=TRIP_RUN, session_id="s-u-204-trip") as run:
        run.prompt(TRIP, system_prompt=TRIP_SYSTEM)
        user, name, org, org_name = PEOPLE[0]
        run.metadata(
            {
                "tcc.agent": "trip-planner",
                "tcc.userId": user,
                "tcc.userName": name,
                "tcc.orgId": org,
                "tcc.orgName": org_name,
            },
            release="2026.12-rc1",
        )
        with run.step() as step:
            step.prompt(TRIP).model(requested=model)
            step.response("I ask for flights first, then for hotels with what is left of the budget.")
            step.tokens(prompt_uncached=1_310, completion=96)
        with tcc.run(run_id=f"{TRIP_RUN}-flights") as flights:
            flights.prompt("Flights CPH to LIS, 4 adults, three days in May, below 1,400 EUR")
            flights.metadata({"tcc.agent": "flight-search"})
            with flights.step() as step:
                step.prompt("Find the cheapest three days in May").model(requested="gpt-5-mini")
                step.response("Thursdays are cheapest. I compare two carriers.")
                step.tokens(prompt_uncached=620, completion=38)
            first = flights.tool_call("search_flights").args(
                {"carrier": "TP", "out": "2026-05-21", "adults": 4}
            )
            second = flights.tool_call("search_flights").args(
                {"carrier": "D8", "out": "2026-05-21", "adults": 4}
            )
            second.error(ConnectionError("the carrier's gateway closed the connection"))
            first.result(
                {
                    "flight": "TP 751",
                    "departs": "06:55",
                    "back": "TP 752",
                    "total": {"EUR": 1336.0},
                    "seats": 9,
                }
            ).end()
            flights.response("TP 751 and back with TP 752, 1,336 EUR for four. D8 did not answer.")
            flights.status(1, "1 of 2 carriers answered")
        with tcc.run(run_id=f"{TRIP_RUN}-hotels") as hotels:
            hotels.prompt("A quiet hotel near the river, two rooms, 21 to 24 May, below 1,700 EUR")
            hotels.metadata({"tcc.agent": "hotel-search"})
            with hotels.tool_call("search_hotels") as call:
                call.args({"near": "Tejo", "quiet": True, "rooms": 2, "nights": 3})
                call.result([{"name": "Casa do Rio", "EUR": 1488}, {"name": "Hotel Alcântara", "EUR": 1614}])
            with hotels.step() as step:
                step.prompt("Which of the two is quieter?").model(requested="gpt-5-mini")
                step.response("Casa do Rio: its rooms look to the courtyard.")
                step.tokens(prompt_uncached=1_480, prompt_cached=1_024, completion=54)
            with hotels.tool_call("hold_rooms") as call:
                call.args({"hotel": "Casa do Rio", "until": "2026-03-20T12:00"})
                call.result({"held": True, "reference": "CR-20931"})
            hotels.response("Casa do Rio holds two rooms until Friday noon, 1,488 EUR.")
        with run.step() as step:
            step.prompt("Put the plan together for the group").model(requested=model)
            step.response(TRIP_ANSWER)
            step.tokens(prompt_uncached=1_240, prompt_cached=1_792, completion=244)
        run.response(TRIP_ANSWER)
    run.feedback(score="thumbs_up", text="Lovely, and below the budget. Book it!")
    return run


def write(path: str, *, copies: int = _COPIES) -> None:
    """Write the week that ends now into a database; one copy is each run once."""
    with SqliteRunStore.open(Path(path)) as store:
        tell(store, copies=copies)


if __name__ == "__main__":
    write(sys.argv[1])
