"""What has no setter: further attributes, the trace id for your logs, the OpenTelemetry span itself."""

import contextcompany as tcc

with tcc.run() as r:
    r.prompt("Where is order 17?")
    with r.step() as s:
        s.prompt("Where is order 17?").response("On its way.")
        s.attributes({"server.address": "models.example", "server.port": 443, "queue": ["day", "eu"]})
        s.span.set_attribute("first_token_seconds", 0.31)
    r.response("On its way.")

print(f"look for trace {r.trace_id} in your logs, and for step {s.step_id} in the trace")
print(tcc.flush())
