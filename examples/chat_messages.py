"""What clients speak: chat messages, tool calls and tool definitions in the shapes of OpenAI and Anthropic.

Lists, dicts, message objects of the clients and JSON text are all taken as they are, and recorded in the one
form of the GenAI conventions. What you change afterwards does not change what was recorded.
"""

import contextcompany as tcc

TOOLS = [{"type": "function", "function": {"name": "find_order", "parameters": {"type": "object"}}}]
CALL = {"id": "call_1", "type": "function", "function": {"name": "find_order", "arguments": '{"number": 17}'}}

messages: list[dict[str, object]] = [
    {"role": "system", "content": "You answer questions about orders."},
    {"role": "user", "content": "Where is order 17?"},
]

with tcc.run(run_id="messages") as r:
    r.prompt("Where is order 17?")
    with r.step("first") as s:
        answer: dict[str, object] = {"role": "assistant", "content": None, "tool_calls": [CALL]}
        s.prompt(messages).response(answer).tool_definitions(TOOLS).finish_reason("tool_calls")
    messages.append(answer)

    with r.tool_call("find_order", "call_1") as t:
        t.args('{"number": 17}').result("shipped")
    messages.append({"role": "tool", "tool_call_id": "call_1", "content": "shipped"})

    with r.step("second") as s:
        s.prompt(messages).response({"role": "assistant", "content": "It is on its way."})
    r.response("It is on its way.")

print(f"2 steps with 2 and {len(messages)} messages in run {r.run_id}")
print(tcc.flush())
