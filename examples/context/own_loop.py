"""Your own loop: `@tcc.agent` makes a run of each call of a function, and injects and carries the context.

The first argument is the prompt, what is returned the response. Steps are yours to record; tools record
themselves, and find the context wherever they are called.
"""

from dataclasses import dataclass
from typing import ClassVar

import contextcompany as tcc


@dataclass
class Caller(tcc.RunContext):
    """Who calls."""

    recorded: ClassVar = {"number": "tcc.userId", "call": "session"}

    number: str
    call: str


@tcc.tool
def open_tickets(state: str, ctx: Caller) -> list[str]:
    """List the caller's tickets."""
    return [f"{state} ticket of {ctx.number}"]


def tickets_anywhere_below() -> list[str]:
    return open_tickets("open")  # type: ignore[call-arg]  # the context is found


@tcc.agent(name="hotline")
def hotline(question: str, ctx: Caller) -> str:
    run = tcc.current_run()
    assert run is not None
    with run.step() as s:
        s.prompt(question).response("I look for your tickets.").model(requested="gpt-5-mini")
    found = tickets_anywhere_below()
    return f"{ctx.query} {len(found)}: {found[0]}"


print(hotline("How many tickets are open?", Caller("+45 1234", call="call-7")))
print("outside of the agent there is no context:", tcc.current_context())
print(tcc.flush())
