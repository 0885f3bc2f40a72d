"""Document 002: steps."""

from __future__ import annotations

from typing import Any, Final

from tests.seeds.scenes import Scene, asked, run, step
from tests.wire import Matching, assistant, raised

SIGNATURES: Final = {
    "002-04": "Step.prompt",
    "002-06": "Step.response",
    "002-09": "Step.model",
    "002-11": "Step.tokens",
    "002-13": "Step.cost",
    "002-15": "Step.finish_reason",
    "002-17": "Step.tool_definitions",
    "002-19": "Step.error",
}

_RUN: Final = "import contextcompany as tcc\nr = tcc.run().prompt('asked')"
_EMPTY_STEP: Final = f"{_RUN}\ns = r.step()"
_STEP: Final = f"{_EMPTY_STEP}.prompt('asked').response('answered')"
_END: Final = "s.end()\nr.end()"
_ASKED_RUN: Final = run(attributes=asked("asked"))
_WEATHER: Final = "You are a weather agent. The user asked: What is the weather in London?"
_CLOUDY: Final = "The weather in London is 15°C and cloudy."


def _content(prompt: str = "asked", response: str = "answered") -> dict[str, Any]:
    return {**asked(prompt), "gen_ai.output.messages": assistant(response)}


def _abandoned(*violations: str) -> dict[str, Any]:
    return {
        "code": 2,
        "status": ("ERROR", Matching("^closed by ")),
        "attributes": {
            "error.type": "tcc.abandoned",
            "tcc.statusMessage": Matching("^closed by "),
            "tcc.violations": list(violations),
        },
    }


def _second(abandoned: dict[str, Any]) -> dict[str, Any]:
    return {**abandoned, "attributes": {**abandoned["attributes"], "tcc.stepId": "<step 2>"}}


# Never ended, so they are closed at the end of the process, and say what they lack.
_LEFT_OPEN: Final = [
    step(**_abandoned("step.prompt", "step.response")),
    step(**_second(_abandoned("step.prompt", "step.response"))),
]


def _answering() -> str:
    return "15°C"


def _failing() -> str:
    raise ConnectionError("no route to the weather")


SCENES: Final = [
    Scene(
        "002-01",
        "setters chain",
        before=_EMPTY_STEP,
        after="r.end()",
        value=None,
        spans=[
            _ASKED_RUN,
            step(
                "chat gpt-4",
                attributes={
                    **_content("Hello", "World"),
                    "gen_ai.provider.name": "openai",
                    "gen_ai.request.model": "gpt-4",
                    "gen_ai.response.model": "gpt-4-0613",
                },
            ),
        ],
    ),
    Scene(
        "002-02",
        "two steps that are left open",
        before=_RUN,
        after="r.end()",
        spans=[_ASKED_RUN, *_LEFT_OPEN],
    ),
    Scene("002-03", "all is left open", spans=[run(**_abandoned("run.prompt")), *_LEFT_OPEN]),
    Scene(
        "002-03",
        "all is ended",
        after="s.prompt('asked').response('answered').end()\nr.prompt('asked').end()",
        spans=[
            _ASKED_RUN,
            _LEFT_OPEN[0],
            step(attributes={**_content(), "tcc.stepId": "<step 2>"}),
        ],
    ),
    Scene(
        "002-05",
        "a prompt",
        before=_STEP,
        after=_END,
        value="s",
        spans=[_ASKED_RUN, step(attributes=_content(prompt=_WEATHER))],
    ),
    Scene(
        "002-07",
        "a response",
        before=_STEP,
        after=_END,
        value="s",
        spans=[_ASKED_RUN, step(attributes=_content(response=_CLOUDY))],
    ),
    Scene(
        "002-08",
        "a whole step",
        before=_RUN,
        after="r.end()",
        value=None,
        spans=[_ASKED_RUN, step(attributes=_content(_WEATHER, _CLOUDY))],
    ),
    Scene(
        "002-10",
        "models",
        before=_STEP,
        after=_END,
        value="s",
        spans=[
            _ASKED_RUN,
            step(
                "chat gpt-4",
                attributes={
                    **_content(),
                    "gen_ai.provider.name": "openai",
                    "gen_ai.request.model": "gpt-4",
                    "gen_ai.response.model": "gpt-4-0613",
                },
            ),
        ],
    ),
    Scene(
        "002-12",
        "tokens",
        before=_STEP,
        after=_END,
        value="s",
        spans=[
            _ASKED_RUN,
            step(
                attributes={
                    **_content(),
                    "gen_ai.usage.input_tokens": 200,
                    "gen_ai.usage.cache_read.input_tokens": 50,
                    "gen_ai.usage.output_tokens": 25,
                }
            ),
        ],
    ),
    Scene(
        "002-14",
        "the cost",
        before=_STEP,
        after=_END,
        value="s",
        spans=[
            _ASKED_RUN,
            step(attributes={**_content(), "tcc.cost": 0.0035, "tcc.costSource": "reported"}),
        ],
    ),
    Scene(
        "002-16",
        "the finish reason",
        before=_STEP,
        after=_END,
        value="s",
        spans=[
            _ASKED_RUN,
            step(
                attributes={
                    **_content(),
                    "gen_ai.output.messages": assistant("answered", "stop"),
                    "gen_ai.response.finish_reasons": ["stop"],
                }
            ),
        ],
    ),
    Scene(
        "002-18",
        "tool definitions",
        before=_STEP,
        after=_END,
        value="s",
        spans=[
            _ASKED_RUN,
            step(
                attributes={
                    **_content(),
                    "gen_ai.tool.definitions": [
                        {
                            "type": "function",
                            "name": "get_weather",
                            "description": "Get the weather for a location",
                        }
                    ],
                }
            ),
        ],
    ),
    Scene(
        "002-20",
        "the tool answers",
        given={"call_weather_api": _answering},
        value=None,
        spans=[
            run(attributes=asked("What is the weather in London?")),
            step(attributes=_content("Calling weather API...", "15°C")),
        ],
    ),
    Scene(
        "002-20",
        "the tool fails",
        given={"call_weather_api": _failing},
        value=None,
        spans=[
            run(attributes=asked("What is the weather in London?")),
            step(
                code=2,
                status=("ERROR", "no route to the weather"),
                attributes={
                    **asked("Calling weather API..."),
                    "error.type": "ConnectionError",
                    "tcc.statusMessage": "no route to the weather",
                },
                events=[raised("ConnectionError", "no route to the weather")],
            ),
        ],
    ),
]
