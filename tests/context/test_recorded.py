"""What of a context is recorded: what its class names, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003  (annotations of dataclasses are evaluated)
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

import pytest

import contextcompany as tcc
from contextcompany import FrozenRunContext, RunContext, tool
from contextcompany.agents import ModelReply, ToolRequest
from contextcompany.context.recorded import record_context
from tests.context.contexts import Plain, agent
from tests.recording.rows import assistant, everything_said, user, whole

if TYPE_CHECKING:
    from contextcompany.testing import Captured

SECRET = "hunter2-of-nobody"


class Database:
    """Something alive that shows its password."""

    def __init__(self) -> None:
        self.password = SECRET

    def __repr__(self) -> str:
        return f"Database(password={self.password})"


@dataclass
class App(RunContext):
    """A context that names nothing."""

    user_id: str = "u-1"
    tenant_id: str = "t-1"
    session_id: str = "s-1"
    api_key: str = SECRET
    db: Database = field(default_factory=Database)


@dataclass
class ByTuple(App):
    """A context that names fields."""

    recorded = ("user_id", "tenant_id")


@dataclass
class ByMapping(App):
    """A context that names fields and what they become."""

    recorded = {  # noqa: RUF012  (as users write it)
        "user_id": "tcc.userId",
        "tenant_id": "tcc.orgId",
        "session_id": "session",
        "plan": "plan",
    }
    plan: str = "free"


def run_span(**attributes: Any) -> dict[str, Any]:
    """Return the whole span of the run of an agent that answers at once."""
    return {
        "name": "invoke_agent assistant",
        "kind": "INTERNAL",
        "parent": None,
        "status": ("UNSET", None),
        "attributes": {
            "gen_ai.operation.name": "invoke_agent",
            "tcc.runId": "run-1",
            "tcc.agent": "assistant",
            "gen_ai.agent.name": "assistant",
            "gen_ai.input.messages": user("asked"),
            "gen_ai.output.messages": assistant("done"),
            "tcc.statusCode": 0,
            **attributes,
        },
        "events": [],
        "links": [],
    }


USER_AND_TENANT = {"tcc.userId": "u-1", "user.id": "u-1", "tcc.orgId": "t-1"}
SESSION = {"gen_ai.conversation.id": "s-1", "tcc.sessionId": "s-1"}


async def recorded(captured: Captured, context: Any, **options: Any) -> dict[str, Any]:
    """Run an agent with a context and return the span of the run."""
    await agent("done").run("asked", context=context, run_id="run-1", **options)
    _, run = captured.spans
    return whole(run)


async def test_nothing_is_recorded_by_default(captured: Captured) -> None:
    """A context that names nothing leaves nothing on the run: no field, no metadata, no session."""
    context = App(query="private", metadata={"request_id": "req-1"})
    assert await recorded(captured, context) == run_span()


async def test_a_dict_is_not_recorded(captured: Captured) -> None:
    """What came as a plain mapping is context too, and nothing of it is recorded."""
    assert await recorded(captured, {"user_id": "u-1", "api_key": SECRET}) == run_span()


async def test_a_tuple_names_metadata(captured: Captured) -> None:
    """`recorded = ("user_id", ...)` makes metadata of these fields, under their names."""
    assert await recorded(captured, ByTuple()) == run_span(
        **{"tcc.metadata.user_id": "u-1", "tcc.metadata.tenant_id": "t-1"}
    )


async def test_a_mapping_names_identity_session_and_metadata(captured: Captured) -> None:
    """A mapping makes fields the user, the organisation, the session, or metadata under another name."""
    assert await recorded(captured, ByMapping()) == run_span(
        **USER_AND_TENANT, **SESSION, **{"tcc.metadata.plan": "free"}
    )


async def test_a_list_and_a_read_only_mapping_will_do(captured: Captured) -> None:
    """Names may stand in a list, and targets in any mapping."""
    from types import MappingProxyType

    @dataclass
    class ByList(App):
        recorded: ClassVar[Any] = ["user_id"]

    @dataclass
    class ByProxy(App):
        recorded: ClassVar[Mapping[str, str]] = MappingProxyType({"session_id": "session"})

    for context in (ByList(), ByProxy()):
        await agent("done").run("asked", context=context, run_id="run-1")
    first, second = (whole(span) for span in captured.named("invoke_agent assistant"))
    assert first == run_span(**{"tcc.metadata.user_id": "u-1"})
    second["attributes"]["tcc.runId"] = "run-1"
    assert second == run_span(**SESSION)


async def test_a_frozen_context_names_fields_too(captured: Captured) -> None:
    """A frozen class and a subclass of a class that names fields record them."""

    @dataclass(frozen=True)
    class Fixed(FrozenRunContext):
        user_id: str
        recorded: ClassVar[tuple[str, ...]] = ("user_id",)

    @dataclass(frozen=True)
    class Below(Fixed):
        api_key: str = SECRET

    assert await recorded(captured, Below("u-1")) == run_span(**{"tcc.metadata.user_id": "u-1"})


async def test_properties_and_metadata_keys(captured: Captured) -> None:
    """A property can be named like a field."""

    @dataclass
    class Computed(App):
        recorded = ("domain",)

        @property
        def domain(self) -> str:
            return self.user_id.upper()

    assert await recorded(captured, Computed()) == run_span(**{"tcc.metadata.domain": "U-1"})


async def test_none_is_not_recorded(captured: Captured) -> None:
    """A field that is None leaves no attribute, and no session called None."""

    @dataclass
    class Guest(RunContext):
        user_id: str | None = None
        session_id: str | None = None
        recorded = {"user_id": "tcc.userId", "session_id": "session"}  # noqa: RUF012  (as users write it)

    assert await recorded(captured, Guest()) == run_span()


async def test_values_that_are_no_text(captured: Captured) -> None:
    """Numbers stay numbers in metadata; an id of another type becomes text where it is an id."""
    session = UUID("0b6f3d52-3d53-4e0e-9a0f-2f7e5ad1c001")

    @dataclass
    class Numbers(RunContext):
        level: int = 7
        session_id: UUID = session
        recorded = {"level": "level", "session_id": "session"}  # noqa: RUF012  (as users write it)

    assert await recorded(captured, Numbers()) == run_span(
        **{
            "tcc.metadata.level": 7,
            "gen_ai.conversation.id": str(session),
            "tcc.sessionId": str(session),
        }
    )


async def test_what_the_caller_says_wins(captured: Captured) -> None:
    """`session_id=` and `metadata=` of the run win over the context."""
    assert await recorded(
        captured, ByMapping(), session_id="mine", metadata={"plan": "paid", "more": 1}
    ) == run_span(
        **USER_AND_TENANT,
        **{
            "gen_ai.conversation.id": "mine",
            "tcc.sessionId": "mine",
            "tcc.metadata.plan": "paid",
            "tcc.metadata.more": 1,
        },
    )


@pytest.mark.parametrize("wrong", ["user_id", 7, None, ("user_id", 7)])
async def test_a_wrong_recorded_is_a_type_error(captured: Captured, wrong: Any) -> None:
    """Names that are no names are refused with the class and a way out, before anything is recorded."""

    @dataclass
    class Wrong(App):
        recorded: ClassVar[Any] = wrong

    with pytest.raises(
        TypeError, match=rf"Wrong\.recorded must be .* got {type(wrong).__name__}; write recorded ="
    ):
        await agent("done").run("asked", context=Wrong())
    assert captured.spans == ()


async def test_tools_record_the_identity_of_their_run(captured: Captured) -> None:
    """User, organisation and session of a context are on every span of its run."""

    @tool
    def look(ctx: ByMapping) -> str:
        return "seen"

    asked = ModelReply(tool_calls=(ToolRequest("call-1", "look"),))
    await agent(asked, "done", tools=[look]).run("asked", context=ByMapping())
    for span in captured.spans:
        attributes = whole(span)["attributes"]
        assert {key: attributes.get(key) for key in ("tcc.userId", "tcc.orgId", "tcc.sessionId")} == {
            "tcc.userId": "u-1",
            "tcc.orgId": "t-1",
            "tcc.sessionId": "s-1",
        }


async def test_a_decorated_agent_records_the_same(captured: Captured) -> None:
    """`@tcc.agent` records of a context what its class names, and nothing else."""

    @tcc.agent(name="assistant")
    async def answer(question: str, ctx: ByMapping) -> str:
        return "done"

    await answer("asked", ByMapping())
    (span,) = captured.spans
    expected = run_span(**USER_AND_TENANT, **SESSION, **{"tcc.metadata.plan": "free"})
    found = whole(span)
    expected["attributes"]["tcc.runId"] = found["attributes"]["tcc.runId"]
    assert found == expected


# ------------------------------------------------------------------------------------------------- secrets


@tool
def by_position(ctx: App) -> str:
    """Use the secret and say nothing."""
    assert ctx.api_key == SECRET
    return "used"


@tool
def failing(ctx: App) -> str:
    """Fail while the secret is at hand."""
    key = ctx.api_key
    raise LookupError(f"no answer in {len(key)} attempts")


@tool
async def below(ctx: App) -> str:
    """Call other tools with the context by every way."""
    return by_position(ctx) + by_position(ctx=ctx) + by_position()  # type: ignore[call-arg]


@pytest.mark.parametrize("kind", [App, ByTuple, ByMapping])
async def test_secrets_are_on_no_span(captured: Captured, kind: type[App]) -> None:
    """A key, a database and private metadata of a context are nowhere: attributes, events, names, status."""
    context = kind(query=f"query {SECRET}", metadata={"token": SECRET})
    asked = ModelReply(
        tool_calls=(
            ToolRequest("1", "by_position"),
            ToolRequest("2", "failing"),
            ToolRequest("3", "below"),
            ToolRequest("4", "specialist", {"task": "help"}),
        )
    )
    specialist = agent(
        ModelReply(tool_calls=(ToolRequest("5", "failing"),)), "helped", name="specialist", tools=[failing]
    )
    asker = agent(asked, "done", tools=[by_position, failing, below], subagents=[specialist])
    await asker.run("asked", context=context)
    with pytest.raises(TypeError, match="expected Plain, got"):
        await agent(ModelReply(tool_calls=(ToolRequest("6", "wrong"),)), tools=[wrong]).run(
            "asked", context=context
        )
    assert len(captured.spans) > 10
    assert [span.name for span in captured.spans if SECRET in everything_said(span)] == []


@tool
def wrong(ctx: Plain) -> str:
    """Need another context."""
    return ctx.user_id


@tool
def passed_on(what: Any, ctx: App) -> str:
    """Take a context where no context is expected."""
    return "taken"


@tool
def given_back(ctx: App) -> App:
    """Return the context."""
    return ctx


@tool
def given_back_inside(ctx: App) -> dict[str, Any]:
    """Return the context inside of something else."""
    return {"contexts": [ctx]}


async def test_a_context_as_an_argument_or_a_result_is_not_recorded(captured: Captured) -> None:
    """A context that is passed on or given back by a tool shows nothing of its fields either."""
    context = App()
    with tcc.run() as run:
        run.prompt("p")
        passed_on(context, context)
        passed_on([context], context)
        given_back(context)
        given_back_inside(context)
    assert [span.name for span in captured.spans if SECRET in everything_said(span)] == []


def test_a_misspelt_field_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """A name in `recorded` that the context cannot answer is one warning, and the rest is recorded."""

    @dataclass
    class Misspelt(tcc.RunContext):
        recorded = ("user_idd", "user_id")
        user_id: str = "u-1"

    found = [record_context(Misspelt(), None).metadata for _ in range(2)]
    assert found == [{"user_id": "u-1"}] * 2
    assert [record.getMessage() for record in caplog.records if "user_idd" in record.getMessage()] != []
    assert len(caplog.records) == 1
