"""Switched off: the same calls, the same errors for misuse, ids as ever, and nothing is recorded or sent.

The same as TCC_DISABLED=1, or OTEL_SDK_DISABLED=true for all of OpenTelemetry.
"""

import contextcompany as tcc

tcc.configure(disabled=True)

with tcc.run() as r:
    r.prompt("Where is order 17?").response("On its way.")
print(f"run {r.run_id} has an id and no trace: {r.trace_id}")
print("feedback was sent:", r.feedback(score="thumbs_up"))

try:
    tcc.run().end()
except ValueError as error:
    print("misuse is still told:", error)
