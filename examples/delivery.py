"""Was it delivered? `flush()` and `stats()` tell, and a run can wait for it where a process may freeze.

Without these calls delivery happens in the background, and at the end of the process.
"""

import contextcompany as tcc

with tcc.run(flush=True) as r:  # for serverless functions: returns when the run is delivered, or after 5 s
    r.prompt("Where is order 17?").response("On its way.")
print("after the run:", tcc.stats())

tcc.run().prompt("And order 18?").end()
result = tcc.flush(timeout=2.0)
print("all delivered:", bool(result), "-", result)

last = tcc.shutdown(timeout=2.0)
tcc.run().prompt("Too late: nothing is recorded after shutdown").end()
print("delivered until shutdown:", last.delivered)
