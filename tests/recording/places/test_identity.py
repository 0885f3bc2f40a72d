"""Who a run is for and which agent ran."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

import contextcompany as tcc
from contextcompany.recording.places.identity import RESERVED_AGENT_NAMES
from tests.recording.rows import parsed, user

if TYPE_CHECKING:
    from contextcompany.testing import Captured

RESERVED = (
    "runs",
    "sessions",
    "patterns",
    "recaps",
    "overview",
    "search",
    "failures",
    "feedback",
    "tools",
    "topics",
    "views",
    "settings",
    "mcp-and-api",
)
EVERYBODY = {
    "tcc.agent": "support",
    "tcc.userId": "u-1",
    "tcc.userName": "Jane Doe",
    "tcc.orgId": "o-1",
    "tcc.orgName": "Acme Inc.",
}
OF_A_RUN = {
    **EVERYBODY,
    "gen_ai.agent.name": "support",
    "user.id": "u-1",
    "user.name": "Jane Doe",
}
OF_A_STEP = {"tcc.userId": "u-1", "user.id": "u-1", "tcc.orgId": "o-1"}
OF_A_TOOL_CALL = {**OF_A_STEP, "tcc.agent": "support", "gen_ai.agent.name": "support"}


def identity_of(captured: Captured, name: str) -> dict[str, Any]:
    """Return what the one span with a name says of agent, user and organisation."""
    (span,) = captured.named(name)
    keys = (*OF_A_RUN, *(f"tcc.metadata.{key}" for key in EVERYBODY))
    return {key: value for key, value in parsed(span).items() if key in keys}


def test_reserved_keys_become_attributes_of_their_own(captured: Captured) -> None:
    """Rule 10: the five keys are attributes of the run, with the names of the conventions beside them."""
    tcc.run("run-1").prompt("p").metadata(EVERYBODY, region="eu").end()
    (span,) = captured.spans
    assert span.name == "invoke_agent support"
    assert parsed(span) == {
        "gen_ai.operation.name": "invoke_agent",
        "tcc.runId": "run-1",
        "gen_ai.input.messages": user("p"),
        "tcc.statusCode": 0,
        "tcc.metadata.region": "eu",
        **OF_A_RUN,
    }


def test_ordinary_metadata_of_a_like_name_is_no_identity(captured: Captured) -> None:
    """Rule 10: `userId` as metadata is metadata; only the keys with `tcc.` are identity."""
    tcc.run().prompt("p").metadata(userId="u-1", agent="support").end()
    (span,) = captured.spans
    assert {key: value for key, value in parsed(span).items() if "u-1" in str(value)} == {
        "tcc.metadata.userId": "u-1"
    }
    assert (span.name, identity_of(captured, "invoke_agent")) == ("invoke_agent", {})


def test_children_created_after_carry_the_identity(captured: Captured) -> None:
    """Rule 10: steps, tool calls and feedback created after carry user and organisation by id."""
    r = tcc.run().prompt("p")
    early = r.tool_call("early")
    r.metadata(EVERYBODY)
    r.step().prompt("q").response("a").end()
    r.tool_call("late").end()
    tcc.tool_call(r.run_id, tool_name="by-id").end()
    r.feedback("thumbs_up")
    early.end()
    r.end()
    r.tool_call("last").end()
    assert identity_of(captured, "chat") == OF_A_STEP
    assert identity_of(captured, "tcc.feedback") == OF_A_STEP
    assert identity_of(captured, "execute_tool late") == OF_A_TOOL_CALL
    assert identity_of(captured, "execute_tool by-id") == OF_A_TOOL_CALL
    assert identity_of(captured, "execute_tool last") == OF_A_TOOL_CALL
    assert identity_of(captured, "execute_tool early") == {}
    assert identity_of(captured, "invoke_agent support") == OF_A_RUN


@pytest.mark.parametrize("id_first", [True, False])
def test_a_name_may_come_before_its_id(captured: Captured, id_first: bool) -> None:
    """Rule 10: whether names have their ids is decided at the end, so that order does not matter."""
    r = tcc.run().prompt("p")
    calls = [{"tcc.userId": "u-1", "tcc.orgId": "o-1"}, {"tcc.userName": "Jane", "tcc.orgName": "Acme"}]
    for call in calls if id_first else reversed(calls):
        r.metadata(call)
    r.end()
    assert identity_of(captured, "invoke_agent") == {
        "tcc.userId": "u-1",
        "user.id": "u-1",
        "tcc.userName": "Jane",
        "user.name": "Jane",
        "tcc.orgId": "o-1",
        "tcc.orgName": "Acme",
    }


@pytest.mark.parametrize("key", ["tcc.userName", "tcc.orgName"])
def test_a_name_without_its_id_is_dropped(
    captured: Captured, caplog: pytest.LogCaptureFixture, key: str
) -> None:
    """Rule 10: a name without its id is dropped with one warning, and the run stays."""
    with caplog.at_level(logging.WARNING, "contextcompany"):
        for _ in range(3):
            tcc.run().prompt("p").metadata({key: "Jane"}).end()
    assert [span.status.status_code.name for span in captured.spans] == ["UNSET"] * 3
    assert ["Jane" in str(parsed(span)) for span in captured.spans] == [False] * 3
    assert [key in record.getMessage() for record in caplog.records] == [True]


def test_none_removes_an_identity(captured: Captured) -> None:
    """Rule 2: None takes a reserved key back, and a name loses its id with it."""
    r = tcc.run().prompt("p").metadata(EVERYBODY)
    r.metadata({"tcc.agent": None, "tcc.userId": None}).end()
    (span,) = captured.spans
    assert (span.name, identity_of(captured, "invoke_agent")) == (
        "invoke_agent",
        {"tcc.orgId": "o-1", "tcc.orgName": "Acme Inc."},
    )


def test_the_last_identity_wins(captured: Captured) -> None:
    """Rule 2: identity merges as metadata does, later calls and keyword arguments winning."""
    r = tcc.run().prompt("p").metadata({"tcc.userId": "first", "tcc.orgId": "o-1"})
    r.metadata({"tcc.userId": "dict"}, **{"tcc.userId": "keyword"}).end()
    assert identity_of(captured, "invoke_agent") == {
        "tcc.userId": "keyword",
        "user.id": "keyword",
        "tcc.orgId": "o-1",
    }


def test_the_reserved_names_are_those_of_the_platform() -> None:
    """Rule 10: the thirteen names of the platform's own pages are reserved, and no other."""
    assert frozenset(RESERVED) == RESERVED_AGENT_NAMES
    assert len(RESERVED_AGENT_NAMES) == 13


@pytest.mark.parametrize("spelling", [str, str.upper, str.title])
@pytest.mark.parametrize("name", RESERVED)
def test_a_reserved_agent_name_is_dropped(
    captured: Captured, caplog: pytest.LogCaptureFixture, name: str, spelling: Any
) -> None:
    """Rule 10: an agent named as a page of the dashboard is dropped in any case; the run stays."""
    given = spelling(name)
    with caplog.at_level(logging.WARNING, "contextcompany"):
        for _ in range(2):
            tcc.run("run-1").prompt("p").metadata({"tcc.agent": given, "kept": "x"}).end()
    assert [(span.name, parsed(span)) for span in captured.spans] == [
        (
            "invoke_agent",
            {
                "gen_ai.operation.name": "invoke_agent",
                "tcc.runId": "run-1",
                "gen_ai.input.messages": user("p"),
                "tcc.statusCode": 0,
                "tcc.metadata.kept": "x",
            },
        )
    ] * 2
    assert [given in record.getMessage() for record in caplog.records] == [True]


@pytest.mark.parametrize("name", ["run", "my-runs", "searcher", "tools2"])
def test_names_that_only_resemble_a_reserved_one_stay(captured: Captured, name: str) -> None:
    """Rule 10: only a name that equals a reserved one is dropped."""
    tcc.run().prompt("p").metadata({"tcc.agent": name}).end()
    assert identity_of(captured, f"invoke_agent {name}") == {"tcc.agent": name, "gen_ai.agent.name": name}


@pytest.mark.parametrize(("given", "recorded"), [(42, "42"), ("", None), ("\ud800", "\ufffd")])
def test_an_identity_is_text(captured: Captured, given: Any, recorded: str | None) -> None:
    """Rule 9: an id of another type becomes text, an invalid one becomes valid, an empty one is none."""
    tcc.run().prompt("p").metadata({"tcc.userId": given}).end()
    expected = {} if recorded is None else {"tcc.userId": recorded, "user.id": recorded}
    assert identity_of(captured, "invoke_agent") == expected


def test_a_closed_run_gives_its_children_no_new_identity(captured: Captured) -> None:
    """Rule 5: metadata set after the block of a run does nothing, to its children either."""
    with tcc.run() as r:
        r.prompt("p").metadata({"tcc.userId": "u-1"})
    r.metadata({"tcc.userId": "u-2", "tcc.orgId": "o-2"})
    r.tool_call("t").end()
    assert identity_of(captured, "execute_tool t") == {"tcc.userId": "u-1", "user.id": "u-1"}
