"""An agent that calls another: a run inside a run nests under it, in the same trace, and names it."""

import contextcompany as tcc


def translator(text: str) -> str:
    with tcc.run() as r:
        r.prompt(f"Translate: {text}").metadata({"tcc.agent": "translator"})
        r.response("Guten Tag")
        print(f"translator: run {r.run_id} in trace {r.trace_id}")
    return "Guten Tag"


with tcc.run() as r:
    r.prompt("Greet me in German").metadata({"tcc.agent": "host"})
    with r.tool_call("translator") as t:
        t.args({"text": "Good day"})
        t.result(translator("Good day"))
    r.response("Guten Tag!")

print(f"host: run {r.run_id} in trace {r.trace_id}")
print(tcc.flush())
