"""Patterns combined: one context with a task's place, attempt and deadline, and a method for its children."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import contextcompany as tcc
from contextcompany.agents import ModelReply, ScriptedModel, ToolRequest
from contextcompany.core import generate_id, now_utc


@dataclass
class Execution(tcc.RunContext):
    """Where a task stands."""

    recorded = ("depth", "retry_count")

    task_id: str = field(default_factory=generate_id)
    parent_task_id: str | None = None
    depth: int = 0
    max_depth: int = 2
    retry_count: int = 0
    deadline: datetime = field(default_factory=lambda: now_utc() + timedelta(minutes=1))

    @property
    def may_delegate(self) -> bool:
        """Tell whether there is depth and time for a sub-task."""
        return self.depth < self.max_depth and now_utc() < self.deadline

    def child(self) -> "Execution":
        """Return the context of a sub-task: the deadline stays, the attempts begin anew."""
        return replace(
            self, task_id=generate_id(), parent_task_id=self.task_id, depth=self.depth + 1, retry_count=0
        )


@tcc.tool
async def work(ctx: Execution) -> str:
    """Do the task, or have it done."""
    if ctx.may_delegate:
        child = ctx.child()
        assert child.parent_task_id == ctx.task_id
        return (await worker().run("Do a part of it", context=child)).output
    if ctx.retry_count == 0:
        retried = replace(ctx, retry_count=1)
        return (await worker().run("Do it again", context=retried)).output
    return f"done at depth {ctx.depth}, attempt {ctx.retry_count}, for: {ctx.query}"


def worker() -> tcc.Agent:
    call = ToolRequest("call-1", "work")
    model = ScriptedModel([ModelReply(tool_calls=(call,)), lambda messages: messages[-1]["content"]])
    return tcc.Agent(name="worker", model=model, tools=[work])


print(asyncio.run(worker().run("Paint the fence", context=Execution())).output)
print(tcc.flush())
