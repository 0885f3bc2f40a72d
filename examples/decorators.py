"""Decorators: functions of your own as agent, model and tool, streaming ones and secrets included."""

from collections.abc import Iterator

import contextcompany as tcc


@tcc.tool(capture_args=lambda arguments: {"user": arguments["user"]}, capture_result=False)
def log_in(user: str, password: str) -> str:
    return f"token for {user} by {len(password)} letters"


@tcc.model(name="gpt-5")
def stream(prompt: str) -> Iterator[str]:
    yield "You asked: "
    for word in prompt.split():  # here you stream from your model
        yield word + " "


@tcc.agent(name="orders")
def answer(question: str) -> Iterator[str]:
    log_in("ada", password="hush")  # noqa: S106
    yield from stream(question)


print("".join(answer("Where is order 17?")))

# A consumer that stops early is no failure: what came until then is kept, with status code 1.
for piece in answer("And order 18?"):
    print(piece)
    break

print(tcc.flush())
