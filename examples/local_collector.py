"""A collector inside this process, for a desk and for tests: no service, no account, loopback only.

Here runs are sent to it over OTLP/HTTP like to any collector, read back from its memory, and drawn as trees
(extra `local`).
"""

import contextcompany as tcc
from contextcompany.local.embedded.collector import Collector
from contextcompany.local.terminal.tree import as_text, runs

with Collector() as collector:
    tcc.configure(tcc_url=collector.url)
    with tcc.run() as r:
        r.prompt("Where is order 17?")
        with r.step() as s:
            s.prompt("Where is order 17?").response("I look it up.")
            s.model(requested="gpt-5-mini").tokens(prompt_uncached=31, completion=12)
            s.tool_call("find_order").args({"number": 17}).error("no such order")
        r.response("There is no such order.")
    r.feedback(score="thumbs_down")

    spans = collector.store.spans()
    print(f"{len(spans)} spans arrived at {collector.url}:")
    print(as_text(runs(spans)))
