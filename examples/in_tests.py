"""In your tests: record into memory and look at what your agent did; nothing leaves, TCC_URL or not."""

import contextcompany as tcc
from contextcompany.testing import capture


def agent(question: str) -> str:
    with tcc.run() as r:
        r.prompt(question).metadata({"tcc.agent": "orders"})
        r.tool_call("find_order").args({"number": 17}).result({"state": "shipped"}).end()
        r.response("On its way.")
    return "On its way."


with capture() as captured:
    agent("Where is order 17?")

tool_call, run = captured.spans
assert (tool_call.name, run.name) == ("execute_tool find_order", "invoke_agent orders")
assert tool_call.parent == run.context
assert dict(run.attributes or {})["tcc.statusCode"] == 0
print("the agent looked the order up before it answered")
