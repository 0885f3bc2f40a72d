"""Document 003: what each sample needs to run, and what must come of it.

A sample that imports nothing is a fragment: what it takes from packages is imported before it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from contextcompany.agents import ModelReply, ScriptedModel, ToolRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

FRAGMENT: Final = """
from dataclasses import dataclass, field
from datetime import datetime
from contextcompany import Agent, RunContext, tool
from contextcompany.core import generate_id, now_utc
"""


@dataclass(frozen=True)
class ContextScene:
    """One way to run a sample.

    `before` makes what the sample uses and does not make itself, `after` uses what it made; `script` is what
    its `model` answers, `given` holds what the application has. `spans` is the recorded tree, one line for
    each span, `values` what expressions must be at the end, `printed` what the sample prints.
    """

    sample: str
    title: str
    before: str = ""
    after: str = ""
    script: tuple[Any, ...] = ()
    given: Mapping[str, Any] = field(default_factory=dict[str, Any])
    values: Mapping[str, Any] = field(default_factory=dict[str, Any])
    spans: tuple[str, ...] = ()
    printed: str = ""

    def namespace(self) -> dict[str, Any]:
        """Return the names that are there before anything runs."""
        return {"__name__": self.sample, "model": ScriptedModel(self.script), **self.given}


def asks(name: str, **arguments: Any) -> ModelReply:
    """Return the reply of a model that asks for a tool."""
    return ModelReply(tool_calls=(ToolRequest(f"call-{name}", name, arguments),))


class Users:
    """The application's database: one user, with two orders."""

    def get_user(self, user_id: str) -> SimpleNamespace:
        """Return a user by id."""
        return SimpleNamespace(name=f"Ada {user_id}")

    def get_orders(self, user_id: str) -> list[str]:
        """Return the orders of a user."""
        return [f"{user_id}-a", f"{user_id}-b"]


class User:
    """A user as a service keeps it."""

    def __init__(self, name: str) -> None:
        self.name = name

    @classmethod
    def from_json(cls, text: str) -> User:
        """Read a user."""
        return cls(text)

    def to_json(self) -> str:
        """Write a user."""
        return self.name


class SlowUsers:
    """A database that is asked once."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def get_user(self, user_id: str) -> User:
        """Return a user by id."""
        self.asked.append(user_id)
        return User(f"Ada {user_id}")


class Cache:
    """A cache that is a dict."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    async def get(self, key: str) -> str | None:
        """Return what is kept."""
        return self.kept.get(key)

    async def set(self, key: str, value: str) -> None:
        """Keep a text."""
        self.kept[key] = value


_ALLOWED_USER: Final = """
@dataclass
class AppContext(RunContext):
    user_id: str
    db: object = None
    rights: tuple = ()

    def has_permission(self, right):
        return right in self.rights
"""

_MY_CONTEXT: Final = """
@dataclass
class MyContext(RunContext):
    user_id: str
    session_id: str
    permissions: list
"""

_SEARCHES: Final = {
    "personalized_search": lambda query, user_id, limit: f"{limit} {query} for {user_id}",
    "generic_search": lambda query, limit: f"{limit} {query}",
}

_DELEGATION: Final = (
    "invoke_agent orchestrator 'Sort it' -> 'All sorted.'",
    "  chat scripted",
    "  execute_tool delegate_task {'task': 'sort one'} -> {'value': 'One sorted.'}",
    "    invoke_agent specialist 'sort one' -> 'One sorted.'",
    "      chat scripted",
    "      execute_tool process_task {} -> {'value': 'Sub-task processing at depth 1'}",
    "      chat scripted",
    "  chat scripted",
)

_REFUSED: Final = "invoke_agent assistant 'Let me in' -> 'Permission denied'"

SCENES: Final = [
    ContextScene(
        "003-01",
        "a typed context in a tool",
        script=(asks("get_user_data"), "You are Ada."),
        given={"Database": Users, "db": Users(), "key": "sk-private"},
        values={"result.output": "You are Ada.", "result.context.query": "Get my profile data"},
        printed="Original query: Get my profile data\n",
        spans=(
            "invoke_agent assistant 'Get my profile data' -> 'You are Ada.'",
            "  chat scripted",
            "  execute_tool get_user_data {} -> {'value': 'User: Ada 123'}",
            "  chat scripted",
        ),
    ),
    ContextScene(
        "003-02",
        "the query stays the first one",
        before=FRAGMENT
        + """
seen = []

@tool
def check(ctx: RunContext) -> str:
    seen.append(ctx.query)
    return "no"

checker = Agent(name="checker", model=model, tools=[check])
orchestrator = Agent(name="orchestrator", model=model, tools=[check], subagents=[checker])
ctx = RunContext()
""",
        script=(
            asks("check"),
            asks("checker", task="check user permissions"),
            asks("check"),
            "None.",
            "You cannot.",
        ),
        values={"seen": ["Can I delete files?"] * 2, "ctx.query": "", "result.output": "You cannot."},
        spans=(
            "invoke_agent orchestrator 'Can I delete files?' -> 'You cannot.'",
            "  chat scripted",
            "  execute_tool check {} -> {'value': 'no'}",
            "  chat scripted",
            "  execute_tool checker {'task': 'check user permissions'} -> {'value': 'None.'}",
            "    invoke_agent checker 'check user permissions' -> 'None.'",
            "      chat scripted",
            "      execute_tool check {} -> {'value': 'no'}",
            "      chat scripted",
            "  chat scripted",
        ),
    ),
    ContextScene(
        "003-03",
        "fields, defaults and methods",
        after="made = MyContext('u', 's', ['read'])",
        values={
            "made": "MyContext(user_id='u', session_id='s', permissions=['read'], metadata={})",
            "(made.has_permission('read'), made.has_permission('write'))": (True, False),
            "MyContext(user_id='u', session_id='s').permissions": [],
        },
    ),
    ContextScene(
        "003-04",
        "a context with services",
        before=FRAGMENT,
        given={
            "Database": SlowUsers,
            "Redis": Cache,
            "APIClient": object,
            "Logger": object,
            "User": User,
        },
        after="""
ctx = ServiceContext(db=Database(), cache=Redis(), api_client=None, logger=None)
first = await ctx.get_user("1")
second = await ctx.get_user("1")
""",
        values={
            "(first.name, second.name)": ("Ada 1", "Ada 1"),
            "ctx.db.asked": ["1"],
            "ctx.cache.kept": {"user:1": "Ada 1"},
        },
    ),
    ContextScene(
        "003-05",
        "tools that use what the context has",
        given={"db": Users()},
        script=(asks("get_user_orders"), asks("admin_action", action="reset"), "Done."),
        after=FRAGMENT
        + _ALLOWED_USER
        + """
agent = Agent(name="assistant", model=model, tools=[get_user_orders, admin_action])
context = AppContext(user_id="1", db=db, rights=("admin",))
result = await agent.run("Reset my orders", context=context)
""",
        values={"admin_action('reset', AppContext(user_id='2'))": "Permission denied"},
        spans=(
            "invoke_agent assistant 'Reset my orders' -> 'Done.'",
            "  chat scripted",
            "  execute_tool get_user_orders {} -> {'value': 'Found 2 orders'}",
            "  chat scripted",
            "  execute_tool admin_action {'action': 'reset'} -> {'value': 'Performed: reset'}",
            "  chat scripted",
        ),
    ),
    ContextScene(
        "003-06",
        "a context that may be missing: there is one",
        before=FRAGMENT + _ALLOWED_USER,
        given=_SEARCHES,
        script=(asks("search_with_context", query="cats"), "Found."),
        after="""
agent = Agent(name="assistant", model=model, tools=[search_with_context])
result = await agent.run("Find cats", context=AppContext(user_id="1"))
""",
        spans=(
            "invoke_agent assistant 'Find cats' -> 'Found.'",
            "  chat scripted",
            "  execute_tool search_with_context {'query': 'cats'} -> {'value': '10 cats for 1'}",
            "  chat scripted",
        ),
    ),
    ContextScene(
        "003-06",
        "a context that may be missing: there is none",
        before=FRAGMENT,
        given=_SEARCHES,
        script=(asks("search_with_context", query="cats", limit=3), "Found."),
        after="""
agent = Agent(name="assistant", model=model, tools=[search_with_context])
result = await agent.run("Find cats")
""",
        values={"search_with_context('cats', limit=2)": "2 cats"},
        spans=(
            "invoke_agent assistant 'Find cats' -> 'Found.'",
            "  chat scripted",
            "  execute_tool search_with_context {'query': 'cats', 'limit': 3} -> {'value': '3 cats'}",
            "  chat scripted",
        ),
    ),
    *[
        ContextScene(
            "003-07",
            f"an interceptor asks the context: {title}",
            script=("Welcome.",),
            after=FRAGMENT
            + _ALLOWED_USER
            + f"""
agent = Agent(name="assistant", model=model, interceptors=[PermissionInterceptor()])
result = await agent.run("Let me in", context=AppContext(user_id="1", rights={rights!r}))
""",
            values={"(result.output, result.stopped)": outcome},
            spans=spans,
        )
        for title, rights, outcome, spans in (
            (
                "it allows",
                ("use_agent",),
                ("Welcome.", None),
                ("invoke_agent assistant 'Let me in' -> 'Welcome.'", "  chat scripted"),
            ),
            (
                "it does not",
                (),
                ("Permission denied", "PermissionInterceptor"),
                (f"{_REFUSED} (1: stopped by PermissionInterceptor)",),
            ),
        )
    ],
    ContextScene(
        "003-08",
        "metadata",
        values={
            "request_id": "req-123",
            "ctx.metadata": {
                "request_id": "req-123",
                "correlation_id": "corr-456",
                "trace_id": "trace-789",
            },
            "sorted(new_ctx.metadata)": [
                "correlation_id",
                "request_id",
                "timestamp",
                "trace_id",
                "version",
            ],
            "new_ctx.get('version')": "1.0",
        },
    ),
    ContextScene(
        "003-09",
        "the context flows to a sub-agent",
        script=(
            asks("permission_checker", task="check them"),
            asks("check_permissions"),
            "Not permitted.",
            "You cannot delete files.",
        ),
        values={"result.output": "You cannot delete files."},
        printed="Original query: Can I delete files?\n",
        spans=(
            "invoke_agent orchestrator 'Can I delete files?' -> 'You cannot delete files.'",
            "  chat scripted",
            "  execute_tool permission_checker {'task': 'check them'} -> {'value': 'Not permitted.'}",
            "    invoke_agent permission_checker 'check them' -> 'Not permitted.'",
            "      chat scripted",
            "      execute_tool check_permissions {} -> {'value': 'Permission denied'}",
            "      chat scripted",
            "  chat scripted",
        ),
    ),
    ContextScene(
        "003-10",
        "a context at run time",
        before=FRAGMENT
        + _MY_CONTEXT
        + """
@tool
def perform(ctx: MyContext) -> str:
    return f"{ctx.user_id} {ctx.session_id} {ctx.permissions}"
""",
        script=(asks("perform"), "Performed."),
        values={"result.output": "Performed."},
        spans=(
            "invoke_agent assistant 'Perform action' -> 'Performed.'",
            "  chat scripted",
            "  execute_tool perform {} -> {'value': \"user-123 sess-456 ['read', 'write']\"}",
            "  chat scripted",
        ),
    ),
    ContextScene(
        "003-11",
        "a context that nobody can change",
        before=FRAGMENT,
        after="""
from dataclasses import FrozenInstanceError
try:
    ctx.user_id = "other"
except FrozenInstanceError as error:
    refused = str(error)
""",
        values={
            "refused": "cannot assign to field 'user_id'",
            "(ctx.metadata, new_ctx.metadata)": ({}, {"extra": "value"}),
            "(type(new_ctx) is ImmutableContext, new_ctx.tenant_id)": (True, "acme"),
        },
    ),
    ContextScene(
        "003-12",
        "a context for each request",
        before="""
from contextcompany import Agent, RunContext, tool

class AsyncSession:
    pass

async def get_db():
    yield AsyncSession()

@tool
def whoami(ctx: RunContext) -> str:
    return f"{ctx.user_id} of {ctx.tenant_id}, {ctx.trace_id}, {type(ctx.db).__name__}, {ctx.query}"

def get_agent():
    return Agent(name="assistant", model=model, tools=[whoami])
""",
        script=(asks("whoami"), lambda messages: messages[-1]["content"]),
        after="""
from fastapi.testclient import TestClient

@app.middleware("http")
async def authenticate(request, call_next):
    request.state.user_id, request.state.tenant_id = request.headers["X-User"].split("@")
    return await call_next(request)

with TestClient(app) as client:
    headers = {"X-User": "ada@acme", "X-Trace-ID": "trace-1"}
    response = client.post("/chat", params={"message": "Who am I?"}, headers=headers)
""",
        values={
            "response.status_code": 200,
            "response.json()": {"response": "ada of acme, trace-1, AsyncSession, Who am I?"},
        },
        spans=(
            "invoke_agent assistant 'Who am I?' -> 'ada of acme, trace-1, AsyncSession, Who am I?'",
            "  chat scripted",
            "  execute_tool whoami {} -> {'value': 'ada of acme, trace-1, AsyncSession, Who am I?'}",
            "  chat scripted",
        ),
    ),
    ContextScene(
        "003-13",
        "a context for each tenant",
        before=FRAGMENT
        + """
from contextcompany.interceptors import PermissionGate

@tool
def search(ctx: RunContext) -> str:
    return f"found for {ctx.tenant_id} with {ctx.tenant_config}"

@tool
def delete() -> str:
    return "deleted"

gate = PermissionGate(lambda ctx, name: ctx.can_use_tool(name))
agent = Agent(name="assistant", model=model, tools=[search, delete], interceptors=[gate])
""",
        script=(asks("search"), asks("delete"), "Found."),
        spans=(
            "invoke_agent assistant 'Query' -> 'Found.'",
            "  chat scripted",
            "  execute_tool search {} -> {'value': \"found for acme-corp with {'max_tokens': 4000}\"}",
            "  chat scripted",
            "  execute_tool delete {} -> {'value': 'Permission denied'} (1: skipped by an interceptor)",
            "  chat scripted",
        ),
    ),
    ContextScene(
        "003-15",
        "the depth of delegation",
        script=(
            asks("delegate_task", task="sort one"),
            asks("process_task"),
            "One sorted.",
            "All sorted.",
        ),
        after="""
orchestrator = Agent(name="orchestrator", model=model, tools=[delegate_task])
result = await orchestrator.run("Sort it", context=DelegationContext(metadata={"a": 1}))
""",
        values={
            "result.output": "All sorted.",
            "process_task(DelegationContext())": "Top-level processing",
            "process_task(DelegationContext(depth=3))": (
                "Maximum delegation depth reached - handling directly"
            ),
        },
        spans=_DELEGATION,
    ),
    ContextScene(
        "003-15",
        "the depth of delegation, in a program without a loop",
        script=(
            asks("delegate_task", task="sort one"),
            asks("process_task"),
            "One sorted.",
            "All sorted.",
        ),
        after="""
orchestrator = Agent(name="orchestrator", model=model, tools=[delegate_task])
output = orchestrator.run("Sort it", context=DelegationContext()).output
""",
        values={"output": "All sorted."},
        spans=_DELEGATION,
    ),
    ContextScene(
        "003-16",
        "a second attempt",
        before=FRAGMENT
        + """
@tool
def fetch() -> str:
    return fetch_data("news")

agent = Agent(name="assistant", model=model, tools=[fetch])
failed, retry_count, max_retries, task = True, 1, 3, "Get the news"
ctx = RunContext(query="What is new?", metadata={"request_id": "req-1"})
""",
        script=(asks("fetch"), "Nothing."),
        after="output = result.output",
        values={
            "output": "Nothing.",
            "(result.context.query, result.context.get('request_id'))": ("What is new?", "req-1"),
            "fetch_data('news', RetryContext())": "Data from news",
        },
        printed="Retry #2 with timeout=20s\n",
        spans=(
            "invoke_agent assistant 'Get the news' -> 'Nothing.'",
            "  chat scripted",
            "  execute_tool fetch {} -> {'value': 'Data from news'}",
            "    execute_tool fetch_data {'url': 'news'} -> {'value': 'Data from news'}",
            "  chat scripted",
        ),
    ),
    ContextScene(
        "003-16",
        "no further attempt",
        before=FRAGMENT + "failed, retry_count, max_retries = True, 3, 3",
        values={"'result' in globals()": False},
    ),
    ContextScene(
        "003-17",
        "the lineage of a task",
        script=(asks("analyze_lineage"), lambda messages: messages[-1]["content"]),
        after="""
from contextcompany import Agent
specialist = Agent(name="specialist", model=model, tools=[analyze_lineage])
root = TaskContext(task_id="root-1")
output = delegate_with_lineage("Find the way", root)
start, _, end = output.partition(" → ")
""",
        values={
            "start": "Task chain (1 deep): root-1",
            "len(end)": 36,
            "analyze_lineage(root)": "Root task: root-1",
            "TaskContext().task_id == TaskContext().task_id": False,
        },
        spans=(
            "invoke_agent specialist 'Find the way' -> '{output}'",
            "  chat scripted",
            "  execute_tool analyze_lineage {} -> {'value': '{output}'}",
            "  chat scripted",
        ),
    ),
    ContextScene(
        "003-18",
        "time and deadlines",
        before=FRAGMENT
        + """
@tool
def perform() -> str:
    return long_running_task()

agent = Agent(name="assistant", model=model, tools=[perform])
""",
        script=(asks("perform"), "Performed."),
        after="""
output = result.output
late = TimedContext(deadline=now_utc() - timedelta(seconds=1))
soon = TimedContext(deadline=now_utc() + timedelta(seconds=4.9))
""",
        values={
            "output": "Performed.",
            "long_running_task(late)": "Task deadline exceeded - aborting",
            "long_running_task(soon)": "Running in fast mode - deadline approaching",
            "(TimedContext().is_overdue, TimedContext().remaining_seconds)": (False, None),
        },
        spans=(
            "invoke_agent assistant 'Perform task' -> 'Performed.'",
            "  chat scripted",
            "  execute_tool perform {} -> {'value': 'Normal execution (elapsed: 0.0s)'}",
            "    execute_tool long_running_task {} -> {'value': 'Normal execution (elapsed: 0.0s)'}",
            "  chat scripted",
        ),
    ),
    ContextScene(
        "003-19",
        "all patterns in one",
        before=FRAGMENT,
        script=(asks("smart_task"), "Smart."),
        after="""
agent = Agent(name="assistant", model=model, tools=[smart_task])
parent = ExecutionContext(query="asked", task_id="parent-1", metadata={"a": 1})
child = parent.create_child_context()
child.task_id = "child-1"
result = await agent.run("Be smart", context=child)
""",
        values={
            "(child.query, child.parent_task_id, child.depth, child.metadata)": (
                "asked",
                "parent-1",
                1,
                {"a": 1},
            ),
            "smart_task(ExecutionContext(depth=5))": "Max delegation depth reached",
            "smart_task(ExecutionContext(is_retry=True, retry_count=2))": "Retry attempt #2",
        },
        spans=(
            "invoke_agent assistant 'Be smart' -> 'Smart.'",
            "  chat scripted",
            "  execute_tool smart_task {} -> {'value': 'Task child-1 at depth 1 (elapsed: 0.0s)'}",
            "  chat scripted",
        ),
    ),
]

TEST_FILE: Final = {
    "003-14": """
from dataclasses import dataclass
from typing import Any
from contextcompany import RunContext, tool

@dataclass
class MyContext(RunContext):
    user_id: str
    db: Any
    cache: Any

@tool
async def get_user_orders(ctx: MyContext) -> str:
    assert ctx.db.get_orders is not None
    return f"no orders for {ctx.user_id}"
"""
}
"""The sample that is a test, and what its file begins with: it awaits a tool, so the tool is async."""

DEFINITION: Final = "003-20"
"""The sample that prints the class itself."""
