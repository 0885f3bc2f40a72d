"""What a sample needs to run, and what must then arrive at the collector."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tests.wire import Arrived, user

if TYPE_CHECKING:
    from collections.abc import Mapping

NO_VALUE: Final = object()
"""What the last line of a sample returns where nothing is promised of it."""


@dataclass(frozen=True)
class Scene:
    """One way to run a sample.

    `before` makes what the sample uses and does not make itself, `after` ends what a fragment leaves open,
    both in the sample's own names; `given` holds the functions of the application that it calls. `spans` is
    what arrives, `value` what the last line of the sample returns (`"r"`: the handle of that name).
    """

    sample: str
    title: str
    spans: list[Arrived]
    before: str = ""
    after: str = ""
    given: Mapping[str, Any] = field(default_factory=dict)
    value: object = NO_VALUE


def run(name: str = "invoke_agent", *, run_id: str = "<run 1>", code: int = 0, **more: Any) -> Arrived:
    """Return a run; what is in `attributes` is added to what every run has."""
    attributes = {
        "gen_ai.operation.name": "invoke_agent",
        "tcc.runId": run_id,
        "tcc.statusCode": code,
        **more.pop("attributes", {}),
    }
    return Arrived(name, attributes, **more)


def step(name: str = "chat", *, run_id: str = "<run 1>", code: int = 0, **more: Any) -> Arrived:
    """Return a step below the first span; what is in `attributes` is added to what every step has."""
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "_OTHER",
        "tcc.runId": run_id,
        "tcc.stepId": "<step 1>",
        "tcc.statusCode": code,
        **more.pop("attributes", {}),
    }
    return Arrived(name, attributes, **{"kind": "CLIENT", "parent": 0, **more})


def tool_call(name: str, *, run_id: str = "<run 1>", code: int = 0, **more: Any) -> Arrived:
    """Return a tool call below the first span; what is in `attributes` is added to what every call has."""
    attributes = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.call.id": "<call 1>",
        "gen_ai.tool.type": "function",
        "tcc.runId": run_id,
        "tcc.statusCode": code,
        **more.pop("attributes", {}),
    }
    return Arrived(name, attributes, **{"parent": 0, **more})


def feedback(label: str, value: float, text: str) -> Arrived:
    """Return a feedback below the first span."""
    return Arrived(
        "tcc.feedback",
        {
            "gen_ai.evaluation.name": "user_feedback",
            "gen_ai.evaluation.score.label": label,
            "gen_ai.evaluation.score.value": value,
            "gen_ai.evaluation.explanation": text,
            "tcc.runId": "<run 1>",
        },
        parent=0,
    )


def asked(text: str) -> dict[str, Any]:
    """Return the attributes of a prompt."""
    return {"gen_ai.input.messages": user(text)}
