"""A run that nobody ends: after its time limit it is closed as failed and sent; the agent is not disturbed.

`tcc.configure(run_timeout=…)` gives the limit to all runs.
"""

import time

import contextcompany as tcc

r = tcc.run(timeout=0.05).prompt("Wait for a tool that never answers")
while tcc.stats().open_handles:
    time.sleep(0.01)

r.response("too late").end()  # does nothing, and one warning says when and why the run was closed
print(f"{r!r} went over its time limit")
print(tcc.flush())
