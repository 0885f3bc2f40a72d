"""Lineage: each task knows the chain of tasks that it came from, in its context.

The recorded trace has the same chain (`tcc.parentRunId`); this is for tools that need it.
"""

import asyncio
from dataclasses import dataclass, field, replace

import contextcompany as tcc
from contextcompany.agents import ModelReply, ScriptedModel, ToolRequest
from contextcompany.core import generate_id


@dataclass
class Task(tcc.RunContext):
    """A task and its ancestors, the root first."""

    recorded = ("task_id",)

    task_id: str = field(default_factory=generate_id)
    ancestors: tuple[str, ...] = ()

    @property
    def is_root(self) -> bool:
        """Tell whether the task came from no other."""
        return not self.ancestors

    def child(self) -> "Task":
        """Return the context of a sub-task."""
        return replace(self, task_id=generate_id(), ancestors=(*self.ancestors, self.task_id))


@tcc.tool
def where_am_i(ctx: Task) -> str:
    """Tell the chain of tasks."""
    kind = "the root task" if ctx.is_root else f"{len(ctx.ancestors)} below the root"
    return f"{kind}: " + " > ".join(one[:8] for one in (*ctx.ancestors, ctx.task_id))


@tcc.tool
async def hand_on(task: str, ctx: Task) -> str:
    """Hand a task on to the clerk."""
    return (await agent("clerk", "where_am_i").run(task, context=ctx.child())).output


def agent(name: str, *calls: str) -> tcc.Agent:
    arguments = {"where_am_i": {}, "hand_on": {"task": "File it"}}
    wanted = tuple(ToolRequest(f"{name}-{call}", call, arguments[call]) for call in calls)
    model = ScriptedModel(
        [
            ModelReply(tool_calls=wanted),
            lambda messages: "\n".join(one["content"] for one in messages if one["role"] == "tool"),
        ]
    )
    return tcc.Agent(name=name, model=model, tools=[where_am_i, hand_on])


print(asyncio.run(agent("head", "where_am_i", "hand_on").run("File the letter", context=Task())).output)
print(tcc.flush())
