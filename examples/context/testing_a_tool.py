"""In your tests: call a tool as a function, give an agent a script for a model, look at what it recorded."""

import inspect
from dataclasses import dataclass

import contextcompany as tcc
from contextcompany.agents import ModelReply, ScriptedModel, ToolRequest
from contextcompany.testing import capture


class Orders:
    """A database for tests."""

    def of(self, user_id: str) -> list[int]:
        """Return a user's orders."""
        return {"ada": [17, 18]}.get(user_id, [])


@dataclass
class App(tcc.RunContext):
    """What the tools work with."""

    user_id: str
    orders: Orders


@tcc.tool
def list_orders(ctx: App) -> str:
    """List the user's orders."""
    return f"orders: {ctx.orders.of(ctx.user_id)}"


context = App(user_id="ada", orders=Orders())

# The function itself: directly, or without anything of ours around it (`list_orders.__wrapped__`).
assert list_orders(ctx=context) == inspect.unwrap(list_orders)(ctx=context) == "orders: [17, 18]"

# What goes wrong without a context says so.
try:
    list_orders()  # type: ignore[call-arg]
except TypeError as error:
    print(error)

# A whole agent, with a script for a model.
model = ScriptedModel([ModelReply(tool_calls=(ToolRequest("call-1", "list_orders"),)), "You have two."])
with capture() as captured:
    result = tcc.Agent(name="orders", model=model, tools=[list_orders]).run("What did I order?", context)
    assert result.output == "You have two."

assert model.requests[1][-1] == {"role": "tool", "tool_call_id": "call-1", "content": "orders: [17, 18]"}
assert (result.usage.model_calls, result.usage.tool_calls, result.context.query) == (
    2,
    1,
    "What did I order?",
)
assert [span.name for span in captured.spans] == [
    "chat scripted",
    "execute_tool list_orders",
    "chat scripted",
    "invoke_agent orders",
]
print(f"tested in run {result.run_id}")
