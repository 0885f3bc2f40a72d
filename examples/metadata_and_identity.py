"""Who and what a run was for: metadata of your own, and five reserved keys that are more than metadata.

The agent, the user and the organisation become attributes of their own, on the run and on what is started
below it afterwards. A name counts together with its id only.
"""

import contextcompany as tcc

with tcc.run() as r:
    r.prompt("Cancel my subscription")
    r.metadata(
        {
            "tcc.agent": "billing",
            "tcc.userId": "user-7",
            "tcc.userName": "Ada",
            "tcc.orgId": "org-3",
            "tcc.orgName": "Analytical Engines",
        }
    )
    r.metadata({"plan": "pro", "trial": True}, region="eu")
    r.metadata(trial=None, seats=[4, 2])  # later calls are merged; None removes a key

    r.tool_call("cancel").args({"plan": "pro"}).result({"cancelled": True}).end()
    r.response("Done.")

print(f"run {r.run_id} of agent billing for user-7 of org-3")
print(tcc.flush())
