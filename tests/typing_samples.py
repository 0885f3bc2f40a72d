"""Code that is read by type checkers and never run: what users write is clean under both, in strict mode.

The context classes of the document of the context system are here, with the types that it leaves out.
"""

# ruff: noqa: D101, D102, RUF012, TC003
# Contexts say by their names what they are; the rest is written as users write it.

from __future__ import annotations

from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Generator,
    Iterator,
    MutableMapping,
    Sequence,
)
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol, assert_type
from uuid import uuid4
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from opentelemetry import trace

import contextcompany as tcc
from contextcompany import Agent, FrozenRunContext, RunContext, current_context, tool
from contextcompany.agents import AgentResult, AgentRun, ModelReply, ScriptedModel
from contextcompany.core import generate_id, now_utc
from contextcompany.interceptors import (
    Budget,
    Deadline,
    InterceptContext,
    Interceptor,
    InterceptResult,
    PermissionGate,
    Phase,
    Usage,
)

# ------------------------------------------------------------------------------------------------- contexts


class Database(Protocol):
    """A database."""

    def get_user(self, user_id: str) -> str: ...


@dataclass
class AppContext(RunContext):
    user_id: str
    db: Database
    api_key: str


@dataclass
class MyContext(RunContext):
    user_id: str
    session_id: str
    permissions: list[str] = field(default_factory=list[str])

    def has_permission(self, perm: str) -> bool:
        return perm in self.permissions


@dataclass
class ServiceContext(RunContext):
    db: Database
    cache: dict[str, str]

    async def get_user(self, user_id: str) -> str:
        cached = self.cache.get(f"user:{user_id}")
        return cached or self.db.get_user(user_id)


@dataclass
class UserContext(RunContext):
    user_id: str
    permissions: set[str]


@dataclass(frozen=True)
class ImmutableContext(FrozenRunContext):
    user_id: str
    tenant_id: str


@dataclass
class RequestContext(RunContext):
    user_id: str
    tenant_id: str
    trace_id: str | None
    db: Database


@dataclass
class TenantContext(RunContext):
    tenant_id: str
    tenant_config: dict[str, int]
    allowed_tools: list[str]
    rate_limit: int

    def can_use_tool(self, tool_name: str) -> bool:
        return tool_name in self.allowed_tools


@dataclass
class DelegationContext(RunContext):
    depth: int = 0
    max_depth: int = 3


@dataclass
class RetryContext(RunContext):
    retry_count: int = 0
    max_retries: int = 3
    is_retry: bool = False


@dataclass
class TaskContext(RunContext):
    task_id: str = field(default_factory=generate_id)
    parent_task_id: str | None = None
    task_chain: list[str] = field(default_factory=list[str])

    @property
    def is_root_task(self) -> bool:
        return self.parent_task_id is None

    @property
    def depth(self) -> int:
        return len(self.task_chain)


@dataclass
class TimedContext(RunContext):
    started_at: datetime = field(default_factory=now_utc)
    deadline: datetime | None = None

    @property
    def elapsed_seconds(self) -> float:
        return (now_utc() - self.started_at).total_seconds()


@dataclass
class ExecutionContext(RunContext):
    task_id: str = field(default_factory=generate_id)
    parent_task_id: str | None = None
    depth: int = 0
    max_depth: int = 5
    started_at: datetime = field(default_factory=now_utc)
    deadline: datetime | None = None

    def create_child_context(self) -> ExecutionContext:
        return ExecutionContext(
            query=self.query,
            task_id=generate_id(),
            parent_task_id=self.task_id,
            depth=self.depth + 1,
            max_depth=self.max_depth,
            metadata=self.metadata,
            started_at=now_utc(),
            deadline=self.deadline,
        )


@dataclass
class Below(MyContext):
    tenant_id: str = "acme"


@dataclass(frozen=True)
class FrozenBelow(ImmutableContext):
    trace_id: str = ""


@dataclass(slots=True)
class Slotted(RunContext):
    user_id: str


class ByHand(RunContext):
    def __init__(self, user_id: str) -> None:
        super().__init__(metadata={"made": "by hand"})
        self.user_id = user_id


@dataclass
class Recorded(RunContext):
    user_id: str
    tenant_id: str
    recorded = {"user_id": "tcc.userId", "tenant_id": "tcc.orgId"}


@dataclass
class RecordedByName(RunContext):
    user_id: str
    recorded = ("user_id",)


def contexts(db: Database) -> list[RunContext | FrozenRunContext]:
    """Make each context as its users do."""
    return [
        RunContext(),
        RunContext(query="q", metadata={"request_id": "req-123"}),
        AppContext(user_id="123", db=db, api_key="key"),
        MyContext("u", "s", ["read"], query="q"),
        ServiceContext(db, {}, metadata={"a": 1}),
        UserContext("123", {"read"}),
        ImmutableContext("123", "acme"),
        ImmutableContext(user_id="123", tenant_id="acme", query="q", metadata={}),
        RequestContext("u", "t", None, db),
        TenantContext("acme", {"max_tokens": 4_000}, ["search"], 100),
        DelegationContext(query="q", depth=1, metadata={}),
        RetryContext(retry_count=1, is_retry=True),
        TaskContext(parent_task_id="1", task_chain=["1"]),
        TimedContext(deadline=now_utc()),
        ExecutionContext().create_child_context(),
        Below("u", "s", tenant_id="t"),
        FrozenBelow("u", "t", "trace"),
        Slotted("u"),
        ByHand("u"),
        Recorded("u", "t"),
        RecordedByName("u"),
    ]


def members(app: AppContext, frozen: ImmutableContext) -> None:
    """Members have the types that they say, and copies the class of what was copied."""
    assert_type(app.query, str)
    assert_type(app.metadata, dict[str, Any])
    assert_type(app.user_id, str)
    assert_type(app.with_metadata(a=1), AppContext)
    assert_type(frozen.with_metadata(a=1), ImmutableContext)
    assert_type(frozen.query, str)
    assert_type(replace(app, user_id="2"), AppContext)
    assert_type(hash(frozen), int)
    if app.agent is not None:
        assert_type(app.agent.name, str)


# ---------------------------------------------------------------------------------------------------- tools


@tool
def get_user_data(ctx: AppContext) -> str:
    """Get data for the current user."""
    return ctx.db.get_user(ctx.user_id)


@tool
def admin_action(action: str, ctx: MyContext) -> str:
    """Perform admin action."""
    return action if ctx.has_permission("admin") else "Permission denied"


@tool(name="find", description="Finds things.")
async def search(query: str, limit: int = 10, ctx: RunContext | None = None) -> list[str]:
    """Search with user context."""
    return [query] * limit if ctx is not None else []


@tool()
def fixed(ctx: ImmutableContext) -> str:
    """Use a frozen context."""
    return ctx.tenant_id


class Desk:
    """Tools on a class."""

    @tool
    def method(self, what: str, ctx: MyContext) -> str:
        """Look into the drawer."""
        return what + ctx.user_id

    @classmethod
    @tool
    def of_class(cls, what: str) -> int:
        """Look at the class."""
        return len(what)

    @staticmethod
    @tool
    def of_nobody(what: str) -> float:
        """Look nowhere."""
        return float(what)


async def tools_keep_their_types(app: AppContext, mine: MyContext, desk: Desk) -> None:
    """A tool has the parameters and the result of its function, and so has a method."""
    assert_type(get_user_data(app), str)
    assert_type(admin_action("reset", ctx=mine), str)
    assert_type(await search("a", limit=3), list[str])
    of_search: Callable[[str], Awaitable[list[str]]] = search
    assert_type(await of_search("a"), list[str])
    assert_type(desk.method("pens", mine), str)
    assert_type(Desk.of_class("all"), int)
    assert_type(Desk.of_nobody("1"), float)
    of_app: Callable[[AppContext], str] = get_user_data
    assert_type(of_app(app), str)


# --------------------------------------------------------------------------------------------------- agents


class PermissionInterceptor(Interceptor):
    """Ask the context."""

    async def intercept(self, phase: Phase, context: InterceptContext) -> InterceptResult:
        """Stop a run that may not be."""
        run_ctx = context.run_context
        if isinstance(run_ctx, MyContext) and not run_ctx.has_permission("use_agent"):
            return InterceptResult.stop("Permission denied")
        if phase is Phase.PRE_THINK:
            return InterceptResult.modify(messages=context.messages, tools=["find"])
        return InterceptResult.continue_()


class EchoModel:
    """A model of one's own."""

    @property
    def name(self) -> str:
        """Return the model's name."""
        return "echo"

    async def reply(self, messages: Sequence[dict[str, Any]], tools: Sequence[Any]) -> ModelReply:
        """Answer with the last message."""
        return ModelReply(text=str(messages[-1]["content"]))


def allowed(ctx: RunContext, name: str) -> bool:
    """Say whether a tool may be called."""
    return isinstance(ctx, TenantContext) and ctx.can_use_tool(name)


specialist = Agent(name="specialist", model=ScriptedModel(["done"]), tools=[get_user_data, Desk().method])
orchestrator = Agent(
    name="orchestrator",
    model=EchoModel(),
    tools=[admin_action, search, fixed, Desk.of_nobody],
    subagents=[specialist],
    interceptors=[
        PermissionInterceptor(),
        Budget(model_calls=3),
        Deadline(30.0),
        PermissionGate(allowed),
    ],
    instructions="Be brief.",
    max_steps=5,
)
named = Agent(name="named", model=EchoModel(), subagents={"expert": specialist})


async def runs(mine: MyContext, frozen: ImmutableContext) -> None:
    """A run is awaited for its result; contexts of every kind are taken, and none."""
    run = orchestrator.run("Get my profile data", context=mine, session_id="s", metadata={"a": 1})
    waiting: AgentRun = run
    result = await waiting
    assert_type(result, AgentResult)
    assert_type(result.output, str)
    assert_type(result.run_id, str)
    assert_type(result.stopped, str | None)
    assert_type(result.usage, Usage)
    assert_type(result.usage.total_tokens, int)
    assert_type((await orchestrator.run("a", context=frozen)).output, str)
    assert_type((await orchestrator.run("a", context={"user_id": "1"})).messages, list[dict[str, Any]])
    assert_type(await orchestrator.run("a"), AgentResult)


@tool
def delegate_task(task: str, ctx: DelegationContext) -> str:
    """Delegate to specialist with incremented depth."""
    new_ctx = DelegationContext(
        query=ctx.query, depth=ctx.depth + 1, max_depth=ctx.max_depth, metadata=ctx.metadata
    )
    return specialist.run(task, context=new_ctx).output


# ----------------------------------------------------------------------------------------- one's own agents


@tcc.agent
def answer(question: str, ctx: MyContext) -> str:
    """Answer in one's own way."""
    return question + ctx.user_id


@tcc.agent(name="slow")
async def answer_slowly(question: str) -> list[str]:
    """Answer in one's own way, slowly."""
    return [question]


@tcc.agent(capture_args=False, capture_result=len)
async def stream(question: str) -> AsyncIterator[str]:
    """Answer piece by piece."""
    yield question


@tcc.model
def ask(prompt: str) -> Generator[str, int, bool]:
    """Ask a model, piece by piece."""
    return (yield prompt) > 0


@tcc.model(name="gpt-5", capture_args=lambda arguments: arguments["prompt"], capture_result=False)
async def ask_slowly(prompt: str, model: str = "gpt-5") -> dict[str, str]:
    """Ask a model."""
    return {"role": "assistant", "content": prompt + model}


@tool(capture_args=True, capture_result=lambda result: {"lines": result})
def lines(path: str) -> Iterator[str]:
    """Yield lines."""
    yield path


class Models:
    """Models on a class."""

    @tcc.model(name="gpt-5")
    def method(self, prompt: str) -> str:
        """Ask a model."""
        return prompt

    @classmethod
    @tcc.model
    def of_class(cls, prompt: str) -> Iterator[str]:
        """Ask a model, piece by piece."""
        yield prompt


async def decorated_functions_keep_their_types(mine: MyContext) -> None:
    """A decorated function has the parameters and the result it had, whatever its kind."""
    assert_type(answer("a", mine), str)
    assert_type(await answer_slowly("a"), list[str])
    assert_type(stream("a"), AsyncIterator[str])
    assert_type([piece async for piece in stream("a")], list[str])
    assert_type(ask("a"), Generator[str, int, bool])
    assert_type(await ask_slowly("a", model="b"), dict[str, str])
    assert_type(lines("a"), Iterator[str])
    assert_type(Models().method("a"), str)
    assert_type(Models.of_class("a"), Iterator[str])
    assert_type(current_context(), RunContext | None)


# ------------------------------------------------------------------------------------------- web requests


async def asgi_application(
    scope: MutableMapping[str, Any],
    receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
    send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
) -> None:
    """Answer a request."""


def wsgi_application(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    """Answer a request."""
    return []


wrapped_asgi = tcc.ASGIMiddleware(asgi_application, user=lambda scope: scope["user"], continues="nothing")
assert_type(wrapped_asgi, tcc.ASGIMiddleware)
inside_out = tcc.ASGIMiddleware(wrapped_asgi)
wrapped_wsgi: WSGIApplication = tcc.WSGIMiddleware(wsgi_application, user=lambda environ: environ.get("USER"))


def ids_of_many_types() -> None:
    """Say who runs are for by numbers, UUIDs and text."""
    with tcc.identity(session_id=uuid4(), user_id=7, user_name="Ada", org_id="o-1"):
        pass


# ------------------------------------------------------------------------------------------------- streams


async def streams_keep_their_types(
    step: tcc.Step,
    texts: Generator[str],
    awaited: AsyncIterator[bytes],
    manager: AbstractContextManager[Iterator[str]],
) -> None:
    """What stands in for a stream is of the stream's own type."""
    assert_type(step.stream(texts), Generator[str])
    assert_type(list(step.stream(texts, end=False)), list[str])
    assert_type([chunk async for chunk in step.stream(awaited)], list[bytes])
    with step.stream(manager) as stream:
        assert_type(next(stream), str)


# ------------------------------------------------------------------------------------- other people's spans


def collecting() -> None:
    """Collections are context managers, and our provider is an API provider."""
    with tcc.collect(spans="all") as collection:
        assert_type(collection, tcc.Collection)
    assert_type(tcc.collect(trace.get_tracer_provider()), tcc.Collection)
    assert_type(tcc.tracer_provider(), trace.TracerProvider)
