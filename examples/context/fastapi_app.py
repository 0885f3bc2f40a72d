"""A context for each web request: a FastAPI dependency makes it, and the tools read the tenant from it.

Serve it by `uvicorn fastapi_app:app`. Run as a program it asks itself, through FastAPI's test client.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from fastapi import Depends, FastAPI, Header
from fastapi.testclient import TestClient

import contextcompany as tcc
from contextcompany.agents import ModelReply, ScriptedModel, ToolRequest

app = FastAPI()


@dataclass
class Orders:
    """The database session of one request."""

    tenant_id: str

    def of(self, user_id: str) -> list[str]:
        """Return a user's orders."""
        return [f"{self.tenant_id}/{user_id}/{article}" for article in ("anvil", "rope")]


@dataclass
class RequestContext(tcc.RunContext):
    """Who asks, and the session with which to look for the answer."""

    recorded: ClassVar = {"tenant_id": "tcc.orgId", "user_id": "tcc.userId", "request_id": "request_id"}

    tenant_id: str
    user_id: str
    request_id: str
    orders: Orders


Text = Annotated[str, Header()]


def request_context(x_tenant: Text, x_user: Text, x_request_id: Text) -> RequestContext:
    return RequestContext(x_tenant, x_user, x_request_id, Orders(x_tenant))


@tcc.tool
def list_orders(ctx: RequestContext) -> list[str]:
    """List the user's orders."""
    return ctx.orders.of(ctx.user_id)


def get_agent() -> tcc.Agent:
    call = ModelReply(tool_calls=(ToolRequest("call-1", "list_orders"),))
    model = ScriptedModel([call, lambda messages: f"You ordered {messages[-1]['content']}"])
    return tcc.Agent(name="shop", model=model, tools=[list_orders])


@app.post("/chat")
async def chat(
    message: str,
    context: Annotated[RequestContext, Depends(request_context)],
    agent: Annotated[tcc.Agent, Depends(get_agent)],
) -> dict[str, str]:
    result = await agent.run(message, context=context)
    return {"response": result.output, "run_id": result.run_id}


if __name__ == "__main__":
    for tenant, user in (("acme", "ada"), ("globex", "bob")):
        headers = {"x-tenant": tenant, "x-user": user, "x-request-id": f"req-{user}"}
        answer = TestClient(app).post("/chat", params={"message": "What did I order?"}, headers=headers)
        print(answer.status_code, answer.json()["response"])
    print(tcc.flush())
