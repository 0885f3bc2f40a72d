"""What arrives at the collector from each example, and what it prints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import pytest

from tests.wire import Arrived, Matching, assistant, system, user


@dataclass(frozen=True)
class Expected:
    """What an example does.

    Of attributes only those that are named are compared (None: it is not there), of events only the names;
    all else of a span, and the number of spans, is compared. `prints` and `warns` are patterns of what goes
    to the terminal; `never` is what no span may hold.
    """

    spans: list[Arrived]
    prints: str
    warns: str = r"\A\Z"
    never: str | None = None


def run(name: str = "invoke_agent", *, of: str = "<run 1>", code: int = 0, **more: Any) -> Arrived:
    """Return a run."""
    attributes = {"tcc.runId": of, "tcc.statusCode": code, **more.pop("attributes", {})}
    return Arrived(name, attributes, **more)


def child(name: str, *, of: str = "<run 1>", code: int = 0, **more: Any) -> Arrived:
    """Return a step or a tool call, below the first span unless said otherwise."""
    attributes = {"tcc.runId": of, "tcc.statusCode": code, **more.pop("attributes", {})}
    kind = "CLIENT" if name.startswith("chat") else "INTERNAL"
    return Arrived(name, attributes, **{"kind": kind, "parent": 0, **more})


def feedback(of: str = "<run 1>", **attributes: Any) -> Arrived:
    """Return a feedback below the first span."""
    found = {f"gen_ai.evaluation.{key.replace('_', '.')}": value for key, value in attributes.items()}
    return Arrived("tcc.feedback", {"tcc.runId": of, **found}, parent=0)


def failed(error_type: str, message: object) -> dict[str, Any]:
    """Return what a failed span has."""
    return {
        "code": 2,
        "status": ("ERROR", message),
        "attributes": {"error.type": error_type, "tcc.statusMessage": message},
    }


_SESSION: Final = {
    "gen_ai.conversation.id": "<session 1>",
    "tcc.sessionId": "<session 1>",
    "tcc.conversational": True,
}
_IDENTITY: Final = {
    "tcc.agent": "billing",
    "gen_ai.agent.name": "billing",
    "tcc.userId": "user-7",
    "user.id": "user-7",
    "tcc.orgId": "org-3",
}
_CALL: Final = {"type": "tool_call", "id": "call_1", "name": "find_order", "arguments": {"number": 17}}
_CALL_MESSAGE: Final = {"role": "assistant", "parts": [_CALL]}
_CALL_ANSWER: Final = {**_CALL_MESSAGE, "finish_reason": "tool_calls"}
_CHAT: Final = [
    {"role": "system", "parts": system("You answer questions about orders.")},
    *user("Where is order 17?"),
]
_RAISED: Final[list[tuple[str, dict[str, Any]]]] = [("exception", {})]

EXPECTED: Final = {
    "async_agent.py": Expected(
        [
            run(code=1, attributes={"tcc.statusMessage": "west did not answer"}),
            child("execute_tool stock", attributes={"gen_ai.tool.call.arguments": {"shop": "north"}}),
            child("execute_tool stock", attributes={"gen_ai.tool.call.arguments": {"shop": "south"}}),
            child(
                "execute_tool stock",
                code=2,
                status=("ERROR", ""),
                attributes={
                    "gen_ai.tool.call.arguments": {"shop": "west"},
                    "error.type": "asyncio.exceptions.CancelledError",
                },
                events=_RAISED,
            ),
        ],
        prints=r"Run\(.* answers: 10 pieces\n.*complete=True, delivered=4",
    ),
    "chat_messages.py": Expected(
        [
            run(of="messages", attributes={"gen_ai.input.messages": user("Where is order 17?")}),
            child(
                "chat",
                of="messages",
                attributes={
                    "tcc.stepId": "first",
                    "gen_ai.input.messages": _CHAT,
                    "gen_ai.output.messages": [_CALL_ANSWER],
                    "gen_ai.response.finish_reasons": ["tool_calls"],
                    "gen_ai.tool.definitions": [
                        {"type": "function", "name": "find_order", "parameters": {"type": "object"}}
                    ],
                },
            ),
            child(
                "execute_tool find_order",
                of="messages",
                attributes={
                    "gen_ai.tool.call.id": "call_1",
                    "gen_ai.tool.call.arguments": {"number": 17},
                    "gen_ai.tool.call.result": {"value": "shipped"},
                },
            ),
            child(
                "chat",
                of="messages",
                attributes={
                    "tcc.stepId": "second",
                    "gen_ai.input.messages": [
                        *_CHAT,
                        _CALL_MESSAGE,
                        {
                            "role": "tool",
                            "parts": [{"type": "tool_call_response", "id": "call_1", "response": "shipped"}],
                        },
                    ],
                    "gen_ai.output.messages": assistant("It is on its way."),
                },
            ),
        ],
        prints=r"2 steps with 2 and 4 messages in run messages\n.*complete=True, delivered=4",
    ),
    "collecting.py": Expected(
        [
            run(attributes={"gen_ai.output.messages": assistant("On its way.")}),
            child(
                "chat gpt-5",
                attributes={
                    "tcc.collected": None,
                    "tcc.stepId": "<step 1>",
                    "gen_ai.input.messages": user("Where is order 17?"),
                    "gen_ai.output.messages": assistant("On its way."),
                    "gen_ai.usage.input_tokens": 12,
                },
            ),
            Arrived(
                "chat gpt-5",
                {"tcc.collected": True, "tcc.runId": "<run 1>", "gen_ai.usage.output_tokens": 4},
                parent=0,
            ),
        ],
        prints=r"yours: \['chat gpt-5', 'chat gpt-5'\]\n.*complete=True, delivered=3",
    ),
    "content_off.py": Expected(
        [
            run(
                attributes={
                    "tcc.contentCaptured": False,
                    "tcc.metadata.ward": "7",
                    "gen_ai.input.messages": None,
                }
            ),
            child(
                "chat gpt-4o",
                attributes={
                    "tcc.contentCaptured": False,
                    "gen_ai.tool.definitions": [{"type": "function", "name": "read_file"}],
                    "gen_ai.usage.input_tokens": 200,
                    "gen_ai.usage.output_tokens": 100,
                    "tcc.costSource": "computed",
                },
            ),
            child(
                "execute_tool read_file",
                code=2,
                status=("ERROR", ""),
                attributes={"tcc.contentCaptured": False, "error.type": "PermissionError"},
                events=_RAISED,
            ),
            feedback(score_label="thumbs_up"),
        ],
        prints=r"without a word of it\n.*complete=True, delivered=4",
        never="confidential",
    ),
    "costs.py": Expected(
        [
            run(of="costs", attributes={"tcc.cost": None}),
            child(
                "chat gpt-4o",
                of="costs",
                attributes={
                    "tcc.stepId": "computed",
                    "gen_ai.usage.input_tokens": 5_000,
                    "gen_ai.usage.cache_read.input_tokens": 4_000,
                    "gen_ai.usage.output_tokens": 500,
                    # 1,000 at 2.50, 4,000 at 1.25 and 500 at 10 dollars a million.
                    "tcc.cost": pytest.approx(0.0125),
                    "tcc.costSource": "computed",
                },
            ),
            child(
                "chat gpt-4o",
                of="costs",
                attributes={"tcc.stepId": "reported", "tcc.cost": 0.0042, "tcc.costSource": "reported"},
            ),
            child(
                "chat translator-of-ours",
                of="costs",
                attributes={
                    "tcc.stepId": "unknown",
                    "gen_ai.provider.name": "in-house",
                    "tcc.cost": None,
                    "tcc.costSource": None,
                },
            ),
        ],
        prints=r"3 steps: .*\n.*complete=True, delivered=4",
    ),
    "decorators.py": Expected(
        [
            run(
                "invoke_agent orders",
                attributes={
                    "tcc.agent": "orders",
                    "gen_ai.input.messages": user("Where is order 17?"),
                    "gen_ai.output.messages": assistant("You asked: Where is order 17? "),
                },
            ),
            child(
                "execute_tool log_in",
                attributes={
                    "gen_ai.tool.call.arguments": {"user": "ada"},
                    "gen_ai.tool.call.result": None,
                },
            ),
            child(
                "chat gpt-5",
                attributes={
                    "gen_ai.input.messages": user("Where is order 17?"),
                    "gen_ai.output.messages": assistant("You asked: Where is order 17? "),
                },
            ),
            run(
                "invoke_agent orders",
                of="<run 2>",
                code=1,
                trace=1,
                attributes={"gen_ai.output.messages": assistant("You asked: ")},
            ),
            child("execute_tool log_in", of="<run 2>", parent=3, trace=1),
            child(
                "chat gpt-5",
                of="<run 2>",
                code=1,
                parent=3,
                trace=1,
                attributes={"gen_ai.output.messages": assistant("You asked: ")},
            ),
        ],
        prints=r"\AYou asked: Where is order 17\? \nYou asked: \n.*complete=True, delivered=6",
        never="hush",
    ),
    "delivery.py": Expected(
        [
            run(attributes={"gen_ai.input.messages": user("Where is order 17?")}),
            run(of="<run 2>", trace=1, attributes={"gen_ai.input.messages": user("And order 18?")}),
        ],
        prints=r"after the run: Stats\(delivered=1, pending=0.*\nall delivered: True .*\n"
        r"delivered until shutdown: 2\n",
    ),
    "errors.py": Expected(
        [
            run(of="recovers"),
            child(
                "execute_tool charge",
                of="recovers",
                events=_RAISED,
                **failed("ConnectionError", Matching(r"^order 17: https://.*bank\.example refused$")),
            ),
            child("chat", of="recovers", **failed("_OTHER", "the model gave no answer")),
            run(of="fails", trace=1, events=_RAISED, **failed("TimeoutError", "the agent gave up")),
        ],
        prints=r" failed: ConnectionError; .*\n.*complete=True, delivered=4",
        never="hunter2",
    ),
    "feedback.py": Expected(
        [
            run(attributes={"tcc.sessionId": "chat-9"}),
            feedback(
                name="user_feedback",
                score_label="thumbs_up",
                score_value=1.0,
                explanation="Quick and right.",
            ),
            feedback(score_label="thumbs_down", score_value=0.0, explanation="The page has no such button."),
            feedback(score_label=None, score_value=None, explanation="Found it below the form."),
        ],
        prints=r"on the run: True\nby its id: True\nin an event loop: True\n",
    ),
    "first_run.py": Expected(
        [
            run(
                attributes={
                    "gen_ai.operation.name": "invoke_agent",
                    "gen_ai.input.messages": user("Where is order 17?"),
                    "gen_ai.system_instructions": system("You answer questions about orders."),
                    "gen_ai.output.messages": assistant("It will be with you on Friday."),
                }
            )
        ],
        prints=r"run \S{36} is trace [0-9a-f]{32}\n.*complete=True, delivered=1",
    ),
    "further_attributes.py": Expected(
        [
            run(),
            child(
                "chat",
                attributes={
                    "server.address": "models.example",
                    "server.port": 443,
                    "queue": ["day", "eu"],
                    "first_token_seconds": 0.31,
                },
            ),
        ],
        prints=r"look for trace [0-9a-f]{32} .*step \S{36} .*\n.*complete=True, delivered=2",
    ),
    "in_tests.py": Expected([], prints="the agent looked the order up before it answered"),
    "local_collector.py": Expected(
        [],
        prints=r"4 spans arrived at http://127\.0\.0\.1:\d+:\n"
        r"run .*gpt-5-mini  ok.*find_order  failed.*no such order.*feedback  thumbs_down\n",
    ),
    "metadata_and_identity.py": Expected(
        [
            run(
                "invoke_agent billing",
                attributes={
                    **_IDENTITY,
                    "tcc.userName": "Ada",
                    "user.name": "Ada",
                    "tcc.orgName": "Analytical Engines",
                    "tcc.metadata.plan": "pro",
                    "tcc.metadata.region": "eu",
                    "tcc.metadata.seats": [4, 2],
                    "tcc.metadata.trial": None,
                },
            ),
            child("execute_tool cancel", attributes={**_IDENTITY, "tcc.userName": None}),
        ],
        prints=r"of agent billing for user-7 of org-3\n.*complete=True, delivered=2",
    ),
    "nested_in_application_trace.py": Expected(
        [
            run(of="nested", parent=-1),
            run(of="linked", trace=1, links=1),
        ],
        prints=r"your exporter: \['SELECT orders', 'GET /chat'\]\n"
        r"in your trace: \{'nested': True, 'linked': False\}\n"
        r".*complete=True, delivered=2",
    ),
    "other_process.py": Expected(
        [
            run(),
            child("execute_tool resize", attributes={"gen_ai.tool.call.result": {"bytes": 51_200}}),
            child("chat", attributes={"gen_ai.output.messages": assistant("A boat.")}),
            feedback(explanation="The worker is content."),
        ],
        prints=r"process 2 added to trace [0-9a-f]{32}; feedback confirmed: True\n"
        r"process 1 ended run \S{36}\n",
    ),
    "partial_success.py": Expected(
        [
            run(
                code=1,
                attributes={
                    "tcc.statusMessage": "2 of 3 shops answered",
                    "gen_ai.output.messages": assistant("200 in north, west"),
                },
            )
        ],
        prints=r"summed up 2 of 3 shops in run \S{36}\n.*complete=True, delivered=1",
    ),
    "per_run_destination.py": Expected(
        [run(of="ours")],
        prints=r"feedback reached the tenant: True\n"
        r"the tenant's collector has: \['chat', 'invoke_agent', 'tcc\.feedback'\]\n"
        r"with the tenant's key: \{'Bearer key-of-the-tenant'\}\n"
        r".*complete=True",
    ),
    "recorded_afterwards.py": Expected(
        [
            run(attributes={"gen_ai.input.messages": user("Where is order 17?")}),
            child("chat"),
            run(of="<run 2>", trace=1, attributes={"gen_ai.input.messages": user("And order 18?")}),
            child("chat", of="<run 2>", parent=2, trace=1),
        ],
        prints=r"run \S{36} from 09:30:00 on, 2 s\nrun \S{36} from 09:31:00 on, 3 s\n"
        r".*complete=True, delivered=4",
    ),
    "resume.py": Expected(
        [
            run(attributes={"tcc.sessionId": "chat-7", "tcc.resumed": None}),
            run(parent=0, links=1, attributes={"tcc.sessionId": "chat-7", "tcc.resumed": True}),
            child("execute_tool pay", parent=1, attributes={"gen_ai.tool.call.result": {"paid": True}}),
        ],
        prints=r"process 1 asked in run (\S{36})\nprocess 2 went on with run \1\n",
    ),
    "sessions.py": Expected(
        [
            run(attributes={**_SESSION, "gen_ai.output.messages": assistant("It comes on Friday.")}),
            run(
                of="<run 2>",
                trace=1,
                attributes={**_SESSION, "gen_ai.output.messages": assistant("It waits for payment.")},
            ),
        ],
        prints=r"turn \S{36} of session \S{36}\nturn \S{36} of session \S{36}\n.*complete=True, delivered=2",
    ),
    "shared_provider.py": Expected(
        [run(parent=-1), child("execute_tool find_order")],
        prints=r"SELECT orders below execute_tool find_order\n"
        r"execute_tool find_order below invoke_agent\n"
        r"invoke_agent below GET /chat\n"
        r"GET /chat below nothing\n"
        r".*complete=True, delivered=2",
    ),
    "span_processor_before_batch.py": Expected(
        [
            run(of="by handle"),
            run(
                of="by hand",
                trace=1,
                code=2,
                status=("ERROR", Matching("run.prompt")),
                attributes={"error.type": "tcc.incomplete", "tcc.violations": ["run.prompt"]},
            ),
            Arrived("execute_tool find_order", {"tcc.runId": "by hand", "tcc.violations": None}, trace=2),
            Arrived("SELECT orders", {"tcc.violations": None}, trace=3),
        ],
        prints=r"all spans left the processor: True\n",
    ),
    "steps_and_tools.py": Expected(
        [
            run(attributes={"gen_ai.output.messages": assistant("It comes in 2 days.")}),
            child(
                "chat gpt-5-mini",
                attributes={
                    "tcc.stepId": "<step 1>",
                    "gen_ai.provider.name": "openai",
                    "gen_ai.request.model": "gpt-5-mini",
                    "gen_ai.response.model": "gpt-5-mini-2025-08-07",
                    "gen_ai.response.finish_reasons": ["tool_calls"],
                    "gen_ai.usage.input_tokens": 31,
                    "gen_ai.usage.output_tokens": 12,
                },
            ),
            child(
                "execute_tool find_order",
                attributes={
                    "gen_ai.tool.name": "find_order",
                    "gen_ai.tool.call.id": "<call 1>",
                    "gen_ai.tool.call.arguments": {"number": 17},
                    "gen_ai.tool.call.result": {"number": 17, "state": "shipped", "days": 2},
                },
            ),
            child(
                "chat gpt-5-mini",
                attributes={"tcc.stepId": "<step 2>", "gen_ai.response.finish_reasons": ["stop"]},
            ),
        ],
        prints=r"Run\(.*Step\(.*ToolCall\(.*\n.*complete=True, delivered=4",
    ),
    "streaming.py": Expected(
        [
            run(attributes={"gen_ai.output.messages": assistant("From nine to five. ")}),
            child(
                "chat gpt-5",
                attributes={
                    "gen_ai.request.stream": True,
                    "gen_ai.input.messages": user("opening hours?"),
                    "gen_ai.output.messages": assistant("From nine to five. "),
                },
            ),
            child(
                "chat",
                code=1,
                attributes={
                    "gen_ai.request.stream": True,
                    "gen_ai.output.messages": assistant("In the old town, "),
                    "tcc.statusMessage": "the stream was not read to its end",
                    "error.type": None,
                },
            ),
        ],
        prints=r"said 'From nine to five. ' in run \S{36}\n.*complete=True, delivered=3",
    ),
    "sub_agents.py": Expected(
        [
            run("invoke_agent host", attributes={"tcc.agent": "host", "tcc.parentRunId": None}),
            child(
                "execute_tool translator",
                attributes={"tcc.agent": "host", "gen_ai.tool.call.result": {"value": "Guten Tag"}},
            ),
            run(
                "invoke_agent translator",
                of="<run 2>",
                parent=1,
                attributes={"tcc.agent": "translator", "tcc.parentRunId": "<run 1>"},
            ),
        ],
        prints=r"translator: run \S{36} in trace (\w+)\nhost: run \S{36} in trace \1\n"
        r".*complete=True, delivered=3",
    ),
    "switched_off.py": Expected(
        [],
        prints=r"run \S{36} has an id and no trace: 0{32}\nfeedback was sent: False\n"
        r"misuse is still told: .*prompt",
    ),
    "threads.py": Expected(
        [run(), child("execute_tool count"), child("execute_tool count"), child("execute_tool count")],
        prints=r"counted \[5, 5, 4\] in run \S{36}\n.*complete=True, delivered=4",
    ),
    "time_limit.py": Expected(
        [run(**failed("timeout", Matching("time limit")))],
        prints=r"Run\(.* went over its time limit\n.*complete=True, delivered=1",
        warns=r"\A.*closed.*time limit.*\n\Z",
    ),
    "web_requests.py": Expected(
        [
            run(attributes={"tcc.userId": "user of /acme", "tcc.orgId": "acme"}, parent=-1),
            child("chat", attributes={"tcc.userId": "user of /acme", "tcc.orgId": "acme"}),
            run(of="<run 2>", attributes={"tcc.userId": "user of /globex", "tcc.orgId": "globex"}, trace=1),
            child(
                "chat",
                of="<run 2>",
                attributes={"tcc.userId": "user of /globex", "tcc.orgId": "globex"},
                parent=2,
                trace=1,
            ),
        ],
        prints=r"/acme On its way\.\n/globex On its way\.\n.*complete=True, delivered=4",
    ),
}
