"""Retries: each attempt gets a context that says which one it is, so that tools can be more patient.

A failing tool does not fail the run: the model is told, and may try again. A failing model does.
"""

import asyncio
from dataclasses import dataclass, replace

import contextcompany as tcc
from contextcompany.agents import ModelReply, ScriptedModel, ToolRequest


@dataclass
class Attempt(tcc.RunContext):
    """Which attempt this is."""

    recorded = ("retry_count",)

    retry_count: int = 0
    max_retries: int = 3

    @property
    def timeout(self) -> int:
        """Return the seconds to wait, more with each retry."""
        return 5 + 10 * self.retry_count


@tcc.tool
def fetch(url: str, ctx: Attempt) -> str:
    """Fetch a page."""
    return f"{url} answered within {ctx.timeout} s"


def agent() -> tcc.Agent:
    call = ToolRequest("call-1", "fetch", {"url": "https://shop.example"})
    return tcc.Agent(
        name="fetcher", model=ScriptedModel([ModelReply(tool_calls=(call,)), answer]), tools=[fetch]
    )


busy = [True, True, False]


def answer(messages: list[dict[str, str]]) -> str:
    if busy.pop(0):
        raise ConnectionError("the model is busy")
    return messages[-1]["content"]


async def main() -> None:
    attempt = Attempt()
    while True:
        try:
            result = await agent().run("Is the shop up?", context=attempt)
        except ConnectionError as error:
            print(f"attempt {attempt.retry_count}: {error}")
            if attempt.retry_count == attempt.max_retries:
                raise
            attempt = replace(attempt, retry_count=attempt.retry_count + 1)
        else:
            print(f"attempt {attempt.retry_count}: {result.output}")
            return


asyncio.run(main())
print(tcc.flush())
