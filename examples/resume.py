"""A person in the loop: the run asks and ends, and another process goes on with it after the answer.

The run id would be enough here. The carrier is needed where the run nests under another span.
"""

import json
import os
import subprocess
import sys

import contextcompany as tcc


def ask() -> None:
    with tcc.run(session_id="chat-7") as r:
        r.prompt("Pay the bill").response("May I pay 100 euros?")
        stored = json.dumps({"run_id": r.run_id, "carrier": tcc.inject()})
    print(f"process 1 asked in run {r.run_id}", flush=True)
    variables = {**os.environ, "STORED": stored}
    subprocess.run([sys.executable, __file__], env=variables, check=True)  # noqa: S603  (this file)


def go_on(stored: dict[str, dict[str, str]]) -> None:
    with tcc.run(str(stored["run_id"]), resume=True, carrier=stored["carrier"]) as r:
        r.prompt("Yes, pay")
        with tcc.tool_call(tool_name="pay") as t:
            t.args({"amount": 100}).result({"paid": True})
        r.response("Paid.")
    print(f"process 2 went on with run {r.run_id}")


if "STORED" in os.environ:
    go_on(json.loads(os.environ["STORED"]))
else:
    ask()
