"""A frozen context: nobody can change it during a run; what should differ goes into a new one.

`FrozenRunContext` is the base to name for type checkers; while the program runs it is `RunContext` itself.
"""

from dataclasses import FrozenInstanceError, dataclass, replace

import contextcompany as tcc
from contextcompany.agents import ModelReply, ScriptedModel, ToolRequest


@dataclass(frozen=True)
class Visitor(tcc.FrozenRunContext):
    """Who asks, in which language."""

    tenant: str
    language: str = "en"


@tcc.tool
def switch_language(language: str, ctx: Visitor) -> str:
    """Try to change the language."""
    try:
        ctx.language = language  # type: ignore[misc]
    except FrozenInstanceError as error:
        return f"not changed: {error}"
    return "changed"


call = ToolRequest("call-1", "switch_language", {"language": "de"})
model = ScriptedModel([ModelReply(tool_calls=(call,)), lambda messages: messages[-1]["content"]])
agent = tcc.Agent(name="host", model=model, tools=[switch_language])

visitor = Visitor(tenant="acme")
print(agent.run("Speak German", context=visitor).output)

german = replace(visitor, language="de")
traced = german.with_metadata(request_id="req-7")
print(visitor, german, traced, sep="\n")
assert hash(german) == hash(traced)  # metadata takes part in ==, not in the hash
print(tcc.flush())
