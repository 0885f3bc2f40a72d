"""Agents behind a real web server: hundreds of runs at once, and nothing of one in another."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections import defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import httpx2
import pytest
import uvicorn

import contextcompany as tcc
from contextcompany.agents import ModelReply, ToolRequest
from examples.context.fastapi_app import Orders, RequestContext, app, get_agent, list_orders
from tests.loopback import PATIENCE
from tests.recording.rows import assistant, trace_id_of, user, whole

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from contextcompany.testing import Captured

REQUESTS: Final = 200
TENANTS: Final = 20
LIST_ORDERS: Final = {
    "type": "function",
    "name": "list_orders",
    "description": "List the user's orders.",
    "parameters": {"type": "object", "properties": {}, "additionalProperties": False},
}
CALL: Final = {"type": "tool_call", "id": "call-1", "name": "list_orders", "arguments": {}}


class Meeting:
    """A model that gives no run its first answer before all runs have asked, so that all are under way."""

    name = "meeting"

    def __init__(self, everyone: Callable[[], Awaitable[object]]) -> None:
        self._everyone = everyone

    async def reply(self, messages: Sequence[dict[str, Any]], tools: object) -> ModelReply:
        """Ask for the tool, then tell what was asked and what the tool said."""
        if messages[-1]["role"] == "tool":
            return ModelReply(
                text=f"{messages[0]['content']} {messages[-1]['content']}", finish_reason="stop"
            )
        await self._everyone()
        return ModelReply(tool_calls=(ToolRequest("call-1", "list_orders"),))


def shop(everyone: Callable[[], Awaitable[object]]) -> tcc.Agent:
    """Return one agent for all."""
    return tcc.Agent(name="shop", model=Meeting(everyone), tools=[list_orders])


@contextmanager
def served() -> Generator[str]:
    """Serve the sample over a port of this machine, on a thread of its own."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        # From here on the system keeps connections until the server takes them.
        listening.listen(REQUESTS)
        config = uvicorn.Config(app, log_level="error", loop="asyncio", ws="none", lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(PATIENCE)
        assert not thread.is_alive()


@pytest.fixture
def _one_agent_for_all() -> Generator[None]:
    """Answer all requests by the same agent, all of them at once."""
    barrier = asyncio.Barrier(REQUESTS)
    agent = shop(lambda: asyncio.wait_for(barrier.wait(), PATIENCE))
    app.dependency_overrides[get_agent] = lambda: agent
    yield
    app.dependency_overrides.clear()


async def ask(client: httpx2.AsyncClient, number: int) -> dict[str, str]:
    """Send a request of a tenant, of which nothing is the same in two requests but the tenant."""
    answer = await client.post(
        "/chat",
        params={"message": f"message-{number:03}"},
        headers={
            "x-tenant": f"tenant-{number % TENANTS:02}",
            "x-user": f"user-{number:03}",
            "x-request-id": f"req-{number:03}",
        },
    )
    assert answer.status_code == 200
    found: dict[str, str] = answer.json()
    return found


async def ask_all(url: str) -> list[dict[str, str]]:
    """Send all requests at once."""
    limits = httpx2.Limits(max_connections=REQUESTS)
    async with httpx2.AsyncClient(base_url=url, limits=limits, timeout=PATIENCE) as client:
        return list(await asyncio.gather(*(ask(client, number) for number in range(REQUESTS))))


def by_run(captured: Captured) -> dict[str, list[dict[str, Any]]]:
    """Return the spans of each run in the order of their starts, whole, parents by their names.

    Ids that differ from one test run to the next are left out.
    """
    traces: dict[str, list[ReadableSpan]] = defaultdict(list)
    for span in captured.spans:
        traces[trace_id_of(span)].append(span)
    runs: dict[str, list[dict[str, Any]]] = {}
    for spans in traces.values():
        spans.sort(key=lambda span: span.start_time or 0)
        names = {span.context.span_id: span.name for span in spans if span.context is not None}
        shown = [whole(span) for span in spans]
        (run_id,) = {one["attributes"].pop("tcc.runId") for one in shown}
        for one in shown:
            one["parent"] = None if one["parent"] is None else names[one["parent"]]
            one["attributes"].pop("tcc.stepId", None)
        runs[run_id] = shown
    return runs


def recorded(context: RequestContext, task: str, output: str, model: str) -> list[dict[str, Any]]:
    """Return the spans of one run: what belongs to its context, its task and its output, and nothing else."""
    who = {"tcc.orgId": context.tenant_id, "tcc.userId": context.user_id, "user.id": context.user_id}
    named = {"tcc.agent": "shop", "gen_ai.agent.name": "shop"}
    orders = context.orders.of(context.user_id)
    step = {
        **who,
        "tcc.statusCode": 0,
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": model,
        "gen_ai.provider.name": "_OTHER",
        "gen_ai.tool.definitions": [LIST_ORDERS],
    }
    asked = {"role": "assistant", "parts": [CALL]}
    said = {
        "role": "tool",
        "parts": [{"type": "tool_call_response", "id": "call-1", "response": orders}],
    }
    return [
        span(
            "invoke_agent shop",
            None,
            {
                **who,
                **named,
                "tcc.statusCode": 0,
                "gen_ai.operation.name": "invoke_agent",
                "tcc.metadata.request_id": context.request_id,
                "gen_ai.input.messages": user(task),
                "gen_ai.output.messages": assistant(output),
            },
        ),
        span(
            f"chat {model}",
            "invoke_agent shop",
            {
                **step,
                "gen_ai.input.messages": user(task),
                "gen_ai.output.messages": [{**asked, "finish_reason": ""}],
            },
            kind="CLIENT",
        ),
        span(
            "execute_tool list_orders",
            "invoke_agent shop",
            {
                **who,
                **named,
                "tcc.statusCode": 0,
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": "list_orders",
                "gen_ai.tool.type": "function",
                "gen_ai.tool.call.id": "call-1",
                "gen_ai.tool.call.arguments": {},
                "gen_ai.tool.call.result": {"value": orders},
            },
        ),
        span(
            f"chat {model}",
            "invoke_agent shop",
            {
                **step,
                "gen_ai.input.messages": [*user(task), asked, said],
                "gen_ai.output.messages": assistant(output, "stop"),
                "gen_ai.response.finish_reasons": ["stop"],
            },
            kind="CLIENT",
        ),
    ]


def span(
    name: str, parent: str | None, attributes: dict[str, Any], *, kind: str = "INTERNAL"
) -> dict[str, Any]:
    """Return a span that ended well."""
    return {
        "name": name,
        "kind": kind,
        "parent": parent,
        "status": ("UNSET", None),
        "attributes": attributes,
        "events": [],
        "links": [],
    }


def check(captured: Captured, answers: Sequence[dict[str, str]], output: str, model: str) -> None:
    """Hold all answers and all recorded runs against what their own requests brought."""
    runs = by_run(captured)
    assert len(runs) == REQUESTS
    for number, answer in enumerate(answers):
        tenant, who = f"tenant-{number % TENANTS:02}", f"user-{number:03}"
        context = RequestContext(tenant, who, f"req-{number:03}", Orders(tenant))
        task = f"message-{number:03}"
        wanted = output.format(task=task, orders=f'["{tenant}/{who}/anvil","{tenant}/{who}/rope"]')
        assert answer == {"response": wanted, "run_id": answer["run_id"]}
        assert runs.pop(answer["run_id"]) == recorded(context, task, wanted, model)
    assert runs == {}


async def test_each_request_has_its_own_data(captured: Captured) -> None:
    """Of 200 requests of 20 tenants, each answer and each recorded run has its own tenant's data only."""
    with served() as url:
        answers = await ask_all(url)
    check(captured, answers, "You ordered {orders}", "scripted")


@pytest.mark.usefixtures("_one_agent_for_all")
async def test_one_agent_serves_all_at_once(captured: Captured) -> None:
    """One agent with 200 runs of 20 tenants under way at the same moment mixes nothing."""
    with served() as url:
        answers = await ask_all(url)
    check(captured, answers, "{task} {orders}", "meeting")


def check_shared(captured: Captured, shared: RequestContext, results: Sequence[Any]) -> None:
    """Hold two runs with one context against what each was asked, and the context against itself."""
    runs = by_run(captured)
    orders = '["acme/ada/anvil","acme/ada/rope"]'
    for task, result in zip(("first", "second"), results, strict=True):
        assert (result.output, result.context.query) == (f"{task} {orders}", task)
        assert result.context is not shared
        assert runs.pop(result.run_id) == recorded(shared, task, f"{task} {orders}", "meeting")
    assert runs == {}
    assert shared == RequestContext("acme", "ada", "req-1", Orders("acme"))
    assert (shared.query, shared.agent) == ("", None)


async def test_two_tasks_share_a_context(captured: Captured) -> None:
    """Two runs at once in one event loop with one context object have each its own query and messages."""
    shared = RequestContext("acme", "ada", "req-1", Orders("acme"))
    agent = shop(asyncio.Barrier(2).wait)
    results = await asyncio.gather(agent.run("first", context=shared), agent.run("second", context=shared))
    check_shared(captured, shared, results)


def test_two_threads_share_a_context(captured: Captured) -> None:
    """Two runs at once in threads of their own with one context object have each its own query too."""
    shared = RequestContext("acme", "ada", "req-1", Orders("acme"))
    barrier = threading.Barrier(2)

    async def everyone() -> int:
        # Each run has an event loop of its own, in which nothing else waits.
        return barrier.wait(PATIENCE)

    agent = shop(everyone)
    first, second = agent.run("first", context=shared), agent.run("second", context=shared)
    check_shared(captured, shared, (first.result(PATIENCE), second.result(PATIENCE)))
