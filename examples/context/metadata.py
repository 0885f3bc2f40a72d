"""Metadata: a dict on every context for what has no field of its own; a plain RunContext has nothing else.

`with_metadata` gives a new context and leaves the old one alone. The metadata of a context is not recorded;
that of the run, given to `agent.run`, is.
"""

import contextcompany as tcc
from contextcompany.agents import ModelReply, ScriptedModel, ToolRequest

first = tcc.RunContext(metadata={"request_id": "req-1", "locale": "en"})
second = first.with_metadata(locale="de", attempt=2)
print(first.metadata, second.metadata)
print(second.get("attempt"), second.get("region", "no region"))


@tcc.tool
def greet(ctx: tcc.RunContext) -> str:
    """Greet the user in their language."""
    return {"de": "Guten Tag", "en": "Good day"}[ctx.get("locale", "en")]


def agent() -> tcc.Agent:
    call = ToolRequest("call-1", "greet")
    model = ScriptedModel([ModelReply(tool_calls=(call,)), lambda messages: messages[-1]["content"]])
    return tcc.Agent(name="host", model=model, tools=[greet])


print(agent().run("Say hello", context=second, metadata={"channel": "web"}).output)
print(agent().run("Say hello", context={"locale": "en"}).output)  # a mapping becomes the metadata
print(tcc.flush())
