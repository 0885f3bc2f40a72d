"""A conversation: each turn is a run of its own, and the session holds them together."""

from uuid import uuid4

import contextcompany as tcc

TURNS = {
    "Where is order 17?": "It comes on Friday.",
    "And order 18?": "It waits for payment.",
}

session_id = uuid4()  # UUID objects are taken as ids
for question, answer in TURNS.items():
    with tcc.run(session_id=session_id, conversational=True) as r:
        r.prompt(question).response(answer)
        print(f"turn {r.run_id} of session {session_id}")

print(tcc.flush())
