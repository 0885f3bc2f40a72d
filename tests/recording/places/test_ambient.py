"""Who runs are for, said around them."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import threading
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

import contextcompany as tcc
from contextcompany.agents import ModelReply, ScriptedModel, ToolRequest
from contextcompany.propagation.ids import derived_ids
from contextcompany.recording.places import ambient
from contextcompany.testing import capture
from tests.recording.rows import parsed

if TYPE_CHECKING:
    from collections.abc import Generator
    from contextlib import AbstractContextManager

    from contextcompany.testing import Captured

ADA = {"user_id": "u-1", "user_name": "Ada", "org_id": "o-1", "org_name": "Engines"}
OF_A_RUN = {
    "tcc.userId": "u-1",
    "user.id": "u-1",
    "tcc.userName": "Ada",
    "user.name": "Ada",
    "tcc.orgId": "o-1",
    "tcc.orgName": "Engines",
}
OF_A_CHILD = {"tcc.userId": "u-1", "user.id": "u-1", "tcc.orgId": "o-1"}
OF_A_SESSION = {"gen_ai.conversation.id": "s-1", "tcc.sessionId": "s-1"}
KEYS = {*OF_A_RUN, *OF_A_SESSION}


def record(run_id: str, **arguments: Any) -> None:
    """Record a run."""
    tcc.run(run_id, **arguments).prompt("p").end()


def known(captured: Captured) -> dict[str, dict[str, Any]]:
    """Return what the spans of each run, by run id and name, say of session, user and organisation."""
    return {
        f"{found['tcc.runId']} {span.name}": {key: value for key, value in found.items() if key in KEYS}
        for span in captured.spans
        for found in [parsed(span)]
    }


def of_run(captured: Captured, run_id: str) -> dict[str, Any]:
    """Return what one run says of session, user and organisation."""
    return known(captured)[f"{run_id} invoke_agent"]


def asked(**functions: Any) -> AbstractContextManager[object]:
    """Return a block whose identity functions find; they are told "the request"."""
    keys = {name: ambient._ARGUMENTS[name] for name in functions}
    return ambient.IdentityBlock(
        ambient.Asked({keys[name]: function for name, function in functions.items()}, "the request")
    )


def test_runs_and_their_children_inside_a_block(captured: Captured) -> None:
    """A run inside has session and identity, its children their part of it, and a run after it nothing."""
    with tcc.identity(session_id="s-1", **ADA), tcc.run("in").prompt("p") as r:
        r.step().prompt("q").response("a").end()
        r.tool_call("search").end()
    record("after")
    assert known(captured) == {
        "in chat": {**OF_A_SESSION, **OF_A_CHILD},
        "in execute_tool search": {**OF_A_SESSION, **OF_A_CHILD},
        "in invoke_agent": {**OF_A_SESSION, **OF_A_RUN},
        "after invoke_agent": {},
    }


def test_what_a_run_is_given_wins(captured: Captured) -> None:
    """A session id and metadata of the run itself win; what they leave out stays."""
    with tcc.identity(session_id="s-1", **ADA):
        r = tcc.run("own", session_id="mine").prompt("p")
        r.metadata({"tcc.orgId": "o-2", "tcc.orgName": "Looms"}).end()
    assert of_run(captured, "own") == {
        **OF_A_RUN,
        "tcc.orgId": "o-2",
        "tcc.orgName": "Looms",
        "gen_ai.conversation.id": "mine",
        "tcc.sessionId": "mine",
    }


@pytest.mark.parametrize(
    ("changes", "user"),
    [
        ([{"tcc.userId": "u-2"}], {"tcc.userId": "u-2", "user.id": "u-2"}),
        ([{"tcc.userId": "u-1"}], OF_A_RUN),
        ([{"tcc.userId": None}], {}),
        ([{"tcc.userName": None}], {"tcc.userId": "u-1", "user.id": "u-1"}),
        ([{"tcc.userName": "Bob"}], {**OF_A_RUN, "tcc.userName": "Bob", "user.name": "Bob"}),
        (
            [{"tcc.userName": "Bob"}, {"tcc.userId": "u-2"}],
            {"tcc.userId": "u-2", "user.id": "u-2", "tcc.userName": "Bob", "user.name": "Bob"},
        ),
        (
            [{"tcc.userName": "Ada"}, {"tcc.userId": "u-2"}],
            {"tcc.userId": "u-2", "user.id": "u-2", "tcc.userName": "Ada", "user.name": "Ada"},
        ),
        (
            [{"tcc.userId": "u-2", "tcc.userName": "Bob"}],
            {"tcc.userId": "u-2", "user.id": "u-2", "tcc.userName": "Bob", "user.name": "Bob"},
        ),
    ],
)
def test_a_name_goes_with_its_id(
    captured: Captured, changes: list[dict[str, Any]], user: dict[str, Any]
) -> None:
    """Metadata that names another user takes the name of the first one away, in whatever order it comes."""
    with tcc.identity(user_id="u-1", user_name="Ada"):
        r = tcc.run("r").prompt("p")
        for change in changes:
            r.metadata(change)
        r.end()
    wanted = {key: value for key, value in user.items() if "user" in key}
    assert of_run(captured, "r") == wanted


def test_blocks_nest_field_by_field(captured: Captured) -> None:
    """An inner block wins where it says something, and the outer one is in force again after it."""
    with tcc.identity(session_id="s-1", org_id="o-1", org_name="Engines"):
        with tcc.identity(user_id="u-1", user_name="Ada", session_id=""):
            record("both")
            with tcc.identity(user_id="u-2"):
                record("another")
        record("outer")
    engines = {"tcc.orgId": "o-1", "tcc.orgName": "Engines", **OF_A_SESSION}
    assert of_run(captured, "both") == {**OF_A_RUN, **OF_A_SESSION}
    assert of_run(captured, "another") == {**engines, "tcc.userId": "u-2", "user.id": "u-2"}
    assert of_run(captured, "outer") == engines


def test_runs_inside_runs(captured: Captured) -> None:
    """A run inside a run takes what that one has, not what is around it, and then what blocks inside say."""
    with (
        tcc.identity(session_id="s-1", user_id="u-1", user_name="Ada"),
        tcc.run("outer", session_id="s-2").prompt("p") as r,
    ):
        r.metadata({"tcc.userId": "u-2", "tcc.agent": "manager"})
        record("inner")
        with tcc.identity(org_id="o-1"), r.step().prompt("q").response("a"):
            record("inmost")
    inner = {
        "gen_ai.conversation.id": "s-2",
        "tcc.sessionId": "s-2",
        "tcc.userId": "u-2",
        "user.id": "u-2",
    }
    assert of_run(captured, "inner") == inner
    assert of_run(captured, "inmost") == {**inner, "tcc.orgId": "o-1"}


def test_a_block_inside_a_run_that_nobody_identified(captured: Captured) -> None:
    """A block inside a run is for the runs below it, and leaves that run alone."""
    with tcc.run("batch").prompt("p"):
        for user in ("u-1", "u-2"):
            with tcc.identity(user_id=user):
                record(f"of-{user}")
    assert known(captured) == {
        "of-u-1 invoke_agent": {"tcc.userId": "u-1", "user.id": "u-1"},
        "of-u-2 invoke_agent": {"tcc.userId": "u-2", "user.id": "u-2"},
        "batch invoke_agent": {},
    }


def test_without_a_block_runs_inside_runs_take_nothing(captured: Captured) -> None:
    """Where nobody uses blocks, a run inside a run is for whom it says itself."""
    with tcc.run("outer").prompt("p") as r:
        r.metadata({"tcc.userId": "u-1"})
        record("inner")
    assert of_run(captured, "inner") == {}


def test_a_run_of_another_process(captured: Captured) -> None:
    """A step, a tool call and a feedback of a run that is not known here are for the same user."""
    with tcc.identity(session_id="s-1", **ADA):
        tcc.step("elsewhere").prompt("q").response("a").end()
        tcc.tool_call("elsewhere", tool_name="search").end()
        tcc.submit_feedback("elsewhere", "thumbs_up", timeout=0)
    assert known(captured) == {
        f"elsewhere {name}": {**OF_A_SESSION, **OF_A_CHILD}
        for name in ("chat", "execute_tool search", "tcc.feedback")
    }
    assert {span.context.trace_id for span in captured.spans} == {derived_ids("elsewhere")[0]}


def test_a_known_run_keeps_its_own(captured: Captured) -> None:
    """A step of a run of this process is for the user of that run, whoever is around it."""
    record("known", session_id="s-1")
    with tcc.identity(session_id="s-2", **ADA):
        tcc.step("known").prompt("q").response("a").end()
    assert known(captured)["known chat"] == OF_A_SESSION


def test_names_without_ids(captured: Captured, caplog: pytest.LogCaptureFixture) -> None:
    """A name without its id is dropped with a warning; one whose id comes later is kept."""
    with tcc.identity(user_name="Ada", org_name="Engines"):
        tcc.run("r").prompt("p").metadata({"tcc.orgId": "o-1"}).end()
    assert of_run(captured, "r") == {"tcc.orgId": "o-1", "tcc.orgName": "Engines"}
    assert [record.message for record in caplog.records if record.levelno == logging.WARNING] == [
        "tcc.userName is dropped without tcc.userId: set both"
    ]


def test_ids_of_other_types(captured: Captured) -> None:
    """Whole numbers and UUIDs are ids as text is; bytes, booleans and objects are misuse."""
    unique = UUID(int=5)
    with tcc.identity(session_id=unique, user_id=7, org_id=0):
        record("r")
    assert of_run(captured, "r") == {
        "gen_ai.conversation.id": str(unique),
        "tcc.sessionId": str(unique),
        "tcc.userId": "7",
        "user.id": "7",
        "tcc.orgId": "0",
    }
    for value in (b"u", True, 1.5, object()):
        with pytest.raises(TypeError, match=r"user_id must be text, a whole number or a uuid.UUID: got \w+"):
            tcc.identity(user_id=value)  # type: ignore[arg-type]


@given(st.text(max_size=40), st.text(st.characters(min_codepoint=0xD7F0, max_codepoint=0xE010)))
def test_any_text_is_no_reason_to_fail(user: str, session: str) -> None:
    """Lone surrogates, NUL and whatever else is text raise nothing."""
    with capture() as captured, tcc.identity(session_id=session, user_id=user, org_id="x" * 100_000):
        record("r")
        (found,) = known(captured).values()
    assert ("tcc.userId" in found) == bool(user)
    assert ("tcc.sessionId" in found) == bool(session)
    assert len(found["tcc.orgId"]) <= 4_096


def test_tasks_and_threads(captured: Captured) -> None:
    """Tasks at the same time keep their own; a thread without a copied context has none."""

    async def serve(user: str) -> None:
        with tcc.identity(user_id=user):
            await asyncio.sleep(0)
            record(f"of-{user}")
            await asyncio.to_thread(record, f"thread-of-{user}")

    async def main() -> None:
        await asyncio.gather(*(serve(f"u-{number}") for number in range(20)))

    asyncio.run(main())
    with tcc.identity(user_id="u-1"):
        bare = threading.Thread(target=record, args=("bare",))
        bare.start()
        bare.join()
    assert known(captured) == {
        **{
            f"{prefix}of-u-{number} invoke_agent": {"tcc.userId": f"u-{number}", "user.id": f"u-{number}"}
            for number in range(20)
            for prefix in ("", "thread-")
        },
        "bare invoke_agent": {},
    }


def test_a_block_left_in_another_context(captured: Captured) -> None:
    """A block may be left elsewhere than it was entered; neither place is disturbed."""

    def body() -> Generator[None]:
        with tcc.identity(user_id="u-1"):
            yield

    generator = body()
    here = contextvars.copy_context()
    here.run(next, generator)
    with tcc.identity(user_id="u-2"):
        next(generator, None)
        record("here")
    assert of_run(captured, "here") == {"tcc.userId": "u-2", "user.id": "u-2"}


def test_a_block_inside_a_generator(captured: Captured) -> None:
    """A block in a generator holds there alone: not for its consumer, nor for other generators in turn."""

    def parts(user: str) -> Generator[None]:
        with tcc.identity(user):
            record(f"{user} 1")
            yield
            record(f"{user} 2")
            yield

    def consume() -> None:
        first, second = parts("a"), parts("b")
        for generator in (first, second, first, second):
            next(generator)
            record("of the consumer")
        thread = threading.Thread(target=first.close)
        thread.start()
        thread.join()
        record("after an end elsewhere")

    contextvars.copy_context().run(consume)
    found = [(parsed(span)["tcc.runId"], parsed(span).get("tcc.sessionId")) for span in captured.spans]
    nobody = ("of the consumer", None)
    turns = [("a 1", "a"), nobody, ("b 1", "b"), nobody, ("a 2", "a"), nobody, ("b 2", "b"), nobody]
    assert found == [*turns, ("after an end elsewhere", None)]


def test_a_block_of_a_context_manager(captured: Captured) -> None:
    """What a function decorated with `contextmanager` enters holds for the block of its caller."""

    @contextlib.contextmanager
    def signed_in() -> Generator[None]:
        with tcc.identity("chat-1"):
            yield

    with signed_in():
        record("inside")
    record("outside")
    assert [parsed(span).get("tcc.sessionId") for span in captured.spans] == ["chat-1", None]


def test_blocks_left_out_of_order(captured: Captured) -> None:
    """The outer of two blocks may be left first."""
    outer, inner = tcc.identity(user_id="u-1"), tcc.identity(org_id="o-1")
    outer.__enter__()
    inner.__enter__()
    outer.__exit__(None, None, None)
    inner.__exit__(None, None, None)
    record("after")
    assert of_run(captured, "after") == {}


def test_a_block_is_entered_once_at_a_time(captured: Captured) -> None:
    """A block can be used again, but not inside of itself; an exception passes through it."""
    block = tcc.identity(user_id="u-1")
    with block, pytest.raises(RuntimeError, match="is entered already"):
        block.__enter__()
    with block:
        record("again")
    with pytest.raises(KeyError), block:
        raise KeyError
    record("after")
    assert of_run(captured, "again") == {"tcc.userId": "u-1", "user.id": "u-1"}
    assert of_run(captured, "after") == {}


def test_functions_are_asked_once_for_each_run(captured: Captured) -> None:
    """A function is asked when a run starts, not before and not for its children."""
    told: list[object] = []

    def user(request: object) -> str:
        told.append(request)
        return f"u-{len(told)}"

    with asked(user_id=user):
        assert told == []
        with tcc.run("one").prompt("p") as r:
            r.step().prompt("q").response("a").end()
        record("two")
    assert told == ["the request"] * 2
    assert {key: value["tcc.userId"] for key, value in known(captured).items()} == {
        "one chat": "u-1",
        "one invoke_agent": "u-1",
        "two invoke_agent": "u-2",
    }


def test_functions_that_fail(captured: Captured, caplog: pytest.LogCaptureFixture) -> None:
    """A function that raises or returns nonsense gives nothing and one warning; the others count."""

    async def unfinished(request: object) -> str:
        return "u-1"

    def fails(request: object) -> str:
        raise PermissionError("a secret")

    with asked(session_id=fails, user_id=unfinished, user_name=lambda _: 1.5, org_id=lambda _: "o-1"):
        record("one")
        record("two")
    assert of_run(captured, "one") == of_run(captured, "two") == {"tcc.orgId": "o-1"}
    said = [record.getMessage() for record in caplog.records]
    assert said == [
        f"the function for {key} failed with {error}: runs of such requests go without it; "
        "return text or None from it"
        for key, error in (
            ("tcc.sessionId", "PermissionError"),
            ("tcc.userId", "TypeError"),
            ("tcc.userName", "TypeError"),
        )
    ]


def test_functions_of_any_kind(captured: Captured) -> None:
    """An object that can be called is asked like a function, also one that has no hash and fails."""

    class Finds(list[str]):
        def __call__(self, request: object) -> str:
            return self[0]

    with asked(user_id=Finds(), org_id=Finds(["o-1"])):
        record("r")
    assert of_run(captured, "r") == {"tcc.orgId": "o-1"}


def test_a_function_that_records(captured: Captured) -> None:
    """A run that a function starts while it is asked is nobody's, and does not ask again."""

    def user(request: object) -> str:
        record("lookup")
        return "u-1"

    with asked(user_id=user):
        record("r")
    assert of_run(captured, "lookup") == {}
    assert of_run(captured, "r") == {"tcc.userId": "u-1", "user.id": "u-1"}


def test_functions_are_not_asked_while_nothing_is_recorded() -> None:
    """Switched off, nobody is asked."""
    with capture(disabled=True), asked(user_id=lambda _: pytest.fail("it was asked")):
        record("r")


def test_agents(captured: Captured) -> None:
    """The runs of an agent and of its sub-agents, in whichever threads they are, are for the same user."""
    inner = tcc.Agent(name="inner", model=ScriptedModel(["42"]))
    asks = ModelReply(tool_calls=(ToolRequest("call-1", "inner", {"task": "t"}),))
    outer = tcc.Agent(name="outer", model=ScriptedModel([asks, "42"]), subagents=[inner])
    with tcc.identity(session_id="s-1", **ADA):
        assert outer.run("What is it?").output == "42"
    found = known(captured)
    assert {key.partition(" ")[2]: value for key, value in found.items() if "invoke_agent" in key} == {
        f"invoke_agent {name}": {**OF_A_SESSION, **OF_A_RUN} for name in ("outer", "inner")
    }
