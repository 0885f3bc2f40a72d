"""Services in a context: a database, a cache and a key, with a method that uses them; none is recorded.

Tools may be asynchronous; those that the model asks for in one reply run at the same time.
"""

import asyncio
import sqlite3
from dataclasses import dataclass, field

import contextcompany as tcc
from contextcompany.agents import ModelReply, ScriptedModel, ToolRequest


@dataclass
class Services(tcc.RunContext):
    """What tools work with."""

    database: sqlite3.Connection
    api_key: str
    cache: dict[int, str] = field(default_factory=dict)

    async def state_of(self, number: int) -> str:
        """Look in the cache first."""
        if number not in self.cache:
            row = self.database.execute("SELECT state FROM orders WHERE number = ?", (number,)).fetchone()
            self.cache[number] = row[0] if row else "unknown"
        return self.cache[number]


@tcc.tool
async def find_order(number: int, ctx: Services) -> str:
    """Tell the state of an order."""
    return f"{number} is {await ctx.state_of(number)}"


async def main() -> None:
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE orders (number INTEGER, state TEXT)")
    database.execute("INSERT INTO orders VALUES (17, 'shipped'), (18, 'delivered')")

    calls = tuple(ToolRequest(f"call-{n}", "find_order", {"number": n}) for n in (17, 18))
    model = ScriptedModel(
        [
            ModelReply(tool_calls=calls),
            lambda messages: "; ".join(one["content"] for one in messages if one["role"] == "tool"),
        ]
    )
    agent = tcc.Agent(name="orders", model=model, tools=[find_order])
    services = Services(database, api_key="key-of-the-warehouse")
    result = await agent.run("Where are orders 17 and 18?", context=services)
    database.close()
    print(result.output)
    print(f"cached: {services.cache}; the tool has its copy of the context, the services are the same")


asyncio.run(main())
print(tcc.flush())
