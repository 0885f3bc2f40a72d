"""An optional context: the same tool with and without one, beside its other parameters.

Called directly, outside of any agent, a tool is the plain function.
"""

from dataclasses import dataclass

import contextcompany as tcc
from contextcompany.agents import ModelReply, ScriptedModel, ToolRequest


@dataclass
class Reader(tcc.RunContext):
    """Who searches."""

    language: str


@tcc.tool
def search(query: str, limit: int = 2, ctx: Reader | None = None) -> str:
    """Search the shop's articles.

    Args:
        query: the words to look for.
        limit: how many articles at most.
        ctx: the reader; models are not told of it.
    """
    language = ctx.language if ctx else "any language"
    return f"{limit} articles on {query!r} in {language}"


print(search("returns"))
print(search("returns", ctx=Reader(language="French")))

call = ToolRequest("call-1", "search", {"query": "returns", "limit": 5})
model = ScriptedModel([ModelReply(tool_calls=(call,)), lambda messages: messages[-1]["content"]])
agent = tcc.Agent(name="librarian", model=model, tools=[search])

# Outside of an event loop a run starts at once in a worker thread, and `.output` waits for it.
print(agent.run("What are the rules for returns?", context=Reader(language="Danish")).output)
print(tcc.flush())
