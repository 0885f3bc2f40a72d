"""Document 000: runs."""

from __future__ import annotations

from typing import Any, Final

from tests.seeds.scenes import Scene, asked, feedback, run
from tests.wire import assistant, raised, system

SIGNATURES: Final = {
    "000-05": "Run.prompt",
    "000-08": "Run.response",
    "000-10": "Run.error",
    "000-12": "Run.metadata",
}

_OPEN_RUN: Final = "import contextcompany as tcc\nr = tcc.run()"
_ASKED_RUN: Final = "import contextcompany as tcc\nr = tcc.run().prompt('asked')"


def _weather() -> dict[str, Any]:
    return {
        **asked("What is the weather in London?"),
        "gen_ai.output.messages": assistant("The weather in London is 15°C and cloudy."),
    }


def _answering() -> str:
    return "15°C"


def _failing() -> str:
    raise ConnectionError("no route to the weather")


SCENES: Final = [
    Scene(
        "000-01",
        "setters chain",
        before=_OPEN_RUN,
        value=None,
        spans=[
            run(
                attributes={
                    **asked("What is the weather in London?"),
                    "gen_ai.output.messages": assistant("15°C and cloudy."),
                    "tcc.metadata.userId": "user-123",
                }
            )
        ],
    ),
    Scene(
        "000-02",
        "a run without arguments has an id",
        before="import contextcompany as tcc",
        after="r.prompt('asked').metadata(told=r.run_id).end()",
        spans=[run(attributes={**asked("asked"), "tcc.metadata.told": "<run 1>"})],
    ),
    Scene(
        "000-03",
        "a run with all arguments",
        after="r.prompt('asked').end()",
        spans=[
            run(
                run_id="your-custom-uuid",
                attributes={
                    **asked("asked"),
                    "gen_ai.conversation.id": "session-123",
                    "tcc.sessionId": "session-123",
                    "tcc.conversational": True,
                },
            )
        ],
    ),
    Scene(
        "000-04",
        "the id that was generated",
        before=_ASKED_RUN,
        after="r.metadata(told=run_id).end()",
        spans=[run(attributes={**asked("asked"), "tcc.metadata.told": "<run 1>"})],
    ),
    Scene(
        "000-04",
        "the id that was given",
        before="import contextcompany as tcc\nr = tcc.run(run_id='known').prompt('asked')",
        after="r.metadata(told=run_id).end()",
        spans=[run(run_id="known", attributes={**asked("asked"), "tcc.metadata.told": "known"})],
    ),
    Scene(
        "000-06",
        "the later prompt counts",
        before=_OPEN_RUN,
        after="r.end()",
        value="r",
        spans=[
            run(
                attributes={
                    **asked("What is the weather in London?"),
                    "gen_ai.system_instructions": system("You are a helpful weather agent."),
                }
            )
        ],
    ),
    Scene("000-07", "a whole run", value=None, spans=[run(attributes=_weather())]),
    Scene(
        "000-09",
        "a response",
        before=_ASKED_RUN,
        after="r.end()",
        value="r",
        spans=[
            run(
                attributes={
                    **asked("asked"),
                    "gen_ai.output.messages": assistant("The weather in London is 15°C and cloudy."),
                }
            )
        ],
    ),
    Scene(
        "000-11",
        "the tool answers",
        given={"call_weather_api": _answering},
        spans=[
            run(
                attributes={
                    **asked("What is the weather in London?"),
                    "gen_ai.output.messages": assistant("15°C"),
                }
            )
        ],
    ),
    Scene(
        "000-11",
        "the tool fails",
        given={"call_weather_api": _failing},
        spans=[
            run(
                code=2,
                status=("ERROR", "no route to the weather"),
                attributes={
                    **asked("What is the weather in London?"),
                    "error.type": "ConnectionError",
                    "tcc.statusMessage": "no route to the weather",
                },
                events=[raised("ConnectionError", "no route to the weather")],
            )
        ],
    ),
    Scene(
        "000-13",
        "metadata in both ways",
        before=_ASKED_RUN,
        after="r.end()",
        value="r",
        spans=[
            run(
                attributes={
                    **asked("asked"),
                    "tcc.metadata.userId": "4a6b111c-b53a-4d00-a877-67185022ab9e",
                    "tcc.metadata.orgId": "org-123",
                }
            )
        ],
    ),
    Scene(
        "000-14",
        "the agent",
        before=_ASKED_RUN,
        after="r.end()",
        value="r",
        spans=[
            run(
                "invoke_agent support-agent",
                attributes={
                    **asked("asked"),
                    "tcc.agent": "support-agent",
                    "gen_ai.agent.name": "support-agent",
                },
            )
        ],
    ),
    Scene(
        "000-15",
        "the user and the organisation",
        before=_ASKED_RUN,
        after="r.end()",
        value="r",
        spans=[
            run(
                attributes={
                    **asked("asked"),
                    "tcc.userId": "user-123",
                    "user.id": "user-123",
                    "tcc.userName": "Jane Doe",
                    "user.name": "Jane Doe",
                    "tcc.orgId": "org-456",
                    "tcc.orgName": "Acme Inc.",
                }
            )
        ],
    ),
    Scene(
        "000-16",
        "feedback on the run",
        value=True,
        spans=[run(attributes=_weather()), feedback("thumbs_up", 1.0, "Very helpful!")],
    ),
    Scene(
        "000-17",
        "feedback by the id of the run",
        value=True,
        spans=[run(attributes=_weather()), feedback("thumbs_down", 0.0, "The temperature was wrong.")],
    ),
    Scene(
        "000-18",
        "a session of two runs",
        value=None,
        spans=[
            run(
                attributes={
                    **_weather(),
                    "gen_ai.conversation.id": "unique-session-identifier",
                    "tcc.sessionId": "unique-session-identifier",
                }
            ),
            run(
                run_id="<run 2>",
                trace=1,
                attributes={
                    **asked("What about Paris?"),
                    "gen_ai.output.messages": assistant("The weather in Paris is 18°C and sunny."),
                    "gen_ai.conversation.id": "unique-session-identifier",
                    "tcc.sessionId": "unique-session-identifier",
                },
            ),
        ],
    ),
]
