"""What fails: a tool call, a step, a run; each says what happened, and none fails another.

An exception that leaves a `with` block fails its handle and goes on unchanged. `error()` needs no fields and
takes a text or the exception. Secrets in messages are masked before they leave.
"""

import contextcompany as tcc


def charge(order: int) -> str:
    raise ConnectionError(f"order {order}: https://desk:hunter2@bank.example refused")


with tcc.run(run_id="recovers") as r:
    r.prompt("Charge my card for order 17")
    try:
        with r.tool_call("charge") as t:
            t.args({"order": 17})
            t.result(charge(17))
    except ConnectionError as error:
        print(f"{t.tool_call_id} failed: {type(error).__name__}; the collector sees no password")

    r.step().prompt("Apologise.").error("the model gave no answer")
    r.response("I could not charge your card.")  # the run ends well all the same

tcc.run(run_id="fails").error(TimeoutError("the agent gave up"))

print(tcc.flush())
