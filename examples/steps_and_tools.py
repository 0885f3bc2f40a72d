"""Inside a run: a step for each request to a model, a tool call for each tool that the model asks for.

Leaving a `with` block ends the handle. Without `with`, end it by `.end()`. Setters return the handle.
"""

import contextcompany as tcc

QUESTION = "Where is order 17?"


def find_order(number: int) -> dict[str, object]:
    return {"number": number, "state": "shipped", "days": 2}


with tcc.run() as r:
    r.prompt(QUESTION)

    with r.step() as s:
        s.prompt(QUESTION).response("I look it up.").finish_reason("tool_calls")
        s.model(requested="gpt-5-mini", used="gpt-5-mini-2025-08-07").tokens(
            prompt_uncached=31, completion=12
        )

    with r.tool_call("find_order") as t:
        t.args({"number": 17})
        order = find_order(17)
        t.result(order)

    s = r.step().prompt(f"{QUESTION}\nfind_order: {order}").response("It comes in 2 days.")
    s.model(requested="gpt-5-mini").tokens(prompt_uncached=64, completion=8).finish_reason("stop").end()

    r.response("It comes in 2 days.")

print(f"{r!r} with {s!r} and {t!r}")
print(tcc.flush())
