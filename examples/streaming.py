"""An answer that comes as a stream: it passes through untouched, and its step ends with it.

The streams here are generators of text. Streams of the OpenAI and Anthropic clients are handed over alike;
they also tell the model, the token counts, the finish reason and the tool calls.
"""

from collections.abc import Generator

import contextcompany as tcc


def model(answer: str) -> Generator[str]:
    """Answer word by word."""
    for word in answer.split():
        yield f"{word} "


with tcc.run() as r:
    r.prompt("What are the opening hours, and where are you?")

    # Read to its end, the stream ends the step: nobody has to call end().
    step = r.step().prompt("opening hours?").model(requested="gpt-5")
    hours = "".join(step.stream(model("From nine to five.")))

    # Who stops early leaves a partial success with what arrived, and no error.
    words = r.step().prompt("address?").stream(model("In the old town, behind the mill."))
    for word in words:
        if word == "town, ":
            words.close()

    r.response(hours)

print(f"said {hours!r} in run {r.run_id}")
print(tcc.flush())
