"""Delegation by hand: a tool runs another agent with a context of its own, one level deeper.

The tool is synchronous, so it waits by `.output`. For plain delegation `subagents=[…]` needs no such tool;
`Agent(max_depth=…)` bounds both.
"""

from dataclasses import dataclass, replace

import contextcompany as tcc
from contextcompany.agents import ModelReply, ScriptedModel, ToolRequest


@dataclass
class Delegation(tcc.RunContext):
    """How deep a task has been delegated."""

    recorded = ("depth",)

    depth: int = 0
    max_depth: int = 2

    def deeper(self) -> "Delegation":
        """Return the context of the next level."""
        return replace(self, depth=self.depth + 1)


@tcc.tool
def delegate(task: str, ctx: Delegation) -> str:
    """Give a task to another worker."""
    if ctx.depth >= ctx.max_depth:
        return f"done at depth {ctx.depth}, deep enough"
    return worker().run(task, context=ctx.deeper()).output


def worker() -> tcc.Agent:
    call = ToolRequest("call-1", "delegate", {"task": "Sort a part of them"})
    model = ScriptedModel([ModelReply(tool_calls=(call,)), lambda messages: messages[-1]["content"]])
    return tcc.Agent(name="worker", model=model, tools=[delegate])


print(worker().run("Sort the letters", context=Delegation()).output)
print(tcc.flush())
