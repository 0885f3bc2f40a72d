"""What the user thinks of a run: on its handle, or by its id from wherever the user clicks.

The answer is True when a collector has confirmed it. False means not yet: it is queued like any span.
"""

import asyncio

import contextcompany as tcc

with tcc.run(session_id="chat-9") as r:
    r.prompt("How do I reset my password?").response("Press Reset on the sign-in page.")

print("on the run:", r.feedback(score="thumbs_up", text="Quick and right."))
print("by its id:", tcc.submit_feedback(r.run_id, score="thumbs_down", text="The page has no such button."))


async def clicked() -> bool:
    return await tcc.submit_feedback_async(r.run_id, text="Found it below the form.")


print("in an event loop:", asyncio.run(clicked()))
