"""`@model` on functions of anyone's own that ask a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

import contextcompany as tcc
from tests.agents.shape import shapes
from tests.recording.rows import assistant, user

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contextcompany.testing import Captured

INPUT, OUTPUT = "gen_ai.input.messages", "gen_ai.output.messages"


@dataclass
class App(tcc.RunContext):
    """A context with a field that is nobody's business."""

    token: str = "key-1"


def test_a_call_is_a_step(captured: Captured) -> None:
    """The whole span: prompt, response and model, and the provider told from the model's name."""

    @tcc.model(name="gpt-5")
    def ask(prompt: str) -> str:
        return f"You asked: {prompt}"

    with tcc.run("run-1") as run:
        run.prompt("p")
        assert ask("why?") == "You asked: why?"
    assert shapes(captured)[1] == {
        "name": "chat gpt-5",
        "kind": "CLIENT",
        "parent": "invoke_agent",
        "status": ("UNSET", None),
        "attributes": {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-5",
            INPUT: user("why?"),
            OUTPUT: assistant("You asked: why?"),
            "tcc.runId": "run-1",
            "tcc.statusCode": 0,
        },
        "events": [],
        "links": [],
    }


async def test_the_model_is_found_among_the_arguments(captured: Captured) -> None:
    """Without a name the argument `model` says which it is, its default included; else nobody does."""

    @tcc.model
    async def ask(messages: list[dict[str, str]], model: str = "gpt-5") -> dict[str, str]:
        return {"role": "assistant", "content": "hi"}

    @tcc.model
    def nameless(prompt: str, model: Any = None) -> str:
        return "hi"

    message = {"role": "user", "content": "why?"}
    async with tcc.run() as run:
        run.prompt("p")
        await ask([message])
        await ask([message], model="claude-opus-4")
        nameless("why?")
    assert [one["name"] for one in shapes(captured)] == [
        "invoke_agent",
        "chat gpt-5",
        "chat claude-opus-4",
        "chat",
    ]
    for one in shapes(captured)[1:]:
        assert (one["attributes"][INPUT], one["attributes"][OUTPUT]) == (user("why?"), assistant("hi"))


def test_the_context_goes_in_and_is_not_recorded(captured: Captured) -> None:
    """A parameter for the context gets it, comes it first or not, and is never the prompt."""

    @tcc.model
    def ask(ctx: App, prompt: str = "why?") -> str:
        return f"{ctx.token} of {prompt}"

    @tcc.agent
    def talk(question: str, ctx: App) -> str:
        return ask()[:3]  # type: ignore[call-arg]

    assert talk("q", App()) == "key"
    step = shapes(captured)[1]["attributes"]
    assert (step[INPUT], step[OUTPUT]) == (user("why?"), assistant("key-1 of why?"))
    with tcc.run() as run:
        run.prompt("p")
        with pytest.raises(TypeError, match="model ask needs a context: expected App, got none"):
            ask()  # type: ignore[call-arg]


@pytest.mark.parametrize("capture", [True, False])
def test_a_failing_model_fails_its_step(captured: Captured, capture: bool) -> None:
    """What the function raises goes on, and the step says what it was and what it was sent."""

    @tcc.model(name="gpt-5", capture_args=capture)
    def ask(prompt: str) -> Iterator[str]:
        yield "It "
        raise ConnectionError("no route")

    with tcc.run() as run:
        run.prompt("p")
        with pytest.raises(ConnectionError):
            list(ask("why?"))
    step = shapes(captured)[1]
    assert (step["status"], step["attributes"]["error.type"]) == (("ERROR", "no route"), "ConnectionError")
    assert step["attributes"][INPUT] == user("why?" if capture else "")
    assert step["attributes"][OUTPUT] == assistant("It ")
