"""The first run: one input of a user, one final answer.

Start a collector, say `TCC_URL=http://localhost:4318`, and run this file. Without TCC_URL nothing is sent
anywhere, and nothing else changes.
"""

import contextcompany as tcc

with tcc.run() as r:
    r.prompt("Where is order 17?", system_prompt="You answer questions about orders.")
    r.response("It will be with you on Friday.")

print(f"run {r.run_id} is trace {r.trace_id}")
print(tcc.flush())
