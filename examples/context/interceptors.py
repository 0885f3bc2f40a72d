"""Interceptors see and steer a run: three ready-made ones and one of your own, asked in the order given.

A gate refuses single tool calls, a budget and a deadline stop the run, and one of your own may do anything at
any phase. Stops and refusals can be seen on the run's span.
"""

import asyncio
from dataclasses import dataclass, field

import contextcompany as tcc
from contextcompany.agents import ModelReply, ScriptedModel, ToolRequest
from contextcompany.interceptors import (
    Budget,
    Deadline,
    InterceptContext,
    Interceptor,
    InterceptResult,
    PermissionGate,
    Phase,
)


@dataclass
class Clerk(tcc.RunContext):
    """What a clerk may do."""

    may_call: set[str] = field(default_factory=set)
    seconds_at_the_bank: float = 0.0


class Log(Interceptor):
    """Print the phases of a run that comes to its end."""

    async def intercept(self, phase: Phase, context: InterceptContext) -> InterceptResult:
        """Note the phase in the state that the interceptors of a run share."""
        context.state.setdefault("seen", []).append(phase.value)
        if phase is Phase.POST_RUN:
            print("phases:", " ".join(context.state["seen"]))
        return InterceptResult.continue_()


@tcc.tool
async def refund(number: int, ctx: Clerk) -> str:
    """Pay an order back."""
    await asyncio.sleep(ctx.seconds_at_the_bank)
    return f"order {number} is paid back"


ASK = ModelReply(tool_calls=(ToolRequest("call-1", "refund", {"number": 17}),))


async def work(clerk: Clerk, interceptor: Interceptor, name: str, *replies: object) -> None:
    agent = tcc.Agent(
        name=name, model=ScriptedModel(replies), tools=[refund], interceptors=[Log(), interceptor]
    )
    result = await agent.run("Pay order 17 back", context=clerk)
    print(f"{name}: {result.output} (stopped by {result.stopped})")


async def main() -> None:
    gate = PermissionGate(lambda context, tool: isinstance(context, Clerk) and tool in context.may_call)
    await work(
        Clerk({"find_order"}), gate, "gate", ASK, lambda messages: f"I was told: {messages[-1]['content']}"
    )
    await work(Clerk(), Budget(model_calls=2, tool_calls=5), "budget", ASK, ASK, ASK)
    await work(Clerk(seconds_at_the_bank=0.5), Deadline(seconds=0.3), "deadline", ASK, "Done.")


asyncio.run(main())
print(tcc.flush())
