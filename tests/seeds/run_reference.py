"""Document 001: the reference of `run()`."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Final, NoReturn

import pytest

from tests.seeds.scenes import Scene, asked, run, step, tool_call
from tests.wire import assistant, raised, system

SIGNATURES: Final = {
    "001-01": "run",
    "001-02": "Run.prompt",
    "001-03": "Run.response",
    "001-04": "Run.status",
    "001-05": "Run.metadata",
    "001-06": "Run.step",
    "001-07": "Run.tool_call",
    "001-08": "Run.feedback",
    "001-09": "Run.error",
}


def _failing() -> NoReturn:
    raise LookupError("the desk is empty")


def _report(*, complete: bool) -> SimpleNamespace:
    return SimpleNamespace(is_complete=complete, content="Sales rose.")


_SESSION: Final = {
    "gen_ai.conversation.id": "<session 1>",
    "tcc.sessionId": "<session 1>",
    "tcc.conversational": True,
}

SCENES: Final = [
    Scene(
        "001-10",
        "a whole run",
        value=None,
        spans=[
            run(
                attributes={
                    **asked("Summarize this article"),
                    "gen_ai.system_instructions": system("You are a helpful assistant."),
                    "gen_ai.output.messages": assistant("Here is a summary of the article..."),
                }
            )
        ],
    ),
    Scene(
        "001-11",
        "a conversation",
        value=None,
        spans=[
            run(
                attributes={
                    **asked("Hello!"),
                    "gen_ai.output.messages": assistant("Hi! How can I help you?"),
                    **_SESSION,
                }
            ),
            run(
                run_id="<run 2>",
                trace=1,
                attributes={
                    **asked("What's the weather?"),
                    "gen_ai.output.messages": assistant("Let me check the weather for you."),
                    **_SESSION,
                },
            ),
        ],
    ),
    Scene(
        "001-12",
        "metadata by keyword",
        value=None,
        spans=[
            run(
                attributes={
                    **asked("Analyze sales data"),
                    "gen_ai.output.messages": assistant("Sales analysis complete."),
                    "tcc.metadata.user_id": "user_123",
                    "tcc.metadata.department": "sales",
                    "tcc.metadata.region": "us-west",
                }
            )
        ],
    ),
    Scene(
        "001-13",
        "a run with a step and a tool call",
        value=None,
        spans=[
            run(
                attributes={
                    **asked("What's the weather in SF?"),
                    "gen_ai.output.messages": assistant("It's 65°F and sunny in San Francisco."),
                }
            ),
            step(
                "chat gpt-4",
                attributes={
                    **asked("What's the weather in SF?"),
                    "gen_ai.output.messages": assistant("I'll check the weather for you."),
                    "gen_ai.provider.name": "openai",
                    "gen_ai.request.model": "gpt-4",
                    "gen_ai.response.model": "gpt-4",
                    "gen_ai.usage.input_tokens": 20,
                    "gen_ai.usage.output_tokens": 15,
                    # 20 tokens at 30 dollars and 15 at 60 dollars a million.
                    "tcc.cost": pytest.approx(0.0015),
                    "tcc.costSource": "computed",
                },
            ),
            tool_call(
                "execute_tool get_weather",
                attributes={
                    "gen_ai.tool.name": "get_weather",
                    "gen_ai.tool.call.arguments": {"location": "San Francisco"},
                    "gen_ai.tool.call.result": {"temperature": 65, "condition": "sunny"},
                },
            ),
        ],
    ),
    Scene(
        "001-14",
        "the agent answers",
        given={"process_request": lambda: "Done."},
        spans=[
            run(
                attributes={
                    **asked("Process this request"),
                    "gen_ai.output.messages": assistant("Done."),
                }
            )
        ],
    ),
    Scene(
        "001-14",
        "the agent fails",
        given={"process_request": _failing},
        spans=[
            run(
                code=2,
                status=("ERROR", "Failed to process request: the desk is empty"),
                attributes={
                    **asked("Process this request"),
                    "error.type": "LookupError",
                    "tcc.statusMessage": "Failed to process request: the desk is empty",
                },
                events=[raised("LookupError", "the desk is empty")],
            )
        ],
    ),
    Scene(
        "001-15",
        "the report is complete",
        given={"generate_report": lambda: _report(complete=True)},
        spans=[
            run(
                code=0,
                attributes={
                    **asked("Generate report"),
                    "gen_ai.output.messages": assistant("Sales rose."),
                    "tcc.statusMessage": "Success",
                },
            )
        ],
    ),
    Scene(
        "001-15",
        "the report is partial",
        given={"generate_report": lambda: _report(complete=False)},
        spans=[
            run(
                code=1,
                attributes={
                    **asked("Generate report"),
                    "gen_ai.output.messages": assistant("Sales rose."),
                    "tcc.statusMessage": "Partial success",
                },
            )
        ],
    ),
    Scene(
        "001-15",
        "the report fails",
        given={"generate_report": _failing},
        spans=[
            run(
                code=2,
                status=("ERROR", "Report generation failed: the desk is empty"),
                attributes={
                    **asked("Generate report"),
                    "error.type": "LookupError",
                    "tcc.statusMessage": "Report generation failed: the desk is empty",
                },
                events=[raised("LookupError", "the desk is empty")],
            )
        ],
    ),
]
