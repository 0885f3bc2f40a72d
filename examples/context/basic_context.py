"""A context: a dataclass with what the tools need to know of one invocation, and the model does not.

The tool gets it in the parameter annotated with its class; the model never sees that parameter. Only what
`recorded` names of it becomes part of the recorded run.
"""

import asyncio
from dataclasses import dataclass, field
from typing import ClassVar

import contextcompany as tcc
from contextcompany.agents import ModelReply, ScriptedModel, ToolRequest


@dataclass
class Customer(tcc.RunContext):
    """Who asks, and what they may do."""

    recorded: ClassVar = {"user_id": "tcc.userId", "plan": "plan"}

    user_id: str
    plan: str = "free"
    permissions: list[str] = field(default_factory=list)

    def may(self, permission: str) -> bool:
        """Tell whether the customer has a permission."""
        return permission in self.permissions


@tcc.tool
def cancel_order(number: int, ctx: Customer) -> str:
    """Cancel an order of the customer."""
    if not ctx.may("cancel"):
        return f"{ctx.user_id} may not cancel orders"
    return f"order {number} of {ctx.user_id} is cancelled, as asked in {ctx.query!r}"


def agent() -> tcc.Agent:
    request = ToolRequest("call-1", "cancel_order", {"number": 17})
    model = ScriptedModel([ModelReply(tool_calls=(request,)), lambda messages: messages[-1]["content"]])
    return tcc.Agent(name="orders", model=model, tools=[cancel_order])


async def main() -> None:
    ada = Customer(user_id="ada", plan="pro", permissions=["cancel"])
    print((await agent().run("Cancel order 17", context=ada)).output)
    print((await agent().run("Cancel order 17", context=Customer(user_id="bob"))).output)
    print("the context itself is as it was:", ada)


asyncio.run(main())
print(tcc.flush())
