"""Deadlines in a context: tools see how much time is left and do less, or nothing, when it is short.

The interceptor `Deadline` (see interceptors.py) stops whole runs instead.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import contextcompany as tcc
from contextcompany.agents import ModelReply, ScriptedModel, ToolRequest
from contextcompany.core import now_utc


@dataclass
class Timed(tcc.RunContext):
    """When it began, and when it must be done."""

    started_at: datetime = field(default_factory=now_utc)
    deadline: datetime | None = None

    @property
    def elapsed(self) -> timedelta:
        """Return how long it takes already."""
        return now_utc() - self.started_at

    @property
    def remaining(self) -> timedelta | None:
        """Return how much time is left, None for all the time in the world."""
        return None if self.deadline is None else self.deadline - now_utc()


@tcc.tool
def count_stock(ctx: Timed) -> str:
    """Count what is in stock."""
    remaining = ctx.remaining
    if remaining is not None and remaining <= timedelta(0):
        return "too late, not counted"
    if remaining is not None and remaining < timedelta(seconds=5):
        return "about 900, estimated"
    assert ctx.elapsed < timedelta(minutes=1)
    return "912, counted one by one"


def agent() -> tcc.Agent:
    call = ToolRequest("call-1", "count_stock")
    model = ScriptedModel([ModelReply(tool_calls=(call,)), lambda messages: messages[-1]["content"]])
    return tcc.Agent(name="storekeeper", model=model, tools=[count_stock])


for left in (None, 60, 3, -1):
    deadline = None if left is None else now_utc() + timedelta(seconds=left)
    print(agent().run("How much is in stock?", context=Timed(deadline=deadline)).output)
print(tcc.flush())
