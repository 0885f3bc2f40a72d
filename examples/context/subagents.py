"""Sub-agents: the model calls them as tools; the context flows down, and `query` stays what the user asked.

Each has a run of its own, below the tool call that delegated to it, in the same trace.
"""

import asyncio
from dataclasses import dataclass, field
from typing import ClassVar

import contextcompany as tcc
from contextcompany.agents import ModelReply, ScriptedModel, ToolRequest


@dataclass
class User(tcc.RunContext):
    """Who asks, and in which conversation."""

    recorded: ClassVar = {"user_id": "tcc.userId", "chat": "session"}

    user_id: str
    chat: str
    roles: set[str] = field(default_factory=set)


@tcc.tool
def check_role(role: str, ctx: User) -> str:
    """Tell whether the user has a role."""
    agent = ctx.agent.name if ctx.agent else "nobody"
    print(f"{agent} checks {role} for {ctx.user_id}, who asked: {ctx.query}")
    return "granted" if role in ctx.roles else "denied"


checker = tcc.Agent(
    name="checker",
    instructions="You check what users may do.",
    model=ScriptedModel(
        [
            ModelReply(tool_calls=(ToolRequest("call-2", "check_role", {"role": "admin"}),)),
            lambda messages: f"admin: {messages[-1]['content']}",
        ]
    ),
    tools=[check_role],
)
host = tcc.Agent(
    name="host",
    model=ScriptedModel(
        [
            ModelReply(tool_calls=(ToolRequest("call-1", "checker", {"task": "Is this user an admin?"}),)),
            lambda messages: f"You need to be an admin. {messages[-1]['content']}",
        ]
    ),
    subagents=[checker],
)


async def main() -> None:
    result = await host.run("May I delete files?", context=User("ada", "chat-9", {"reader"}))
    print(result.output)


asyncio.run(main())
print(tcc.flush())
