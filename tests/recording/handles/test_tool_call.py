"""Tool calls: a name, arguments and a result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

import contextcompany as tcc
from tests.recording.rows import parsed, span_id, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from contextcompany import Run
    from contextcompany.testing import Captured

ARGUMENTS = "gen_ai.tool.call.arguments"
RESULT = "gen_ai.tool.call.result"


@pytest.fixture
def r(captured: Captured) -> Iterator[Run]:
    """Hold a run open around the tool calls of a test."""
    opened = tcc.run("run-1").prompt("p")
    yield opened
    opened.end()


def only_call(captured: Captured) -> dict[str, Any]:
    """Return the attributes of the one tool call that has ended."""
    (span,) = captured.spans
    return parsed(span)


def test_a_tool_call_with_a_name_is_a_whole_span(captured: Captured, r: Run) -> None:
    """The least a tool call needs gives one internal span below its run."""
    r.tool_call("get_weather", "call-1").end()
    (span,) = captured.spans
    assert whole(span) == {
        "name": "execute_tool get_weather",
        "kind": "INTERNAL",
        "parent": span_id(r),
        "status": ("UNSET", None),
        "attributes": {
            "gen_ai.operation.name": "execute_tool",
            "tcc.runId": "run-1",
            "gen_ai.tool.name": "get_weather",
            "gen_ai.tool.call.id": "call-1",
            "gen_ai.tool.type": "function",
            "tcc.statusCode": 0,
        },
        "events": [],
        "links": [],
    }


def test_every_setter_returns_the_tool_call(r: Run) -> None:
    """Calls can be chained, as the documents of the platform show."""
    tc = r.tool_call()
    assert tc.name("t") is tc
    assert tc.args({"a": 1}) is tc
    assert tc.result({"b": 2}) is tc
    assert tc.status(0, "fine") is tc
    assert tc.attributes({"app.k": 1}) is tc
    tc.end()


def test_the_name_may_be_set_or_changed_later(captured: Captured, r: Run) -> None:
    """`name()` gives a tool call its name after its start, and the span is named after it."""
    tc = r.tool_call()
    tc.name("first").name("second").end()
    (span,) = captured.spans
    assert (span.name, parsed(span)["gen_ai.tool.name"]) == ("execute_tool second", "second")


def test_the_name_may_be_given_at_each_way_in(captured: Captured, r: Run) -> None:
    """A tool call of a run, of a step and by run id takes its name when it is made."""
    s = r.step().prompt("q").response("a")
    r.tool_call(tool_name="of-run").end()
    s.tool_call(tool_name="of-step").end()
    tcc.tool_call(r.run_id, tool_name="by-id").end()
    s.end()
    names = [span.name for span in captured.spans]
    assert names == ["execute_tool of-run", "execute_tool of-step", "execute_tool by-id", "chat"]


def test_the_id_of_a_tool_call_is_given_or_generated(r: Run) -> None:
    """A tool call takes text or a UUID as its id; an empty or missing one becomes a UUID."""
    given = UUID("0b6f3d52-3d53-4e0e-9a0f-2f7e5ad1c001")
    assert r.tool_call("t", "mine").tool_call_id == "mine"
    assert r.tool_call("t", given).tool_call_id == str(given)
    assert UUID(r.tool_call("t", "").tool_call_id).version == 4
    assert tcc.tool_call(r.run_id, "mine", "t").tool_call_id == "mine"


@pytest.mark.parametrize("run_id", [None, ""])
def test_a_tool_call_without_a_run_raises(captured: Captured, run_id: str | None) -> None:
    """A tool call needs a run id where no run is current, and the error says so."""
    with pytest.raises(ValueError, match=r"no run_id and no run is current"):
        tcc.tool_call(run_id, tool_name="t")
    assert captured.spans == ()


@pytest.mark.parametrize(
    "call",
    [
        lambda: tcc.tool_call(7),  # type: ignore[arg-type]
        lambda: tcc.tool_call("run-1", 7),  # type: ignore[arg-type]
    ],
    ids=["run_id", "tool_call_id"],
)
def test_an_id_of_another_type_raises(captured: Captured, call: Callable[[], object]) -> None:
    """Rule 9: an id that is neither text nor UUID is misuse, and starts no span."""
    before = tcc.stats().open_handles
    with pytest.raises(TypeError, match=r": got int"):
        call()
    assert (captured.spans, tcc.stats().open_handles) == ((), before)


@dataclass
class Weather:
    """A result as a tool may return it."""

    city: str
    degrees: int


@pytest.mark.parametrize(
    ("given", "recorded"),
    [
        ({"city": "London"}, {"city": "London"}),
        ('{"city": "London"}', {"city": "London"}),
        (Weather("London", 15), {"city": "London", "degrees": 15}),
        ("sunny", {"value": "sunny"}),
        ('["a", 1]', {"value": ["a", 1]}),
        ('"quoted"', {"value": "quoted"}),
        ("15", {"value": 15}),
        (15, {"value": 15}),
        (True, {"value": True}),
        (None, {"value": None}),
        (["a", {"b": 1}], {"value": ["a", {"b": 1}]}),
        ("", {"value": ""}),
        ({}, {}),
        ("{not json", {"value": "{not json"}),
    ],
)
def test_arguments_and_results_become_objects(
    captured: Captured, r: Run, given: object, recorded: object
) -> None:
    """JSON text is read as JSON, an object stays one, and what is none stands under `value`."""
    r.tool_call("t").args(given).result(given).end()
    call = only_call(captured)
    assert (call[ARGUMENTS], call[RESULT]) == (recorded, recorded)


def test_a_snapshot_is_taken_when_the_setter_is_called(captured: Captured, r: Run) -> None:
    """Rule 1: arguments and results that change afterwards are recorded as they were."""
    args: dict[str, Any] = {"query": "a", "deep": {"list": [1]}}
    result: dict[str, Any] = {"rows": [{"id": 1}]}
    tc = r.tool_call("t").args(args).result(result)
    args["query"] = "changed"
    args["deep"]["list"].append(2)
    result["rows"][0]["id"] = 99
    result.clear()
    tc.end()
    call = only_call(captured)
    assert call[ARGUMENTS] == {"query": "a", "deep": {"list": [1]}}
    assert call[RESULT] == {"rows": [{"id": 1}]}


def test_arguments_survive_a_result(captured: Captured, r: Run) -> None:
    """Rule 2: setting one field keeps the others, and setting it again replaces it."""
    r.tool_call("t").args({"a": 1}).result({"b": 1}).result({"b": 2}).end()
    call = only_call(captured)
    assert (call[ARGUMENTS], call[RESULT]) == ({"a": 1}, {"b": 2})


def test_a_repr_shows_ids_and_state_but_no_content(r: Run) -> None:
    """A tool call in a debugger or a log shows what it is, and nothing of its arguments."""
    tc = r.tool_call("t", "call-1").args({"q": "a secret"})
    assert ("call-1" in repr(tc), "run-1" in repr(tc), "open" in repr(tc)) == (True, True, True)
    assert "secret" not in repr(tc)
