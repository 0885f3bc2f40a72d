"""Steps, tool calls and feedback of a run from another process: its id is enough.

The trace and the place in it follow from the run's id, so nothing else travels between the processes.
"""

import subprocess
import sys

import contextcompany as tcc


def agent() -> None:
    with tcc.run() as r:
        r.prompt("Resize the picture")
        subprocess.run([sys.executable, __file__, r.run_id], check=True)  # noqa: S603  (this file)
        r.response("It is 640 pixels wide now.")
    print(f"process 1 ended run {r.run_id}")


def worker(run_id: str) -> None:
    with tcc.tool_call(run_id=run_id, tool_name="resize") as t:
        t.args({"width": 640}).result({"bytes": 51_200})
    with tcc.step(run_id=run_id) as s:
        s.prompt("Describe the picture").response("A boat.")
    confirmed = tcc.submit_feedback(run_id, text="The worker is content.")
    print(f"process 2 added to trace {t.trace_id}; feedback confirmed: {confirmed}", flush=True)


if len(sys.argv) > 1:
    worker(sys.argv[1])
else:
    agent()
