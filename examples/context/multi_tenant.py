"""Tenants: each brings its settings in its context; what it may not call, its model is not even told of.

One agent serves them at the same time. What is recorded of each carries its organisation.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import contextcompany as tcc
from contextcompany.agents import ModelReply, ScriptedModel, ToolRequest
from contextcompany.interceptors import InterceptContext, Interceptor, InterceptResult, Phase


@dataclass
class Tenant(tcc.RunContext):
    """A tenant and its settings."""

    recorded: ClassVar = {"tenant_id": "tcc.orgId"}

    tenant_id: str
    allowed_tools: Sequence[str]
    currency: str = "EUR"


class TenantTools(Interceptor):
    """Offer each tenant its own tools."""

    async def intercept(self, phase: Phase, context: InterceptContext) -> InterceptResult:
        """Leave only the allowed tools."""
        if phase is Phase.PRE_RUN and isinstance(context.run_context, Tenant):
            return InterceptResult.modify(tools=context.run_context.allowed_tools)
        return InterceptResult.continue_()


@tcc.tool
def price(article: str, ctx: Tenant) -> str:
    """Tell a price."""
    return f"{article}: {len(article)} {ctx.currency}"


@tcc.tool
def buy(article: str, ctx: Tenant) -> str:
    """Buy an article."""
    return f"{article} bought for {ctx.tenant_id}"


async def serve(tenant: Tenant) -> str:
    calls = tuple(ToolRequest(name, name, {"article": "anvil"}) for name in ("price", "buy"))
    told = ScriptedModel(
        [
            ModelReply(tool_calls=calls),
            lambda messages: " | ".join(one["content"] for one in messages if one["role"] == "tool"),
        ]
    )
    agent = tcc.Agent(name="shop", model=told, tools=[price, buy], interceptors=[TenantTools()])
    return f"{tenant.tenant_id}: {(await agent.run('Buy an anvil', context=tenant)).output}"


async def main() -> None:
    acme, globex = Tenant("acme", ["price", "buy"]), Tenant("globex", ["price"], "USD")
    print(*await asyncio.gather(serve(acme), serve(globex)), sep="\n")


asyncio.run(main())
print(tcc.flush())
