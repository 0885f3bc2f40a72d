"""One run goes elsewhere: with its steps, its tool calls, its feedback, and a key of its own.

All other runs go where the configuration says. A key is sent to the place it was given with, nowhere else.
"""

import contextcompany as tcc
from contextcompany.local.embedded.collector import Collector

with Collector(record_requests=True) as tenant:
    tcc.run(run_id="ours").prompt("Where is order 17?").end()

    with tcc.run(run_id="theirs", tcc_url=tenant.url, api_key="key-of-the-tenant") as r:
        r.prompt("Where is order 18?")
        r.step().prompt("Where is order 18?").response("Delivered.").end()
        r.response("Delivered.")
    print("feedback reached the tenant:", r.feedback(score="thumbs_up"))

    print("the tenant's collector has:", [span.name for span in tenant.store.spans()])
    print("with the tenant's key:", {request.headers["authorization"] for request in tenant.requests})

print(tcc.flush())
